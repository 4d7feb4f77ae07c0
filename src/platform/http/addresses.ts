import type { Mark } from "../db/paging.ts";

export type Values = Record<string, string | readonly string[] | undefined>;

/** The address of a list with these filters, empty ones left out, a name repeated for each of several values. */
export function withQuery(path: string, values: Values): string {
  const kept = Object.entries(values).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((text) => (text ? [[name, text] as [string, string]] : [])),
  );
  return kept.length > 0 ? `${path}?${new URLSearchParams(kept)}` : path;
}

/** What the query of an address says, the other way round: each name with all its values. */
export function queryOf(text: string): Record<string, string[]> {
  const given = new URLSearchParams(text);
  return Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name)]));
}

/** Where a page begins, as an address carries it. */
export const writeMark = ({ value, id, back }: Mark): string =>
  Buffer.from(JSON.stringify([back ? 1 : 0, id, value])).toString("base64url");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Null for what we did not write: the list then begins at its beginning. */
export function readMark(text: string | undefined): Mark | null {
  try {
    const [back, id, value] = JSON.parse(Buffer.from(text ?? "", "base64url").toString()) as unknown[];
    if (typeof id !== "string" || !UUID.test(id) || typeof value !== "string" || value.includes("\u0000")) return null;
    return { back: back === 1, id, value };
  } catch {
    return null;
  }
}
