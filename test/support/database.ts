import { randomUUID } from "node:crypto";
import { after } from "node:test";
import pg from "pg";
import { Tenant } from "../../src/accounts/tenant.ts";
import { User } from "../../src/accounts/user.ts";
import { modules } from "../../src/modules.ts";
import { type ActInput, type Database, openDatabase } from "../../src/platform/db/index.ts";
import { createRegistry, type Registry } from "../../src/platform/registry.ts";
import { TestClock } from "./clock.ts";
import { freshDatabase } from "./cluster.ts";

export interface OpenDatabase {
  db: Database;
  registry: Registry;
  clock: TestClock;
  databaseUrl: string;
  ownerUrl: string;
  superUrl: string;
  /** As the owner of the tables: what an attacker, or a careless operator, would do. */
  owner: pg.Client;
}

/** A database of this test file's own, opened as the application; dropped at the end. */
export async function testDatabase({
  pool = 10,
  world = false,
  extra = {} as Partial<Registry>,
} = {}): Promise<OpenDatabase> {
  const fresh = await freshDatabase({ world });
  const registry = { ...createRegistry(modules), ...extra };
  const db = await openDatabase(fresh.databaseUrl, registry, { pool });
  const owner = new pg.Client({ connectionString: fresh.ownerUrl });
  await owner.connect();
  after(async () => {
    await db.close();
    await owner.end();
    await fresh.drop();
  });
  return { ...fresh, db, registry, owner, clock: new TestClock(fresh.ownerUrl) };
}

/** The least an act must say. */
export const actOf = (tenantId: string, more: Partial<ActInput> = {}): ActInput => ({
  tenantId,
  actorId: null,
  channel: "page",
  code: "test.done",
  label: "Essai",
  now: new Date(),
  ...more,
});

/** A tenant with one account, and nothing else. */
export async function buildTenant(db: Database, name = "Ville d’essai"): Promise<{ tenantId: string; userId: string }> {
  const tenantId = randomUUID();
  const userId = randomUUID();
  await db.act(actOf(tenantId, { channel: "setup" }), (em) => {
    em.create(Tenant, { tenantId, id: tenantId, name, kind: "organisation" } as never);
    em.create(User, {
      tenantId,
      id: userId,
      email: "amina@essai.test",
      givenName: "Amina",
      familyName: name,
      roles: ["admin"],
    } as never);
  });
  return { tenantId, userId };
}
