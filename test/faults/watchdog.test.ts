import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";

const WATCHDOG = path.join(import.meta.dirname, "../../src/platform/watchdog.ts");

/** A process under watch that runs these lines; gives how it ended and what it said. */
async function run(lines: string): Promise<{ code: number | null; signal: string | null; said: string }> {
  const script = `import { startWatchdog } from ${JSON.stringify(WATCHDOG)};
const dog = startWatchdog({ limitSeconds: 2 });
${lines}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (piece) => (said += String(piece)));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code, signal, said };
}

test("F24 : une tâche qui ne rend jamais la main n’arrête que son processus, remplacé aussitôt ; le journal le dit", {
  timeout: 30_000,
}, async () => {
  const { signal, said } = await run("setTimeout(() => { for (;;); }, 300);");
  assert.equal(signal, "SIGKILL");
  const line = JSON.parse(said.trim().split("\n").at(-1)!);
  assert.deepEqual([line.level, line.msg], ["error", "event loop held"]);
});

test("F24 : un processus qui travaille et rend la main n’est pas inquiété, et s’arrête de lui-même", {
  timeout: 30_000,
}, async () => {
  const { code, said } = await run(`
    for (let i = 0; i < 6; i++) { const end = Date.now() + 600; while (Date.now() < end); await new Promise((r) => setTimeout(r, 30)); }
    await dog.stop();`);
  assert.deepEqual([code, said], [0, ""]);
});
