import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { idIn, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const TYPES = "/admin/types-operations";
const OFFER = /a changé depuis que cette campagne l’a pris/;
let made = 0;

async function newType(fields = ["lieu", "equipement"]): Promise<string> {
  await sophie.get(`${TYPES}/nouveau`);
  const { location, text } = await sophie.post(`${TYPES}/nouveau`, {
    name: `Relève ${++made}`,
    description: "",
    icon: "wrench",
    tone: "primary",
    durationMinutes: "45",
    fields,
    preset: "standard",
  });
  assert.ok(location, text);
  return location;
}
const campaignOf = (type: string) => makeCampaign(sophie, { type: idIn(type) });
const campaignAt = (at: string) => world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(at) }));
async function fieldsAt(at: string): Promise<Record<string, string>> {
  const rows = await world.db.read(tenantId, (em) =>
    em.execute<{ code: string; type: string }[]>(
      "select code, type from campaign_field where campaign_id = ? and removed_at is null order by position",
      [idIn(at)],
    ),
  );
  return Object.fromEntries(rows.map(({ code, type }) => [code, type]));
}
async function add(at: string, fields: Record<string, string>): Promise<string> {
  await sophie.get(`${at}/operations/nouvelle`);
  const { location, text } = await sophie.post(`${at}/operations/nouvelle`, fields);
  assert.ok(location, text);
  return location;
}

/** A form of a page as a browser would send it, with some of it changed. */
async function sendForm(path: string, change: (fields: Map<string, string[]>) => void) {
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = new Map(form.fields.map(({ name, values }) => [name, [...values]]));
  for (const own of ["_csrf", "_key"]) fields.delete(own);
  change(fields);
  return sophie.post(path, Object.fromEntries(fields));
}
const newField = (type: string, label: string) =>
  sendForm(`${type}/champs/nouveau`, (fields) => fields.set("label", [label]).set("type", ["number"]));
const lasting = async (type: string, minutes: string) =>
  assert.equal((await sendForm(`${type}/modifier`, (fields) => fields.set("durationMinutes", [minutes]))).status, 303);
const withoutBlocked = (fields: Map<string, string[]>) => {
  const rank = fields.get("statusCode")!.indexOf("blocked");
  fields.set("statusDrop", [...(fields.get("statusDrop") ?? []), String(rank)]);
};
async function answer(at: string, more: Record<string, string> = {}, way = "/type", who: Browser = sophie) {
  const { text } = await who.get(`${at}/type`);
  const seen = /name="seen" value="([^"]+)"/.exec(text)?.[1] ?? "";
  return who.post(`${at}${way}`, { seen, ...more });
}

test("TYP-4 : ce qui change d’un type est proposé à ses campagnes, se compare, et s’accepte en un acte qui s’annule", async () => {
  const type = await newType();
  const at = await campaignOf(type);
  assert.doesNotMatch((await sophie.get(at)).text, OFFER);
  await sophie.get(`${at}/operations`);
  const one = await add(at, { c_equipement: "PC-1", c_lieu: "12" });
  const two = await add(at, { c_equipement: "PC-2", c_lieu: "Hall" });
  await sophie.get(one);
  assert.equal(
    (await sophie.post(`${one}/statut`, { to: "blocked", kind: "flag_problem", reason: "Panne" })).status,
    303,
  );

  assert.equal((await newField(type, "Étage")).status, 303);
  assert.equal(
    (await sendForm(`${type}/champs/lieu/modifier`, (fields) => fields.set("type", ["number"]))).status,
    303,
  );
  assert.equal((await sendForm(`${type}/flux/modifier`, withoutBlocked)).status, 303);
  await lasting(type, "60");

  for (const page of [at, `${at}/champs`, `${at}/segments`]) assert.match((await sophie.get(page)).text, OFFER, page);
  assert.match((await sophie.get(type)).text, /N’a pas répondu/);
  const { text } = await sophie.get(`${at}/type`);
  assert.match(text, /Étage[\s\S]+Ajouté/);
  assert.match(
    text,
    /Lieu[\s\S]+«.Texte court.» devient «.Nombre.»[\s\S]+1.valeur se convertit[\s\S]+1.ne se convertit pas/,
  );
  assert.match(text, /Statut retiré.: «.Bloquée.»/);
  assert.match(text, /45.minutes → 60.minutes/);
  assert.match(text, /Bloquée.: 1.opération passe à/);

  const refused = await answer(at);
  assert.equal(refused.status, 422);
  assert.match(refused.text, /des opérations sont dans un statut que vous retirez/);
  assert.deepEqual(await fieldsAt(at), { equipement: "short_text", lieu: "short_text" }, "rien n’est changé");

  const accepted = await answer(at, { replaced: "blocked", replacement: "postponed" });
  assert.equal(accepted.status, 303, accepted.text);
  assert.deepEqual(await fieldsAt(at), { equipement: "short_text", lieu: "number", etage: "number" });
  const after = await campaignAt(at);
  assert.equal(after.durationMinutes, 60);
  assert.ok(!after.workflow.statuses.some(({ code }) => code === "blocked"));
  assert.match((await sophie.get(one)).text, /Reportée/);
  assert.match((await sophie.get(two)).text, /Lieu[\s\S]{0,60}—/, "« Hall » est mis de côté");
  assert.doesNotMatch((await sophie.get(at)).text, OFFER);
  assert.match((await sophie.get(type)).text, /À jour/);

  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.type_followed' order by id desc limit 1"),
  );
  const undoAt = `/actes/${act!.id}/annulation`;
  assert.ok(!(await sophie.get(undoAt)).text.includes("Lignes impossibles"));
  assert.equal((await sophie.post(undoAt)).status, 303);
  assert.deepEqual(await fieldsAt(at), { equipement: "short_text", lieu: "short_text" });
  assert.match((await sophie.get(one)).text, /Bloquée/);
  assert.match((await sophie.get(two)).text, /Hall/);
  assert.match((await sophie.get(at)).text, OFFER, "proposé de nouveau");
});

test("TYP-4 : refusé, ce changement ne se propose plus, le suivant si ; et il s’accepte encore", async () => {
  const type = await newType();
  const at = await campaignOf(type);
  await lasting(type, "60");
  assert.match((await sophie.get(at)).text, OFFER);
  assert.equal((await answer(at, {}, "/type/refus")).status, 303);
  assert.doesNotMatch((await sophie.get(at)).text, OFFER);
  assert.match((await sophie.get(type)).text, /A refusé/);
  assert.match((await sophie.get(`${at}/type`)).text, /ont été refusés\u00a0: ils peuvent encore être acceptés/);
  await lasting(type, "75");
  assert.match((await sophie.get(at)).text, OFFER);
  assert.equal((await answer(at)).status, 303);
  assert.equal((await campaignAt(at)).durationMinutes, 75);
  assert.doesNotMatch((await sophie.get(at)).text, OFFER);
});

test("TYP-4 : ce que la campagne a réglé elle-même reste, et ce qui ne se peut pas est laissé de côté avec sa raison", async () => {
  const type = await newType();
  const at = await campaignOf(type);
  await sendForm(`${at}/champs/lieu/modifier`, (fields) => fields.set("label", ["Bureau"]));
  await sophie.get(`${at}/champs/nouveau`);
  await sophie.post(`${at}/champs`, { label: "Étage", code: "niveau", type: "short_text", switches: ["isListed"] });
  await sendForm(`${type}/champs/lieu/modifier`, (fields) => fields.set("help", ["Comme sur le plan"]));
  assert.equal((await newField(type, "Étage")).status, 303);
  await sophie.get(type);
  await sophie.post(`${type}/champs/equipement/retrait`);

  const { text } = await sophie.get(`${at}/type`);
  assert.match(text, /Laissé de côté[\s\S]+Il nomme les opérations/);
  assert.match(text, /Le champ «.Étage.» existe déjà/);
  assert.match(text, /Bureau[\s\S]+autre aide/);
  assert.doesNotMatch(text, /renommé/);
  assert.equal((await answer(at)).status, 303);
  assert.deepEqual(await fieldsAt(at), { equipement: "short_text", lieu: "short_text", niveau: "short_text" });
  assert.match((await sophie.get(`${at}/champs/lieu/modifier`)).text, /value="Bureau"[\s\S]+Comme sur le plan/);
});

test("TYP-4 : ce qu’on n’a pas lu ne s’accepte pas ; finie ou archivée, une campagne garde ce qu’elle a pris", async () => {
  const type = await newType();
  const at = await campaignOf(type);
  await lasting(type, "60");
  const { text } = await sophie.get(`${at}/type`);
  const seen = /name="seen" value="([^"]+)"/.exec(text)![1]!;
  await lasting(type, "90");
  const stale = await sophie.post(`${at}/type`, { seen });
  assert.equal(stale.status, 422);
  assert.match(stale.text, /n’est plus à jour[\s\S]+90.minutes/);
  await sophie.get(`${at}/archivage`);
  await sophie.post(`${at}/archivage`, { reason: "Projet terminé" });
  assert.doesNotMatch((await sophie.get(at)).text, OFFER);
  assert.match((await sophie.get(type)).text, /Garde ce qu’elle a pris/);
  assert.equal((await sophie.post(`${at}/type`, { seen })).status, 409);
  const other = await campaignOf(type);
  assert.match((await sophie.get(`${other}/type`)).text, /tel qu’il est\u00a0: rien ne lui est proposé/);
  assert.equal((await sophie.post(`${other}/type`, { seen })).status, 409);
});

test("OPS-6, TYP-4 : accepter les changements d’un type refait la recherche, et les annuler aussi", async () => {
  const type = await newType();
  const at = await campaignOf(type);
  await add(at, { c_equipement: "PC-1", c_lieu: "Atrium" });
  const found = async () => {
    await sophie.get("/");
    return (await sophie.get(`${at}/operations?q=atrium`)).text.includes("PC-1");
  };
  assert.equal(await found(), true);
  await sophie.get(type);
  await sophie.post(`${type}/champs/lieu/retrait`);
  assert.equal((await answer(at)).status, 303);
  assert.equal(await found(), false);
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.type_followed' order by id desc limit 1"),
  );
  await sophie.get(`/actes/${act!.id}/annulation`);
  assert.equal((await sophie.post(`/actes/${act!.id}/annulation`)).status, 303);
  assert.equal(await found(), true);
});
