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
  /** Names of the accounts that values may point to. */
  names: Map<string, string>;
}

/**
 * The columns of a change, in the order the manifest names them; columns it no longer names keep their own name. What a
 * row was born without, or died without, is no difference.
 */
export function differences(
  tracked: Tracked | undefined,
  change: { before: Record<string, unknown> | null; after: Record<string, unknown> | null },
  reading: Reading,
): Difference[] {
  const present = new Set([...Object.keys(change.before ?? {}), ...Object.keys(change.after ?? {})]);
  const known = Object.keys(tracked?.columns ?? {}).filter((column) => present.delete(column));
  const told = [...known, ...present].filter((name) => {
    if (tracked?.columns[name]?.format === "hidden") return false;
    const [before, after] = [change.before?.[name] ?? null, change.after?.[name] ?? null];
    return before !== null || after !== null;
  });
  return told.map((name) => {
    const column = tracked?.columns[name] ?? { label: name };
    const side = (values: Record<string, unknown> | null) => (values ? readable(column, values[name], reading) : null);
    return { label: column.label, before: side(change.before), after: side(change.after) };
  });
}

/** Which of two files it was, without its name, which may be a person's. */
const fileOf = (id: string) => `fichier ${id.slice(-4)}`;

function readable(column: TrackedColumn, value: unknown, { zone, names }: Reading): string {
  if (value === null || value === undefined || value === "") return EMPTY_VALUE;
  if (column.format === "secret") return CHANGED_SECRET;
  if (column.format === "file") return fileOf(String(value));
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
 * A column's first later change tells what it was before; an untouched one still holds it, or the deletion kept it.
 */
export function valuesAtCreation(
  columns: string[],
  later: { before: Record<string, unknown> | null }[],
  present: Record<string, unknown> | null,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const column of columns) {
    const first = later.find(({ before }) => before && column in before);
    if (first) values[column] = first.before![column];
    else if (present && column in present) values[column] = present[column];
  }
  return values;
}
