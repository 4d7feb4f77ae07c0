import assert from "node:assert/strict";
import { test } from "node:test";
import { CampaignField } from "../../src/campaigns/field.ts";
import { purgeRemovedFields } from "../../src/campaigns/field-change.ts";
import { Campaign } from "../../src/campaigns/index.ts";
import { addField as addCampaignField, addOperation, idIn, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;

const campaign = () => makeCampaign(sophie);
const addField = (at: string, label: string, more = {}) => addCampaignField(sophie, at, label, more);
const add = (at: string, fields: Record<string, string>) => addOperation(sophie, at, fields);
/** The form of a field as a browser sends it, with some of it changed. */
async function editField(at: string, code: string, change: Record<string, string | string[]>) {
  const path = `${at}/champs/${code}/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = Object.fromEntries(
    form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
  );
  return sophie.post(path, { ...fields, ...change });
}
const fieldsOf = async (at: string) => {
  const all = await world.db.read(tenantId, (em) =>
    em.find(CampaignField, { campaign: { id: idIn(at) }, removedAt: null } as never, {
      orderBy: { position: "asc" } as never,
    }),
  );
  return (all as unknown as CampaignField[]).map(({ code }) => code);
};
async function stored(at: string) {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ title: string; values: Record<string, unknown>; search: string }[]>(
      'select title, "values", search from operation where id = ?',
      [idIn(at)],
    ),
  );
  return row!;
}
async function undo(code: string) {
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = ? order by id desc limit 1", [code]),
  );
  await sophie.get(`/actes/${act!.id}/annulation`);
  assert.equal((await sophie.post(`/actes/${act!.id}/annulation`)).status, 303);
}

test("FLD-3 : un champ s’ajoute avec ses règles, se modifie sous son code et se déplace", async () => {
  const at = await campaign();
  await addField(at, "État", { type: "single_choice", options: "Bon\r\nÀ changer" });
  await addField(at, "Étage", { type: "number", min: "0", max: "12", decimals: "0" });
  assert.deepEqual(await fieldsOf(at), ["cible", "etat", "etage"]);
  assert.equal((await editField(at, "etage", { label: "Niveau" })).status, 303);
  assert.match((await sophie.get(`${at}/champs`)).text, /Niveau/);
  const twin = await editField(at, "etage", { label: "ETAT" });
  assert.equal(twin.status, 422);
  await sophie.get(`${at}/champs`);
  assert.equal((await sophie.post(`${at}/champs/etage/deplacement`, { way: "up" })).status, 303);
  assert.deepEqual(await fieldsOf(at), ["cible", "etage", "etat"]);
  assert.equal((await sophie.post(`${at}/champs/etat/deplacement`, { way: "down" })).status, 422);
});

test("FLD-6 : changer le type montre d’abord ce qui se convertit et ce qui ne se convertit pas ; le reste est gardé et se télécharge", async () => {
  const at = await campaign();
  await addField(at, "Surface");
  const operations: string[] = [];
  for (const [n, value] of ["12", "12,5", "grand", "=1+1", "12"].entries()) {
    operations.push(await add(at, { c_cible: `PC-${n}`, c_surface: value }));
  }
  const asked = await editField(at, "surface", { type: "number" });
  assert.equal(asked.status, 422);
  assert.match(asked.text, /3.valeurs se convertissent[\s\S]+2.ne se convertissent pas[\s\S]+grand/);
  assert.equal((await stored(operations[0]!)).values.surface, "12", "rien n’a changé");

  const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
  await add(at, { c_cible: "PC-9", c_surface: "40" });
  const late = await editField(at, "surface", { type: "number", seen });
  assert.equal(late.status, 422, "une valeur de plus : l’aperçu se relit");
  const again = /name="seen" value="([^"]+)"/.exec(late.text)![1]!;
  const done = await editField(at, "surface", { type: "number", seen: again });
  assert.equal(done.status, 303, done.text);
  assert.deepEqual(
    (await Promise.all(operations.map(stored))).map(({ values }) => values.surface),
    [12, 12.5, undefined, undefined, 12],
  );
  const card = await sophie.get(`${at}/champs/surface/modifier`);
  const file = /action="([^"]+\/refusees\/[^"]+)"/.exec(card.text)![1]!;
  const { text } = await sophie.post(file);
  assert.match(text, /PC-2;grand\r\nPC-3;'=1\+1\r\n|PC-2;grand[\s\S]+PC-3;/);
  assert.ok(!/;=1/.test(text), "aucune formule");

  await undo("campaign.fields_changed");
  assert.deepEqual(
    (await Promise.all(operations.map(stored))).map(({ values }) => values.surface),
    ["12", "12,5", "grand", "=1+1", "12"],
  );
});

test("FLD-3, FLD-6 : un champ ne devient pas unique quand deux opérations partagent une valeur", async () => {
  const at = await campaign();
  await addField(at, "Série");
  await add(at, { c_cible: "PC-1", c_serie: "7" });
  await add(at, { c_cible: "PC-2", c_serie: "7" });
  const refused = await editField(at, "serie", { switches: ["isListed", "isUnique"] });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /1.valeur serait portée par plusieurs/);
});

test("FLD-7 : retiré, un champ se cache avec ses valeurs et revient par l’annulation ; trente jours plus tard, elles s’effacent", async () => {
  const at = await campaign();
  await addField(at, "Salle");
  const one = await add(at, { c_cible: "PC-1", c_salle: "B12" });
  await sophie.get(`${at}/champs`);
  assert.equal((await sophie.post(`${at}/champs/cible/retrait`)).status, 422, "celui qui nomme reste");
  assert.equal((await sophie.post(`${at}/champs/salle/retrait`)).status, 303);
  assert.ok(!(await sophie.get(one)).text.includes("B12"));
  assert.equal((await stored(one)).values.salle, "B12");
  await undo("campaign.fields_changed");
  assert.ok((await sophie.get(one)).text.includes("B12"));

  await sophie.get(`${at}/champs`);
  await sophie.post(`${at}/champs/salle/retrait`);
  const purge = (days: number) =>
    world.db.act(
      {
        tenantId,
        actorId: null,
        channel: "job",
        code: "campaign.fields_purged",
        label: "Essai",
        now: world.clock.now(),
      },
      (em) => purgeRemovedFields(em, new Date(world.clock.now().getTime() + days * 86_400_000)),
    );
  assert.equal(await purge(-1), 0);
  assert.equal(await purge(1), 1);
  assert.deepEqual((await stored(one)).values, { cible: "PC-1" });
});

test("FLD-2 : le champ qui nomme se choisit, les opérations qui y ont une valeur prennent ce nom, et se retrouvent par lui", async () => {
  const at = await campaign();
  await addField(at, "Numéro", { switches: ["isListed"] });
  const [one, other] = [await add(at, { c_cible: "PC-1", c_numero: "INV-42" }), await add(at, { c_cible: "PC-2" })];
  await sophie.get(`${at}/champs`);
  const four = await sophie.post(`${at}/champs/nom`, { title: "numero", subtitles: ["cible", "a", "b", "c"] });
  assert.equal(four.status, 422);
  assert.equal((await sophie.post(`${at}/champs/nom`, { title: "numero", subtitles: ["cible"] })).status, 303);
  assert.deepEqual([(await stored(one)).title, (await stored(other)).title], ["INV-42", "PC-2"]);
  assert.match((await stored(one)).search, /inv-42/);
  const found = await world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(at) }));
  assert.deepEqual([found.titleField, found.subtitleFields], ["numero", ["cible"]]);
  assert.match((await sophie.get(one)).text, /INV-42[\s\S]+PC-1/);
  await undo("campaign.fields_changed");
  assert.equal((await stored(one)).title, "PC-1");
});

test("FLD-2 : le champ qui nomme est retenu avec la première opération ; en ranger ou en rendre obligatoire un autre n’y change rien", async () => {
  const at = await campaign();
  const titleField = async () =>
    (await world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(at) }))).titleField ?? null;
  assert.equal(await titleField(), null, "tant qu’elle est vide, son premier fichier peut en décider");
  const one = await add(at, { c_cible: "PC-1" });
  assert.equal(await titleField(), "cible");
  await addField(at, "Numéro", { switches: ["isListed", "isMandatory"] });
  await sophie.get(`${at}/champs`);
  assert.equal((await sophie.post(`${at}/champs/numero/deplacement`, { way: "up" })).status, 303);
  assert.deepEqual(await fieldsOf(at), ["numero", "cible"]);
  const two = await add(at, { c_cible: "PC-2", c_numero: "INV-42" });
  assert.deepEqual([(await stored(one)).title, (await stored(two)).title], ["PC-1", "PC-2"]);
  assert.match((await sophie.get(`${at}/champs`)).text, /Cible[\s\S]{0,200}nomme l’opération/);
});

test("FLD-2 : deux premières opérations au même instant sont ajoutées toutes les deux", async () => {
  const at = await campaign();
  await sophie.get(`${at}/operations/nouvelle`);
  const answers = await Promise.all(
    ["PC-1", "PC-2"].map((c_cible) => sophie.post(`${at}/operations/nouvelle`, { c_cible })),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    [303, 303],
  );
});
