import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Enqueue } from "../db/index.ts";
import type { Services } from "../services.ts";

/** Work of every day, or of one day of the week, once for each tenant and local day, from `at` (local, `02:15`) on. */
export interface Schedule {
  /** `module.verb_nouns`. */
  job: string;
  /** French, what the page of jobs calls it. */
  label: string;
  at: string;
  /** The time of the settings instead of `at`; null, it does not run. */
  timeOf?(services: Services): string | null;
  /** The local day of a weekly run, 0 for Sunday; absent, it runs every day. */
  weekday?: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  /** Zones of the organisation's objects that have their own: it runs for each of their local days too, at the same time (GEN-3). */
  zones?(em: EntityManager): Promise<string[]>;
  /** Work that is nobody's: once for the whole instance instead of once for each organisation. */
  ofInstance?: true;
  /** After this long the run counts as failed and is tried again; a quarter of an hour when not said. */
  limitSeconds?: number;
  /** May give a French sentence, what the page of jobs tells of the run. */
  run(services: Services, about: { tenantId: string; day: string }): Promise<string> | Promise<void>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The local day and time of an instant, `2026-03-29` and `02:15`. */
export function localMoment(at: Date, zone: string): { day: string; time: string } {
  // The Swedish locale writes dates as ISO 8601 does.
  const [day, time] = at.toLocaleString("sv-SE", { timeZone: zone }).split(" ") as [string, string];
  return { day, time: time.slice(0, 5) };
}

/** The day `count` days after this one, `2026-03-29`. */
export const dayAfter = (day: string, count: number): string =>
  new Date(Date.parse(`${day}T00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);

/** When it runs with these settings; null, it does not. */
export const timeOf = (schedule: Pick<Schedule, "at" | "timeOf">, services: Services): string | null =>
  schedule.timeOf ? schedule.timeOf(services) : schedule.at;

/** The last local day, today included, whose time of running has come. */
export function lastDueDay(
  { at, weekday }: Pick<Schedule, "at" | "weekday">,
  now: { day: string; time: string },
): string {
  const day = at <= now.time ? now.day : dayAfter(now.day, -1);
  if (weekday === undefined) return day;
  return dayAfter(day, -((new Date(`${day}T00:00Z`).getUTCDay() - weekday + 7) % 7));
}

/** The instant of a local day and time; one that the spring change skips is read an hour later. */
export function instantOf(day: string, time: string, zone: string): Date {
  const asUtc = Date.parse(`${day}T${time}:00Z`);
  const offsetAt = (instant: number) => {
    const local = localMoment(new Date(instant), zone);
    return Date.parse(`${local.day}T${local.time}:00Z`) - instant;
  };
  return new Date(asUtc - offsetAt(asUtc - offsetAt(asUtc)));
}

/** When it runs next in this zone, whether or not it has run. */
export function nextRun(schedule: Pick<Schedule, "at" | "weekday">, now: Date, zone: string): Date {
  const last = lastDueDay(schedule, localMoment(now, zone));
  return instantOf(dayAfter(last, schedule.weekday === undefined ? 1 : 7), schedule.at, zone);
}

/**
 * Looks each minute for what is due, claims it in the ledger and hands it to the queue in the same transaction: a
 * process killed between the two loses nothing. A run missed while the process was down is made up once, when it is back.
 */
export function startTick(
  services: Services,
  schedules: Schedule[],
  send: Enqueue,
  onError: (error: unknown) => void,
): { tick(): Promise<void>; stop(): Promise<void> } {
  /** The last day known to be taken, by tenant and job: what saves asking the ledger again each minute. */
  const taken = new Map<string, string>();
  const report = (error: unknown): string[] => {
    onError(error);
    return [];
  };
  const tick = async () => {
    for (const { id, zone, kind, suspended } of await services.db.lookup<TenantLine>("tenants")) {
      // Its day is taken when it is open again: the last one due, not each one missed.
      if (suspended) continue;
      const here = localMoment(services.clock.now(), zone);
      for (const schedule of schedules) {
        if (schedule.ofInstance && kind !== "instance") continue;
        const at = timeOf(schedule, services);
        if (at === null) continue;
        // One schedule that cannot be claimed holds no other.
        const others = schedule.zones ? await services.db.read(id, schedule.zones).catch(report) : [];
        for (const place of [null, ...others]) {
          const now = place === null ? here : localMoment(services.clock.now(), place);
          const day = lastDueDay({ ...schedule, at }, now);
          const key = `${id} ${entryOf(schedule.job, place)}`;
          if (taken.get(key) === day) continue;
          const due = { tenantId: id, job: schedule.job, zone: place, day, today: now.day };
          await claim(services, send, due).then(() => taken.set(key, day), onError);
        }
      }
    }
  };
  let running = tick().catch(onError);
  const timer = setInterval(() => {
    running = running.then(tick).catch(onError);
  }, MINUTE_MS);
  timer.unref();
  return {
    tick,
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

/** What the ledger calls it: once in the zone of the organisation, once in each other. */
export const entryOf = (job: string, zone: string | null | undefined): string => (zone ? `${job} ${zone}` : job);

interface TenantLine {
  id: string;
  zone: string;
  kind: "instance" | "organisation";
  suspended: boolean;
}

/**
 * Sends this tenant's day to the queue, unless another process has, or the job was first seen here after that day. Nor
 * when one of the week that follows ran already: the clock went back, and what is behind it is done (F14).
 */
function claim(
  { db }: Services,
  send: Enqueue,
  {
    tenantId,
    job,
    zone,
    day,
    today,
  }: { tenantId: string; job: string; zone: string | null; day: string; today: string },
): Promise<void> {
  const entry = entryOf(job, zone);
  return db.note(tenantId, async (em) => {
    const run = em.getTransactionContext<Transaction<unknown>>()!;
    const { rows } = await sql<{ state: string }>`
      insert into job_run (tenant_id, id, job, on_day, state)
      select ${tenantId}::uuid, ${randomUUIDv7()}::uuid, ${entry}, ${day}::date,
        case when ${day === today} or exists (select from job_run where job = ${entry}) then 'waiting' else 'skipped' end
      where not exists (
        select from job_run where job = ${entry} and on_day > ${day}::date and on_day <= ${day}::date + 7)
      on conflict do nothing returning state`.execute(run);
    if (rows[0]?.state === "waiting") await send(run, job, { tenantId, day, ...(zone !== null && { zone }) });
  });
}
