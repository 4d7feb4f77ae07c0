/// <reference path="./echarts.d.ts" />
// The whole library bundled: ten times lighter in memory than its modules one by one (README, decision of 22 November 2026).
import { init } from "echarts/dist/echarts.esm.min.mjs";
import type { Chart } from "./chart.ts";
import { heightOf, optionOf } from "./options.ts";

/** The chart as ECharts writes it, without a browser; its instance, which would keep the process alive, is let go. */
export function render(chart: Chart, width: number): string {
  const drawing = init(null, null, { renderer: "svg", ssr: true, width, height: heightOf(chart, width) });
  try {
    drawing.setOption(optionOf(chart, width));
    return drawing.renderToSVGString();
  } finally {
    drawing.dispose();
  }
}
