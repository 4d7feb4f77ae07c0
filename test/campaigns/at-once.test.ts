/** Two managers at once: publishing, archiving, throwing away and importing, on connections that really cross (CAM-3, CAM-8). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { engineOf } from "../../src/imports/engine.ts";
import { runImport } from "../../src/imports/run.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { checkAsProposed, sendOperations } from "../support/imports.ts";
import { holdCampaign, untilWaiting } from "../support/locks.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, denis] = (await Promise.all(["sophie", "denis"].map((who) => world.as(who)))) as [Browser, Browser];
const { tenantId } = sophie;
const READ_ONLY = /Campagne archivée, lecture seule\. Restaurez-la pour la modifier/;

const ask = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await world.db.read(tenantId, (em) => em.execute<T[]>(sql, values))) as T[];
/** What a campaign came to: its state, its publications, its baselines, its operations and those that have their day in it. */
const left = async (at: string) =>
  (
    await ask<Record<string, unknown>>(
      `select c.state, c.state_before as before,
        (select count(*)::int from event e where e.subject_id = c.id and e.name = 'campaign.published') as published,
        (select count(*)::int from act a where a.subject_id = c.id and a.code = 'campaign.published') as acts,
        (select count(*)::int from baseline b where b.campaign_id = c.id) as baselines,
        (select count(*)::int from operation o where o.campaign_id = c.id) as operations,
        (select count(*)::int from operation o where o.campaign_id = c.id and o.baseline_on is not null) as dated
       from campaign c where c.id = ?`,
      [idIn(at)],
    )
  )[0]!;
const importNow = async (at: string) =>
  (
    await ask<{ state: string; failure: string | null; create: number }>(
      `select state, failure, coalesce((counts ->> 'create')::int, 0) as "create" from import where id = ?`,
      [idIn(at)],
    )
  )[0]!;

/** Each does it in this order, and waits for the one before to be waiting; then all go. */
async function atOnce(at: string, ...deeds: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const letGo = await holdCampaign(world, idIn(at));
  const sent: Promise<unknown>[] = [];
  for (const deed of deeds) {
    const one = deed();
    sent.push(one);
    await untilWaiting(world, sent.length, Promise.race(sent));
  }
  await letGo();
  return Promise.all(sent);
}

async function publish(by: Browser, at: string): Promise<() => Promise<Answer>> {
  await by.get(`${at}/publication`);
  return () => by.post(`${at}/publication`);
}
async function archive(by: Browser, at: string): Promise<() => Promise<Answer>> {
  await by.get(`${at}/archivage`);
  return () => by.post(`${at}/archivage`, { reason: "Abandonnée" });
}
async function trash(by: Browser, at: string): Promise<() => Promise<Answer>> {
  await by.get(`${at}/suppression`);
  const [row] = await ask<{ name: string }>("select name from campaign where id = ?", [idIn(at)]);
  return () => by.post(`${at}/suppression`, { name: row!.name });
}
/** A file of so many dated operations, checked, ready to be launched. */
async function imported(at: string, lines: number): Promise<string> {
  const rows = Array.from({ length: lines }, (_, n) => [`PC-${n}`, "12/03/2027"]);
  const one = await sendOperations(world, sophie, idIn(at), csvText([["Cible", "Date prévue"], ...rows]));
  isAt(await checkAsProposed(sophie, one, { column: ["cible", "prevue_le"], key: "Cible", mode: "both" }));
  await sophie.get(one);
  return one;
}
const run = (one: string) => runImport(engineOf(world.app.locals.services), { tenantId, id: idIn(one) });
const draft = async () => {
  const at = await makeCampaign(sophie, { startsOn: "2026-01-05", endsOn: "2027-12-31" });
  for (const n of [1, 2]) await addOperation(sophie, at, { c_cible: `A-${n}`, plannedOn: "2027-02-01" });
  return at;
};

test("CAM-3 : publiée par deux personnes au même instant, elle l’est une fois, et l’autre apprend pourquoi", async () => {
  const at = await draft();
  const [one, other] = (await atOnce(at, await publish(sophie, at), await publish(denis, at))) as Answer[];
  assert.equal(isAt(one!), at);
  assert.equal(other!.status, 409);
  assert.match(plain(other!), /Elle est déjà publiée/);
  const once = { state: "active", before: null, published: 1, acts: 1, baselines: 1, operations: 2, dated: 2 };
  assert.deepEqual(await left(at), once);
});

test("CAM-3, CAM-8 : publier et archiver au même instant : dans un ordre les deux sont faits, dans l’autre la publication est refusée", async () => {
  const first = await draft();
  for (const answer of await atOnce(first, await publish(sophie, first), await archive(denis, first)))
    isAt(answer as Answer);
  const both = { state: "archived", before: "active", published: 1, acts: 1, baselines: 1, operations: 2, dated: 2 };
  assert.deepEqual(await left(first), both);

  const second = await draft();
  const [archived, refused] = (await atOnce(
    second,
    await archive(denis, second),
    await publish(sophie, second),
  )) as Answer[];
  isAt(archived!);
  assert.equal(refused!.status, 409);
  assert.match(plain(refused!), READ_ONLY);
  const none = { state: "archived", before: "draft", published: 0, acts: 0, baselines: 0, operations: 2, dated: 0 };
  assert.deepEqual(await left(second), none);
});

test("CAM-8, IMP-35 : importée, publiée et archivée au même instant : la part en cours est écrite, la publication la compte, la suivante est refusée et le compte rendu le dit", async () => {
  const at = await draft();
  const one = await imported(at, 5_000);
  isAt(await sophie.post(`${one}/execution`, { errors: "valid" }));
  const [, published, archived] = await atOnce(at, () => run(one), await publish(sophie, at), await archive(denis, at));
  isAt(published as Answer);
  isAt(archived as Answer);
  const { state, failure, create } = await importNow(one);
  assert.ok(create > 0 && create < 5_000, `${create} lignes écrites`);
  assert.equal(state, "failed");
  assert.match(failure!, READ_ONLY);
  const after = { state: "archived", before: "active", published: 1, acts: 1, baselines: 1 };
  assert.deepEqual(await left(at), { ...after, operations: 2 + create, dated: 2 + create });
  const told = plain(await sophie.get(one));
  assert.match(told, READ_ONLY);
  assert.match(told, new RegExp(create.toLocaleString("fr-FR").replace(/\s/g, "\\s")), "et combien sont entrées");
});

test("CAM-8, CAM-11 : archivée ou mise à la corbeille juste avant, un import n’écrit rien et dit laquelle des deux", async () => {
  for (const [shut, sentence] of [
    [archive, READ_ONLY],
    [trash, /Cette campagne est à la corbeille\. Sortez-la d’abord/],
  ] as const) {
    const at = await draft();
    const one = await imported(at, 3);
    const [done] = await atOnce(at, await shut(denis, at), () => sophie.post(`${one}/execution`, { errors: "valid" }));
    isAt(done as Answer);
    const { state, failure, create } = await importNow(one);
    assert.deepEqual([state, create], ["failed", 0]);
    assert.match(failure!, sentence);
    assert.equal((await left(at)).operations, 2);
  }
});

test("CAM-8, IMP-50 : de même d’un import de personnes concernées", async () => {
  const at = await draft();
  await sophie.get(`/imports/personnes/nouveau?objet=${idIn(at)}`);
  const lines = [
    ["Nom", "Prénom", "E-mail"],
    ["Lefort", "Anaïs", "anais.lefort@ailleurs.example"],
  ];
  const file = { name: "personnes.csv", content: Buffer.from(csvText(lines)) };
  const one = isAt(await sendForm(world, sophie, "/imports/personnes/nouveau", file, { scope: idIn(at) }));
  isAt(await checkAsProposed(sophie, one));
  await sophie.get(one);
  const [done] = await atOnce(at, await archive(denis, at), () => sophie.post(`${one}/execution`, { errors: "valid" }));
  isAt(done as Answer);
  const { state, failure, create } = await importNow(one);
  assert.deepEqual([state, create], ["failed", 0]);
  assert.match(failure!, READ_ONLY);
  const [people] = await ask<{ n: number }>("select count(*)::int as n from eligible_person where campaign_id = ?", [
    idIn(at),
  ]);
  assert.equal(people!.n, 0);
});
