import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";

const world = await startWorld();

const helpOf = (html: string) =>
  /<a class="cell" href="([^"]+)"( data-help)?( data-shortcut="\?")?/.exec(html)!.slice(1);

test("UIX-12 : chaque page mène à son aide, celle d’une erreur aux erreurs, et l’aide à toute l’aide", async () => {
  const sophie = await world.as("sophie");
  const [href, panel, shortcut] = helpOf((await sophie.get("/campagnes/nouvelle")).text);
  assert.deepEqual([href, panel, shortcut], ["/aide/creer-une-campagne", " data-help", ' data-shortcut="?"']);
  assert.equal(helpOf((await sophie.get("/nulle-part")).text)[0], "/aide/en-cas-d-erreur");
  const page = (await sophie.get("/aide/les-roles")).text;
  assert.deepEqual(helpOf(page).slice(0, 2), ["/aide", undefined]);
  assert.doesNotMatch(page, /id="aide-panneau"/);
  assert.equal(helpOf((await world.anonymous().get("/connexion")).text)[0], "/aide/se-connecter");
});

test("dans le panneau, l’aide vient seule, et la recherche y rend ses résultats", async () => {
  const sophie = await world.as("sophie");
  assert.match((await sophie.get("/aide/les-segments", { part: true })).text, /^\s*<div id="aide-volet">/);
  assert.match((await sophie.get("/aide?q=segment", { part: true })).text, /href="\/aide\/les-segments"/);
});

test("qui coupe les raccourcis n’en a plus, ni sur l’aide ni sur la recherche", async () => {
  const yann = await world.as("yann");
  await yann.post("/compte/preferences", { shortcuts: "non" });
  assert.doesNotMatch((await yann.get("/aide")).text, /data-shortcut|aria-keyshortcuts/);
  await yann.post("/compte/preferences", { shortcuts: "oui" });
  assert.match((await yann.get("/aide")).text, /data-shortcut="k" aria-keyshortcuts="Control\+K"/);
});
