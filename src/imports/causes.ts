/** What errors of many lines have in common, told from their reasons [IMP-29]. */

/** It rides in addresses, to filter by. */
export const LONGEST_CAUSE = 200;

const QUOTED = /«\u00a0.*?\u00a0»/gs;
const FIGURES = /(?:[\d…][\u202f\u00a0 /:.,-]?)*[\d…]/g;

/** The reason of an error without what its own line puts in it: the value, figures, what is between quotes. */
export function causeOf({ value, reason }: { value: string; reason: string }): string {
  const said = value.trim();
  // A day may be quoted as it was typed, its month in letters.
  const apart = /\d/.test(said) ? reason.replaceAll(said, "…") : reason;
  return apart.replace(QUOTED, "«\u00a0…\u00a0»").replace(FIGURES, "…");
}

/** What two reasons of one cause share, the rest left out. */
export function sharedBy(least: string, most: string): string {
  if (least === most) return least;
  const shortest = Math.min(least.length, most.length);
  let start = 0;
  while (start < shortest && least[start] === most[start]) start++;
  let end = 0;
  while (end < shortest - start && least.at(-1 - end) === most.at(-1 - end)) end++;
  return `${least.slice(0, start)}…${least.slice(least.length - end).replace(/^\./, "")}`;
}
