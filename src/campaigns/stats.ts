import { shiftDay } from "../fields/index.ts";
import type { Ratio } from "../platform/text/index.ts";
import { CATEGORIES, CATEGORY_CODES, type Category } from "../workflow/index.ts";
import {
  type Course,
  elapsedOf,
  type Interval,
  intervalOf,
  type LateMark,
  lateMarkOf,
  type Projection,
  projectionOf,
  recentFrom,
  velocityOf,
  workingDaysBetween,
  workingDaysSince,
} from "./pace.ts";

/** Every figure of a campaign, defined once (STA-1): pure, made of counts that questions bring. */

/** The seven counters (STA-3). */
export type Counters = Record<Category, number>;

/** Their names where several are counted (STA-3). */
export const COUNTER_LABELS: Record<Category, string> = {
  open: "À planifier",
  planned: "Planifiées",
  running: "En cours",
  success: "Réalisées",
  deferred: "Reportées",
  problem: "Bloquées",
  cancelled: "Annulées",
};

/** Those of operations counted category by category, in any order and any number of times. */
export function countersOf(counted: Iterable<readonly [category: Category, n: number]>): Counters {
  const counters = Object.fromEntries(CATEGORY_CODES.map((code) => [code, 0])) as Counters;
  for (const [category, n] of counted) counters[category] += n;
  return counters;
}

/** Counters of several parts, added up: the total line of a table (STA-10). */
export const addUp = (parts: Iterable<Counters>): Counters =>
  countersOf([...parts].flatMap((one) => CATEGORY_CODES.map((code) => [code, one[code]] as const)));

/** What progress is told from. */
export interface Tally {
  total: number;
  done: number;
  cancelled: number;
}

/** The seven sum to the total (STA-4). */
export const tallyOf = (counters: Counters): Tally => ({
  total: CATEGORY_CODES.reduce((sum, code) => sum + counters[code], 0),
  done: counters.success,
  cancelled: counters.cancelled,
});

/** What is cancelled is asked of nobody any more (STA-5). */
export const denominatorOf = ({ total, cancelled }: Omit<Tally, "done">): number => total - cancelled;

/** *Avancement*: what is done of what is asked (STA-5). */
export const progressOf = (tally: Tally): Ratio => ({ part: tally.done, of: denominatorOf(tally) });

/** *Reste à faire* (STA-5). */
export const remainingOf = (tally: Tally): number => denominatorOf(tally) - tally.done;

/** Another number as soon as a formula changes: figures of before keep theirs (STA-2). */
export const FORMULA_VERSION = 2;

/** Operations of a campaign that every figure counts alike. */
export interface Cell {
  segmentId: string | null;
  technicianId: string | null;
  category: Category;
  /** Planned before today. */
  isDue: boolean;
  /** Its day in the baseline is before today; without one, the campaign's end is. */
  isExpected: boolean;
  isByTechnician: boolean;
  isOnFirstDate: boolean;
  isCompleted: boolean;
  /** The local day it was completed, of the last weeks; null before. */
  completedOn: string | null;
  n: number;
  minutes: number;
  /** Entries into a deferred category since Monday. */
  postponed: number;
  /** The local day the oldest of them entered the problem it is in. */
  blockedSince: string | null;
  /** Why they were put off or are blocked, where that was asked; null of the others, and where nobody said. */
  reason?: string | null;
}

/** Operations that are not over, counted by what holds them: what a dashboard says of a gap (DSH-5, DSH-6). */
export interface Held {
  category: Category;
  reason: string | null;
  isUnassigned: boolean;
  /** The baseline has them done by now. */
  isExpected: boolean;
  n: number;
}

/** What holds the operations of these cells, where their reasons were asked. */
export function heldAmong(cells: readonly Cell[]): Held[] {
  const held = new Map<string, Held>();
  for (const { category, reason = null, technicianId, isExpected, n } of cells) {
    if (CATEGORIES[category].isFinal) continue;
    const one = { category, reason, isUnassigned: technicianId === null, isExpected };
    const key = JSON.stringify(Object.values(one));
    held.set(key, { ...one, n: n + (held.get(key)?.n ?? 0) });
  }
  return [...held.values()];
}

/** The figures of a campaign, of one of its segments or of what one technician has (STA-5). */
export interface Figures {
  counters: Counters;
  total: number;
  progress: Ratio;
  remaining: number;
  late: number;
  expected: Ratio;
  /** Working days since the oldest blocked one entered it; null when none is. */
  blockedDays: number | null;
  lateMark: LateMark | null;
  doneToday: number;
  postponedThisWeek: number;
  /** *Mise à jour par le technicien affecté* (STA-6). */
  northStar: Ratio;
  /** *Fiabilité des dates*. */
  reliability: Ratio;
  /** Time spent; null where it is not tracked, or not theirs to read (STA-13). */
  minutes: number | null;
}

/** Where a campaign or a part of it stands, without what only its own page tells. */
export type Outline = Pick<
  Figures,
  "counters" | "total" | "progress" | "remaining" | "expected" | "blockedDays" | "lateMark"
>;

/** How cells are read. */
export interface Reading {
  /** Of a campaign that is over, today is the day it ended. */
  course: Course;
  /** Nothing of what is over is late any more, nor projected (STA-9). */
  isOver: boolean;
  hasBaseline: boolean;
  isTimeTracked: boolean;
}

const FINAL: readonly Category[] = CATEGORY_CODES.filter((code) => CATEGORIES[code].isFinal);

const countIn = <C extends { n: number }>(cells: readonly C[], holds: (cell: C) => boolean): number =>
  cells.reduce((sum, cell) => (holds(cell) ? sum + cell.n : sum), 0);
const isAsked = ({ category }: Pick<Cell, "category">) => category !== "cancelled";

/** What a card tells, of as many campaigns as a page holds (STA-5, STA-9). */
export function outlineOf(
  cells: readonly Pick<Cell, "category" | "isExpected" | "n" | "blockedSince">[],
  { course, hasBaseline, isOver }: Omit<Reading, "isTimeTracked">,
): Outline {
  const counters = countersOf(cells.map(({ category, n }) => [category, n]));
  const tally = tallyOf(counters);
  const progress = progressOf(tally);
  const expected = hasBaseline
    ? { part: countIn(cells, (cell) => isAsked(cell) && cell.isExpected), of: progress.of }
    : elapsedOf(course);
  const since = cells.flatMap(({ blockedSince }) => blockedSince ?? []).toSorted()[0];
  const blockedDays = since === undefined ? null : workingDaysSince(since, course);
  const lateMark = isOver ? null : lateMarkOf(progress, expected, blockedDays);
  return { counters, total: tally.total, progress, remaining: remainingOf(tally), expected, blockedDays, lateMark };
}

/** One definition, whatever the operations (STA-1, STA-5, STA-6). */
export function figuresOf(cells: readonly Cell[], { isTimeTracked, ...reading }: Reading): Figures {
  const count = (holds: (cell: Cell) => boolean) => countIn(cells, holds);
  return {
    ...outlineOf(cells, reading),
    late: reading.isOver ? 0 : count(({ isDue, category }) => isDue && !FINAL.includes(category)),
    doneToday: count(({ completedOn }) => completedOn === reading.course.today),
    postponedThisWeek: cells.reduce((sum, { postponed }) => sum + postponed, 0),
    northStar: {
      part: count((cell) => cell.isDue && cell.category === "success" && cell.isByTechnician),
      of: count((cell) => cell.isDue && isAsked(cell)),
    },
    reliability: {
      part: count((cell) => cell.isCompleted && cell.isOnFirstDate),
      of: count((cell) => cell.isCompleted),
    },
    minutes: isTimeTracked ? cells.reduce((sum, { minutes }) => sum + minutes, 0) : null,
  };
}

/** A line of a table of figures; no id: *Sans segment*, or *Non affectées* (STA-10). */
export interface FiguresLine extends Figures {
  id: string | null;
  name: string | null;
}

/** Every figure of one campaign (STA-1, STA-2). */
export interface CampaignStats extends Figures {
  campaignId: string;
  generatedAt: Date;
  formulaVersion: number;
  /** Whose times they show: all, their own, none (STA-13). */
  times: Times;
  /** The local day they are of. */
  day: string;
  /** When the campaign is to end, and when it did; both null of a snapshot that did not keep them (SNP-2). */
  endsOn: string | null;
  endedOn: string | null;
  hasBaseline: boolean;
  velocity: Ratio;
  projection: Projection;
  interval: Interval;
  /** Working days from its end, projected or real, to the planned one; below zero when it comes after, null without an end. */
  spread: number | null;
  /** *Mise à jour le jour même*, over the plans of past days. */
  sameDay: Ratio;
  /** In their order, *Sans segment* last: they add up to the whole (STA-10). */
  segments: FiguresLine[];
  /** By name, *Non affectées* last. */
  technicians: FiguresLine[];
}

/** Of whom time may be told, technician by technician: everybody, one account, nobody (STA-13). */
export type Times = "all" | "none" | { userId: string };

/** What a campaign's figures are made of. */
export interface Counted extends Reading {
  campaignId: string;
  cells: readonly Cell[];
  segments: readonly { id: string; name: string }[];
  technicians: readonly { id: string; name: string }[];
  sameDay: Ratio;
}

/** The whole object, from one reading of the base (STA-1). */
export function statsOf(
  { campaignId, cells, segments, technicians, sameDay, ...reading }: Counted,
  { now, times }: { now: Date; times: Times },
): CampaignStats {
  const { course, hasBaseline, isOver } = reading;
  const whole = figuresOf(cells, reading);
  const completed = countByDay(cells, course);
  const lines = (names: Counted["segments"], idOf: (cell: Cell) => string | null): FiguresLine[] => {
    // What nobody named, such as a segment born between two questions, is in the last line: rows always add up (STA-10).
    const named = new Set<string | null>(names.map(({ id }) => id));
    const byId = Map.groupBy(cells, (cell) => (named.has(idOf(cell)) ? idOf(cell) : null));
    const line = (id: string | null, name: string | null) => ({ id, name, ...figuresOf(byId.get(id) ?? [], reading) });
    return [...names.map(({ id, name }) => line(id, name)), line(null, null)];
  };
  const mayRead = (id: string | null) => times === "all" || (times !== "none" && times.userId === id);
  const velocity = velocityOf(completed, course);
  const endedOn = isOver ? course.today : null;
  // Of none to do, or all cancelled, no end is projected (STA-7).
  const hasEnd = !isOver && whole.progress.of > 0;
  const projection = !hasEnd ? null : projectionOf(whole.remaining, velocity, course);
  const end = endedOn ?? (whole.remaining === 0 ? null : projection?.on);
  return {
    campaignId,
    generatedAt: now,
    formulaVersion: FORMULA_VERSION,
    times,
    day: course.today,
    ...{ endsOn: course.endsOn, endedOn },
    hasBaseline,
    ...whole,
    velocity,
    projection,
    interval: !hasEnd ? { soonest: null, latest: null } : intervalOf(whole.remaining, completed, course),
    spread: end ? workingDaysBetween(end, course.endsOn, course.calendar) : null,
    sameDay,
    segments: lines(segments, ({ segmentId }) => segmentId),
    technicians: lines(technicians, ({ technicianId }) => technicianId).map((line) =>
      mayRead(line.id) ? line : { ...line, minutes: null },
    ),
  };
}

/** Those of before the last weeks, whose day cells do not tell, are put on the eve of these. */
function countByDay(cells: readonly Cell[], course: Course): Map<string, number> {
  const eve = shiftDay(recentFrom(course), -1);
  const days = new Map<string, number>();
  for (const { completedOn, isCompleted, n } of cells) {
    const day = completedOn ?? (isCompleted ? eve : null);
    if (day !== null) days.set(day, (days.get(day) ?? 0) + n);
  }
  return days;
}
