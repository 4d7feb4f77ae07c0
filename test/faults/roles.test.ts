import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { freshDatabase } from "../support/cluster.ts";
import { freePort, newFolder, type Running, start } from "./instance.ts";

const folder = newFolder();
const fresh = await freshDatabase({ world: false });
const root = new pg.Client({ connectionString: fresh.superUrl });
await root.connect();
const running: Running[] = [];
after(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all(running.map(({ ended }) => ended));
  await root.end();
  await fresh.drop();
  await rm(folder, { recursive: true, force: true });
});

async function startAs(ROLE: "web" | "jobs"): Promise<Running> {
  const settings = { ROLE, DEMO: "non", DATABASE_URL: fresh.databaseUrl, DATABASE_OWNER_URL: fresh.ownerUrl };
  const started = await start(folder, await freePort(), settings);
  running.push(started);
  return started;
}
const statusOf = async ({ origin }: Running, path: string) => (await fetch(origin + path)).status;
const count = async (table: string) => Number((await root.query(`select count(*) as n from ${table}`)).rows[0].n);

test("ROLE=web sert les pages et laisse les tâches ; ROLE=jobs les fait, ne sert que /health, et SIGTERM l’arrête proprement", {
  timeout: 120_000,
}, async () => {
  const web = await startAs("web");
  assert.equal(await statusOf(web, "/connexion"), 200);
  assert.match(web.said(), /\/installation\//);
  assert.ok((await count("act")) > 0);
  assert.equal(await count("seal"), 0, "les pages ne scellent rien");
  assert.equal(await count("job_run"), 0, "les pages ne prennent aucune tâche");

  const jobs = await startAs("jobs");
  assert.equal(await statusOf(jobs, "/health/live"), 200);
  assert.equal(await statusOf(jobs, "/connexion"), 404);
  assert.doesNotMatch(jobs.said(), /\/installation\//, "le lien déjà donné par les pages reste le bon");
  while ((await count("seal")) === 0 || (await count("job_run")) === 0) await pause(100);

  jobs.child.kill("SIGTERM");
  assert.equal(await jobs.ended, 0);
  assert.equal(await statusOf(web, "/health/ready"), 200);
  // Whoever read its log has gone: it serves all the same, and stops when told.
  web.child.stdout!.destroy();
  web.child.stderr!.destroy();
  for (let i = 0; i < 5; i++) assert.equal(await statusOf(web, "/connexion"), 200);
  web.child.kill("SIGTERM");
  assert.equal(await web.ended, 0);
});
