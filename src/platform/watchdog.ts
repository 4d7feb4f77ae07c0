import { url as inspected } from "node:inspector";
import { Worker } from "node:worker_threads";

const BEAT_MS = 250;
/** Longer than any work of ours holds the loop, shorter than the half minute a replacement may take (F24). */
const LIMIT_SECONDS = 20;

/**
 * Ends this process when its event loop has not turned for 20 seconds: a job that never yields would hold the others,
 * the pages and the stop itself. Whoever supervises the process starts another; the queue counts a try and passes on.
 * A thread looks, since nothing on the held loop could.
 */
export function startWatchdog({ limitSeconds = LIMIT_SECONDS } = {}): { stop(): Promise<void> } {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const beat = setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS);
  beat.unref();
  // A debugger stops the loop on purpose.
  if (inspected() !== undefined) return { stop: async () => clearInterval(beat) };
  const thread = new Worker(new URL("./watchdog-thread.ts", import.meta.url), {
    execArgv: [],
    workerData: { beats, limitSeconds, pid: process.pid },
  });
  thread.unref();
  return {
    async stop() {
      clearInterval(beat);
      await thread.terminate();
    },
  };
}
