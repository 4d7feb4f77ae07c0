import assert from "node:assert/strict";
import { test } from "node:test";
import { Balance } from "../../src/campaigns/balance.ts";
import type { Technician } from "../../src/directory/index.ts";

const weekdays = (to: string) => Object.fromEntries([1, 2, 3, 4, 5].map((day) => [day, [["09:00", to] as const]]));
const technician = (id: string, to: string): Technician => ({
  id,
  name: id,
  zone: "Europe/Paris",
  holidayZone: "metropole",
  hours: weekdays(to) as never,
  absences: [],
});
const team = [technician("karim", "16:00"), technician("yann", "17:00"), technician("awa", "16:00")];
const dealt = (days: string[]) => {
  const balance = new Balance(team, [], { minutes: 30, zone: "Europe/Paris" });
  const given = days.map((day) => balance.give(new Date(`${day}T09:00:00Z`)));
  return Object.fromEntries(team.map(({ id }) => [id, given.filter((one) => one === id).length]));
};

test("OPS-3 : des journées d’une opération font le tour de l’équipe, quelles que soient leurs heures", () => {
  const days = Array.from(
    { length: 12 },
    (_, n) => `2027-02-${String([1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 15, 16][n]).padStart(2, "0")}`,
  );
  assert.deepEqual(dealt(days), { karim: 4, yann: 4, awa: 4 });
});

test("OPS-3 : dans une même journée, qui a plus d’heures en prend plus", () => {
  assert.deepEqual(dealt(Array.from({ length: 44 }, () => "2027-02-01")), { karim: 14, yann: 16, awa: 14 });
});
