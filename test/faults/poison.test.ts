/** Jobs that throw, never yield or eat all the memory, in the real process, with whatever puts another in its place. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { modules } from "../../src/modules.ts";
import { openDatabase } from "../../src/platform/db/index.ts";
import { deadLetters } from "../../src/platform/jobs/queries.ts";
import { reasonOf } from "../../src/platform/jobs/reason.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { freshDatabase } from "../support/cluster.ts";
import { environment, freePort, newFolder } from "./instance.ts";
import { QUEUES } from "./poison.ts";

const LONG = process.env.FAULTS === "long";
const HERE = import.meta.dirname;
const folder = newFolder();
const fresh = await freshDatabase({ world: true });
const root = new pg.Client({ connectionString: fresh.superUrl });
await root.connect();
const launchers: ChildProcess[] = [];
const boss = new PgBoss({
  connectionString: fresh.databaseUrl,
  migrate: false,
  supervise: false,
  schedule: false,
  max: 1,
});
after(async () => {
  await boss.stop({ graceful: false });
  for (const launcher of launchers) launcher.kill("SIGTERM");
  await Promise.all(launchers.map((launcher) => launcher.exitCode ?? once(launcher, "exit")));
  await db.close();
  await root.end();
  await fresh.drop();
  await rm(folder, { recursive: true, force: true });
});

/** `npm start` of the jobs alone; counts how often it was ready. */
async function startJobs() {
  const settings = { ROLE: "jobs", DEMO: "non", DATABASE_URL: fresh.databaseUrl, DATABASE_OWNER_URL: fresh.ownerUrl };
  const launcher = spawn(process.execPath, [path.join(HERE, "../../src/relaunch.mjs"), path.join(HERE, "poison.ts")], {
    env: {
      ...environment(folder, await freePort(), settings),
      NODE_OPTIONS: "--max-old-space-size=160",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  launchers.push(launcher);
  let said = "";
  for (const stream of [launcher.stdout, launcher.stderr]) stream?.on("data", (piece) => (said += String(piece)));
  const starts = () => said.split("OpsTracker est prêt").length - 1;
  await until(
    () => starts() === 1,
    60_000,
    () => said,
  );
  return { launcher, starts, said: () => said };
}

async function until(holds: () => boolean | Promise<boolean>, withinMs: number, why: () => string): Promise<number> {
  const from = Date.now();
  while (!(await holds())) {
    assert.ok(Date.now() - from < withinMs, why());
    await pause(100);
  }
  return Date.now() - from;
}

const { rows: tenants } = await root.query<{ id: string }>("select id from tenant where kind = 'organisation' limit 1");
const tenantId = tenants[0]!.id;
const db = await openDatabase(fresh.databaseUrl, createRegistry(modules), { pool: 1 });
const send = (job: string) =>
  boss.send(job, { tenantId, event: { name: "poison.taken", payload: {}, tenantId, at: new Date().toISOString() } });
/** As the page of jobs tells them. */
const dead = async (job: string) =>
  (await db.read(tenantId, (em) => deadLetters(em, { shown: 100 })))
    .filter(({ queue }) => queue === job)
    .map(({ reason }) => reason ?? "");
const isActive = async (job: string) =>
  (await root.query("select from pgboss.job where name = $1 and state = 'active'", [job])).rowCount === 1;
/** Of the other queue, in seconds: the longest wait to be taken, and to be done when a process died with it in hand. */
const lag = async () =>
  (
    await root.query<{ taken: number; redone: number | null }>(
      `select coalesce(extract(epoch from max(coalesce(started_on, now()) - created_on) filter (where retry_count = 0)), 0)::float8 as taken,
         extract(epoch from max(coalesce(completed_on, now()) - created_on) filter (where retry_count > 0))::float8 as redone
       from pgboss.job where name = $1`,
      [QUEUES.canary],
    )
  ).rows[0]!;

test("F24 : une tâche qui lève, une qui boucle, une qui prend toute la mémoire : mises de côté avec leur motif, leur processus remplacé en 30 secondes, les autres files servies", {
  timeout: LONG ? 1_800_000 : 240_000,
}, async () => {
  const processes = [await startJobs()];
  processes.push(await startJobs());
  await boss.start();
  const starts = () => processes.reduce((sum, one) => sum + one.starts(), 0);
  const said = () => processes.map((one) => one.said()).join("\n");

  await send(QUEUES.throwing);
  await until(async () => (await dead(QUEUES.throwing)).length === 1, 30_000, said);
  assert.match((await dead(QUEUES.throwing))[0]!, /Le relais a refusé/);
  assert.equal(starts(), 2, "ce qui lève n’arrête personne");

  for (let round = 0; round < (LONG ? 3 : 1); round++) {
    for (const [i, job] of [QUEUES.endless, QUEUES.greedy].entries()) {
      const before = starts();
      await send(job);
      await until(() => isActive(job), 10_000, said);
      // One process is held; the other takes what comes.
      const canaries = setInterval(() => void send(QUEUES.canary), 1_000);
      const ms = await until(() => starts() === before + 1, 60_000, said);
      clearInterval(canaries);
      assert.ok(ms <= 30_000, `remplacé après ${ms} ms`);
      const { taken, redone } = await lag();
      assert.ok(taken < 5, `une autre file a attendu ${taken} s (tâche ${i})`);
      // What the dead process had in hand waits for its last sign of life to be too old.
      assert.ok((redone ?? 0) < 75, `une tâche en main a attendu ${redone} s`);
      // The last sign of life of a dead process is half a minute away from being one too many: here it is at once.
      if (!LONG)
        await root.query("update pgboss.job set heartbeat_on = heartbeat_on - interval '30 seconds' where name = $1", [
          job,
        ]);
      await until(async () => (await dead(job)).length === round + 1, 60_000, said);
      assert.equal(reasonOf((await dead(job))[0]!), "Le processus qui la faisait s’est arrêté en chemin.");
    }
  }
  assert.match(said(), /event loop held/);
  assert.match(said(), /"process died","cause":"SIGKILL","next":"another starts"/);
});
