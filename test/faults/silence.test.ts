import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../../src/accounts/user.ts";
import { openDatabase } from "../../src/platform/db/index.ts";
import { PAGE_MS } from "../../src/platform/db/orm.ts";
import type { Subscription } from "../../src/platform/events/catalogue.ts";
import { startJobs } from "../../src/platform/jobs/index.ts";
import { installJobs } from "../../src/platform/jobs/install.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";
import { noFiles } from "../support/files.ts";
import { relayTo } from "../support/relay.ts";

const { db: direct, databaseUrl, ownerUrl, owner, clock, registry } = await testDatabase();
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

test("F07 : les connexions que personne n’employait tombent avec celle qui se tait : la demande d’après n’attend pas", async () => {
  const relay = await relayTo(databaseUrl);
  const db = await openDatabase(relay.url, registry, { pool: 3, silentMs: 300 });
  const nameNow = () => db.read(tenantId, async (em) => (await em.findOneOrFail(User, { id: userId })).givenName);
  try {
    await Promise.all([nameNow(), nameNow(), nameNow()]);
    assert.equal(db.pool().idle, 3);
    relay.silence();
    await assert.rejects(nameNow(), { code: "ETIMEDOUT" });
    relay.heal();
    assert.deepEqual(await Promise.all([nameNow(), nameNow(), nameNow()]), ["Amina", "Amina", "Amina"]);
  } finally {
    await db.close();
  }
});

test("F07 : une page renonce avant dix secondes ; le travail qui le demande a le temps du travail, sans que le silence le coupe", async () => {
  assert.ok(PAGE_MS < 10_000);
  const db = await openDatabase(databaseUrl, registry, { pool: 1, statementMs: 300 });
  const slow = async (em: EntityManager) => (await em.execute("select pg_sleep(2.5), 1 as one"))[0]!.one;
  try {
    await assert.rejects(db.read(tenantId, slow), { code: "57014" });
    assert.equal(await db.patiently().read(tenantId, slow), 1);
    await assert.rejects(db.read(tenantId, slow), { code: "57014" });
    await assert.rejects(
      db.lookup("tenants").then(() => db.read(tenantId, slow)),
      { code: "57014" },
    );
    // What does nothing in a transaction holds its locks all the same.
    await assert.rejects(
      db.note(tenantId, async (em) => {
        await em.execute("select 1");
        await pause(900);
        await em.execute("select 1");
      }),
    );
  } finally {
    await db.close();
  }
});

test("F07 : une tâche en cours quand la base se tait n’est pas un fantôme : rendue après son dernier signe de vie, elle est reprise et finit", {
  timeout: 120_000,
}, async () => {
  const relay = await relayTo(databaseUrl);
  const db = await openDatabase(relay.url, registry, { pool: 3, silentMs: 300 });
  let runs = 0;
  let begun = () => {};
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const subscription: Subscription = {
    on: "test.silent",
    job: "test.silent",
    label: "Essai",
    async run() {
      runs += 1;
      begun();
      if (runs === 1) await held;
    },
  };
  const queue = { ...subscription, retry: { limit: 2, delaySeconds: 0 } };
  await installJobs(ownerUrl, owner, [queue]);
  const services = { db, clock, files: noFiles, varDir: "", historyKey: "", diskFloor: 0 };
  const jobs = await startJobs(services, relay.url, { subscriptions: [subscription], schedules: [] }, () => {});
  try {
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const event = { name: "test.silent", payload: {}, tenantId, at: new Date().toISOString() };
    await db.note(tenantId, (em) =>
      jobs.send(em.getTransactionContext() as never, queue.job, { tenantId, event } as never),
    );
    await started;
    relay.silence();
    go();
    // Its end is told to nobody. The line is mended, and its last sign of life made half a minute old, as it will be.
    await pause(500);
    relay.heal();
    await owner.query("update pgboss.job set heartbeat_on = heartbeat_on - interval '30 seconds' where name = $1", [
      queue.job,
    ]);
    const state = async () =>
      (await owner.query("select state from pgboss.job where name = $1", [queue.job])).rows.map((row) => row.state);
    for (const limit = Date.now() + 60_000; (await state())[0] !== "completed"; await pause(200)) {
      assert.ok(Date.now() < limit, `${await state()}`);
    }
    assert.equal(runs, 2);
  } finally {
    await jobs.stop();
    await db.close();
  }
});

test("une question lente n’est pas un silence tant que le serveur a le droit d’y répondre", async () => {
  const db = await openDatabase(databaseUrl, registry, { pool: 1 });
  try {
    const rows = await db.read(tenantId, (em) => em.execute("select pg_sleep(0.4), 1 as one"));
    assert.equal(rows[0]!.one, 1);
    await assert.rejects(
      db.note(tenantId, async (em) => {
        await em.execute("set local statement_timeout = 50");
        await em.execute("select pg_sleep(5)");
      }),
      { code: "57014" },
    );
  } finally {
    await db.close();
  }
});
