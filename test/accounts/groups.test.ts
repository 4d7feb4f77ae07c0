import assert from "node:assert/strict";
import { test } from "node:test";
import { peopleOf } from "../../src/accounts/index.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const denis = await world.as("denis");
const { tenantId } = denis;
const AT = "/admin/groupes";

async function create(name: string, browser = denis): Promise<string> {
  await browser.get(AT);
  const { status, location } = await browser.post(`${AT}/nouveau`, { name });
  assert.equal(status, 303, name);
  return location!.slice(`${AT}/`.length);
}
async function add(group: string, member: Record<string, string>, browser: Browser = denis) {
  await browser.get(AT);
  return browser.post(`${AT}/${group}/membres`, member);
}
const idOf = async (who: string) => (await world.userOf(who)).id;
const inside = async (group: string) =>
  (await world.db.read(tenantId, (em) => peopleOf(em, group))).map(({ name }) => name);

/** Through the form of the account, as an administrator does. */
async function moveTo(who: string, department: string) {
  const at = `/admin/utilisateurs/${await idOf(who)}/modifier`;
  const { text } = await denis.get(at);
  const value = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(text)![1]!;
  const kept = Object.fromEntries(["givenName", "familyName", "email", "version"].map((name) => [name, value(name)]));
  const { status } = await denis.post(at, { ...kept, department });
  assert.equal(status, 303, `${who} ${department}`);
}

/** The last act of this label, and the page that takes it back. */
async function undoLast(group: string): Promise<{ status: number; text: string }> {
  const { text } = await denis.get(`/historique/group/${group}`);
  const act = /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec(text)![1]!;
  const preview = (await denis.get(`/actes/${act}/annulation`)).text;
  const ticked = [...preview.matchAll(/name="(rows|lignes|row)" value="([^"]+)"/g)];
  const fields: Record<string, string[]> = {};
  for (const [, name = "", value = ""] of ticked) fields[name] = [...(fields[name] ?? []), value];
  return denis.post(`/actes/${act}/annulation`, fields);
}

test("sans groupe, la page dit à quoi ils servent et mène à en créer un", async () => {
  const { text } = await denis.get(AT);
  assert.match(text, /Aucun groupe<[\s\S]+href="\/admin\/groupes\/nouveau"/);
});

test("ROL-5 : un groupe tient les personnes qu’il nomme et celles d’un service, chacune une fois", async () => {
  const group = await create("Déploiement Nord");
  await moveTo("karim", "Systèmes");
  await moveTo("yann", "SYSTEMES");
  assert.equal((await add(group, { user: await idOf("karim") })).status, 303);
  assert.equal((await add(group, { department: "systemes" })).status, 303);
  assert.deepEqual(await inside(group), ["Karim Daoudi", "Yann Le Goff"]);
  const card = (await denis.get(`${AT}/${group}`)).text;
  assert.match(card, /2 personnes/);
  assert.match((await denis.get(AT)).text, /1 personne nommée et 1 service[\s\S]+data-label="Personnes">2</);
  assert.match(
    (await denis.get(`/admin/utilisateurs/${await idOf("yann")}`)).text,
    /Groupes<\/dt>[\s\S]+Déploiement Nord/,
  );
  const own = (await (await world.as("yann")).get("/compte")).text;
  assert.match(own, /Service<\/dt><dd>SYSTEMES<[\s\S]+Groupes<\/dt><dd>Déploiement Nord</);
});

test("ROL-5 : qui arrive dans le service entre dans le groupe, qui le quitte ou ferme son compte en sort", async () => {
  const group = await create("Sinistres de jour");
  await moveTo("awa", "Sinistres");
  assert.equal((await add(group, { department: "Sinistres" })).status, 303);
  assert.deepEqual(await inside(group), ["Awa Ndiaye-Colin"]);
  await moveTo("hugo", "sinistres");
  assert.deepEqual(await inside(group), ["Hugo Lambert", "Awa Ndiaye-Colin"]);
  await moveTo("awa", "");
  assert.deepEqual(await inside(group), ["Hugo Lambert"]);
  const at = `/admin/utilisateurs/${await idOf("hugo")}/desactivation`;
  await denis.get(at);
  assert.equal((await denis.post(at, { reason: "" })).status, 303);
  assert.deepEqual(await inside(group), []);
  assert.match((await denis.get(`${AT}/${group}`)).text, /Service Sinistres[\s\S]+Personne\. Un compte désactivé/);
});

test("la recherche trouve personnes et services sans casse ni accents, sans ceux qui y sont déjà", async () => {
  const group = await create("Recherche");
  await moveTo("sophie", "Équipements");
  const found = async (q: string) => (await denis.get(`${AT}/${group}?q=${encodeURIComponent(q)}`)).text;
  const text = await found("equipe");
  assert.match(text, /value="Équipements"/);
  assert.match(text, /Sophie Marchand/);
  assert.equal((await add(group, { user: await idOf("sophie"), q: "equipe" })).location, `${AT}/${group}?q=equipe`);
  assert.doesNotMatch((await found("equipe")).split('id="ajouter"')[1]!.split('id="personnes"')[0]!, /Sophie Marchand/);
  assert.match(await found("zzz"), /Personne ni aucun service ne répond/);
  assert.match(await found("%"), /Personne ni aucun service ne répond/);
});

test("deux groupes n’ont pas le même nom ; ce qui n’est pas un membre est refusé en le disant", async () => {
  const group = await create("Bornes");
  for (const name of ["", "bornes", "BORNÉS", "x".repeat(81), "a<b"]) {
    const { status, text } = await denis.post(`${AT}/nouveau`, { name });
    assert.equal(status, 422, name);
    assert.match(text, /href="#field-name"/, name);
  }
  const gone = (
    await world.db.read(tenantId, (em) => em.execute("select id from app_user where deactivated_at is not null"))
  )[0];
  for (const [member, said] of [
    [{}, /Choisissez une personne ou un service/],
    [{ user: "n’importe" }, /Choisissez une personne de la liste/],
    [{ user: await idOf("nathalie") }, /n’a pas de compte dans l’organisation/],
    [{ user: gone!.id }, /est désactivé/],
    [{ department: "Fusées" }, /Aucun compte n’est de ce service/],
  ] as const) {
    const { status, text } = await add(group, member as Record<string, string>);
    assert.equal(status, 422, JSON.stringify(member));
    assert.match(text, said);
  }
  assert.equal((await add(group, { user: await idOf("claire") })).status, 303);
  assert.match((await add(group, { user: await idOf("claire") })).text, /est déjà dans ce groupe/);
  assert.equal((await add(group, { department: "Équipements" })).status, 303);
  assert.match((await add(group, { department: "équipements" })).text, /est déjà dans ce groupe/);
});

test("renommer : une version dépassée est dite, avec la valeur actuelle", async () => {
  const group = await create("Avant");
  const { text } = await denis.get(`${AT}/${group}/modifier`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  assert.equal((await denis.post(`${AT}/${group}/modifier`, { name: "Après", version })).status, 303);
  const stale = await denis.post(`${AT}/${group}/modifier`, { name: "Ensuite", version });
  assert.equal(stale.status, 409);
  assert.match(stale.text, /Après/);
  assert.equal((await denis.post(`${AT}/${group}/modifier`, { name: "APRÈS", version: "2" })).status, 303);
});

test("HIS-11 : créer, ajouter, retirer, supprimer s’annulent ; un groupe supprimé revient avec ses membres", async () => {
  const group = await create("Allers-retours");
  assert.equal((await add(group, { user: await idOf("claire") })).status, 303);
  assert.equal((await undoLast(group)).status, 303);
  assert.deepEqual(await inside(group), []);
  assert.equal((await add(group, { user: await idOf("claire") })).status, 303);
  const { text } = await denis.get(`${AT}/${group}`);
  const member = /membres\/([0-9a-f-]{36})\/retrait/.exec(text)![1]!;
  assert.equal((await denis.post(`${AT}/${group}/membres/${member}/retrait`)).status, 303);
  assert.deepEqual(await inside(group), []);
  assert.equal((await undoLast(group)).status, 303);
  assert.deepEqual(await inside(group), ["Claire Fontaine"]);
  assert.match((await denis.get(`${AT}/${group}/suppression`)).text, /1 personne n’en sera plus/);
  assert.equal((await denis.post(`${AT}/${group}/suppression`)).status, 303);
  assert.equal((await denis.get(`${AT}/${group}`)).status, 404);
  assert.match((await denis.get(`/historique/group/${group}`)).text, /Suppression du groupe Allers-retours/);
  assert.equal((await undoLast(group)).status, 303);
  assert.deepEqual(await inside(group), ["Claire Fontaine"]);
});

test("TEN-2 : le groupe d’une autre organisation n’existe pas", async () => {
  const group = await create("Chez nous");
  const nathalie = await world.as("nathalie");
  assert.equal((await nathalie.get(`${AT}/${group}`)).status, 404);
  await nathalie.get(AT);
  assert.equal((await nathalie.post(`${AT}/${group}/suppression`)).status, 404);
  assert.equal((await (await world.as("sophie")).get(AT)).status, 403);
});
