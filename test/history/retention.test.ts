import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, beforeEach, test } from "node:test";
import { Tenant } from "../../src/accounts/tenant.ts";
import { User } from "../../src/accounts/user.ts";
import { Heads, startSealer, verifyHistory } from "../../src/history/index.ts";
import { purgeHistory } from "../../src/history/queries/retention.ts";
import { purgeOldHistory } from "../../src/history/retention.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

const DAY = 86_400_000;
const folder = mkdtempSync(path.join(tmpdir(), "retention-"));
const open = await testDatabase();
const newHeads = () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  return new Heads(folder, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
};
const heads = newHeads();
const onError = (error: unknown) => assert.fail(String(error));
const sealer = startSealer(open.db, { heads, clock: open.clock, everyMs: Number.POSITIVE_INFINITY, onError });
after(async () => {
  await sealer.stop();
  rmSync(folder, { recursive: true });
});

let tenantId: string;
let userId: string;
/** By the calendar: a leap year has a day more. */
async function yearsLater(years: number) {
  const now = open.clock.now();
  const then = new Date(now);
  then.setUTCFullYear(now.getUTCFullYear() + years);
  await open.clock.advance(then.getTime() - now.getTime());
}
/** Noon in Paris, so that no day is left by adding a few hours. */
async function atNoon() {
  const now = open.clock.now();
  const noon = new Date(now);
  noon.setUTCHours(11, 0, 0, 0);
  await open.clock.advance(noon.getTime() - now.getTime() + DAY);
}
beforeEach(async () => {
  await atNoon();
  ({ tenantId, userId } = await buildTenant(open.db));
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
});

async function acts(count: number) {
  for (let i = 0; i < count; i++) {
    await open.db.act(actOf(tenantId), (em) =>
      em
        .nativeUpdate(User, { id: userId }, { givenName: `Nom ${open.clock.now().getTime()} ${i}` })
        .then(() => undefined),
    );
  }
  await sealer.sealAll();
}
const verify = () => verifyHistory(open.db, heads, tenantId);
const purge = (most?: number) =>
  purgeOldHistory(open.db, heads, { tenantId, now: open.clock.now(), ...(most && { most }) });
const count = async (table: string) => Number((await open.owner.query(`select count(*) as n from ${table}`)).rows[0].n);
const rows = () => Promise.all(["act", "changeset", "change", "event", "imprint", "seal"].map(count));
async function asOwner(sql: string) {
  const tables = ["act", "change", "changeset", "imprint", "seal", "event"];
  await open.owner.query("begin");
  for (const table of tables) await open.owner.query(`alter table ${table} disable trigger user`);
  await open.owner.query(sql);
  for (const table of tables) await open.owner.query(`alter table ${table} enable trigger user`);
  await open.owner.query("commit");
}

test("HIS-17 : passé deux ans, les jours entiers s’effacent par un acte, et ce qui reste se vérifie", async () => {
  await acts(4);
  await open.clock.advance(DAY);
  await acts(3);
  assert.equal(await purge(), 0, "rien n’a deux ans");
  await yearsLater(2);
  await acts(1);
  const before = await count("act");
  // The second day has its two years to the hour: it stays, and the first goes whole.
  assert.equal(await purge(), 5);
  await sealer.sealAll();
  assert.equal(await count("act"), before - 5 + 1);
  assert.deepEqual(await verify(), { tenantId, verified: 5, signedUpTo: 10, erasedUpTo: 5, firstBreak: null });
  const { rows: told } = await open.owner.query(
    "select a.channel, a.label, e.payload from event e join changeset c on c.id = e.changeset_id join act a on a.id = c.act_id where e.name = 'history.purged'",
  );
  const { upTo, acts: erased, changes } = told[0].payload;
  assert.deepEqual([told.length, told[0].channel, upTo, erased], [1, "job", 5, 5]);
  assert.ok(changes >= 5);
  assert.match(told[0].label, /^Historique effacé jusqu’au .+ 20\d\d, au terme de sa durée de conservation$/);
  await acts(2);
  assert.deepEqual(await verify(), { tenantId, verified: 7, signedUpTo: 12, erasedUpTo: 5, firstBreak: null });
  // The next day, the next one.
  await open.clock.advance(DAY);
  assert.equal(await purge(), 3);
  await sealer.sealAll();
  assert.deepEqual((await verify()).firstBreak, null);
  assert.equal((await verify()).erasedUpTo, 8);
});

test("HIS-17 : l’organisation garde de deux à dix ans, le dernier sceau reste toujours", async () => {
  await acts(3);
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  await open.db.act(actOf(tenantId), async (em) => {
    (await em.findOneOrFail(Tenant, { id: tenantId })).historyYears = 10;
  });
  await sealer.sealAll();
  await yearsLater(9);
  assert.equal(await purge(), 0);
  await yearsLater(2);
  assert.equal(await purge(), 4, "tout, sauf le dernier");
  assert.equal(await count("seal"), 1);
  await sealer.sealAll();
  await acts(1);
  assert.equal((await verify()).firstBreak, null);
  for (const years of [1, 11]) {
    await assert.rejects(
      open.db.act(actOf(tenantId), async (em) => {
        (await em.findOneOrFail(Tenant, { id: tenantId })).historyYears = years;
      }),
      /tenant_history_years_check/,
    );
  }
});

test("HIS-8 : la base refuse à l’application d’effacer ce qui est trop jeune, le dernier sceau, ou sans passer par là", async () => {
  await acts(3);
  const before = await rows();
  const young = open.db.note(tenantId, (em) => purgeHistory(em, 2));
  await assert.rejects(young, /history is kept/);
  await yearsLater(3);
  await assert.rejects(
    open.db.note(tenantId, (em) => purgeHistory(em, 4)),
    /history is kept/,
  );
  await assert.rejects(
    open.db.note(tenantId, async (em) => {
      await em.execute("select set_config('app.history_retention', 'on', true)");
      await em.execute("delete from seal");
    }),
    /permission denied/,
  );
  assert.deepEqual(await rows(), before);
});

test("HIS-17 : de gros retards s’effacent par portions de jours entiers", async () => {
  for (let day = 0; day < 4; day++) {
    await acts(3);
    await open.clock.advance(DAY);
  }
  await yearsLater(2);
  await acts(1);
  // Four at once: the first day with the account's own act, then each day whole.
  assert.equal(await purge(4), 13);
  await sealer.sealAll();
  const spans = (await heads.checkpoints(tenantId)).map(({ upTo }) => upTo);
  assert.deepEqual(spans, [4, 7, 10, 13]);
  assert.equal((await verify()).firstBreak, null);
});

test("HIS-17 : tué entre la signature et l’effacement, rien n’est rompu et la nuit suivante finit", async () => {
  await acts(3);
  await yearsLater(2);
  await open.clock.advance(2 * DAY);
  await acts(1);
  const { rows: seals } = await open.owner.query("select hash from seal where sequence = 4");
  await heads.appendCheckpoint(tenantId, { upTo: 4, hash: seals[0].hash, lastDay: "2026-11-21" }, open.clock.now());
  assert.deepEqual((await verify()).firstBreak, null);
  assert.equal((await verify()).erasedUpTo, 0);
  assert.equal(await purge(), 4);
  await sealer.sealAll();
  assert.equal((await verify()).firstBreak, null);
});

test("HIS-17 : un début de chaîne ôté sans point de contrôle signé, ou plus loin que lui, est nommé", async () => {
  await acts(4);
  await yearsLater(2);
  await open.clock.advance(2 * DAY);
  await acts(4);
  const erase = (upTo: number) =>
    asOwner(`delete from event where changeset_id in (select changeset_id from seal where sequence <= ${upTo});
      delete from change where changeset_id in (select changeset_id from seal where sequence <= ${upTo});
      delete from imprint where id in (select changeset_id from seal where sequence <= ${upTo});
      delete from changeset where id in (select changeset_id from seal where sequence <= ${upTo});
      delete from seal where sequence <= ${upTo}`);
  const forged = newHeads();
  const { rows: seals } = await open.owner.query("select hash from seal where sequence = 2");
  await erase(2);
  assert.deepEqual((await verify()).firstBreak?.number, 1);
  await forged.appendCheckpoint(tenantId, { upTo: 2, hash: seals[0].hash, lastDay: "2026-11-21" }, open.clock.now());
  assert.deepEqual((await verify()).firstBreak?.number, 1, "signé d’une autre clé");
  assert.equal(await purge(), 3);
  await sealer.sealAll();
  assert.equal((await verify()).firstBreak, null);
  await erase(7);
  assert.equal((await verify()).firstBreak?.number, 6, "le point de contrôle s’arrête à 5");
});

test("un point de contrôle abîmé ou réécrit ne compte pas", async () => {
  await acts(2);
  await yearsLater(2);
  await open.clock.advance(2 * DAY);
  await acts(2);
  await purge();
  await sealer.sealAll();
  const file = path.join(folder, `${tenantId}.checkpoints.jsonl`);
  const kept = await readFile(file, "utf8");
  await appendFile(file, '{"tenant":"');
  assert.equal((await verify()).firstBreak, null, "une ligne coupée est ignorée");
  await writeFile(file, kept.replace('"upTo":3', '"upTo":4'));
  assert.equal((await verify()).firstBreak?.number, 1);
  await writeFile(file, kept);
  assert.equal((await verify()).firstBreak, null);
});
