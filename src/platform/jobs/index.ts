import { CompiledQuery } from "kysely";
import { PgBoss } from "pg-boss";
import type { Enqueue, JobContent } from "../db/index.ts";
import type { Subscription } from "../events/catalogue.ts";
import type { Services } from "../services.ts";
import { isSuspended } from "./queries.ts";
import { runSchedule } from "./run.ts";
import type { Schedule } from "./tick.ts";

export interface Jobs {
  /** Sends a job in the transaction given: gone with a rollback, there with the commit. */
  send: Enqueue;
  stop(): Promise<void>;
}

/** How long what an organisation on hold had in the queue is put aside, each time it comes up. */
const ON_HOLD_SECONDS = 60;
const LOOK_SECONDS = 15;
/** Of pg, that pg-boss hands on: a server that leaves a question without an answer is lost, another connection is tried (F07). */
const WIRE: object = { query_timeout: 10_000, keepAlive: true };

interface Work {
  job: string;
  run(content: JobContent): Promise<void>;
}

/**
 * Starts pg-boss under the application role, its schema being there already, and one worker for each subscription and
 * each schedule. A job runs at least once: what it does must bear being done twice. One that came without its tenant
 * dies at once, one of a suspended organisation waits until it is open again, one that fails or outlasts its limit is tried again, then dies: dead letters keep the reason (P13, F24).
 */
export async function startJobs(
  services: Services,
  url: string,
  { subscriptions, schedules }: { subscriptions: Subscription[]; schedules: Schedule[] },
  onError: (error: unknown) => void,
): Promise<Jobs> {
  const boss = new PgBoss({
    connectionString: url,
    schema: "pgboss",
    migrate: false,
    createSchema: false,
    schedule: false,
    max: 3,
    ...WIRE,
    // What a dead process held is given back within a quarter of a minute of its last heartbeat (F07, F24).
    superviseIntervalSeconds: LOOK_SECONDS,
    monitorIntervalSeconds: LOOK_SECONDS,
  });
  boss.on("error", onError);
  await boss.start();
  const send = sendWith(boss);
  services.db.sendJobsWith(send);
  for (const { job, run } of [...reacting(subscriptions, services), ...scheduled(schedules, services)]) {
    const asked = { pollingIntervalSeconds: 1, perJobResults: true } as const;
    await boss.work<Partial<JobContent>>(job, asked, async (jobs) => {
      const [{ id, data }] = jobs as [(typeof jobs)[0]];
      if (!data?.tenantId) {
        return [{ id, status: "deadletter", output: { message: "Cette tâche est venue sans son organisation." } }];
      }
      if (await isSuspended(services.db, data.tenantId)) {
        await boss.send(job, data, { startAfter: ON_HOLD_SECONDS });
        return [{ id, status: "completed" }];
      }
      await run(data as JobContent).catch((error: unknown) => {
        onError(error);
        throw error;
      });
      return [{ id, status: "completed" }];
    });
  }
  return {
    send,
    async stop() {
      await boss.stop({ graceful: true, timeout: 10_000 });
    },
  };
}

const sendWith =
  (boss: PgBoss): Enqueue =>
  async (transaction, job, content) => {
    const db = {
      async executeSql(text: string, values: unknown[] = []) {
        const { rows } = await transaction.executeQuery(CompiledQuery.raw(text, values));
        return { rows };
      },
    };
    await boss.send(job, content, { db });
  };

const reacting = (subscriptions: Subscription[], services: Services): Work[] =>
  subscriptions.map(({ job, run }) => ({
    job,
    async run(content) {
      if (!("event" in content)) throw new Error(`${job} came without its event.`);
      await run({ ...content.event, at: new Date(content.event.at) }, services);
    },
  }));

const scheduled = (schedules: Schedule[], services: Services): Work[] =>
  schedules.map((schedule) => ({
    job: schedule.job,
    async run(content) {
      if (!("day" in content)) throw new Error(`${schedule.job} came without its day.`);
      await runSchedule(services, schedule, content);
    },
  }));
