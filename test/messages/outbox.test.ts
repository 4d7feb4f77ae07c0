import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const AT = "/admin/boite-envoi";
const denis = await world.as("denis");
const { id: helene } = await world.userOf("helene");

interface Row {
  state: string;
  attempts: number;
  address: string;
}

/** A message as the sender would have left it. */
async function message({
  state = "failed",
  address = "helene@perdue.example",
  kind = "accounts.password_changed",
  tenantId = denis.tenantId,
  answers = [] as object[],
  payload = { at: "2026-11-21T10:00:00.000Z" } as object,
} = {}): Promise<string> {
  const id = randomUUIDv7();
  await world.db.note(tenantId, (em) =>
    em.execute(
      `insert into outbox (tenant_id, id, kind, address, person_type, person_id, subject, payload, state, attempts, last_answer, answers)
       values (?, ?, ?, ?, 'user', ?, 'Votre mot de passe a changé', ?::jsonb, ?, 3, 'No such user', ?::jsonb)`,
      [tenantId, id, kind, address, helene, JSON.stringify(payload), state, JSON.stringify(answers)],
    ),
  );
  return id;
}
const rowOf = async (id: string): Promise<Row> =>
  (
    await world.db.read(denis.tenantId, (em) =>
      em.execute<Row[]>("select state, attempts, address from outbox where id = ?", [id]),
    )
  )[0]!;
const lastAct = async () =>
  (
    await world.db.read(denis.tenantId, (em) =>
      em.execute<{ id: string; code: string; subject_id: string }[]>(
        "select id, code, subject_id from act order by id desc limit 1",
      ),
    )
  )[0]!;

test("MSG-5 : la liste se filtre par genre, état, personne et période, et se feuillette", async () => {
  const sent = await message({ state: "sent", kind: "accounts.locked", address: "une@autre.example" });
  const failed = await message();
  const shows = async (query: string, id: string) =>
    (await denis.get(`${AT}?${query}`, { part: true })).text.includes(`${AT}/${id}"`);
  assert.deepEqual([await shows("etat=failed", failed), await shows("etat=failed", sent)], [true, false]);
  assert.deepEqual(
    [await shows("genre=accounts.locked", failed), await shows("genre=accounts.locked", sent)],
    [false, true],
  );
  assert.equal(await shows(`personne=${helene}`, failed), true);
  assert.equal(await shows("personne=00000000-0000-7000-8000-00000000dead", failed), false);
  assert.match((await denis.get(`${AT}?au=2001-01-01`)).text, /Rien ne répond à ces filtres/);
  for (let i = 0; i < 55; i++) await message({ kind: "accounts.new_device" });
  const first = await denis.get(`${AT}?genre=accounts.new_device`);
  assert.match(first.text, /55 messages/);
  const next = /href="([^"]+avant=[^"]+)" rel="next"/.exec(first.text)![1]!.replaceAll("&amp;", "&");
  const second = await denis.get(next);
  assert.equal(second.text.match(/scope="row"/g)!.length, 5);
  const back = /href="([^"]+apres=[^"]+)" rel="prev"/.exec(second.text)![1]!.replaceAll("&amp;", "&");
  assert.equal((await denis.get(back)).text.match(/scope="row"/g)!.length, 50);
});

test("MSG-5 : la page d’un message dit chaque essai et chaque réponse, et montre le contenu dans un cadre sans pouvoir", async () => {
  const answers = [
    { at: "2026-11-21T10:00:00Z", result: "temporary", answer: "Refusé pour l’instant : 452 Mailbox full" },
    { at: "2026-11-21T10:01:00Z", result: "permanent", answer: "Refusé définitivement : 550 <b>No such user</b>" },
  ];
  const id = await message({ answers });
  const { text, headers } = await denis.get(`${AT}/${id}`);
  assert.match(text, /Remis à plus tard[\s\S]*452 Mailbox full/);
  assert.match(text, /Refusé<\/span>[\s\S]*550 &lt;b&gt;No such user/);
  assert.match(text, /<iframe[^>]* sandbox>/);
  assert.match(headers.get("content-security-policy")!, /frame-src 'self'$/);
  const frame = await denis.get(`${AT}/${id}/apercu`);
  assert.match(frame.headers.get("content-security-policy")!, /^sandbox; default-src 'none'; style-src 'sha256-/);
  assert.match(frame.text, /Le mot de passe de votre compte a été changé/);
});

test("P57 : le lien personnel d’un message ne se lit ni sur sa page ni dans son cadre", async () => {
  const id = await message({ kind: "test.disparu" });
  assert.match((await denis.get(`${AT}/${id}`)).text, /n’existe plus dans cette version/);
  assert.equal((await denis.get(`${AT}/${id}/apercu`)).status, 404);
  const invited = await message({ kind: "accounts.invited", payload: { by: "Denis Roussel" } });
  const card = await denis.get(`${AT}/${invited}`);
  assert.match(card.text, /Le lien personnel est masqué[\s\S]+\/invitation\/••••••••/);
  const frame = await denis.get(`${AT}/${invited}/apercu`);
  assert.match(frame.text, /\/invitation\/••••••••"/);
  for (const { text } of [card, frame]) assert.doesNotMatch(text, /\/invitation\/[\w-]{20}/);
});

test("MSG-5 : tout ce qui n’est pas parti se renvoie en un acte, dans les filtres en place et nulle part ailleurs", async () => {
  const kind = "accounts.factor_removed";
  const failed = await message({ kind });
  const unsent = await message({ kind, state: "unsent" });
  const locked = await message({ kind: "accounts.locked" });
  const sent = await message({ kind, state: "sent" });
  const other = (await world.userOf("nathalie")).tenantId;
  const theirs = await message({ kind, tenantId: other });
  assert.doesNotMatch((await denis.get(AT)).text, /Renvoyer les/, "sans serveur, rien ne partirait");
  const answer = await denis.post(`${AT}/renvoi?genre=${kind}`);
  assert.deepEqual([answer.status, answer.location], [303, `${AT}?genre=${kind}`]);
  const states = async (ids: string[]) => Promise.all(ids.map(async (id) => (await rowOf(id)).state));
  assert.deepEqual(await states([failed, unsent, locked, sent]), ["pending", "pending", "failed", "sent"]);
  const [row] = await world.db.read(other, (em) =>
    em.execute<{ state: string }[]>("select state from outbox where id = ?", [theirs]),
  );
  assert.equal(row!.state, "failed", "l’autre organisation");
  assert.match((await denis.get("/admin/historique")).text, /Renvoi de 2 messages/);
  const again = await denis.post(`${AT}/renvoi?genre=${kind}`);
  assert.deepEqual([again.status, /Aucun de ces messages/.test(again.text)], [422, true]);
});

test("MSG-14 : sans serveur, renvoyer ne promet pas un départ", async () => {
  const id = await message({ state: "unsent" });
  const { location } = await denis.post(`${AT}/${id}/renvoi`);
  const { text } = await denis.get(location!);
  assert.match(text, /id="notice"[\s\S]{0,400}reste dans la boîte d’envoi\s: cette instance n’a pas de serveur/);
});

test("MSG-5 : renvoyer ce qui a échoué le remet en file ; ce qui est parti est écrit à nouveau", async () => {
  const failed = await message();
  const answer = await denis.post(`${AT}/${failed}/renvoi`);
  assert.deepEqual([answer.status, answer.location], [303, `${AT}/${failed}`]);
  assert.deepEqual(await rowOf(failed), { state: "pending", attempts: 0, address: "helene@perdue.example" });
  const act = await lastAct();
  assert.deepEqual([act.code, act.subject_id], ["message.resent", failed]);
  assert.match((await denis.get(`/actes/${act.id}/annulation`)).text, /Un message remis en file part aussitôt/);

  const sent = await message({ state: "sent" });
  const { location } = await denis.post(`${AT}/${sent}/renvoi`);
  assert.notEqual(location, `${AT}/${sent}`);
  assert.equal((await rowOf(sent)).state, "sent");
  assert.equal((await rowOf(location!.split("/").at(-1)!)).state, "pending");

  assert.equal((await denis.post(`${AT}/${failed}/renvoi`)).status, 422);
});

test("MSG-5 : abandonner, une fois, ce qui n’est pas parti", async () => {
  const id = await message({ state: "pending" });
  assert.equal((await denis.post(`${AT}/${id}/abandon`)).status, 303);
  assert.equal((await rowOf(id)).state, "dropped");
  assert.equal((await lastAct()).code, "message.dropped");
  assert.equal((await denis.post(`${AT}/${id}/abandon`)).status, 422);
  assert.equal((await denis.post(`${AT}/${await message({ state: "sent" })}/abandon`)).status, 422);
});

test("MSG-5 : l’adresse d’un message se corrige, celle du compte reste, et il repart", async () => {
  const id = await message();
  const refused = await denis.post(`${AT}/${id}/adresse`, { address: "pas une adresse" });
  assert.match(refused.text, /Écrivez une adresse complète/);
  assert.equal((await denis.post(`${AT}/${id}/adresse`, { address: "Helene@Juste.example" })).status, 303);
  assert.deepEqual(await rowOf(id), { state: "pending", attempts: 0, address: "helene@juste.example" });
  const sent = await message({ state: "sent" });
  assert.equal((await denis.post(`${AT}/${sent}/adresse`, { address: "a@b.example" })).status, 422);
});

test("la fiche d’une personne montre ses derniers messages, chacun avec son état", async () => {
  const id = await message({ state: "unsent" });
  const { text } = await denis.get(`/admin/utilisateurs/${helene}`);
  assert.match(text, new RegExp(`${AT}/${id}`));
  assert.match(text, /non envoyé\u00a0: aucun serveur/);
});

test("MSG-14 : sans serveur, la liste et la page du message le disent", async () => {
  const id = await message({ state: "unsent" });
  assert.match((await denis.get(AT)).text, /Aucun courriel ne part de cette instance/);
  assert.match((await denis.get(`${AT}/${id}`)).text, /Non envoyé\u00a0: aucun serveur[\s\S]*Aucun courriel ne part/);
});

test("TEN-2 : le message d’une autre organisation n’existe pas ; l’instance a la sienne", async () => {
  const id = await message();
  const nathalie = await world.as("nathalie");
  const nadia = await world.as("nadia");
  for (const stranger of [nathalie, nadia]) {
    assert.equal((await stranger.get(`${AT}/${id}`)).status, 404);
    assert.equal((await stranger.post(`${AT}/${id}/renvoi`)).status, 404);
    assert.equal((await stranger.get(AT)).status, 200);
  }
  assert.equal((await (await world.as("sophie")).get(AT)).status, 403);
});

test("EXP-1, EXP-2 : la boîte d’envoi s’emporte avec ses filtres, à qui la tient", async () => {
  await message({ state: "dropped", address: "emportee@perdue.example" });
  await message({ state: "failed", address: "laissee@perdue.example" });
  const { text } = await denis.get(`${AT}?etat=dropped`);
  const page = /href="(\/exports\/messages\/tout\/nouveau[^"]*)"/.exec(text)![1]!.replaceAll("&amp;", "&");
  assert.match((await denis.get(page)).text, /état\u00a0: Sans objet/);
  const file = await denis.post(page.split("?")[0]!, { liste: "etat=dropped", colonnes: "ecran" });
  assert.equal(file.status, 200);
  assert.match(file.text, /;Votre mot de passe a changé;emportee@perdue\.example;[^;]+;Sans objet;/);
  assert.doesNotMatch(file.text, /laissee@/);
  assert.equal((await denis.get(`${page.split("?")[0]}?liste=etat%3Drien`)).status, 404);
  assert.equal((await (await world.as("sophie")).get(page)).status, 403);
});
