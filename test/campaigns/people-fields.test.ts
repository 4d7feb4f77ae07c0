import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { Campaign } from "../../src/campaigns/campaign.ts";
import { addFields } from "../../src/campaigns/field.ts";
import { operationsLeftBy } from "../../src/campaigns/queries/concerned.ts";
import { createStaffMembers, StaffMember } from "../../src/directory/index.ts";
import { newField } from "../../src/fields/index.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addField, addOperation, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const by = { id: sophie.id };
const act = (code: string) => ({
  tenantId,
  actorId: sophie.id,
  channel: "page" as const,
  code,
  label: "Essai",
  now: world.clock.now(),
});

const PEOPLE = [
  ["ZZ-0001", "Arielle", "Quentin", "arielle.quentin@quais.example"],
  ["ZZ-0002", "Basile", "Quentin", ""],
  ["ZZ-0003", "Basile", "Quentin", ""],
] as const;
await world.db.act(act("staff.created"), (em) =>
  createStaffMembers(
    em,
    PEOPLE.map(([staffNumber, givenName, familyName, email]) => ({
      staffNumber,
      givenName,
      familyName,
      email,
      department: null,
      site: null,
      position: "",
      contractType: "",
      phone: "",
      manager: "",
    })),
    { tenantId, by } as never,
  ),
);

const at = await makeCampaign(sophie);
const list = `${at}/operations`;
const campaignId = at.split("/").at(-1)!;
await world.db.act(act("campaign.fields_changed"), async (em) => {
  const campaign = await em.findOneOrFail(Campaign, { id: campaignId });
  const fields = [
    newField({ code: "agent", label: "Agent", type: "person", isSearchable: true }),
    newField({ code: "ticket", label: "Ticket", type: "attachment" }),
  ];
  await addFields(em, campaign, fields, { by });
});

let made = 0;
async function send(agent: string) {
  await sophie.get(`${list}/nouvelle`);
  return sophie.post(`${list}/nouvelle`, { c_cible: `PC-${++made}`, c_agent: agent });
}
async function heldBy(operation: string): Promise<string | undefined> {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ agent: string | null }[]>(`select "values" ->> 'agent' as agent from operation where id = ?`, [
      operation.split("/").at(-1),
    ]),
  );
  return row?.agent ?? undefined;
}
const idOf = async (staffNumber: string) =>
  (await world.db.read(tenantId, (em) => em.findOneOrFail(StaffMember, { staffNumber }))).id;

test("FLD-4 : une personne se saisit par son matricule, son adresse ou son nom, et se lit par son nom", async () => {
  const arielle = await idOf("ZZ-0001");
  for (const typed of ["zz-0001", "Arielle.Quentin@quais.example", "quentin arielle", "Arielle Quéntin"]) {
    const { status, location, text } = await send(typed);
    assert.equal(status, 303, `${typed} ${text}`);
    assert.equal(await heldBy(location!), arielle, typed);
    assert.match((await sophie.get(location!)).text, /Agent[\s\S]{0,80}Arielle Quentin/);
  }
  assert.match((await sophie.get(list)).text, /Arielle Quentin/);
});

test("FLD-4 : personne de ce nom, ou plusieurs : la saisie est refusée et dit quoi écrire", async () => {
  const nobody = await send("Zoé Inconnue");
  assert.equal(nobody.status, 422);
  assert.match(nobody.text, /aria-invalid="true"[^>]*value="Zoé Inconnue"/);
  assert.match(nobody.text, /ne désigne personne de l’annuaire/);
  const several = await send("Basile Quentin");
  assert.equal(several.status, 422);
  assert.match(several.text, /Plusieurs personnes de l’annuaire portent ce nom/);
});

test("FLD-5 : la fiche et la cellule rouvrent le matricule, et renvoyées telles quelles ne changent rien", async () => {
  const { location } = await send("ZZ-0002");
  const path = `${location}/modifier`;
  const page = await sophie.get(path);
  assert.match(page.text, /À présent\u00a0: Basile Quentin\./);
  assert.match(page.text, /«\u00a0Ticket\u00a0»\u00a0: une pièce jointe ne se dépose pas encore/);
  const form = formsOf(parseHtml(page.text), path).find(({ action }) => action === path)!;
  const sent = Object.fromEntries(
    form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
  );
  assert.deepEqual(sent.c_agent, ["ZZ-0002"]);
  assert.equal((await sophie.post(path, sent)).status, 303);
  assert.equal(await heldBy(location!), await idOf("ZZ-0002"));

  const cell = `${location}/cellules/c.agent`;
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(cell)).text)![1]!;
  assert.equal((await sophie.post(cell, { c_agent: "ZZ-0001", version, retour: list })).status, 303);
  assert.equal(await heldBy(location!), await idOf("ZZ-0001"));
  const empty = /name="version" value="(\d+)"/.exec((await sophie.get(cell)).text)![1]!;
  assert.equal((await sophie.post(cell, { c_agent: "", version: empty, retour: list })).status, 303);
  assert.equal(await heldBy(location!), undefined);
});

test("FLD-6 : un texte devient une personne quand il en désigne une, et redevient son nom", async () => {
  await sophie.get(`${at}/champs/nouveau`);
  const label = "Destinataire";
  await sophie.post(`${at}/champs`, { label, type: "short_text", switches: ["isListed"] });
  await sophie.get(`${list}/nouvelle`);
  const one = await sophie.post(`${list}/nouvelle`, { c_cible: "PC-A", c_destinataire: "ZZ-0001" });
  await sophie.get(`${list}/nouvelle`);
  await sophie.post(`${list}/nouvelle`, { c_cible: "PC-B", c_destinataire: "Basile Quentin" });
  const path = `${at}/champs/destinataire/modifier`;
  const change = async (type: string) => {
    const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
    const fields = Object.fromEntries(
      form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
    );
    const asked = await sophie.post(path, { ...fields, type });
    const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
    return { asked, done: await sophie.post(path, { ...fields, type, seen }) };
  };
  const { asked, done } = await change("person");
  assert.match(asked.text, /1.valeur se convertit[\s\S]+1.ne se convertit pas[\s\S]+plusieurs personnes/);
  assert.match(asked.text, /ZZ-0001 → Arielle Quentin/);
  assert.equal(done.status, 303, done.text);
  assert.match((await sophie.get(one.location!)).text, /Destinataire[\s\S]{0,80}Arielle Quentin/);
  assert.equal((await change("short_text")).done.status, 303);
  assert.match((await sophie.get(one.location!)).text, /Destinataire[\s\S]{0,80}Arielle Quentin/);
});

test("FLD-6 : les valeurs mises de côté se téléchargent comme on les lisait : une option par son libellé, une personne par son nom", async () => {
  const own = await makeCampaign(sophie);
  await addField(sophie, own, "Lieu", { type: "single_choice", options: "Salle des machines\r\n12" });
  await addField(sophie, own, "Référent", { type: "person" });
  await addOperation(sophie, own, { c_cible: "PC-1", c_lieu: "salle_des_machines", c_referent: "ZZ-0001" });
  for (const [code, told] of [
    ["lieu", "Salle des machines"],
    ["referent", "Arielle Quentin"],
  ]) {
    const path = `${own}/champs/${code}/modifier`;
    const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
    const fields = Object.fromEntries(
      form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
    );
    const asked = await sophie.post(path, { ...fields, type: "number" });
    const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
    assert.equal((await sophie.post(path, { ...fields, type: "number", seen })).status, 303);
    const file = /action="([^"]+\/refusees\/[^"]+)"/.exec((await sophie.get(path)).text)![1]!;
    assert.match((await sophie.post(file)).text, new RegExp(`PC-1;${told}\r\n$`));
  }
});

test("IMP-48 : désactiver les fiches absentes dit d’abord, puis liste, les opérations en cours que cela concerne", async () => {
  const denis = await world.as("denis");
  world.db.sendJobsWith(async () => {});
  const named = await addOperation(sophie, at, { c_cible: "DEPART-1", c_agent: "ZZ-0003" });
  const done = await addOperation(sophie, at, { c_cible: "DEPART-2", c_agent: "ZZ-0003" });
  await sophie.get(done);
  for (const [to, kind] of [
    ["in_progress", "start"],
    ["done", "complete"],
  ] as const)
    isAt(await sophie.post(`${done}/statut`, { to, kind }));
  const trashed = await addOperation(sophie, at, { c_cible: "DEPART-3", c_agent: "ZZ-0003" });
  await sophie.get(trashed);
  isAt(await sophie.post(`${trashed}/corbeille`));
  const karim = await world.userOf("karim");
  const member = await idOf("ZZ-0003");
  await world.db.act(act("account.tied"), async (em) => {
    await em.execute("delete from account_tie where user_id = ?", [karim.id]);
    await em.execute("insert into account_tie (tenant_id, id, user_id, staff_member_id) values (?, uuidv7(), ?, ?)", [
      tenantId,
      karim.id,
      member,
    ]);
  });
  const assigned = await addOperation(sophie, at, { c_cible: "DEPART-4" });
  await sophie.get(assigned);
  isAt(await sophie.post(`${assigned}/affectation`, { technician: karim.id }));

  // Everybody of the directory but that one.
  const kept = await world.db.read(tenantId, (em) => em.find(StaffMember, {}, { orderBy: { staffNumber: "asc" } }));
  const lines = kept
    .filter(({ staffNumber }) => staffNumber !== "ZZ-0003")
    .map(({ staffNumber, familyName, givenName }) => [staffNumber, familyName, givenName]);
  const content = Buffer.from(csvText([["Matricule", "Nom", "Prénom"], ...lines]));
  const file = isAt(await sendForm(world, denis, "/imports/annuaire/nouveau", { name: "agents.csv", content }));
  const choice = { mode: "both", empty: "keep", missing: "deactivate", decimal: "", threshold: "90", key: "Matricule" };
  isAt(await denis.post(`${file}/verification`, { ...choice, column: ["matricule", "nom", "prenom"] }));
  const listed = (text: string) =>
    [...text.matchAll(/<a href="(\/operations\/[^"]+)">DEPART-\d<\/a>/g)].map(([, href]) => href);
  const told = /2 opérations en cours les concernent/;
  const checked = await denis.get(file);
  assert.match(plain(checked), told);
  assert.deepEqual(listed(checked.text), [named, assigned]);
  assert.deepEqual([...judgePage(checked.text).faults, ...faultsOf(parseHtml(checked.text))], []);

  isAt(await denis.post(`${file}/execution`, { errors: "valid" }));
  const over = await denis.get(file);
  assert.match(plain(over), told);
  assert.match(plain(over), /DEPART-1 [^<]*Basile Quentin/);
  assert.deepEqual(listed(over.text), [named, assigned]);
  assert.deepEqual([...judgePage(over.text).faults, ...faultsOf(parseHtml(over.text))], []);

  const seenBy = async (who: string) => {
    const { id } = await world.userOf(who);
    return world.db.read(tenantId, (em) =>
      operationsLeftBy(em, { id, roles: ["campaign_manager"] } as never, sql`select ${member}::uuid as id`),
    );
  };
  assert.equal((await seenBy("sophie")).total, 2);
  assert.deepEqual(await seenBy("hugo"), { total: 0, first: [] }, "une campagne qu’il ne voit pas");

  const undo = /href="(\/actes\/[^"]+\/annulation)"/.exec(over.text)![1]!;
  await denis.get(undo);
  isAt(await denis.post(undo));
  assert.doesNotMatch(plain(await denis.get(file)), told, "rendues actives, elles ne laissent rien");
});
