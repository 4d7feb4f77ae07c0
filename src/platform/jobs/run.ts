import { defineEntity, type EntityManager, p } from "@mikro-orm/postgresql";
import { createdAt, lookedUpTable, tenantKey } from "../db/entity.ts";
import type { Services } from "../services.ts";
import { entryOf, type Schedule } from "./tick.ts";

const STATES = ["waiting", "running", "done", "failed", "skipped"] as const;
export type RunState = (typeof STATES)[number];

/** What ran, for which tenant and local day: clock changes and restarts cannot make it run twice (rulings 15). */
export const JobRunRow = defineEntity({
  name: "JobRun",
  tableName: "job_run",
  ...lookedUpTable,
  policies: [
    ...lookedUpTable.policies,
    {
      name: "kept_ninety_days",
      type: "restrictive",
      command: "delete",
      using: "(on_day < (app_now() - '90 days'::interval)::date)",
    },
  ],
  uniques: [{ properties: ["tenantId", "job", "onDay"] }],
  properties: {
    ...tenantKey(),
    job: p.text(),
    onDay: p.date(),
    state: p.enum(STATES).default("waiting"),
    startedAt: p.datetime().nullable(),
    finishedAt: p.datetime().nullable(),
    // A sentence of the job's own: what it found or deleted.
    outcome: p.text().nullable(),
    failure: p.text().nullable(),
    ...createdAt(),
  },
});

const LONGEST_FAILURE = 500;

/** Runs one claimed day and writes what became of it; a day already done is left alone, whoever sends it again. */
export async function runSchedule(
  services: Services,
  schedule: Schedule,
  { tenantId, day, zone }: { tenantId: string; day: string; zone?: string },
): Promise<void> {
  const tell = (set: string, values: unknown[] = []) =>
    services.db.note(tenantId, (em: EntityManager) =>
      em.execute<{ id: string }[]>(
        `update job_run set ${set} where job = ? and on_day = ?::date and state <> 'done' returning id`,
        [...values, entryOf(schedule.job, zone), day],
      ),
    );
  const taken = await tell(
    "state = 'running', started_at = app_now(), finished_at = null, outcome = null, failure = null",
  );
  if (taken.length === 0) return;
  try {
    const outcome = await schedule.run(services, { tenantId, day });
    await tell("state = 'done', finished_at = app_now(), outcome = ?", [outcome ?? null]);
  } catch (error) {
    const failure = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_FAILURE);
    await tell("state = 'failed', finished_at = app_now(), failure = ?", [failure]);
    throw error;
  }
}
