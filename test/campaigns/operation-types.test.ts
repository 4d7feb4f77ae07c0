import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationType } from "../../src/campaigns/index.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const AT = "/admin/types-operations";

const types = () => world.db.read(sophie.tenantId, (em) => em.find(OperationType, {}, { orderBy: { name: "asc" } }));
const typeNamed = async (name: string) => {
  const found = (await types()).find((type) => type.name === name);
  assert.ok(found, `${name} n’existe pas`);
  return found;
};
const NEW = {
  name: "Relève de compteur",
  description: "",
  icon: "wrench",
  tone: "primary",
  durationMinutes: "30",
  fields: ["utilisateur", "lieu"],
  preset: "standard",
};

/** The form of a page as a browser would send it, with some of it changed. */
async function formAt(path: string, change: (fields: Map<string, string[]>) => void = () => {}) {
  const page = await sophie.get(path);
  assert.equal(page.status, 200);
  const form = formsOf(parseHtml(page.text), path).find(({ action }) => action === path);
  assert.ok(form, path);
  const fields = new Map(form.fields.map(({ name, values }) => [name, [...values]]));
  for (const own of ["_csrf", "_key"]) fields.delete(own);
  change(fields);
  return sophie.post(path, Object.fromEntries(fields));
}

test("TYP-1, TYP-2 : un type neuf propose cinq champs, dont on garde ceux qu’on veut, et un flux", async () => {
  assert.match(
    (await sophie.get(`${AT}/nouveau`)).text,
    /Utilisateur[\s\S]+Matricule[\s\S]+Équipement[\s\S]+Lieu[\s\S]+Contact/,
  );
  const { status, location } = await sophie.post(`${AT}/nouveau`, NEW);
  assert.equal(status, 303);
  const type = await typeNamed("Relève de compteur");
  assert.equal(location, `${AT}/${type.id}`);
  assert.deepEqual(
    type.fields.map(({ code }) => code),
    ["utilisateur", "lieu"],
  );
  assert.equal(type.workflow.statuses.length, 7);
  const card = await sophie.get(`${AT}/${type.id}`);
  assert.match(card.text, /<svg class="workflow-svg" role="img"/);
});

test("TYP-1 : un nom déjà pris, sans casse ni accents, ou une durée hors de 5 à 480 est refusé, et la saisie reste", async () => {
  const twin = await sophie.post(`${AT}/nouveau`, { ...NEW, name: "RELEVE de compteur", description: "gardée" });
  assert.equal(twin.status, 422);
  assert.match(twin.text, /«\u00a0Relève de compteur\u00a0» existe déjà[\s\S]+gardée/);
  for (const durationMinutes of ["4", "481", "1,5", ""]) {
    assert.equal(
      (await sophie.post(`${AT}/nouveau`, { ...NEW, name: "Autre", durationMinutes })).status,
      422,
      durationMinutes,
    );
  }
});

test("FLD-3, FLD-4 : un champ s’ajoute, se modifie sous son code, se déplace et se retire ; ses options gardent leur code", async () => {
  const { id } = await typeNamed("Relève de compteur");
  const add = await formAt(`${AT}/${id}/champs/nouveau`, (fields) => {
    fields.set("label", ["État du compteur"]).set("type", ["single_choice"]).set("options", ["Bon\r\nÀ changer"]);
    fields.set("switches", ["isListed", "isMandatory"]);
  });
  assert.equal(add.status, 303, add.text);
  const field = (await typeNamed("Relève de compteur")).fields.at(-1)!;
  assert.equal(field.code, "etat_du_compteur");
  assert.deepEqual(field.rules.options, [
    { code: "bon", label: "Bon", isRetired: false },
    { code: "a_changer", label: "À changer", isRetired: false },
  ]);
  const edit = await formAt(`${AT}/${id}/champs/etat_du_compteur/modifier`, (fields) => {
    fields
      .set("label", ["État"])
      .set("optionLabel", ["Très bon", "À changer"])
      .set("optionRetired", ["a_changer"])
      .set("options", ["Moyen"]);
  });
  assert.equal(edit.status, 303, edit.text);
  const edited = (await typeNamed("Relève de compteur")).fields.at(-1)!;
  assert.deepEqual(
    [edited.code, edited.label, edited.isMandatory, edited.rules.options],
    [
      "etat_du_compteur",
      "État",
      true,
      [
        { code: "bon", label: "Très bon", isRetired: false },
        { code: "a_changer", label: "À changer", isRetired: true },
        { code: "moyen", label: "Moyen", isRetired: false },
      ],
    ],
  );
  assert.equal((await sophie.post(`${AT}/${id}/champs/etat_du_compteur/deplacement`, { way: "up" })).status, 303);
  assert.equal((await typeNamed("Relève de compteur")).fields[1]!.code, "etat_du_compteur");
  assert.equal((await sophie.post(`${AT}/${id}/champs/utilisateur/retrait`)).status, 303);
  assert.deepEqual(
    (await typeNamed("Relève de compteur")).fields.map(({ code }) => code),
    ["etat_du_compteur", "lieu"],
  );
});

test("FLD-3, FLD-4 : un champ qui se contredit est refusé sous son contrôle, et rien n’est perdu", async () => {
  const { id } = await typeNamed("Relève de compteur");
  const refused = async (sentence: RegExp, given: Record<string, string[]>) => {
    const answer = await formAt(`${AT}/${id}/champs/nouveau`, (fields) => {
      fields.set("label", ["Puissance"]);
      for (const [name, value] of Object.entries(given)) fields.set(name, value);
    });
    assert.equal(answer.status, 422);
    assert.match(answer.text, sentence);
    assert.match(answer.text, /aria-invalid="true"|data-invalid/);
  };
  await refused(/existe déjà/, { label: ["LIEU"] });
  await refused(/Un code commence par une lettre/, { code: ["2Lieu"] });
  await refused(/plus petit que le minimum/, { type: ["number"], min: ["10"], max: ["9,5"] });
  await refused(/n’est pas dans le calendrier/, { type: ["date"], min: ["31/02/2026"] });
  await refused(/au moins une option/, { type: ["single_choice"] });
  await refused(/ne se lit pas/, { pattern: ["(a"] });
});

test("S23 : l’éditeur ajoute un statut et ses transitions d’un seul envoi, et refuse un flux rompu en gardant la saisie", async () => {
  const { id } = await typeNamed("Relève de compteur");
  const path = `${AT}/${id}/flux/modifier`;
  const at = (fields: Map<string, string[]>, name: string, rank: number, value: string) => {
    fields.get(name)![rank] = value;
  };
  const alone = await formAt(path, (fields) => at(fields, "statusLabel", 7, "Attente pièce"));
  assert.equal(alone.status, 422);
  assert.match(alone.text, /«\u00a0Attente pièce\u00a0»\u00a0: aucun chemin n’y mène/);
  assert.match(alone.text, /«\u00a0Attente pièce\u00a0»\u00a0: aucun chemin n’en mène/);
  assert.match(alone.text, /value="Attente pièce"/);
  assert.equal((await typeNamed("Relève de compteur")).workflow.statuses.length, 7);

  const whole = await formAt(path, (fields) => {
    const blocked = fields.get("statusCode")!.indexOf("blocked");
    at(fields, "statusLabel", blocked, "À remédier");
    at(fields, "statusLabel", 7, "Attente pièce");
    const spare = fields.get("arrowLabel")!.length - 3;
    const arrow = (rank: number, label: string, kind: string, from: string, to: string, reason: string) => {
      at(fields, "arrowLabel", rank, label);
      at(fields, "arrowKind", rank, kind);
      at(fields, "arrowTo", rank, to);
      at(fields, "arrowReason", rank, reason);
      fields.get("arrowFrom")!.push(`${rank}:${from}`);
    };
    arrow(spare, "Attendre une pièce", "flag_problem", "in_progress", "+1", "required");
    arrow(spare + 1, "Pièce reçue", "unblock", "+1", "in_progress", "none");
    arrow(spare + 2, "Annuler l’opération", "cancel", "+1", "cancelled", "required");
  });
  assert.equal(whole.status, 303, whole.text.match(/<ul>[\s\S]*?<\/ul>/)?.[0]);
  const { workflow } = await typeNamed("Relève de compteur");
  assert.deepEqual(
    workflow.statuses.filter(({ category }) => category === "problem").map(({ label }) => label),
    ["À remédier", "Attente pièce"],
  );
  assert.equal(workflow.transitions.find(({ label }) => label === "Attendre une pièce")!.to, "attente_piece");

  const two = await formAt(path, (fields) => void fields.get("initial")!.push("1"));
  assert.match(two.text, /Plusieurs statuts initiaux/);
  const removed = await formAt(path, (fields) => void fields.set("statusDrop", ["7"]));
  assert.equal(removed.status, 303);
  assert.equal((await typeNamed("Relève de compteur")).workflow.statuses.length, 7);
});

test("un flux envoyé tel qu’affiché ne change rien", async () => {
  const { id, workflow } = await typeNamed("Migration de poste");
  assert.equal((await formAt(`${AT}/${id}/flux/modifier`)).status, 303);
  const { statuses, transitions } = (await typeNamed("Migration de poste")).workflow;
  assert.deepEqual(statuses, workflow.statuses);
  assert.deepEqual(new Set(transitions.map((arrow) => JSON.stringify(arrow))).size, workflow.transitions.length);
});

test("TYP-3 : un type se duplique, se retire, revient, et se supprime ; chaque acte s’annule", async () => {
  const { id } = await typeNamed("Photo de badge");
  await sophie.post(`${AT}/${id}/copie`);
  await sophie.post(`${AT}/${id}/copie`);
  await typeNamed("Photo de badge (copie)");
  const copy = await typeNamed("Photo de badge (copie 2)");
  assert.equal((await sophie.post(`${AT}/${copy.id}/retrait`)).status, 303);
  assert.ok((await typeNamed("Photo de badge (copie 2)")).isRetired());
  assert.equal((await sophie.post(`${AT}/${copy.id}/retrait`)).status, 422);
  assert.equal((await sophie.post(`${AT}/${copy.id}/remise`)).status, 303);
  assert.equal((await sophie.post(`${AT}/${copy.id}/suppression`)).status, 303);
  assert.equal((await sophie.get(`${AT}/${copy.id}`)).status, 404);

  const [deletion] = await world.db.read(sophie.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'operation_type.deleted'"),
  );
  assert.equal((await sophie.post(`/actes/${deletion!.id}/annulation`)).status, 303);
  assert.equal((await typeNamed("Photo de badge (copie 2)")).fields.length, 5);
});

test("GEN-8 : deux personnes sur le même type, la seconde est arrêtée", async () => {
  const { id, version } = await typeNamed("Migration de poste");
  const fields = {
    name: "Migration",
    description: "",
    icon: "wrench",
    tone: "primary",
    durationMinutes: "45",
    version: String(version),
  };
  assert.equal((await sophie.post(`${AT}/${id}/modifier`, fields)).status, 303);
  const denis = await world.as("denis");
  const late = await denis.post(`${AT}/${id}/modifier`, { ...fields, name: "Migration des postes" });
  assert.equal(late.status, 409);
  assert.match(late.text, /Valeurs actuelles/);
});
