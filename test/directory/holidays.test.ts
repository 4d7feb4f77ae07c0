import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addWorkingDays,
  countWorkingDays,
  holidayOn,
  holidaysOf,
  isWorkingDay,
  weekdayOf,
} from "../../src/directory/index.ts";

const days = (year: number, zone = "metropole") => holidaysOf(year, zone).map(({ day }) => day);

test("SLT-8 : les onze jours de 2026, dans l’ordre", () => {
  assert.deepEqual(
    holidaysOf(2026, "metropole").map(({ day, label }) => `${day} ${label}`),
    [
      "2026-01-01 Jour de l’an",
      "2026-04-06 Lundi de Pâques",
      "2026-05-01 Fête du Travail",
      "2026-05-08 Victoire de 1945",
      "2026-05-14 Ascension",
      "2026-05-25 Lundi de Pentecôte",
      "2026-07-14 Fête nationale",
      "2026-08-15 Assomption",
      "2026-11-01 Toussaint",
      "2026-11-11 Armistice de 1918",
      "2026-12-25 Noël",
    ],
  );
});

test("SLT-8 : dates de contrôle de Pâques, de l’Ascension et de la Pentecôte, de 2026 à 2028", () => {
  for (const [year, ...checks] of [
    [2026, "04-06", "05-14", "05-25"],
    [2027, "03-29", "05-06", "05-17"],
    [2028, "04-17", "05-25", "06-05"],
  ] as const) {
    const labels = ["Lundi de Pâques", "Ascension", "Lundi de Pentecôte"];
    for (const [i, check] of checks.entries()) assert.equal(holidayOn(`${year}-${check}`, "metropole"), labels[i]);
    assert.equal(days(year).length, 11);
  }
});

test("SLT-8 : chaque zone ajoute ses jours, et eux seuls", () => {
  const added = (zone: string) => days(2026, zone).filter((day) => !days(2026).includes(day));
  assert.deepEqual(added("alsace-moselle"), ["2026-04-03", "2026-12-26"]);
  assert.equal(holidayOn("2027-03-26", "alsace-moselle"), "Vendredi saint");
  for (const [zone, day] of Object.entries({
    mayotte: "2026-04-27",
    martinique: "2026-05-22",
    guadeloupe: "2026-05-27",
    "saint-martin": "2026-05-28",
    guyane: "2026-06-10",
    "saint-barthelemy": "2026-10-09",
    "la-reunion": "2026-12-20",
  })) {
    assert.deepEqual(added(zone), [day], zone);
    assert.equal(holidayOn(day, zone), "Abolition de l’esclavage");
    assert.equal(holidayOn(day, "metropole"), null);
  }
  assert.deepEqual(added("polynesie-francaise"), []);
});

test("SLT-8 : toute année, dans l’ordre, sans doublon ; Pâques est un lundi, l’Ascension un jeudi", () => {
  for (let year = 1900; year <= 2100; year++) {
    const all = holidaysOf(year, "alsace-moselle");
    assert.deepEqual(
      all.map(({ day }) => day).toSorted(),
      all.map(({ day }) => day),
    );
    const of = (label: string) => all.find((one) => one.label === label)!.day;
    assert.deepEqual(
      ["Vendredi saint", "Lundi de Pâques", "Ascension", "Lundi de Pentecôte"].map((label) => weekdayOf(of(label))),
      [5, 1, 4, 1],
      String(year),
    );
  }
});

test("GEN-4 : un jour travaillé va du lundi au vendredi, sans les fériés du site ni les jours fermés de la campagne", () => {
  const zone = "metropole";
  assert.equal(isWorkingDay("2026-05-13", { zone }), true);
  assert.equal(isWorkingDay("2026-05-14", { zone }), false, "Ascension");
  assert.equal(isWorkingDay("2026-05-16", { zone }), false, "samedi");
  assert.equal(isWorkingDay("2026-05-15", { zone, closedDays: ["2026-05-15"] }), false, "pont");
  assert.equal(isWorkingDay("2026-05-15", { zone, closedDays: new Set(["2026-05-15"]) }), false);
  assert.equal(isWorkingDay("2026-04-03", { zone }), true);
  assert.equal(isWorkingDay("2026-04-03", { zone: "alsace-moselle" }), false);
});

test("GEN-4 : n jours travaillés plus loin, ou plus tôt", () => {
  const zone = "metropole";
  assert.equal(addWorkingDays("2026-05-13", 1, { zone }), "2026-05-15");
  assert.equal(addWorkingDays("2026-05-13", 1, { zone, closedDays: ["2026-05-15"] }), "2026-05-18");
  assert.equal(addWorkingDays("2026-05-18", -2, { zone }), "2026-05-13");
  assert.equal(addWorkingDays("2026-05-16", 0, { zone }), "2026-05-16");
  assert.equal(addWorkingDays("2026-12-31", 1, { zone }), "2027-01-04");
  assert.equal(addWorkingDays("2026-01-05", 250, { zone }), "2026-12-31");
  const closedDays = { has: () => true } as unknown as ReadonlySet<string>;
  assert.throws(() => addWorkingDays("2026-01-05", 1, { zone, closedDays }), RangeError);
});

test("GEN-4 : les jours ouvrés d’une période sont ceux que l’on compte un à un, bornes comprises, fériés et fermés une fois", () => {
  const calendar = { zone: "alsace-moselle", closedDays: ["2026-05-15", "2026-05-14", "2026-05-16", "2030-01-02"] };
  const one = (from: string, n: number) => new Date(Date.parse(from) + n * 86_400_000).toISOString().slice(0, 10);
  for (const from of ["2026-05-11", "2026-12-24", "2026-05-16", "2026-05-17"]) {
    let told = 0;
    for (let n = 0; n < 800; n++) {
      if (isWorkingDay(one(from, n), calendar)) told += 1;
      assert.equal(countWorkingDays(from, one(from, n), calendar), told, `${from} + ${n}`);
    }
  }
  assert.equal(countWorkingDays("2026-05-12", "2026-05-11", calendar), 0);
});
