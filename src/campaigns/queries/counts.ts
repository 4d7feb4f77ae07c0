import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { WITH_NEXT } from "../../platform/db/wire.ts";

/**
 * Counts of long lists, exact: one is used again only while the base would answer the same, that is as long as it shows
 * this very snapshot. Any transaction that writes, whoever's, makes a snapshot of its own.
 */

const MOST = 2_000;
interface Count {
  snapshot: string;
  rows: unknown[];
}
const known = new Map<string, Count>();

/** Those being counted, in the order they began: whoever asks meanwhile waits for one, and counts nothing beside it. */
const running = new Map<string, { begun: number; answer: Promise<Count> }>();
let last = 0;

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
  const since = ++last;
  for (;;) {
    const found = known.get(key);
    if (found?.snapshot === present) return found.rows as Row[];
    const other = running.get(key);
    if (!other) return (await begun(em, key, question)).rows as Row[];
    // One that fails is told to who began it.
    const count = await other.answer.catch(() => null);
    if (count && other.begun > since) return count.rows as Row[];
  }
}

function begun<Row extends object>(em: EntityManager, key: string, question: RawBuilder<Row>): Promise<Count> {
  const answer = count(em, question).finally(() => running.delete(key));
  running.set(key, { begun: ++last, answer });
  return answer.then((one) => {
    known.delete(key);
    known.set(key, one);
    if (known.size > MOST) known.delete(known.keys().next().value!);
    return one;
  });
}

async function count<Row extends object>(em: EntityManager, question: RawBuilder<Row>): Promise<Count> {
  await withRoom(em);
  // The snapshot a statement sees may be later than the one just read: it is asked together with the counts.
  const { rows } = await sql<{ snapshot: string; rows: Row[] | null }>`
    select pg_current_snapshot()::text as snapshot, (select json_agg(q) from (${question}) q) as rows`.execute(
    transaction(em),
  );
  return { snapshot: rows[0]!.snapshot, rows: rows[0]!.rows ?? [] };
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
