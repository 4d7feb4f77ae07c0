import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addUp,
  type Cell,
  countersOf,
  denominatorOf,
  progressOf,
  remainingOf,
  statsOf,
  tallyOf,
} from "../../src/campaigns/stats.ts";
import { fr, percentOf } from "../../src/platform/text/index.ts";

const REFERENCE = countersOf([
  ["open", 40],
  ["planned", 92],
  ["running", 10],
  ["success", 619],
  ["deferred", 52],
  ["problem", 34],
]);
const told = (part: number, of: number) => fr.ratio({ part, of }).replace("\u00a0", " ");

test("S19, STA-4, STA-5 : les sept compteurs font 847 ; 619 réalisées en font 73,1 %, il en reste 228", () => {
  const tally = tallyOf(REFERENCE);
  assert.deepEqual(tally, { total: 847, done: 619, cancelled: 0 });
  assert.equal(denominatorOf(tally), 847);
  assert.equal(remainingOf(tally), 228);
  assert.equal(told(progressOf(tally).part, progressOf(tally).of), "73,1 %");
});

test("S19 : sept annulées restent du total et quittent le dénominateur : 840, 73,7 %", () => {
  const tally = tallyOf({ ...REFERENCE, open: 33, cancelled: 7 });
  assert.deepEqual([tally.total, denominatorOf(tally), remainingOf(tally)], [847, 840, 221]);
  assert.equal(fr.ratio(progressOf(tally)), "73,7\u00a0%");
});

test("STA-10 : les parties s’ajoutent catégorie par catégorie, dites en autant de fois qu’on veut", () => {
  const twice = countersOf([
    ["open", 1],
    ["open", 2],
  ]);
  assert.equal(twice.open, 3);
  assert.deepEqual(addUp([REFERENCE, twice]), { ...REFERENCE, open: 43 });
  assert.deepEqual(tallyOf(addUp([])), { total: 0, done: 0, cancelled: 0 });
});

test("STA-10 : un segment né entre deux questions est compté « Sans segment » : les lignes font toujours le total", () => {
  const cell = (segmentId: string | null, technicianId: string | null, n: number): Cell => ({
    ...{ segmentId, technicianId, category: "open", isDue: false, isExpected: false, isByTechnician: false },
    ...{ isOnFirstDate: false, isCompleted: false, completedOn: null, n, minutes: 0, postponed: 0, blockedSince: null },
  });
  const stats = statsOf(
    {
      ...{ campaignId: "c", cells: [cell("a", null, 3), cell("new", "gone", 4), cell(null, null, 5)] },
      ...{ segments: [{ id: "a", name: "A" }], technicians: [], sameDay: { part: 0, of: 0 } },
      ...{ hasBaseline: false, isTimeTracked: false, isOver: false },
      course: { startsOn: "2026-03-02", endsOn: "2026-04-30", today: "2026-03-12", calendar: { zone: "metropole" } },
    },
    { now: new Date("2026-03-12T18:00:00Z"), times: "none" },
  );
  assert.deepEqual(
    stats.segments.map(({ id, total }) => [id, total]),
    [
      ["a", 3],
      [null, 9],
    ],
  );
  assert.deepEqual(
    stats.technicians.map(({ total }) => total),
    [12],
  );
});

test("STA-7 : rien sur rien s’écrit —", () => {
  assert.equal(told(0, 0), "—");
  assert.equal(percentOf({ part: 0, of: 0 }), null);
});

test("STA-7 : arrondi au plus proche, la moitié vers le haut, exactement", () => {
  assert.equal(told(1, 2_000), "0,1 %");
  assert.equal(told(3, 2_000), "0,2 %", "0,15 % monte, ce que la virgule flottante n’assure pas");
  assert.equal(told(2_009, 20_000), "10,0 %");
  assert.equal(told(2_010, 20_000), "10,1 %");
  for (let n = 1; n < 2_000; n += 2) assert.equal(percentOf({ part: n, of: 2_000 }), Math.min((n + 1) / 2, 999) / 10);
});

test("STA-7 : jamais 100 % avant la dernière, jamais 0 % dès la première", () => {
  assert.equal(told(99_999, 100_000), "99,9 %");
  assert.equal(told(100_000, 100_000), "100,0 %");
  assert.equal(told(1, 100_000), "0,1 %");
  assert.equal(told(0, 100_000), "0,0 %");
});
