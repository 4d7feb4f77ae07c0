/**
 * Preloaded into a product under measure (`--import`): how late its loop runs. Each SIGUSR2 writes what was seen since the
 * one before, in milliseconds, to the file that LOOP_FILE names.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

// What is recorded is the whole time between two looks: what it should be is taken off.
const late = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e6 - RESOLUTION_MS));

process.on("SIGUSR2", () => {
  writeFileSync(process.env.LOOP_FILE, JSON.stringify({ p99: late(delay.percentile(99)), max: late(delay.max) }));
  delay.reset();
});
