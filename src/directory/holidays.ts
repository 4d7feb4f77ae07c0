/**
 * Public holidays and working days, computed for any year without network [SLT-8, GEN-4]. Pure: days are "2026-05-14".
 */
import { easter } from "date-easter";

/** A holiday by its day and its name. */
export interface Holiday {
  day: string;
  label: string;
  /** True of one that the zone adds to the eleven of everywhere. */
  isLocal: boolean;
}

const DAY_MS = 86_400_000;

/** Of a month and a day, everywhere. */
const FIXED: [monthDay: string, label: string][] = [
  ["01-01", "Jour de l’an"],
  ["05-01", "Fête du Travail"],
  ["05-08", "Victoire de 1945"],
  ["07-14", "Fête nationale"],
  ["08-15", "Assomption"],
  ["11-01", "Toussaint"],
  ["11-11", "Armistice de 1918"],
  ["12-25", "Noël"],
];

/** So many days after Easter, everywhere. */
const MOVABLE: [days: number, label: string][] = [
  [1, "Lundi de Pâques"],
  [39, "Ascension"],
  [50, "Lundi de Pentecôte"],
];

const GOOD_FRIDAY = -2;

/** What a zone adds; one that is not here has the eleven common days. */
const LOCAL: Record<string, { monthDay: string; label: string }[]> = {
  "alsace-moselle": [{ monthDay: "12-26", label: "Saint-Étienne" }],
  mayotte: [{ monthDay: "04-27", label: "Abolition de l’esclavage" }],
  martinique: [{ monthDay: "05-22", label: "Abolition de l’esclavage" }],
  guadeloupe: [{ monthDay: "05-27", label: "Abolition de l’esclavage" }],
  "saint-martin": [{ monthDay: "05-28", label: "Abolition de l’esclavage" }],
  guyane: [{ monthDay: "06-10", label: "Abolition de l’esclavage" }],
  "saint-barthelemy": [{ monthDay: "10-09", label: "Abolition de l’esclavage" }],
  "la-reunion": [{ monthDay: "12-20", label: "Abolition de l’esclavage" }],
};

const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10);
const pad = (number: number, size: number) => String(number).padStart(size, "0");

const known = new Map<string, Holiday[]>();

/** The holidays of a year in a zone, in order; a zone nobody declared has those of everywhere [SLT-8]. */
export function holidaysOf(year: number, zone: string): Holiday[] {
  const key = `${year} ${zone}`;
  const found = known.get(key);
  if (found) return found;
  const { month, day } = easter(year);
  const sunday = Date.parse(`${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`);
  const afterEaster = (days: number) => isoDay(sunday + days * DAY_MS);
  const holidays: Holiday[] = [
    ...FIXED.map(([monthDay, label]) => ({ day: `${pad(year, 4)}-${monthDay}`, label, isLocal: false })),
    ...MOVABLE.map(([days, label]) => ({ day: afterEaster(days), label, isLocal: false })),
    ...(LOCAL[zone] ?? []).map(({ monthDay, label }) => ({ day: `${pad(year, 4)}-${monthDay}`, label, isLocal: true })),
    ...(zone === "alsace-moselle" ? [{ day: afterEaster(GOOD_FRIDAY), label: "Vendredi saint", isLocal: true }] : []),
  ].sort((a, b) => (a.day < b.day ? -1 : 1));
  if (known.size > 1_000) known.clear();
  known.set(key, holidays);
  return holidays;
}

/** The name of the holiday this day is, or null. */
export const holidayOn = (day: string, zone: string): string | null =>
  holidaysOf(Number(day.slice(0, 4)), zone).find((one) => one.day === day)?.label ?? null;

/** 1 for Monday to 7 for Sunday. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay() || 7;

export interface Calendar {
  /** The holiday zone of the site, else of the campaign, else of the organisation. */
  zone: string;
  /** Days the campaign closes besides. */
  closedDays?: ReadonlySet<string> | readonly string[];
}

/** Monday to Friday, minus the holidays of the zone and the closed days [GEN-4]. */
export function isWorkingDay(day: string, { zone, closedDays = [] }: Calendar): boolean {
  if (weekdayOf(day) > 5 || holidayOn(day, zone) !== null) return false;
  return !(Array.isArray(closedDays) ? closedDays.includes(day) : (closedDays as ReadonlySet<string>).has(day));
}

/** How many working days there are from this day to that one, both included [GEN-4]; none when it comes before. */
export function countWorkingDays(from: string, to: string, calendar: Calendar): number {
  if (to < from) return 0;
  // Told week by week, then by what closes: pages count a campaign of years for each line of their tables.
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  const weeks = Math.floor(days / 7);
  let count = weeks * 5;
  for (let rest = weeks * 7, weekday = weekdayOf(from); rest < days; rest++, weekday = (weekday % 7) + 1)
    if (weekday <= 5) count += 1;
  const closed = new Set(calendar.closedDays);
  for (let year = Number(from.slice(0, 4)); year <= Number(to.slice(0, 4)); year++)
    for (const { day } of holidaysOf(year, calendar.zone)) closed.add(day);
  for (const day of closed) if (day >= from && day <= to && weekdayOf(day) <= 5) count -= 1;
  return count;
}

/** No calendar closes a whole year: one that does is a mistake, and is said so rather than looked through for ever. */
const MOST_CLOSED = 366;

/**
 * The n-th working day after this one, or before it when n is negative [GEN-4]; 0 is the day itself, worked or not. Throws
 * RangeError when the calendar has no working day for a year.
 */
export function addWorkingDays(day: string, n: number, calendar: Calendar): string {
  const step = n < 0 ? -DAY_MS : DAY_MS;
  let at = Date.parse(day);
  for (let left = Math.abs(n), closed = 0; left > 0; ) {
    at += step;
    if (isWorkingDay(isoDay(at), calendar)) {
      left -= 1;
      closed = 0;
    } else if (++closed > MOST_CLOSED) throw new RangeError("No working day in a whole year of this calendar.");
  }
  return isoDay(at);
}
