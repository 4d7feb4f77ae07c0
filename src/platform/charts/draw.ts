import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { type Chart, type ChartTable, tableOf } from "./chart.ts";

/** Everything a page needs to show a chart: /partials/chart.eta. */
export interface DrawnChart {
  title: string;
  sentence: string;
  table: ChartTable;
  /** Safe to print raw; the page shows the one that fits. */
  wide: string;
  narrow: string;
}

export interface Asked {
  id: string;
  chart: Chart;
}
export type Drawn = { id: string } & ({ wide: string; narrow: string } | { failure: string });

/** The last ones drawn: a dashboard is read far more often than it changes. */
const KEPT = 200;
const kept = new Map<string, Promise<DrawnChart>>();

/** Draws a chart, once for all who ask for it at the same time; equal charts give equal drawings. */
export function drawChart(chart: Chart): Promise<DrawnChart> {
  const id = createHash("sha256").update(JSON.stringify(chart)).digest("hex").slice(0, 16);
  const drawing = kept.get(id) ?? draw(id, chart);
  kept.delete(id);
  kept.set(id, drawing);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return drawing;
}

async function draw(id: string, chart: Chart): Promise<DrawnChart> {
  try {
    const { wide, narrow } = await ask({ id, chart });
    return { title: chart.title, sentence: chart.sentence, table: tableOf(chart), wide, narrow };
  } catch (error) {
    kept.delete(id);
    throw error;
  }
}

/** It needs 20 MB: what it leaves behind is gathered before it grows. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

interface Waiting {
  resolve(drawn: { wide: string; narrow: string }): void;
  reject(error: Error): void;
}
let thread: Worker | null = null;
const waiting = new Map<string, Waiting>();

function ask(asked: Asked): Promise<{ wide: string; narrow: string }> {
  thread ??= start();
  thread.ref();
  thread.postMessage(asked);
  return new Promise((resolve, reject) => waiting.set(asked.id, { resolve, reject }));
}

function start(): Worker {
  const made = new Worker(new URL("./thread.ts", import.meta.url), { execArgv: [], resourceLimits: LIMITS });
  made.on("message", (drawn: Drawn) => {
    const asker = waiting.get(drawn.id);
    waiting.delete(drawn.id);
    if ("failure" in drawn) asker?.reject(new Error(drawn.failure));
    else asker?.resolve(drawn);
    // Nobody waits: it does not keep the process.
    if (waiting.size === 0) made.unref();
  });
  made.on("error", (error) => leave(made, error));
  made.on("exit", () => leave(made, new Error("The thread that draws charts ended.")));
  return made;
}

/** Those who wait are told; the next chart starts another thread. */
function leave(gone: Worker, why: Error): void {
  if (thread !== gone) return;
  thread = null;
  for (const { reject } of waiting.values()) reject(why);
  waiting.clear();
}
