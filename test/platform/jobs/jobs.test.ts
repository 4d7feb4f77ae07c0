import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Enqueue } from "../../../src/platform/db/index.ts";
import type { DomainEvent, Subscription } from "../../../src/platform/events/catalogue.ts";
import { record } from "../../../src/platform/events/record.ts";
import { startJobs } from "../../../src/platform/jobs/index.ts";
import { deadLettersOf, installJobs } from "../../../src/platform/jobs/install.ts";
import { runSchedule } from "../../../src/platform/jobs/run.ts";
import { lastDueDay, localMoment, type Schedule, startTick } from "../../../src/platform/jobs/tick.ts";
import { actOf, buildTenant, testDatabase } from "../../support/database.ts";
import { noFiles } from "../../support/files.ts";

const received: DomainEvent[] = [];
let wake: (() => void) | undefined;
const subscription: Subscription = {
  on: "test.happened",
  job: "test.follow_up",
  label: "Suite d’essai",
  async run(event) {
    received.push(event);
    wake?.();
  },
};
const open = await testDatabase({
  extra: {
    events: { "test.happened": { label: "arrivé", payload: z.object({ n: z.int() }) } },
    subscriptions: [subscription],
  },
});
const queue = (
  job: string,
  run: Schedule["run"],
  limitSeconds = 60,
): Schedule & Parameters<typeof installJobs>[2][0] => ({
  job,
  label: "Essai",
  at: "02:15",
  limitSeconds,
  retry: { limit: 1, delaySeconds: 0 },
  run,
});
let tries = 0;
const throwing = queue("test.throw", async () => {
  tries++;
  throw new Error("mot de passe refusé par le relais");
});
const endless = queue("test.never_end", () => new Promise<void>(() => {}), 1);
const queues = [throwing, endless];
await installJobs(open.ownerUrl, open.owner, [subscription, ...queues]);
const { tenantId, userId } = await buildTenant(open.db);
const services = { db: open.db, clock: open.clock, files: noFiles, varDir: "", historyKey: "", diskFloor: 0 };
const errors: unknown[] = [];
const jobs = await startJobs(
  services,
  open.databaseUrl,
  { subscriptions: [subscription], schedules: queues },
  (error) => errors.push(error),
);
after(() => jobs.stop());

const happen = (n: number, fail = false) =>
  open.db.act(actOf(tenantId), (em) => {
    record(em, "test.happened", { type: "user", id: userId }, { n });
    if (fail) throw new Error("panne");
  });
const waiting = async () =>
  Number(
    (await open.owner.query("select count(*) as n from pgboss.job where name = $1", [subscription.job])).rows[0].n,
  );

test("un évènement et sa tâche vont ensemble : rien si l’acte échoue, la tâche s’il est écrit", {
  timeout: 30_000,
}, async () => {
  await assert.rejects(happen(1, true), /panne/);
  assert.equal(await waiting(), 0);
  const done = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await happen(2);
  assert.equal(await waiting(), 1);
  await done;
  assert.deepEqual(
    received.map(({ tenantId: tenant, payload, name }) => ({ tenant, payload, name })),
    [{ tenant: tenantId, payload: { n: 2 }, name: "test.happened" }],
  );
  assert.deepEqual(errors, []);
});

const send = (job: string, content: object) =>
  open.db.note(tenantId, (em) => jobs.send(em.getTransactionContext() as never, job, content as never));

/** The dead letters of a queue, once there are as many as waited for. */
async function deadLetters(job: string, count: number): Promise<{ reason: string }[]> {
  for (;;) {
    const { rows } = await open.owner.query(
      "select source_output ->> 'message' as reason from pgboss.job where name = $1",
      [deadLettersOf(job)],
    );
    if (rows.length >= count) return rows;
    await pause(100);
  }
}

test("P13 : une tâche sans organisation meurt aussitôt, sans effet, avec son motif", { timeout: 30_000 }, async () => {
  const before = received.length;
  await send(subscription.job, { event: { name: "test.happened", payload: { n: 13 } } });
  const [dead] = await deadLetters(subscription.job, 1);
  assert.match(dead!.reason, /sans son organisation/);
  assert.equal(received.length, before);
});

test("F24 : une tâche qui échoue et une qui ne finit pas meurent après leurs essais, et ne retiennent pas les autres", {
  timeout: 60_000,
}, async () => {
  for (const { job } of queues) await send(job, { tenantId, day: "2026-11-10" });
  await open.db.note(tenantId, (em) =>
    em.execute(
      "insert into job_run (tenant_id, id, job, on_day) select ?, gen_random_uuid(), j, '2026-11-10' from unnest(?::text[]) j",
      [tenantId, `{${queues.map(({ job }) => job)}}`],
    ),
  );
  const done = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await happen(24);
  await done;
  assert.match((await deadLetters(throwing.job, 1))[0]!.reason, /mot de passe refusé/);
  assert.equal(tries, 2, "le premier essai et la reprise");
  assert.match((await deadLetters(endless.job, 1))[0]!.reason, /exceeded 1s/);
});

const suspend = (onHold: boolean) =>
  open.db.act(actOf(tenantId), (em) =>
    em.execute("update tenant set suspended_at = case when ? then app_now() end", [onHold]),
  );

test("une organisation suspendue : ses tâches de la file attendent, puis reprennent, sans en perdre", {
  timeout: 60_000,
}, async () => {
  const before = received.length;
  await suspend(true);
  await happen(70);
  const aside = async () =>
    (
      await open.owner.query(
        "select id from pgboss.job where name = $1 and state = 'created' and start_after > now()",
        [subscription.job],
      )
    ).rows.length;
  while ((await aside()) === 0) await pause(100);
  assert.equal(received.length, before);
  await suspend(false);
  const done = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await open.owner.query("update pgboss.job set start_after = now() where name = $1 and state = 'created'", [
    subscription.job,
  ]);
  await done;
  assert.deepEqual(received.at(-1)?.payload, { n: 70 });
});

test("l’heure locale suit la zone, changements d’heure compris", () => {
  assert.deepEqual(localMoment(new Date("2026-03-29T00:59:00Z"), "Europe/Paris"), { day: "2026-03-29", time: "01:59" });
  assert.deepEqual(localMoment(new Date("2026-03-29T01:00:00Z"), "Europe/Paris"), { day: "2026-03-29", time: "03:00" });
  assert.deepEqual(localMoment(new Date("2026-10-25T01:30:00Z"), "Europe/Paris"), { day: "2026-10-25", time: "02:30" });
  assert.deepEqual(localMoment(new Date("2026-11-20T22:00:00Z"), "Indian/Reunion"), {
    day: "2026-11-21",
    time: "02:00",
  });
});

const unexpected = (error: unknown) => assert.fail(String(error));

/** Ticks over a queue of the test's own: what would be run, without waiting for a worker. */
function ticking(job: string, more: Partial<Schedule> = {}) {
  const sent: string[] = [];
  let now = new Date("2026-11-01T00:00:00Z");
  const at = (skewMs: number) => ({ ...services, clock: { now: () => new Date(now.getTime() + skewMs) } });
  const send: Enqueue = async (_transaction, name, content) => {
    assert.equal(name, job);
    assert.equal(content.tenantId, tenantId);
    sent.push("day" in content ? content.day : "");
  };
  const schedule: Schedule = { job, label: "Essai", at: "02:15", run: async () => {}, ...more };
  return {
    sent,
    async live(moments: string[], skewsMs = [0, 0]) {
      now = new Date(moments[0]!);
      const ticks = skewsMs.map((skew) => startTick(at(skew), [schedule], send, unexpected));
      for (const moment of moments) {
        now = new Date(moment);
        await Promise.all(ticks.map(({ tick }) => tick()));
      }
      await Promise.all(ticks.map(({ stop }) => stop()));
    },
  };
}

test("une tâche quotidienne part une fois par organisation et par jour, même à deux processus et l’heure doublée", async () => {
  const { sent, live } = ticking("test.run_daily");
  // The hour from 02:00 to 03:00 comes twice that night in Paris.
  const times = ["00:10", "00:20", "01:20", "01:50", "06:00"].map((time) => `2026-10-25T${time}:00Z`);
  await live(["2026-10-24T23:00:00Z", ...times, "2026-10-26T05:00:00Z"]);
  assert.deepEqual(sent, ["2026-10-25", "2026-10-26"]);
});

test("F14 : l’horloge saute de deux heures puis d’un jour, en avant et en arrière, deux instances à cinq minutes près : chaque jour une fois", async () => {
  const { sent, live } = ticking("test.run_jumping");
  const fiveMinutes = [0, 300_000];
  await live(["2026-11-10T01:00:00Z", "2026-11-10T01:12:00Z", "2026-11-10T01:16:00Z"], fiveMinutes);
  assert.deepEqual(sent, ["2026-11-10"]);
  await live(["2026-11-10T03:16:00Z", "2026-11-09T23:16:00Z", "2026-11-10T01:20:00Z"], fiveMinutes);
  assert.deepEqual(sent, ["2026-11-10"], "deux heures en avant, deux heures en arrière");
  await live(["2026-11-11T01:20:00Z", "2026-11-10T01:21:00Z", "2026-11-09T01:21:00Z"], fiveMinutes);
  assert.deepEqual(sent, ["2026-11-10", "2026-11-11"], "un jour en avant, puis en arrière, plus loin qu’au départ");
  await live(["2026-11-11T01:22:00Z", "2026-11-12T01:22:00Z"], fiveMinutes);
  assert.deepEqual(sent, ["2026-11-10", "2026-11-11", "2026-11-12"]);
  // And on and on, two steps forward and one back: no day twice, nor one that is over.
  const hours = [2, 7, -2, 24, -24, 1, -2, 2, 24, -2];
  let moment = Date.parse("2026-11-13T01:00:00Z");
  const moments = Array.from({ length: process.env.FAULTS === "long" ? 300 : 20 }, (_, i) => {
    moment += hours[i % hours.length]! * 3_600_000;
    return new Date(moment).toISOString();
  });
  await live(moments, fiveMinutes);
  assert.deepEqual(sent, [...new Set(sent)].sort());
  assert.ok(sent.length > 4);
});

test("une organisation suspendue ne prend aucun jour ; rouverte, le dernier dû", async () => {
  const { sent, live } = ticking("test.run_on_hold");
  await live(["2026-11-10T05:00:00Z"]);
  await suspend(true);
  await live(["2026-11-11T05:00:00Z", "2026-11-12T05:00:00Z"]);
  assert.deepEqual(sent, ["2026-11-10"]);
  await suspend(false);
  await live(["2026-11-13T05:00:00Z"]);
  assert.deepEqual(sent, ["2026-11-10", "2026-11-13"]);
});

test("une organisation ne prend pas le travail de l’instance", async () => {
  const { sent, live } = ticking("test.run_instance", { ofInstance: true });
  await live(["2026-11-10T05:00:00Z"]);
  assert.deepEqual(sent, []);
});

test("le dernier jour dû : celui d’avant tant que l’heure n’est pas venue, le jour dit pour une tâche de la semaine", () => {
  // 2026-11-22 is a Sunday.
  const due = (day: string, time: string, weekday?: Schedule["weekday"]) =>
    lastDueDay(weekday === undefined ? { at: "02:00" } : { at: "02:00", weekday }, { day, time });
  assert.equal(due("2026-11-22", "02:00"), "2026-11-22");
  assert.equal(due("2026-11-22", "01:59"), "2026-11-21");
  assert.equal(due("2026-03-01", "01:59"), "2026-02-28");
  assert.equal(due("2026-11-22", "02:00", 0), "2026-11-22");
  assert.equal(due("2026-11-22", "01:59", 0), "2026-11-15");
  assert.equal(due("2026-11-28", "23:59", 0), "2026-11-22");
  assert.equal(due("2026-11-22", "12:00", 6), "2026-11-21");
});

test("une tâche de la semaine manquée est rattrapée une fois ; rien pour les jours d’avant sa première vue", async () => {
  const { sent, live } = ticking("test.run_weekly", { at: "02:00", weekday: 0 });
  await live(["2026-11-18T10:01:00Z", "2026-11-21T23:30:00Z"]);
  assert.deepEqual(sent, [], "le dimanche d’avant n’est pas dû à qui arrive le mercredi");
  await live(["2026-11-24T09:00:00Z", "2026-11-26T09:00:00Z"]);
  assert.deepEqual(sent, ["2026-11-22"], "le dimanche manqué, une fois");
  await live(["2026-11-29T00:59:00Z", "2026-11-29T01:00:00Z", "2026-11-29T22:00:00Z"]);
  assert.deepEqual(sent, ["2026-11-22", "2026-11-29"]);
});

test("la part prise au registre et la tâche envoyée vont ensemble : si l’envoi échoue, le jour reste à prendre", async () => {
  const schedule: Schedule = { job: "test.run_unsent", label: "Essai", at: "02:15", run: async () => {} };
  const at = { ...services, clock: { now: () => new Date("2026-11-10T05:00:00Z") } };
  const sent: string[] = [];
  const failed: unknown[] = [];
  let broken = true;
  const send: Enqueue = async (_transaction, job) => {
    if (broken) throw new Error("file fermée");
    sent.push(job);
  };
  const { tick, stop } = startTick(at, [schedule], send, (error) => failed.push(error));
  await tick();
  assert.match(String(failed[0]), /file fermée/);
  broken = false;
  await tick();
  await tick();
  await stop();
  assert.deepEqual(sent, ["test.run_unsent"]);
});

const runsOf = (job: string) =>
  open.db.read(tenantId, (em) =>
    em.execute<{ state: string; outcome: string | null; failure: string | null; timed: boolean }[]>(
      "select state, outcome, failure, started_at <= finished_at as timed from job_run where job = ?",
      [job],
    ),
  );

test("le registre dit ce que chaque tâche est devenue : en échec avec son motif, puis faite ; faite, elle ne recommence pas", async () => {
  let broken = true;
  let runs = 0;
  const schedule: Schedule = {
    job: "test.run_told",
    label: "Essai",
    at: "02:15",
    async run() {
      runs++;
      if (broken) throw new Error("disque plein");
      return "3 lignes supprimées";
    },
  };
  const about = { tenantId, day: "2026-11-10" };
  const at = { ...services, clock: { now: () => new Date("2026-11-10T05:00:00Z") } };
  const { tick, stop } = startTick(at, [schedule], async () => {}, unexpected);
  await tick();
  await stop();
  assert.equal((await runsOf(schedule.job))[0]?.state, "waiting");
  await assert.rejects(runSchedule(services, schedule, about), /disque plein/);
  const [failed] = await runsOf(schedule.job);
  assert.deepEqual([failed?.state, failed?.failure], ["failed", "disque plein"]);
  broken = false;
  await runSchedule(services, schedule, about);
  await runSchedule(services, schedule, about);
  const [done] = await runsOf(schedule.job);
  assert.deepEqual(
    [done?.state, done?.outcome, done?.failure, done?.timed],
    ["done", "3 lignes supprimées", null, true],
  );
  assert.equal(runs, 2);
});
