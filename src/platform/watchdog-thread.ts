/** The thread of watchdog.ts: counts the seconds without a beat; a machine that slept counts one. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

const { beats, limitSeconds, pid } = workerData as { beats: Int32Array; limitSeconds: number; pid: number };
let seen = -1;
let still = 0;

setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === seen ? still + 1 : 0;
  seen = now;
  if (still < limitSeconds) return;
  const line = { time: new Date().toISOString(), level: "error", msg: "event loop held", seconds: still };
  writeSync(2, `${JSON.stringify(line)}\n`);
  // Not a signal it could handle: its loop would have to turn for that.
  process.kill(pid, "SIGKILL");
}, 1_000);
