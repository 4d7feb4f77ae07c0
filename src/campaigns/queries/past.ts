import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Counting } from "./stats.ts";

/** Days that are over: campaigns, segments and operations as they stood, and the plan each day had. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * SQL, in place of the table: these rows as they stood then, told by history (SNP-6). What was changed since is taken back
 * to what it was before the first change since, what went since is there again, what was made since is left out.
 */
const asOf = (
  table: "campaign" | "segment" | "operation",
  isTheirs: RawBuilder<unknown>,
  at: Date,
  isAbout = sql`true`,
): RawBuilder<unknown> => sql`(
    with later as materialized (
      select h.row_id, h.operation, h.ordinal, h.before from changeset s
      join change h on h.tenant_id = s.tenant_id and h.changeset_id = s.id and h.table_name = ${sql.lit(table)}
      where s.created_at > ${at.toISOString()}::timestamptz and ${isAbout}),
    made as materialized (select row_id from later where operation = 'create'),
    was as materialized (
      select row_id, jsonb_object_agg(key, value) as columns from (
        select distinct on (l.row_id, e.key) l.row_id, e.key, e.value from later l, jsonb_each(l.before) e
        where e.key <> 'values' order by l.row_id, e.key, l.ordinal) f group by row_id)
    select r.* from ${sql.table(table)} p join was w on w.row_id = p.id cross join lateral jsonb_populate_record(p, w.columns) r
      where ${isTheirs} and p.id not in (select row_id from made)
    union all select p.* from ${sql.table(table)} p where ${isTheirs} and p.id not in (select row_id from later)
    union all select p.* from was w
      cross join lateral jsonb_populate_record(null::${sql.table(table)}, w.columns || jsonb_build_object('id', w.row_id)) p
      where ${isTheirs} and w.row_id not in (select row_id from made)
        and not exists (select from ${sql.table(table)} q where q.id = w.row_id))`;

/** SQL over `h`: history has what these campaigns are, and their segments, under their own names. */
const about = (campaignIds: readonly string[]) =>
  sql`h.subject_type = 'campaign' and h.subject_id = any (${[...campaignIds]}::uuid[])`;

const inThese = (campaignIds: readonly string[]) => sql`p.campaign_id = any (${[...campaignIds]}::uuid[])`;

/** Those of these campaigns. One gone for good had waited thirty days in the trash, where no figure counts it. */
export const operationsAsOf = (campaignIds: readonly string[], at: Date): RawBuilder<unknown> =>
  asOf("operation", inThese(campaignIds), at);

export const segmentsAsOf = (campaignIds: readonly string[], at: Date): RawBuilder<unknown> =>
  asOf("segment", inThese(campaignIds), at, about(campaignIds));

/** SQL, in place of a table: the day each operation of these campaigns had in the baseline that held then (SNP-5). */
export const baselineAsOf = (campaignIds: readonly string[], at: Date): RawBuilder<unknown> => sql`(
    select d.id, d.day from (
      select distinct on (campaign_id) operations, days from baseline
      where campaign_id = any (${[...campaignIds]}::uuid[]) and frozen_at <= ${at.toISOString()}::timestamptz
      order by campaign_id, frozen_at desc, id desc) b, unnest(b.operations, b.days) as d (id, day))`;

/** What figures need to know of a campaign, as it was then. */
export async function campaignAsOf(em: EntityManager, id: string, at: Date): Promise<Counting> {
  const { rows } = await sql<Counting>`
    select c.tenant_id as "tenantId", c.id, c.starts_on::text as "startsOn", c.ends_on::text as "endsOn", c.zone,
      c.holiday_zone as "holidayZone", c.closed_days as "closedDays", c.is_time_tracked as "isTimeTracked"
    from ${asOf("campaign", sql`p.id = ${id}::uuid`, at, about([id]))} c`.execute(transaction(em));
  return rows[0]!;
}

const LIVE = sql`('upcoming', 'active')`;

/** SQL over `c`, a campaign: what this column of it was at that moment, as JSON. */
const wasThen = (column: "state" | "trashed_at", at: RawBuilder<unknown>) => sql`coalesce(
  (select h.before -> ${sql.lit(column)} from change h join changeset s on s.tenant_id = h.tenant_id and s.id = h.changeset_id
    where h.table_name = 'campaign' and h.row_id = c.id and h.before ? ${sql.lit(column)} and s.created_at > ${at}
    order by h.ordinal limit 1), to_jsonb(c.${sql.ref(column)}), 'null')`;

/** SQL over `c`: whether it was to come or under way then, and not in the trash (SNP-1). */
const wasLive = (at: RawBuilder<unknown>) =>
  sql`(${wasThen("state", at)} #>> '{}' in ${LIVE} and ${wasThen("trashed_at", at)} = 'null')`;

/** A campaign some of whose days may have to be frozen. */
export interface ToFreeze {
  id: string;
  zone: string | null;
  createdAt: Date;
  /** To come or under way now. */
  isLive: boolean;
}

/** Those to come or under way, and those that were at some moment since then. */
export async function campaignsToFreeze(em: EntityManager, since: Date): Promise<ToFreeze[]> {
  const { rows } = await sql<Omit<ToFreeze, "createdAt"> & { createdAt: string }>`
    select c.id, c.zone, c.created_at as "createdAt", n."isLive" from campaign c
    cross join lateral (select c.state in ${LIVE} and c.trashed_at is null as "isLive") n
    where n."isLive" or exists (
      select from change h join changeset s on s.tenant_id = h.tenant_id and s.id = h.changeset_id
      where h.table_name = 'campaign' and h.row_id = c.id and (h.before ->> 'state' in ${LIVE} or h.before ? 'trashed_at')
        and s.created_at > ${since.toISOString()}::timestamptz)
    order by c.id`.execute(transaction(em));
  return rows.map(({ createdAt, ...row }) => ({ ...row, createdAt: new Date(createdAt) }));
}

/** Where operations are read: as they stood then or, for whoever writes the days as they go by, as they are. */
export type Reading = "past" | "act";

const operationsOf = (id: string, at: Date, from: Reading) =>
  from === "past" ? operationsAsOf([id], at) : sql`operation`;

/** A local day of a campaign, from its first instant to its last. */
export interface DayOfPlan {
  day: string;
  /** Five minutes after midnight: what is planned then is the plan of the day (STA-11). */
  opensAt: Date;
  from: Date;
  until: Date;
}

/** A day of a campaign, and when its night comes: that of the plan of the next one. */
export type Night = Pick<DayOfPlan, "day" | "opensAt"> & { id: string; closesAt: Date };

/**
 * Of these days that are over, oldest first: those whose night found the campaign to come or under way, to be frozen; and
 * those it began so, finished or put away meanwhile, whose plan was never opened (SNP-1, STA-11).
 */
export async function daysToFreeze(
  em: EntityManager,
  nights: readonly Night[],
): Promise<{ id: string; day: string; isFrozen: boolean }[]> {
  const { rows } = await sql<{ id: string; day: string; isFrozen: boolean }>`
    select c.id, d.day::text, e."isFrozen"
    from jsonb_to_recordset(${JSON.stringify(nights)}::jsonb) as d (id uuid, day date, "opensAt" timestamptz, "closesAt" timestamptz)
    join campaign c on c.id = d.id
    cross join lateral (select ${wasLive(sql`d."closesAt"`)} as "isFrozen") e
    where e."isFrozen" or ${wasLive(sql`d."opensAt"`)}
      and not exists (select from day_plan p where p.campaign_id = c.id and p.day = d.day)
    order by d.day, c.id`.execute(transaction(em));
  return rows;
}

/**
 * SQL over `o`: it is to be updated on this day, planned on it as it is. What was over before is not: its date stays, and
 * nobody has anything to say of it any more (STA-11).
 */
export const isAwaited = (day: string): RawBuilder<unknown> =>
  sql`(o.category not in ('success', 'cancelled') or o.stepped_on ? ${day})`;

/** Keeps what is planned on a day as it begins; once (STA-11). */
export async function openPlan(
  em: EntityManager,
  { tenantId, id }: { tenantId: string; id: string },
  { day, opensAt, from, until }: DayOfPlan,
  reading: Reading = "past",
): Promise<void> {
  await sql`
    insert into day_plan (tenant_id, id, campaign_id, day, operations, planned)
    select ${tenantId}::uuid, uuidv7(), ${id}::uuid, ${day}::date, coalesce(array_agg(o.id order by o.id), '{}'), count(*)
    from ${operationsOf(id, opensAt, reading)} o
    where o.campaign_id = ${id}::uuid and o.trashed_at is null and ${isAwaited(day)}
      and o.planned_at >= ${from.toISOString()}::timestamptz and o.planned_at < ${until.toISOString()}::timestamptz
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
export async function closePlan(
  em: EntityManager,
  { id }: { id: string },
  { day, until }: DayOfPlan,
  reading: Reading = "past",
): Promise<void> {
  const at = new Date(until.getTime() - 1);
  await sql`
    update day_plan p set operations = w.operations, planned = cardinality(w.operations), updated = 0
    from (select array(select unnest(p.operations) union select o.id from ${operationsOf(id, at, reading)} o
        where o.campaign_id = ${id}::uuid and o.trashed_at is null and o.joined_on = ${day}::date and ${isAwaited(day)} order by 1) as operations
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
