import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";

const world = await startWorld();

test("chaque page des comptes s’affiche à qui en a le droit, avec un titre, un seul h1 et aucun trou", async () => {
  const denis = await world.as("denis");
  const karim = await world.userOf("karim");
  const louis = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from app_user where email = 'louis.perrin@quais.example'"),
  );
  const card = `/admin/utilisateurs/${karim.id}`;
  const pages = [
    "/compte",
    "/compte/mot-de-passe",
    "/admin/utilisateurs",
    "/admin/utilisateurs?q=benali&role=coordinator&etat=active&tri=seen&sens=decroissant",
    "/admin/utilisateurs?q=rien-de-tel",
    "/admin/utilisateurs/nouveau",
    card,
    `/admin/utilisateurs/${louis[0]!.id}`,
    `/admin/utilisateurs/${denis.id}`,
    `${card}/modifier`,
    `${card}/roles`,
    `/admin/utilisateurs/${denis.id}/roles`,
    `${card}/desactivation`,
    `/admin/utilisateurs/${denis.id}/desactivation`,
    `${card}/reactivation`,
    "/admin/organisation",
    "/admin/journal-securite",
    "/admin/journal-securite?genre=sign_in.failed&du=2026-01-01&au=2026-12-31",
  ];
  for (const page of pages) await shows(denis, page);
  const nadia = await world.as("nadia");
  for (const page of [
    "/instance/organisations",
    "/instance/organisations/nouvelle",
    "/admin/utilisateurs",
    "/admin/organisation",
  ]) {
    await shows(nadia, page);
  }
  await shows(nadia, `/instance/organisations/${denis.tenantId}`);
  await shows(world.anonymous(), "/connexion");
});

async function shows(browser: { get(path: string): Promise<{ status: number; text: string }> }, page: string) {
  const { status, text } = await browser.get(page);
  assert.equal(status, 200, page);
  assert.match(text, /<title>[^<]+ – OpsTracker<\/title>/, page);
  assert.equal(text.match(/<h1/g)?.length, 1, page);
  assert.doesNotMatch(text, /undefined|\[object|NaN/, page);
}

test("la liste cherche sans accent, filtre, trie et se suit par pages sans perdre personne", async () => {
  const denis = await world.as("denis");
  const found = await denis.get("/admin/utilisateurs?q=aicha%20ben");
  assert.match(found.text, /1 compte</);
  assert.match(found.text, /Benali Aïcha/);
  const part = await denis.get("/admin/utilisateurs?etat=deactivated", { part: true });
  assert.match(part.text, /^\s*<section id="utilisateurs"/);
  assert.match(part.text, /Renard Paul/);

  const { listUsers } = await import("../../src/accounts/queries/users.ts");
  const seen: string[] = [];
  await world.db.read(denis.tenantId, async (em) => {
    for (const descending of [false, true]) {
      const order = { order: "name", descending, size: 5 } as const;
      let page = await listUsers(em, {}, { ...order, mark: null });
      const names = page.rows.map(({ name }) => name);
      while (page.after) {
        page = await listUsers(em, {}, { ...order, mark: page.after });
        names.push(...page.rows.map(({ name }) => name));
      }
      assert.equal(names.length, page.total);
      assert.equal(new Set(names).size, page.total);
      const back = await listUsers(em, {}, { ...order, mark: page.before! });
      assert.deepEqual(
        back.rows.map(({ name }) => name),
        names.slice(names.length - page.rows.length - 5, names.length - page.rows.length),
      );
      seen.push(names.join());
    }
  });
  assert.equal(seen[0], seen[1]!.split(",").reverse().join());
});

test("le compte d’une autre organisation n’existe pas", async () => {
  const denis = await world.as("denis");
  const bruno = await world.userOf("bruno");
  for (const end of ["", "/modifier", "/roles", "/desactivation"]) {
    assert.equal((await denis.get(`/admin/utilisateurs/${bruno.id}${end}`)).status, 404);
  }
  assert.equal((await denis.post(`/admin/utilisateurs/${bruno.id}/desactivation`)).status, 404);
});

test("qui n’administre pas lit pourquoi, et qui le peut", async () => {
  const karim = await world.as("karim");
  const { status, text } = await karim.get("/admin/utilisateurs");
  assert.equal(status, 403);
  assert.match(text, /les administrateurs de l’organisation/);
});

test("l’instance ne montre d’une organisation que son nom, sa date et son nombre de comptes", async () => {
  const nadia = await world.as("nadia");
  const denis = await world.userOf("denis");
  const { text } = await nadia.get(`/instance/organisations/${denis.tenantId}`);
  assert.match(text, /Mutuelle des Quais/);
  assert.doesNotMatch(text, /Roussel|Karim|quais\.example/);
  const again = await nadia.post(`/instance/organisations/${denis.tenantId}/invitation`);
  assert.equal(again.status, 422);
  assert.match(again.text, /Quelqu’un est déjà entré/);
});
