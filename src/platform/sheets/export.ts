import type { EntityManager } from "@mikro-orm/postgresql";
import type { Chart } from "../charts/index.ts";

export type Cell = string | number | null;

/** For whom, of what, and as which list is on their screen. */
export interface ExportAsked {
  user: { id: string; roles: readonly string[] };
  /** The object the rows hang from; null when it is the organisation itself. */
  scopeId: string | null;
  /** What the address of the list says: filters, sort, columns (EXP-2). */
  query: Record<string, string | string[]>;
  /** Every column rather than those of the screen. */
  isWhole: boolean;
  /** Of the organisation. */
  zone: string;
  now: Date;
}

/** What would be exported, to whoever asked: nothing is read of the rows yet. */
export interface ExportPlan {
  /** Where the list is, as this person sees it. */
  place: { label: string; path: string };
  /** Of the file, without the day nor the extension. */
  name: string;
  /** The filters in words; empty: every row. */
  said: string;
  /** The sort and the groups in words; absent: as the list is when nobody asks otherwise. */
  sorted?: string;
  heads: string[];
  /** Those of every column, for who has yet to choose. */
  wholeHeads: string[];
  /** Rows, as they are now. */
  count: number;
  /** They hold people: reading them is told apart (EXP-12, HIS-16). */
  holdsPeople: boolean;
  /** By bundles, in the transaction the plan was made in. */
  rows(): AsyncIterable<Cell[][]>;
}

/** Rows people may take away in a file: declared by the module that owns them, carried out by `exports`. */
export interface ExportProfile {
  /** A word of addresses: "operations". */
  kind: string;
  /** "Exporter des opérations". */
  title: string;
  noun: readonly [one: string, many: string];
  /** What history says the export was of. */
  about(scopeId: string | null, tenantId: string): { type: string; id: string };
  /** Throws NotFound when this person sees no such place, Forbidden when they may not export it (EXP-1, EXP-13). */
  open(em: EntityManager, asked: ExportAsked): Promise<ExportPlan>;
  /** The chart these rows are the figures of, to whoever may have them: it is then given as a picture too (DSH-5). */
  picture?(em: EntityManager, asked: ExportAsked): Promise<Chart>;
}

/** What the address of a list says, of which each name is said once: said twice, it stays two and is read no more than by its page. */
export const saidOnce = (query: ExportAsked["query"]): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      Array.isArray(value) && value.length === 1 ? value[0]! : value,
    ]),
  );

/** The plan of a list short enough to be read at once, whose file has the columns of its screen whatever is asked. */
export const planOfFew = <T>(
  lines: readonly T[],
  columns: readonly { head: string; cell(line: T): Cell }[],
  about: Pick<ExportPlan, "place" | "name"> & { holdsPeople?: boolean },
): ExportPlan => {
  const heads = columns.map(({ head }) => head);
  return {
    ...{ said: "", holdsPeople: false, ...about, heads, wholeHeads: heads, count: lines.length },
    async *rows() {
      yield lines.map((line) => columns.map(({ cell }) => cell(line)));
    },
  };
};

/** "operations-migration-des-postes-statut-bloquee": the name of a file after what it holds, and the filters it was taken by (EXP-2). */
export const fileNameAfter = (...words: string[]): string =>
  words
    .map((text) =>
      text
        .normalize("NFD")
        .replace(/\p{M}/gu, "")
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, 60)
        .replace(/^-|-$/g, ""),
    )
    .filter(Boolean)
    .join("-");
