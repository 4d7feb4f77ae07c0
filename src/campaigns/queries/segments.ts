import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { FieldValue } from "../../fields/index.ts";
import { askWithNext } from "../../platform/db/index.ts";

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

const ofCampaign = (campaignId: string) => sql<SegmentLine>`
  select id, name, tone, position, "values" from segment where campaign_id = ${campaignId}::uuid order by position, name`;

/** The segments of a campaign in their order. */
export const listSegments = async (em: EntityManager, campaignId: string): Promise<SegmentLine[]> =>
  (await ofCampaign(campaignId).execute(transaction(em))).rows;

/** The same, asked along with the next question. */
export const listSegmentsWithNext = (em: EntityManager, campaignId: string) => askWithNext(em, ofCampaign(campaignId));

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

/** Each of these segments is led to by these keys, and no other. */
export async function writeSegmentKeys(
  em: EntityManager,
  told: readonly { id: string; values: string[] }[],
): Promise<void> {
  if (told.length === 0) return;
  await sql`update segment s set "values" = v."values", version = s.version + 1
    from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as v (id uuid, "values" text[]) where s.id = v.id`.execute(
    transaction(em),
  );
}

/** How many operations each segment holds, and how many are in none. */
export async function sizesOfSegments(em: EntityManager, campaignId: string): Promise<Map<string | null, number>> {
  const { rows } = await sql<{ id: string | null; n: number }>`
    select segment_id as id, count(*)::int as n from operation where campaign_id = ${campaignId}::uuid and trashed_at is null
    group by segment_id`.execute(transaction(em));
  return new Map(rows.map(({ id, n }) => [id, n]));
}

/**
 * Every operation of a segment, the trash included, goes to another, or to none: then no hand holds it there any more. So
 * do the people who are in it. Says how many operations there were.
 */
export async function emptySegment(em: EntityManager, from: string, to: string | null): Promise<number> {
  await sql`update eligible_person set segment_id = ${to}::uuid, version = version + 1
    where segment_id = ${from}::uuid`.execute(transaction(em));
  const { numAffectedRows } = await sql`update operation set segment_id = ${to}::uuid, version = version + 1,
      is_segment_set_by_hand = is_segment_set_by_hand and ${to !== null}
    where segment_id = ${from}::uuid`.execute(transaction(em));
  return Number(numAffectedRows ?? 0);
}

const among = (id: RawBuilder<unknown>, ids: readonly string[] | null) =>
  ids === null ? sql`true` : sql`${id} = any (${[...ids]}::uuid[])`;

/** Where the operations that no hand placed stand, for each value of a field. */
export interface ValuePlace {
  /** Null: no value. */
  value: FieldValue | null;
  segmentId: string | null;
  /** Those in the trash follow, and are not counted. */
  count: number;
}

/** Of these operations, or of the whole campaign. */
export async function placesByValue(
  em: EntityManager,
  campaignId: string,
  code: string,
  ids: readonly string[] | null = null,
): Promise<ValuePlace[]> {
  const { rows } = await sql<ValuePlace>`
    select "values" -> ${code}::text as value, segment_id as "segmentId", (count(*) filter (where trashed_at is null))::int as count
    from operation where campaign_id = ${campaignId}::uuid and not is_segment_set_by_hand and ${among(sql`id`, ids)}
    group by 1, 2 order by min(id::text)`.execute(transaction(em));
  return rows;
}

/** Puts every operation that no hand placed where its value leads, in one statement; the others stay (SEG-3, SEG-4). */
export async function placeByValue(
  em: EntityManager,
  campaignId: string,
  code: string,
  places: readonly { value: FieldValue | null; segmentId: string | null }[],
  ids: readonly string[] | null = null,
): Promise<void> {
  await sql`update operation o set segment_id = p."segmentId", version = o.version + 1
    from jsonb_to_recordset(${JSON.stringify(places)}::jsonb) as p (value jsonb, "segmentId" uuid)
    where o.campaign_id = ${campaignId}::uuid and not o.is_segment_set_by_hand and ${among(sql`o.id`, ids)}
      and coalesce(o."values" -> ${code}::text, 'null') = coalesce(p.value, 'null') and o.segment_id is distinct from p."segmentId"`.execute(
    transaction(em),
  );
}

export interface SegmentOperation {
  id: string;
  title: string;
  status: string;
  plannedAt: Date | null;
  technician: string | null;
}

/** The first operations of a segment: those that come next, then those without a date. */
export async function operationsOfSegment(
  em: EntityManager,
  segmentId: string,
  size: number,
): Promise<SegmentOperation[]> {
  const { rows } = await sql<Omit<SegmentOperation, "plannedAt"> & { plannedAt: string | null }>`
    select o.id, o.title, o.status, o.planned_at as "plannedAt", u.given_name || ' ' || u.family_name as technician
    from operation o left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
    where o.segment_id = ${segmentId}::uuid and o.trashed_at is null
    order by o.category in ('success', 'cancelled'), o.planned_at nulls last, o.title, o.id limit ${size}`.execute(
    transaction(em),
  );
  return rows.map(({ plannedAt, ...row }) => ({ ...row, plannedAt: plannedAt ? new Date(plannedAt) : null }));
}
