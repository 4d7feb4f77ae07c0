import type { Ratio } from "../platform/text/index.ts";
import { CATEGORY_CODES, type Category } from "../workflow/index.ts";

/** Every figure of a campaign, defined once (STA-1): pure, made of counts that questions bring. */

/** The seven counters (STA-3). */
export type Counters = Record<Category, number>;

/** Those of operations counted category by category, in any order and any number of times. */
export function countersOf(counted: Iterable<readonly [category: Category, n: number]>): Counters {
  const counters = Object.fromEntries(CATEGORY_CODES.map((code) => [code, 0])) as Counters;
  for (const [category, n] of counted) counters[category] += n;
  return counters;
}

/** Counters of several parts, added up: the total line of a table (STA-10). */
export const addUp = (parts: Iterable<Counters>): Counters =>
  countersOf([...parts].flatMap((one) => CATEGORY_CODES.map((code) => [code, one[code]] as const)));

/** What progress is told from. */
export interface Tally {
  total: number;
  done: number;
  cancelled: number;
}

/** The seven sum to the total (STA-4). */
export const tallyOf = (counters: Counters): Tally => ({
  total: CATEGORY_CODES.reduce((sum, code) => sum + counters[code], 0),
  done: counters.success,
  cancelled: counters.cancelled,
});

/** What is cancelled is asked of nobody any more (STA-5). */
export const denominatorOf = ({ total, cancelled }: Omit<Tally, "done">): number => total - cancelled;

/** *Avancement*: what is done of what is asked (STA-5). */
export const progressOf = (tally: Tally): Ratio => ({ part: tally.done, of: denominatorOf(tally) });

/** *Reste à faire* (STA-5). */
export const remainingOf = (tally: Tally): number => denominatorOf(tally) - tally.done;
