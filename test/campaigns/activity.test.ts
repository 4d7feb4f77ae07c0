/** What happened in a campaign, in words and by rights (ACT-1 to ACT-4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { checkAsProposed, runImport } from "../support/imports.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, karim, helene, denis] = (await Promise.all(
  ["sophie", "karim", "helene", "denis"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];
const { tenantId } = sophie;

const post = async (by: Browser, page: string, to: string, fields: Record<string, string | string[]> = {}) => {
  const [, version] = /name="version" value="(\d+)"/.exec((await by.get(page)).text) ?? [];
  return isAt(await by.post(to, { ...(version && { version }), ...fields }));
};
const linesOf = ({ text }: { text: string }) =>
  [...text.matchAll(/<li id="activite-[^>]+>([\s\S]*?)<\/li>/g)].map(([, line]) => plain({ text: line! }).trim());
const activity = async (by: Browser, at: string, filter = "") => linesOf(await by.get(`${at}/activite${filter}`));

// To come: its first operation starts it.
const at = await makeCampaign(sophie, { startsOn: "2027-06-01", endsOn: "2027-06-30" });
await post(sophie, `${at}/segments`, `${at}/segments`, { name: "Bâtiment A" });
const [segment] = await world.db.read(tenantId, (em) =>
  em.execute<{ id: string }[]>("select id from segment where campaign_id = ?", [idIn(at)]),
);
const one = await addOperation(sophie, at, { c_cible: "PC-0847", technician: karim.id, segment: segment!.id });
const other = await addOperation(sophie, at, { c_cible: "PC-0848", technician: karim.id });
await post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: "public" });
await post(sophie, `${at}/publication`, `${at}/publication`);
await world.clock.advance(3 * 60_000);
await post(karim, one, `${one}/statut`, { to: "in_progress", kind: "start" });
await post(karim, one, `${one}/statut`, { to: "done", kind: "complete" });
await post(karim, other, `${other}/statut`, { to: "in_progress", kind: "start" });
await post(karim, other, `${other}/statut`, { to: "blocked", kind: "flag_problem", reason: "prise réseau absente" });

test("ACT-1, ACT-4 : qui, quoi, sur quoi, où, pourquoi, il y a combien de temps et à quelle heure ; le plus récent d’abord", async () => {
  await world.clock.advance(3 * 60_000);
  const lines = await activity(helene, at);
  assert.match(
    lines[0]!,
    /Karim Daoudi a signalé un problème sur PC-0848\s?: prise réseau absente il y a 3\smin , \S+ \d\d:\d\d$/,
  );
  assert.match(lines[2]!, /Karim Daoudi a terminé PC-0847 , Bâtiment A il y a 3\smin/);
  assert.ok(
    lines.some((line) => /La campagne a démarré/.test(line)),
    "elle a démarré d’elle-même, avec sa première opération",
  );
  assert.ok(lines.some((line) => /Sophie Marchand a publié la campagne/.test(line)));
  assert.match((await helene.get(`${at}/activite`)).text, new RegExp(`href="${one}"`));
});

test("ACT-2 : le tableau de bord en montre cinq, et mène à toutes", async () => {
  const board = await helene.get(at);
  assert.equal(linesOf(board).length, 5);
  assert.deepEqual(linesOf(board), (await activity(helene, at)).slice(0, 5));
  assert.match(board.text, new RegExp(`href="${at}/activite"`));
});

test("ACT-2 : filtrée par personne, sorte, segment, période et voie", async () => {
  const people = await activity(helene, at, `?personne=${karim.id}`);
  assert.ok(people.length >= 4);
  assert.ok(people.every((line) => /Karim Daoudi|La campagne/.test(line)));
  const steps = await activity(helene, at, "?sorte=statuts");
  assert.equal(steps.length, 4);
  const there = await activity(helene, at, `?segment=${segment!.id}`);
  assert.ok(there.length >= 3 && there.every((line) => /PC-0847/.test(line)));
  assert.ok((await activity(helene, at, "?segment=sans")).every((line) => /PC-0848/.test(line)));
  assert.deepEqual(await activity(helene, at, "?voie=import"), []);
  const today = world.clock.now().toISOString().slice(0, 10);
  assert.deepEqual(await activity(helene, at, `?au=2020-01-01`), []);
  assert.deepEqual(await activity(helene, at, `?du=${today}`), await activity(helene, at));
  assert.equal((await helene.get(`${at}/activite?du=demain`)).status, 422);
});

test("ACT-3 : une action groupée est une ligne avec son nombre ; qui lit tout l’historique ouvre son acte, qui gère ouvre le lot", async () => {
  await sophie.get(`${at}/operations`);
  const ids = [idIn(one), idIn(other)];
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action: "capacity", scope: "ticked", row: ids }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/apercu`, { capacity: "4" }));
  await sophie.get(lot);
  isAt(
    await sophie.post(`${lot}/execution`, {
      version: /name="version" value="(\d+)"/.exec((await sophie.get(lot)).text)![1]!,
    }),
  );
  const [first] = await activity(helene, at);
  assert.match(first!, /Sophie Marchand a changé 2 opérations\s?:/);
  const href = async (by: Browser) => /a changé <a href="([^"]+)"/.exec((await by.get(`${at}/activite`)).text)?.[1];
  assert.match((await href(denis))!, /^\/admin\/historique\//);
  assert.equal(await href(sophie), lot);
  assert.equal(await href(helene), undefined);
});

test("ACT-4 : une habilitation se lit de qui peut en donner, et d’eux seuls", async () => {
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${karim.id}`, letters: ["see"] });
  assert.ok((await activity(sophie, at)).some((line) => /Habilitation sur la campagne/.test(line)));
  assert.ok(!(await activity(helene, at)).some((line) => /Habilitation/.test(line)));
  assert.equal((await helene.get(`${at}/activite?sorte=acces`)).status, 200);
  assert.deepEqual(await activity(helene, at, "?sorte=acces"), []);
});

test("ACT-1 : un acte annulé se lit aussi", async () => {
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from act where subject_id = ? and code = 'operation.transitioned' order by id desc limit 1",
      [idIn(other)],
    ),
  );
  await post(denis, `/actes/${act!.id}/annulation`, `/actes/${act!.id}/annulation`);
  assert.match((await activity(helene, at))[0]!, /Denis Roussel a annulé «\s?/);
});

test("ACT-4, PRM-14 : l’annulation se lit de qui lit ce qu’elle annule, et l’annulation de cette annulation aussi", async () => {
  const campaign = idIn(at);
  const people = `${at}/personnes`;
  await sophie.get(`/imports/personnes/nouveau?objet=${campaign}`);
  const content = Buffer.from(
    csvText([
      ["Matricule", "Nom", "Prénom"],
      ["EXT-9", "Martin", "Jeanne"],
    ]),
  );
  const sent = isAt(
    await sendForm(world, sophie, "/imports/personnes/nouveau", { name: "p.csv", content }, { scope: campaign }),
  );
  isAt(await checkAsProposed(sophie, sent));
  await runImport(world, sophie, sent);
  const [person] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from eligible_person where campaign_id = ?", [campaign]),
  );
  const undoLast = async () => {
    const [act] = await world.db.read(tenantId, (em) =>
      em.execute<{ id: string }[]>("select id from act where subject_id = ? order by id desc limit 1", [campaign]),
    );
    await post(sophie, `/actes/${act!.id}/annulation`, `/actes/${act!.id}/annulation`);
  };
  const before = await activity(helene, at);
  await post(sophie, `${people}/${person!.id}/modifier`, `${people}/${person!.id}/retrait`);
  await undoLast();
  const undone = /Sophie Marchand a annulé «\s?Personne retirée de la campagne\s?: Jeanne Martin/;
  assert.match((await activity(sophie, at))[0]!, undone);
  assert.match((await activity(sophie, at, "?sorte=personnes"))[0]!, undone, "avec ce qu’elle annule");
  await undoLast();
  assert.match((await activity(sophie, at))[0]!, /a annulé «\s?Annulation\s?: Personne retirée/);
  await post(sophie, `${at}/vues`, `${at}/vues`, { name: "Mes retards", adresse: "" });
  await undoLast();
  assert.doesNotMatch((await activity(sophie, at))[0]!, /Vue de la liste/, "une vue n’est qu’à qui la garde");
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${helene.id}`, letters: ["see"] });
  await undoLast();
  assert.match((await activity(sophie, at))[0]!, /Sophie Marchand a annulé «\s?Habilitation sur la campagne/);
  assert.deepEqual(await activity(helene, at), before);
  assert.ok(
    !linesOf(await helene.get(at)).some((line) => /Jeanne|Habilitation/.test(line)),
    "au tableau de bord non plus",
  );
});

test("ACT-4 : le filtre par personne ne nomme que ceux dont on lit les actes", async () => {
  const claire = await world.as("claire");
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${claire.id}`, letters: ["configure"] });
  await post(claire, `${at}/acces`, `${at}/acces`, { grantee: `u.${helene.id}`, letters: ["see"] });
  const offered = async (by: Browser) => (await by.get(`${at}/activite`)).text.includes(`<option value="${claire.id}"`);
  assert.deepEqual([await offered(sophie), await offered(helene)], [true, false]);
});

test("ACT-2 : par pages de cinquante, dans les deux sens, sans rien perdre ni répéter", async () => {
  const many = await makeCampaign(sophie);
  for (let i = 0; i < 60; i++) await post(sophie, `${many}/segments`, `${many}/segments`, { name: `Salle ${i}` });
  const first = await sophie.get(`${many}/activite`);
  const next = /href="([^"]+avant=[^"]+)"/.exec(first.text)![1]!.replaceAll("&amp;", "&");
  const second = await sophie.get(next);
  const seen = [...linesOf(first), ...linesOf(second)];
  assert.equal(linesOf(first).length, 50);
  const rooms = seen.flatMap((line) => /Salle \d+/.exec(line) ?? []);
  assert.deepEqual([rooms.length, new Set(rooms).size], [60, 60]);
  const back = /href="([^"]+apres=[^"]+)"/.exec(second.text)![1]!.replaceAll("&amp;", "&");
  assert.deepEqual(linesOf(await sophie.get(back)), linesOf(first));
});

test("la campagne d’une autre organisation, ou fermée, n’a pas d’activité", async () => {
  assert.equal((await karim.get(`${await makeCampaign(sophie)}/activite`)).status, 404);
  assert.equal((await (await world.as("nathalie")).get(`${at}/activite`)).status, 404);
});
