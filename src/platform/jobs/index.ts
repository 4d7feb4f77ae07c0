import { CompiledQuery } from "kysely";
import { PgBoss } from "pg-boss";
import type { Enqueue } from "../db/index.ts";
import type { DomainEvent, Subscription } from "../events/catalogue.ts";
import type { Services } from "../services.ts";

export interface Jobs {
  stop(): Promise<void>;
}

/** Sends a job in the transaction of the act that recorded its event: gone with a rollback, there with the commit. */
export const enqueueWith =
  (boss: PgBoss): Enqueue =>
  async (transaction, job, event) => {
    const db = {
      async executeSql(text: string, values: unknown[] = []) {
        const { rows } = await transaction.executeQuery(CompiledQuery.raw(text, values));
        return { rows };
      },
    };
    await boss.send(job, { event: { ...event, at: event.at.toISOString() } }, { db });
  };

/**
 * Starts pg-boss under the application role, its schema being there already, and one worker for each subscription.
 * A job runs at least once: what it does must bear being done twice. A job without a tenant fails (P13).
 */
export async function startJobs(
  services: Services,
  url: string,
  subscriptions: Subscription[],
  onError: (error: unknown) => void,
): Promise<Jobs> {
  const boss = new PgBoss({
    connectionString: url,
    schema: "pgboss",
    migrate: false,
    createSchema: false,
    schedule: false,
    max: 3,
  });
  boss.on("error", onError);
  await boss.start();
  services.db.sendJobsWith(enqueueWith(boss));
  for (const { job, run } of subscriptions) {
    await boss.work<{ event: DomainEvent }>(job, { pollingIntervalSeconds: 1 }, async (jobs) => {
      for (const { data } of jobs) {
        if (!data.event?.tenantId) throw new Error(`A job of ${job} came without its tenant.`);
        await run({ ...data.event, at: new Date(data.event.at) }, services);
      }
    });
  }
  return {
    async stop() {
      await boss.stop({ graceful: true, timeout: 10_000 });
    },
  };
}
