import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { sql, type Transaction } from "kysely";
import { createdAt, tenantKey, tenantTable } from "../db/entity.ts";
import type { Services } from "../services.ts";

/** Work of every day, or of one day of the week, once for each tenant and local day, from `at` (local, `02:15`) on. */
export interface Schedule {
  /** `module.verb_nouns`. */
  job: string;
  at: string;
  /** The local day of a weekly run, 0 for Sunday; absent, it runs every day. */
  weekday?: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  run(services: Services, about: { tenantId: string; day: string }): Promise<void>;
}

/** What ran, for which tenant and local day: clock changes and restarts cannot make it run twice (rulings 15). */
export const JobRunRow = defineEntity({
  name: "JobRun",
  tableName: "job_run",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "job", "onDay"] }],
  properties: { ...tenantKey(), job: p.text(), onDay: p.date(), ...createdAt() },
});

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

/** The last local day, today included, whose time of running has come. */
export function lastDueDay(
  { at, weekday }: Pick<Schedule, "at" | "weekday">,
  now: { day: string; time: string },
): string {
  const day = at <= now.time ? now.day : dayAfter(now.day, -1);
  if (weekday === undefined) return day;
  return dayAfter(day, -((new Date(`${day}T00:00Z`).getUTCDay() - weekday + 7) % 7));
}

/** Looks each minute for what is due; a run missed while the process was down is made up once, when it is back. */
export function startTick(
  services: Services,
  schedules: Schedule[],
  onError: (error: unknown) => void,
): { tick(): Promise<void>; stop(): Promise<void> } {
  /** The last day known to be taken, by tenant and job: what saves asking the ledger again each minute. */
  const taken = new Map<string, string>();
  const tick = async () => {
    for (const { id, zone } of await services.db.lookup<{ id: string; zone: string }>("tenants")) {
      const now = localMoment(services.clock.now(), zone);
      for (const schedule of schedules) {
        const day = lastDueDay(schedule, now);
        const key = `${id} ${schedule.job}`;
        if (taken.get(key) === day) continue;
        const mine = await claim(services, { tenantId: id, job: schedule.job, day, today: now.day });
        taken.set(key, day);
        if (mine) await schedule.run(services, { tenantId: id, day }).catch(onError);
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

/** True for the one process that takes this tenant's day; never for a day before the job was first seen here. */
function claim(
  { db }: Services,
  { tenantId, job, day, today }: { tenantId: string; job: string; day: string; today: string },
): Promise<boolean> {
  return db.note(tenantId, async (em) => {
    const { rows } = await sql<{ new: boolean }>`
      with known as (select exists (select from job_run where tenant_id = ${tenantId} and job = ${job}) as before)
      insert into job_run (tenant_id, id, job, on_day) values (${tenantId}, ${randomUUIDv7()}, ${job}, ${day}::date)
      on conflict do nothing returning not (select before from known) as new`.execute(
      em.getTransactionContext<Transaction<unknown>>()!,
    );
    return rows.length > 0 && (!rows[0]!.new || day === today);
  });
}
