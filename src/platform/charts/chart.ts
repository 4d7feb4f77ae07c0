import { fr, type Ratio } from "../text/index.ts";

/**
 * A chart in the words of the product: what is counted, over which labels, and the sentence that says what one sees.
 * Its drawing, its table and its files all come from this one value, so that they cannot differ.
 */
export type Chart = Bars | Curves | Ranking;

interface Described {
  /** Its name beside others of the page, and the caption of its table. */
  title: string;
  /** What the drawing shows, for who does not see it: the figures that matter, not its shapes. */
  sentence: string;
  /** What the labels are: "Semaine", "Motif". */
  axis: string;
  /** In words, as they are printed; each stands once. */
  labels: readonly string[];
}

/** Counts side by side, period after period: planned and done by day, week or month (DSH-5). */
export interface Bars extends Described {
  kind: "bars";
  series: readonly Line[];
}

/** Cumulated counts over days: plan frozen, plan of today, done, projection with its interval (DSH-5, STA-8). */
export interface Curves extends Described {
  kind: "curves";
  series: readonly (Line | Interval)[];
  /** Days that matter, by the rank of their label: "Aujourd’hui", "Fin prévue"; the end is drawn as a limit. */
  marks?: readonly { at: number; label: string; isEnd?: boolean }[];
}

/** Counts of things without order, the most frequent first, each with the share cumulated so far: a Pareto (OPS-20). */
export interface Ranking extends Described {
  kind: "ranking";
  /** What is counted: "Opérations bloquées". */
  name: string;
  values: readonly number[];
}

/** How a series looks, told by pattern and stroke as much as by colour (UIX-1). */
export type Ink = "planned" | "done" | "baseline" | "plan" | "projection";

export interface Line {
  name: string;
  /** What its legend adds to its name: "619 à ce jour". */
  said?: string;
  ink: Ink;
  /** One a label; null where there is nothing to say, which is not zero. */
  values: readonly (number | null)[];
  /** A point to look at, by the rank of its label, and what is written above it: "2 avril". */
  dot?: { at: number; label: string };
}

export interface Interval {
  name: string;
  ink: "interval";
  values: readonly (readonly [low: number, high: number] | null)[];
}

export interface ChartTable {
  heads: string[];
  rows: (string | number | null)[][];
}

/** The same figures as a table: what the drawing cannot say to everybody, and what its file holds (UIX-9). */
export function tableOf(chart: Chart): ChartTable {
  const columns = columnsOf(chart);
  return {
    heads: [chart.axis, ...columns.map(({ head }) => head)],
    rows: chart.labels.map((label, rank) => [label, ...columns.map(({ values }) => values[rank] ?? null)]),
  };
}

function columnsOf(chart: Chart): { head: string; values: readonly (string | number | null)[] }[] {
  if (chart.kind === "ranking") {
    return [
      { head: chart.name, values: chart.values },
      { head: "Part cumulée", values: cumulated(chart).map(fr.ratio) },
    ];
  }
  return chart.series.flatMap((series) =>
    series.ink === "interval"
      ? [
          { head: `${series.name}, au plus bas`, values: series.values.map((pair) => pair?.[0] ?? null) },
          { head: `${series.name}, au plus haut`, values: series.values.map((pair) => pair?.[1] ?? null) },
        ]
      : [{ head: series.name, values: series.values }],
  );
}

/** How many of the first lines make up to four fifths of the whole, one at least: what to look at. */
export const leading = (chart: Pick<Ranking, "values">): number =>
  Math.max(1, cumulated(chart).filter(({ part, of }) => 5 * part <= 4 * of).length);

/** What each line of a ranking and those above it make of the whole. */
export function cumulated({ values }: Pick<Ranking, "values">): Ratio[] {
  const whole = values.reduce((sum, one) => sum + one, 0);
  let sum = 0;
  return values.map((one) => {
    sum += one;
    return { part: sum, of: whole };
  });
}
