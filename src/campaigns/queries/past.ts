import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";

/** Days that are over: operations as they stood, and the plan each day had. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * SQL, in place of the table: the operations of these campaigns as they stood then, told by history (SNP-6). What was
 * changed since is taken back to what it was before the first change since; what was made since is left out. What is gone
 * for good had waited thirty days in the trash, where no figure counts it.
 */
export const operationsAsOf = (campaignIds: readonly string[], at: Date): RawBuilder<unknown> => {
  const isTheirs = sql`p.campaign_id = any (${[...campaignIds]}::uuid[])`;
  return sql`(
    with later as materialized (
      select h.row_id, h.operation, h.ordinal, h.before from changeset s
      join change h on h.tenant_id = s.tenant_id and h.changeset_id = s.id and h.table_name = 'operation'
      where s.created_at > ${at.toISOString()}::timestamptz),
    was as materialized (
      select row_id, jsonb_object_agg(key, value) as columns from (
        select distinct on (l.row_id, e.key) l.row_id, e.key, e.value from later l, jsonb_each(l.before) e
        where l.operation = 'update' and e.key <> 'values' order by l.row_id, e.key, l.ordinal) f group by row_id)
    select r.* from operation p join was w on w.row_id = p.id cross join lateral jsonb_populate_record(p, w.columns) r
      where ${isTheirs} and p.id not in (select row_id from later where operation = 'create')
    union all select p.* from operation p where ${isTheirs} and p.id not in (select row_id from later))`;
};

/** A local day of a campaign, from its first instant to its last. */
export interface DayOfPlan {
  day: string;
  /** Five minutes after midnight: what is planned then is the plan of the day (STA-11). */
  opensAt: Date;
  from: Date;
  until: Date;
}

/** Keeps what is planned on a day as it begins; once (STA-11). */
export async function openPlan(
  em: EntityManager,
  { tenantId, id }: { tenantId: string; id: string },
  { day, opensAt, from, until }: DayOfPlan,
): Promise<void> {
  await sql`
    insert into day_plan (tenant_id, id, campaign_id, day, operations, planned)
    select ${tenantId}::uuid, uuidv7(), ${id}::uuid, ${day}::date, coalesce(array_agg(o.id order by o.id), '{}'), count(*)
    from ${operationsAsOf([id], opensAt)} o
    where o.trashed_at is null and o.planned_at >= ${from.toISOString()}::timestamptz and o.planned_at < ${until.toISOString()}::timestamptz
    on conflict (tenant_id, campaign_id, day) do nothing`.execute(transaction(em));
}

/** The plans that are not frozen yet, today's among them. */
export async function openPlans(
  em: EntityManager,
): Promise<{ campaign: { id: string; zone: string | null }; day: string }[]> {
  const { rows } = await sql<{ id: string; zone: string | null; day: string }>`
    select c.id, c.zone, p.day::text from day_plan p join campaign c on c.tenant_id = p.tenant_id and c.id = p.campaign_id
    where p.updated is null order by p.day, c.id`.execute(transaction(em));
  return rows.map(({ id, zone, day }) => ({ campaign: { id, zone }, day }));
}

/** SQL over `p`, a plan: how many of its operations moved on its day, the undone left out (STA-5, rulings 11). */
const UPDATED = sql`(select count(*) from operation o where o.id = any (p.operations) and o.stepped_on ? p.day::text)`;

/** Freezes the plan of a day that is over, with what joined it while it ran; once (STA-11). */
export async function closePlan(em: EntityManager, { id }: { id: string }, { day, until }: DayOfPlan): Promise<void> {
  const at = new Date(until.getTime() - 1);
  await sql`
    update day_plan p set operations = w.operations, planned = cardinality(w.operations), updated = 0
    from (select array(select unnest(p.operations) union select o.id from ${operationsAsOf([id], at)} o
        where o.trashed_at is null and o.joined_on = ${day}::date order by 1) as operations
      from day_plan p where p.campaign_id = ${id}::uuid and p.day = ${day}::date) w
    where p.campaign_id = ${id}::uuid and p.day = ${day}::date and p.updated is null`.execute(transaction(em));
  await sql`update day_plan p set updated = ${UPDATED}
    where p.campaign_id = ${id}::uuid and p.day = ${day}::date`.execute(transaction(em));
}

/** Counts again the days whose transitions an undone act took away, or gave back (rulings 11). */
export async function recountPlans(em: EntityManager, actId: string): Promise<void> {
  await sql`
    update day_plan p set updated = ${UPDATED} where p.updated is not null and (p.campaign_id, p.day) in (
      select o.campaign_id, d::date from changeset c
      join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id and h.table_name = 'operation' and h.after ? 'stepped_on'
      join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
      cross join lateral jsonb_array_elements_text((h.before -> 'stepped_on') || (h.after -> 'stepped_on')) d
      where c.act_id = ${actId}::uuid)`.execute(transaction(em));
}
