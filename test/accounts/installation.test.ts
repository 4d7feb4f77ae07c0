import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareFirstRun } from "../../src/accounts/index.ts";
import { startWorld } from "../support/world.ts";
import { codeNow, enrol, FACTOR, fieldOf, signIn } from "./doors.ts";

const world = await startWorld({ world: false });
const prepare = () => prepareFirstRun(world.db, { now: world.clock.now() });
const GOOD = "huit clochers sous la pluie 3";
const form = {
  givenName: "Nora",
  familyName: "Petit",
  email: "nora@ville.example",
  password: GOOD,
  organisation: "Ville d’Essai",
  zone: "Europe/Paris",
  who: "other",
  adminGivenName: "Omar",
  adminFamilyName: "Haddad",
  adminEmail: "omar@ville.example",
};

let noraKey = "";

const tenants = async () => world.db.lookup<{ name: string; kind: string }>("tenants");

test("deux processus qui démarrent ensemble sur une base vide : une seule instance, et un lien qui vaut", async () => {
  const links = await Promise.all([prepare(), prepare()]);
  const answers = await Promise.all(links.map((link) => world.anonymous().get(`/installation/${link}`)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404], "celui du second remplace l’autre");
  assert.equal((await tenants()).length, 1);
});

test("chaque démarrage remplace le lien d’avant, qui dure vingt-quatre heures", async () => {
  const first = await prepare();
  assert.match(first!, /^[\w-]{43}$/);
  assert.equal((await world.anonymous().get(`/installation/${first}`)).status, 200);
  const second = await prepare();
  assert.equal((await world.anonymous().get(`/installation/${first}`)).status, 404);
  assert.equal((await world.anonymous().get(`/installation/${second}`)).status, 200);
  await world.clock.advanceMinutes(24 * 60 + 1);
  assert.equal((await world.anonymous().get(`/installation/${second}`)).status, 404);
  assert.equal((await tenants()).length, 1, "un seul locataire d’instance");
});

test("un refus garde le lien, nomme chaque champ et n’écrit rien", async () => {
  const token = await prepare();
  const at = `/installation/${token}`;
  const visitor = world.anonymous();
  await visitor.get(at);
  for (const [fields, names] of [
    [{ ...form, adminEmail: "", adminFamilyName: "" }, ["adminFamilyName"]],
    [{ ...form, email: "nora" }, ["email"]],
    [{ ...form, organisation: "" }, ["organisation"]],
    [{ ...form, zone: "Mars/Base" }, ["zone"]],
    [{ ...form, password: "nora petit 2026" }, ["password"]],
  ] as const) {
    const { status, text } = await visitor.post(at, fields);
    assert.equal(status, 422);
    for (const name of names) assert.match(text, new RegExp(`id="field-${name}-problem"`), name);
  }
  assert.equal((await tenants()).length, 1);
  assert.equal((await visitor.get(at)).status, 200);
});

test("deux envois au même instant : un gagne, puis le lien est mort pour toujours", async () => {
  const token = await prepare();
  const at = `/installation/${token}`;
  const visitors = [world.anonymous(), world.anonymous()];
  for (const visitor of visitors) await visitor.get(at);
  const answers = await Promise.all(visitors.map((visitor) => visitor.post(at, form)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404]);
  const won = answers.find(({ status }) => status === 200)!;
  const invitation = /\/invitation\/[\w-]{43}/.exec(won.text)![0];
  assert.match(won.text, /Le lien d’invitation d’Omar Haddad/);
  assert.equal((await world.anonymous().get(at)).status, 404);
  assert.equal(await prepare(), null, "plus jamais de lien d’installation");
  assert.deepEqual((await tenants()).map(({ kind }) => kind).sort(), ["instance", "organisation"]);

  const omar = world.anonymous();
  await omar.get(invitation);
  assert.equal((await omar.post(invitation, { password: "onze lanternes dans la cour 5" })).status, 303);
  const { browser } = await signIn(world, { email: form.adminEmail, password: "onze lanternes dans la cour 5" });
  assert.equal((await browser.get("/admin/utilisateurs")).location, FACTOR, "ACC-12 : d’abord un téléphone");
  await enrol(world, browser);
  assert.match((await browser.get("/admin/utilisateurs")).text, /1 compte</);

  const nora = await signIn(world, { email: form.email, password: GOOD });
  assert.equal(nora.answer.status, 303);
  noraKey = await enrol(world, nora.browser);
  const opened = await nora.browser.get("/instance/organisations");
  assert.match(opened.text, /Ville d’Essai/);
  assert.equal((await nora.browser.get("/admin/utilisateurs")).status, 200, "les siens seulement");
});

test("la super-administratrice ouvre une autre organisation, et renouvelle son lien tant que personne n’y est entré", async () => {
  await world.clock.advanceMinutes(2);
  const { browser, answer } = await signIn(world, { email: form.email, password: GOOD });
  const ticket = fieldOf(answer.text, "ticket");
  assert.equal((await browser.post("/connexion/code", { ticket, code: await codeNow(world, noraKey) })).status, 303);
  const fields = { name: "Port Neuf", zone: "Europe/Paris", givenName: "Éva", familyName: "Noël", email: form.email };
  await browser.get("/instance/organisations/nouvelle");
  const made = await browser.post("/instance/organisations/nouvelle", fields);
  assert.equal(made.status, 200);
  const first = /\/invitation\/[\w-]{43}/.exec(made.text)![0];
  const card = /href="(\/instance\/organisations\/[0-9a-f-]{36})"/.exec(made.text)![1]!;
  assert.match((await browser.get(card)).text, /Personne n’y a encore choisi/);
  const renewed = await browser.post(`${card}/invitation`);
  const second = /\/invitation\/[\w-]{43}/.exec(renewed.text)![0];
  assert.equal((await world.anonymous().get(first)).status, 404);
  const eva = world.anonymous();
  await eva.get(second);
  assert.equal((await eva.post(second, { password: GOOD })).status, 303);
  assert.equal((await browser.post(`${card}/invitation`)).status, 422);

  const both = await signIn(world, { email: form.email, password: GOOD });
  assert.match(
    both.answer.text,
    /Entrer dans Instance[\s\S]+Entrer dans Port Neuf/,
    "une adresse, deux comptes (TEN-3)",
  );
});

test("aucun compte par défaut", async () => {
  await world.clock.advanceMinutes(2);
  for (const email of ["admin", "admin@localhost", "root@example.com", "admin@example.com", "demo@demo.fr"]) {
    for (const password of ["admin", "password", "opstracker", "changeme", "demo"]) {
      assert.equal((await signIn(world, { email, password })).answer.status, 422);
    }
  }
});
