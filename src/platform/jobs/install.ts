import { createRequire } from "node:module";
import type { Client } from "pg";
import { PgBoss } from "pg-boss";

const { pgboss } = createRequire(import.meta.url)("pg-boss/package.json") as { pgboss: { schema: number } };

/** Jobs of a queue are tried this often, further and further apart, then kept as failed for a person to read. */
const RETRIES = { retryLimit: 5, retryDelay: 5, retryBackoff: true, heartbeatSeconds: 60, deleteAfterSeconds: 604_800 };

/** The schema and queues of pg-boss, made as owner since the application role may create nothing (rulings 2, 15). */
export async function installJobs(ownerUrl: string, owner: Client, queues: string[]): Promise<void> {
  if (await upToDate(owner, queues)) return;
  const boss = new PgBoss({ connectionString: ownerUrl, schema: "pgboss", supervise: false, schedule: false, max: 1 });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  try {
    for (const queue of queues) await boss.createQueue(queue, RETRIES);
  } finally {
    await boss.stop({ graceful: false });
  }
  await owner.query(`
    grant usage on schema pgboss to opstracker_app;
    grant select, insert, update, delete on all tables in schema pgboss to opstracker_app;
    grant execute on all functions in schema pgboss to opstracker_app;
    grant usage on all sequences in schema pgboss to opstracker_app`);
}

async function upToDate(owner: Client, queues: string[]): Promise<boolean> {
  const installed = await owner.query("select to_regclass('pgboss.version') as version");
  if (installed.rows[0].version === null) return false;
  const { rows } = await owner.query(
    "select (select max(version) from pgboss.version) as version, array(select name from pgboss.queue) as queues",
  );
  return rows[0].version === pgboss.schema && queues.every((queue) => rows[0].queues.includes(queue));
}
