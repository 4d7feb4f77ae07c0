import assert from "node:assert/strict";
import { test } from "node:test";
import { addOperation, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const [sophie, denis, hugo] = await Promise.all(["sophie", "denis", "hugo"].map((who) => world.as(who)));
const at = await makeCampaign(sophie!);
const list = `${at}/operations`;
await addOperation(sophie!, at, { c_cible: "PC-1" });

type Who = NonNullable<typeof sophie>;
async function send(by: Who, to: string, fields: Record<string, string>) {
  await by.get(`${at}/vues`);
  return by.post(`${at}/vues${to}`, fields);
}
const keep = (by: Who, name: string, adresse: string, more: Record<string, string> = {}) =>
  send(by, "", { name, adresse, ...more });
const viewsOf = async (by: Who) => {
  const { text } = await by.get(`${list}?vue=toutes`);
  const nav = /<nav class="views"[\s\S]+?<\/nav>/.exec(text)![0];
  return new Map(
    [...nav.matchAll(/<a href="([^"]+)"[^>]*>([^<]+)/g)].map(([, href, name]) => [
      name!.trim(),
      href!.replaceAll("&amp;", "&"),
    ]),
  );
};
const idIn = (href: string) => /vue=([0-9a-f-]{36})/.exec(href)![1]!;

test("OPS-8 : une vue garde filtres, colonnes, tri et groupement, pour soi seul ; deux vues viennent avec la campagne", async () => {
  const kept = await keep(
    sophie!,
    "Jeudi",
    "statut=done&statut=blocked&tri=cible&groupe=segment&colonnes=date%2Cstatut",
  );
  assert.equal(kept.status, 303);
  const mine = await viewsOf(sophie!);
  assert.deepEqual([...mine.keys()].slice(0, 4), ["Toutes", "À replanifier", "En retard", "Jeudi"]);
  const href = mine.get("Jeudi")!;
  assert.equal(idIn(kept.location!), idIn(href));
  for (const part of ["statut=done&statut=blocked", "tri=cible", "groupe=segment", "colonnes=date%2Cstatut"]) {
    assert.ok(href.includes(part), part);
  }
  assert.match((await sophie!.get(href)).text, /aria-current="true">Jeudi/);
  assert.equal((await viewsOf(denis!)).has("Jeudi"), false);
  assert.match((await sophie!.get(mine.get("À replanifier")!)).text, /Catégorie\u00a0: Reportée/);
});

test("OPS-8 : la page qui garde une vue dit ses filtres comme la liste : segments et techniciens par leur nom", async () => {
  await sophie!.get(`${at}/segments`);
  assert.equal((await sophie!.post(`${at}/segments`, { name: "Bâtiment A" })).status, 303);
  const karim = (await world.userOf("karim")).id;
  const segment = /value="([0-9a-f-]{36})"[^>]*>Bâtiment A/.exec((await sophie!.get(`${list}/nouvelle`)).text)![1]!;
  const { text } = await sophie!.get(`${at}/vues?segment=${segment}&technicien=${karim}`);
  assert.match(text, /Filtres\s: Segment\u00a0: Bâtiment A, Technicien\u00a0: Karim \S+\./);
});

test("OPS-8 : partagée, toute personne qui lit la campagne l’ouvre ; seul qui mène les opérations partage", async () => {
  assert.equal((await keep(sophie!, "Commune", "quand=sans-date", { isShared: "oui" })).status, 303);
  const theirs = await viewsOf(denis!);
  assert.ok(theirs.has("Commune"));
  const view = idIn(theirs.get("Commune")!);
  const renamed = await send(denis!, "/modification", { view, name: "À tous", isShared: "oui", version: "1" });
  assert.equal(renamed.status, 303, "un administrateur la règle");
  assert.ok((await viewsOf(sophie!)).has("À tous"));
});

test("OPS-8 : chacun ouvre la liste sur une vue au plus, et la quitte par « Toutes »", async () => {
  const view = idIn((await viewsOf(sophie!)).get("Jeudi")!);
  assert.equal((await send(sophie!, "/defaut", { view })).status, 303);
  const opened = await sophie!.get(list);
  assert.equal(opened.status, 302);
  assert.match(opened.location!, /statut=done&statut=blocked/);
  assert.equal((await sophie!.get(`${list}?vue=toutes`)).status, 200);
  assert.equal((await denis!.get(list)).status, 200, "la vue par défaut est à une personne");
  assert.equal((await send(sophie!, "/defaut", { view: "" })).status, 303);
  assert.equal((await sophie!.get(list)).status, 200);
});

test("OPS-8 : même nom, nom d’une vue de la campagne, nom trop court : refusés à leur champ, rien de tapé n’est perdu", async () => {
  for (const name of ["jeudi", "En  retard", "J"]) {
    const { status, text } = await keep(sophie!, name, "statut=done");
    assert.equal(status, 422, name);
    assert.match(text, new RegExp(`aria-invalid="true"[^>]*value="${name}"|value="${name}"[^>]*aria-invalid`), name);
    assert.match(text, /name="adresse" value="statut=done"/, name);
  }
});

test("OPS-8, GEN-8, CAM-26 : la vue d’autrui n’existe pas ; une version dépassée s’arrête ; supprimer puis annuler la rend", async () => {
  const view = idIn((await viewsOf(sophie!)).get("Jeudi")!);
  assert.equal((await send(denis!, "/suppression", { view })).status, 404);
  assert.equal((await hugo!.get(`${at}/vues`)).status, 404);
  const rename = (name: string, version: string) => send(sophie!, "/modification", { view, name, version });
  assert.equal((await rename("Vendredi", "1")).status, 303);
  assert.equal((await rename("Samedi", "1")).status, 409);
  const gone = await send(sophie!, "/suppression", { view });
  assert.equal(gone.status, 303);
  const { text } = await sophie!.get(gone.location!);
  assert.equal((await viewsOf(sophie!)).has("Vendredi"), false);
  const undo = /href="(\/actes\/[0-9a-f-]{36}\/annulation)"/.exec(text)![1]!;
  await sophie!.get(undo);
  assert.equal((await sophie!.post(undo, {})).status, 303);
  assert.ok((await viewsOf(sophie!)).has("Vendredi"));
});

test("CAM-8 : archivée, une campagne garde ses vues partagées telles quelles, annulations comprises ; les privées restent à chacun", async () => {
  assert.equal((await keep(sophie!, "Retards", "quand=en-retard")).status, 303);
  const shared = await keep(sophie!, "Équipe", "quand=sans-date", { isShared: "oui" });
  assert.equal(shared.status, 303);
  const undo = /href="(\/actes\/[0-9a-f-]{36}\/annulation)"/.exec((await sophie!.get(shared.location!)).text)![1]!;
  const views = await viewsOf(sophie!);
  const [own, view] = [idIn(views.get("Retards")!), idIn(views.get("Équipe")!)];
  await sophie!.get(`${at}/archivage`);
  assert.equal((await sophie!.post(`${at}/archivage`, { reason: "Abandon" })).status, 303);
  for (const by of [sophie!, denis!]) {
    const renamed = await send(by, "/modification", { view, name: "Autre", isShared: "oui", version: "1" });
    assert.equal(renamed.status, 409);
    assert.equal((await send(by, "/suppression", { view })).status, 409);
  }
  assert.equal((await keep(sophie!, "Une autre", "quand=sans-date", { isShared: "oui" })).status, 409);
  assert.match((await sophie!.get(undo)).text, /Campagne archivée, lecture seule/);
  await sophie!.post(undo, {});
  assert.ok((await viewsOf(denis!)).has("Équipe"));
  const mine = { view: own, name: "Mes retards", version: "1" };
  assert.equal((await send(sophie!, "/modification", mine)).status, 303, "une vue privée n’est pas la campagne");
});
