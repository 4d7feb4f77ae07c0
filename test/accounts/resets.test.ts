import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { senderOf } from "../support/mail.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";
import { addTwin, enrol, PASSWORD, securityLines, signIn } from "./doors.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const sender = senderOf(world);
const NEW = "sept bateaux verts au large 4";
const ASK = "/mot-de-passe-oublie";

beforeEach(async () => {
  smtp.received.length = 0;
  await world.owner.query("delete from rate_hit");
});

async function ask(email: string) {
  const visitor = world.anonymous();
  await visitor.get(ASK);
  return visitor.post(ASK, { email });
}
/** The link of each message this address received, oldest first. */
const linksOf = (email: string) =>
  smtp.received
    .filter(({ to }) => to.includes(email))
    .flatMap(({ mail }) => /\/nouveau-mot-de-passe\/[\w-]{43}/.exec(mail.text!)?.[0] ?? []);

async function linkFor(who: string): Promise<string> {
  const { email } = await world.userOf(who);
  assert.equal((await ask(email)).status, 303);
  await sender.sweep();
  return linksOf(email).at(-1)!;
}

async function choose(link: string, password = NEW) {
  const visitor = world.anonymous();
  await visitor.get(link);
  return visitor.post(link, { password });
}

test("ACC-8 : la demande, le message, le lien, le nouveau mot de passe ; les sessions se ferment et la personne est prévenue", async () => {
  const { email } = await world.userOf("karim");
  const before = await world.as("karim");
  const link = await linkFor("karim");
  assert.equal((await choose(link)).location, "/connexion");
  assert.equal((await before.get("/compte")).status, 303);
  assert.equal((await signIn(world, { email, password: PASSWORD })).answer.status, 422);
  assert.equal((await signIn(world, { email, password: NEW })).answer.status, 303);
  await sender.sweep();
  assert.match(smtp.received.at(-1)!.mail.subject!, /mot de passe a changé|nouvel appareil/);
  assert.ok(smtp.received.some(({ mail }) => mail.subject === "Votre mot de passe a changé"));
  const kinds = (await securityLines(world, "karim")).map(({ kind }) => kind);
  assert.ok(kinds.includes("reset.asked") && kinds.includes("password.reset"));
  assert.equal((await world.anonymous().get(link)).status, 404);
});

test("ACC-8 : même réponse et même travail pour une adresse inconnue", async () => {
  const { email } = await world.userOf("helene");
  const known = await ask(email);
  const unknown = await ask("personne@nulle-part.example");
  assert.deepEqual([known.status, known.location], [unknown.status, unknown.location]);
  const pages = await Promise.all([known, unknown].map(({ location }) => world.anonymous().get(location!)));
  const neutral = (text: string) => text.replace(/[0-9A-F]{4}-[0-9A-F]{3}|value="[^"]+"/g, "");
  assert.equal(neutral(pages[0]!.text), neutral(pages[1]!.text));
  await sender.sweep();
  assert.deepEqual(
    smtp.received.flatMap(({ to }) => to),
    [email],
  );
  const nadia = await world.as("nadia");
  const [told] = await world.db.read(nadia.tenantId, (em) =>
    em.execute<{ kind: string; user_id: string | null; detail: object }[]>(
      "select kind, user_id, detail from security_event order by id desc limit 1",
    ),
  );
  assert.deepEqual(told, { kind: "reset.asked", user_id: null, detail: { unknown: true } });
});

test("P21 : le secret a 256 bits, n’est gardé que haché, dure trente minutes et ne sert qu’une fois", async () => {
  const link = await linkFor("helene");
  const token = link.split("/").at(-1)!;
  assert.equal(Buffer.from(token, "base64url").length, 32);
  const { rows } = await world.owner.query("select encode(token_hash, 'hex') as hash from access_link");
  assert.ok(!JSON.stringify(rows).includes(Buffer.from(token, "base64url").toString("hex")));
  await world.clock.advanceMinutes(31);
  assert.equal((await world.anonymous().get(link)).status, 404);
  const again = await linkFor("helene");
  assert.equal((await choose(again)).status, 303);
  assert.equal((await world.anonymous().get(again)).status, 404);
});

test("ACC-9, P50 : ce que les robots de messagerie ouvrent ne change rien", async () => {
  const link = await linkFor("sophie");
  const scanner = world.anonymous();
  for (let i = 0; i < 3; i++) {
    assert.equal((await scanner.get(link)).status, 200);
    await fetch(world.origin + link, { method: "HEAD" });
  }
  assert.equal((await signIn(world, "sophie")).answer.status, 303);
  const page = await scanner.get(link);
  assert.equal(page.headers.get("referrer-policy"), "no-referrer");
  assert.equal((await choose(link)).status, 303);
});

test("un mot de passe refusé laisse le lien ouvert ; changer en ferme les autres liens et lève le verrou", async () => {
  const { email } = await world.userOf("aicha");
  for (let i = 0; i < 6; i++) await signIn(world, { email, password: "rien-de-bon" });
  await world.owner.query("delete from rate_hit");
  const first = await linkFor("aicha");
  const second = await linkFor("aicha");
  const refused = await choose(second, "court");
  assert.equal(refused.status, 422);
  assert.match(refused.text, /il en faut au moins 12/);
  assert.equal((await choose(second)).status, 303);
  assert.equal((await world.anonymous().get(first)).status, 404);
  assert.equal((await signIn(world, { email, password: NEW })).answer.status, 303);
});

test("trois demandes dans l’heure pour une adresse, vingt par quart d’heure pour un réseau ; la réponse reste la même", async () => {
  const { email } = await world.userOf("martine");
  for (let i = 0; i < 5; i++) assert.equal((await ask(email)).location, `${ASK}/demande`);
  await sender.sweep();
  assert.equal(linksOf(email).length, 3);
  for (let i = 5; i < 20; i++) await ask(`x${i}@nulle-part.example`);
  assert.equal((await ask("encore@nulle-part.example")).status, 429);
});

test("un compte dans deux organisations reçoit un message de chacune ; un compte désactivé, aucun", async () => {
  await addTwin(world, "hugo", "portelune");
  const { email } = await world.userOf("hugo");
  await ask(email);
  await ask((await world.userOf("claire")).email);
  await world.owner.query("select set_config('app.tenant_id', $1, false)", [(await world.userOf("claire")).tenantId]);
  await world.owner.query("alter table app_user disable trigger user");
  await world.owner.query("update app_user set deactivated_at = now() where id = $1", [
    (await world.userOf("claire")).id,
  ]);
  await world.owner.query("alter table app_user enable trigger user");
  await sender.sweep();
  const names = smtp.received.map(({ mail }) => mail.from!.name);
  assert.deepEqual([smtp.received.length, new Set(names).size], [2, 2]);
});

test("un lien ne part plus si l’adresse du compte a changé, ni un jour après la demande", async () => {
  const denis = await world.as("denis");
  const { id, email } = await world.userOf("karim");
  await ask(email);
  const { text } = await denis.get(`/admin/utilisateurs/${id}/modifier`);
  const value = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(text)![1]!;
  const names = { givenName: value("givenName"), familyName: value("familyName"), version: value("version") };
  await denis.post(`/admin/utilisateurs/${id}/modifier`, { ...names, email: "karim.neuf@quais.example" });
  await sender.sweep();
  assert.deepEqual(linksOf(email), []);
  await ask("karim.neuf@quais.example");
  await world.clock.advanceMinutes(25 * 60);
  await sender.sweep();
  assert.deepEqual(linksOf("karim.neuf@quais.example"), []);
});

test("l’administrateur envoie un lien, ou en remet un lui-même ; le lien remis s’affiche une fois", async () => {
  const denis = await world.as("denis");
  const { id, email } = await world.userOf("sophie");
  const page = `/admin/utilisateurs/${id}`;
  assert.equal((await denis.post(`${page}/mot-de-passe`, { by: "courriel" })).location, page);
  await sender.sweep();
  assert.equal(linksOf(email).length, 1);
  const shown = await denis.post(`${page}/mot-de-passe`, { by: "lien" });
  const link = /\/nouveau-mot-de-passe\/[\w-]{43}/.exec(shown.text)![0];
  assert.equal((await world.anonymous().get(linksOf(email)[0]!)).status, 404);
  assert.equal((await choose(link, "neuf canards bleus sous la pluie")).status, 303);
  assert.equal((await (await world.as("helene")).post(`${page}/mot-de-passe`, { by: "lien" })).status, 403);
});

test("ACC-7 : une invitation part par courriel, sans que son lien soit montré, et se renvoie depuis la fiche", async () => {
  const denis = await world.as("denis");
  const at = "/admin/utilisateurs/nouveau";
  await denis.get(at);
  const email = "lou.invitee@quais.example";
  const who = { givenName: "Lou", familyName: "Invitée", email, roles: "viewer" };
  const { status, location } = await denis.post(at, { ...who, by: "courriel" });
  assert.equal(status, 303);
  assert.match((await denis.get(location!)).text, /en attente d’envoi/);
  await sender.sweep();
  const invitations = () =>
    smtp.received
      .filter(({ to }) => to.includes(email))
      .map(({ mail }) => /\/invitation\/[\w-]{43}/.exec(mail.text!)![0]);
  const [first] = invitations();
  assert.match(smtp.received.at(-1)!.mail.text!, /Denis [^\n]+ vous a ouvert un compte/);
  assert.equal((await denis.post(`${location}/invitation`, { by: "courriel" })).location, location);
  await sender.sweep();
  const second = invitations().at(-1)!;
  assert.equal((await world.anonymous().get(first!)).status, 404);
  const visitor = world.anonymous();
  await visitor.get(second);
  assert.equal((await visitor.post(second, { password: NEW })).location, "/connexion");
  assert.equal((await signIn(world, { email, password: NEW })).answer.status, 303);
});

test("P21 : une invitation encore en file ne part plus vers qui a choisi son mot de passe", async () => {
  const denis = await world.as("denis");
  await denis.get("/admin/utilisateurs/nouveau");
  const email = "max.invite@quais.example";
  const who = { givenName: "Max", familyName: "Invité", email, roles: "viewer" };
  const { location } = await denis.post("/admin/utilisateurs/nouveau", { ...who, by: "courriel" });
  const shown = await denis.post(`${location}/invitation`, { by: "lien" });
  const link = /\/invitation\/[\w-]{43}/.exec(shown.text)![0];
  const visitor = world.anonymous();
  await visitor.get(link);
  assert.equal((await visitor.post(link, { password: NEW })).status, 303);
  await sender.sweep();
  assert.ok(!smtp.received.some(({ to }) => to.includes(email)));
});

test("ROL-2 : le premier administrateur d’une organisation est invité par courriel, et réinvité tant que personne n’y est entré", async () => {
  const nadia = await world.as("nadia");
  await nadia.get("/instance/organisations/nouvelle");
  const admin = { givenName: "Rose", familyName: "Meunier", email: "rose@meunier.example" };
  const fields = { name: "Communauté du Moulin", zone: "Europe/Paris", ...admin };
  const { location } = await nadia.post("/instance/organisations/nouvelle", { ...fields, by: "courriel" });
  assert.match((await nadia.get(location!)).text, /en attente d’envoi[\s\S]*Renvoyer l’invitation/);
  assert.equal((await nadia.post(`${location}/invitation`, { by: "courriel" })).location, location);
  await sender.sweep();
  assert.equal(smtp.received.filter(({ to }) => to.includes(admin.email)).length, 2);
  const { mail } = smtp.received.findLast(({ to }) => to.includes(admin.email))!;
  assert.equal(mail.from?.name, "Communauté du Moulin");
  assert.match(mail.text!, /La personne qui tient OpsTracker vous a ouvert un compte[\s\S]*\/invitation\/[\w-]{43}/);
  assert.match((await nadia.post(`${location}/invitation`, { by: "lien" })).text, /\/invitation\/[\w-]{43}/);
});

test("ACC-8 : un nouveau mot de passe n’enlève pas le second facteur ; la connexion demande toujours le code", async () => {
  const { email } = await world.userOf("yann");
  await enrol(world, await world.as("yann"));
  assert.equal((await choose(await linkFor("yann"))).status, 303);
  const { answer } = await signIn(world, { email, password: NEW });
  assert.match(answer.text, /<h1>Code de votre téléphone/);
});
