import { isBlank } from "../platform/sheets/source.ts";

/** What the values of one column are like, told from some of them [IMP-14, IMP-18]. */
export interface Taste {
  /** The kinds a new column could have, best first, with the share of values looked at that fit. */
  kinds: { type: string; share: number }[];
  /** How many values were looked at. */
  looked: number;
  /** All its values, when they are few enough to be the options of a choice. */
  distinct: string[] | null;
  /** Some of its values are days written in figures, whose order may be chosen. */
  hasDays?: true;
  /** No day first, and every one month first. */
  isMonthFirst?: true;
  /** Some of its values are a thousand to one reader, a unit and three decimals to another: the sign may be chosen [IMP-16]. */
  hasSigns?: true;
  /** Some of them by a dot and others by a comma: the sign is to be asked. */
  isMixed?: true;
  /** Some of its values hold a comma, which may part options [IMP-17]. */
  hasCommas?: true;
}

const MOST_SAMPLES = 400;
const MOST_DISTINCT = 50;
/** A longer text is no option of a choice. */
const LONGEST_OPTION = 100;
const LONGEST_SAMPLE = 300;
const NUMERIC_DAY = /^\s*(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d{2})(?!\d)/;

/** A thousand to one reader, a unit and three decimals to another. */
const THOUSAND = /^\s*[+-]?\d{1,3}([.,])\d{3}\s*$/;

interface Seen {
  samples: string[];
  distinct: Set<string> | null;
  days: number;
  impossible: number;
  otherwise: number;
  dots: boolean;
  commas: boolean;
  parts: boolean;
}

const NOTHING_SEEN = { days: 0, impossible: 0, otherwise: 0, dots: false, commas: false, parts: false };

/** Tastes columns row by row: one value in so many is kept, fewer and fewer as the file goes on. */
export class Tastes {
  readonly #seen: (Seen | undefined)[] = [];
  #row = 0;
  #step = 1;

  look(cells: readonly string[]): void {
    const isSample = this.#row++ % this.#step === 0;
    for (let place = 0; place < cells.length; place++) {
      const cell = cells[place]!;
      if (cell === "") continue;
      let seen = this.#seen[place];
      if (!seen) {
        seen = { ...NOTHING_SEEN, samples: [], distinct: new Set() };
        this.#seen[place] = seen;
      }
      if (seen.distinct) {
        // Nothing the database can keep, and an error of its line.
        if (cell.includes("\0")) continue;
        if (cell.length > LONGEST_OPTION) seen.distinct = null;
        else if (!seen.distinct.has(cell)) {
          seen.distinct.add(cell);
          if (seen.distinct.size > MOST_DISTINCT) seen.distinct = null;
        }
      }
      if (cell.charCodeAt(0) <= 57 && cell.length < 30) {
        this.#lookAtDay(cell, seen);
        if (!(seen.dots && seen.commas)) this.#lookAtSign(cell, seen);
      }
      if (!seen.parts && cell.includes(",")) seen.parts = true;
      if (isSample && !isBlank(cell)) seen.samples.push(cell.slice(0, LONGEST_SAMPLE));
    }
    if (isSample && this.#seen.some((seen) => seen && seen.samples.length >= 2 * MOST_SAMPLES)) this.#thin();
  }

  #lookAtDay(cell: string, seen: Seen): void {
    const day = NUMERIC_DAY.exec(cell);
    if (!day) return;
    seen.days++;
    if (Number(day[3]) > 12) seen.impossible++;
    if (Number(day[1]) > 12) seen.otherwise++;
  }

  #lookAtSign(cell: string, seen: Seen): void {
    const sign = THOUSAND.exec(cell)?.[1];
    if (sign === ".") seen.dots = true;
    else if (sign === ",") seen.commas = true;
  }

  #thin(): void {
    this.#step *= 2;
    for (const seen of this.#seen) if (seen) seen.samples = seen.samples.filter((_, rank) => rank % 2 === 0);
  }

  /** `propose` says the kinds that could hold some values. */
  of(columns: readonly string[], propose: (samples: readonly string[]) => Taste["kinds"]): Taste[] {
    return columns.map((_, place) => {
      const seen = this.#seen[place];
      if (!seen) return { kinds: propose([]), looked: 0, distinct: [] };
      return {
        kinds: propose(seen.samples),
        looked: seen.samples.length,
        distinct: seen.distinct && [...seen.distinct],
        ...(seen.days > 0 && { hasDays: true as const }),
        ...(seen.impossible > 0 && seen.otherwise === 0 && { isMonthFirst: true as const }),
        ...((seen.dots || seen.commas) && { hasSigns: true as const }),
        ...(seen.dots && seen.commas && { isMixed: true as const }),
        ...(seen.parts && { hasCommas: true as const }),
      };
    });
  }
}
