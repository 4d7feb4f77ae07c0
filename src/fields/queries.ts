import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { FieldDefinition } from "./definition.ts";
import { type Operand, type Period, periodDays } from "./operators.ts";
import { shiftDay, startOfDay } from "./zone.ts";

/** Conditions on one key of a JSONB column of values [FLD-1, FLD-4]. */

export interface Condition {
  /** The column of values, as written in the query: "o.values". Never of what somebody typed. */
  column: string;
  zone: string;
  /** The local day, "2026-03-12", from which periods are told. */
  today: string;
  /** A query of the ids, as text, of the people of these departments or sites. */
  people?: (by: "department" | "site", ids: readonly string[]) => RawBuilder<unknown>;
}

/**
 * The SQL of one filter. What can be is asked by `@>`, which the GIN index of the column (jsonb_path_ops) serves: equality,
 * choices, yes and no, one person. A value that another type has left behind makes none of them fail.
 */
export function fieldCondition(
  field: FieldDefinition,
  operator: string,
  operand: Operand,
  { column, zone, today, people }: Condition,
): RawBuilder<SqlBool> {
  const values = sql.raw<unknown>(column);
  const { code, type } = field;
  const text = sql`(${values} ->> ${code}::text)`;
  const holds = (value: unknown) => sql<SqlBool>`${values} @> ${JSON.stringify({ [code]: value })}::jsonb`;
  const anyOf = (given: readonly unknown[]) => or(given.map(holds));
  const isEmpty = sql<SqlBool>`(${values} -> ${code}::text) is null`;
  const isFilled = sql<SqlBool>`(${values} -> ${code}::text) is not null`;

  switch (operator) {
    case "empty":
    case "absent":
      return isEmpty;
    case "filled":
    case "present":
      return isFilled;
    case "yes":
      return holds(true);
    case "no":
      return holds(false);
    case "contains":
      return type === "phone"
        ? or(dialled(String(operand[0])).map((digits) => contains(text, digits)))
        : contains(text, String(operand[0]));
    case "any":
      return type === "multiple_choice" ? anyOf(operand.map((option) => [option])) : anyOf(operand);
    case "none":
      return sql<SqlBool>`not ${anyOf(operand)}`;
    case "all":
      return holds(operand);
    case "is":
      return anyOf(operand);
    case "department":
    case "site":
      if (!people) throw new Error(`${operator}: who is of it is not known here.`);
      return sql<SqlBool>`${text} in (${people(operator, operand.map(String))})`;
    case "equals":
      return holds(operand[0]);
  }
  if (type === "number") {
    const number = numberIn(sql`(${values} -> ${code}::text)`, text);
    const [low, high] = operand;
    if (operator === "less") return sql<SqlBool>`${number} < ${low}::numeric`;
    if (operator === "more") return sql<SqlBool>`${number} > ${low}::numeric`;
    if (operator === "between") return sql<SqlBool>`${number} between ${low}::numeric and ${high}::numeric`;
  }
  if (type === "date" || type === "datetime") {
    return within(text, daysOf(operator, operand, today), type === "date" ? null : zone);
  }
  throw new Error(`${type} has no operator ${operator}.`);
}

/** What rows are sorted by, and its type; null where empty. */
export interface SortKey {
  key: RawBuilder<unknown>;
  type: "int" | "numeric" | "text" | "timestamptz";
}

/**
 * The SQL of a sort by one field, as people read it: numbers by value, choices in the order of the options, several ones by
 * their first, people by name [OPS-7]. A value that another type has left behind comes with the empty ones.
 */
export function fieldSortKey(
  { code, type, rules }: FieldDefinition,
  { column, person }: { column: string; person: (id: RawBuilder<unknown>) => RawBuilder<unknown> },
): SortKey {
  const value = sql`(${sql.raw<unknown>(column)} -> ${code}::text)`;
  const text = sql`(${sql.raw<unknown>(column)} ->> ${code}::text)`;
  const rank = (option: RawBuilder<unknown>) =>
    sql`array_position(${(rules.options ?? []).map((one) => one.code)}::text[], ${option})`;
  switch (type) {
    case "number":
      return { key: numberIn(value, text), type: "numeric" };
    case "single_choice":
      return { key: rank(text), type: "int" };
    case "multiple_choice": {
      const ranks = sql`select string_agg(to_char(${rank(sql`e`)}, 'FM000'), ' ' order by ${rank(sql`e`)}) from jsonb_array_elements_text(${value}) e`;
      return { key: sql`(case when jsonb_typeof(${value}) = 'array' then (${ranks}) end)`, type: "text" };
    }
    case "person":
      return { key: sql`(case when ${text} ~ ${UUID} then ${person(sql`${text}::uuid`)} end)`, type: "text" };
    default:
      return { key: sql`nullif(${text}, '')`, type: "text" };
  }
}

const UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/** The number a key holds, where it does hold one. */
const numberIn = (value: RawBuilder<unknown>, text: RawBuilder<unknown>) =>
  sql`(case when jsonb_typeof(${value}) = 'number' then ${text}::numeric end)`;

/** First and last day within, either side open. */
function daysOf(code: string, operand: Operand, today: string): [string | null, string | null] {
  const [first, last] = operand.map(String) as [string, string];
  if (code === "on") return [first, first];
  if (code === "before") return [null, shiftDay(first, -1)];
  if (code === "after") return [shiftDay(first, 1), null];
  if (code === "between") return [first, last];
  return periodDays(first as Period, today);
}

/** Days and instants are kept in texts whose order is that of time, told by their bytes. */
function within(
  text: RawBuilder<unknown>,
  [from, to]: [string | null, string | null],
  zone: string | null,
): RawBuilder<SqlBool> {
  const told = sql`${text} collate "C"`;
  const parts: RawBuilder<SqlBool>[] = [];
  if (from !== null) parts.push(sql<SqlBool>`${told} >= ${zone ? startOfDay(from, zone).toISOString() : from}`);
  if (to !== null) {
    parts.push(
      zone
        ? sql<SqlBool>`${told} < ${startOfDay(shiftDay(to, 1), zone).toISOString()}`
        : sql<SqlBool>`${told} <= ${to}`,
    );
  }
  return sql<SqlBool>`(${sql.join(parts, sql` and `)})`;
}

/** Neither case nor accents; `%` and `_` are letters like others [OPS-6]. */
const contains = (text: RawBuilder<unknown>, wanted: string) =>
  sql<SqlBool>`strpos(public.folded(${text}), public.folded(${wanted}::text)) > 0`;

/** A number is kept as "+33102030405" and looked for as "01 02", or by what stands in its middle. */
function dialled(typed: string): string[] {
  const digits = typed.replace(/[^\d+]/g, "");
  return digits.startsWith("0") ? [digits, `+33${digits.slice(1)}`] : [digits || typed];
}

const or = (conditions: RawBuilder<SqlBool>[]) =>
  conditions.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`(${sql.join(conditions, sql` or `)})`;
