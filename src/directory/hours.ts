import { RuleBroken } from "../platform/errors.ts";

/** Monday first, as ISO weeks number them (GEN-2). */
export const WEEKDAYS = [
  { day: 1, label: "Lundi" },
  { day: 2, label: "Mardi" },
  { day: 3, label: "Mercredi" },
  { day: 4, label: "Jeudi" },
  { day: 5, label: "Vendredi" },
  { day: 6, label: "Samedi" },
  { day: 7, label: "Dimanche" },
] as const;

/** "08:30" to "12:00", wall-clock time; the end may be "24:00". */
export type TimeRange = [from: string, to: string];

/** Ranges of each weekday, 1 to 7, in order and apart; a day without any is closed. */
export type WeekHours = Record<string, TimeRange[]>;

export const OFFICE_HOURS: WeekHours = Object.fromEntries(
  WEEKDAYS.map(({ day }) => [
    day,
    day > 5
      ? []
      : [
          ["08:30", "12:00"],
          ["13:30", "17:00"],
        ],
  ]),
);

const TIME = String.raw`(\d{1,2})(?:\s*[h:.]\s*(\d{2})?)?`;
const RANGE = new RegExp(String.raw`^(?:de\s+)?${TIME}\s*(?:-|–|—|à|a)\s*${TIME}$`, "iu");
const MOST_RANGES = 4;
const EXAMPLE = "par exemple 8:30-12:00, 13:30-17:00";

/** One day as typed: "8h-12h, 13:30-17:00", or nothing when closed. Refused on `field`, with an example. */
export function readDay(text: string, field: string): TimeRange[] {
  const typed = text.trim();
  if (typed === "" || /^ferm[ée]e?$/iu.test(typed)) return [];
  const parts = typed.split(/\s*[,;/]\s*|\s+et\s+/iu).filter(Boolean);
  if (parts.length > MOST_RANGES) throw new RuleBroken(`Donnez au plus ${MOST_RANGES} plages pour une journée.`, field);
  const ranges = parts.map((part): TimeRange => {
    const [, fromHour = "", fromMinute = "00", toHour = "", toMinute = "00"] = RANGE.exec(part) ?? [];
    const [from, to] = [timeOf(fromHour, fromMinute), timeOf(toHour, toMinute)];
    if (from === null || to === null) {
      throw new RuleBroken(
        `«\u00a0${part.slice(0, 40)}\u00a0» n’est pas une plage d’heures. Écrivez-la ${EXAMPLE}.`,
        field,
      );
    }
    if (to <= from) throw new RuleBroken(`La plage ${from}–${to} finit avant de commencer.`, field);
    return [from, to];
  });
  ranges.sort(([a], [b]) => (a < b ? -1 : 1));
  const overlap = ranges.find(([from], i) => i > 0 && from < ranges[i - 1]![1]);
  if (overlap) throw new RuleBroken(`Deux plages se chevauchent à ${overlap[0]}.`, field);
  return ranges;
}

function timeOf(hour: string, minute: string): string | null {
  if (hour === "" || Number(hour) * 60 + Number(minute) > 24 * 60 || Number(minute) > 59) return null;
  return `${hour.padStart(2, "0")}:${minute}`;
}

/** As one types it: "08:30-12:00, 13:30-17:00". */
export const typedDay = (hours: WeekHours, day: number): string => rangesOf(hours, day, "-");

/** As one reads it: "08:30–12:00, 13:30–17:00", or "fermé". */
export const saidDay = (hours: WeekHours, day: number, closed = "fermé"): string => rangesOf(hours, day, "–") || closed;

const rangesOf = (hours: WeekHours, day: number, dash: string) =>
  (hours[day] ?? []).map((range) => range.join(dash)).join(", ");

/** The week in few lines, days alike together: "lundi à vendredi : 08:30–12:00, 13:30–17:00". */
export function saidWeek(hours: WeekHours, closed?: string): { days: string; hours: string }[] {
  const runs: { first: number; last: number; hours: string }[] = [];
  for (const { day } of WEEKDAYS) {
    const said = saidDay(hours, day, closed);
    const run = runs.at(-1);
    if (run?.hours === said) run.last = day;
    else runs.push({ first: day, last: day, hours: said });
  }
  const name = (day: number) => WEEKDAYS[day - 1]!.label.toLowerCase();
  return runs.map(({ first, last, hours: said }) => ({
    days: first === last ? name(first) : `${name(first)} ${last === first + 1 ? "et" : "à"} ${name(last)}`,
    hours: said,
  }));
}

/** The same on one line, for history. */
export const toldWeek = (value: unknown): string =>
  saidWeek(value as WeekHours)
    .map(({ days, hours }) => `${days}\u00a0: ${hours}`)
    .join("\u202f; ");

/** Whether this wall-clock moment falls in the ranges of its day; the end of a range is out of it. */
export const isWithin = (hours: WeekHours, { weekday, time }: { weekday: number; time: string }): boolean =>
  (hours[weekday] ?? []).some(([from, to]) => from <= time && time < to);

/** The seven fields of a form, by their names. */
export const DAY_FIELDS = WEEKDAYS.map(({ day, label }) => ({ day, label, field: `day${day}` }));

/** Reads the seven fields of a form; the first refused day is named. */
export const readWeek = (values: Record<string, string | undefined>): WeekHours =>
  Object.fromEntries(DAY_FIELDS.map(({ day, field }) => [day, readDay(values[field] ?? "", field)]));
