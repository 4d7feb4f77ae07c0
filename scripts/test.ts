/**
 * `npm test [-- test/history test/config.test.ts --test-name-pattern=…]`: installs what the tests need, starts one
 * throw-away PostgreSQL, runs node's own runner, always stops the server.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import path from "node:path";
import { startTestCluster } from "../test/support/cluster.ts";
import { ensureTools } from "./tools.ts";

const SETTINGS = [
  "DATABASE_URL",
  "DATABASE_OWNER_URL",
  "REDIS_URL",
  "VAR_DIR",
  "SECRET",
  "DEMO",
  "HOST",
  "PORT",
  "PUBLIC_URL",
  "SMTP_URL",
];

const options = process.argv.slice(2).filter((word) => word.startsWith("-"));
const targets = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const files = targets.length > 0 ? targets.flatMap(testFilesOf) : globSync("test/**/*.test.ts").sort();
if (files.length === 0) fail(`Aucun fichier *.test.ts${targets.length ? ` dans ${targets.join(", ")}` : ""}.`);

ensureTools(fail);

let runner: ChildProcess | undefined;
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // From now on a signal must not end us before the server: it ends the runner, and the rest follows.
  process.on(signal, () => {
    interrupted = true;
    runner?.kill("SIGTERM");
  });
}

const cluster = await startTestCluster().catch((error) => {
  console.error(error);
  return fail("La base d’essai n’a pas démarré : rien n’a été testé.");
});

// Each file runs in a process of its own: they compile each module once for all of them. Four at a time on two cores: those
// of faults mostly wait for a process to be found dead.
const NODE_COMPILE_CACHE = path.join(import.meta.dirname, "../node_modules/.cache/opstracker");
const env: NodeJS.ProcessEnv = { ...process.env, NODE_ENV: "test", NODE_COMPILE_CACHE, ...cluster.env };
for (const name of SETTINGS) delete env[name]; // a developer's own settings must not change the verdict

if (!interrupted)
  runner = spawn(
    process.execPath,
    ["--test", "--test-concurrency=4", "--test-timeout=600000", "--test-reporter=spec", ...options, ...files],
    { env, stdio: ["ignore", "inherit", "inherit"] },
  );
const code = await new Promise<number>((resolve) => {
  if (runner) runner.on("close", (status) => resolve(status ?? 1));
  else resolve(1);
});
await cluster.stop();
process.exit(code);

function testFilesOf(target: string): string[] {
  if (!existsSync(target)) fail(`« ${target} » n’existe pas : donnez un fichier ou un dossier de test/.`);
  return statSync(target).isDirectory() ? globSync(`${target.replace(/\/$/, "")}/**/*.test.ts`).sort() : [target];
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
