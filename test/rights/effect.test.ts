import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const LIST = "/admin/utilisateurs";

/** Posts the form of a page as it stands, with these values over. */
async function change(who: string, page: string, fields: Record<string, string | string[]>) {
  const browser = await world.as(who);
  const { text } = await browser.get(page);
  const version = /name="version" value="(\d+)"/.exec(text)?.[1];
  const answer = await browser.post(page, { ...(version && { version }), ...fields });
  assert.equal(answer.status, 303, answer.text.match(/class="errors[\s\S]{0,300}/)?.[0] ?? String(answer.status));
}

test("P11 : un rôle donné ouvre, un rôle retiré ferme, dès la demande suivante d’une session ouverte", async () => {
  const sophie = await world.as("sophie");
  assert.equal((await sophie.get(LIST)).status, 403);
  await change("denis", `${LIST}/${sophie.id}/roles`, { roles: ["campaign_manager", "admin"] });
  assert.equal((await sophie.get(LIST)).status, 200);
  await change("denis", `${LIST}/${sophie.id}/roles`, { roles: ["campaign_manager"] });
  assert.equal((await sophie.get(LIST)).status, 403);
  const { status } = await sophie.post(`${LIST}/nouveau`, {
    givenName: "A",
    familyName: "B",
    email: "a.b@quais.example",
    roles: "viewer",
  });
  assert.equal(status, 403);
});

test("P11 : un compte désactivé est dehors à la demande suivante, et réactivé il doit se connecter de nouveau", async () => {
  const claire = await world.as("claire");
  assert.equal((await claire.get("/compte")).status, 200);
  await change("denis", `${LIST}/${claire.id}/desactivation`, { reason: "Départ" });
  const page = await claire.get("/compte");
  assert.deepEqual([page.status, page.location], [303, "/connexion?retour=%2Fcompte"]);
  const part = await claire.get("/compte", { part: true });
  assert.deepEqual([part.status, part.headers.get("hx-redirect")?.split("?")[0]], [401, "/connexion"]);
  assert.equal((await claire.post("/compte/preferences", { theme: "dark" })).location?.split("?")[0], "/connexion");
  await change("denis", `${LIST}/${claire.id}/reactivation`, {});
  assert.equal((await claire.get("/compte")).status, 303);
});

test("P11 : une session fermée ailleurs ne sert plus", async () => {
  const here = await world.as("hugo");
  const there = await world.as("hugo");
  assert.equal((await here.post("/compte/sessions/fermeture")).status, 303);
  assert.equal((await there.get("/compte")).status, 303);
  assert.equal((await here.get("/compte")).status, 200);
});
