/**
 * `npm start`: starts the process, and another in its place when one that was serving dies of what it did, as a job that
 * never yields or eats all the memory (F24). systemd and containers do as much: they run src/start.mjs themselves.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import "./needs-node-24.mjs";

/** So many deaths in so little time are no accident: somebody must look. */
const MOST = 5;
const WITHIN_MS = 120_000;

/**
 * New objects in 24 MB instead of up to 200, and two arenas of malloc instead of eight per processor, each of which keeps
 * what it gave once: memory is what a small server lacks. The other half is in src/start.mjs; the image and the service
 * say the same, having no relauncher.
 */
const SMALL = "--max-semi-space-size=8";
const ARENAS = "2";

const main = process.argv[2] ?? fileURLToPath(new URL("start.mjs", import.meta.url));
const deaths = [];
let stopping = false;
let child;

function begin() {
  let served = false;
  child = spawn(process.execPath, [SMALL, ...process.execArgv, main], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { MALLOC_ARENA_MAX: ARENAS, ...process.env },
  });
  child.on("message", (message) => {
    if (message === "ready") served = true;
  });
  child.on("exit", (code, signal) => {
    // What never served has said what to mend: beginning again would say it again.
    if (stopping || code === 0 || !served) process.exit(code ?? 1);
    const now = Date.now();
    deaths.push(now);
    const line = { time: new Date(now).toISOString(), level: "error", msg: "process died", cause: signal ?? code };
    const isTooMany = deaths.filter((at) => at > now - WITHIN_MS).length > MOST;
    process.stderr.write(`${JSON.stringify({ ...line, next: isTooMany ? "given up" : "another starts" })}\n`);
    if (isTooMany) process.exit(1);
    begin();
  });
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    stopping = true;
    child.kill(signal);
  });
}
begin();
