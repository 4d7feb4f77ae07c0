import assert from "node:assert/strict";
import { test } from "node:test";
import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { User } from "../../../src/accounts/user.ts";
import { askWithNext } from "../../../src/platform/db/index.ts";
import { WITH_COMMIT, WITH_NEXT } from "../../../src/platform/db/wire.ts";
import { query } from "../../support/cluster.ts";
import { actOf, buildTenant, testDatabase } from "../../support/database.ts";

// One connection: whatever a transaction left behind would meet the next one.
const { db, owner, superUrl } = await testDatabase({ pool: 1 });
const { tenantId, userId } = await buildTenant(db);
const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
/** Of its connections, as the superuser sees them: anybody else is told nothing. */
const states = async () =>
  (
    await query<{ state: string }>(
      superUrl,
      "select state from pg_stat_activity where datname = $1 and application_name = 'opstracker'",
      [new URL(superUrl).pathname.slice(1)],
    )
  ).map(({ state }) => state);
const nameNow = () => db.read(tenantId, async (em) => (await em.findOneOrFail(User, { id: userId })).givenName);
const tenantSeen = async (em: EntityManager) => {
  const { rows } = await sql<{ tenant: string }>`select current_setting('app.tenant_id', true) as tenant`.execute(
    run(em),
  );
  return rows[0]!.tenant;
};

test("les réglages partis avec la première question valent pour toute la transaction, et pas au-delà", async () => {
  assert.equal(await db.read(tenantId, tenantSeen), tenantId);
  const { rows } = await db.orm.em
    .getConnection()
    .getClient()
    .executeQuery<{ tenant: string | null }>(
      sql`select nullif(current_setting('app.tenant_id', true), '') as tenant`.compile(
        db.orm.em.getConnection().getClient(),
      ),
    );
  assert.equal(rows[0]!.tenant, null);
});

test("une transaction qui ne demande rien, ou qui échoue avant de demander, ne laisse rien ouvert", async () => {
  await db.read(tenantId, async () => undefined);
  await assert.rejects(
    db.note(tenantId, async () => {
      throw new Error("avant toute question");
    }),
    /avant toute question/,
  );
  assert.deepEqual(await states(), ["idle"]);
  assert.equal(await nameNow(), "Amina");
});

test("une lecture ne laisse rien ouvert, même entre deux questions, et ne peut rien écrire", async () => {
  await db.read(tenantId, async (em) => {
    assert.equal(await tenantSeen(em), tenantId);
    assert.deepEqual(await states(), ["idle"]);
    assert.equal(await tenantSeen(em), tenantId, "la question suivante a les mêmes réglages");
  });
  await assert.rejects(
    db.read(tenantId, (em) => sql`update app_user set given_name = 'Écrit' where id = ${userId}`.execute(run(em))),
    { code: "25006" },
  );
  assert.equal(await nameNow(), "Amina");
});

test("une question partie avec la suivante a ses propres lignes, à chaque fois, même sans ligne ou refusée", async () => {
  for (const [low, high] of [
    [1, 3],
    [2, 4],
    [5, 4],
  ]) {
    await db.read(tenantId, async (em) => {
      const numbers = await askWithNext(
        em,
        sql<{ n: number }>`select n from generate_series(${low}::int, ${high}::int) n`,
      );
      assert.throws(numbers, /not answered/);
      assert.equal(await tenantSeen(em), tenantId);
      const wanted = Array.from({ length: Math.max(0, high! - low! + 1) }, (_, i) => ({ n: low! + i }));
      assert.deepEqual(numbers(), wanted);
      const { rows } = await sql<{ x: string; y: string }>`select ${"a"}::text as x, ${"b"}::text as y`.execute(
        run(em),
      );
      assert.deepEqual(rows, [{ x: "a", y: "b" }]);
    });
  }
  const divided = db.read(tenantId, async (em) => {
    await askWithNext(em, sql`select 1 / ${0}::int`);
    return tenantSeen(em);
  });
  await assert.rejects(divided, { code: "22012" });
  assert.equal(await db.read(tenantId, tenantSeen), tenantId);
});

test("ce qui part avec la suite porte des listes, des dates et des absences comme une question seule", async () => {
  await db.act(actOf(tenantId), async (em) => {
    const [silenced, at, none] = [["rights", 'une "virgule", là'], new Date("2026-03-29T01:30:00Z"), null];
    await sql`${sql.raw(WITH_NEXT)}update app_user set silenced = ${silenced}::text[],
      created_at = ${at}::timestamptz, live = coalesce(${none}::boolean, live) where id = ${userId}`.execute(run(em));
    const { rows } = await sql<{ silenced: string[]; at: string }>`
      select silenced, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as at from app_user where id = ${userId}`.execute(
      run(em),
    );
    assert.deepEqual(rows, [{ silenced, at: "2026-03-29 01:30" }]);
    await sql`update app_user set silenced = '{}' where id = ${userId}`.execute(run(em));
  });
});

test("une dernière écriture refusée fait échouer le commit : rien n’est enregistré", async () => {
  const refused = db.act(actOf(tenantId), async (em) => {
    (await em.findOneOrFail(User, { id: userId })).givenName = "Perdue";
    await em.flush();
    await sql`${sql.raw(WITH_COMMIT)}insert into changeset (tenant_id, id, act_id) values (${tenantId}, null, null)`.execute(
      run(em),
    );
  });
  await assert.rejects(refused, { code: "23502" });
  assert.equal(await nameNow(), "Amina");
});

test("une connexion coupée en pleine transaction revient au pool, et l’erreur dite est la première", async () => {
  const cut = db.act(actOf(tenantId), async (em) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(run(em));
    await query(superUrl, "select pg_terminate_backend($1)", [rows[0]!.pid]);
    await em.findOneOrFail(User, { id: userId });
  });
  await assert.rejects(cut, /terminat|Connection/i);
  assert.equal(await nameNow(), "Amina");
});

test("F22 : une requête dont le résultat a changé de forme est redemandée, et n’échoue pas", async () => {
  await owner.query("create table shape (a int); grant select on shape to opstracker_app");
  const ask = () =>
    db.read(tenantId, (em) => sql`select * from shape where a is distinct from ${1}::int`.execute(run(em)));
  await ask();
  await owner.query("alter table shape add column b int");
  const { rows } = await ask();
  assert.deepEqual(rows, []);
  const along = () =>
    db.read(tenantId, async (em) => {
      const shapes = await askWithNext(em, sql`select * from shape`);
      await tenantSeen(em);
      return shapes();
    });
  await along();
  await owner.query("insert into shape values (1, 2); alter table shape add column d int default 4");
  assert.deepEqual(await along(), [{ a: 1, b: 2, d: 4 }]);
  // An act too: all it wrote is undone, then done again.
  await owner.query("alter table shape add column c int");
  await db.act(actOf(tenantId), (em) => sql`select * from shape where a is distinct from ${1}::int`.execute(run(em)));
});
