import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Category } from "../../workflow/index.ts";
import { counted } from "./counts.ts";
import { expected } from "./operations.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Operations that are not over, counted by what holds them: what a dashboard says of a gap (DSH-5, DSH-6). */
export interface Held {
  category: Category;
  /** Why it was put off or is blocked; null of the others, and where nobody said. */
  reason: string | null;
  isUnassigned: boolean;
  /** The baseline has them done by now. */
  isExpected: boolean;
  n: number;
}

/** Those of a campaign at the start of its day; asked by pages, which write nothing: see counted. */
export async function heldOperations(
  em: EntityManager,
  { id, tenantId, endsOn }: { id: string; tenantId: string; endsOn: string },
  { today }: { today: string },
): Promise<Held[]> {
  return counted(
    em,
    sql<Held>`
      select o.category, case when o.category in ('deferred', 'problem') then nullif(o.reason, '') end as reason,
        o.technician_id is null as "isUnassigned", ${expected(sql`${endsOn}::date`, sql`${today}::date`)} as "isExpected",
        count(*)::int as n
      from operation o
      where o.campaign_id = ${id}::uuid and o.trashed_at is null and o.category not in ('success', 'cancelled')
      group by 1, 2, 3, 4`,
    { tenantId },
  );
}

/** What has been blocked for longest. */
export interface Oldest {
  title: string;
  reason: string | null;
  since: Date;
}

/** The one that entered these statuses first, null when none is in them: statuses, since an index leads to them. */
export async function oldestIn(
  em: EntityManager,
  campaignId: string,
  statuses: readonly string[],
): Promise<Oldest | null> {
  const { rows } = await sql<{ title: string; reason: string | null; since: string }>`
    select title, nullif(reason, '') as reason, entered_at as since from operation
    where campaign_id = ${campaignId}::uuid and trashed_at is null and status = any (${statuses}::text[]) and entered_at is not null
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
