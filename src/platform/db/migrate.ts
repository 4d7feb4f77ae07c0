import { readdir } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import { Client } from "pg";
import { installJobs } from "../jobs/install.ts";
import type { Registry } from "../registry.ts";
import { installTracking } from "./tracking.ts";

const MIGRATIONS = new URL("../../../migrations", import.meta.url).pathname;
// One runner at a time over the whole cluster of processes (F16); any number nobody else uses.
const MIGRATION_LOCK = 7_236_001;
const LOCK_MS = 2_000;
const BETWEEN_TRIES_MS = 1_000;
const MOST_TRIES = 100;

/**
 * Brings the database to this version as its owner: pending migrations, history triggers, pg-boss schema, queues.
 * Waits for another process doing the same. On a locked table it gives up after 2 s rather than queue everybody behind
 * it, lets them pass and tries again, for five minutes (F22); killed in the middle, it left nothing.
 * `upTo` stops after that migration, for a backup to be loaded in. Returns the names of the migrations run. When nothing is pending it costs three queries.
 */
export async function migrate(
  ownerUrl: string,
  {
    entities,
    tracked,
    subscriptions,
    schedules,
  }: Pick<Registry, "entities" | "tracked" | "subscriptions" | "schedules">,
  { upTo }: { upTo?: string | undefined } = {},
): Promise<string[]> {
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    // After the wait for our turn, which may last as long as another process migrates.
    await owner.query(`set lock_timeout = ${LOCK_MS}`);
    const ran = await patiently(() => runMigrations(ownerUrl, owner, entities, upTo));
    if (!upTo) await patiently(() => installTracking(owner, tracked)); // its triggers name columns of this version
    await installJobs(ownerUrl, owner, [...subscriptions, ...schedules]);
    return ran;
  } finally {
    await owner.end();
  }
}

/** Again when a table was held by others, each time after having let them pass. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error) || tries >= MOST_TRIES) throw error;
      await pause(BETWEEN_TRIES_MS);
    }
  }
}

function isLockTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as { code?: unknown }).code === "55P03" || isLockTimeout(error.cause);
}

/** The names of the migrations this version brings, in order. */
export async function knownMigrations(): Promise<string[]> {
  return (await readdir(MIGRATIONS)).map((file) => file.replace(/\.ts$/, "")).sort();
}

/** The names of the migrations this database has had, in order; none when it has never been migrated. */
export async function ranMigrations(ownerUrl: string): Promise<string[]> {
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    const { rowCount } = await owner.query(
      "select from pg_class where oid = to_regclass('public.mikro_orm_migrations')",
    );
    if (!rowCount) return [];
    const { rows } = await owner.query<{ name: string }>("select name from mikro_orm_migrations order by name");
    return rows.map(({ name }) => name);
  } finally {
    await owner.end();
  }
}

async function runMigrations(
  ownerUrl: string,
  owner: Client,
  entities: Registry["entities"],
  upTo?: string,
): Promise<string[]> {
  const orm = await MikroORM.init({
    clientUrl: ownerUrl,
    entities,
    extensions: [Migrator],
    preferTs: true,
    pool: { min: 0, max: 1 },
    driverOptions: { options: `-c lock_timeout=${LOCK_MS}` },
    migrations: {
      path: MIGRATIONS,
      pathTs: MIGRATIONS,
      emit: "ts",
      snapshot: false,
      silent: true,
      tableName: "mikro_orm_migrations",
    },
  });
  try {
    const pending = await orm.migrator.getPending();
    if (pending.length === 0) return [];
    const ran = await orm.migrator.up(upTo ? { to: upTo } : undefined);
    await owner.query("revoke all on mikro_orm_migrations from opstracker_app");
    return ran.map((migration) => migration.name);
  } finally {
    await orm.close(true);
  }
}
