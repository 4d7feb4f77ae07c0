import { isDamaged } from "../platform/sheets/damaged.ts";
import type { Reading } from "./read.ts";
import { quoted, tidy } from "./text.ts";
import { hourOf, instantOf, dayOf as iso, type Local, localOf } from "./zone.ts";

/** Days and hours as people and spreadsheets write them [IMP-14, IMP-15, TIM-2]. Nothing rolls over. */

export type Answer<T> = { value: T | null } | { problem: string };

const MONTHS = new Map(
  [
    ["janvier", "janv", "jan"],
    ["fevrier", "fevr", "fev"],
    ["mars", "mar"],
    ["avril", "avr"],
    ["mai"],
    ["juin"],
    ["juillet", "juil"],
    ["aout"],
    ["septembre", "sept", "sep"],
    ["octobre", "oct"],
    ["novembre", "nov"],
    ["decembre", "dec"],
  ].flatMap((names, rank) => names.map((name) => [name, rank + 1] as const)),
);

const NUMERIC = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})$/;
const WORDS =
  /^(?:(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche),? )?(\d{1,2}|1er) ([a-z]{3,9})\.? (\d{4}|\d{2})$/;
const ISO_MOMENT = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/;
const HOUR = /^(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,]0+)?)?| ?h ?(\d{2})?)$/i;
/** A day, then an hour: "31/12/2026 15:00", "31 décembre 2026 à 9 h 30", "2026-12-31, 15h". */
const WITH_HOUR = /^(.*?\d)(?:,| à| a)? +(\d{1,2} ?(?::|h).*)$/i;

interface Day {
  year: number;
  month: number;
  day: number;
}

interface Hour {
  hour: number;
  minute: number;
  second: number;
}

const FORMS = "Écrivez-la comme 31/12/2026, 2026-12-31 ou 31 décembre 2026.";
const HOUR_FORMS = "Écrivez-la comme 15:00 ou 15h30.";

/** A calendar day from 1900 to 2100, as "2026-03-12"; an hour written after it is left out. */
export function readDate(text: string, reading: Pick<Reading, "isMonthFirst" | "zone">): Answer<string> {
  const typed = tidy(text);
  if (typed === "") return { value: null };
  const read = dayAndHour(typed, reading);
  if ("problem" in read) return read;
  return { value: iso(read.offset === undefined ? read.day : localOf(exact(read), reading.zone)) };
}

/**
 * An instant in UTC from a day, and from an hour that may stand in its own column, after the day, or nowhere: the default
 * hour then. An hour that clocks skip that day is refused with the next one [TIM-2]; one they show twice is the first.
 */
export function readMoment(
  dateText: string,
  hourText: string | null | undefined,
  reading: Pick<Reading, "isMonthFirst" | "zone" | "defaultHour">,
): Answer<string> {
  const typed = tidy(dateText);
  const typedHour = tidy(hourText ?? "");
  if (typed === "") {
    return typedHour === ""
      ? { value: null }
      : { problem: `L’heure ${quoted(typedHour)} n’a pas de date. Écrivez aussi le jour.` };
  }
  const read = dayAndHour(typed, reading);
  if ("problem" in read) return read;
  if (typedHour === "" && read.offset !== undefined) return { value: new Date(exact(read)).toISOString() };
  let hour = read.hour;
  if (typedHour !== "") {
    const apart = readHourParts(typedHour);
    if ("problem" in apart) return apart;
    hour = apart;
  }
  hour ??= defaultHour(reading.defaultHour);
  const local: Local = { ...read.day, ...hour };
  const found = instantOf(local, reading.zone);
  if ("at" in found) return { value: found.at.toISOString() };
  return {
    problem: `Le ${french(read.day)}, ${hourOf(local)} n’existe pas : les horloges passent à l’heure d’été. L’heure suivante est ${hourOf(found.next)}.`,
  };
}

/** An hour of the day, as "09:30" (IMP-15). */
export function readHour(text: string): Answer<string> {
  const typed = tidy(text);
  if (typed === "") return { value: null };
  const read = readHourParts(typed);
  return "problem" in read ? read : { value: hourOf(read) };
}

const defaults = new Map<string, Hour>();

function defaultHour(text: string): Hour {
  const known = defaults.get(text);
  if (known) return known;
  const read = readHourParts(text);
  if ("problem" in read) throw new RangeError(`Not an hour: ${text}`);
  defaults.set(text, read);
  return read;
}

interface Read {
  day: Day;
  hour: Hour | null;
  /** Minutes ahead of UTC, when the text says it. */
  offset?: number;
}

function dayAndHour(typed: string, reading: Pick<Reading, "isMonthFirst">): Read | { problem: string } {
  const alone = readDay(typed, reading);
  if (alone) return "problem" in alone ? alone : { day: alone, hour: null };
  if (isDamaged(typed))
    return {
      problem: `${quoted(typed)} est un nombre abîmé par le tableur. Mettez la colonne au format Date dans le tableur.`,
    };
  const machine = ISO_MOMENT.exec(typed);
  if (machine) {
    const day = readDay(machine[1]!, reading)!;
    if ("problem" in day) return day;
    const hour = readHourParts(machine[2]!.replace(/[.,]\d+$/, ""));
    if ("problem" in hour) return hour;
    return { day, hour, ...(machine[3] && { offset: offsetOf(machine[3]) }) };
  }
  const both = typed.length < 80 ? WITH_HOUR.exec(typed.replace(/[\s\u00a0\u202f]+/gu, " ")) : null;
  const day = both && readDay(both[1]!, reading);
  if (!day) return { problem: `${quoted(typed)} n’est pas une date. ${FORMS}` };
  if ("problem" in day) return day;
  const hour = readHourParts(both[2]!);
  return "problem" in hour ? hour : { day, hour };
}

/** Null when the text is no date at all; a problem when it is one that the calendar does not have. */
function readDay(
  typed: string,
  { isMonthFirst = false }: Pick<Reading, "isMonthFirst">,
): Day | { problem: string } | null {
  const numeric = NUMERIC.exec(typed);
  if (numeric) {
    const [first, second] = [Number(numeric[1]), Number(numeric[3])];
    const parts = isMonthFirst ? { day: second, month: first } : { day: first, month: second };
    const problem = checkDay({ ...parts, year: fullYear(numeric[4]!) });
    if (!problem) return { ...parts, year: fullYear(numeric[4]!) };
    const isOther = parts.month > 12 && parts.day <= 12 && parts.month <= 31;
    return { problem: problem(typed, isOther ? (isMonthFirst ? "lu mois puis jour" : "lu jour puis mois") : "") };
  }
  const machine = ISO.exec(typed);
  if (machine) {
    const day = { year: Number(machine[1]), month: Number(machine[2]), day: Number(machine[3]) };
    return checkDay(day) ? { problem: checkDay(day)!(typed, "") } : day;
  }
  if (typed.length > 40 || !/[a-zé]/i.test(typed)) return null;
  const words = WORDS.exec(
    typed
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .replace(/[\s\u00a0\u202f]+/gu, " ")
      .toLowerCase(),
  );
  const month = words && MONTHS.get(words[2]!);
  if (!words || !month) return null;
  const day = { year: fullYear(words[3]!), month, day: Number.parseInt(words[1]!, 10) };
  return checkDay(day) ? { problem: checkDay(day)!(typed, "") } : day;
}

const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function checkDay({ year, month, day }: Day): ((typed: string, order: string) => string) | null {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const length = month === 2 && isLeap ? 29 : (LENGTHS[month - 1] ?? 0);
  if (day < 1 || day > length) {
    return (typed, order) =>
      `Le ${typed} n’est pas dans le calendrier${order && ` (${order})`}. Corrigez le jour ou le mois.`;
  }
  if (year < 1900 || year > 2100) return (typed) => `Le ${typed} est hors des années 1900 à 2100. Corrigez l’année.`;
  return null;
}

/** 00–69 are of this century, 70–99 of the last [IMP-14]. */
const fullYear = (text: string): number => {
  const year = Number(text);
  return text.length === 4 ? year : year < 70 ? 2000 + year : 1900 + year;
};

function readHourParts(typed: string): Hour | { problem: string } {
  const parts = HOUR.exec(typed.replace(/[\s\u00a0\u202f]+/gu, " "));
  if (!parts) return { problem: `${quoted(typed)} n’est pas une heure. ${HOUR_FORMS}` };
  const [hour, minute, second] = [Number(parts[1]), Number(parts[2] ?? parts[4] ?? 0), Number(parts[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) {
    return { problem: `${quoted(typed)} n’est pas une heure : elles vont de 00:00 à 23:59. ${HOUR_FORMS}` };
  }
  return { hour, minute, second };
}

const offsetOf = (text: string): number => {
  if (text === "Z") return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return text.startsWith("-") ? -minutes : minutes;
};

const exact = ({ day, hour, offset = 0 }: Read): number =>
  Date.UTC(day.year, day.month - 1, day.day, hour!.hour, hour!.minute, hour!.second) - offset * 60_000;

const two = (n: number) => String(n).padStart(2, "0");
const french = ({ year, month, day }: Day): string => `${two(day)}/${two(month)}/${year}`;
