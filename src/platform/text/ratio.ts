/** A part of a whole, both counted: what is compared stays exact, what is printed is rounded once (STA-7). */
export interface Ratio {
  part: number;
  of: number;
}

/** In per cent, rounded half up to one decimal; never 100 before it is complete nor 0 once begun; null of nothing (STA-7). */
export function percentOf({ part, of }: Ratio): number | null {
  if (of === 0) return null;
  const thousandths = Math.floor((2_000 * part + of) / (2 * of));
  if (thousandths >= 1_000 && part < of) return 99.9;
  if (thousandths === 0 && part > 0) return 0.1;
  return thousandths / 10;
}
