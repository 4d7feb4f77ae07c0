/** What leads an operation from a status to another, by every way in: page, cell, bulk act, file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { type Arrow, PRESETS, type Workflow } from "../../src/workflow/index.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, karim] = (await Promise.all(["sophie", "karim"].map((who) => world.as(who)))) as [Browser, Browser];
const { tenantId } = sophie;
const idOf = async (who: string) => (await world.userOf(who)).id;

const set = (of: string, change: (campaign: Campaign) => void) =>
  world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    async (em) => change(await em.findOneOrFail(Campaign, { id: idIn(of) })),
  );
/** A campaign under the standard workflow, some of it changed. */
async function campaign(change?: (workflow: Workflow) => void): Promise<string> {
  const at = await makeCampaign(sophie);
  const workflow = structuredClone(PRESETS.standard.workflow) as Workflow;
  change?.(workflow);
  await set(at, (one) => {
    one.workflow = workflow;
  });
  return at;
}
/** The standard workflow whose arrows of these actions say something else. */
const arrows =
  (more: Partial<Arrow>, ...kinds: string[]) =>
  ({ transitions }: Workflow): void => {
    for (const one of transitions) if (kinds.includes(one.kind)) Object.assign(one, more);
  };
const status = (code: string, category: Workflow["statuses"][number]["category"], isFinal = false) => ({
  ...PRESETS.standard.workflow.statuses[0]!,
  ...{ code, label: code, category, isFinal, isInitial: false },
});
const arrow = (from: string, to: string, more: Partial<Arrow> = {}): Arrow => ({
  ...{ kind: "custom", label: `Vers ${to}`, from, to, roles: ["assignee", "manager"], reason: "none", date: "none" },
  ...more,
});

async function step(by: Browser, one: string, to: string, kind: string, more: Record<string, string> = {}) {
  await by.get(one);
  return by.post(`${one}/statut`, { to, kind, ...more });
}
async function date(one: string, plannedOn: string, more: Record<string, string> = {}): Promise<Answer> {
  await sophie.get(one);
  return sophie.post(`${one}/date`, { plannedOn, plannedHour: "", ...more });
}
async function cell(one: string, code: string, fields: Record<string, string>): Promise<Answer> {
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${one}/cellules/${code}`)).text)![1]!;
  return sophie.post(`${one}/cellules/${code}`, { ...fields, retour: "", version });
}
/** A bulk act on these operations, up to its result. */
async function bulk(
  at: string,
  action: string,
  ones: string[],
  settings: Record<string, string> | null,
  confirmed: Record<string, string> = {},
) {
  await sophie.get(`${at}/operations`);
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action, scope: "ticked", row: ones.map(idIn) }));
  await sophie.get(lot);
  if (settings) isAt(await sophie.post(`${lot}/apercu`, settings));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/execution`, confirmed));
  return plain(await sophie.get(lot));
}
/** A file whose first column names the operations: checked, run; gives what the check said. */
async function bring(at: string, lines: string[][], column: string[], more: Record<string, string> = {}) {
  const of = idIn(at);
  await sophie.get(`/imports/operations/nouveau?objet=${of}`);
  const content = Buffer.from(csvText(lines));
  const sent = await sendForm(world, sophie, "/imports/operations/nouveau", { name: "o.csv", content }, { scope: of });
  const one = isAt(sent);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "100" };
  await sophie.get(one);
  isAt(await sophie.post(`${one}/verification`, { ...choice, column, key: lines[0]![0]!, ...more }));
  const checked = plain(await sophie.get(one));
  isAt(await sophie.post(`${one}/execution`, { errors: "valid" }));
  return checked;
}

interface Stored {
  status: string;
  planned: string | null;
  postponed: number;
  reason: string | null;
  completed: string | null;
  by: string | null;
  byTechnician: boolean | null;
  minutes: number | null;
}
async function stored(one: string): Promise<Stored> {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<Stored[]>(
      `select status, to_char(planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned, postpone_count as postponed, reason,
         completed_at::text as completed, completed_by_id as by, is_completed_by_technician as "byTechnician", minutes
       from operation where id = ?`,
      [idIn(one)],
    ),
  );
  return row!;
}
const standing = async (one: string) => {
  const { status, planned } = await stored(one);
  return [status, planned];
};
const add = (at: string, title: string, more: Record<string, string> = {}) =>
  addOperation(sophie, at, { c_cible: title, ...more });
async function postponed(at: string, title: string): Promise<string> {
  const one = await add(at, title);
  isAt(await step(sophie, one, "postponed", "postpone", { plannedOn: "2026-12-08" }));
  return one;
}

test("OPS-11, rulings 31 : ôter la date d’une opération reportée ou bloquée la replanifie, par fiche, cellule, lot et fichier", async () => {
  const at = await campaign();
  const all = await Promise.all(["A", "B", "C", "D"].map((title) => postponed(at, title)));
  const blocked = await add(at, "E", { plannedOn: "2026-12-09" });
  isAt(await step(sophie, blocked, "blocked", "flag_problem", { reason: "Panne" }));
  isAt(await date(all[0]!, ""));
  assert.equal((await cell(all[1]!, "date", { plannedOn: "", plannedHour: "" })).status, 303);
  await bulk(at, "undate", [all[2]!], null);
  await bring(at, [["Cible", "Date"], ["D", "#VIDE"]], ["cible", "prevue_le"]); // biome-ignore format: a file
  isAt(await date(blocked, ""));
  for (const one of [...all, blocked]) assert.deepEqual(await standing(one), ["to_schedule", null], one);
});

test("OPS-11 : une date suit la flèche qui la prend, même quand le flux la laisse inchangée ; sans flèche, elle change seule", async () => {
  const at = await campaign(arrows({ date: "none" }, "schedule", "unschedule"));
  const one = await add(at, "A");
  isAt(await date(one, "2026-12-03"));
  assert.deepEqual(await standing(one), ["scheduled", "2026-12-03 09:00"]);
  isAt(await date(one, ""));
  assert.deepEqual(await standing(one), ["to_schedule", null]);
  const bare = await campaign((workflow) => {
    workflow.transitions = workflow.transitions.filter(
      ({ kind, date: of }) => kind !== "reschedule" || of === "required",
    );
  });
  const kept = await postponed(bare, "A");
  isAt(await date(kept, ""));
  assert.deepEqual(await standing(kept), ["postponed", null], "elle attend une date");
});

test("OPS-11, OPS-20 : un flux qui demande pourquoi une date change le demande à sa date, par fiche, cellule et lot ; un fichier dit où aller", async () => {
  const at = await campaign(arrows({ reason: "required" }, "schedule", "unschedule"));
  const [a, b, c, d] = (await Promise.all(["A", "B", "C", "D"].map((title) => add(at, title)))) as [string, string, string, string]; // biome-ignore format: four
  const silent = await date(a, "2026-12-03");
  assert.equal(silent.status, 422);
  assert.match(
    silent.text,
    /id="reason"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*name="reason"|name="reason"[^>]*aria-invalid="true"/,
  );
  isAt(await date(a, "2026-12-03", { reason: "Accord du site" }));
  assert.deepEqual(
    [await standing(a), (await stored(a)).reason],
    [["scheduled", "2026-12-03 09:00"], "Accord du site"],
  );
  assert.match(plain(await sophie.get(`/historique/operation/${idIn(a)}`)), /Accord du site/);
  assert.equal((await cell(b, "date", { plannedOn: "2026-12-03", plannedHour: "", reason: "Accord" })).status, 303);
  await bulk(at, "date", [c], { day: "2026-12-03", reason: "Accord" });
  for (const one of [b, c]) assert.deepEqual(await standing(one), ["scheduled", "2026-12-03 09:00"]);
  const checked = await bring(at, [["Cible", "Date"], ["D", "03/12/2026"]], ["cible", "prevue_le"]); // biome-ignore format: a file
  assert.match(
    checked,
    /Donnez le motif : « Planifier » en demande un\. Un fichier n’en porte pas : passez par l’opération/,
  );
  assert.deepEqual(await standing(d), ["to_schedule", null]);
  await bulk(at, "undate", [c], { reason: "Site fermé" });
  assert.deepEqual([await standing(c), (await stored(c)).reason], [["to_schedule", null], "Site fermé"]);
  // Born with a date, an operation is scheduled whatever the way in (OPS-2).
  const born = await add(at, "E", { plannedOn: "2026-12-04" });
  assert.deepEqual(await standing(born), ["scheduled", "2026-12-04 09:00"]);
});

test("OPS-2 : née avec une date, une opération prend le statut où mène « Planifier », par la page comme par un fichier, à qui que revienne cette flèche", async () => {
  const at = await campaign(arrows({ roles: ["booking"] }, "schedule"));
  const one = await add(at, "A", { plannedOn: "2026-12-03" });
  await bring(at, [["Cible", "Date"], ["B", "03/12/2026"]], ["cible", "prevue_le"]); // biome-ignore format: a file
  const rows = await world.db.read(tenantId, (em) =>
    em.execute<{ status: string }[]>("select status from operation where campaign_id = ? order by title", [idIn(at)]),
  );
  assert.deepEqual(rows, [{ status: "scheduled" }, { status: "scheduled" }]);
  assert.equal((await date(await add(at, "C"), "2026-12-03")).status, 403, "une fois née, la flèche compte");
  assert.match(await bring(at, [["Cible", "Date"], ["C", "03/12/2026"]], ["cible", "prevue_le"]), /revient à la prise de rendez-vous/); // biome-ignore format: a file
  assert.deepEqual(await standing(one), ["scheduled", "2026-12-03 09:00"]);
});

/** Two statuses of category deferred, two of category success. */
const doubled = ({ statuses, transitions }: Workflow) => {
  statuses.push(status("waiting", "deferred"), status("checked", "success", true));
  transitions.push(arrow("postponed", "waiting"), arrow("done", "checked"), arrow("waiting", "cancelled"));
};

test("OPS-19, OPS-21 : passer d’un statut à un autre de sa catégorie n’y entre pas : ni report de plus, ni date perdue, ni fin signée de nouveau", async () => {
  const at = await campaign(doubled);
  await set(at, (one) => {
    one.isTimeTracked = true;
  });
  const late = await Promise.all(["A", "B", "C"].map((title) => postponed(at, title)));
  isAt(await step(sophie, late[0]!, "waiting", "custom"));
  await bulk(at, "step", [late[1]!], { choice: "custom:waiting" });
  const done = await Promise.all(
    ["D", "E", "F"].map(async (title) => {
      const one = await add(at, title, { technician: await idOf("karim") });
      isAt(await step(sophie, one, "in_progress", "start"));
      isAt(await step(sophie, one, "done", "complete", { minutes: "30" }));
      return one;
    }),
  );
  const before = await Promise.all(done.map(stored));
  world.clock.advance(3_600_000);
  await set(at, (one) => {
    one.state = "active";
  });
  isAt(await step(karim, done[0]!, "checked", "custom"));
  await bulk(at, "step", [done[1]!], { choice: "custom:checked" });
  await bring(at, [["Cible", "Statut"], ["C", "waiting"], ["F", "checked"]], ["cible", "statut"]); // biome-ignore format: a file
  for (const one of late) {
    const { status: code, planned, postponed: times } = await stored(one);
    assert.deepEqual([code, planned, times], ["waiting", "2026-12-08 09:00", 1]);
  }
  for (const [rank, one] of done.entries())
    assert.deepEqual(await stored(one), { ...before[rank]!, status: "checked" });
});

test("OPS-21, OPS-23, WFL-3, STA-6 : un fichier termine comme une personne : signé, le temps passé donné quand la campagne le suit ; jamais « par son technicien »", async () => {
  const at = await campaign();
  await set(at, (one) => Object.assign(one, { isTimeTracked: true, state: "active" }));
  const started = async (title: string, more: Record<string, string> = {}) => {
    const one = await add(at, title, more);
    isAt(await step(sophie, one, "in_progress", "start"));
    return one;
  };
  const [a, b] = [await started("A"), await started("B")];
  const column = ["cible", "statut", "minutes"];
  const head = ["Cible", "Statut", "Durée"];
  const checked = await bring(at, [head, ["A", "Réalisée", "45"], ["B", "Réalisée", ""]], column);
  assert.match(checked, /Cette campagne suit le temps passé : donnez-le, en minutes entières de 1 à 1 440/);
  const { status: code, completed, ...signed } = await stored(a);
  assert.deepEqual([code, signed.by, signed.byTechnician, signed.minutes], ["done", sophie.id, false, 45]);
  assert.ok(completed);
  assert.equal((await stored(b)).status, "in_progress");
  assert.match(
    await bring(at, [head.slice(0, 2), ["B", "Réalisée"]], column.slice(0, 2)),
    /Cette campagne suit le temps/,
  );
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute("update operation set technician_id = ? where id = ?", [sophie.id, idIn(b)]),
  );
  await bring(at, [head, ["B", "Réalisée", "20"]], column);
  const own = await stored(b);
  assert.deepEqual(
    [own.status, own.byTechnician, own.minutes],
    ["done", false, 20],
    "STA-6 : un fichier n’est pas le geste du technicien",
  );
  // Born done, it was recorded as it stood: nobody is measured by it (IMP-26).
  await bring(at, [head, ["C", "Réalisée", ""]], column);
  const [born] = await world.db.read(
    tenantId,
    (em) =>
    em.execute<Stored[]>("select completed_at as completed, completed_by_id as by from operation where campaign_id = ? and title = 'C'", [idIn(at)]), // biome-ignore format: one question
  );
  assert.deepEqual(born, { completed: null, by: null });
});

test("IMP-26, OPS-11 : la date qu’un fichier redit vaut pour le statut qu’il change ; effacée avec lui, elle s’en va", async () => {
  const at = await campaign();
  const [a, b, c] = await Promise.all(["A", "B", "C"].map((title) => postponed(at, title)));
  const column = ["cible", "statut", "prevue_le"];
  await bring(
    at,
    [
      ["Cible", "Statut", "Date"],
      ["A", "Planifiée", "08/12/2026"],
      ["B", "Bloquée", "08/12/2026"],
      ["C", "À planifier", "#VIDE"],
    ],
    column,
  );
  assert.deepEqual(await standing(a!), ["scheduled", "2026-12-08 09:00"]);
  assert.deepEqual(await standing(b!), ["postponed", "2026-12-08 09:00"], "aucune flèche n’y mène");
  assert.deepEqual(await standing(c!), ["to_schedule", null]);
  const moved = await add(at, "D", { plannedOn: "2026-12-03" });
  await bring(at, [["Cible", "Statut", "Date"], ["D", "Reportée", "03/12/2026"]], column); // biome-ignore format: a file
  assert.deepEqual([await standing(moved), (await stored(moved)).postponed], [["postponed", "2026-12-03 09:00"], 1]);
});

test("HIS-1, HIS-10, OPS-18, OPS-20 : une action groupée se dit telle dans l’historique, avec son motif et son message, même quand la ligne portait déjà ce motif", async () => {
  const at = await campaign();
  const one = await add(at, "A");
  isAt(await step(sophie, one, "blocked", "flag_problem", { reason: "Panne réseau" }));
  isAt(await step(sophie, one, "in_progress", "unblock"));
  const flag = { choice: "flag_problem:blocked", reason: "Panne réseau" };
  await bulk(at, "step", [one], flag, { message: "Tournée du matin" });
  isAt(await step(sophie, one, "in_progress", "unblock"));
  await bulk(at, "step", [one], flag);
  const acts = await world.db.read(tenantId, (em) =>
    em.execute<{ channel: string; reason: string | null }[]>(
      "select channel, reason from act where code = 'operations.changed' and subject_id = ? order by id",
      [idIn(at)],
    ),
  );
  assert.deepEqual(acts, [
    { channel: "bulk", reason: "Panne réseau – Tournée du matin" },
    { channel: "bulk", reason: "Panne réseau" },
  ]);
  const history = plain(await sophie.get(`/historique/operation/${idIn(one)}`));
  assert.equal(
    history.match(/Panne réseau/g)?.length,
    8,
    "chaque motif de chaque transition, celui que la ligne prend à chaque blocage et quitte à chaque reprise",
  );
  assert.match(history, /action groupée/);
});

test("DSH-6, OPS-20 : une étape sans motif ne garde pas celui d’une étape d’avant, par fiche, lot et fichier", async () => {
  const at = await campaign();
  const ones = [await add(at, "A"), await add(at, "B"), await add(at, "C")] as const;
  for (const one of ones) isAt(await step(sophie, one, "blocked", "flag_problem", { reason: "Pièce manquante" }));
  isAt(await step(sophie, ones[0], "in_progress", "unblock"));
  await bulk(at, "step", [ones[1]], { choice: "unblock:in_progress" });
  await bring(at, [["Cible", "Statut"], ["C", "En cours"]], ["cible", "statut"]); // biome-ignore format: a file
  for (const one of ones) {
    const { status, reason } = await stored(one);
    assert.deepEqual([status, reason], ["in_progress", null]);
  }
  isAt(await step(sophie, ones[0], "postponed", "postpone", { plannedOn: "2026-12-08" }));
  assert.equal((await stored(ones[0])).reason, null, "reportée sans motif");
});

test("WFL-8 : l’éditeur refuse une réouverture qui ne demande pas de motif", async () => {
  const at = await campaign();
  const path = `${at}/flux/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = Object.fromEntries(
    form.fields.filter(({ name }) => !["_csrf", "_key"].includes(name)).map(({ name, values }) => [name, [...values]]),
  );
  const rank = fields.arrowKind!.indexOf("reopen");
  fields.arrowReason![rank] = "optional";
  const refused = await sophie.post(path, fields);
  assert.equal(refused.status, 422);
  assert.match(refused.text, /rouvre sans demander pourquoi/);
});

test("OPS-3 : une opération ne va qu’à un technicien dont le compte est actif, par page, lot et fichier", async () => {
  const at = await campaign();
  const one = await add(at, "A");
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
  const yann = await world.userOf("yann");
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute("update app_user set deactivated_at = ? where id = ?", [world.clock.now(), yann.id]),
  );
  const denis = await world.userOf("denis");
  for (const { id, email } of [denis, yann]) {
    await sophie.get(`${at}/operations/nouvelle`);
    const born = await sophie.post(`${at}/operations/nouvelle`, { c_cible: "B", technician: id });
    assert.equal(born.status, 422);
    assert.match(born.text, /dont le compte est actif et qui a le rôle de technicien/);
    await sophie.get(one);
    assert.equal((await sophie.post(`${one}/affectation`, { technician: id })).status, 422);
    assert.equal((await cell(one, "technicien", { technician: id })).status, 422);
    await sophie.get(`${at}/operations`);
    const lot = isAt(
      await sophie.post(`${at}/operations/lots`, { action: "assign", scope: "ticked", row: [idIn(one)] }),
    );
    await sophie.get(lot);
    assert.equal((await sophie.post(`${lot}/apercu`, { technician: id })).status, 422);
    const column = ["cible", "technicien"];
    const checked = await bring(at, [["Cible", "Technicien"], ["A", email]], column); // biome-ignore format: a file
    assert.match(checked, /Aucun technicien actif n’a ce nom ni cette adresse/);
  }
  const rows = await world.db.read(tenantId, (em) =>
    em.execute("select title from operation where campaign_id = ? and technician_id is not null", [idIn(at)]),
  );
  assert.deepEqual(rows, []);
});
