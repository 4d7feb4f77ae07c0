import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** The oldest acts, by whole days, that an organisation no longer has to keep. */
export interface OldDays {
  /** The number of their last seal, and its hash: what the rest of the chain hangs from. */
  upTo: number;
  hash: Buffer;
  /** The last of these days, in the organisation's zone: "2024-11-20". */
  lastDay: string;
}

/**
 * What is older than the organisation keeps, at `now`: whole days, oldest first, `most` acts unless one day alone has
 * more. Null when there is nothing; the very last seal always stays.
 */
export async function findOldDays(
  em: EntityManager,
  { now, most }: { now: Date; most: number },
): Promise<OldDays | null> {
  const { rows } = await sql<{ up_to: string; hash: Buffer; last_day: string }>`
    with keeping as (
      select t.zone, (date_trunc('day', ${now}::timestamptz at time zone t.zone) - make_interval(years => t.history_years)) at time zone t.zone as since
      from tenant t
    ), kept as (
      select coalesce(
        (select s.sequence from seal s, keeping k where s.created_at >= k.since order by s.sequence limit 1),
        (select max(sequence) from seal)) as first
    ), old as (
      select s.sequence, (s.created_at at time zone k.zone)::date as day
      from seal s, keeping k, kept where s.sequence < kept.first order by s.sequence limit ${most}
    ), days as (
      -- The last of as many as may be taken at once is perhaps not all there.
      select case when count(*) < ${most} then max(day) else coalesce(max(day) filter (where day < (select max(day) from old)), max(day)) end as last_day
      from old
    )
    select s.sequence as up_to, s.hash, d.last_day::text as last_day from seal s, keeping k, kept, days d
    where s.sequence < kept.first and (s.created_at at time zone k.zone)::date <= d.last_day
    order by s.sequence desc limit 1`.execute(transaction(em));
  const found = rows[0];
  return found ? { upTo: Number(found.up_to), hash: found.hash, lastDay: found.last_day } : null;
}

/** Erases them; PostgreSQL itself refuses what is too young. Gives how many acts and changes went. */
export async function purgeHistory(em: EntityManager, upTo: number): Promise<{ acts: number; changes: number }> {
  const { rows } = await sql<{
    acts: number;
    changes: number;
  }>`select acts, changes from purge_history(${upTo})`.execute(transaction(em));
  return rows[0]!;
}
