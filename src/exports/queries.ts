import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** One person's requests for files come one after the other, so that none passes the limits beside another. */
export async function holdExportsOf(em: EntityManager, personId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`exports ${personId}`}, 0))`.execute(run(em));
}

/** Says how far a preparation is; false once it must stop. */
export async function advance(em: EntityManager, id: string, done: number): Promise<boolean> {
  const { rows } = await sql<{ goesOn: boolean }>`
    update export set done = ${done} where id = ${id}::uuid and state = 'running'
    returning cancel_asked_at is null as "goesOn"`.execute(run(em));
  return rows[0]?.goesOn ?? false;
}

/** Forgets the exports whose day is over and gives the keys of their bytes (EXP-11). */
export async function dropExpired(em: EntityManager): Promise<string[]> {
  const { rows } = await sql<{ blob: string | null }>`
    delete from export where expires_at <= app_now() returning blob`.execute(run(em));
  return rows.flatMap(({ blob }) => blob ?? []);
}
