import { createRequire } from "node:module";
import type { Client } from "pg";
import { PgBoss } from "pg-boss";

const { pgboss } = createRequire(import.meta.url)("pg-boss/package.json") as { pgboss: { schema: number } };

/** Jobs of a queue are tried this often, further and further apart, then go to the queue's dead letters. */
const RETRIES = { retryLimit: 5, retryDelay: 5, retryBackoff: true, heartbeatSeconds: 30, deleteAfterSeconds: 604_800 };
const LIMIT_SECONDS = 900;
/** Dead letters wait for a person, who may be on holiday. */
const DEAD_LETTERS = { retentionSeconds: 7_776_000 };

/** Where jobs of a queue end once all their tries have failed. */
export const deadLettersOf = (queue: string): string => `${queue}.dead`;

interface Queue {
  job: string;
  limitSeconds?: number;
  /** A test that waits for the last try shortens the wait. */
  retry?: { limit: number; delaySeconds: number };
}

/** The schema and queues of pg-boss, made as owner since the application role may create nothing (rulings 2, 15). */
export async function installJobs(ownerUrl: string, owner: Client, queues: Queue[]): Promise<void> {
  if (await upToDate(owner, queues)) return;
  const boss = new PgBoss({ connectionString: ownerUrl, schema: "pgboss", supervise: false, schedule: false, max: 1 });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  try {
    for (const queue of queues) {
      await boss.createQueue(deadLettersOf(queue.job), DEAD_LETTERS);
      await boss.createQueue(queue.job, settingsOf(queue));
      // What an earlier version made keeps its jobs and takes today's settings.
      await boss.updateQueue(queue.job, settingsOf(queue));
    }
  } finally {
    await boss.stop({ graceful: false });
  }
  await owner.query(`
    grant usage on schema pgboss to opstracker_app;
    grant select, insert, update, delete on all tables in schema pgboss to opstracker_app;
    grant execute on all functions in schema pgboss to opstracker_app;
    grant usage on all sequences in schema pgboss to opstracker_app`);
}

const settingsOf = ({ job, limitSeconds = LIMIT_SECONDS, retry }: Queue) => ({
  ...RETRIES,
  ...(retry && { retryLimit: retry.limit, retryDelay: retry.delaySeconds }),
  expireInSeconds: limitSeconds,
  deadLetter: deadLettersOf(job),
});

async function upToDate(owner: Client, queues: Queue[]): Promise<boolean> {
  const installed = await owner.query("select to_regclass('pgboss.version') as version");
  if (installed.rows[0].version === null) return false;
  const { rows } = await owner.query(
    `select (select max(version) from pgboss.version) as version,
       (select coalesce(jsonb_object_agg(name, jsonb_build_object('dead', dead_letter, 'limit', expire_seconds, 'beat', heartbeat_seconds)), '{}') from pgboss.queue) as queues`,
  );
  const { version, queues: known } = rows[0];
  return (
    version === pgboss.schema &&
    queues.every((queue) => {
      const { deadLetter, expireInSeconds, heartbeatSeconds } = settingsOf(queue);
      const { dead, limit, beat } = known[queue.job] ?? {};
      return dead === deadLetter && limit === expireInSeconds && beat === heartbeatSeconds;
    })
  );
}
