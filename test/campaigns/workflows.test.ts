import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { addOperation, idIn, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;

const campaign = () => makeCampaign(sophie);
const add = (at: string, title: string) => addOperation(sophie, at, { c_cible: title });
async function step(at: string, to: string, kind: string, more: Record<string, string> = {}) {
  await sophie.get(at);
  assert.equal((await sophie.post(`${at}/statut`, { to, kind, ...more })).status, 303, kind);
}
async function stored(at: string) {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ status: string; category: string; completed: boolean }[]>(
      "select status, category, completed_at is not null as completed from operation where id = ?",
      [idIn(at)],
    ),
  );
  return row!;
}
const workflowOf = async (at: string) =>
  (await world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(at) }))).workflow;

/** The editor as a browser would send it, with some of it changed. */
async function save(at: string, change: (fields: Map<string, string[]>) => void) {
  const path = `${at}/flux/modifier`;
  const page = await sophie.get(path);
  const form = formsOf(parseHtml(page.text), path).find(({ action }) => action === path)!;
  const fields = new Map(form.fields.map(({ name, values }) => [name, [...values]]));
  for (const own of ["_csrf", "_key"]) fields.delete(own);
  change(fields);
  return sophie.post(path, Object.fromEntries(fields));
}
const drop = (code: string) => (fields: Map<string, string[]>) => {
  const rank = fields.get("statusCode")!.indexOf(code);
  fields.set("statusDrop", [...(fields.get("statusDrop") ?? []), String(rank)]);
};

test("WFL-7 : le flux d’une campagne se lit en dessin et en tableau ; qui la voit sans la régler ne le modifie pas", async () => {
  const at = await campaign();
  const { text } = await sophie.get(`${at}/flux`);
  assert.match(
    text,
    /<svg class="workflow-svg" role="img"[\s\S]+Modifier le flux|Modifier le flux[\s\S]+<svg class="workflow-svg" role="img"/,
  );
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/acces`)).text)![1]!;
  await sophie.post(`${at}/visibilite`, { visibility: "public", version });
  const helene = await world.as("helene");
  assert.ok(!(await helene.get(`${at}/flux`)).text.includes("Modifier le flux"));
  assert.equal((await helene.get(`${at}/flux/modifier`)).status, 403);
});

test("WFL-4 : un flux cassé est refusé en nommant ses statuts, et rien ne bouge", async () => {
  const at = await campaign();
  const refused = await save(at, (fields) => {
    drop("done")(fields);
    drop("cancelled")(fields);
  });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /Aucun statut de catégorie «.Réalisée.»/);
  assert.equal((await workflowOf(at)).statuses.length, 7);
});

test("WFL-6 : retirer un statut habité dit combien d’opérations y sont et demande où elles vont ; le tout est un acte qui s’annule", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1");
  const other = await add(at, "PC-2");
  await step(one, "blocked", "flag_problem", { reason: "Pièce manquante" });
  const asked = await save(at, drop("blocked"));
  assert.equal(asked.status, 422);
  assert.match(asked.text, /«.Bloquée.» \(1.opération\)[\s\S]+Opérations à reclasser/);
  assert.equal((await workflowOf(at)).statuses.length, 7, "rien n’est enregistré");

  const saved = await save(at, (fields) => {
    drop("blocked")(fields);
    fields.set("replaced", ["blocked"]).set("replacement", ["postponed"]);
  });
  assert.equal(saved.status, 303, saved.text);
  assert.deepEqual(await stored(one), { status: "postponed", category: "deferred", completed: false });
  assert.equal((await stored(other)).status, "to_schedule");

  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.workflow_edited' order by id desc limit 1"),
  );
  assert.ok(!(await sophie.get(`/actes/${act!.id}/annulation`)).text.includes("Lignes impossibles"));
  assert.equal((await sophie.post(`/actes/${act!.id}/annulation`)).status, 303);
  assert.equal((await stored(one)).status, "blocked");
  assert.equal((await workflowOf(at)).statuses.length, 7);
});

test("WFL-6 : aucune date de réalisation n’est inventée, ni gardée par qui n’est plus réalisé", async () => {
  const at = await campaign();
  const [done, open] = [await add(at, "PC-1"), await add(at, "PC-2")];
  await step(done, "in_progress", "start");
  await step(done, "done", "complete");
  await step(open, "postponed", "postpone");
  const saved = await save(at, (fields) => {
    drop("postponed")(fields);
    fields.set("replaced", ["postponed"]).set("replacement", ["done"]);
  });
  assert.equal(saved.status, 303, saved.text);
  assert.deepEqual(await stored(open), { status: "done", category: "success", completed: false });
  assert.deepEqual(await stored(done), { status: "done", category: "success", completed: true });

  const second = await save(at, (fields) => {
    // Another success, and what was done goes back to work.
    const label = fields.get("statusLabel")!;
    const rank = label.indexOf("");
    label[rank] = "Livrée";
    fields.get("statusCategory")![rank] = "success";
    fields.set("final", [...(fields.get("final") ?? []), String(rank)]);
    drop("done")(fields);
    fields.get("arrowLabel")!.splice(-1, 1, "Livrer");
    fields.get("arrowTo")!.splice(-1, 1, "+1");
    const last = fields.get("arrowLabel")!.length - 1;
    fields.set("arrowFrom", [...(fields.get("arrowFrom") ?? []), `${last}:in_progress`]);
    fields.set("replaced", ["done"]).set("replacement", ["in_progress"]);
  });
  assert.equal(second.status, 303, second.text);
  assert.deepEqual(await stored(done), { status: "in_progress", category: "running", completed: false });
});

test("WFL-2, WFL-6 : une catégorie changée suit dans les opérations", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1");
  await step(one, "postponed", "postpone");
  const saved = await save(at, (fields) => {
    const rank = fields.get("statusCode")!.indexOf("postponed");
    fields.get("statusCategory")![rank] = "problem";
    for (const [n, to] of fields.get("arrowTo")!.entries())
      if (to === "postponed") fields.get("arrowKind")![n] = "custom";
  });
  assert.equal(saved.status, 303, saved.text);
  assert.deepEqual(await stored(one), { status: "postponed", category: "problem", completed: false });
});

test("CAM-8, GEN-8 : archivée, ou modifiée entre-temps, le flux ne s’enregistre pas", async () => {
  const at = await campaign();
  const path = `${at}/flux/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = Object.fromEntries(
    form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
  );
  assert.equal((await save(at, () => {})).status, 303);
  await save(at, (sent) => sent.get("statusLabel")!.splice(0, 1, "À prévoir"));
  assert.equal((await sophie.post(path, fields)).status, 409);
  await sophie.get(`${at}/archivage`);
  await sophie.post(`${at}/archivage`, { reason: "Projet terminé" });
  assert.equal((await save(at, () => {})).status, 409);
});

test("WFL-5 : une transition que seule la prise de rendez-vous suivrait est dite, tant que personne n’en prend", async () => {
  const at = await campaign();
  const saved = await save(at, (fields) => {
    const rank = fields.get("arrowKind")!.indexOf("unschedule");
    fields.set(
      "arrowRole",
      fields.get("arrowRole")!.filter((one) => !one.startsWith(`${rank}:`) || one.endsWith(":booking")),
    );
  });
  assert.equal(saved.status, 303, saved.text);
  assert.match((await sophie.get(`${at}/flux`)).text, /«.Déplanifier.» depuis «.Planifiée.» n’est permis à personne/);
});
