import assert from "node:assert/strict";
import { test } from "node:test";
import { sql, type Transaction } from "kysely";
import pg from "pg";
import { Campaign } from "../../src/campaigns/campaign.ts";
import { addFields } from "../../src/campaigns/field.ts";
import { columnsOf } from "../../src/campaigns/operation-column.ts";
import { filtersOf } from "../../src/campaigns/operation-filter.ts";
import { planFor } from "../../src/campaigns/plan.ts";
import { codeFor, type FieldDefinition, type FieldType, newField } from "../../src/fields/index.ts";
import { makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const karims = (await world.userOf("karim")).id;

const at = await makeCampaign(sophie);
const campaignId = at.split("/").at(-1)!;
const list = `${at}/operations`;

const options = (...labels: string[]) => ({
  options: labels.map((label) => ({ code: codeFor(label, []), label, isRetired: false })),
});
const FIELDS: [label: string, type: FieldType, rules?: FieldDefinition["rules"]][] = [
  ["Bureau", "short_text"],
  ["Poids", "number"],
  ["Achat", "date"],
  ["Portable", "boolean"],
  ["Modèle", "single_choice", options("Fixe", "Léger", "Lourd")],
  ["Logiciels", "multiple_choice", options("Tableur", "Dessin")],
];
await world.db.act(
  {
    tenantId,
    actorId: (await world.userOf("sophie")).id,
    channel: "page",
    code: "campaign.fields_changed",
    label: "Essai",
    now: world.clock.now(),
  },
  async (em) => {
    const campaign = await em.findOneOrFail(Campaign, { id: campaignId });
    const fields = FIELDS.map(([label, type, rules = {}]) =>
      newField({ code: codeFor(label, []), label, type, rules }),
    );
    await addFields(em, campaign, fields, { by: { id: campaign.owner.id } });
  },
);

async function add(fields: Record<string, string | string[]>): Promise<string> {
  await sophie.get(`${list}/nouvelle`);
  const { status, location } = await sophie.post(`${list}/nouvelle`, fields);
  assert.equal(status, 303, JSON.stringify(fields));
  return location!;
}
const one = await add({
  c_cible: "PC-1",
  c_bureau: "Nord 100%",
  c_poids: "1,5",
  c_achat: "12/03/2026",
  c_portable: "Oui",
  c_modele: "Léger",
  c_logiciels: ["tableur", "dessin"],
  technician: karims,
  plannedOn: "2026-12-03",
});
await add({
  c_cible: "PC-2",
  c_bureau: "Sud",
  c_poids: "7",
  c_achat: "01/11/2026",
  c_portable: "Non",
  c_modele: "Fixe",
  c_logiciels: ["tableur"],
});
await add({ c_cible: "PC-3" });
for (const plannedOn of ["2026-12-08", "2026-12-10"]) {
  await sophie.get(one);
  const sent = { to: "postponed", kind: "postpone", plannedOn, plannedHour: "" };
  assert.equal((await sophie.post(`${one}/statut`, sent)).status, 303);
  if (plannedOn.endsWith("08")) {
    await sophie.post(`${one}/statut`, {
      to: "scheduled",
      kind: "reschedule",
      plannedOn: "2026-12-09",
      plannedHour: "",
    });
  }
}

const titlesOf = (text: string) =>
  [...text.matchAll(/<th scope="row"[^>]*><a href="\/operations\/[^"]+">([^<]+)</g)].map(([, title]) => title!);
const found = async (query: string) => titlesOf((await sophie.get(`${list}?${query}`)).text).toSorted();

test("OPS-5, FLD-4 : chaque champ se filtre selon son type, et les filtres s’ajoutent", async () => {
  for (const [query, titles] of [
    ["f.bureau=contains&v.bureau=NORD", ["PC-1"]],
    ["v.bureau=100%25", ["PC-1"]],
    ["f.bureau=equals&v.bureau=Sud", ["PC-2"]],
    ["f.bureau=empty", ["PC-3"]],
    ["f.poids=between&v.poids=1&v.poids=2", ["PC-1"]],
    ["f.poids=more&v.poids=1,5", ["PC-2"]],
    ["f.achat=before&v.achat=2026-10-01", ["PC-1"]],
    ["f.achat=relative&v.achat=last_30_days", ["PC-2"]],
    ["f.portable=yes", ["PC-1"]],
    ["f.modele=any&v.modele=leger&v.modele=lourd", ["PC-1"]],
    ["f.modele=none&v.modele=leger", ["PC-2", "PC-3"]],
    ["f.logiciels=all&v.logiciels=tableur&v.logiciels=dessin", ["PC-1"]],
    ["v.logiciels=tableur", ["PC-1", "PC-2"]],
    ["v.logiciels=tableur&f.portable=no", ["PC-2"]],
  ] as [string, string[]][]) {
    assert.deepEqual(await found(query), titles, query);
  }
});

test("OPS-5 : plusieurs statuts ou techniciens à la fois, la catégorie, le nombre de reports", async () => {
  for (const [query, titles] of [
    ["statut=postponed&statut=to_schedule", ["PC-1", "PC-2", "PC-3"]],
    ["statut=postponed&statut=blocked", ["PC-1"]],
    ["categorie=deferred&categorie=problem", ["PC-1"]],
    ["categorie=open", ["PC-2", "PC-3"]],
    [`technicien=aucun&technicien=${karims}`, ["PC-1", "PC-2", "PC-3"]],
    [`technicien=${karims}`, ["PC-1"]],
    ["technicien=quelqu-un", ["PC-1"]],
    ["technicien=quelqu-un&technicien=aucun", ["PC-1", "PC-2", "PC-3"]],
    ["reports=2", ["PC-1"]],
    ["reports_max=0", ["PC-2", "PC-3"]],
    ["reports=3", []],
  ] as [string, string[]][]) {
    assert.deepEqual(await found(query), titles, query);
  }
});

test("OPS-5 : chaque filtre en place est écrit en mots et s’ôte seul, sans toucher aux autres", async () => {
  const { text } = await sophie.get(
    `${list}?statut=postponed&statut=blocked&f.modele=any&v.modele=leger&f.achat=relative&v.achat=past&tri=cible`,
  );
  assert.match(text, /1 résultat <span class="soft">\(sur 3\)/);
  const chips = [...text.matchAll(/<a class="chip" href="([^"]+)">(?:<span[^>]*>[^<]*<\/span>)?([^<]+)</g)].map(
    ([, href, label]) => [label, href!.replaceAll("&amp;", "&")],
  );
  assert.deepEqual(
    chips.map(([label]) => label),
    ["Statut\u00a0: Reportée ou Bloquée", "Achat est dans le passé", "Modèle est l’un de Léger"],
  );
  const [, href] = chips[2]!;
  assert.match(href!, /statut=postponed&statut=blocked/);
  assert.match(href!, /tri=cible/);
  assert.doesNotMatch(href!, /modele/);
  assert.match(text, /<a class="button plain" href="[^"]+\?tri=cible">Effacer les filtres/);
});

test("OPS-5 : un filtre illisible se dit, il n’élargit jamais ce qui est trouvé", async () => {
  for (const query of [
    "f.poids=between&v.poids=1",
    "f.achat=on&v.achat=31%2F02%2F2026",
    "f.bureau=roughly",
    "categorie=inconnue",
    "segment=n-importe",
    "du=hier",
    "reports=-1",
    "q=%00",
  ]) {
    assert.equal((await sophie.get(`${list}?${query}`)).status, 422, query);
  }
});

test("OPS-8 : les colonnes et leur ordre sont dans l’adresse ; celle qui n’existe plus est laissée", async () => {
  const heads = (text: string) =>
    [...text.matchAll(/<th scope="col"[^>]*><a class="sort"[^>]*>([^<]+)/g)].map(([, label]) => label);
  assert.deepEqual(heads((await sophie.get(`${list}?colonnes=date,c.poids,c.disparu,statut`)).text), [
    "Cible",
    "Planifiée le",
    "Poids",
    "Statut",
  ]);
  const { text } = await sophie.get(list);
  // Three fields at most come before, so that these stay in sight.
  assert.deepEqual(heads(text).slice(4, 9), ["Statut", "Planifiée le", "Technicien", "Segment", "Reports"]);
});

test("FLD-1 : sous le cloisonnement, à vingt mille opérations, égalité et choix passent par l’index des valeurs", async () => {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  await root.query("set session_replication_role = replica");
  await root.query(
    `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category)
     select $1, uuidv7(), $2, 'G-' || n, jsonb_build_object('bureau', 'B' || n, 'modele', case when n % 400 = 0 then 'lourd' else 'fixe' end,
       'logiciels', case when n % 500 = 0 then '["dessin"]' else '["tableur"]' end::jsonb), 'g', 'to_schedule', 'open'
     from generate_series(1, 20000) n`,
    [tenantId, campaignId],
  );
  await root.query("analyze operation");
  await root.end();
  const planned = (query: Record<string, unknown>) =>
    world.db.read(tenantId, async (em) => {
      const campaign = await em.findOneOrFail(Campaign, { id: campaignId });
      const plan = await planFor(em, campaign, "Europe/Paris");
      assert.ok(columnsOf({}, plan).length > 0);
      const { where } = filtersOf(query, plan, { now: world.clock.now() });
      const { rows } = await sql<{ "QUERY PLAN": string }>`explain select id from operation o where ${where}`.execute(
        em.getTransactionContext<Transaction<unknown>>()!,
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    });
  for (const query of [
    { "f.bureau": "equals", "v.bureau": "B4242" },
    { "f.modele": "any", "v.modele": "lourd" },
    { "f.modele": "any", "v.modele": ["lourd", "leger"], statut: "to_schedule" },
    { "f.logiciels": "all", "v.logiciels": ["dessin"] },
  ]) {
    assert.match(await planned(query), /operation_values/, JSON.stringify(query));
  }
});
