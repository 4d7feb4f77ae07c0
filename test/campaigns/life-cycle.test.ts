/** The states of a campaign: what people, its days and its operations make of it (CAM-3 to CAM-7, CAM-18, S4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { campaigns } from "../../src/campaigns/module.ts";
import type { Enqueue } from "../../src/platform/db/index.ts";
import { runSchedule } from "../../src/platform/jobs/run.ts";
import { startTick } from "../../src/platform/jobs/tick.ts";
import type { Services } from "../../src/platform/services.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
let [sophie, karim, claire] = (await people()) as [Browser, Browser, Browser];
const { tenantId } = sophie;
const karimId = (await world.userOf("karim")).id;
const services = (): Services => world.app.locals.services;
const daily = campaigns.schedules!.find(({ job }) => job === "campaigns.start_due")!;

function people() {
  return Promise.all(["sophie", "karim", "claire"].map((who) => world.as(who)));
}
/** Another moment; whoever was signed in signs in again. */
async function go(moment: string): Promise<void> {
  await world.clock.advance(Date.parse(moment) - world.clock.now().getTime());
  [sophie, karim, claire] = (await people()) as [Browser, Browser, Browser];
}
const ask = <T extends object>(sql: string, values: unknown[] = []) =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values));
async function state(at: string): Promise<string> {
  const [row] = await ask<{ state: string; closed: boolean }>(
    "select state, closed_at is not null as closed from campaign where id = ?",
    [idIn(at)],
  );
  assert.equal(row!.closed, row!.state === "finished", "la date de clôture va avec l’état");
  return row!.state;
}
/** What moved this campaign: by whom, what, and in which act. */
const moves = (at: string) =>
  ask<{ name: string; by: string | null; cause: string | null; code: string; actor: string | null }>(
    `select e.name, e.payload ->> 'by' as by, e.payload -> 'cause' ->> 'name' as cause, a.code, a.actor_id as actor
     from event e join changeset c on c.tenant_id = e.tenant_id and c.id = e.changeset_id
     join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
     where e.subject_id = ? and e.name in ('campaign.published', 'campaign.started', 'campaign.put_back', 'campaign.finished', 'campaign.reopened')
     order by e.id`,
    [idIn(at)],
  );
const said = async (at: string) =>
  (await moves(at)).map(({ name, by, cause }) => `${name.slice(9)} ${by === null ? (cause ?? "jour") : "main"}`);

const act = async (at: string, to: string, fields: Record<string, string> = {}, by = sophie) => {
  await by.get(at);
  return by.post(`${at}/${to}`, fields);
};
const published = async (fields: Record<string, string> = {}) => {
  const at = await makeCampaign(sophie, { startsOn: "2027-06-01", endsOn: "2027-06-30", ...fields });
  isAt(await act(at, "publication"));
  return at;
};
const add = (at: string, title: string, more: Record<string, string> = {}) =>
  addOperation(sophie, at, { c_cible: title, technician: karimId, ...more });
async function step(one: string, to: string, kind: string, more: Record<string, string> = {}, by = sophie) {
  await by.get(one);
  return by.post(`${one}/statut`, { to, kind, ...more });
}
const start = async (one: string, by?: Browser) => isAt(await step(one, "in_progress", "start", {}, by));
async function complete(one: string, by?: Browser) {
  await start(one, by);
  isAt(await step(one, "done", "complete", {}, by));
}
const lastAct = async (about: string) =>
  (await ask<{ id: string }>("select id from act where subject_id = ? order by id desc limit 1", [idIn(about)]))[0]!.id;
const undo = async (id: string, by = sophie) => {
  await by.get(`/actes/${id}/annulation`);
  return by.post(`/actes/${id}/annulation`);
};
async function bulk(at: string, action: string, ones: string[], settings: Record<string, string> | null) {
  await sophie.get(`${at}/operations`);
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action, scope: "ticked", row: ones.map(idIn) }));
  if (settings) isAt(await sophie.post(`${lot}/apercu`, settings));
  isAt(await sophie.post(`${lot}/execution`));
}
async function bring(at: string, lines: string[][], column: string[]) {
  const of = idIn(at);
  await sophie.get(`/imports/operations/nouveau?objet=${of}`);
  const content = Buffer.from(csvText(lines));
  const one = isAt(
    await sendForm(world, sophie, "/imports/operations/nouveau", { name: "o.csv", content }, { scope: of }),
  );
  await sophie.get(one);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "100" };
  isAt(await sophie.post(`${one}/verification`, { ...choice, column, key: lines[0]![0]! }));
  await sophie.get(one);
  isAt(await sophie.post(`${one}/execution`, { errors: "valid" }));
  return one;
}

/** The schedule as the process lives it, over these moments; `times` processes at once. */
async function live(moments: string[], times = 1): Promise<void> {
  const sent: { tenantId: string; day: string; zone?: string }[] = [];
  const send: Enqueue = async (_transaction, _job, content) => {
    if ("day" in content) sent.push(content);
  };
  await go(moments[0]!);
  const fail = (error: unknown) => assert.fail(String(error));
  const ticks = Array.from({ length: times }, () => startTick(services(), [daily], send, fail));
  for (const moment of moments) {
    await go(moment);
    await Promise.all(ticks.map(({ tick }) => tick()));
    for (const about of sent.splice(0)) {
      await Promise.all(Array.from({ length: times }, () => runSchedule(services(), daily, about)));
    }
  }
  await Promise.all(ticks.map(({ stop }) => stop()));
}

test("S4 : démarrée par son premier jour ou par une opération, terminée avec la dernière, rouverte avec une", async () => {
  await go("2027-02-12T10:00:00Z");
  const [dated, other] = [
    await published({ startsOn: "2027-02-15" }),
    await published({ startsOn: "2027-03-15", endsOn: "2027-03-31" }),
  ];
  const ones: string[] = [];
  for (let n = 1; n <= 10; n++) ones.push(await add(other, `PC-${n}`));
  assert.deepEqual([await state(dated), await state(other)], ["upcoming", "upcoming"]);

  await live(["2027-02-14T23:04:00Z", "2027-02-14T23:05:00Z"]);
  assert.deepEqual([await state(dated), await state(other)], ["active", "upcoming"]);
  const [, byDay] = await moves(dated);
  assert.deepEqual(byDay, { name: "campaign.started", by: null, cause: null, code: "campaign.started", actor: null });

  await start(ones[0]!, karim);
  assert.equal(await state(other), "active", "à l’instant même");
  assert.deepEqual((await moves(other)).at(-1), {
    ...{ name: "campaign.started", by: null, cause: "operation.transitioned" },
    ...{ code: "operation.transitioned", actor: karim.id },
  });

  isAt(await step(ones[0]!, "done", "complete", {}, karim));
  for (const one of ones.slice(1, 9)) await complete(one, karim);
  isAt(await step(ones[9]!, "blocked", "flag_problem", { reason: "Pas de prise" }, karim));
  assert.equal(await state(other), "active", "bloquée, elle la tient en cours");
  isAt(await step(ones[9]!, "cancelled", "cancel", { reason: "Poste retiré" }));
  assert.equal(await state(other), "finished");

  isAt(await step(ones[3]!, "in_progress", "reopen", { reason: "Écran oublié" }));
  assert.equal(await state(other), "active");
  assert.deepEqual(await said(other), [
    "published main",
    "started operation.transitioned",
    "finished operation.transitioned",
    "reopened operation.transitioned",
  ]);
  const kept = await ask<{ n: number }>(
    "select count(*)::int as n from change where row_id = ? and before ->> 'closed_at' is not null",
    [idIn(other)],
  );
  assert.equal(kept[0]!.n, 1, "l’historique garde la date de clôture");
  const denis = await world.as("denis");
  const [reopening] = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'operation.transitioned' order by id desc limit 1",
    [idIn(ones[3]!)],
  );
  const told = plain(await denis.get(`/admin/historique/${reopening!.id}`));
  assert.match(told, /Conséquence, par Système : campagne rouverte\./);
  assert.match(told, /Clôture .*2027/);
});

test("CAM-3 : publier mène à venir, ou en cours si le premier jour est là où se passe la campagne", async () => {
  await go("2027-02-15T23:30:00Z");
  const later = await published({ startsOn: "2027-02-17", endsOn: "2027-03-01" });
  const today = await published({ startsOn: "2027-02-16", endsOn: "2027-03-01" });
  assert.deepEqual([await state(later), await state(today)], ["upcoming", "active"], "déjà le 16 à Paris");
  const away = await makeCampaign(sophie, { startsOn: "2027-02-16", endsOn: "2027-03-01" });
  await sophie.get(`${away}/reglages`);
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${away}/reglages`)).text)![1]!;
  isAt(
    await sophie.post(`${away}/calendrier`, {
      ...{
        version,
        zone: "America/Martinique",
        holidayZone: "",
        defaultHour: "09:00",
        durationMinutes: "",
        closedDays: "",
      },
    }),
  );
  isAt(await act(away, "publication"));
  assert.equal(await state(away), "upcoming", "encore le 15 en Martinique");
  assert.equal((await act(away, "publication")).status, 409);
});

test("CAM-3 : démarrer avant, remettre à venir tant que rien n’a jamais démarré, chacun dit pourquoi il ne se peut pas", async () => {
  await go("2027-02-20T10:00:00Z");
  const at = await published();
  const one = await add(at, "PC-1");
  assert.equal((await act(at, "remise-a-venir")).status, 409);
  isAt(await act(at, "demarrage"));
  assert.equal(await state(at), "active");
  isAt(await act(at, "remise-a-venir"));
  assert.equal(await state(at), "upcoming");
  await start(one);
  assert.equal(await state(at), "active");
  isAt(await step(one, "postponed", "postpone"));
  const refused = await act(at, "remise-a-venir");
  assert.equal(refused.status, 409);
  assert.match(plain(refused), /a déjà démarré/);
  const page = plain(await sophie.get(`${at}/etat`));
  assert.match(page, /Remettre à venir.*Une de ses opérations a déjà démarré/);
  assert.deepEqual(await said(at), [
    "published main",
    "started main",
    "put_back main",
    "started operation.transitioned",
  ]);
  assert.equal((await act(at, "demarrage", {}, claire)).status, 404, "ne la voit pas");
  assert.equal((await act(at, "cloture", {}, karim)).status, 403, "n’en termine aucune");
});

test("CAM-3 : une fin, une corbeille, un retour, un ajout, par la page", async () => {
  await go("2027-02-21T10:00:00Z");
  const at = await published({ startsOn: "2027-02-01", endsOn: "2027-03-01" });
  assert.equal(await state(at), "active", "sans opération, elle ne finit pas");
  const [a, b] = [await add(at, "A"), await add(at, "B")];
  await complete(a);
  isAt(await act(b, "corbeille"));
  assert.equal(await state(at), "finished", "la dernière ouverte part à la corbeille");
  isAt(await act(b, "restauration"));
  assert.equal(await state(at), "active", "et en revient");
  await complete(b);
  assert.equal(await state(at), "finished");
  await add(at, "C");
  assert.equal(await state(at), "active");
  assert.deepEqual((await said(at)).slice(1), [
    "finished operation.trashed",
    "reopened operation.restored",
    "finished operation.transitioned",
    "reopened operation.added",
  ]);
});

test("rulings 8 et 30 : un import et un lot jugent l’état une fois, à la fin de l’acte", async () => {
  const at = await published();
  await bring(at, [["Cible", "Statut"], ["PC-1", "Réalisée"], ["PC-2", "Annulée"], ["PC-3", ""]], ["cible", "statut"]); // biome-ignore format: a file
  assert.equal(await state(at), "active", "une réalisée la démarre");
  await bring(at, [["Cible", "Statut"], ["PC-3", "Réalisée"]], ["cible", "statut"]); // biome-ignore format: a file
  assert.equal(await state(at), "active", "le flux refuse cette ligne");
  const [open] = await ask<{ id: string }>("select id from operation where title = 'PC-3' and campaign_id = ?", [
    idIn(at),
  ]);
  await bulk(at, "step", [`/operations/${open!.id}`], { choice: "cancel:cancelled", reason: "Retirée" });
  assert.equal(await state(at), "finished");
  await bring(at, [["Cible"], ["PC-4"], ["PC-5"]], ["cible"]); // biome-ignore format: a file
  assert.equal(await state(at), "active");
  assert.deepEqual((await said(at)).slice(1), [
    "started import.finished",
    "finished operations.bulk_changed",
    "reopened import.finished",
  ]);
  const whole = await published();
  await bring(whole, [["Cible", "Statut"], ["PC-1", "Réalisée"], ["PC-2", "Annulée"]], ["cible", "statut"]); // biome-ignore format: a file
  assert.equal(await state(whole), "finished", "tout est arrivé réalisé : démarrée et terminée");
  // Of the same instant, in no order.
  const both = (await said(whole)).slice(1).toSorted();
  assert.deepEqual(both, ["finished import.finished", "started import.finished"]);
});

test("CAM-5 : qui peut annuler son acte annule aussi l’état qui en est venu, sauf ce que d’autres ont fait depuis", async () => {
  const at = await published();
  const [a, b] = [await add(at, "A"), await add(at, "B")];
  await start(a, karim);
  isAt(await undo(await lastAct(a), karim));
  assert.equal(await state(at), "upcoming", "son technicien, qui ne gouverne pas la campagne");
  await start(a, karim);
  const starting = await lastAct(a);
  await start(b, karim);
  isAt(await step(a, "done", "complete", {}, karim));
  isAt(await step(b, "done", "complete", {}, karim));
  assert.equal(await state(at), "finished");
  isAt(await undo(await lastAct(b), karim));
  assert.equal(await state(at), "active", "et sa clôture s’efface");
  const refused = await undo(starting);
  assert.notEqual(refused.status, 303, "elle est terminée depuis, puis rouverte");
  isAt(await step(b, "done", "complete", {}, karim));
  isAt(await undo(await lastAct(a), karim));
  assert.equal(await state(at), "active", "une autre fin que la dernière la rouvre aussi");
  assert.deepEqual((await said(at)).at(-1), "reopened act.undone");
});

test("CAM-18 : publier s’annule tant que rien n’a démarré, par qui l’a fait", async () => {
  const at = await published();
  const one = await add(at, "A");
  const [publication] = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'campaign.published'",
    [idIn(at)],
  );
  isAt(await undo(publication!.id));
  assert.equal(await state(at), "draft");
  assert.equal((await karim.get(one)).status, 404, "CAM-10 : son technicien ne la voit plus");
  isAt(await act(at, "publication"));
  assert.equal((await karim.get(one)).status, 200);
  await start(one, karim);
  const [again] = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'campaign.published' order by id desc limit 1",
    [idIn(at)],
  );
  const refused = await undo(again!.id);
  assert.equal(refused.status, 422);
  assert.match(plain(await sophie.get(`/actes/${again!.id}/annulation`)), /la publication ne s’annule plus/);
});

test("CAM-3 : réalisée d’un trait puis rouverte, une opération a démarré ; annuler ce trait l’oublie", async () => {
  const at = await published();
  await world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    (em) =>
      em.execute(
        `update campaign set workflow = jsonb_set(workflow, '{transitions}', workflow -> 'transitions' ||
           '[{"kind":"complete","label":"Réaliser","from":"to_schedule","to":"done","roles":["manager"],"reason":"none","date":"none"}]') where id = ?`,
        [idIn(at)],
      ),
  );
  const [one] = [await add(at, "A"), await add(at, "B")];
  const [publication] = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'campaign.published'",
    [idIn(at)],
  );
  isAt(await step(one, "done", "complete"));
  assert.equal(await state(at), "active");
  const done = await lastAct(one);
  isAt(await undo(done));
  assert.equal(await state(at), "upcoming", "rien n’a démarré");
  isAt(await step(one, "done", "complete"));
  isAt(await step(one, "to_schedule", "reopen", { reason: "Mal faite" }));
  assert.equal((await act(at, "remise-a-venir")).status, 409);
  assert.equal((await undo(publication!.id)).status, 422);
  assert.equal(await state(at), "active");
});

test("CAM-3, CAM-18, IMP-26 : arrivée déjà réalisée dans un brouillon, une opération n’a rien démarré", async () => {
  const at = await makeCampaign(sophie, { startsOn: "2027-06-01", endsOn: "2027-06-30" });
  await bring(at, [["Cible", "Statut"], ["PC-1", "Réalisée"], ["PC-2", ""]], ["cible", "statut"]); // biome-ignore format: a file
  isAt(await act(at, "publication"));
  assert.equal(await state(at), "upcoming");
  await add(at, "PC-3");
  assert.equal(await state(at), "upcoming", "une de plus n’y change rien");
  const [publication] = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'campaign.published'",
    [idIn(at)],
  );
  isAt(await undo(publication!.id));
  assert.equal(await state(at), "draft");
});

test("CAM-6, CAM-7 : terminer à la main décide de chaque statut ouvert ; la liste reste avec la clôture", async () => {
  const at = await published({ startsOn: "2027-02-01", endsOn: "2027-03-01" });
  const [done, blocked, open] = [await add(at, "PC-1"), await add(at, "PC-2"), await add(at, "PC-3")];
  await complete(done);
  isAt(await step(blocked, "blocked", "flag_problem", { reason: "Pas de prise" }));
  const page = plain(await sophie.get(`${at}/cloture`));
  assert.match(page, /2 opérations ne sont pas closes/);
  assert.match(page, /Bloquée.*PC-2/);
  const seen = { n_to_schedule: "1", n_blocked: "1" };
  const bare = await act(at, "cloture", { ...seen, end_blocked: "cancel" });
  assert.equal(bare.status, 422);
  assert.match(plain(bare), /Indiquez le motif/);
  const old = await act(at, "cloture", { n_to_schedule: "2", n_blocked: "1" });
  assert.equal(old.status, 422);
  assert.match(plain(old), /ont changé entre-temps/);
  assert.equal(await state(at), "active");
  isAt(await act(at, "cloture", { ...seen, end_blocked: "cancel", reason_blocked: "Site fermé" }));
  assert.equal(await state(at), "finished");
  const ends = await ask<{ status: string; reason: string | null }>(
    "select status, reason from operation where campaign_id = ? order by title",
    [idIn(at)],
  );
  assert.deepEqual(
    ends.map(({ status, reason }) => [status, reason]),
    [
      ["done", null],
      ["cancelled", "Site fermé"],
      ["to_schedule", null],
    ],
  );
  assert.match(
    plain(await sophie.get(at)),
    /À planifier à la clôture 1 opération, telles quelles|À planifier à la clôture/,
  );
  await act(open, "modifier", {});
  assert.equal(await state(at), "finished", "une opération laissée ouverte ne la rouvre pas");
  isAt(await step(open, "in_progress", "start"));
  assert.equal(await state(at), "finished");
  isAt(await step(done, "in_progress", "reopen", { reason: "Erreur" }));
  assert.equal(await state(at), "active");
  const [closing] = await ask<{ closing: unknown }>("select closing from campaign where id = ?", [idIn(at)]);
  assert.equal(closing!.closing, null);
  const other = await published({ startsOn: "2027-02-01", endsOn: "2027-03-01" });
  await add(other, "PC-1");
  isAt(await act(other, "cloture", { n_to_schedule: "1", end_to_schedule: "cancel", reason_to_schedule: "Abandon" }));
  isAt(await undo(await lastAct(other)));
  assert.equal(await state(other), "active");
});

test("CAM-5 : trois jours d’arrêt, les nuits de mars et d’octobre, deux processus : chaque campagne démarre une fois", async () => {
  await go("2027-03-20T10:00:00Z");
  const days = ["2027-03-26", "2027-03-27", "2027-03-28"];
  const missed: string[] = [];
  for (const startsOn of days) missed.push(await published({ startsOn, endsOn: "2027-12-01" }));
  const autumn = await published({ startsOn: "2027-10-31", endsOn: "2027-12-01" });
  await live(["2027-03-25T08:00:00Z"]);
  assert.deepEqual(await Promise.all(missed.map(state)), ["upcoming", "upcoming", "upcoming"]);
  // The night of the 28th has no two o’clock: 23:05 UTC is 00:05 there.
  await live(["2027-03-27T23:04:00Z", "2027-03-27T23:05:00Z", "2027-03-28T01:05:00Z"], 2);
  assert.deepEqual(await Promise.all(missed.map(state)), ["active", "active", "active"]);
  await live(["2027-10-30T10:00:00Z", "2027-10-30T22:04:00Z"]);
  assert.equal(await state(autumn), "upcoming");
  await live(["2027-10-30T22:05:00Z", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"], 2);
  for (const at of [...missed, autumn]) {
    assert.equal(await state(at), "active");
    assert.deepEqual(await said(at), ["published main", "started jour"]);
  }
});

test("CAM-5, GEN-3 : une campagne qui a son fuseau démarre à minuit cinq de chez elle", async () => {
  await go("2027-11-01T10:00:00Z");
  const elsewhere = async (zone: string) => {
    const at = await makeCampaign(sophie, { startsOn: "2027-11-10", endsOn: "2027-12-01" });
    const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
    const more = { holidayZone: "", defaultHour: "09:00", durationMinutes: "", closedDays: "" };
    isAt(await sophie.post(`${at}/calendrier`, { version, zone, ...more }));
    isAt(await act(at, "publication"));
    return at;
  };
  const [east, west] = [await elsewhere("Indian/Reunion"), await elsewhere("America/Martinique")];
  const here = await published({ startsOn: "2027-11-10", endsOn: "2027-12-01" });
  const states = () => Promise.all([east, here, west].map(state));
  await live(["2027-11-09T12:00:00Z", "2027-11-09T20:04:00Z"], 2);
  assert.deepEqual(await states(), ["upcoming", "upcoming", "upcoming"]);
  await live(["2027-11-09T20:05:00Z"], 2);
  assert.deepEqual(await states(), ["active", "upcoming", "upcoming"]);
  await live(["2027-11-09T23:05:00Z", "2027-11-10T04:04:00Z"], 2);
  assert.deepEqual(await states(), ["active", "active", "upcoming"]);
  await live(["2027-11-10T04:05:00Z", "2027-11-10T12:00:00Z"], 2);
  assert.deepEqual(await states(), ["active", "active", "active"]);
  for (const at of [east, here, west]) assert.deepEqual(await said(at), ["published main", "started jour"]);
});

test("CAM-5 : tuée au milieu et reprise, la tâche de minuit cinq ne refait rien", async () => {
  await go("2027-11-20T10:00:00Z");
  const ats: string[] = [];
  for (let n = 0; n < 3; n++) ats.push(await published({ startsOn: "2027-11-24", endsOn: "2027-12-01" }));
  await go("2027-11-23T23:10:00Z");
  const { db, clock } = services();
  let acts = 0;
  const dying: Services = {
    ...services(),
    db: { ...db, act: (...said) => (++acts === 2 ? Promise.reject(new Error("kill")) : db.act(...said)) },
  };
  await assert.rejects(async () => daily.run(dying, { tenantId, day: "2027-11-24" }), /kill/);
  assert.deepEqual((await Promise.all(ats.map(state))).toSorted(), ["active", "upcoming", "upcoming"]);
  assert.ok(clock.now() > new Date("2027-11-23T23:10:00Z"));
  assert.equal(await daily.run(services(), { tenantId, day: "2027-11-24" }), "2 campagnes démarrées");
  assert.equal(await daily.run(services(), { tenantId, day: "2027-11-24" }), "0 campagne démarrée");
  for (const at of ats) assert.deepEqual(await said(at), ["published main", "started jour"]);
});

test("CAM-3 : les deux dernières opérations closes au même instant la terminent ; close et ajoutée, elle reste en cours", async () => {
  for (let round = 0; round < 5; round++) {
    const at = await published({ startsOn: "2027-02-01", endsOn: "2028-03-01" });
    const [a, b, c] = [await add(at, "A"), await add(at, "B"), await add(at, "C")];
    for (const one of [a, b, c]) await start(one, karim);
    isAt(await step(c, "done", "complete", {}, karim));
    const ended = await Promise.all([a, b].map((one) => karim.post(`${one}/statut`, { to: "done", kind: "complete" })));
    for (const one of ended) isAt(one);
    assert.equal(await state(at), "finished");
    await sophie.get(c);
    const again = await Promise.all([
      step(c, "in_progress", "reopen", { reason: "Oubli" }),
      step(a, "in_progress", "reopen", { reason: "Oubli" }),
    ]);
    for (const one of again) isAt(one);
    assert.equal(await state(at), "active");
  }
});
