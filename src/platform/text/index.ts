import { percentOf, type Ratio } from "./ratio.ts";
import { typo } from "./typo.ts";

/**
 * French as the screens speak it: dates in words in the organisation's zone, numbers with narrow spaces, plurals.
 * Everything rests on Intl; what Intl writes otherwise than our screens (the first of the month, the space before a
 * per cent sign) is mended here and nowhere else.
 */

const NARROW = "\u202f";
const NO_BREAK = "\u00a0";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Moment = Date | string | number;

/** Formatters are slow to build and pages print hundreds of dates. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const numberFormatters = new Map<number, Intl.NumberFormat>();
const conjunction = new Intl.ListFormat("fr-FR", { type: "conjunction" });

function formatter(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  const known = formatters.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat("fr-FR", { ...options, timeZone: zone });
  formatters.set(key, made);
  return made;
}

function numberFormatter(decimals: number): Intl.NumberFormat {
  const known = numberFormatters.get(decimals);
  if (known) return known;
  const made = new Intl.NumberFormat("fr-FR", { maximumFractionDigits: decimals });
  numberFormatters.set(decimals, made);
  return made;
}

function moment(value: Moment): Date {
  const date = value instanceof Date ? value : new Date(value);
  if (Number.isNaN(date.getTime())) throw new RangeError(`Not a date: ${String(value)}`);
  return date;
}

/** "jeudi 12 mars 2026", "dimanche 1er mars 2026". */
function date(value: Moment, zone: string): string {
  const words = formatter(zone, "date", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  return words
    .formatToParts(moment(value))
    .map((part) => (part.type === "day" && part.value === "1" ? "1er" : part.value))
    .join("");
}

/** "12/03/2026". */
const shortDate = (value: Moment, zone: string): string =>
  formatter(zone, "short", { day: "2-digit", month: "2-digit", year: "numeric" }).format(moment(value));

/** "14:30". */
const time = (value: Moment, zone: string): string =>
  formatter(zone, "time", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment(value));

/** "14:11:38", for what happened rather than for what is planned. */
const exactTime = (value: Moment, zone: string): string =>
  formatter(zone, "exact", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(
    moment(value),
  );

/** "jeudi 12 mars 2026, 10:00". */
const dateTime = (value: Moment, zone: string): string => `${date(value, zone)}, ${time(value, zone)}`;

/** The machine form of `<time datetime>`. */
const iso = (value: Moment): string => moment(value).toISOString();

/** "il y a 3 min", "dans 2 h", "il y a 5 jours": a distance, for lists that also give the date on hover or beside. */
function ago(value: Moment, now: Moment): string {
  const gap = moment(now).getTime() - moment(value).getTime();
  const size = Math.abs(gap);
  if (size < MINUTE_MS) return "à l’instant";
  const distance = (): string => {
    if (size < HOUR_MS) return `${Math.floor(size / MINUTE_MS)}${NO_BREAK}min`;
    if (size < DAY_MS) return `${Math.floor(size / HOUR_MS)}${NO_BREAK}h`;
    const days = Math.floor(size / DAY_MS);
    if (days < 31) return count(days, "jour", "jours");
    if (days < 365) return `${Math.floor(days / 30.5)}${NO_BREAK}mois`;
    return count(Math.floor(days / 365.25) || 1, "an", "ans");
  };
  return gap > 0 ? `il y a ${distance()}` : `dans ${distance()}`;
}

/** "1 842", "3,5": thousands apart by a narrow space, at most two decimals unless asked. */
function number(value: number, decimals = 2): string {
  if (!Number.isFinite(value)) throw new RangeError(`Not a number to print: ${value}`);
  return numberFormatter(decimals).format(value).replaceAll(NO_BREAK, NARROW);
}

/** A share of 1: `percent(0.731)` is "73,1 %". */
function percent(share: number, decimals = 1): string {
  return `${number(share * 100, decimals)}${NO_BREAK}%`;
}

/** A ratio as every figure prints it (STA-7): always one decimal, "88,0 %"; "—" of nothing. */
function ratio(of: Ratio): string {
  const value = percentOf(of);
  return value === null ? "—" : `${value.toFixed(1).replace(".", ",")}${NO_BREAK}%`;
}

/** "1 acte", "0 acte", "1 842 actes": French keeps the singular below two. */
function count(n: number, singular: string, plural: string): string {
  return `${number(n)} ${Math.abs(n) < 2 ? singular : plural}`;
}

/** "Sophie Marchand" gives "SM", "Jean-Luc" gives "JL", "Awa" gives "A". */
function initials(name: string): string {
  const words = name.split(/[\s-]+/u).filter((word) => /\p{L}/u.test(word));
  const kept = words.length > 2 ? [words[0]!, words.at(-1)!] : words;
  return kept
    .map((word) => [...word.normalize("NFC")].find((sign) => /\p{L}/u.test(sign))!.toLocaleUpperCase("fr"))
    .join("");
}

/** A sentence after a colon: "Écrivez 3 lettres." gives "écrivez 3 lettres.", and "TVA manquante." stays. */
const afterColon = (text: string): string =>
  /^\p{Lu}(?!\p{Lu})/u.test(text) ? text.charAt(0).toLocaleLowerCase("fr") + text.slice(1) : text;

/** "a", "a et b", "a, b et c". */
const list = (words: readonly string[]): string => conjunction.format(words);

// Vowels, mute h, and y before a consonant ("d’Yves", but "de Yann").
const ELIDES = /^(?:[aeiouœæ]|h|y(?![aeiou]))/i;

/** "de Karim Benali", "d’Hélène Vasseur". */
const of = (name: string): string =>
  ELIDES.test(name.normalize("NFD").replace(/\p{M}/gu, "")) ? `d’${name}` : `de ${name}`;

export const fr = {
  of,
  afterColon,
  date,
  shortDate,
  time,
  exactTime,
  dateTime,
  iso,
  ago,
  number,
  percent,
  ratio,
  count,
  initials,
  list,
  typo,
};
export type French = typeof fr;
export { percentOf, type Ratio, typo };
