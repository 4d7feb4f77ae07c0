import type { FieldDefinition, FieldType } from "./definition.ts";
import { readDate } from "./moments.ts";
import { readNumber } from "./numbers.ts";
import type { Reading } from "./read.ts";
import { bare, quoted, tidy } from "./text.ts";
import { shiftDay } from "./zone.ts";

/** What a list may be filtered by, for each type of field [FLD-4, last column]. */

/** What an operator is given: nothing, one value, two, several, or the word of a period. */
export type OperandKind = "none" | "one" | "two" | "many" | "period";

export interface Operator {
  code: string;
  /** French, between the field's label and what is given: "Site · contient · nord". */
  label: string;
  takes: OperandKind;
}

const EMPTY: Operator = { code: "empty", label: "est vide", takes: "none" };
const FILLED: Operator = { code: "filled", label: "est renseigné", takes: "none" };
const CONTAINS: Operator = { code: "contains", label: "contient", takes: "one" };
const EQUALS: Operator = { code: "equals", label: "est exactement", takes: "one" };

const WORDS = [CONTAINS, EMPTY, FILLED];
const DAYS: Operator[] = [
  { code: "on", label: "est le", takes: "one" },
  { code: "before", label: "est avant le", takes: "one" },
  { code: "after", label: "est après le", takes: "one" },
  { code: "between", label: "est entre", takes: "two" },
  { code: "relative", label: "est", takes: "period" },
  EMPTY,
  FILLED,
];

export const OPERATORS: Record<FieldType, readonly Operator[]> = {
  short_text: [CONTAINS, EQUALS, EMPTY, FILLED],
  long_text: WORDS,
  number: [
    { code: "equals", label: "est égal à", takes: "one" },
    { code: "less", label: "est inférieur à", takes: "one" },
    { code: "more", label: "est supérieur à", takes: "one" },
    { code: "between", label: "est entre", takes: "two" },
    EMPTY,
    FILLED,
  ],
  date: DAYS,
  datetime: DAYS,
  boolean: [{ code: "yes", label: "est oui", takes: "none" }, { code: "no", label: "est non", takes: "none" }, EMPTY],
  single_choice: [
    { code: "any", label: "est l’un de", takes: "many" },
    { code: "none", label: "n’est aucun de", takes: "many" },
    EMPTY,
    FILLED,
  ],
  multiple_choice: [
    { code: "any", label: "contient l’un de", takes: "many" },
    { code: "all", label: "contient tous", takes: "many" },
    EMPTY,
    FILLED,
  ],
  email: WORDS,
  phone: WORDS,
  url: WORDS,
  person: [
    { code: "is", label: "est", takes: "many" },
    { code: "department", label: "est du service", takes: "many" },
    { code: "site", label: "est du site", takes: "many" },
    EMPTY,
    FILLED,
  ],
  attachment: [
    { code: "present", label: "est déposée", takes: "none" },
    { code: "absent", label: "manque", takes: "none" },
  ],
};

export const operatorOf = (type: FieldType, code: string): Operator | undefined =>
  OPERATORS[type].find((operator) => operator.code === code);

/** Periods told from today, in the zone of who asks: both ends are within. */
export const PERIODS = {
  today: "aujourd’hui",
  yesterday: "hier",
  tomorrow: "demain",
  this_week: "cette semaine",
  last_week: "la semaine dernière",
  next_week: "la semaine prochaine",
  this_month: "ce mois-ci",
  last_month: "le mois dernier",
  next_month: "le mois prochain",
  this_year: "cette année",
  last_7_days: "dans les 7 derniers jours",
  next_7_days: "dans les 7 prochains jours",
  last_30_days: "dans les 30 derniers jours",
  next_30_days: "dans les 30 prochains jours",
  past: "dans le passé",
  future: "dans l’avenir",
} as const;
export type Period = keyof typeof PERIODS;

/**
 * The first and last day of a period, today included where it is named: a week goes from Monday to Sunday, "the last 7 days"
 * end today and "the next 7" begin today. An open side is null.
 */
export function periodDays(period: Period, today: string): [from: string | null, to: string | null] {
  const weekday = (new Date(`${today}T00:00:00Z`).getUTCDay() + 6) % 7;
  const monday = shiftDay(today, -weekday);
  const [year, month] = today.split("-").map(Number) as [number, number];
  const monthDays = (shift: number): [string, string] => {
    const first = new Date(Date.UTC(year, month - 1 + shift, 1)).toISOString().slice(0, 10);
    const last = new Date(Date.UTC(year, month + shift, 0)).toISOString().slice(0, 10);
    return [first, last];
  };
  switch (period) {
    case "today":
      return [today, today];
    case "yesterday":
      return [shiftDay(today, -1), shiftDay(today, -1)];
    case "tomorrow":
      return [shiftDay(today, 1), shiftDay(today, 1)];
    case "this_week":
      return [monday, shiftDay(monday, 6)];
    case "last_week":
      return [shiftDay(monday, -7), shiftDay(monday, -1)];
    case "next_week":
      return [shiftDay(monday, 7), shiftDay(monday, 13)];
    case "this_month":
      return monthDays(0);
    case "last_month":
      return monthDays(-1);
    case "next_month":
      return monthDays(1);
    case "this_year":
      return [`${today.slice(0, 4)}-01-01`, `${today.slice(0, 4)}-12-31`];
    case "last_7_days":
      return [shiftDay(today, -6), today];
    case "next_7_days":
      return [today, shiftDay(today, 6)];
    case "last_30_days":
      return [shiftDay(today, -29), today];
    case "next_30_days":
      return [today, shiftDay(today, 29)];
    case "past":
      return [null, shiftDay(today, -1)];
    case "future":
      return [shiftDay(today, 1), null];
  }
}

/** What an operator compares with, once read: texts, days, numbers, option codes or ids. */
export type Operand = readonly (string | number)[];

/**
 * Reads what an address or a form gives an operator, in the forms values themselves are typed in. A problem is a French
 * sentence.
 */
export function readOperand(
  field: FieldDefinition,
  operator: Operator,
  given: readonly string[],
  reading: Reading,
): { operand: Operand } | { problem: string } {
  const texts = given.map(tidy).filter((text) => text !== "");
  if (operator.takes === "none") return { operand: [] };
  const wanted = operator.takes === "two" ? 2 : 1;
  if (texts.length < wanted || (operator.takes !== "many" && texts.length > wanted)) {
    return { problem: wanted === 2 ? "Donnez les deux bornes de ce filtre." : "Donnez une valeur à ce filtre." };
  }
  if (operator.takes === "period") {
    return texts[0]! in PERIODS
      ? { operand: texts }
      : { problem: `${quoted(texts[0]!)} n’est pas une période de ce filtre.` };
  }
  const operand: (string | number)[] = [];
  for (const text of texts) {
    const read = readOne(field, text, reading);
    if ("problem" in read) return read;
    if (read.value !== null) operand.push(read.value);
  }
  if (operator.takes === "two") operand.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { operand };
}

function readOne(
  field: FieldDefinition,
  text: string,
  reading: Reading,
): { value: string | number | null } | { problem: string } {
  switch (field.type) {
    case "number":
      return readNumber(text, reading, field.rules);
    case "date":
    case "datetime":
      return readDate(text, reading);
    case "single_choice":
    case "multiple_choice": {
      const options = field.rules.options ?? [];
      // An address says codes: the label of one may be the code of another.
      const option =
        options.find(({ code }) => code === text) ?? options.find(({ label }) => bare(label) === bare(text));
      return option ? { value: option.code } : { problem: `${quoted(text)} n’est pas une option de ce champ.` };
    }
    default:
      return { value: text };
  }
}
