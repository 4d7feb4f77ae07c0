/** The figures of a campaign, told by the base: each rule with a number (STA-1 to STA-13, rulings 11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setBaseline } from "../../src/campaigns/baseline.ts";
import { daysOf } from "../../src/campaigns/dashboard.ts";
import { Campaign } from "../../src/campaigns/index.ts";
import { closePlan, openPlan } from "../../src/campaigns/queries/past.ts";
import { type Asked, campaignStats } from "../../src/campaigns/queries/stats.ts";
import { dayOfPlan } from "../../src/campaigns/snapshot.ts";
import { FORMULA_VERSION } from "../../src/campaigns/stats.ts";
import { fr } from "../../src/platform/text/index.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
/** A Friday at ten in Paris, no holiday near. */
await world.clock.advance(Date.parse("2027-03-12T09:00:00Z") - world.clock.now().getTime());
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const tenant = { zone: "Europe/Paris", holidayZone: "metropole" };
const HOUR = 60;
const DAY = 24 * HOUR;
const idOf = async (who: string) => (await world.userOf(who)).id;

const campaign = (more: Record<string, string> = {}) =>
  makeCampaign(sophie, { startsOn: "2027-01-04", endsOn: "2027-04-30", ...more });
async function statsOf(at: string, more: Partial<Asked> = {}) {
  const stats = await world.db.read(tenantId, async (em) => {
    const found = await em.findOneOrFail(Campaign, { id: idIn(at) });
    return campaignStats(em, [found], { now: world.clock.now(), tenant, times: "all", from: "page", ...more });
  });
  return stats.get(idIn(at))!;
}
const actOn = <T>(at: string, verb: (em: never, found: Campaign) => T | Promise<T>) =>
  world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    async (em) => verb(em as never, await em.findOneOrFail(Campaign, { id: idIn(at) })),
  );
/** Writes operations at once: so many of each status, with the columns given in SQL, `n` being their rank. */
async function fill(at: string, counts: Record<string, number>, columns: Record<string, string> = {}) {
  const categories: Record<string, string> = {
    ...{ to_schedule: "open", scheduled: "planned", in_progress: "running", done: "success" },
    ...{ postponed: "deferred", blocked: "problem", cancelled: "cancelled" },
  };
  const names = Object.keys(columns);
  await actOn(at, async (em: never) => {
    for (const [status, count] of Object.entries(counts)) {
      await (em as { execute(sql: string, values: unknown[]): Promise<unknown> }).execute(
        `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, entered_at${names.map((name) => `, ${name}`).join("")})
         select ?, uuidv7(), ?, 'PC-' || ?::text || n, '{}', '', ?, ?, app_now()${names.map((name) => `, ${columns[name]}`).join("")}
         from generate_series(1, ?::int) n`,
        [tenantId, idIn(at), status, status, categories[status], count],
      );
    }
  });
}
const KINDS = {
  ...{ in_progress: "start", done: "complete", postponed: "postpone", blocked: "flag_problem", cancelled: "cancel" },
} as const;
async function step(by: Browser, one: string, to: keyof typeof KINDS, more: Record<string, string> = {}) {
  await by.get(one);
  isAt(await by.post(`${one}/statut`, { to, kind: KINDS[to], ...more }));
}
async function complete(by: Browser, one: string) {
  await step(by, one, "in_progress");
  await step(by, one, "done");
}
/** Takes back the last act on an operation. */
async function undoLast(one: string, who = "denis") {
  const by = await world.as(who);
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      `select c.act_id as id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
       where h.table_name = 'operation' and h.row_id = ? order by h.ordinal desc limit 1`,
      [idIn(one)],
    ),
  );
  await by.get(`/actes/${act!.id}/annulation`);
  isAt(await by.post(`/actes/${act!.id}/annulation`, {}));
}
const printed = (ratio: { part: number; of: number }) => fr.ratio(ratio).replace("\u00a0", " ");

test("S19, STA-1 à STA-5, STA-10 : 847 opérations, 73,1 %, Sans segment complète le total ; sept annulées : 840, 73,7 %", async () => {
  const at = await campaign();
  await sophie.get(`${at}/segments`);
  for (const name of ["Bâtiment A", "Bâtiment B"]) isAt(await sophie.post(`${at}/segments`, { name }));
  await fill(at, { to_schedule: 40, scheduled: 92, in_progress: 10, done: 619, postponed: 52, blocked: 34 });
  await actOn(at, (em: never) =>
    (em as { execute(sql: string, values: unknown[]): Promise<unknown> }).execute(
      `update operation set segment_id = (select id from segment where campaign_id = ? order by position limit 1)
       where campaign_id = ? and id not in (select id from operation where campaign_id = ? and status = 'done' order by id limit 20)`,
      [idIn(at), idIn(at), idIn(at)],
    ),
  );
  const stats = await statsOf(at);
  assert.deepEqual(
    Object.values(stats.counters),
    [40, 92, 10, 619, 52, 34, 0],
    "à planifier, planifiées, en cours, réalisées, reportées, bloquées, annulées",
  );
  assert.deepEqual([stats.total, stats.remaining, printed(stats.progress)], [847, 228, "73,1 %"]);
  assert.deepEqual(
    stats.segments.map(({ name, total }) => [name, total]),
    [
      ["Bâtiment A", 827],
      ["Bâtiment B", 0],
      [null, 20],
    ],
  );
  assert.deepEqual(
    stats.technicians.map(({ id, total }) => [id, total]),
    [[null, 847]],
    "Non affectées",
  );
  assert.equal(stats.formulaVersion, FORMULA_VERSION);
  assert.equal(stats.day, "2027-03-12");

  const { text } = await sophie.get(`${at}/operations?statut=to_schedule`);
  const first = [...new Set([...text.matchAll(/href="\/operations\/([0-9a-f-]{36})/g)].map(([, id]) => id!))].slice(
    0,
    7,
  );
  for (const id of first) await step(sophie, `/operations/${id}`, "cancelled", { reason: "Matériel rendu" });
  const after = await statsOf(at);
  assert.deepEqual(Object.values(after.counters), [33, 92, 10, 619, 52, 34, 7]);
  assert.deepEqual([after.total, after.progress.of, printed(after.progress)], [847, 840, "73,7 %"]);
  for (const table of [after.segments, after.technicians]) {
    for (const code of Object.keys(after.counters) as (keyof typeof after.counters)[]) {
      assert.equal(
        table.reduce((sum, { counters }) => sum + counters[code], 0),
        after.counters[code],
        code,
      );
    }
  }
});

test("STA-5, rulings 11 : réalisées aujourd’hui suit l’acte, sa réouverture, son annulation et la corbeille", async () => {
  const at = await campaign();
  const one = await addOperation(sophie, at, { c_cible: "PC-1" });
  await complete(sophie, one);
  assert.equal((await statsOf(at)).doneToday, 1);
  await undoLast(one);
  assert.equal((await statsOf(at)).doneToday, 0, "l’acte annulé quitte le compte");
  await step(sophie, one, "done");
  assert.equal((await statsOf(at)).doneToday, 1);
  await world.clock.advanceMinutes(DAY);
  assert.equal((await statsOf(at)).doneToday, 0, "hier n’est plus aujourd’hui");
  await world.clock.advanceMinutes(-DAY);
});

test("STA-5 : reportées cette semaine compte les entrées depuis lundi, chacune ; une modification n’ajoute rien, une annulation retire", async () => {
  const at = await campaign();
  const [one, other] = [
    await addOperation(sophie, at, { c_cible: "PC-1" }),
    await addOperation(sophie, at, { c_cible: "PC-2" }),
  ];
  await step(sophie, one, "postponed");
  await step(sophie, other, "postponed");
  assert.equal((await statsOf(at)).postponedThisWeek, 2);
  await sophie.get(one);
  isAt(await sophie.post(`${one}/statut`, { to: "to_schedule", kind: "reschedule" }));
  await step(sophie, one, "postponed");
  assert.equal((await statsOf(at)).postponedThisWeek, 3, "reportée deux fois, deux reports");
  const { text } = await sophie.get(`${one}/modifier`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  isAt(await sophie.post(`${one}/modifier`, { c_cible: "PC-1 bis", version }));
  assert.equal((await statsOf(at)).postponedThisWeek, 3);
  await undoLast(other);
  assert.equal((await statsOf(at)).postponedThisWeek, 2);
  await world.clock.advanceMinutes(3 * DAY);
  assert.equal((await statsOf(at)).postponedThisWeek, 0, "lundi, la semaine recommence");
  await world.clock.advanceMinutes(-3 * DAY);
});

test("STA-5, STA-9 : la plus ancienne bloquée, en jours ouvrés ; au-delà de deux, la campagne et son segment sont en retard", async () => {
  const at = await campaign({ startsOn: "2027-03-12" });
  const one = await addOperation(sophie, at, { c_cible: "PC-1" });
  await step(sophie, one, "blocked", { reason: "Pièce manquante" });
  const fresh = await statsOf(at);
  assert.deepEqual([fresh.counters.problem, fresh.blockedDays, fresh.lateMark], [1, 0, null]);
  await world.clock.advanceMinutes(4 * DAY);
  assert.deepEqual(
    [(await statsOf(at)).blockedDays, (await statsOf(at)).lateMark],
    [2, null],
    "vendredi, lundi, mardi",
  );
  await world.clock.advanceMinutes(DAY);
  const late = await statsOf(at);
  assert.deepEqual(late.lateMark, { points: null, blockedDays: 3 });
  assert.deepEqual(late.segments[0]?.lateMark, { points: null, blockedDays: 3 });
  await world.clock.advanceMinutes(-5 * DAY);
  const { text } = await (await world.as("sophie")).get(one);
  assert.doesNotMatch(text, /Dans sa catégorie depuis/);
});

test("STA-5, SNP-5 : l’attendu suit le plan de référence, les sans date après la fin ; un nouveau plan veut un motif, l’ancien reste", async () => {
  const at = await campaign();
  await fill(at, { scheduled: 4 }, { planned_at: "app_now() - n * interval '1 day'" });
  await fill(at, { to_schedule: 5, cancelled: 1 });
  const before = await statsOf(at);
  assert.equal(before.hasBaseline, false);
  assert.deepEqual(
    before.expected,
    { part: 49, of: 84 },
    "sans plan : les jours ouvrés passés, le lundi de Pâques à part",
  );
  const freeze = (reason: string) =>
    actOn(at, (em, found) =>
      setBaseline(em, Object.assign(found, { state: "active" }), reason, {
        ...{ by: { id: sophie.id }, now: world.clock.now(), zone: tenant.zone },
      }),
    );
  await assert.rejects(freeze(" x "), { name: "RuleBroken" });
  await freeze("Départ");
  assert.deepEqual((await statsOf(at)).expected, { part: 4, of: 9 });
  assert.deepEqual((await statsOf(at)).lateMark, { points: (100 * 4) / 9, blockedDays: null });
  await actOn(at, (em: never) =>
    (em as { execute(sql: string, values: unknown[]): Promise<unknown> }).execute(
      "update operation set planned_at = app_now() + interval '9 days' where campaign_id = ? and status = 'scheduled'",
      [idIn(at)],
    ),
  );
  assert.deepEqual((await statsOf(at)).expected, { part: 4, of: 9 }, "déplacer n’y change rien");
  await world.clock.advanceMinutes(1);
  await freeze("Retard du fournisseur");
  assert.deepEqual((await statsOf(at)).expected, { part: 0, of: 9 });
  const kept = () =>
    world.db.read(tenantId, (em) =>
      em.execute<{ reason: string; n: number }[]>(
        "select reason, cardinality(days) as n from baseline where campaign_id = ? order by frozen_at",
        [idIn(at)],
      ),
    );
  assert.deepEqual(await kept(), [
    { reason: "Départ", n: 4 },
    { reason: "Retard du fournisseur", n: 4 },
  ]);
  const [last] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      `select c.act_id as id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
       where h.table_name = 'baseline' order by h.ordinal desc limit 1`,
    ),
  );
  const denis = await world.as("denis");
  await denis.get(`/actes/${last!.id}/annulation`);
  isAt(await denis.post(`/actes/${last!.id}/annulation`, {}));
  assert.deepEqual((await statsOf(at)).expected, { part: 4, of: 9 }, "annulé, l’ancien vaut de nouveau");
  await world.clock.advanceMinutes(60 * DAY);
  assert.deepEqual((await statsOf(at)).expected, { part: 9, of: 9 }, "passée la fin, toutes");
  await world.clock.advanceMinutes(-60 * DAY - 1);
});

test("STA-6 : l’étoile du nord ne compte que son technicien ; un fichier, ou un autre, compte au dénominateur", async () => {
  const at = await campaign();
  await actOn(at, (_em, found) => {
    found.state = "active";
    found.visibility = "public";
  });
  const karimId = await idOf("karim");
  const karim = await world.as("karim");
  await world.clock.advanceMinutes(-2 * DAY);
  const ones: string[] = [];
  for (const n of [1, 2, 3, 4]) {
    const technician: Record<string, string> = n < 4 ? { technician: karimId } : {};
    ones.push(await addOperation(sophie, at, { c_cible: `PC-${n}`, plannedOn: "2027-03-10", ...technician }));
  }
  await world.clock.advanceMinutes(2 * DAY);
  assert.deepEqual((await statsOf(at)).northStar, { part: 0, of: 4 });
  await complete(karim, ones[0]!);
  await complete(sophie, ones[1]!);
  assert.deepEqual((await statsOf(at)).northStar, { part: 1, of: 4 });
  await step(sophie, ones[3]!, "cancelled", { reason: "Doublon" });
  const stats = await statsOf(at);
  assert.deepEqual(stats.northStar, { part: 1, of: 3 }, "l’annulée n’est plus due");
  assert.equal(stats.late, 1);
  assert.deepEqual(
    stats.technicians.map(({ id, total, late }) => [id === karimId, total, late]),
    [
      [true, 3, 1],
      [false, 1, 0],
    ],
  );
  // By a file, in the name of whoever sends it.
  await sophie.get(`/imports/operations/nouveau?objet=${idIn(at)}`);
  const content = Buffer.from(
    csvText([
      ["Cible", "Statut"],
      ["PC-3", "En cours"],
    ]),
  );
  const sent = await sendForm(
    world,
    sophie,
    "/imports/operations/nouveau",
    { name: "o.csv", content },
    { scope: idIn(at) },
  );
  assert.equal(sent.status, 303);
  assert.deepEqual((await statsOf(at)).reliability, { part: 0, of: 2 }, "faites deux jours après leur première date");
});

test("STA-5 : la fiabilité compte celles faites à leur première date prévue", async () => {
  const at = await campaign();
  const planned = (plannedOn: string) => addOperation(sophie, at, { c_cible: `Le ${plannedOn}`, plannedOn });
  const [today, tomorrow] = [await planned("2027-03-12"), await planned("2027-03-13")];
  const undated = await addOperation(sophie, at, { c_cible: "Sans date" });
  for (const one of [today, tomorrow, undated]) await complete(sophie, one);
  assert.deepEqual((await statsOf(at)).reliability, { part: 1, of: 3 });
});

test("STA-13 : le temps d’un technicien, à qui gère ou à lui seul ; le total à tous ; rien où il n’est pas suivi", async () => {
  const at = await campaign();
  const karimId = await idOf("karim");
  await fill(at, { done: 3 }, { minutes: "30", technician_id: `'${karimId}'::uuid` });
  assert.equal((await statsOf(at)).minutes, null);
  await actOn(at, (_em, found) => {
    found.isTimeTracked = true;
  });
  const told = async (times: Asked["times"]) => {
    const { minutes, technicians } = await statsOf(at, { times });
    return [minutes, technicians[0]?.minutes];
  };
  assert.deepEqual(await told("all"), [90, 90]);
  assert.deepEqual(await told("none"), [90, null]);
  assert.deepEqual(await told({ userId: karimId }), [90, 90]);
  assert.deepEqual(await told({ userId: sophie.id }), [90, null]);
});

test("STA-11 : planifiée sur le jour même, elle est du plan, et y reste quand on l’en retire le jour même", async () => {
  const at = await campaign();
  const [one, other] = [
    await addOperation(sophie, at, { c_cible: "PC-1", plannedOn: "2027-03-12" }),
    await addOperation(sophie, at, { c_cible: "PC-2" }),
  ];
  const plan = async () => (await daysAt(at)).planned;
  assert.deepEqual([...(await plan())], [["2027-03-12", 1]]);
  const date = async (of: string, plannedOn: string) => {
    await sophie.get(of);
    isAt(await sophie.post(`${of}/date`, { plannedOn, plannedHour: "" }));
  };
  await date(other, "2027-03-12");
  await date(one, "2027-03-15");
  assert.deepEqual(
    [...(await plan())],
    [
      ["2027-03-12", 2],
      ["2027-03-15", 1],
    ],
  );
  await undoLast(other);
  assert.equal((await plan()).get("2027-03-12"), 1, "annulée, elle n’y a jamais été");
});

/** What was done and planned day by day, today being the Friday of this file. */
const daysAt = (at: string) =>
  world.db.read(tenantId, (em) => daysOf(em, { id: idIn(at) }, { zone: tenant.zone, today: "2027-03-12" }));

test("STA-5, STA-11 : le plan d’un jour est sans ce qui était déjà réalisé ou annulé avant lui : le taux du jour même n’en attend rien", async () => {
  const at = await campaign();
  const ON_THE_DAY = { planned_at: "timestamptz '2027-03-12 08:00Z'" };
  await fill(at, { scheduled: 2, cancelled: 3 }, ON_THE_DAY);
  await fill(at, { done: 4 }, { ...ON_THE_DAY, completed_at: "timestamptz '2027-03-10 08:00Z'" });
  await fill(at, { done: 1 }, { ...ON_THE_DAY, stepped_on: `'["2027-03-12"]'::jsonb`, completed_at: "app_now()" });
  assert.equal((await daysAt(at)).planned.get("2027-03-12"), 3, "les deux qui attendent, et celle de ce matin");
  const day = dayOfPlan("2027-03-12", tenant.zone);
  await actOn(at, (em: never, found) => openPlan(em, found, day, "act"));
  await fill(at, { done: 1 }, { ...ON_THE_DAY, joined_on: "date '2027-03-12'" });
  await actOn(at, (em: never, found) => closePlan(em, found, day, "act"));
  const { sameDay } = await statsOf(at, { now: new Date("2027-03-13T09:00:00Z") });
  assert.deepEqual(sameDay, { part: 1, of: 3 }, "née réalisée, personne n’a à la mettre à jour");
});

test("DSH-5 : le plan actuel ne date que ce qui n’est ni réalisé ni annulé, en retard compris", async () => {
  const at = await campaign();
  const on = (day: string) => ({ planned_at: `timestamptz '${day} 08:00Z'` });
  await fill(at, { scheduled: 2, done: 1, cancelled: 1, postponed: 1 }, on("2027-03-16"));
  await fill(at, { scheduled: 3, done: 2, cancelled: 1 }, on("2027-03-09"));
  await fill(at, { to_schedule: 4 });
  const { planned, dated } = await daysAt(at);
  assert.deepEqual(Object.fromEntries(dated), { "2027-03-09": 3, "2027-03-16": 3 });
  assert.deepEqual(Object.fromEntries(planned), { "2027-03-16": 3 });
});

test("DSH-18 : autant de questions pour une campagne que pour cinquante, chacune avec les siennes", async () => {
  const ats: string[] = [];
  for (let n = 1; n <= 6; n++) {
    const at = await campaign();
    ats.push(at);
    await fill(at, { to_schedule: n, done: n * 2 });
  }
  const asked = (count: number) =>
    world.db.read(tenantId, async (em) => {
      const found = await em.find(Campaign, { id: { $in: ats.slice(0, count).map(idIn) } });
      const run = em.getTransactionContext<{ getExecutor(): unknown }>()!;
      let questions = 0;
      const executor = run.getExecutor.bind(run);
      run.getExecutor = () => {
        questions += 1;
        return executor();
      };
      const stats = await campaignStats(em, found, { now: world.clock.now(), tenant, times: "none", from: "act" });
      return { questions, totals: ats.slice(0, count).map((at) => stats.get(idIn(at))!.total) };
    });
  const [one, six] = [await asked(1), await asked(6)];
  assert.deepEqual(six.totals, [3, 6, 9, 12, 15, 18]);
  assert.ok(one.questions > 0);
  assert.equal(six.questions, one.questions);
});

test("STA-2 : deux changements en même temps, lus d’un seul instant ; la page suivante les a", async () => {
  const at = await campaign();
  const ones = await Promise.all([1, 2, 3, 4].map((n) => addOperation(sophie, at, { c_cible: `PC-${n}` })));
  const [chloe, denis] = [await world.as("sophie"), await world.as("denis")];
  const reads = Promise.all(Array.from({ length: 8 }, () => statsOf(at)));
  await Promise.all([complete(chloe, ones[0]!), complete(denis, ones[1]!)]);
  for (const stats of await reads)
    assert.equal(
      Object.values(stats.counters).reduce((a, b) => a + b),
      4,
    );
  assert.deepEqual([(await statsOf(at)).counters.success, (await statsOf(at)).doneToday], [2, 2]);
});
