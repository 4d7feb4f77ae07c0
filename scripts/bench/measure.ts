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

/** Ours, floor, ours, floor…: what disturbs the machine disturbs both. One round of each first, not counted. */
export async function alternate(ours: () => Promise<number>, floor: () => Promise<number>) {
  const found = { ours: [] as number[], floor: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = { ours: await ours(), floor: await floor() };
    console.error(
      `  ${round === 0 ? "échauffement" : `tour ${round}`} : ${shown(pair.ours)} / plancher ${shown(pair.floor)}`,
    );
    if (round === 0) continue;
    found.ours.push(pair.ours);
    found.floor.push(pair.floor);
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
