import assert from "node:assert/strict";
import { test } from "node:test";
import { openTransport, type Transport } from "../../src/platform/mail/transport.ts";
import type { Services } from "../../src/platform/services.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const services = world.app.locals.services as Services;
const settings = { from: "ops@mail.example", replyTo: "accueil@mail.example" };
const AT = "/instance/messagerie";
const nadia = await world.as("nadia");

/** The page after a try, by this way to the server. */
async function tryBy(transport: Transport): Promise<string> {
  const usual = services.transport!;
  services.transport = transport;
  await nadia.get(AT);
  const { text } = await nadia.post(`${AT}/essai`);
  services.transport = usual;
  transport.close();
  await world.owner.query("delete from rate_hit");
  return text;
}

test("Tester l’envoi : un vrai message arrive à la personne qui essaie, et la page donne la réponse du serveur", async () => {
  await nadia.get(AT);
  const { status, text } = await nadia.post(`${AT}/essai`);
  assert.equal(status, 200);
  assert.match(text, /Le message est parti[\s\S]*Réponse\u00a0: 250/);
  const [{ to, mail }] = smtp.received as [(typeof smtp.received)[number]];
  assert.deepEqual(to, [(await world.userOf("nadia")).email]);
  assert.match(mail.subject!, /Essai d’envoi/);
  assert.match(mail.text!, /^Bonjour,\n\nVous avez demandé cet essai/);
  const [act] = await world.db.read(nadia.tenantId, (em) =>
    em.execute<{ code: string }[]>("select code from act order by id desc limit 1"),
  );
  assert.equal(act!.code, "mail.tested");
});

test("Tester l’envoi : refus, compte, nom, chiffrement et silence se disent chacun avec leur remède", async () => {
  const locked = await startSmtp({ auth: { user: "ops", pass: "juste" } });
  const dead = await startSmtp();
  await dead.stop();
  const by = async (smtpUrl: string, patience = {}) => tryBy(await openTransport({ ...settings, smtpUrl }, patience));
  assert.match(await by(dead.url), /n’est pas parti[\s\S]*Vérifiez le nom et le port dans SMTP_URL/);
  const account = await by(locked.url.replace("//", "//ops:motsecret@"));
  assert.match(account, /Vérifiez le compte et le mot de passe/);
  assert.doesNotMatch(account, /motsecret/);
  assert.match(await by("smtp://nulle-part.invalid:25"), /Vérifiez le nom du serveur/);
  assert.match(await by(smtp.url.replace("smtp:", "smtps:")), /Vérifiez le port \(465/);
  const email = (await world.userOf("nadia")).email;
  smtp.tarpit = email;
  assert.match(await by(smtp.url, { socketTimeout: 300 }), /aucun pare-feu/);
  smtp.tarpit = null;
  smtp.refusals.set(email, { code: 550, text: "No such user" });
  assert.match(await by(smtp.url), /Le serveur ne veut pas de ce message[\s\S]*No such user/);
  smtp.refusals.clear();
});

test("Tester l’envoi : cinq essais en dix minutes, pas davantage", async () => {
  await world.owner.query("delete from rate_hit");
  const before = smtp.received.length;
  for (let i = 0; i < 7; i++) await nadia.post(`${AT}/essai`);
  assert.equal(smtp.received.length - before, 5);
  assert.match((await nadia.post(`${AT}/essai`)).text, /Cinq essais ont été faits/);
});

test("la page montre le serveur et l’expéditeur, jamais le mot de passe ; elle n’est qu’à qui tient l’instance", async () => {
  const { text } = await nadia.get(AT);
  assert.match(text, /127\.0\.0\.1:\d+[\s\S]*ops@mail\.example/);
  assert.equal((await (await world.as("denis")).get(AT)).status, 403);
  assert.match((await nadia.get("/instance/etat")).text, /Messagerie[\s\S]*En attente d’envoi/);
});
