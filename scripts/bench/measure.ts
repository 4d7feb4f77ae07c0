import { readFileSync, writeFileSync } from "node:fs";

/** What a run found; `floor` is the same thing measured beside it on the least that could do the work, NaN where nothing could. */
export interface Figure {
  value: number;
  floor: number;
  /** Most memory the server under test ever held. */
  peakRssMB: number;
  /** Of it, how much more than before the measure, where that is a promise. */
  grownMB?: number;
  /** How late its loop ran at the 99th percentile, and its slowest page meanwhile, where these are promises. */
  loopP99Ms?: number;
  slowestPageMs?: number;
  /** The most a page was told in a second, where it is one. */
  mostTold?: number;
}

export interface Measure {
  name: string;
  unit: "s" | "req/s" | "mails/s";
  /** As people read it. */
  target: string;
  holds(line: Omit<Figure, "floor"> & { ratio: number }): boolean;
  run(): Promise<Figure>;
}

export const ROUNDS = 3;

/** A size, or a part of it: BENCH_SHARE=0.01 shows that a measure runs, and measures nothing. */
export const sized = (n: number): number => Math.max(1, Math.round(n * Number(process.env.BENCH_SHARE || 1)));

/**
 * Ours, floor, ours, floor…: what disturbs the machine disturbs both, the more so as each turn of a round is short.
 * A round is the mean of its turns; the figure, the round whose ratio is the median. `warm` goes first, not counted.
 */
export async function alternate(
  ours: () => Promise<number>,
  floor: () => Promise<number>,
  { warm, turns = 1 }: { warm?: () => Promise<unknown>; turns?: number } = {},
): Promise<Pick<Figure, "value" | "floor">> {
  await warm?.();
  const rounds: Pick<Figure, "value" | "floor">[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    let [value, beside] = [0, 0];
    for (let turn = 0; turn < turns; turn++) {
      value += (await ours()) / turns;
      beside += (await floor()) / turns;
    }
    rounds.push({ value, floor: beside });
    console.error(`  tour ${round} : ${shown(value)} / plancher ${shown(beside)}`);
  }
  return rounds.toSorted((a, b) => a.value / a.floor - b.value / b.floor)[Math.floor(ROUNDS / 2)]!;
}

/** Seconds some work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const shown = (n: number) => (n >= 100 ? n.toFixed(0) : n.toFixed(3));

/** The high-water mark of a process that still lives. */
export const peakRssMB = (pid: number): number => statusMB(pid, "VmHWM");

export const rssMB = (pid: number): number => statusMB(pid, "VmRSS");

/** So that the high-water mark is that of what follows. */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

function statusMB(pid: number, line: string): number {
  const [, kilobytes = "0"] =
    new RegExp(`^${line}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
