import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { DomainEvent, Subscription } from "../../../src/platform/events/catalogue.ts";
import { record } from "../../../src/platform/events/record.ts";
import { startJobs } from "../../../src/platform/jobs/index.ts";
import { installJobs } from "../../../src/platform/jobs/install.ts";
import { lastDueDay, localMoment, type Schedule, startTick } from "../../../src/platform/jobs/tick.ts";
import { actOf, buildTenant, testDatabase } from "../../support/database.ts";

const received: DomainEvent[] = [];
let wake: (() => void) | undefined;
const subscription: Subscription = {
  on: "test.happened",
  job: "test.follow_up",
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
await installJobs(open.ownerUrl, open.owner, [subscription.job]);
const { tenantId, userId } = await buildTenant(open.db);
const services = { db: open.db, clock: open.clock, varDir: "", historyKey: "" };
const errors: unknown[] = [];
const jobs = await startJobs(services, open.databaseUrl, [subscription], (error) => errors.push(error));
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

test("l’heure locale suit la zone, changements d’heure compris", () => {
  assert.deepEqual(localMoment(new Date("2026-03-29T00:59:00Z"), "Europe/Paris"), { day: "2026-03-29", time: "01:59" });
  assert.deepEqual(localMoment(new Date("2026-03-29T01:00:00Z"), "Europe/Paris"), { day: "2026-03-29", time: "03:00" });
  assert.deepEqual(localMoment(new Date("2026-10-25T01:30:00Z"), "Europe/Paris"), { day: "2026-10-25", time: "02:30" });
  assert.deepEqual(localMoment(new Date("2026-11-20T22:00:00Z"), "Indian/Reunion"), {
    day: "2026-11-21",
    time: "02:00",
  });
});

test("une tâche quotidienne court une fois par organisation et par jour, même à deux processus et l’heure doublée", async () => {
  const ran: string[] = [];
  const schedule: Schedule = {
    job: "test.run_daily",
    at: "02:15",
    run: async (_services, { tenantId: tenant, day }) => void ran.push(`${tenant} ${day}`),
  };
  let now = new Date("2026-10-24T23:00:00Z");
  const at = { ...services, clock: { now: () => now } };
  const unexpected = (error: unknown) => assert.fail(String(error));
  const ticks = [startTick(at, [schedule], unexpected), startTick(at, [schedule], unexpected)];
  // The hour from 02:00 to 03:00 comes twice that night in Paris.
  for (const time of ["00:10", "00:20", "01:20", "01:50", "06:00"]) {
    now = new Date(`2026-10-25T${time}:00Z`);
    await Promise.all(ticks.map(({ tick }) => tick()));
  }
  now = new Date("2026-10-26T05:00:00Z");
  await Promise.all(ticks.map(({ tick }) => tick()));
  await Promise.all(ticks.map(({ stop }) => stop()));
  assert.deepEqual(ran, [`${tenantId} 2026-10-25`, `${tenantId} 2026-10-26`]);
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
  const ran: string[] = [];
  const schedule: Schedule = {
    job: "test.run_weekly",
    at: "02:00",
    weekday: 0,
    run: async (_services, { day }) => void ran.push(day),
  };
  let now = new Date("2026-11-18T10:00:00Z");
  const at = { ...services, clock: { now: () => now } };
  const unexpected = (error: unknown) => assert.fail(String(error));
  const live = async (...moments: string[]) => {
    const ticks = [startTick(at, [schedule], unexpected), startTick(at, [schedule], unexpected)];
    for (const moment of moments) {
      now = new Date(moment);
      await Promise.all(ticks.map(({ tick }) => tick()));
    }
    await Promise.all(ticks.map(({ stop }) => stop()));
  };
  await live("2026-11-18T10:01:00Z", "2026-11-21T23:30:00Z");
  assert.deepEqual(ran, [], "le dimanche d’avant n’est pas dû à qui arrive le mercredi");
  await live("2026-11-24T09:00:00Z", "2026-11-26T09:00:00Z");
  assert.deepEqual(ran, ["2026-11-22"], "le dimanche manqué, une fois");
  await live("2026-11-29T00:59:00Z", "2026-11-29T01:00:00Z", "2026-11-29T22:00:00Z");
  assert.deepEqual(ran, ["2026-11-22", "2026-11-29"]);
});
