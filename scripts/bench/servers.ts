/** The processes a measure starts: the product on a throw-away folder, and floors. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eraseEmbedded, startEmbedded } from "../../src/platform/db/embedded.ts";

export interface Server {
  origin: string;
  pid: number;
  /** From the start of the process to its first 200, in seconds. */
  startedIn: number;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;
const POLL_MS = 10;

/** A folder of its own for a measure, erased with its database afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "opstracker-bench-"));
  if (process.getuid?.() === 0) await chmod(folder, 0o711); // the account of PostgreSQL passes through
  try {
    return await work(folder);
  } finally {
    await eraseEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The product as it runs in production, with the demo world so that there are people to sign in as. */
export async function startProduct(
  folder: string,
  nodeOptions: string[] = [],
  env: Record<string, string> = {},
): Promise<Server> {
  const port = await freePort();
  // Empty counts as absent and, being given, keeps what a developer's .env says away.
  const settings = {
    DATABASE_URL: "",
    DATABASE_OWNER_URL: "",
    PUBLIC_URL: "",
    SECRET: "",
    TRUST_PROXY: "",
    LOG_LEVEL: "",
  };
  return start(["--max-semi-space-size=8", ...nodeOptions, "src/start.mjs"], {
    port,
    env: {
      MALLOC_ARENA_MAX: "2",
      ...settings,
      ...env,
      HOST: "127.0.0.1",
      PORT: String(port),
      VAR_DIR: folder,
      DEMO: "oui",
    },
    ready: "/health/ready",
    log: path.join(folder, "product.log"),
  });
}

/** A floor: a file of floors/ that listens on PORT. */
export async function startFloor(name: string, folder: string, env: Record<string, string>): Promise<Server> {
  const port = await freePort();
  return start([path.join(import.meta.dirname, "floors", `${name}.ts`)], {
    port,
    env: { ...env, PORT: String(port) },
    ready: "/ready",
    log: path.join(folder, "floor.log"),
  });
}

interface Starting {
  port: number;
  env: Record<string, string>;
  ready: string;
  log: string;
}

async function start(command: string[], { port, env, ready, log }: Starting): Promise<Server> {
  const out = openSync(log, "a");
  const began = performance.now();
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...env, NODE_ENV: "production" },
    stdio: ["ignore", out, out],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill); // whatever happens here, nothing is left running
  child.once("exit", () => process.off("exit", kill));
  let leaving = false;
  child.once("exit", (code, signal) => {
    if (!leaving)
      console.error(`${command.at(-1)} s’est arrêté (${signal ?? code}) :\n${readFileSync(log, "utf8").slice(-2000)}`);
  });
  const origin = `http://localhost:${port}`;
  while (!(await answers(origin + ready))) {
    if (child.exitCode !== null || performance.now() - began > START_LIMIT_MS) {
      throw new Error(`${command.at(-1)} n’a pas démarré :\n${readFileSync(log, "utf8").slice(-2000)}`);
    }
    await pause(POLL_MS);
  }
  return {
    origin,
    pid: child.pid!,
    startedIn: (performance.now() - began) / 1000,
    stop() {
      leaving = true;
      return end(child, "SIGTERM");
    },
  };
}

const answers = (url: string) =>
  fetch(url).then(
    async (response) => response.body?.cancel().then(() => response.ok) ?? response.ok,
    () => false,
  );

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** As a power cut would: the product and each process of its database, none of them told. */
export async function killEverything(folder: string, server: Server): Promise<void> {
  const { pid: postmaster } = await startEmbedded(folder);
  const family = [server.pid, postmaster, ...(await childrenOf(postmaster))];
  for (const pid of family) process.kill(pid, "SIGKILL");
  while (family.some(isRunning)) await pause(POLL_MS);
}

async function childrenOf(parent: number): Promise<number[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return all.filter((_, i) => parents[i]!.slice(parents[i]!.lastIndexOf(")")).split(" ")[2] === String(parent));
}

/** A zombie does not run any more, whether or not somebody collects it. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")")).split(" ")[1] !== "Z";
  } catch {
    return false;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
