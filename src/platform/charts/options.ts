import { fr } from "../text/index.ts";
import {
  type Bars,
  type Chart,
  type Curves,
  cumulated,
  type Ink,
  type Interval,
  type Line,
  leading,
  type Ranking,
} from "./chart.ts";

/**
 * What ECharts is asked to draw. Colours are the meanings of public/css/tokens.css, by name: the page gives them their
 * value in each theme, and a picture takes those of one (picture.ts).
 */
const INK = "var(--ink)";
const SOFT = "var(--ink-soft)";
const GROUND = "var(--card)";
const PLAN = "var(--running-solid)";
const DONE = "var(--success-solid)";
const PALE = "var(--success-field)";

/** The tokens marks are drawn with: a test holds each at 3:1 over the ground, in both themes (UIX-2). */
export const MARKS = ["ink", "ink-soft", "running-solid", "success-solid", "danger-solid"] as const;

const stripes = (color: string) => ({
  color: GROUND,
  borderColor: color,
  borderWidth: 2,
  decal: { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4, color },
});
const flat = (color: string) => ({ color, borderColor: color, borderWidth: 2 });

const FILL: Record<Ink, object> = {
  planned: stripes(PLAN),
  done: flat(DONE),
  baseline: flat(SOFT),
  plan: flat(PLAN),
  projection: stripes(DONE),
};

const STROKE: Record<Ink, { color: string; width: number; type: "solid" | number[] }> = {
  planned: { color: PLAN, width: 2, type: [6, 4] },
  done: { color: DONE, width: 4, type: "solid" },
  baseline: { color: SOFT, width: 2, type: [2, 4] },
  plan: { color: PLAN, width: 2, type: "solid" },
  projection: { color: DONE, width: 2.5, type: [9, 5] },
};

/** Where labels are fewer and shorter, never smaller. */
const isNarrow = (width: number) => width < 500;

const text = (color = SOFT) => ({ color, fontSize: 13, fontWeight: 400 });
const STILL = { silent: true, emphasis: { disabled: true } };

/** The option of a chart at this width. */
export function optionOf(chart: Chart, width: number): Record<string, unknown> {
  const common = { animation: false, stateAnimation: { duration: 0 } };
  if (chart.kind === "ranking") return { ...common, ...ranking(chart, width) };
  const series = chart.kind === "bars" ? chart.series.map(bar) : curves(chart, width);
  return { ...common, legend: legend(chart, width), ...plane(chart, width), series };
}

/** How tall it is drawn: a ranking grows with its lines, a plane with those of its legend. */
export const heightOf = (chart: Chart, width: number): number =>
  chart.kind === "ranking" ? 16 + chart.labels.length * 40 : 290 + legendHeight(chart, width);

type Series = Line | Interval;
const saidOf = (one: Series) => ("said" in one && one.said ? `${one.name}\u00a0: ${one.said}` : one.name);

const SWATCH = 32;
const GAP = 16;
const LINE_HEIGHT = 14 + GAP;
/** What a letter of 13 px takes on average, in our font, and what stands between a swatch and its words. */
const LETTER = 6.8;

/** ECharts wraps a legend, and says to nobody how tall that made it. */
function legendHeight({ series }: Bars | Curves, width: number): number {
  let lines = 1;
  let taken = 0;
  for (const one of series) {
    const wide = SWATCH + 5 + saidOf(one).length * LETTER;
    if (taken > 0 && taken + wide > width) {
      lines += 1;
      taken = 0;
    }
    taken += wide + GAP;
  }
  return lines * LINE_HEIGHT;
}

function legend({ kind, series }: Bars | Curves, width: number) {
  const band = { icon: "rect", itemStyle: { color: PALE, borderColor: DONE, borderWidth: 1, opacity: 1 } };
  const words = new Map(series.map((one) => [one.name, saidOf(one)]));
  return {
    data: series.map(({ name, ink }) => ({ name, ...(ink === "interval" && band) })),
    formatter: (name: string) => words.get(name) ?? name,
    width,
    ...(kind === "bars" && { icon: "rect" }),
    // A curve is told by its stroke: the dot ECharts puts in its middle would hide it.
    ...(kind === "curves" && { itemStyle: { opacity: 0 }, lineStyle: { width: "inherit" } }),
    left: 0,
    top: 0,
    padding: 0,
    itemGap: GAP,
    itemWidth: SWATCH,
    itemHeight: 14,
    selectedMode: false,
    backgroundColor: "transparent",
    borderColor: "transparent",
    textStyle: text(INK),
  };
}

function plane(chart: Bars | Curves, width: number) {
  const { kind, labels } = chart;
  return {
    grid: {
      left: 4,
      right: 24,
      // Marks are written above the plane, one above another where it is narrow.
      top: legendHeight(chart, width) + (kind === "bars" ? 12 : isNarrow(width) ? 54 : 26),
      bottom: 4,
      containLabel: true,
    },
    xAxis: {
      type: "category",
      data: labels,
      boundaryGap: kind === "bars",
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK, width: 1 } },
      axisLabel: { ...text(), hideOverlap: true, margin: 10 },
    },
    yAxis: {
      type: "value",
      minInterval: 1,
      splitNumber: 4,
      splitLine: { lineStyle: { color: "var(--rule-soft)", width: 1 } },
      axisLabel: { ...text(), formatter: fr.number },
    },
  };
}

const bar = ({ name, ink, values }: Line) => ({
  ...STILL,
  type: "bar",
  name,
  data: values,
  itemStyle: FILL[ink],
  barMaxWidth: 32,
  barGap: "15%",
});

function curves({ series, labels, marks = [] }: Curves, width: number): object[] {
  const drawn = series.flatMap<object>((one) => (one.ink === "interval" ? band(one) : curve(one)));
  const markLine = {
    silent: true,
    symbol: "none",
    lineStyle: { color: INK, width: 2, type: "solid" },
    data: marks.map(({ at, label, isEnd }, rank) => ({
      xAxis: at,
      ...(isEnd && { lineStyle: { color: "var(--danger-solid)", width: 2, type: "solid" } }),
      label: {
        ...text(INK),
        fontWeight: 700,
        formatter: label,
        position: "end",
        distance: isNarrow(width) ? 14 + rank * 18 : 4,
        // Near an edge it is written on the side that has room, and today before the line, the end after what is left.
        align: at > labels.length * 0.8 || (!isEnd && at > labels.length * 0.3) ? "right" : "center",
      },
    })),
  };
  return drawn.map((one, rank) => (rank === 0 && marks.length > 0 ? { ...one, markLine } : one));
}

const LINE = { ...STILL, type: "line", showSymbol: false, symbol: "none" };

const curve = ({ name, ink, values, dot }: Line) => ({
  ...LINE,
  name,
  data: values,
  lineStyle: { ...STROKE[ink], cap: "butt" },
  itemStyle: { color: STROKE[ink].color },
  ...(ink === "done" && { areaStyle: { color: PALE, opacity: 1 } }),
  ...(dot && {
    markPoint: {
      silent: true,
      symbol: "circle",
      symbolSize: 9,
      itemStyle: { color: INK },
      label: { ...text(INK), fontWeight: 700, formatter: dot.label, position: "top", distance: 6 },
      data: [{ coord: [dot.at, values[dot.at]] }],
    },
  }),
});

/** Between two thin lines: the lower is a floor the other stands on. */
function band({ name, values }: Interval): object[] {
  const edge = { ...LINE, stack: name, lineStyle: { color: DONE, width: 1, type: "solid" } };
  return [
    { ...edge, name: `${name} ·`, data: values.map((pair) => pair?.[0] ?? null) },
    {
      ...edge,
      name,
      data: values.map((pair) => (pair ? pair[1] - pair[0] : null)),
      areaStyle: { color: PALE, opacity: 1 },
    },
  ];
}

function ranking(chart: Ranking, width: number) {
  const ratios = cumulated(chart);
  const first = leading(chart);
  const said = (value: number, rank: number) =>
    `${fr.number(value)}${isNarrow(width) ? "\u00a0· " : ", cumul "}${fr.ratio(ratios[rank]!)}`;
  return {
    grid: { left: 4, right: isNarrow(width) ? 88 : 150, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value", max: Math.max(1, ...chart.values), splitLine: { show: false }, axisLabel: { show: false } },
    yAxis: {
      type: "category",
      inverse: true,
      data: chart.labels,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: INK, width: 1 } },
      axisLabel: { ...text(INK), width: isNarrow(width) ? 104 : 200, overflow: "break", lineHeight: 16 },
    },
    series: [
      {
        ...STILL,
        type: "bar",
        name: chart.name,
        barMaxWidth: 18,
        label: { show: true, position: "right", distance: 8, ...text(INK) },
        data: chart.values.map((value, rank) => ({
          value,
          itemStyle: rank < first ? flat("var(--danger-solid)") : stripes(INK),
          label: { formatter: said(value, rank) },
        })),
      },
    ],
  };
}
