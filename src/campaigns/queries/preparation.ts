import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** A step was left; one reopened does not send back. No version moves, since no form shows it. */
export async function leaveStep(em: EntityManager, id: string, step: number): Promise<void> {
  await sql`update campaign set step_left = ${step} where id = ${id}::uuid and step_left < ${step}`.execute(
    transaction(em),
  );
}

/** What a campaign is set with, in figures (CAM-16). */
export interface SetFigures {
  segments: number;
  grants: number;
  prerequisites: number;
  blocking: number;
  people: number;
  operations: number;
}

export async function setFigures(em: EntityManager, id: string): Promise<SetFigures> {
  const { rows } = await sql<SetFigures>`
    select (select count(*)::int from segment where campaign_id = c.id) as segments,
      (select count(*)::int from campaign_grant where campaign_id = c.id) as grants,
      (select count(*)::int from prerequisite where campaign_id = c.id) as prerequisites,
      (select count(*)::int from prerequisite where campaign_id = c.id and is_blocking and status <> 'done') as blocking,
      (select count(*)::int from eligible_person where campaign_id = c.id) as people,
      (select count(*)::int from operation where campaign_id = c.id and trashed_at is null) as operations
    from campaign c where c.id = ${id}::uuid`.execute(transaction(em));
  return rows[0]!;
}

/** Operations of one status in one segment; null: those without (SEG-5). */
export interface Crossing {
  segmentId: string | null;
  status: string;
  n: number;
}

/** Operations per status and segment, those of the trash apart (CAM-17). */
export async function crossings(em: EntityManager, id: string): Promise<Crossing[]> {
  const { rows } = await sql<Crossing>`
    select segment_id as "segmentId", status, count(*)::int as n from operation
    where campaign_id = ${id}::uuid and trashed_at is null group by 1, 2`.execute(transaction(em));
  return rows;
}

/** What the publication would freeze: how many days are kept, from which to which (SNP-5). */
export interface PlannedSpan {
  dated: number;
  first: string | null;
  last: string | null;
}

export async function plannedSpan(em: EntityManager, id: string, zone: string): Promise<PlannedSpan> {
  const { rows } = await sql<PlannedSpan>`
    select count(*)::int as dated, min(day)::text as first, max(day)::text as last
    from (select (planned_at at time zone ${zone})::date as day from operation
      where campaign_id = ${id}::uuid and trashed_at is null and planned_at is not null) o`.execute(transaction(em));
  return rows[0]!;
}
