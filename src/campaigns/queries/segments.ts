import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Two segments named at once wait for each other, so that the second reads the first. */
export async function holdSegments(em: EntityManager, campaignId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`segments ${campaignId}`}, 0))`.execute(transaction(em));
}

export interface SegmentLine {
  id: string;
  name: string;
  tone: string;
  position: number;
  /** Keys of the values of the segment field that lead to it (SEG-2). */
  values: string[];
}

/** The segments of a campaign in their order. */
export async function listSegments(em: EntityManager, campaignId: string): Promise<SegmentLine[]> {
  const { rows } = await sql<SegmentLine>`
    select id, name, tone, position, "values" from segment where campaign_id = ${campaignId}::uuid order by position, name`.execute(
    transaction(em),
  );
  return rows;
}

export interface NewSegment {
  id: string;
  name: string;
  key: string;
  position: number;
}

/** Writes these segments at once, each led to by the key of the value it was made for. */
export async function insertSegments(
  em: EntityManager,
  { tenantId, id }: { tenantId: string; id: string },
  made: readonly NewSegment[],
): Promise<void> {
  await sql`insert into segment (tenant_id, id, campaign_id, name, position, "values")
    select ${tenantId}::uuid, v.id, ${id}::uuid, v.name, v.position, array[v.key]
    from jsonb_to_recordset(${JSON.stringify(made)}::jsonb) as v (id uuid, name text, key text, position int)`.execute(
    transaction(em),
  );
}

/** From now on these keys lead to these segments too. */
export async function leadToSegments(em: EntityManager, named: readonly { id: string; key: string }[]): Promise<void> {
  await sql`update segment s set "values" = s."values" || v.keys, version = s.version + 1
    from (select v.id, array_agg(v.key) as keys from jsonb_to_recordset(${JSON.stringify(named)}::jsonb) as v (id uuid, key text) group by v.id) v
    where s.id = v.id`.execute(transaction(em));
}

export interface SegmentFigures {
  /** Null: in no segment (SEG-5). */
  id: string | null;
  name: string | null;
  total: number;
  done: number;
  cancelled: number;
}

/** Each segment with how many operations it holds and how many are done, then those in none (SEG-5, SEG-6). */
export async function figuresBySegment(em: EntityManager, campaignId: string): Promise<SegmentFigures[]> {
  const { rows } = await sql<SegmentFigures>`
    select s.id, s.name, coalesce(f.total, 0) as total, coalesce(f.done, 0) as done, coalesce(f.cancelled, 0) as cancelled
    from (select id, name, position from segment where campaign_id = ${campaignId}::uuid union all select null, null, null) s
    left join (
      select segment_id, count(*)::int as total, count(*) filter (where category = 'success')::int as done,
        count(*) filter (where category = 'cancelled')::int as cancelled
      from operation where campaign_id = ${campaignId}::uuid and trashed_at is null group by segment_id) f
      on f.segment_id is not distinct from s.id
    order by s.position nulls last, s.name`.execute(transaction(em));
  return rows;
}
