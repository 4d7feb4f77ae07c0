import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { modules } from "../../src/modules.ts";
import { knownMigrations, migrate } from "../../src/platform/db/migrate.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { emptyDatabase } from "../support/cluster.ts";
import { startWorld } from "../support/world.ts";

const MAIN = path.join(import.meta.dirname, "../..");
const registry = createRegistry(modules);
const known = await knownMigrations();
/** The version before: everything but the migrations that touch the ledger of jobs, which the tests hold. */
const BEFORE = known[known.indexOf("Migration20261121001121_job_runs") - 1]!;

async function olderBase() {
  const base = await emptyDatabase();
  await migrate(base.ownerUrl, registry, { upTo: BEFORE });
  const root = new pg.Client({ connectionString: base.superUrl });
  await root.connect();
  after(async () => {
    await root.end();
    await base.drop();
  });
  const ran = async () =>
    (await root.query<{ name: string }>("select name from mikro_orm_migrations order by name")).rows.map(
      ({ name }) => name,
    );
  /** True once somebody waits for a table. */
  const isHeld = async () =>
    (
      await root.query(
        "select from pg_locks l join pg_database d on d.oid = l.database where not l.granted and d.datname = current_database() and l.locktype = 'relation'",
      )
    ).rowCount! > 0;
  return { ...base, root, ran, isHeld };
}

async function hold(url: string): Promise<() => Promise<void>> {
  const reader = new pg.Client({ connectionString: url });
  await reader.connect();
  await reader.query("begin; lock table job_run in access share mode");
  return () => reader.end();
}

test("F22 : une table tenue par un lecteur n’arrête pas la mise à jour, qui cède la place et revient", {
  timeout: 60_000,
}, async () => {
  const base = await olderBase();
  const release = await hold(base.superUrl);
  const migrating = migrate(base.ownerUrl, registry);
  while (!(await base.isHeld())) await pause(20);
  // Queued behind the migration, this reader passes as soon as it gives up.
  await base.root.query("set statement_timeout = '5s'; select count(*) from job_run");
  await release();
  assert.deepEqual(await migrating, known.slice(known.indexOf(BEFORE) + 1));
  assert.deepEqual(await base.ran(), known);
});

test("F22 : kill -9 au milieu de la mise à jour : rien n’est fait à moitié, la suivante finit", {
  timeout: 60_000,
}, async () => {
  const base = await olderBase();
  const release = await hold(base.superUrl);
  const child = spawn(process.execPath, ["scripts/run.mjs", "migrate"], {
    cwd: MAIN,
    env: { ...process.env, DATABASE_URL: base.databaseUrl, DATABASE_OWNER_URL: base.ownerUrl },
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  while (!(await base.isHeld())) await pause(20);
  child.kill("SIGKILL");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  await release();
  assert.equal((await base.ran()).at(-1), BEFORE);
  await migrate(base.ownerUrl, registry);
  assert.deepEqual(await base.ran(), known);
});

test("F16, F22 : deux processus démarrent ensemble, un seul migre", { timeout: 60_000 }, async () => {
  const base = await olderBase();
  const both = await Promise.all([migrate(base.ownerUrl, registry), migrate(base.ownerUrl, registry)]);
  assert.deepEqual(
    both.map((ran) => ran.length).sort((a, b) => a - b),
    [0, known.length - known.indexOf(BEFORE) - 1],
  );
});

test("F22 : l’ancien code répond sur le schéma d’après, à 20 demandes par seconde, sans une panne", {
  timeout: 60_000,
}, async () => {
  const world = await startWorld();
  const denis = await world.as("denis");
  const pages = ["/campagnes", "/admin/utilisateurs", "/admin/historique", "/admin/organisation", "/compte"];
  for (const page of pages) for (let i = 0; i < 3; i++) await denis.get(page); // statements prepared, plans kept
  const { rows } = await world.owner.query<{ name: string }>(
    "select quote_ident(relname) as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  const answers: Promise<number>[] = [];
  await world.owner.query("set lock_timeout = '2s'");
  for (const [i, { name }] of rows.entries()) {
    // What a next version does without cutting: a column with a default, on every table there is.
    await world.owner.query(`alter table ${name} add column next_version text null default 'x'`);
    answers.push(denis.get(pages[i % pages.length]!).then(({ status }) => status));
    answers.push(denis.post("/compte/preferences", { theme: ["light", "dark"][i % 2]! }).then(({ status }) => status));
    await pause(100);
  }
  const statuses = await Promise.all(answers);
  assert.ok(statuses.length > 20);
  const failures = world.logged.filter((line) => line.includes("request failed"));
  assert.deepEqual(failures, []);
  assert.deepEqual([...new Set(statuses)].sort(), [200, 303]);
});
