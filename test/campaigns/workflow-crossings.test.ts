import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { operationImports } from "../../src/campaigns/import-profile.ts";
import { Campaign } from "../../src/campaigns/index.ts";
import { addOperation, idIn, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { holdOperation, untilWaiting } from "../support/locks.ts";
import { type Browser, startWorld } from "../support/world.ts";

/** Two people at once on one campaign: one changes its workflow, the other the status of an operation (WFL-6). */

const world = await startWorld();
const sophie = await world.as("sophie");
const again = await world.as("sophie");
const { tenantId } = sophie;

const campaign = () => makeCampaign(sophie);
const add = (at: string, title: string) => addOperation(sophie, at, { c_cible: title });
const blocking = (browser: Browser, at: string) =>
  browser.post(`${at}/statut`, { to: "blocked", kind: "flag_problem", reason: "Pièce manquante" });
const workflowOf = async (at: string) =>
  (await world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: idIn(at) }))).workflow;
async function statusOf(at: string): Promise<string> {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ status: string }[]>("select status from operation where id = ?", [idIn(at)]),
  );
  return row!.status;
}

/** The editor as a browser would send it, with some of it changed. */
async function editor(at: string, change: (fields: Map<string, string[]>) => void) {
  const path = `${at}/flux/modifier`;
  const page = await sophie.get(path);
  const form = formsOf(parseHtml(page.text), path).find(({ action }) => action === path)!;
  const fields = new Map(form.fields.map(({ name, values }) => [name, [...values]]));
  for (const own of ["_csrf", "_key"]) fields.delete(own);
  change(fields);
  return () => sophie.post(path, Object.fromEntries(fields));
}
const withoutBlocked = (fields: Map<string, string[]>) => {
  const rank = fields.get("statusCode")!.indexOf("blocked");
  fields.set("statusDrop", [...(fields.get("statusDrop") ?? []), String(rank)]);
};

const hold = (at: string) => holdOperation(world, idIn(at));
const waiting = (count: number, over: Promise<unknown>) => untilWaiting(world, count, over);

test("WFL-6 : une opération en route vers un statut qu’on retire est comptée : l’enregistrement attend, puis demande où elle va", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1");
  await again.get(one);
  const save = await editor(at, withoutBlocked);
  const free = await hold(one);
  const moving = blocking(again, one);
  await waiting(1, moving);
  const saving = save();
  await waiting(2, saving);
  await free();
  assert.equal((await moving).status, 303);
  const refused = await saving;
  assert.equal(refused.status, 422, "elle y est, et aucun statut ne la reçoit");
  assert.match(refused.text, /«.Bloquée.» \(1.opération\)/);
  assert.equal(await statusOf(one), "blocked");
  assert.ok((await workflowOf(at)).statuses.some(({ code }) => code === "blocked"));
});

test("WFL-6 : pendant que le flux s’enregistre, un pas vers un statut qui s’en va attend, puis est refusé", async () => {
  const at = await campaign();
  const [one, late] = [await add(at, "PC-1"), await add(at, "PC-2")];
  await sophie.get(one);
  assert.equal((await blocking(sophie, one)).status, 303);
  await again.get(late);
  const save = await editor(at, (fields) => {
    withoutBlocked(fields);
    fields.set("replaced", ["blocked"]).set("replacement", ["postponed"]);
  });
  const free = await hold(one);
  const saving = save();
  await waiting(1, saving);
  const moving = blocking(again, late);
  await waiting(2, moving);
  await free();
  assert.equal((await saving).status, 303);
  assert.equal((await moving).status, 409);
  assert.deepEqual([await statusOf(one), await statusOf(late)], ["postponed", "to_schedule"]);
});

test("WFL-6 : un flux ne s’annule pas tant que des opérations sont dans un statut qu’il n’avait pas", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1");
  const save = await editor(at, (fields) => {
    fields.get("statusLabel")!.splice(fields.get("statusLabel")!.indexOf(""), 1, "Attente");
    const n = fields.get("arrowLabel")!.length;
    const arrow = (rank: number, label: string, from: string, to: string) => {
      fields.get("arrowLabel")![rank] = label;
      fields.get("arrowTo")![rank] = to;
      fields.set("arrowFrom", [...fields.get("arrowFrom")!, `${rank}:${from}`]);
    };
    arrow(n - 2, "Attendre", "to_schedule", "+1");
    arrow(n - 1, "Renoncer", "+1", "cancelled");
  });
  const saved = await save();
  assert.equal(saved.status, 303, saved.text);
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.workflow_edited' order by id desc limit 1"),
  );
  await sophie.get(one);
  assert.equal((await sophie.post(`${one}/statut`, { to: "attente", kind: "custom" })).status, 303);

  const undoAt = `/actes/${act!.id}/annulation`;
  assert.match((await sophie.get(undoAt)).text, /dans un statut que ce flux n’avait pas/);
  assert.equal((await sophie.post(undoAt)).status, 422);
  assert.ok((await workflowOf(at)).statuses.some(({ code }) => code === "attente"));

  await sophie.get(one);
  assert.equal((await sophie.post(`${one}/statut`, { to: "cancelled", kind: "custom" })).status, 303);
  await sophie.get(undoAt);
  assert.equal((await sophie.post(undoAt)).status, 303, "plus aucune n’y est");
});

test("WFL-6 : un import ouvert sous un flux s’arrête quand il a changé, au lieu d’écrire des statuts qui n’existent plus", async () => {
  const at = await campaign();
  const about = {
    tenantId,
    scopeId: idIn(at),
    author: { id: sophie.id },
    importId: randomUUID(),
    now: world.clock.now(),
  };
  const open = await world.db.read(tenantId, (em) => operationImports.open(em, about, null));
  await world.db.note(tenantId, (em) => open.hold!(em));
  const save = await editor(at, (fields) => fields.get("statusLabel")!.splice(0, 1, "À prévoir"));
  assert.equal((await save()).status, 303);
  await assert.rejects(
    world.db.note(tenantId, (em) => open.hold!(em)),
    /a changé pendant cet import/,
  );
});

test("CAM-8 : un import ouvert avant l’archivage de sa campagne s’arrête là où il en est", async () => {
  const at = await campaign();
  const author = { id: sophie.id };
  const about = { tenantId, scopeId: idIn(at), author, importId: randomUUID(), now: world.clock.now() };
  const open = await world.db.read(tenantId, (em) => operationImports.open(em, about, null));
  await world.db.note(tenantId, (em) => open.hold!(em));
  await sophie.get(`${at}/archivage`);
  assert.equal((await sophie.post(`${at}/archivage`, { reason: "Abandon" })).status, 303);
  await assert.rejects(
    world.db.note(tenantId, (em) => open.hold!(em)),
    /Campagne archivée, lecture seule/,
  );
});
