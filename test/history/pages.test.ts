import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { test } from "node:test";
import { recentVerifications, runVerification } from "../../src/history/verification.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const denis = await world.as("denis");
const nathalie = await world.as("nathalie");
const sophie = await world.as("sophie");

const actLinks = (text: string) =>
  [...text.matchAll(/href="\/admin\/historique\/([0-9a-f-]{36})"/g)].map((match) => match[1]!);

test("l’historique dit qui a fait quoi, du plus récent au plus ancien, avec le numéro de chaque acte", async () => {
  const { status, text } = await denis.get("/admin/historique");
  assert.equal(status, 200);
  assert.match(
    text,
    /Compte d’Awa Ndiaye modifié[\s\S]+Invitation de Sophie Marchand[\s\S]+Création de l’organisation Mutuelle des Quais/,
  );
  assert.match(text, /Motif\s: Nom d’usage/);
  assert.match(text, /data-label="Auteur">Denis Roussel/);
  assert.match(text, /data-label="Auteur">Système/);
});

test("un acte montre ses différences champ par champ, en français", async () => {
  const list = await denis.get("/admin/historique?texte=Awa");
  const { text } = await denis.get(`/admin/historique/${actLinks(list.text)[0]}`);
  assert.match(
    text,
    /<dt>Nom<\/dt>[\s\S]*?<del[^>]*>[\s\S]*?Ndiaye<\/del>[\s\S]*?<ins[^>]*>[\s\S]*?Ndiaye-Colin<\/ins>/,
  );
  const roles = await denis.get(`/admin/historique?texte=${encodeURIComponent("Rôles d’Hugo")}`);
  const act = await denis.get(`/admin/historique/${actLinks(roles.text)[0]}`);
  assert.match(act.text, /Gestionnaire<\/del>[\s\S]*Gestionnaire et Lecteur<\/ins>/);
});

test("une création montre les valeurs d’alors, même corrigées depuis, et jamais de mot de passe", async () => {
  const list = await denis.get(`/admin/historique?texte=${encodeURIComponent("Invitation d’Awa")}`);
  const { text } = await denis.get(`/admin/historique/${actLinks(list.text)[0]}`);
  assert.match(text, /awa\.ndiaye@quais\.example/);
  assert.match(text, /<ins[^>]*>(<span[^>]*>[^<]*<\/span>)?Ndiaye<\/ins>/);
  assert.match(text, /Mot de passe[\s\S]*modifié/);
  assert.doesNotMatch(text, /argon2/);
});

test("les filtres se combinent et se gardent de page en page", async () => {
  const { id } = await world.userOf("denis");
  const mine = await denis.get(`/admin/historique?personne=${id}&objet=user`);
  assert.ok(actLinks(mine.text).length > 5);
  assert.doesNotMatch(mine.text, /Création de l’organisation/);
  const none = await denis.get("/admin/historique?voie=import");
  assert.match(none.text, /Aucun acte ne répond à ces filtres/);
  const days = await denis.get("/admin/historique?du=2001-01-01&au=2001-12-31");
  assert.match(days.text, /Aucun acte ne répond à ces filtres/);
});

test("un filtre qui n’a pas la forme attendue est refusé avec une phrase", async () => {
  for (const query of [
    "personne=x",
    "du=hier",
    "voie=fusee",
    "texte[]=a&texte[]=b",
    "avant=1",
    "personne=a&personne=b",
  ]) {
    const { status } = await denis.get(`/admin/historique?${query}`);
    assert.ok(status === 422 || status === 200, `${query} : ${status}`);
    assert.ok(status !== 200 || query.startsWith("texte[]"), query);
  }
});

test("l’historique d’un objet rassemble ce qui l’a touché, et reste quand il n’est plus là", async () => {
  const { id } = await world.userOf("hugo");
  const { status, text } = await denis.get(`/historique/user/${id}`);
  assert.equal(status, 200);
  assert.match(text, /<h1>Historique\s: Hugo Lambert/);
  assert.match(text, /Rôles d’Hugo Lambert modifiés[\s\S]+Invitation d’Hugo Lambert/);
  assert.doesNotMatch(text, /Karim/);
});

test("l’historique d’autrui n’existe pas, et celui de l’organisation demande le droit", async () => {
  const [act] = actLinks((await denis.get("/admin/historique")).text);
  assert.equal((await nathalie.get(`/admin/historique/${act}`)).status, 404);
  const { id } = await world.userOf("hugo");
  assert.equal((await nathalie.get(`/historique/user/${id}`)).status, 404);
  assert.equal((await sophie.get("/admin/historique")).status, 403);
  assert.equal((await denis.get(`/historique/fusee/${id}`)).status, 404);
});

test("la vérification se demande, se fait, et son verdict reste", async () => {
  const asked = await denis.post("/admin/historique/verification");
  assert.equal(asked.status, 303);
  const during = (await denis.get("/admin/historique/verification")).text;
  assert.match(during, /En cours/);
  assert.match(during, /<progress class="meter" max="\d+" value="0"/);
  const twice = await denis.post("/admin/historique/verification");
  assert.deepEqual([twice.status, /déjà en cours/.test(twice.text)], [422, true]);
  const [verification] = await world.db.read(denis.tenantId, recentVerifications);
  await world.sealer.sealAll();
  await runVerification(world.db, world.heads, {
    tenantId: denis.tenantId,
    id: verification!.id,
    now: () => world.clock.now(),
  });
  const { text } = await denis.get("/admin/historique/verification", { part: true });
  assert.match(text, /^\s*<section id="verifications"[\s\S]+Intact/);
  assert.doesNotMatch(text, /every 2s/);
});

test("une vérification que plus rien ne fait est dite interrompue, et une autre se lance", async () => {
  const AT = "/admin/historique/verification";
  const queue = "history.verify_chain";
  await denis.get(AT);
  assert.equal((await denis.post(AT)).status, 303);
  const [asked] = await world.db.read(denis.tenantId, recentVerifications);
  const event = { event: { subject: { type: "verification", id: asked!.id } } };
  await world.owner.query("insert into pgboss.job (name, data, state) values ($1, $2, 'retry')", [queue, event]);
  await world.clock.advanceMinutes(90);
  assert.match((await denis.get(AT)).text, /En cours/, "elle attend encore un essai");
  // All its tries failed: the queue holds it no more.
  await world.owner.query("delete from pgboss.job where name = $1", [queue]);
  const { text } = await denis.get(AT);
  assert.match(text, /Interrompue[\s\S]+Lancez-en un autre/);
  assert.doesNotMatch(text, /every 2s|disabled/);
  assert.equal((await denis.post(AT)).status, 303);
});

test("l’export CSV s’ouvre dans un tableur français, sans formule, et laisse son propre acte", async () => {
  const { status, text, headers } = await denis.post("/admin/historique/export?texte=Awa");
  assert.equal(status, 200);
  assert.match(headers.get("content-disposition") ?? "", /attachment; filename=historique-\d{4}-\d\d-\d\d\.csv/);
  const lines = text.split("\r\n");
  assert.match(lines[0]!, /^\ufeff?Numéro;Date;Heure;Auteur;Acte;Motif/);
  assert.equal(lines.length, 4);
  assert.match(lines[1]!, /;Denis Roussel;Compte d’Awa Ndiaye modifié;Nom d’usage;compte;page;1;/);
  assert.match((await denis.get("/admin/historique")).text, /Export de l’historique \(2 actes\s: texte\s: Awa\)/);
});

test("la liste se parcourt par pages de 50, dans les deux sens", async () => {
  for (let i = 0; i < 60; i++) await denis.post("/compte/preferences", { density: i % 2 ? "comfort" : "compact" });
  const first = await denis.get("/admin/historique");
  assert.equal(actLinks(first.text).length, 50);
  const older = /href="(\/admin\/historique\?avant=[^"]+)"/.exec(first.text)![1]!;
  const second = await denis.get(older);
  const again = /href="(\/admin\/historique\?apres=[^"]+)"/.exec(second.text)![1]!;
  assert.deepEqual(actLinks((await denis.get(again)).text), actLinks(first.text));
  assert.equal(
    new Set([...actLinks(first.text), ...actLinks(second.text)]).size,
    actLinks(first.text).length + actLinks(second.text).length,
  );
});

test("l’attestation signée se garde ailleurs et se vérifie avec la clé publique", async () => {
  await world.sealer.sealAll();
  const { status, text, headers } = await denis.get("/admin/historique/attestation.json");
  assert.equal(status, 200);
  assert.match(headers.get("content-disposition") ?? "", /attachment; filename="?attestation-historique-\d+\.json/);
  const { publicKey, signature, tenant, from, at, hashes } = JSON.parse(text);
  const signed = Buffer.from([tenant, from, at, ...hashes].join("\n"));
  assert.ok(verify(null, signed, publicKey, Buffer.from(signature, "base64")));
  assert.equal(tenant, denis.tenantId);
});
