import assert from "node:assert/strict";
import { test } from "node:test";
import { PERMISSIONS } from "../../src/accounts/permissions.ts";
import type { Route } from "../../src/platform/http/route.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const AT = "/admin/journal-securite/lectures";
const denis = await world.as("denis");

interface Reading {
  page: string;
  user_id: string;
  subject_id: string | null;
}

/** The lines of an organisation, once there are as many as waited for: a page leaves before it is noted. */
async function readings(tenantId: string, least: number): Promise<Reading[]> {
  for (let tries = 0; ; tries++) {
    const rows = await world.db.read(tenantId, (em) =>
      em.execute<Reading[]>("select page, user_id, subject_id from people_read order by id"),
    );
    if (rows.length >= least || tries > 200) return rows;
    await new Promise(setImmediate);
  }
}

test("PRM-32, HIS-16 : lire une page de personnes écrit une ligne, qui, quoi, à propos de qui ; un refus n’en écrit pas", async () => {
  const { id: karim } = await world.userOf("karim");
  const { tenantId, id } = denis;
  assert.deepEqual(await readings(tenantId, 0), []);
  await denis.get("/admin/utilisateurs");
  await readings(tenantId, 1);
  await denis.get(`/admin/utilisateurs/${karim}`);
  assert.deepEqual(await readings(tenantId, 2), [
    { page: "Liste des utilisateurs", user_id: id, subject_id: null },
    { page: "Fiche d’une personne", user_id: id, subject_id: karim },
  ]);

  const sophie = await world.as("sophie");
  assert.equal((await sophie.get("/admin/utilisateurs")).status, 403);
  assert.equal((await denis.get("/admin/utilisateurs/00000000-0000-7000-8000-00000000dead")).status, 404);
  await denis.get("/compte");
  const { text } = await denis.get(AT);
  assert.match(text, /Fiche d’une personne[\s\S]+Denis Roussel[\s\S]+Karim Daoudi[\s\S]+127\.0\.0\.1/);
  const lines = await readings(tenantId, 3);
  assert.deepEqual(
    lines.map(({ page }) => page),
    ["Liste des utilisateurs", "Fiche d’une personne", "Lectures de données personnelles"],
  );

  const of = await denis.get(`${AT}?personne=${karim}`);
  assert.match(of.text, /1 lecture</);
  assert.match((await denis.get(`${AT}?au=2001-01-01`)).text, /Rien ne répond à ces filtres/);
  assert.equal((await sophie.get(AT)).status, 403);
  const nathalie = await world.as("nathalie");
  assert.doesNotMatch((await nathalie.get(AT)).text, /Karim/);
});

test("une page de plusieurs personnes n’est dite de personne", async () => {
  await denis.get("/admin/groupes/nouveau");
  const { location } = await denis.post("/admin/groupes/nouveau", { name: "Nord" });
  const before = (await readings(denis.tenantId, 0)).length;
  await denis.get(location!);
  await readings(denis.tenantId, before + 1);
  assert.match(
    (await denis.get(AT)).text,
    /Personnes d’un groupe[\s\S]{0,300}Denis Roussel[\s\S]{0,200}plusieurs personnes/,
  );
});

/** Under a right that opens pages of people, and showing nobody. */
const NOBODY = new Set([
  "/admin/utilisateurs/nouveau",
  "/admin/utilisateurs/plusieurs",
  "/admin/utilisateurs/plusieurs/modele.csv",
  "/admin/organisation",
  "/admin/organisation/logo",
  "/admin/groupes",
  "/admin/groupes/nouveau",
  "/admin/annuaire/services",
  "/admin/annuaire/sites",
  "/admin/annuaire/jours-feries",
]);
/** Steps that begin from a page of people just read, and show its person’s name alone, or the message of that page. */
const STEP = /\/:\w+\/[a-z-]+$/;

test("PRM-32 : chaque page d’un droit qui montre des personnes dit son nom pour le journal, ou n’en montre aucune", () => {
  const rights = new Set<string>(PERMISSIONS.flatMap((one) => (one.readsPeople ? one.code : [])));
  const silent = (world.app.locals.routes as Route[]).filter(
    ({ method, path, right, options }) =>
      method === "get" && rights.has(right) && !options.people && !NOBODY.has(path) && !STEP.test(path),
  );
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
    "Donnez l’option `people` à cette route (src/platform/http/route.ts), ou nommez-la ici si elle ne montre personne.",
  );
});

test("HIS-16 : une lecture se garde douze mois, et la base refuse d’en effacer avant", async () => {
  const purge = world.registry.schedules.find(({ job }) => job === "accounts.purge_security_log")!;
  const { tenantId } = denis;
  const count = async () => (await readings(tenantId, 0)).length;
  const before = await count();
  assert.ok(before > 0);
  const gone = await world.db.note(tenantId, (em) =>
    em.execute<{ id: string }[]>("delete from people_read returning id"),
  );
  assert.deepEqual(gone, []);
  await world.clock.advanceMinutes(366 * 24 * 60);
  await purge.run(world.app.locals.services, { tenantId, day: "2027-11-22" });
  assert.equal(await count(), 0);
});
