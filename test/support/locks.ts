import pg from "pg";
import type { World } from "./world.ts";

/** Real connections that cross: what one holds, the others wait for, and the test says when it lets go. */

/** Whoever would write this operation waits, until it is let go. */
export async function holdOperation({ superUrl }: World, id: string): Promise<() => Promise<void>> {
  const other = new pg.Client({ connectionString: superUrl });
  await other.connect();
  await other.query("begin");
  await other.query("select from operation where id = $1 for update", [id]);
  return () => other.end();
}

/** Whoever would write a status of this campaign, or lead it to another state, waits until it is let go, in the order they came. */
export async function holdCampaign({ superUrl }: Pick<World, "superUrl">, id: string): Promise<() => Promise<void>> {
  const other = new pg.Client({ connectionString: superUrl });
  await other.connect();
  await other.query("begin");
  await other.query("select pg_advisory_xact_lock(hashtextextended('workflow ' || $1::uuid, 0))", [id]);
  return () => other.end();
}

/** Until so many connections wait for a lock, or this is over. */
export async function untilWaiting({ owner }: World, count: number, over: Promise<unknown>): Promise<void> {
  const waits =
    "select from pg_locks join pg_stat_activity a using (pid) where not granted and a.datname = current_database()";
  let isOver = false;
  over.finally(() => {
    isOver = true;
  });
  while (!isOver && (await owner.query(waits)).rowCount! < count);
}
