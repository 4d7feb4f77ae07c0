import { folded } from "../platform/sheets/header.ts";
import type { ImportTarget } from "../platform/sheets/profile.ts";
import type { Taste } from "./tastes.ts";

export type Confidence = "high" | "medium" | "low";

export interface Suggestion {
  code: string;
  confidence: Confidence;
}

/** Columns an error file adds, left out when it comes back [IMP-39]. */
export const ADDED_COLUMNS = ["Ligne d’origine", "Colonne", "Motif"] as const;
const added = new Set(ADDED_COLUMNS.map(folded));
export const isAdded = (column: string): boolean => added.has(folded(column));

/** Whether an export of ours wrote it and no import reads it: nobody's, unless a target has that very name [EXP-7]. */
export const isUnread = (column: string, unread: readonly string[] = []): boolean =>
  unread.some((head) => folded(head) === folded(column));

/** Which mapping a file of these columns had last: their names in their order, without those an error file adds [IMP-19]. */
export const signatureOf = (columns: readonly string[]): string =>
  columns
    .filter((column) => !isAdded(column))
    .map(folded)
    .join("\u001f");

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
  const pass = (confidence: Confidence, fits: (column: string, target: ImportTarget) => boolean) => {
    columns.forEach((column, place) => {
      if (found[place] || isAdded(column) || (confidence !== "high" && isUnread(column, unread))) return;
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
        !isAdded(column) &&
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

/** Thirteen digits and a control key of two, Corsica's departments written 2A and 2B. */
const NATIONAL_NUMBER = /^([12378]\d{4}(?:\d{2}|2[AB])\d{6})(\d{2})$/;
const SHARE = 0.8;

/** Whether this is a national health number, by its form and its control key [IMP-27]. */
export function isNationalNumber(text: string): boolean {
  const [, body, key] = NATIONAL_NUMBER.exec(text.replace(/[\s\u00a0\u202f.-]/g, "").toUpperCase()) ?? [];
  if (!body) return false;
  const digits = body.replace("2A", "19").replace("2B", "18");
  return 97 - Number(BigInt(digits) % 97n) === Number(key);
}

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
      if (cell.length >= 15 && isNationalNumber(cell)) seen.met++;
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
