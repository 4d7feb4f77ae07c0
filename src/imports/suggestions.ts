import { folded } from "../platform/sheets/header.ts";
import type { ImportTarget } from "../platform/sheets/profile.ts";
import { looksLikeHealthNumber } from "../platform/text/health-number.ts";
import type { Taste } from "./tastes.ts";

export type Confidence = "high" | "medium" | "low";

export interface Suggestion {
  code: string;
  confidence: Confidence;
}

/** Columns an error file adds at its end, left out when it comes back [IMP-39]. */
export const ADDED_COLUMNS = ["Ligne d’origine", "Colonne", "Motif"] as const;
/** The second of that name, where the file has its own. */
const RANK = / \(\d+\)$/;

/** How many columns are the file’s own: those before the ones an error file added, if it is one that comes back [IMP-39]. */
export function ownCount(columns: readonly string[]): number {
  const own = columns.length - ADDED_COLUMNS.length;
  const isBack = ADDED_COLUMNS.every(
    (name, rank) => folded((columns[own + rank] ?? "").replace(RANK, "")) === folded(name),
  );
  return isBack ? own : columns.length;
}

/** Whether an export of ours wrote it and no import reads it: nobody's, unless a target has that very name [EXP-7]. */
export const isUnread = (column: string, unread: readonly string[] = []): boolean =>
  unread.some((head) => folded(head) === folded(column));

/**
 * Which mapping a file of these columns had last: their names in their order, without those an error file adds, nor the
 * nameless ones before them, where the cells beyond the columns stood [IMP-19].
 */
export function signatureOf(columns: readonly string[]): string {
  let own = ownCount(columns);
  while (own < columns.length && columns[own - 1] === `Colonne ${own}`) own--;
  return columns.slice(0, own).map(folded).join("\u001f");
}

const words = (text: string) =>
  new Set(
    folded(text)
      .split(/[^a-z0-9]+/)
      .filter((word) => word.length > 2),
  );

/** Where each column would go, each target being proposed once, the surest first [IMP-18]. */
export function suggest(
  columns: readonly string[],
  targets: readonly ImportTarget[],
  {
    main,
    tastes,
    unread,
  }: { main?: string | undefined; tastes?: readonly Taste[] | undefined; unread?: readonly string[] | undefined } = {},
): (Suggestion | null)[] {
  const found: (Suggestion | null)[] = columns.map(() => null);
  const taken = new Set<string>();
  const own = ownCount(columns);
  const pass = (confidence: Confidence, fits: (column: string, target: ImportTarget) => boolean) => {
    columns.forEach((column, place) => {
      if (found[place] || place >= own || (confidence !== "high" && isUnread(column, unread))) return;
      const target = targets.find((one) => !taken.has(one.code) && fits(column, one));
      if (!target) return;
      taken.add(target.code);
      found[place] = { code: target.code, confidence };
    });
  };
  const names = new Map(
    targets.map((target) => [target, [target.label, target.code, ...(target.aliases ?? [])].map(folded)]),
  );
  pass("high", (column, { label, code }) => [label, code].map(folded).includes(folded(column)));
  pass("medium", (column, target) => names.get(target)!.includes(folded(column)));
  pass("low", (column, target) => {
    const said = words(column);
    return names.get(target)!.some((name) => [...words(name)].some((word) => said.has(word)));
  });
  if (main !== undefined && !taken.has(main)) {
    const place = columns.findIndex(
      (column, rank) =>
        !found[rank] &&
        rank < own &&
        !isUnread(column, unread) &&
        tastes?.[rank]?.kinds[0]?.type === "short_text" &&
        isNaming(tastes[rank]),
    );
    if (place !== -1) found[place] = { code: main, confidence: "low" };
  }
  return found;
}

/** Whether values are seldom the same: what a name is. */
const isNaming = ({ distinct, looked }: Taste): boolean => distinct === null || distinct.length >= looked * 0.9;

/** Of the values of a column: it holds them then, whatever a few of its cells say. */
const SHARE = 0.8;

/** Counts, column by column, values that are national health numbers: a column of them is never imported [IMP-27]. */
export class NationalNumbers {
  readonly #seen: { filled: number; met: number }[] = [];

  look(cells: readonly string[]): void {
    for (let place = 0; place < cells.length; place++) {
      const cell = cells[place]!;
      if (cell === "") continue;
      const seen = this.#seen[place] ?? { filled: 0, met: 0 };
      this.#seen[place] = seen;
      seen.filled++;
      if (cell.length >= 15 && looksLikeHealthNumber(cell)) seen.met++;
    }
  }

  /** Names of the columns that hold them. */
  among(columns: readonly string[]): string[] {
    return columns.filter((_, place) => {
      const seen = this.#seen[place];
      return seen !== undefined && seen.filled > 0 && seen.met >= seen.filled * SHARE;
    });
  }
}
