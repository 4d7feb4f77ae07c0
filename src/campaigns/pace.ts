import { addWorkingDays, type Calendar, countWorkingDays, weekdayOf } from "../directory/index.ts";
import { shiftDay } from "../fields/index.ts";
import type { Ratio } from "../platform/text/index.ts";

/** How fast a campaign goes and where that leads: pure, days being "2026-03-12" in its zone (STA-5, STA-8, STA-9, STA-12). */

/** The days of a campaign, and the one it is. */
export interface Course {
  startsOn: string;
  endsOn: string;
  today: string;
  calendar: Calendar;
}

/** How many operations were completed on each day: a day without any is left out. */
export type DayCounts = ReadonlyMap<string, number>;

const VELOCITY_DAYS = 10;
/** The four last periods of five working days give the interval of the projection (STA-8). */
const SPAN_DAYS = 5;
const SPANS = 4;

/** From which day on completions are needed to tell a velocity and its interval. */
export const recentFrom = ({ today, calendar }: Pick<Course, "today" | "calendar">): string =>
  before(today, SPAN_DAYS * SPANS, calendar);

/** The n-th working day before; a calendar that closes a whole year is counted without its closed days. */
function before(day: string, n: number, calendar: Calendar): string {
  try {
    return addWorkingDays(day, -n, calendar);
  } catch (error) {
    if (error instanceof RangeError) return addWorkingDays(day, -n, { zone: calendar.zone });
    throw error;
  }
}

function countBetween(counts: DayCounts, from: string, until: string): number {
  let sum = 0;
  for (const [day, n] of counts) if (day >= from && day < until) sum += n;
  return sum;
}

/** The days whose completions make the velocity, both included (STA-5). */
export const velocityDays = ({ today, calendar }: Pick<Course, "today" | "calendar">) => ({
  from: before(today, VELOCITY_DAYS, calendar),
  to: shiftDay(today, -1),
});

/** The day work began: the first of the campaign, or that of what was completed before it. */
const begunOn = (completed: DayCounts, { startsOn }: Pick<Course, "startsOn">): string =>
  [startsOn, ...completed.keys()].reduce((first, day) => (day < first ? day : first));

/** Completed over the last ten complete working days, by working day; by those since work began when fewer (STA-5). */
export function velocityOf(completed: DayCounts, course: Course): Ratio {
  const { today, calendar } = course;
  const worked = countWorkingDays(begunOn(completed, course), shiftDay(today, -1), calendar);
  return {
    part: countBetween(completed, velocityDays({ today, calendar }).from, today),
    of: Math.max(1, Math.min(VELOCITY_DAYS, worked)),
  };
}

/** In how many working days, and on which day unless it is too far to be a day; null: impossible at this velocity (STA-8). */
export type Projection = { days: number; on: string | null } | null;

/** Beyond, about twenty years, no date means anything. */
const FARTHEST_DAYS = 5_000;

/** The ⌈remaining ÷ velocity⌉-th working day after today (STA-5, STA-8). */
export function projectionOf(remaining: number, velocity: Ratio, { today, calendar }: Course): Projection {
  if (remaining === 0) return { days: 0, on: today };
  if (velocity.part === 0) return null;
  const days = Math.ceil((remaining * velocity.of) / velocity.part);
  if (days > FARTHEST_DAYS) return { days, on: null };
  try {
    return { days, on: addWorkingDays(today, days, calendar) };
  } catch (error) {
    if (error instanceof RangeError) return { days, on: null };
    throw error;
  }
}

/** Between the projections at the highest and at the lowest of the last four five-day velocities, those before work began apart (STA-8). */
export interface Interval {
  soonest: Projection;
  latest: Projection;
}

export function intervalOf(remaining: number, completed: DayCounts, course: Course): Interval {
  const { today, calendar } = course;
  const begun = begunOn(completed, course);
  const spans: Ratio[] = [];
  for (let until = today, n = 0; n < SPANS; n++) {
    const from = before(until, SPAN_DAYS, calendar);
    if (from >= begun) spans.push({ part: countBetween(completed, from, until), of: SPAN_DAYS });
    until = from;
  }
  if (spans.length === 0) spans.push(velocityOf(completed, course));
  const parts = spans.map(({ part }) => part);
  const { of } = spans[0]!;
  return {
    soonest: projectionOf(remaining, { part: Math.max(...parts), of }, course),
    latest: projectionOf(remaining, { part: Math.min(...parts), of }, course),
  };
}

/** What should be done without a baseline: the share of the working days of the campaign that are over (STA-5). */
export function elapsedOf({ startsOn, endsOn, today, calendar }: Course): Ratio {
  const of = countWorkingDays(startsOn, endsOn, calendar);
  if (of === 0) return { part: today > endsOn ? 1 : 0, of: 1 };
  const yesterday = shiftDay(today, -1);
  return { part: countWorkingDays(startsOn, yesterday < endsOn ? yesterday : endsOn, calendar), of };
}

/** How many working days went by since this day; the day itself is not one (STA-5). */
export const workingDaysSince = (day: string, { today, calendar }: Pick<Course, "today" | "calendar">): number =>
  countWorkingDays(shiftDay(day, 1), today, calendar);

/** From a day to another in working days, below zero when it is before (STA-8). */
export const workingDaysBetween = (from: string, to: string, calendar: Calendar): number =>
  from <= to ? countWorkingDays(shiftDay(from, 1), to, calendar) : -countWorkingDays(shiftDay(to, 1), from, calendar);

const LATE_POINTS = 15;
const LONGEST_BLOCKED = 2;

/** Why a segment or a campaign is late, and how much: points behind what was expected, working days of its oldest blockage (STA-9). */
export interface LateMark {
  points: number | null;
  blockedDays: number | null;
}

/** Compared on the un-rounded fractions (STA-7, STA-9). */
export function lateMarkOf(progress: Ratio, expected: Ratio, blockedDays: number | null): LateMark | null {
  const scale = progress.of * expected.of;
  const behind = 100 * (expected.part * progress.of - progress.part * expected.of);
  const points = scale > 0 && behind > LATE_POINTS * scale ? behind / scale : null;
  const blocked = blockedDays !== null && blockedDays > LONGEST_BLOCKED ? blockedDays : null;
  return points === null && blocked === null ? null : { points, blockedDays: blocked };
}

export type Period = "day" | "week" | "month";

/** The day this day's period starts: itself, its ISO Monday, the first of its month (STA-12). */
export function periodOf(day: string, by: Period): string {
  if (by === "day") return day;
  return by === "week" ? shiftDay(day, 1 - weekdayOf(day)) : `${day.slice(0, 7)}-01`;
}

/** The period after one that starts on this day. */
const nextPeriod = (start: string, by: Period): string =>
  by === "month" ? periodOf(shiftDay(start, 31), by) : shiftDay(start, by === "week" ? 7 : 1);

/** Every period from the one of this day to the one of that day, with what was counted in it, be it nothing (STA-12). */
export function byPeriod(
  counts: DayCounts,
  { from, to, by }: { from: string; to: string; by: Period },
): { start: string; n: number }[] {
  const sums = new Map<string, number>();
  for (let start = periodOf(from, by); start <= to; start = nextPeriod(start, by)) sums.set(start, 0);
  for (const [day, n] of counts) {
    const start = periodOf(day, by);
    if (sums.has(start)) sums.set(start, sums.get(start)! + n);
  }
  return [...sums].map(([start, n]) => ({ start, n }));
}
