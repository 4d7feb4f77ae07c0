import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { WITH_NEXT } from "../../platform/db/wire.ts";

/**
 * Counts of long lists, exact: one is used again only while the base would answer the same, that is as long as it shows
 * this very snapshot. Any transaction that writes, whoever's, makes a snapshot of its own.
 */

const MOST = 2_000;
const known = new Map<string, { snapshot: string; rows: unknown[] }>();

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What these counts are at this moment; never asked where something is written first, which its snapshot does not tell. `day`: where the question tells late from early, the day it is asked. */
export async function counted<Row extends object>(
  em: EntityManager,
  question: RawBuilder<Row>,
  { tenantId, day = "" }: { tenantId: string; day?: string },
): Promise<Row[]> {
  const present = await snapshotOf(transaction(em));
  const { sql: text, parameters } = question.compile(transaction(em));
  const key = JSON.stringify([tenantId, day, text, parameters]);
  const found = known.get(key);
  if (found?.snapshot === present) return found.rows as Row[];
  await withRoom(em);
  // The snapshot a statement sees may be later than the one just read: it is asked together with the counts.
  const { rows } = await sql<{ snapshot: string; rows: Row[] | null }>`
    select pg_current_snapshot()::text as snapshot, (select json_agg(q) from (${question}) q) as rows`.execute(
    transaction(em),
  );
  const { snapshot, rows: list } = rows[0]!;
  known.delete(key);
  known.set(key, { snapshot, rows: list ?? [] });
  if (known.size > MOST) known.delete(known.keys().next().value!);
  return list ?? [];
}

/** Lists of a hundred thousand rows are grouped in memory: with what PostgreSQL is given by default they are sorted through the disk. */
export const withRoom = (em: EntityManager) =>
  sql`${sql.raw(WITH_NEXT)}select set_config('work_mem', '32MB', true)`.execute(transaction(em));

const asked = new WeakMap<Transaction<unknown>, Promise<string>>();

/** Asked once by a page: what it counts is then of one moment. */
function snapshotOf(page: Transaction<unknown>): Promise<string> {
  const known = asked.get(page);
  if (known) return known;
  const answer = sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`
    .execute(page)
    .then(({ rows }) => rows[0]!.snapshot);
  asked.set(page, answer);
  return answer;
}
