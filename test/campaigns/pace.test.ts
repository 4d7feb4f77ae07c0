/** How fast a campaign goes, and where that leads: pure, exhaustive. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  byPeriod,
  type Course,
  elapsedOf,
  intervalOf,
  lateMarkOf,
  periodOf,
  projectionOf,
  recentFrom,
  velocityOf,
  workingDaysSince,
} from "../../src/campaigns/pace.ts";
import { isWorkingDay } from "../../src/directory/index.ts";
import { shiftDay } from "../../src/fields/index.ts";

const calendar = { zone: "metropole" };
/** A Friday without any holiday near. */
const course: Course = { startsOn: "2027-01-04", endsOn: "2027-04-30", today: "2027-03-12", calendar };
const EMPTY = new Map<string, number>();

/** So many each working day before today. */
function steady(n: number, { today, calendar: worked }: Course, days = 60): Map<string, number> {
  const counts = new Map<string, number>();
  for (let day = shiftDay(today, -days); day < today; day = shiftDay(day, 1)) {
    if (isWorkingDay(day, worked)) counts.set(day, n);
  }
  return counts;
}

test("STA-8 : il en reste 200 à 15 par jour : 14 jours ouvrés", () => {
  const velocity = velocityOf(steady(15, course), course);
  assert.deepEqual(velocity, { part: 150, of: 10 });
  // From Friday the 12th, Easter Monday (the 29th) apart.
  assert.deepEqual(projectionOf(200, velocity, course), { days: 14, on: "2027-04-02" });
});

test("STA-5 : la vélocité prend les dix derniers jours ouvrés finis : ni aujourd’hui, ni plus tôt ; un samedi compte avec eux", () => {
  const counts = new Map([
    ["2027-03-12", 50],
    ["2027-03-06", 4],
    ["2027-02-26", 6],
    ["2027-02-25", 100],
  ]);
  assert.deepEqual(velocityOf(counts, course), { part: 10, of: 10 });
});

test("STA-5 : commencée depuis moins de dix jours ouvrés, elle se divise par eux, un au moins", () => {
  const started = (startsOn: string) => velocityOf(new Map([["2027-03-11", 6]]), { ...course, startsOn }).of;
  assert.deepEqual(["2027-03-09", "2027-03-11", "2027-03-12", "2027-04-01"].map(started), [3, 1, 1, 1]);
});

test("STA-5, STA-8 : commencée avant son premier jour, les jours et les réalisées se comptent depuis la première", () => {
  const early = new Map([
    ["2027-03-08", 4],
    ["2027-03-11", 8],
  ]);
  for (const startsOn of ["2027-03-11", "2027-03-15", "2027-04-01"]) {
    assert.deepEqual(velocityOf(early, { ...course, startsOn }), { part: 12, of: 4 }, startsOn);
  }
  const weeks = steady(2, course, 40);
  const late = { ...course, startsOn: "2027-03-15" };
  assert.deepEqual(velocityOf(weeks, late), { part: 20, of: 10 });
  const { soonest, latest } = intervalOf(20, weeks, late);
  assert.deepEqual([soonest?.days, latest?.days], [10, 10], "quatre périodes de cinq jours, à deux par jour");
});

test("STA-8 : sans vélocité, projection impossible ; sans reste, c’est fait ; au-delà de vingt ans, pas de date", () => {
  assert.equal(projectionOf(1, { part: 0, of: 10 }, course), null);
  assert.deepEqual(projectionOf(0, { part: 0, of: 10 }, course), { days: 0, on: course.today });
  assert.deepEqual(projectionOf(100_000, { part: 1, of: 10 }, course), { days: 1_000_000, on: null });
  assert.deepEqual(projectionOf(1, { part: 10, of: 10 }, course), { days: 1, on: "2027-03-15" });
});

test("STA-8, GEN-4 : les jours fermés de la campagne et les fériés de sa zone repoussent la fin", () => {
  const velocity = { part: 10, of: 10 };
  const at = (more: Partial<Course["calendar"]>, today: string) =>
    projectionOf(1, velocity, { ...course, today, calendar: { ...calendar, ...more } })?.on;
  assert.equal(at({}, "2027-03-26"), "2027-03-30", "le lundi de Pâques");
  assert.equal(at({ zone: "alsace-moselle" }, "2027-03-25"), "2027-03-30", "et le Vendredi saint");
  assert.equal(at({ closedDays: ["2027-03-15", "2027-03-16"] }, "2027-03-12"), "2027-03-17");
});

test("STA-8 : l’intervalle va de la plus rapide à la plus lente des quatre dernières tranches de cinq jours ouvrés", () => {
  const counts = new Map([
    ["2027-03-11", 50],
    ["2027-03-04", 25],
    ["2027-02-25", 10],
    ["2027-02-18", 100],
  ]);
  const { soonest, latest } = intervalOf(100, counts, course);
  assert.deepEqual([soonest?.days, latest?.days], [5, 50]);
  assert.equal(recentFrom(course), "2027-02-12");
});

test("STA-8 : les tranches d’avant le début n’y sont pas ; une tranche sans rien rend la borne lente impossible", () => {
  const young = { ...course, startsOn: "2027-03-05" };
  const once = intervalOf(10, new Map([["2027-03-08", 5]]), young);
  assert.deepEqual([once.soonest?.days, once.latest?.days], [10, 10]);
  const newborn = intervalOf(10, new Map([["2027-03-11", 5]]), { ...course, startsOn: "2027-03-11" });
  assert.deepEqual([newborn.soonest?.days, newborn.latest?.days], [2, 2], "la vélocité seule");
  assert.deepEqual(intervalOf(10, new Map([["2027-03-08", 5]]), course).latest, null);
});

test("STA-8 : un calendrier fermé toute l’année ne fait pas tomber la page", () => {
  const closed = new Set(Array.from({ length: 900 }, (_, n) => shiftDay("2026-01-01", n)));
  const shut = { ...course, calendar: { ...calendar, closedDays: closed } };
  assert.deepEqual(projectionOf(3, velocityOf(new Map([["2027-03-11", 3]]), shut), shut), { days: 1, on: null });
  assert.deepEqual(intervalOf(3, EMPTY, shut).soonest, null);
});

test("STA-5 : sans plan de référence, l’attendu est la part écoulée des jours ouvrés, de 0 à 100 %", () => {
  const week = { ...course, startsOn: "2027-03-08", endsOn: "2027-03-19" };
  const at = (today: string) => elapsedOf({ ...week, today });
  assert.deepEqual(at("2027-03-01"), { part: 0, of: 10 });
  assert.deepEqual(at("2027-03-08"), { part: 0, of: 10 }, "le premier jour n’est pas fini");
  assert.deepEqual(at("2027-03-12"), { part: 4, of: 10 });
  assert.deepEqual(at("2027-03-20"), { part: 10, of: 10 });
  assert.deepEqual(at("2027-06-20"), { part: 10, of: 10 });
  const weekend = { ...course, startsOn: "2027-03-13", endsOn: "2027-03-14" };
  assert.deepEqual(elapsedOf({ ...weekend, today: "2027-03-13" }), { part: 0, of: 1 });
  assert.deepEqual(elapsedOf({ ...weekend, today: "2027-03-15" }), { part: 1, of: 1 });
});

test("STA-9 : en retard au-delà de 15 points, sur la fraction et non l’arrondi ; ou bloquée plus de 2 jours ouvrés", () => {
  const at = (done: number, expected: number, blocked: number | null = null) =>
    lateMarkOf({ part: done, of: 1_000 }, { part: expected, of: 1_000 }, blocked);
  assert.equal(at(500, 650), null, "quinze points juste");
  assert.deepEqual(at(499, 650), { points: 15.1, blockedDays: null });
  assert.equal(at(650, 500), null, "en avance");
  assert.equal(lateMarkOf({ part: 5_000, of: 10_000 }, { part: 65_001, of: 100_000 }, null)?.blockedDays, null);
  assert.ok(lateMarkOf({ part: 5_000, of: 10_000 }, { part: 65_001, of: 100_000 }, null), "15,001 points dépassent");
  assert.equal(at(500, 500, 2), null);
  assert.deepEqual(at(500, 500, 3), { points: null, blockedDays: 3 });
  assert.deepEqual(at(0, 1_000, 9), { points: 100, blockedDays: 9 });
  assert.equal(lateMarkOf({ part: 0, of: 0 }, { part: 1, of: 1 }, null), null, "rien à faire : pas de retard");
});

test("STA-5 : les jours ouvrés d’un blocage ne comptent ni le sien, ni le week-end", () => {
  const since = (day: string, today: string) => workingDaysSince(day, { today, calendar });
  assert.equal(since("2027-03-12", "2027-03-12"), 0);
  assert.equal(since("2027-03-11", "2027-03-12"), 1);
  assert.equal(since("2027-03-12", "2027-03-15"), 1, "du vendredi au lundi");
  assert.equal(since("2027-03-26", "2027-03-30"), 1, "Pâques");
});

test("STA-12 : jours, semaines ISO du lundi, mois ; les vides sont là, chaque jour tombe dans un seul", () => {
  assert.deepEqual(
    ["2027-03-14", "2027-03-15", "2027-01-01"].map((day) => periodOf(day, "week")),
    ["2027-03-08", "2027-03-15", "2026-12-28"],
  );
  assert.equal(periodOf("2027-02-28", "month"), "2027-02-01");
  const counts = new Map([
    ["2027-01-31", 1],
    ["2027-03-01", 2],
    ["2027-03-31", 3],
  ]);
  assert.deepEqual(byPeriod(counts, { from: "2027-01-15", to: "2027-04-02", by: "month" }), [
    { start: "2027-01-01", n: 1 },
    { start: "2027-02-01", n: 0 },
    { start: "2027-03-01", n: 5 },
    { start: "2027-04-01", n: 0 },
  ]);
  for (const by of ["day", "week", "month"] as const) {
    const every = steady(1, { ...course, today: "2028-03-01" }, 400);
    const told = byPeriod(every, { from: [...every.keys()][0]!, to: "2028-03-01", by });
    assert.equal(
      told.reduce((sum, { n }) => sum + n, 0),
      every.size,
      by,
    );
  }
});
