import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import pg from "pg";
import { createTenant, INSTANCE_ID } from "../../src/accounts/tenant.ts";
import type { Services } from "../../src/platform/services.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";
import { noFiles } from "../support/files.ts";

const { db, clock, registry, superUrl, databaseUrl } = await testDatabase();
const a = await buildTenant(db, "Organisation A");
const b = await buildTenant(db, "Organisation B");
const services: Services = { db, clock, files: noFiles, varDir: "", historyKey: "" };
const DAY_MS = 86_400_000;

/** One night of a purge in an organisation; what it says of it. */
function purge(job: string, tenantId = a.tenantId) {
  const schedule = registry.schedules.find((one) => one.job === job);
  assert.ok(schedule, `${job} n’est pas au programme`);
  return schedule.run(services, { tenantId, day: "2026-11-21" });
}

/** What is left of a table, whoever it belongs to. */
async function left(table: string): Promise<{ tenant_id: string; stay?: boolean }[]> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    return (await root.query(`select * from ${table}`)).rows;
  } finally {
    await root.end();
  }
}
const ofTenant = async (table: string, tenantId = a.tenantId) =>
  (await left(table)).filter((row) => row.tenant_id === tenantId);

const openSession = ({ tenantId, userId }: typeof a, { stay = false, hours = 12 } = {}) =>
  db.note(tenantId, (em) =>
    em.execute(
      `insert into session (tenant_id, id, user_id, token_hash, payload, user_agent, address, stay, authenticated_at, last_seen_at, expires_at)
       values (?, ?, ?, ?, '{}', 'Essais', '127.0.0.1', ?, app_now(), app_now(), app_now() + make_interval(hours => ?))`,
      [tenantId, randomUUID(), userId, randomBytes(32), stay, hours],
    ),
  );

const noteEvent = (tenantId: string) =>
  db.note(tenantId, (em) =>
    em.execute(
      "insert into security_event (tenant_id, id, kind, address, user_agent, detail) values (?, ?, 'export', '', '', '{}')",
      [tenantId, randomUUID()],
    ),
  );

const noteKey = (tenantId: string) =>
  db.note(tenantId, (em) =>
    em.execute("insert into idempotency_key (tenant_id, id, route, digest, status) values (?, ?, 'POST /', '', 303)", [
      tenantId,
      randomUUID(),
    ]),
  );

test("les sessions que plus personne ne peut reprendre partent, les autres restent, chez les voisins aussi", async () => {
  await openSession(a);
  await openSession(a, { stay: true, hours: 72 });
  await openSession(b);
  await clock.advanceMinutes(7 * 60);
  assert.equal(await purge("accounts.purge_sessions"), "0 session supprimée");
  await clock.advanceMinutes(2 * 60);
  assert.equal(await purge("accounts.purge_sessions"), "1 session supprimée");
  assert.deepEqual(
    (await ofTenant("session")).map(({ stay }) => stay),
    [true],
  );
  assert.equal((await ofTenant("session", b.tenantId)).length, 1);
  await clock.advance(3 * DAY_MS);
  assert.equal(await purge("accounts.purge_sessions"), "1 session supprimée");
});

test("GEN-6 : une clé de demande se garde sept jours entiers, pas davantage", async () => {
  await noteKey(a.tenantId);
  await noteKey(b.tenantId);
  await clock.advance(7 * DAY_MS - 60_000);
  assert.equal(await purge("instance.purge_request_keys"), "0 clé supprimée");
  await clock.advanceMinutes(2);
  assert.equal(await purge("instance.purge_request_keys"), "1 clé supprimée");
  assert.equal((await ofTenant("idempotency_key", b.tenantId)).length, 1);
});

test("HIS-16 : le journal de sécurité se garde douze mois, et la base refuse d’en effacer avant", async () => {
  await noteEvent(a.tenantId);
  await clock.advance(360 * DAY_MS);
  await noteEvent(a.tenantId);
  assert.equal(await purge("accounts.purge_security_log"), "0 ligne supprimée");
  const application = new pg.Client({ connectionString: databaseUrl });
  await application.connect();
  await application.query("select set_config('app.tenant_id', $1, false)", [a.tenantId]);
  assert.equal((await application.query("delete from security_event")).rowCount, 0);
  await clock.advance(10 * DAY_MS);
  assert.equal(await purge("accounts.purge_security_log"), "1 ligne supprimée");
  assert.equal((await application.query("delete from security_event")).rowCount, 0);
  await application.end();
  assert.equal((await ofTenant("security_event")).length, 1);
});

test("les comptes de demandes par adresse partent le lendemain, une fois pour toute l’instance", async () => {
  await db.act(
    actOf(INSTANCE_ID, { channel: "setup" }),
    (em) => void createTenant(em, { id: INSTANCE_ID, name: "Instance", kind: "instance" }, { now: clock.now() }),
  );
  await db.lookup("hit", ["POST /connexion:192.0.2.1", 60]);
  assert.equal(await purge("instance.purge_rates", INSTANCE_ID), "0 compte supprimé");
  await clock.advance(DAY_MS + 60_000);
  assert.equal(await purge("instance.purge_rates", INSTANCE_ID), "1 compte supprimé");
  assert.deepEqual(await left("rate_hit"), []);
  assert.ok(registry.schedules.find(({ job }) => job === "instance.purge_rates")?.ofInstance);
});
