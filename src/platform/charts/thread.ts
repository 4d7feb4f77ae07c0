/** The thread of draw.ts: ECharts lives here alone, so that drawing holds no page. */
import { parentPort } from "node:worker_threads";
import { cleanSvg } from "./clean.ts";
import type { Asked, Drawn } from "./draw.ts";
import { render } from "./render.ts";

const WIDTHS = { wide: 640, narrow: 290 };

parentPort!.on("message", ({ id, chart }: Asked) => {
  const draw = (width: keyof typeof WIDTHS) => cleanSvg(render(chart, WIDTHS[width]), `graphique-${id}-${width}`);
  let drawn: Drawn;
  try {
    drawn = { id, wide: draw("wide"), narrow: draw("narrow") };
  } catch (error) {
    drawn = { id, failure: error instanceof Error ? error.message : String(error) };
  }
  parentPort!.postMessage(drawn);
});
