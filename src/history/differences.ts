import type { Tracked, TrackedColumn } from "../platform/db/tracking.ts";
import { fr } from "../platform/text/index.ts";

/** One field of one row as people read it: its French name, what it was, what it became. */
export interface Difference {
  label: string;
  /** Null when there is nothing to show on that side: a creation, a deletion. */
  before: string | null;
  after: string | null;
}

export const EMPTY_VALUE = "(vide)";
const CHANGED_SECRET = "modifié";

interface Reading {
  zone: string;
  /** Names of the accounts and objects that values may point to. */
  names: Map<string, string>;
  /** How the module of the object tells a column, or a key of a keyed one: see Subject.reads. */
  tell?: (name: string, value: unknown) => { label: string; text: string } | null | undefined;
}

/**
 * The columns of a change, in the order the manifest names them; columns it no longer names keep their own name. What a
 * row was born without, or died without, is no difference.
 */
export function differences(
  tracked: Pick<Tracked, "columns"> | undefined,
  change: { before: Record<string, unknown> | null; after: Record<string, unknown> | null },
  reading: Reading,
): Difference[] {
  const present = new Set([...Object.keys(change.before ?? {}), ...Object.keys(change.after ?? {})]);
  const known = Object.keys(tracked?.columns ?? {}).filter((column) => present.delete(column));
  const told = [...known, ...present].filter((name) => {
    const [before, after] = [change.before?.[name] ?? null, change.after?.[name] ?? null];
    return before !== null || after !== null;
  });
  return told.flatMap((name) => {
    const column = tracked?.columns[name] ?? { label: name };
    const own = ownWords(name, change, reading);
    if (own !== undefined) return own ?? [];
    if (column.format === "hidden") return [];
    if (column.isKeyed) {
      const sides = [change.before, change.after].map((values) => objectIn(values, name));
      const keys = new Set(sides.flatMap((values) => Object.keys(values ?? {})));
      const [before, after] = sides.map((values) => prefixed(name, values));
      if (reading.tell) return [...keys].flatMap((key) => ownWords(`${name}.${key}`, { before, after }, reading) ?? []);
      const inside = { before: objectIn(change.before, name), after: objectIn(change.after, name) };
      return differences({ columns: {} }, inside, reading);
    }
    const side = (values: Record<string, unknown> | null) => (values ? readable(column, values[name], reading) : null);
    return { label: column.label, before: side(change.before), after: side(change.after) };
  });
}

/** What the module of the object says of this column; null: nothing to this reader; undefined: the manifest knows. */
function ownWords(
  name: string,
  { before, after }: { before?: Record<string, unknown> | null; after?: Record<string, unknown> | null },
  { tell }: Reading,
): Difference | null | undefined {
  const words = (values: Record<string, unknown> | null | undefined) =>
    values ? tell?.(name, values[name] ?? null) : undefined;
  const [was, is] = [words(before), words(after)];
  const known = is === undefined ? was : is;
  if (!known) return known;
  const side = (values: object | null | undefined, told: typeof was) => (values ? told?.text || EMPTY_VALUE : null);
  return { label: known.label, before: side(before, was), after: side(after, is) };
}

const prefixed = (name: string, values: Record<string, unknown> | null) =>
  values && Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}.${key}`, value]));

const objectIn = (values: Record<string, unknown> | null, name: string): Record<string, unknown> | null =>
  values && ((values[name] ?? {}) as Record<string, unknown>);

/** Which of two files it was, without its name, which may be a person's. */
const fileOf = (id: string) => `fichier ${id.slice(-4)}`;

function readable(column: TrackedColumn, value: unknown, { zone, names }: Reading): string {
  if (value === null || value === undefined || value === "") return EMPTY_VALUE;
  if (column.format === "secret") return CHANGED_SECRET;
  if (column.format === "file") return fileOf(String(value));
  if (column.tell) return column.tell(value);
  if (column.of) return names.get(String(value)) ?? String(value);
  const word = (one: unknown) => column.values?.[String(one)] ?? String(one);
  if (Array.isArray(value)) return value.length === 0 ? EMPTY_VALUE : fr.list(value.map(word));
  if (typeof value === "boolean") return value ? "oui" : "non";
  if (column.format === "dateTime") return fr.dateTime(new Date(String(value)), zone);
  if (column.format === "date") return fr.date(new Date(String(value)), zone);
  if (column.format === "user") return names.get(String(value)) ?? String(value);
  if (typeof value === "number") return fr.number(value);
  return typeof value === "object" ? JSON.stringify(value) : word(value);
}

/**
 * What a row held when it was created: history keeps a creation's id alone, and the values follow from what came after.
 * A column's first later change tells what it was before; an untouched one still holds it, or the deletion kept it. A
 * keyed one is walked back change by change.
 */
export function valuesAtCreation(
  columns: Record<string, Pick<TrackedColumn, "isKeyed">>,
  later: { before: Record<string, unknown> | null }[],
  present: Record<string, unknown> | null,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { isKeyed }] of Object.entries(columns)) {
    const sides = later.flatMap(({ before }) => (before && name in before ? [before[name]] : []));
    if (isKeyed) {
      const walked = Object.assign({}, present?.[name], ...sides.toReversed());
      values[name] = Object.fromEntries(Object.entries(walked).filter(([, value]) => value !== null));
    } else if (sides.length > 0) values[name] = sides[0];
    else if (present && name in present) values[name] = present[name];
  }
  return values;
}
