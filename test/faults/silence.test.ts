import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../../src/accounts/user.ts";
import { openDatabase } from "../../src/platform/db/index.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";
import { relayTo } from "../support/relay.ts";

const { db: direct, databaseUrl, registry } = await testDatabase();
const { tenantId, userId } = await buildTenant(direct);

test("un serveur qui se tait sans fermer ne retient personne, et l’on revient à lui (F07)", async () => {
  const relay = await relayTo(databaseUrl);
  const db = await openDatabase(relay.url, registry, { pool: 3, silentMs: 300 });
  const nameNow = () => db.read(tenantId, async (em) => (await em.findOneOrFail(User, { id: userId })).givenName);
  try {
    assert.deepEqual(await Promise.all([nameNow(), nameNow(), nameNow()]), ["Amina", "Amina", "Amina"]);
    relay.silence();
    const outcomes = await Promise.allSettled([
      nameNow(),
      nameNow(),
      db.act(actOf(tenantId), async (em) => {
        (await em.findOneOrFail(User, { id: userId })).givenName = "Perdue";
      }),
    ]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.equal((outcome.reason as { code?: string }).code, "ETIMEDOUT");
    }
    relay.heal();
    assert.equal(await nameNow(), "Amina");
    assert.equal(
      await direct.read(tenantId, async (em) => (await em.findOneOrFail(User, { id: userId })).givenName),
      "Amina",
    );
  } finally {
    await db.close();
  }
});

test("une question lente n’est pas un silence tant que le serveur a le droit d’y répondre", async () => {
  const db = await openDatabase(databaseUrl, registry, { pool: 1 });
  try {
    const rows = await db.read(tenantId, (em) => em.execute("select pg_sleep(0.4), 1 as one"));
    assert.equal(rows[0]!.one, 1);
    await assert.rejects(
      db.read(tenantId, async (em) => {
        await em.execute("set local statement_timeout = 50");
        await em.execute("select pg_sleep(5)");
      }),
      { code: "57014" },
    );
  } finally {
    await db.close();
  }
});
