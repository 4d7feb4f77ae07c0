/**
 * Wall-clock time to instants and back. Node 24 has no Temporal, and Intl only goes from an instant to a wall clock: the
 * way back is tried with the offsets the zone has a day before and a day after.
 */

const DAY_MS = 86_400_000;
const MOST_DAYS = 20_000;

/** A wall clock's reading. */
export interface Local {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

export type Found =
  | { at: Date; isTwice: boolean }
  /** No clock shows it that day; `next` is the first one shown after it [TIM-2]. */
  | { missing: true; next: Local };

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    clocks.set(zone, clock);
  }
  return clock;
}

/** What a clock on the wall shows there at this instant. */
export function localOf(at: Date | number, zone: string): Local {
  const instant = Number(at);
  const [before, after] = offsetsAround(instant, zone);
  return before === after ? readingOf(new Date(instant + before)) : toldBy(instant, zone);
}

const readingOf = (shifted: Date): Local => ({
  year: shifted.getUTCFullYear(),
  month: shifted.getUTCMonth() + 1,
  day: shifted.getUTCDate(),
  hour: shifted.getUTCHours(),
  minute: shifted.getUTCMinutes(),
  second: shifted.getUTCSeconds(),
});

/** The same asked of Intl, which knows each change. */
function toldBy(at: number, zone: string): Local {
  const local: Record<string, number> = {};
  for (const { type, value } of clockOf(zone).formatToParts(at)) if (type !== "literal") local[type] = Number(value);
  return local as unknown as Local;
}

const asIfUtc = ({ year, month, day, hour, minute, second }: Local): number =>
  Date.UTC(year, month - 1, day, hour, minute, second);

/** How far ahead of UTC the zone is at this instant, in milliseconds. */
const offsetAt = (at: number, zone: string): number => asIfUtc(toldBy(at, zone)) - Math.floor(at / 1000) * 1000;

// Asking Intl costs more than all the rest of reading a date: most days keep one offset, known once.
const offsets = new Map<string, Map<number, [before: number, after: number]>>();

function offsetsAround(wanted: number, zone: string): [before: number, after: number] {
  const known = offsets.get(zone) ?? new Map<number, [number, number]>();
  offsets.set(zone, known);
  const day = Math.floor(wanted / DAY_MS);
  let pair = known.get(day);
  if (!pair) {
    if (known.size >= MOST_DAYS) known.clear();
    pair = [offsetAt((day - 1) * DAY_MS, zone), offsetAt((day + 2) * DAY_MS, zone)];
    known.set(day, pair);
  }
  return pair;
}

/**
 * The instant at which clocks of the zone show this. Shown twice, on the autumn day, it is the first one unless `isSecond`;
 * never shown, on the spring day, the answer says which reading comes next [TIM-2].
 */
export function instantOf(local: Local, zone: string, { isSecond = false } = {}): Found {
  const wanted = asIfUtc(local);
  const [before, after] = offsetsAround(wanted, zone);
  if (before === after) return { at: new Date(wanted - before), isTwice: false };
  const shown = [wanted - before, wanted - after].filter((at) => at + offsetAt(at, zone) === wanted);
  if (shown.length === 0)
    return { missing: true, next: localOf(changeAround(wanted - after, wanted - before, zone), zone) };
  const isTwice = shown.length === 2;
  return { at: new Date(isSecond ? Math.max(...shown) : Math.min(...shown)), isTwice };
}

/** The instant between these two from which the offset is the later one. */
function changeAround(from: number, to: number, zone: string): number {
  const later = offsetAt(to, zone);
  let [low, high] = [from, to];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (middle === low) break;
    if (offsetAt(middle, zone) === later) high = middle;
    else low = middle;
  }
  return high;
}

const two = (n: number) => String(n).padStart(2, "0");

/** "2026-03-12". */
export const dayOf = ({ year, month, day }: Pick<Local, "year" | "month" | "day">): string =>
  `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;

/** "14:30". */
export const hourOf = ({ hour, minute }: Pick<Local, "hour" | "minute">): string => `${two(hour)}:${two(minute)}`;

/** The instant a local day begins: midnight, or the first hour there is on the rare days that have none. */
export function startOfDay(day: string, zone: string): Date {
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  const found = instantOf({ year, month, day: date, hour: 0, minute: 0, second: 0 }, zone);
  if ("at" in found) return found.at;
  const { next } = found;
  const after = instantOf(next, zone);
  if (!("at" in after)) throw new RangeError(`No hour at all on ${day} in ${zone}.`);
  return after.at;
}

/** Another day of the calendar, `days` later or earlier. */
export function shiftDay(day: string, days: number): string {
  const moved = new Date(`${day}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}
