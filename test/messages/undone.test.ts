import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { senderOf } from "../support/mail.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const sender = senderOf(world);
const denis = await world.as("denis");
let rank = 0;

beforeEach(() => {
  smtp.received.length = 0;
});

/** An account invited by mail; gives its address and the act. */
async function invite(): Promise<{ email: string; act: string }> {
  const at = "/admin/utilisateurs/nouveau";
  await denis.get(at);
  const email = `erreur${++rank}@quais.example`;
  const fields = { givenName: "Par", familyName: "Erreur", email, roles: "viewer", by: "courriel" };
  const { location } = await denis.post(at, fields);
  await world.sealer.sealAll();
  const [act] = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where subject_id = ? order by id limit 1", [
      location!.split("/").at(-1),
    ]),
  );
  return { email, act: act!.id };
}

/** Takes an act back through its page, everything ticked. */
async function undo(act: string) {
  const page = await denis.get(`/actes/${act}/annulation`);
  const rows = [...page.text.matchAll(/name="rows" value="([^"]+)"/g)].map(([, key]) => key!);
  const answer = await denis.post(`/actes/${act}/annulation`, { listed: rows, rows });
  assert.equal(answer.status, 303, answer.text.match(/class="errors[\s\S]{0,300}/)?.[0]);
  const [done] = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where undoes_id = ? order by id desc limit 1", [act]),
  );
  return done!.id;
}
const stateOf = async (email: string) =>
  (
    await world.db.read(denis.tenantId, (em) =>
      em.execute<{ state: string; last_answer: string | null }[]>(
        "select state, last_answer from outbox where address = ? order by id limit 1",
        [email],
      ),
    )
  )[0]!;

test("MSG-8 : le message d’un acte annulé avant son envoi ne part pas, et le dit", async () => {
  const { email, act } = await invite();
  const page = await denis.get(`/actes/${act}/annulation`);
  assert.match(page.text, /Messages de cet acte[\s\S]*1 attend encore et ne partira/);
  await undo(act);
  await sender.sweep();
  assert.deepEqual([(await stateOf(email)).state, smtp.received.length], ["dropped", 0]);
  assert.match((await stateOf(email)).last_answer!, /acte qui l’a causé est annulé/);
});

test("HIS-14 : l’annulation elle-même annulée, le message part", async () => {
  const { email, act } = await invite();
  await undo(await undo(act));
  await sender.sweep();
  assert.equal((await stateOf(email)).state, "sent");
});

test("HIS-13 : les messages partis se disent avant d’annuler ; annuler n’envoie rien ; un rectificatif part à ceux qui les ont reçus", async () => {
  const { email, act } = await invite();
  await sender.sweep();
  smtp.received.length = 0;
  const page = await denis.get(`/actes/${act}/annulation`);
  assert.match(page.text, /1 message est parti<\/strong> et le reste/);
  assert.ok(page.text.includes(email));
  await undo(act);
  await sender.sweep();
  assert.equal(smtp.received.length, 0);

  const at = `/admin/historique/${act}/rectificatif`;
  assert.match((await denis.get(`/actes/${act}/annulation`)).text, new RegExp(at));
  assert.match((await denis.get(at)).text, new RegExp(`1 personne[\\s\\S]*${email}`));
  assert.match((await denis.post(at, { subject: "", text: "x" })).text, /Écrivez l’objet/);
  const letter = {
    subject: "Rectificatif <%= 7*7 %>",
    text: "Ne tenez pas compte de l’invitation.\n\nPardon. {{7*7}}",
  };
  assert.equal((await denis.post(at, letter)).location, `/admin/historique/${act}`);
  await sender.sweep();
  const [{ to, mail }] = smtp.received as [(typeof smtp.received)[number]];
  assert.deepEqual([to, mail.subject], [[email], letter.subject]);
  assert.match(mail.text!, /^Bonjour,\n\nNe tenez pas compte de l’invitation\.\n\nPardon\. \{\{7\*7\}\}\n/);
});

test("un rectificatif n’est qu’à qui administre, et l’acte d’une autre organisation n’existe pas", async () => {
  const { act } = await invite();
  const at = `/admin/historique/${act}/rectificatif`;
  assert.equal((await (await world.as("sophie")).get(at)).status, 403);
  assert.equal((await (await world.as("nathalie")).get(at)).status, 404);
  assert.match((await denis.post(at, { subject: "a", text: "b" })).text, /Aucun message de cet acte n’est parti/);
});
