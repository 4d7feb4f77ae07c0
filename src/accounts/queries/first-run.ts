import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

/** Makes every other process that prepares the same empty base wait until this transaction ends [INS-1]. */
export async function holdFirstRun(em: EntityManager): Promise<void> {
  const run = em.getTransactionContext<Transaction<unknown>>()!;
  await sql`select pg_advisory_xact_lock(hashtextextended('first run', 0))`.execute(run);
}
