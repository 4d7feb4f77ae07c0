import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { listSegments } from "../../src/campaigns/queries/segments.ts";
import { segmentsOfValues } from "../../src/campaigns/segment.ts";
import { addOperation, idIn, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const by = { id: (await world.userOf("sophie")).id };

const campaign = () => makeCampaign(sophie);
const campaignAt = async <T>(at: string, code: string, verb: (em: never, found: Campaign) => T | Promise<T>) =>
  world.db.act(
    { tenantId, actorId: by.id, channel: "page", code, label: "Essai", now: world.clock.now() },
    async (em) => verb(em as never, await em.findOneOrFail(Campaign, { id: idIn(at) })),
  );
const follow = (at: string, code: string) =>
  campaignAt(at, "campaign.edited", (_em, found) => {
    found.segmentField = code;
  });
const segmentsOf = async (at: string) => world.db.read(tenantId, (em) => listSegments(em, idIn(at)));
const namesOf = async (at: string) => (await segmentsOf(at)).map(({ name }) => name);

const add = (at: string, fields: Record<string, string>) => addOperation(sophie, at, fields);
async function placeOf(at: string): Promise<[string | null, boolean]> {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ name: string | null; hand: boolean }[]>(
      `select s.name, o.is_segment_set_by_hand as hand from operation o
       left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id where o.id = ?`,
      [idIn(at)],
    ),
  );
  return [row!.name, row!.hand];
}
async function act(at: string, to: string, fields: Record<string, string | string[]> = {}) {
  await sophie.get(at);
  return sophie.post(`${at}/${to}`, fields);
}
async function edit(at: string, fields: Record<string, string>) {
  const { text } = await sophie.get(`${at}/modifier`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  assert.equal((await sophie.post(`${at}/modifier`, { ...fields, version })).status, 303);
}

test("SEG-2 : un segment par valeur normalisée, sous sa première graphie ; ceux qui portent déjà ce nom sont pris", async () => {
  const at = await campaign();
  await act(at, "segments", { name: "Bâtiment B" });
  const found = await campaignAt(at, "campaign.edited", (em, one) =>
    segmentsOfValues(em, one, ["Bâtiment A", "batiment  A", "BÂTIMENT B", "C", "", "x".repeat(140)], { by }),
  );
  assert.deepEqual(await namesOf(at), ["Bâtiment B", "Bâtiment A", "Segment C", `${"x".repeat(95)}…`]);
  assert.equal(found.get("batiment a"), (await segmentsOf(at))[1]!.id);
  assert.equal(found.size, 4);
  const again = await campaignAt(at, "campaign.edited", (em, one) =>
    segmentsOfValues(em, one, ["c", "X".repeat(140), "bâtiment b"], { by }),
  );
  assert.equal((await namesOf(at)).length, 4, "rien de plus à la seconde fois");
  assert.equal(again.get("c"), found.get("c"));
});

test("SEG-2 : au-delà de 200 segments, refusé avec la marche à suivre, et rien n’est fait", async () => {
  const at = await campaign();
  const many = Array.from({ length: 201 }, (_, n) => `Poste ${n}`);
  await assert.rejects(
    campaignAt(at, "campaign.edited", (em, one) => segmentsOfValues(em, one, many, { by })),
    /201 segments nouveaux[\s\S]+regroupe/,
  );
  assert.deepEqual(await namesOf(at), []);
});

test("SEG-2 : deux actes au même instant ne font qu’un segment de la même valeur", async () => {
  const at = await campaign();
  const both = await Promise.all(
    ["Quai 1", "QUAI 1"].map((one) =>
      campaignAt(at, "campaign.edited", (em, found) => segmentsOfValues(em, found, [one], { by })),
    ),
  );
  assert.equal(both[0]!.get("quai 1"), both[1]!.get("quai 1"));
});

test("SEG-2, SEG-3 : modifier le champ place l’opération, sauf mise à la main ; rendue, elle le suit de nouveau", async () => {
  const at = await campaign();
  await act(at, "champs", { label: "Site", type: "short_text", switches: ["isListed"] });
  await follow(at, "site");
  const one = await add(at, { c_cible: "PC-1", c_site: "Nord" });
  assert.deepEqual(await placeOf(one), ["Nord", false]);
  await edit(one, { c_cible: "PC-1", c_site: "Sud" });
  assert.deepEqual(await placeOf(one), ["Sud", false]);
  await edit(one, { c_cible: "PC-1 bis", c_site: "" });
  assert.deepEqual(await placeOf(one), [null, false]);

  const nord = (await segmentsOf(at)).find(({ name }) => name === "Nord")!.id;
  assert.equal((await act(one, "segment", { segment: nord })).status, 303);
  assert.match((await sophie.get(one)).text, /Nord \(manuel\)/);
  await edit(one, { c_cible: "PC-1", c_site: "Sud" });
  assert.deepEqual(await placeOf(one), ["Nord", true], "mise à la main, elle ne bouge pas");
  assert.equal((await act(one, "segment/suivi")).status, 303);
  assert.deepEqual(await placeOf(one), ["Sud", false]);
  assert.equal((await act(one, "segment/suivi")).status, 422);
});

test("HIS-12 : annuler ce qui a fait un segment le garde tant qu’une opération y est", async () => {
  const at = await campaign();
  await act(at, "segments", { name: "Étage 1" });
  const [made] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.segment_added' order by id desc limit 1"),
  );
  const one = await add(at, { c_cible: "PC-9" });
  await act(one, "segment", { segment: (await segmentsOf(at))[0]!.id });
  assert.match((await sophie.get(`/actes/${made!.id}/annulation`)).text, /prérequis sont dans ce segment/);
  await act(one, "segment", { segment: "" });
  await sophie.get(`/actes/${made!.id}/annulation`);
  assert.equal((await sophie.post(`/actes/${made!.id}/annulation`)).status, 303);
  assert.deepEqual(await namesOf(at), []);
});

test("CAM-24, HIS-11 : qui configure par un groupe annule ce qu’il a fait", async () => {
  const [denis, karim] = await Promise.all(["denis", "karim"].map((who) => world.as(who)));
  const at = await campaign();
  await denis!.get("/admin/groupes");
  const { location } = await denis!.post("/admin/groupes/nouveau", { name: "Équipe des vagues" });
  await denis!.get(location!);
  await denis!.post(`${location}/membres`, { user: (await world.userOf("karim")).id });
  await sophie.get(`${at}/acces`);
  await sophie.post(`${at}/acces`, { grantee: `g.${idIn(location!)}`, letters: ["configure"] });
  await karim!.get(`${at}/segments`);
  assert.equal((await karim!.post(`${at}/segments`, { name: "Par le groupe" })).status, 303);
  const [made] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.segment_added' order by id desc limit 1"),
  );
  await karim!.get(`/actes/${made!.id}/annulation`);
  assert.equal((await karim!.post(`/actes/${made!.id}/annulation`)).status, 303);
  assert.deepEqual(await namesOf(at), []);
});

async function lastAct(code: string): Promise<string> {
  const [found] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = ? order by id desc limit 1", [code]),
  );
  return found!.id;
}
async function undo(code: string) {
  const id = await lastAct(code);
  const { text } = await sophie.get(`/actes/${id}/annulation`);
  assert.match(
    text,
    /Impossible\u00a0?: 0|Impossible\u00a0: aucune|^(?![\s\S]*Lignes impossibles)/,
    "rien d’impossible dans l’aperçu",
  );
  assert.equal((await sophie.post(`/actes/${id}/annulation`)).status, 303, code);
}
async function withSites(): Promise<{ at: string; operations: string[] }> {
  const at = await campaign();
  await act(at, "champs", { label: "Site", type: "short_text", switches: ["isListed"] });
  const operations: string[] = [];
  for (const [n, site] of ["Nord", "Sud", "nord", ""].entries()) {
    operations.push(await add(at, { c_cible: `PC-${n}`, c_site: site }));
  }
  return { at, operations };
}
/** Follows a field from its preview, as a person does. */
async function sync(at: string, field: string) {
  const page = await sophie.get(`${at}/segments/resynchronisation?champ=${field}`);
  const seen = /name="seen" value="([^"]*)"/.exec(page.text)![1]!;
  return { page, answer: await sophie.post(`${at}/segments/resynchronisation`, { field, seen }) };
}

test("SEG-4 : l’aperçu dit qui entre, qui sort et ce qui naît, avant que rien ne bouge ; le tout s’annule en un acte", async () => {
  const { at, operations } = await withSites();
  await act(operations[1]!, "segment", { segment: "" });
  const page = await sophie.get(`${at}/segments/resynchronisation?champ=site`);
  assert.match(page.text, /2.opérations changent de segment/);
  assert.match(page.text, /Nord[\s\S]+Créé[\s\S]+Sans segment/);
  assert.deepEqual(await namesOf(at), [], "rien n’a bougé");
  assert.equal((await sync(at, "site")).answer.status, 303);
  assert.deepEqual(await namesOf(at), ["Nord"]);
  assert.deepEqual(await Promise.all(operations.map(placeOf)), [
    ["Nord", false],
    [null, true],
    ["Nord", false],
    [null, false],
  ]);
  assert.match((await sophie.get(`${at}/segments`)).text, /D’après le champ Site[\s\S]+Sans segment/);
  await undo("campaign.segments_synced");
  assert.deepEqual(await namesOf(at), []);
  assert.deepEqual(await placeOf(operations[0]!), [null, false]);
});

test("SEG-4 : ce qui a bougé depuis l’aperçu le fait relire", async () => {
  const { at } = await withSites();
  const { text } = await sophie.get(`${at}/segments/resynchronisation?champ=site`);
  const seen = /name="seen" value="([^"]*)"/.exec(text)![1]!;
  await add(at, { c_cible: "PC-8", c_site: "Est" });
  const late = await sophie.post(`${at}/segments/resynchronisation`, { field: "site", seen });
  assert.equal(late.status, 422);
  assert.match(late.text, /relisez-le[\s\S]+Est/);
});

test("SEG-5 : renommé, un segment garde ses valeurs ; fondu, elles vont à l’autre ; supprimé, ses opérations sont sans segment", async () => {
  const { at, operations } = await withSites();
  await sync(at, "site");
  const [nord, sud] = await segmentsOf(at);
  const card = `${at}/segments/${nord!.id}`;
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(card)).text)![1]!;
  const twin = await sophie.post(`${card}/modifier`, { name: "SUD", tone: "primary", version });
  assert.equal(twin.status, 422);
  assert.equal((await sophie.post(`${card}/modifier`, { name: "Aile nord", tone: "primary", version })).status, 303);
  await add(at, { c_cible: "PC-7", c_site: "NORD" });
  assert.deepEqual(await namesOf(at), ["Aile nord", "Sud"]);

  assert.equal((await act(card, "deplacement", { way: "down" })).status, 303);
  assert.deepEqual(await namesOf(at), ["Sud", "Aile nord"]);
  assert.equal((await act(card, "deplacement", { way: "down" })).status, 422);

  assert.equal((await act(card, "fusion", { into: sud!.id })).status, 303);
  assert.deepEqual(await namesOf(at), ["Sud"]);
  assert.deepEqual(await placeOf(operations[0]!), ["Sud", false]);
  const again = await add(at, { c_cible: "PC-6", c_site: "Nord" });
  assert.deepEqual(await placeOf(again), ["Sud", false], "la valeur fondue mène à l’autre");
  await undo("campaign.segment_merged");
  assert.deepEqual((await namesOf(at)).toSorted(), ["Aile nord", "Sud"]);
  assert.deepEqual(await placeOf(operations[0]!), ["Aile nord", false]);

  assert.equal((await act(card, "suppression")).status, 303);
  assert.deepEqual(await placeOf(operations[0]!), [null, false]);
  await undo("campaign.segment_deleted");
  assert.deepEqual(await placeOf(operations[0]!), ["Aile nord", false]);
});

test("SEG-5 : « Sans segment » est une ligne de la page même quand rien n’y est, dès qu’il y a un segment", async () => {
  const at = await campaign();
  assert.doesNotMatch((await sophie.get(`${at}/segments`)).text, /Sans segment/);
  await act(at, "segments", { name: "Nord" });
  assert.match((await sophie.get(`${at}/segments`)).text, /Nord<[\s\S]+Sans segment<[\s\S]+?Opérations">0</);
});

test("SEG-6 : la page d’un segment dit ses sept compteurs, son avancement, ses retards et ses opérations", async () => {
  const { at, operations } = await withSites();
  await sync(at, "site");
  await act(operations[0]!, "date", { plannedOn: "2026-11-10", plannedHour: "" });
  const [nord] = await segmentsOf(at);
  const { text } = await sophie.get(`${at}/segments/${nord!.id}`);
  for (const label of ["À planifier", "Planifiée", "En cours", "Réalisée", "Reportée", "Bloquée", "Annulée"]) {
    assert.ok(text.includes(label), label);
  }
  assert.match(text, /1 en retard[\s\S]+PC-0/);
  assert.ok(!text.includes("PC-1<"));
});

test("SEG-6, STA-1, STA-9 : un segment dit son retard sur sa page, dans la liste et au tableau de bord, dans les mêmes mots", async () => {
  const { at, operations } = await withSites();
  await sync(at, "site");
  const [nord] = await segmentsOf(at);
  await act(operations[0]!, "statut", { to: "blocked", kind: "flag_problem", reason: "Pas de prise" });
  await campaignAt(at, "essai.recule", (em) =>
    (em as unknown as { execute(sql: string, values: string[]): Promise<void> }).execute(
      "update operation set entered_at = entered_at - interval '15 days' where id = ?",
      [operations[0]!.split("/").at(-1)!],
    ),
  );
  const said = async (address: string) =>
    /blocage de \d+ jours ouvrés/.exec((await sophie.get(address)).text.replaceAll(/[\u00a0\u202f]/g, " "))?.[0];
  const mark = await said(at);
  assert.match(mark!, /\d/);
  assert.equal(await said(`${at}/segments/${nord!.id}`), mark);
  assert.equal(await said(`${at}/segments`), mark);
});

test("CAM-8 : archivée, rien ne touche à ses segments", async () => {
  const { at } = await withSites();
  await sync(at, "site");
  const [nord, sud] = await segmentsOf(at);
  await act(at, "archivage", { reason: "Projet terminé" });
  const card = `${at}/segments/${nord!.id}`;
  const { text } = await sophie.get(card);
  assert.ok(!text.includes("Supprimer le segment"));
  for (const [to, fields] of [
    [`${card}/modifier`, { name: "Autre", tone: "primary", version: "1" }],
    [`${card}/deplacement`, { way: "down" }],
    [`${card}/fusion`, { into: sud!.id }],
    [`${card}/suppression`, {}],
    [`${at}/segments/independance`, {}],
  ] as const) {
    assert.equal((await sophie.post(to, fields)).status, 409, to);
  }
});

/** Saves a field otherwise, and confirms what becomes of its values when it says so. */
async function change(at: string, code: string, wanted: Record<string, string | string[]>) {
  const path = `${at}/champs/${code}/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const own = form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]);
  const fields = { ...Object.fromEntries(own), ...wanted };
  const first = await sophie.post(path, fields);
  const seen = /name="seen" value="([^"]+)"/.exec(first.text)?.[1];
  assert.equal((seen ? await sophie.post(path, { ...fields, seen }) : first).status, 303);
}

test("SEG-2 : renommer une option du champ de segment laisse chaque opération à sa place, et l’opération suivante la rejoint", async () => {
  const at = await campaign();
  const field = { label: "Site", type: "single_choice", options: "Nord\r\nSud", switches: ["isListed"] };
  await act(at, "champs", field);
  await follow(at, "site");
  const nord = await add(at, { c_cible: "PC-1", c_site: "nord" });
  await add(at, { c_cible: "PC-2", c_site: "sud" });
  await change(at, "site", { optionLabel: ["Grand Nord", "Sud"] });
  const next = await add(at, { c_cible: "PC-3", c_site: "nord" });
  assert.deepEqual([await namesOf(at), (await placeOf(next))[0]], [["Nord", "Sud"], "Nord"]);

  // The two swap their labels: what they lead to does not.
  await change(at, "site", { optionLabel: ["Sud", "Grand Nord"] });
  const last = await add(at, { c_cible: "PC-4", c_site: "nord" });
  assert.deepEqual([await namesOf(at), (await placeOf(last))[0]], [["Nord", "Sud"], "Nord"]);
  await edit(nord, { c_cible: "PC-1", c_site: "sud" });
  assert.deepEqual(await placeOf(nord), ["Sud", false]);
  assert.match((await sophie.get(`${at}/segments/resynchronisation?champ=site`)).text, /Rien ne bouge/);
});

test("SEG-2, FLD-6 : le champ de segment change de type ; ses valeurs mènent où elles menaient, celles qui ne se convertissent pas nulle part", async () => {
  const at = await campaign();
  await act(at, "champs", { label: "Étage", type: "short_text", switches: ["isListed"] });
  await follow(at, "etage");
  const operations: string[] = [];
  for (const [n, floor] of ["1", "01", "2", "combles"].entries()) {
    operations.push(await add(at, { c_cible: `PC-${n}`, c_etage: floor }));
  }
  const hand = await add(at, { c_cible: "PC-9", c_etage: "cave" });
  const cave = (await segmentsOf(at)).find(({ name }) => name === "cave")!.id;
  await act(hand, "segment", { segment: cave });
  const names = await namesOf(at);
  const before = await Promise.all(operations.map(placeOf));
  await change(at, "etage", { type: "number", unit: "m" });
  const places = (await Promise.all(operations.map(placeOf))).map(([name]) => name);
  assert.equal(places[0], places[1], "les deux graphies d’un nombre n’en font plus qu’une");
  assert.deepEqual(places.slice(1), [places[0], "Segment 2", null]);
  assert.deepEqual(await placeOf(hand), ["cave", true]);
  const next = await add(at, { c_cible: "PC-5", c_etage: "2" });
  assert.deepEqual([await placeOf(next), await namesOf(at)], [["Segment 2", false], names]);

  await undo("campaign.fields_changed");
  assert.deepEqual(await Promise.all(operations.map(placeOf)), before);
});

test("FLD-2 : l’option renommée d’un champ qui nomme renomme ses opérations", async () => {
  const at = await campaign();
  await act(at, "champs", { label: "Site", type: "single_choice", options: "Nord\r\nSud", switches: ["isListed"] });
  const one = await add(at, { c_cible: "PC-1", c_site: "nord" });
  await sophie.get(`${at}/champs`);
  await sophie.post(`${at}/champs/nom`, { title: "site", subtitles: [] });
  await change(at, "site", { optionLabel: ["Grand Nord", "Sud"] });
  assert.match((await sophie.get(one)).text, /<h1>Grand Nord /);
});
