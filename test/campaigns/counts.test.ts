import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { counted } from "../../src/campaigns/queries/counts.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const { tenantId } = await world.userOf("denis");

const question = sql<{ at: string }>`select clock_timestamp()::text as at, pg_sleep(0.05) is null as slow`;
const ask = (about = question) =>
  world.db.read(tenantId, async (em) => (await counted(em, about, { tenantId }))[0]!.at);
const write = () => world.db.note(tenantId, (em) => em.getConnection().execute("select pg_current_xact_id()"));

test("DSH-18 : demandés par dix pages au même instant, des nombres se comptent deux fois au plus, et restent tant que rien n’est écrit", async () => {
  const told = new Set(await Promise.all(Array.from({ length: 10 }, () => ask())));
  assert.ok(told.size <= 2, `${told.size} comptes`);
  assert.equal(told.has(await ask()), true, "rien n’est écrit : le même compte");
});

test("STA-2 : un compte commencé avant une écriture ne répond à personne qui demande après elle", async () => {
  const before = ask();
  await write();
  const at = new Date().toISOString();
  const [first, after] = await Promise.all([before, ask()]);
  assert.notEqual(first, after);
  assert.ok(Date.parse(after!) >= Date.parse(at), `${after} vient d’avant ${at}`);
});

test("un compte qui échoue le dit à qui l’a commencé, et les autres comptent d’eux-mêmes", async () => {
  const broken = sql<{
    at: string;
  }>`select (1 / (select count(*) from (select pg_sleep(0.05)) s where false))::text as at`;
  const answers = await Promise.allSettled([ask(broken), ask(broken), ask(broken)]);
  for (const answer of answers) {
    assert.equal(answer.status, "rejected");
    assert.match(String((answer as PromiseRejectedResult).reason), /division by zero/);
  }
  assert.ok(await ask());
});
