import assert from "node:assert/strict";
import { test } from "node:test";
import { blockages, burnUp, datedOf, plannedAndDone } from "../../src/campaigns/curves.ts";
import { type CampaignStats, type Cell, statsOf } from "../../src/campaigns/stats.ts";
import type { Category } from "../../src/workflow/index.ts";

const CALENDAR = { zone: "metropole", closedDays: new Set<string>() };
const DAYS = { startsOn: "2026-03-02", endsOn: "2026-03-27", calendar: CALENDAR };

/** A done one, as they are counted. */
const DONE: Cell = {
  ...{ segmentId: null, technicianId: null, category: "success", isDue: false, isExpected: false },
  ...{ isByTechnician: false, isOnFirstDate: false, isCompleted: true, completedOn: null },
  ...{ n: 1, minutes: 0, postponed: 0, blockedSince: null },
};

/** Of a campaign on a Thursday evening: two done each working day since the Monday of the week before. */
function stats(
  today: string,
  cells: [category: Category, n: number, completedOn?: string][],
  hasBaseline = true,
): CampaignStats {
  const cell = ([category, n, completedOn]: (typeof cells)[number]): Cell => ({
    ...{ ...DONE, category, n },
    ...{ isCompleted: category === "success" && completedOn !== undefined, completedOn: completedOn ?? null },
  });
  const course = { ...DAYS, today };
  const counted = { campaignId: "c", cells: cells.map(cell), course, hasBaseline, isTimeTracked: false, isOver: false };
  return statsOf(
    { ...counted, segments: [], technicians: [], sameDay: { part: 0, of: 0 } },
    { now: new Date(`${today}T18:00:00Z`), times: "none" },
  );
}

const WORKED = [
  "2026-03-02",
  "2026-03-03",
  "2026-03-04",
  "2026-03-05",
  "2026-03-06",
  "2026-03-09",
  "2026-03-10",
  "2026-03-11",
];
const TODAY = "2026-03-12";
const completed = new Map(WORKED.map((day) => [day, 2]));
const underWay = stats(TODAY, [
  ...WORKED.map((day) => ["success", 2, day] as [Category, number, string]),
  ["planned", 10],
  ["open", 4],
]);
const baseline = new Map([
  ["2026-03-06", 12],
  ["2026-03-13", 10],
  ["2026-03-20", 8],
]);
const planned = new Map([
  ["2026-03-11", 3],
  ["2026-03-16", 6],
  ["2026-03-18", 4],
]);
/** What is dated ahead, the late one and the one of today. */
const dated = new Map([
  ["2026-03-05", 1],
  [TODAY, 1],
  ["2026-03-16", 6],
  ["2026-03-18", 2],
]);
const NONE = new Map<string, number>();
const of = (name: string, { series }: ReturnType<typeof burnUp>) => series.find((one) => one.name === name)!.values;

test("DSH-5 : le cumul va jusqu’à aujourd’hui ; plan, projection et intervalle partent de là", () => {
  const chart = burnUp({ completed, baseline, planned, dated }, underWay, DAYS, "week");
  assert.deepEqual(chart.labels, ["2\u00a0mars", "9\u00a0mars", "16\u00a0mars", "23\u00a0mars"]);
  assert.deepEqual(of("Réalisées", chart), [10, 16, null, null]);
  assert.deepEqual(of("Plan de référence", chart), [12, 22, 30, 30]);
  assert.deepEqual(of("Plan actuel", chart), [null, 18, 26, 26], "celles en retard et d’aujourd’hui dès aujourd’hui");
  assert.equal(datedOf({ dated }), 10);
  // Two a day: one more working day this week, five the next, then it is over.
  assert.deepEqual(of("Projection", chart), [null, 18, 28, 30]);
  assert.deepEqual(chart.marks, [
    { at: 1, label: "Aujourd’hui, 12\u00a0mars" },
    { at: 3, label: "Fin prévue, 27\u00a0mars", isEnd: true },
  ]);
  assert.match(chart.sentence, /Au jeudi 12 mars 2026\u00a0: 16 réalisées sur 30/);
  assert.match(chart.sentence, /À 2 par jour ouvré, la fin est projetée au lundi 23 mars 2026/);
});

test("DSH-5 : ce qui fut réalisé sans date part avec le cumul, et le fait finir au compteur", () => {
  const some = stats(TODAY, [
    ["success", 5],
    ["success", 2, "2026-03-11"],
    ["open", 3],
  ]);
  const chart = burnUp(
    { completed: new Map([["2026-03-11", 2]]), baseline: NONE, planned: NONE, dated: NONE },
    some,
    DAYS,
    "week",
  );
  assert.deepEqual(of("Réalisées", chart).slice(0, 3), [5, 7, null]);
});

test("STA-8 : rien n’avance, rien ne se projette, et la phrase le dit ; sans plan de référence, aucun n’est dessiné", () => {
  const still = stats(TODAY, [["open", 3]], false);
  const chart = burnUp({ completed: NONE, baseline: NONE, planned: NONE, dated: NONE }, still, DAYS, "day");
  assert.deepEqual(
    chart.series.map(({ name }) => name),
    ["Réalisées", "Plan actuel"],
  );
  assert.match(chart.sentence, /ne se projette pas\u00a0: rien n’a été réalisé ces 8 derniers jours ouvrés/);
});

test("STA-7, STA-8 : sans rien à faire, aucune fin ne se projette ; trop loin, elle n’a pas de date : la phrase dit lequel", () => {
  const sentence = (told: CampaignStats) =>
    burnUp({ completed, baseline: NONE, planned: NONE, dated: NONE }, told, DAYS, "week").sentence;
  const nothing = stats(TODAY, [["cancelled", 3]]);
  assert.deepEqual([nothing.projection, nothing.interval], [null, { soonest: null, latest: null }]);
  assert.match(sentence(nothing), /ne se projette pas\u00a0: aucune opération n’est à faire/);
  const far = stats(TODAY, [
    ["success", 1, "2026-03-11"],
    ["open", 90_000],
  ]);
  assert.match(
    sentence(far),
    /À 0,1 par jour ouvré, la fin est trop loin pour avoir une date\u00a0: 720\u202f000 jours ouvrés/,
  );
  assert.deepEqual(stats(TODAY, [["success", 1, "2026-03-11"]]).projection, { days: 0, on: TODAY }, "tout est fait");
});

test("STA-5 : les réalisées d’avant les dernières semaines disent qu’elle avait commencé", () => {
  const course = { ...DAYS, startsOn: "2026-03-16", today: TODAY };
  const cells = (older: number) =>
    statsOf(
      {
        ...{
          campaignId: "c",
          course,
          hasBaseline: false,
          isOver: false,
          isTimeTracked: false,
          segments: [],
          technicians: [],
        },
        cells: [{ ...DONE, completedOn: "2026-03-10", n: 6 }, ...(older > 0 ? [{ ...DONE, n: older }] : [])],
        sameDay: { part: 0, of: 0 },
      },
      { now: new Date(`${TODAY}T18:00:00Z`), times: "none" },
    ).velocity;
  assert.deepEqual(
    [cells(0), cells(5)],
    [
      { part: 6, of: 2 },
      { part: 6, of: 10 },
    ],
  );
});

test("STA-12 : chaque période est dessinée, vide comprise ; prévues et réalisées s’ajoutent", () => {
  const chart = plannedAndDone({ completed, baseline, planned, dated }, DAYS, "week");
  assert.deepEqual(
    chart.series.map(({ name, values }) => [name, values]),
    [
      ["Prévues", [0, 3, 10, 0]],
      ["Réalisées", [10, 6, 0, 0]],
    ],
  );
});

test("DSH-5 : au-delà de quatre cents jours, le pas d’un jour passe à la semaine", () => {
  const days = { completed, baseline, planned, dated };
  const long = plannedAndDone(days, { ...DAYS, endsOn: "2027-12-31" }, "day");
  assert.equal(long.axis, "Semaine");
  assert.ok(long.labels.length < 120);
  assert.equal(new Set(long.labels).size, long.labels.length);
  for (const by of ["day", "week", "month"] as const) {
    const longest = plannedAndDone(days, { ...DAYS, endsOn: "2036-03-01" }, by);
    assert.deepEqual([longest.axis, longest.labels.length], ["Mois", 121], "dix ans se lisent par mois");
  }
});

test("OPS-20 : les motifs de blocage du plus fréquent au moins fréquent, huit puis le reste", () => {
  const many = Array.from({ length: 10 }, (_, n) => ({ reason: `Motif ${n}`, n: n + 1 }));
  const chart = blockages([...many, { reason: null, n: 20 }]);
  assert.deepEqual(chart.labels.slice(0, 3), ["Sans motif", "Motif 9", "Motif 8"]);
  assert.deepEqual([chart.labels.at(-1), chart.values.at(-1)], ["Autres motifs", 6]);
  assert.equal(
    chart.values.reduce((sum, n) => sum + n),
    75,
  );
});
