import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { enrol, signIn } from "./doors.ts";

const world = await startWorld();
const plain = (text: string) => text.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
const factOf = (text: string, term: string) =>
  plain(new RegExp(`<dt>${term}</dt><dd>([\\s\\S]*?)</dd>`).exec(text)?.[1] ?? "");

test("ROL-6 : « Mon compte » dit les rôles, la dernière connexion et sa voie, les appareils, la double authentification", async () => {
  const { browser } = await signIn(world, "helene");
  await enrol(world, browser);
  const { text } = await browser.get("/compte");
  assert.match(text, /<h3>Rôles?<\/h3>/);
  assert.match(factOf(text, "Dernière connexion"), /\d ?, par mot de passe/);
  assert.match(factOf(text, "Double authentification"), /active .*10 codes de récupération/);
  assert.match(text, /Cette session/);
});

test("ROL-6 : la fiche dit à qui administre la dernière connexion, ou « jamais » avec une icône, et les appareils", async () => {
  const denis = await world.as("denis");
  const card = async (who: string) => (await denis.get(`/admin/utilisateurs/${(await world.userOf(who)).id}`)).text;
  const helene = await card("helene");
  assert.match(factOf(helene, "Dernière connexion"), /par mot de passe/);
  assert.match(factOf(helene, "Appareils connectés"), /vu /);
  assert.match(factOf(helene, "Double authentification"), /active/);
  const yann = await card("yann");
  assert.match(yann, /<dt>Dernière connexion<\/dt><dd>[\s\S]{0,300}<svg[\s\S]{0,200}jamais/);
  assert.match(factOf(yann, "Appareils connectés"), /aucun/);
});
