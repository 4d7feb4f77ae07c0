import { fr, type Ratio } from "../text/index.ts";
import {
  type Bars,
  type Chart,
  type Curves,
  cumulated,
  type Ink,
  type Interval,
  type Line,
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
  return { ...common, legend: legend(chart), ...plane(chart, width), series };
}

/** How tall it is drawn: a ranking grows with its lines. */
export const heightOf = (chart: Chart, width: number): number =>
  chart.kind === "ranking" ? 16 + chart.labels.length * 40 : isNarrow(width) ? 320 : 340;

function legend({ kind, series }: Bars | Curves) {
  const band = { icon: "rect", itemStyle: { color: PALE, borderColor: DONE, borderWidth: 1, opacity: 1 } };
  return {
    data: series.map(({ name, ink }) => ({ name, ...(ink === "interval" && band) })),
    ...(kind === "bars" && { icon: "rect" }),
    // A curve is told by its stroke: the dot ECharts puts in its middle would hide it.
    ...(kind === "curves" && { itemStyle: { opacity: 0 }, lineStyle: { width: "inherit" } }),
    left: 0,
    top: 0,
    padding: 0,
    itemGap: 16,
    itemWidth: 32,
    itemHeight: 14,
    selectedMode: false,
    backgroundColor: "transparent",
    borderColor: "transparent",
    textStyle: text(INK),
  };
}

function plane({ kind, labels, series }: Bars | Curves, width: number) {
  // Narrow, the legend takes a line for two names, and marks stand above one another.
  const head = isNarrow(width) ? 26 * Math.ceil(series.length / 2) : 26;
  return {
    grid: {
      left: 4,
      right: 12,
      top: head + (kind === "bars" ? 22 : isNarrow(width) ? 44 : 30),
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
    data: marks.map(({ at, label }, rank) => ({
      xAxis: at,
      label: {
        ...text(INK),
        fontWeight: 700,
        formatter: label,
        position: "end",
        distance: isNarrow(width) ? 4 + rank * 18 : 4,
        // Near the edge it is written on the side that has room.
        align: at > labels.length * 0.8 ? "right" : "center",
      },
    })),
  };
  return drawn.map((one, rank) => (rank === 0 && marks.length > 0 ? { ...one, markLine } : one));
}

const LINE = { ...STILL, type: "line", showSymbol: false, symbol: "none" };

const curve = ({ name, ink, values }: Line) => ({
  ...LINE,
  name,
  data: values,
  lineStyle: { ...STROKE[ink], cap: "butt" },
  itemStyle: { color: STROKE[ink].color },
  ...(ink === "done" && { areaStyle: { color: PALE, opacity: 1 } }),
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

/** Four fifths of the whole: what comes before is what to look at. */
const isMost = ({ part, of }: Ratio) => 5 * part >= 4 * of;

function ranking(chart: Ranking, width: number) {
  const ratios = cumulated(chart);
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
          itemStyle: rank === 0 || !isMost(ratios[rank - 1]!) ? flat("var(--danger-solid)") : stripes(INK),
          label: { formatter: said(value, rank) },
        })),
      },
    ],
  };
}
