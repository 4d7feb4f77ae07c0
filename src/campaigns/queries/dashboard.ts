import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What has been blocked for longest. */
export interface Oldest {
  title: string;
  reason: string | null;
  since: Date;
}

/** The one that has been blocked for longest, null when none is: by an index of its own, however many are. */
export async function oldestBlocked(em: EntityManager, campaignId: string): Promise<Oldest | null> {
  const { rows } = await sql<{ title: string; reason: string | null; since: string }>`
    select title, nullif(reason, '') as reason, entered_at as since from operation
    where campaign_id = ${campaignId}::uuid and trashed_at is null and category = 'problem' and entered_at is not null
    order by entered_at, id limit 1`.execute(transaction(em));
  return rows[0] ? { ...rows[0], since: new Date(rows[0].since) } : null;
}

/** Which of these technicians did something in a campaign since this instant (DSH-7). */
export async function activeSince(
  em: EntityManager,
  campaignId: string,
  { technicians, since }: { technicians: readonly string[]; since: Date },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select t.id from unnest(${technicians}::uuid[]) t (id) cross join lateral (
      select 1 from act a where a.actor_id = t.id and a.at >= ${since.toISOString()}::timestamptz
        and (a.subject_type = 'campaign' and a.subject_id = ${campaignId}::uuid or a.subject_type = 'operation'
          and exists (select from operation o where o.id = a.subject_id and o.campaign_id = ${campaignId}::uuid))
      order by a.id desc limit 1) done`.execute(transaction(em));
  return rows.map(({ id }) => id);
}
