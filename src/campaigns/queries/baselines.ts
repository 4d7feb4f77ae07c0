import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Keeps the local day of each dated operation of a campaign, those of the trash apart (SNP-5). */
export async function insertBaseline(
  em: EntityManager,
  { tenantId, campaignId }: { tenantId: string; campaignId: string },
  { byId, now, zone, reason }: { byId: string | null; now: Date; zone: string; reason: string | null },
): Promise<void> {
  await sql`
    insert into baseline (tenant_id, id, campaign_id, frozen_at, frozen_by_id, reason, operations, days)
    select ${tenantId}::uuid, uuidv7(), ${campaignId}::uuid, ${now.toISOString()}::timestamptz, ${byId}::uuid, ${reason},
      coalesce(array_agg(id order by id), '{}'), coalesce(array_agg((planned_at at time zone ${zone})::date order by id), '{}')
    from operation where campaign_id = ${campaignId}::uuid and trashed_at is null and planned_at is not null`.execute(
    transaction(em),
  );
}

/**
 * Each operation is told its day in the last baseline of its campaign: figures then read it with the rest. Held by id, as
 * bulk actions hold them; no version moves, since no form shows it.
 */
export async function spreadBaseline(em: EntityManager, campaignId: string): Promise<void> {
  await sql`
    with told as materialized (
      select d.id, d.day from (
        select operations, days from baseline where campaign_id = ${campaignId}::uuid order by frozen_at desc, id desc limit 1) b,
        unnest(b.operations, b.days) as d (id, day)),
    held as materialized (
      select o.tenant_id, o.id, t.day from operation o left join told t on t.id = o.id
      where o.campaign_id = ${campaignId}::uuid and o.baseline_on is distinct from t.day order by o.id for update of o)
    update operation o set baseline_on = h.day from held h where o.tenant_id = h.tenant_id and o.id = h.id`.execute(
    transaction(em),
  );
}

/** How planned days differ from those of the baseline before: of how many operations. */
export interface Shift {
  later: number;
  sooner: number;
  /** Dated here alone, and there alone. */
  added: number;
  removed: number;
}

export interface BaselineLine {
  id: string;
  frozenAt: Date;
  by: string | null;
  reason: string | null;
  /** Operations that have a day in it, the first and the last of these days. */
  dated: number;
  firstOn: string | null;
  lastOn: string | null;
  /** Null of the first one. */
  shift: Shift | null;
}

type Days = RawBuilder<unknown>;

/** SQL: a row of `Shift`, from operations and their days to others. */
const shiftBetween = (former: Days, latter: Days) => sql`
  select count(*) filter (where l.day > f.day)::int as later, count(*) filter (where l.day < f.day)::int as sooner,
    count(*) filter (where f.day is null)::int as added, count(*) filter (where l.day is null)::int as removed
  from (${former}) f (id, day) full join (${latter}) l (id, day) using (id)`;

/** The baselines of a campaign, the last first, each with what it changed of the one before (SNP-5). */
export async function listBaselines(em: EntityManager, campaignId: string): Promise<BaselineLine[]> {
  const { rows } = await sql<Omit<BaselineLine, "frozenAt"> & { frozenAt: string }>`
    with b as (
      select *, lag(operations) over w as before, lag(days) over w as days_before from baseline
      where campaign_id = ${campaignId}::uuid window w as (order by frozen_at, id))
    select b.id, b.frozen_at as "frozenAt", u.given_name || ' ' || u.family_name as by, b.reason, cardinality(b.operations) as dated,
      (select min(d)::text from unnest(b.days) d) as "firstOn", (select max(d)::text from unnest(b.days) d) as "lastOn",
      case when b.before is not null then (select to_json(s) from (${shiftBetween(
        sql`select * from unnest(b.before, b.days_before)`,
        sql`select * from unnest(b.operations, b.days)`,
      )}) s) end as shift
    from b left join app_user u on u.tenant_id = b.tenant_id and u.id = b.frozen_by_id
    order by b.frozen_at desc, b.id desc`.execute(transaction(em));
  return rows.map(({ frozenAt, ...line }) => ({ ...line, frozenAt: new Date(frozenAt) }));
}

/** What a new baseline would hold, and change of the last one (SNP-5). */
export async function baselineAhead(
  em: EntityManager,
  campaignId: string,
  { zone }: { zone: string },
): Promise<Shift & { dated: number }> {
  const { rows } = await sql<Shift & { dated: number }>`
    with present as materialized (
      select id, (planned_at at time zone ${zone})::date as day from operation
      where campaign_id = ${campaignId}::uuid and trashed_at is null and planned_at is not null)
    select s.*, (select count(*)::int from present) as dated from (${shiftBetween(
      sql`select d.* from (
        select operations, days from baseline where campaign_id = ${campaignId}::uuid order by frozen_at desc, id desc limit 1) b,
        unnest(b.operations, b.days) d`,
      sql`select id, day from present`,
    )}) s`.execute(transaction(em));
  return rows[0]!;
}
