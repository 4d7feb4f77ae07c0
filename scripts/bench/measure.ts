import { readFileSync } from "node:fs";

/** What a run found; `floor` is the same thing measured beside it on the least that could do the work. */
export interface Figure {
  value: number;
  floor: number;
  /** Most memory the server under test ever held. */
  peakRssMB: number;
}

export interface Measure {
  name: string;
  unit: "s" | "req/s";
  /** As people read it. */
  target: string;
  holds(line: { value: number; ratio: number }): boolean;
  run(): Promise<Figure>;
}

export const ROUNDS = 3;

/** Ours, floor, ours, floor…: what disturbs the machine disturbs both. `warm` goes first, not counted. */
export async function alternate(
  ours: () => Promise<number>,
  floor: () => Promise<number>,
  warm: () => Promise<unknown> = async () => {},
) {
  await warm();
  const found = { ours: [] as number[], floor: [] as number[] };
  for (let round = 1; round <= ROUNDS; round++) {
    found.ours.push(await ours());
    found.floor.push(await floor());
    console.error(`  tour ${round} : ${shown(found.ours.at(-1)!)} / plancher ${shown(found.floor.at(-1)!)}`);
  }
  return { value: median(found.ours), floor: median(found.floor) };
}

const shown = (n: number) => (n >= 100 ? n.toFixed(0) : n.toFixed(3));

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The high-water mark of a process that still lives. */
export function peakRssMB(pid: number): number {
  const [, kilobytes = "0"] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
