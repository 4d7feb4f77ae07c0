/** Scenarios of the editor of workflows and of segments, line by line, through the addresses people use. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addField, addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const ask = <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values as never));
const lastAct = async (code: string) =>
  (await ask<{ id: string }>("select id from act where code = ? order by id desc limit 1", [code]))[0]!.id;

type Editor = Map<string, string[]>;
/** The editor as a browser sends it, with some of it changed. */
async function save(at: string, change: (fields: Editor) => void) {
  const path = `${at}/flux/modifier`;
  const page = await sophie.get(path);
  const form = formsOf(parseHtml(page.text), path).find(({ action }) => action === path)!;
  const fields: Editor = new Map(form.fields.map(({ name, values }) => [name, [...values]]));
  for (const own of ["_csrf", "_key"]) fields.delete(own);
  change(fields);
  return sophie.post(path, Object.fromEntries(fields));
}
const rankOf = (fields: Editor, code: string) => fields.get("statusCode")!.indexOf(code);
/** Fills the empty line of statuses: the first that is there. */
function addStatus(fields: Editor, label: string, category: string): void {
  const rank = fields.get("statusLabel")!.indexOf("");
  fields.get("statusLabel")![rank] = label;
  fields.get("statusCategory")![rank] = category;
}
/** Fills the first empty line of arrows. */
function addArrow(fields: Editor, label: string, from: string, to: string, more: Record<string, string> = {}) {
  const rank = fields.get("arrowLabel")!.indexOf("");
  fields.get("arrowLabel")![rank] = label;
  fields.get("arrowTo")![rank] = to;
  for (const [name, value] of Object.entries(more)) fields.get(name)![rank] = value;
  fields.set("arrowFrom", [...(fields.get("arrowFrom") ?? []), `${rank}:${from}`]);
}
/** Has an arrow there is leave from one more status. */
const leaveFrom = (fields: Editor, kind: string, from: string) =>
  fields.set("arrowFrom", [...fields.get("arrowFrom")!, `${fields.get("arrowKind")!.indexOf(kind)}:${from}`]);
const workflowOf = async (at: string) =>
  (
    await ask<{ workflow: { statuses: { code: string; label: string; category: string }[] } }>(
      "select workflow from campaign where id = ?",
      [idIn(at)],
    )
  )[0]!.workflow;

test("S23 : chaque flux cassé est refusé en nommant le statut et la raison, et rien ne change", async () => {
  const at = await makeCampaign(sophie);
  const before = await workflowOf(at);
  const cases: [string, (fields: Editor) => void, RegExp][] = [
    [
      "un statut sans flèche qui y mène",
      (fields) => {
        addStatus(fields, "Attente pièce", "problem");
        addArrow(fields, "Reprendre", "+1", "in_progress");
        leaveFrom(fields, "cancel", "+1");
      },
      /«.Attente pièce.».: aucun chemin n’y mène/,
    ],
    [
      "un statut non final sans sortie",
      (fields) => {
        addStatus(fields, "Attente pièce", "problem");
        addArrow(fields, "Attendre", "in_progress", "+1");
      },
      /«.Attente pièce.».: aucun chemin n’en mène à un statut final/,
    ],
    [
      "sans la flèche d’annulation de « En cours »",
      (fields) => {
        const cancel = fields.get("arrowKind")!.indexOf("cancel");
        fields.set(
          "arrowFrom",
          fields.get("arrowFrom")!.filter((one) => one !== `${cancel}:in_progress`),
        );
      },
      /«.En cours.».: rien ne permet d’y annuler une opération/,
    ],
    [
      "« Reportée » marquée finale",
      (fields) => fields.set("final", [...(fields.get("final") ?? []), String(rankOf(fields, "postponed"))]),
      /«.Reportée.».: un statut final est de catégorie/,
    ],
    [
      "deux statuts initiaux",
      (fields) => fields.set("initial", [...fields.get("initial")!, String(rankOf(fields, "scheduled"))]),
      /Plusieurs statuts initiaux.: «.À planifier.»[^.]+«.Planifiée.»/,
    ],
  ];
  for (const [what, change, why] of cases) {
    const refused = await save(at, change);
    assert.equal(refused.status, 422, what);
    assert.match(plain(refused), why, what);
    assert.deepEqual(await workflowOf(at), before, what);
  }
});

test("S23 : « À remédier » et « Attente pièce » s’enregistrent, un seul compteur tient les deux ; retirée avec six opérations, leur statut est demandé, et l’acte s’annule", async () => {
  const at = await makeCampaign(sophie);
  isAt(
    await save(at, (fields) => {
      fields.get("statusLabel")![rankOf(fields, "blocked")] = "À remédier";
      addStatus(fields, "Attente pièce", "problem");
      addArrow(fields, "Attendre une pièce", "in_progress", "+1", { arrowReason: "required" });
      addArrow(fields, "Pièce reçue", "+1", "in_progress");
      leaveFrom(fields, "cancel", "+1");
    }),
  );
  const { statuses } = await workflowOf(at);
  assert.equal(statuses.find(({ code }) => code === "blocked")!.label, "À remédier");
  const waiting = statuses.find(({ label }) => label === "Attente pièce")!;
  assert.equal(waiting.category, "problem");

  const operations: string[] = [];
  const step = async (one: string, fields: Record<string, string>) => {
    await sophie.get(one);
    return sophie.post(`${one}/statut`, fields);
  };
  for (let n = 1; n <= 7; n++) {
    const one = await addOperation(sophie, at, { c_cible: `PC-${n}` });
    isAt(await step(one, { to: "in_progress", kind: "start" }));
    operations.push(one);
  }
  const wait = { to: waiting.code, kind: "custom" };
  assert.equal((await step(operations[0]!, wait)).status, 422, "le motif est exigé");
  for (const one of operations.slice(0, 6)) isAt(await step(one, { ...wait, reason: "Alimentation commandée" }));
  isAt(await step(operations[6]!, { to: "blocked", kind: "flag_problem", reason: "Porte close" }));
  assert.match(plain(await sophie.get(`${at}/operations?categorie=problem`)), /7 résultats/);

  const drop = (fields: Editor) =>
    fields.set("statusDrop", [...(fields.get("statusDrop") ?? []), String(rankOf(fields, waiting.code))]);
  const asked = await save(at, drop);
  assert.equal(asked.status, 422);
  assert.match(plain(asked), /«.Attente pièce.» \(6 opérations\)[\s\S]+Opérations à reclasser/);
  isAt(
    await save(at, (fields) => {
      drop(fields);
      fields.set("replaced", [waiting.code]).set("replacement", ["blocked"]);
    }),
  );
  const byStatus = () =>
    ask<{ status: string; n: number }>(
      "select status, count(*)::int as n from operation where campaign_id = ? group by 1 order by 1",
      [idIn(at)],
    );
  assert.deepEqual(await byStatus(), [{ status: "blocked", n: 7 }]);
  const undo = `/actes/${await lastAct("campaign.workflow_edited")}/annulation`;
  await sophie.get(undo);
  isAt(await sophie.post(undo));
  assert.deepEqual(
    await byStatus(),
    [
      { status: waiting.code, n: 6 },
      { status: "blocked", n: 1 },
    ].toSorted((a, b) => (a.status < b.status ? -1 : 1)),
  );
});

test("S34 : resynchroniser et importer de nouveau gardent les segments mis à la main, et montrent les mouvements avant", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Bâtiment");
  const operations: string[] = [];
  for (const [n, place] of ["A", "A", "B"].entries()) {
    operations.push(await addOperation(sophie, at, { c_cible: `PC-${n + 1}`, c_batiment: `Tour ${place}` }));
  }
  const places = () =>
    ask<{ title: string; name: string | null; hand: boolean }>(
      `select o.title, s.name, o.is_segment_set_by_hand as hand from operation o
       left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id where o.campaign_id = ? order by 1`,
      [idIn(at)],
    );
  const sync = async () => {
    const { text } = await sophie.get(`${at}/segments/resynchronisation?champ=batiment`);
    return { words: plain({ text }), seen: /name="seen" value="([^"]*)"/.exec(text)![1]! };
  };
  const first = await sync();
  assert.match(first.words, /3 opérations changent de segment/);
  isAt(await sophie.post(`${at}/segments/resynchronisation`, { field: "batiment", seen: first.seen }));
  const [towerB] = await ask<{ id: string }>("select id from segment where campaign_id = ? and name = 'Tour B'", [
    idIn(at),
  ]);
  await sophie.get(operations[0]!);
  isAt(await sophie.post(`${operations[0]}/segment`, { segment: towerB!.id }));

  // A hand placed PC-1: neither its value, nor a file, nor a resynchronisation moves it.
  const file = [
    ["Cible", "Bâtiment"],
    ["PC-1", "Tour C"],
    ["PC-2", "Tour C"],
    ["PC-3", "Tour B"],
  ];
  await sophie.get(`/imports/operations/nouveau?objet=${idIn(at)}`);
  const sent = isAt(
    await sendForm(
      world,
      sophie,
      "/imports/operations/nouveau",
      { name: "postes.csv", content: Buffer.from(csvText(file)) },
      { scope: idIn(at) },
    ),
  );
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
  isAt(await sophie.post(`${sent}/verification`, { ...choice, column: ["cible", "batiment"], key: "Cible" }));
  await sophie.get(sent);
  isAt(await sophie.post(`${sent}/execution`, { errors: "valid" }));
  assert.deepEqual(await places(), [
    { title: "PC-1", name: "Tour B", hand: true },
    { title: "PC-2", name: "Tour C", hand: false },
    { title: "PC-3", name: "Tour B", hand: false },
  ]);

  // A segment deleted leaves its operation nowhere: the next resynchronisation says so, then brings it back.
  const [towerC] = await ask<{ id: string }>("select id from segment where campaign_id = ? and name = 'Tour C'", [
    idIn(at),
  ]);
  await sophie.get(`${at}/segments/${towerC!.id}`);
  isAt(await sophie.post(`${at}/segments/${towerC!.id}/suppression`));
  const again = await sync();
  assert.match(again.words, /1 opération change de segment.; 1 segment créé[\s\S]+mis à la main restent/);
  isAt(await sophie.post(`${at}/segments/resynchronisation`, { field: "batiment", seen: again.seen }));
  assert.deepEqual(
    (await places()).map(({ name, hand }) => [name, hand]),
    [
      ["Tour B", true],
      ["Tour C", false],
      ["Tour B", false],
    ],
  );
});
