import assert from "node:assert/strict";
import { test } from "node:test";
import { localOf } from "../../src/fields/index.ts";

const ZONES = [
  ...["Europe/Paris", "America/Martinique", "Indian/Reunion", "Pacific/Noumea", "Pacific/Tahiti", "America/Miquelon"],
  ...["Asia/Kathmandu", "Australia/Lord_Howe", "UTC"],
];
const HALF_HOUR_MS = 1_800_000;

test("GEN-3, TIM-2 : l’heure d’un lieu est celle que dit Intl, toutes les demi-heures autour de chaque changement d’heure de 2026", () => {
  for (const zone of ZONES) {
    const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
    for (const [from, until] of [
      ["2026-03-05", "2026-04-08"],
      ["2026-09-25", "2026-11-05"],
      ["1950-01-01", "1950-01-03"],
    ].map((days) => days.map((day) => Date.parse(`${day}T00:00:07Z`))) as [number, number][]) {
      for (let at = from; at < until; at += HALF_HOUR_MS) {
        const { year, month, day, hour, minute, second } = localOf(at, zone);
        const two = (n: number) => String(n).padStart(2, "0");
        const told = `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
        assert.equal(told, clock.format(at).replace(/[\u202f\u00a0]/g, " "), `${zone}, ${new Date(at).toISOString()}`);
      }
    }
  }
});
