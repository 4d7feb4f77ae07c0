import assert from "node:assert/strict";
import { test } from "node:test";
import { isWithin, OFFICE_HOURS, readDay, readWeek, saidWeek, toldWeek, typedDay } from "../../src/directory/hours.ts";
import { localMoment } from "../../src/directory/local.ts";
import { isMobile, readPhone, saidPhone } from "../../src/directory/phone.ts";

test("DIR-4 : des heures s’écrivent comme on les dit", () => {
  for (const [typed, said] of [
    ["8:30-12:00, 13:30-17:00", "08:30-12:00, 13:30-17:00"],
    ["8h-12h, 14h30-18h", "08:00-12:00, 14:30-18:00"],
    ["de 8h à 12h et 13h–17h", "08:00-12:00, 13:00-17:00"],
    ["9 - 17", "09:00-17:00"],
    ["14:00-18:00 ; 8:00-12:00", "08:00-12:00, 14:00-18:00"],
    ["0h-24h", "00:00-24:00"],
    ["", ""],
    ["fermé", ""],
  ] as const) {
    assert.equal(typedDay({ 1: readDay(typed, "day1") }, 1), said, typed);
  }
});

test("DIR-4 : des heures fausses sont refusées sur leur jour, en disant quoi écrire", () => {
  for (const [typed, said] of [
    ["matin", /«.matin.» n’est pas une plage d’heures.+8:30-12:00/],
    ["8:70-12:00", /n’est pas une plage/],
    ["8-25", /n’est pas une plage/],
    ["12:00-8:00", /finit avant de commencer/],
    ["8-12, 11-17", /se chevauchent à 11:00/],
    ["1-2,3-4,5-6,7-8,9-10", /au plus 4 plages/],
  ] as const) {
    assert.throws(() => readWeek({ day3: typed }), { name: "RuleBroken", field: "day3", message: said }, typed);
  }
});

test("une semaine se lit en peu de lignes, et dit si l’on est ouvert", () => {
  assert.deepEqual(saidWeek(OFFICE_HOURS), [
    { days: "lundi à vendredi", hours: "08:30–12:00, 13:30–17:00" },
    { days: "samedi et dimanche", hours: "fermé" },
  ]);
  assert.match(
    toldWeek({ 2: [["09:00", "10:00"]] }),
    /^lundi.: fermé.; mardi.: 09:00–10:00.; mercredi à dimanche.: fermé$/u,
  );
  assert.equal(isWithin(OFFICE_HOURS, { weekday: 1, time: "08:30" }), true);
  assert.equal(isWithin(OFFICE_HOURS, { weekday: 1, time: "12:00" }), false);
  assert.equal(isWithin(OFFICE_HOURS, { weekday: 6, time: "10:00" }), false);
});

test("GEN-3 : le jour et l’heure sont ceux du lieu", () => {
  const instant = new Date("2026-03-29T22:30:00Z");
  assert.deepEqual(localMoment(instant, "Europe/Paris"), { day: "2026-03-30", weekday: 1, time: "00:30" });
  assert.deepEqual(localMoment(instant, "Indian/Reunion"), { day: "2026-03-30", weekday: 1, time: "02:30" });
  assert.deepEqual(localMoment(instant, "America/Martinique"), { day: "2026-03-29", weekday: 7, time: "18:30" });
});

test("DIR-1 : un téléphone est gardé en E.164, fixe ou mobile, d’ici, d’outre-mer ou d’ailleurs", () => {
  for (const [typed, kept, said, mobile] of [
    ["01 99 00 12 34", "+33199001234", "01 99 00 12 34", false],
    ["01.42.68.53.00", "+33142685300", "01 42 68 53 00", false],
    ["+33 (0)6 12 34 56 78", "+33612345678", "06 12 34 56 78", true],
    ["06 39 98 12 34", "+33639981234", "06 39 98 12 34", true],
    ["0262 12 34 56", "+262262123456", "0262 12 34 56", false],
    ["0692 12 34 56", "+262692123456", "0692 12 34 56", true],
    ["+32 2 555 12 34", "+3225551234", "+32 2 555 12 34", false],
  ] as const) {
    assert.equal(readPhone(typed, "phone"), kept);
    assert.deepEqual([saidPhone(kept), isMobile(kept)], [said, mobile], typed);
  }
  assert.equal(readPhone("  ", "phone"), null);
  for (const typed of ["12", "01 23", "pas un numéro", "06 12 34 56 78 poste 12", "9".repeat(40)]) {
    assert.throws(() => readPhone(typed, "phone"), { name: "RuleBroken", field: "phone" }, typed);
  }
});
