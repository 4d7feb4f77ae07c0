import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { sql, type Transaction } from "kysely";
import { createdAt, tenantKey, tenantTable } from "../db/entity.ts";
import type { Services } from "../services.ts";

/** Work of every day, once for each tenant and local day, from `at` (local, `02:15`) on. */
export interface Schedule {
  /** `module.verb_nouns`. */
  job: string;
  at: string;
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

/** The local day and time of an instant, `2026-03-29` and `02:15`. */
export function localMoment(at: Date, zone: string): { day: string; time: string } {
  // The Swedish locale writes dates as ISO 8601 does.
  const [day, time] = at.toLocaleString("sv-SE", { timeZone: zone }).split(" ") as [string, string];
  return { day, time: time.slice(0, 5) };
}

/** Looks each minute for what is due; a run missed while the process was down is made up for the same day. */
export function startTick(
  services: Services,
  schedules: Schedule[],
  onError: (error: unknown) => void,
): { tick(): Promise<void>; stop(): Promise<void> } {
  const tick = async () => {
    for (const { id, zone } of await services.db.lookup<{ id: string; zone: string }>("tenants")) {
      const { day, time } = localMoment(services.clock.now(), zone);
      for (const schedule of schedules.filter(({ at }) => at <= time)) {
        if (await claim(services, id, schedule.job, day)) {
          await schedule.run(services, { tenantId: id, day }).catch(onError);
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

/** True for the one process that takes this tenant's day. */
function claim({ db }: Services, tenantId: string, job: string, day: string): Promise<boolean> {
  return db.note(tenantId, async (em) => {
    const { rows } = await sql`
      insert into job_run (tenant_id, id, job, on_day) values (${tenantId}, ${randomUUIDv7()}, ${job}, ${day}::date)
      on conflict do nothing returning id`.execute(em.getTransactionContext<Transaction<unknown>>()!);
    return rows.length > 0;
  });
}
