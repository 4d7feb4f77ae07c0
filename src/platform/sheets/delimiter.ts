import { isBlank } from "./source.ts";

export const DELIMITERS = { ";": "point-virgule", ",": "virgule", "\t": "tabulation", "|": "barre verticale" } as const;
export type Delimiter = keyof typeof DELIMITERS;

export const isDelimiter = (sign: string): sign is Delimiter => sign in DELIMITERS;

/** What a spreadsheet writes first to say its delimiter: it decides, and is no data [IMP-6]. */
const SAID = /^sep=(.)(?:\r\n?|\n|$)/i;
const RECORDS = 200;

export interface FoundDelimiter {
  delimiter: string;
  isSaid: boolean;
}

/** The line `sep=x` when the text starts with one, and the sign it says. */
export function saidDelimiter(text: string): { sign: string; length: number } | null {
  const [line, sign] = SAID.exec(text) ?? [];
  return line === undefined ? null : { sign: sign!, length: line.length };
}

/** The delimiter that gives the first records the most constant number of columns, then the most columns [IMP-6]. */
export function findDelimiter(text: string): FoundDelimiter {
  const said = saidDelimiter(text);
  if (said) return { delimiter: said.sign, isSaid: true };
  const scored = (Object.keys(DELIMITERS) as Delimiter[]).map((delimiter) => {
    const widths = widthsOf(text, delimiter);
    const byWidth = Map.groupBy(widths, (width) => width);
    const [width, alike] = [...byWidth].toSorted(([a, x], [b, y]) => y.length - x.length || b - a)[0] ?? [1, []];
    // Near-constant is as good as constant: one damaged line must not hand the file to the commas of its texts.
    return { delimiter, width, share: width === 1 ? 0 : Math.round((alike.length / widths.length) * 10) };
  });
  const best = scored.reduce((a, b) => (b.share > a.share || (b.share === a.share && b.width > a.width) ? b : a));
  return { delimiter: best.delimiter, isSaid: false };
}

/** How many columns each of the first records has, blank ones left out. */
function widthsOf(text: string, delimiter: string): number[] {
  const widths: number[] = [];
  let [width, start, isQuoted, isFresh] = [1, 0, false, true];
  for (let at = 0; at < text.length && widths.length < RECORDS; at++) {
    const sign = text[at]!;
    if (sign === '"') {
      if (isQuoted) isQuoted = false;
      // A doubled quote closes and opens again.
      else if (isFresh || text[at - 1] === '"') isQuoted = true;
      isFresh = false;
      continue;
    }
    if (isQuoted) continue;
    if (sign === delimiter) {
      width++;
      isFresh = true;
    } else if (sign === "\n" || sign === "\r") {
      if (!isBlank(text.slice(start, at))) widths.push(width);
      [width, start, isFresh] = [1, at + 1, true];
    } else isFresh = false;
  }
  if (widths.length < RECORDS && !isBlank(text.slice(start))) widths.push(width);
  return widths;
}
