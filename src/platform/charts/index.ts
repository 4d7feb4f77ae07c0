export type { Bars, Chart, ChartTable, Curves, Ink, Interval, Line, Ranking } from "./chart.ts";
export { cumulated, leading, tableOf } from "./chart.ts";
export { type DrawnChart, drawChart } from "./draw.ts";
export { planOfChart } from "./export.ts";
export { chartPicture } from "./picture.ts";
