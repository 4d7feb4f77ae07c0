/**
 * One throw-away PostgreSQL for the whole run, one database cloned from a migrated template for each test file.
 * `npm test` starts the server and hands its addresses over by the environment.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { eraseEmbedded, isHeld, startEmbedded } from "../../src/platform/db/embedded.ts";
import { APP_ROLE, OWNER_ROLE, prepareCluster, withDatabase } from "../../src/platform/db/roles.ts";
import type { Registry } from "../../src/platform/registry.ts";

export interface TestCluster {
  /** To be added to the environment of the test processes. */
  env: Record<"TEST_SUPER_URL" | "TEST_OWNER_URL" | "TEST_APP_URL" | "TEST_TEMPLATE" | "TEST_WORLD", string>;
  stop(): Promise<void>;
}

export interface TestDatabase {
  /** As the application connects: row-level security applies. */
  databaseUrl: string;
  ownerUrl: string;
  superUrl: string;
  drop(): Promise<void>;
}

const TEMPLATE = "opstracker_template";
/** The template with the named world of fixtures/ in it. */
const WORLD_TEMPLATE = "opstracker_world";
/** Of everybody in the world of tests. */
export const TEST_PASSWORD = "quatre-mots-pour-essayer-7";
const PREFIX = "opstracker-test-";

/** Starts the server and migrates the template. A run killed without mercy leaves its folder: swept by the next one. */
export async function startTestCluster(): Promise<TestCluster> {
  await sweepDeadRuns();
  const folder = await mkdtemp(path.join(tmpdir(), PREFIX));
  if (process.getuid?.() === 0) await chmod(folder, 0o711);
  const server = await startEmbedded(folder, {
    throwaway: true,
    settings: { shared_buffers: "128MB", max_connections: "200", max_wal_size: "512MB", autovacuum_naptime: "10min" },
  });
  const stop = async () => {
    await server.stop();
    await eraseEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const names = { database: TEMPLATE, ownerPassword: password(), appPassword: password() };
    await prepareCluster(server.superUrl, names);
    const url = (role: string, secret: string) => `postgres://${role}:${secret}@127.0.0.1:${server.port}/${TEMPLATE}`;
    const env = {
      TEST_SUPER_URL: withDatabase(server.superUrl, TEMPLATE),
      TEST_OWNER_URL: url(OWNER_ROLE, names.ownerPassword),
      TEST_APP_URL: url(APP_ROLE, names.appPassword),
      TEST_TEMPLATE: TEMPLATE,
      TEST_WORLD: WORLD_TEMPLATE,
    };
    // Imported here: test files need `freshDatabase` alone, not every module of the product.
    const { migrate } = await import("../../src/platform/db/migrate.ts");
    const { installTestClock } = await import("./clock.ts");
    const { createRegistry } = await import("../../src/platform/registry.ts");
    const { modules } = await import("../../src/modules.ts");
    const registry = createRegistry(modules);
    await migrate(env.TEST_OWNER_URL, registry);
    await installTestClock(env.TEST_OWNER_URL);
    await closeTemplate(server.superUrl, TEMPLATE);

    await query(server.superUrl, `create database ${WORLD_TEMPLATE} template ${TEMPLATE} owner ${OWNER_ROLE}`);
    await seedTemplate(withDatabase(env.TEST_APP_URL, WORLD_TEMPLATE), registry);
    await closeTemplate(server.superUrl, WORLD_TEMPLATE);
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Closed to connections: a template in use cannot be cloned. */
const closeTemplate = (superUrl: string, name: string) =>
  query(superUrl, `alter database ${name} with is_template true allow_connections false`);

async function seedTemplate(url: string, registry: Registry): Promise<void> {
  const { openDatabase } = await import("../../src/platform/db/index.ts");
  const { seedWorld } = await import("../../fixtures/world.ts");
  const { hashPassword } = await import("../../src/accounts/index.ts");
  const db = await openDatabase(url, registry);
  try {
    const hash = await hashPassword(TEST_PASSWORD);
    await seedWorld(db, { now: new Date(), passwordHash: () => hash });
  } finally {
    await db.close();
  }
}

/** A database of one's own, migrated and empty or holding the named world, in about a tenth of a second. */
export async function freshDatabase({ world = false } = {}): Promise<TestDatabase> {
  const {
    TEST_SUPER_URL: superUrl,
    TEST_OWNER_URL: ownerUrl,
    TEST_APP_URL: appUrl,
    [world ? "TEST_WORLD" : "TEST_TEMPLATE"]: template,
  } = process.env;
  if (!superUrl || !ownerUrl || !appUrl || !template) {
    const file = path.relative(process.cwd(), process.argv[1] ?? "test");
    throw new Error(`Ce test a besoin de la base d’essai : lancez « npm test -- ${file} ».`);
  }
  const name = `t_${process.pid}_${randomBytes(4).toString("hex")}`;
  const postgres = withDatabase(superUrl, "postgres");
  for (let attempt = 1; ; attempt++) {
    try {
      await query(postgres, `create database ${name} template ${template} owner ${OWNER_ROLE}`);
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== OBJECT_IN_USE || attempt === 20) throw error;
      await pause(100);
    }
  }
  return {
    databaseUrl: withDatabase(appUrl, name),
    ownerUrl: withDatabase(ownerUrl, name),
    superUrl: withDatabase(superUrl, name),
    drop: () => query(postgres, `drop database if exists ${name} with (force)`).then(() => undefined),
  };
}

/** A database with its roles and nothing else, as an operator prepares one. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const { TEST_SUPER_URL: superUrl, TEST_OWNER_URL: ownerUrl, TEST_APP_URL: appUrl } = process.env;
  if (!superUrl || !ownerUrl || !appUrl) throw new Error("Ce test a besoin de la base d’essai : lancez « npm test ».");
  const name = `t_${process.pid}_${randomBytes(4).toString("hex")}`;
  const postgres = withDatabase(superUrl, "postgres");
  const passwordOf = (url: string) => decodeURIComponent(new URL(url).password);
  await prepareCluster(postgres, {
    database: name,
    ownerPassword: passwordOf(ownerUrl),
    appPassword: passwordOf(appUrl),
  });
  return {
    databaseUrl: withDatabase(appUrl, name),
    ownerUrl: withDatabase(ownerUrl, name),
    superUrl: withDatabase(superUrl, name),
    drop: () => query(postgres, `drop database if exists ${name} with (force)`).then(() => undefined),
  };
}

const OBJECT_IN_USE = "55006";
const password = () => randomBytes(18).toString("base64url");

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined); // a database dropped under us says so on the idle connection too
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function sweepDeadRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const folder = path.join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !existsSync(path.join(folder, "postgres/holder")) || (await isHeld(folder)))
      continue;
    await eraseEmbedded(folder);
    await rm(folder, { recursive: true, force: true });
  }
}
