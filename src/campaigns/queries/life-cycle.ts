import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { WITH_NEXT } from "../../platform/db/wire.ts";
import type { CampaignState } from "../campaign.ts";

/** What moves a campaign from a state to the next: asked of the statuses of its workflow, each by its index. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

const OPEN = sql<SqlBool>`not (s ->> 'isFinal')::boolean`;
const STARTED = sql<SqlBool>`s ->> 'category' in ('running', 'success')`;
const wasEntered = (o: string) => sql<SqlBool>`${sql.ref(`${o}.started_at`)} is not null`;
const isOpen = (o: string) => sql<SqlBool>`${sql.ref(`${o}.category`)} not in ('success', 'cancelled')`;

/** SQL over `c`: its live operations in the statuses for which this holds over `s`, so many of each at most. In the order of the index, so that it is the one that is read. */
const sitting = (which: RawBuilder<SqlBool>, most: number, of = sql<SqlBool>`true`) => sql`
  from jsonb_array_elements(c.workflow -> 'statuses') s cross join lateral (
    select from operation o where o.tenant_id = c.tenant_id and o.campaign_id = c.id and o.status = s ->> 'code' and o.trashed_at is null
      and ${of}
    order by o.segment_id limit ${sql.lit(most)}) o
  where ${which}`;
const some = (which: RawBuilder<SqlBool>, of?: RawBuilder<SqlBool>) =>
  sql<boolean>`exists (select ${sitting(which, 1, of)})`;

/** Whoever would move this campaign from its state waits until the end of the transaction; leaves with what follows. */
export async function holdState(em: EntityManager, id: string): Promise<void> {
  await sql`${sql.raw(WITH_NEXT)}select from campaign where id = ${id}::uuid for no key update`.execute(
    transaction(em),
  );
}

/** Where a campaign and its operations stand. */
export interface Work {
  state: CampaignState;
  /** Of one to come: an operation entered running or success, or was brought in so by this act (rulings 30). */
  isStarted: boolean;
  hasOperations: boolean;
  isOpen: boolean;
  /** Of a finished one: an operation left its final status, or came in, by this act. */
  isReopened: boolean;
}

/** Where it stands now; asked once nobody else moves it. */
export async function workOf(em: EntityManager, id: string, actId: string): Promise<Work | null> {
  const { rows } = await sql<Work>`
    select c.state, c.state = 'upcoming' and (${some(STARTED, wasEntered("o"))} or exists (
        select from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
        join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
        where k.act_id = ${actId}::uuid and h.table_name = 'operation' and h.operation = 'create' and o.campaign_id = c.id
          and o.trashed_at is null and o.category in ('running', 'success'))) as "isStarted", ${some(sql<SqlBool>`true`)} as "hasOperations", ${some(OPEN)} as "isOpen",
      c.state = 'finished' and exists (
        select from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
        join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
        where k.act_id = ${actId}::uuid and h.table_name = 'operation' and o.campaign_id = c.id and o.trashed_at is null and ${isOpen("o")}
          and (h.operation = 'create' or h.before ? 'trashed_at' or h.before ->> 'category' in ('success', 'cancelled'))) as "isReopened"
    from campaign c where c.id = ${id}::uuid`.execute(transaction(em));
  return rows[0] ?? null;
}

/** Whether more than so many of its operations are open, whatever those who are closing some at this instant do. */
export async function isFarFromOver(em: EntityManager, id: string, most: number): Promise<boolean> {
  const { rows } = await sql<{ isFar: boolean }>`
    select (select count(*) ${sitting(OPEN, most + 1)}) > ${most} as "isFar" from campaign c where c.id = ${id}::uuid`.execute(
    transaction(em),
  );
  return rows[0]?.isFar ?? false;
}

/** Its version stays: no form of its settings is stale for that. */
export async function moveState(
  em: EntityManager,
  id: string,
  { state, closedAt }: { state: CampaignState; closedAt: Date | null },
): Promise<void> {
  await sql`${sql.raw(WITH_NEXT)}update campaign set state = ${state}, closed_at = ${closedAt}::timestamptz,
    closing = case when ${closedAt}::timestamptz is not null then closing end where id = ${id}::uuid`.execute(
    transaction(em),
  );
}

/** The campaigns whose operations this act changed. */
export async function campaignsOfAct(em: EntityManager, actId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct o.campaign_id as id from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
    join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
    where k.act_id = ${actId}::uuid and h.table_name = 'operation'`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** Whether an operation of it was ever started, or done without; one brought in as done was not (CAM-3). */
export async function wasStarted(em: EntityManager, id: string): Promise<boolean> {
  const { rows } = await sql<{ was: boolean }>`
    select exists (select from operation o where o.campaign_id = ${id}::uuid and ${wasEntered("o")}) as was`.execute(
    transaction(em),
  );
  return rows[0]?.was ?? false;
}

/** What is about to be shown to those who carry a campaign out (CAM-17). */
export interface WorkOutline {
  operations: number;
  undated: number;
  unassigned: number;
  unsegmented: number;
  technicians: number;
  people: number;
}

export async function outlineOfWork(em: EntityManager, id: string): Promise<WorkOutline> {
  const { rows } = await sql<WorkOutline>`
    select count(*)::int as operations, count(*) filter (where planned_at is null)::int as undated,
      count(*) filter (where technician_id is null)::int as unassigned, count(*) filter (where segment_id is null)::int as unsegmented,
      count(distinct technician_id)::int as technicians,
      (select count(*)::int from eligible_person where campaign_id = ${id}::uuid) as people
    from operation where campaign_id = ${id}::uuid and trashed_at is null`.execute(transaction(em));
  return rows[0]!;
}

/** Operations of a status that are not over, and the first of them by title (CAM-6). */
export interface OpenGroup {
  status: string;
  n: number;
  titles: string[];
}

export async function openByStatus(em: EntityManager, id: string, shown: number): Promise<OpenGroup[]> {
  const { rows } = await sql<OpenGroup>`
    select s.status, s.n::int as n, array(
      select o.title from operation o where o.campaign_id = ${id}::uuid and o.status = s.status and o.trashed_at is null
      order by o.title, o.id limit ${shown}) as titles
    from (select o.status, count(*) as n from operation o where o.campaign_id = ${id}::uuid and o.trashed_at is null and ${isOpen("o")}
      group by 1) s`.execute(transaction(em));
  return rows;
}

/** The operations of a status take another, for this reason; gives how many. */
export async function closeStatus(
  em: EntityManager,
  id: string,
  from: string,
  {
    status,
    category,
    reason,
    isUndated,
    today,
  }: { status: string; category: string; reason: string; isUndated: boolean; today: string },
): Promise<number> {
  const { numAffectedRows } = await sql`
    update operation set status = ${status}, category = ${category}, reason = ${reason}, version = version + 1,
      entered_at = app_now(), stepped_on = case when stepped_on ? ${today} then stepped_on else stepped_on || to_jsonb(${today}::text) end,
      planned_at = case when ${isUndated}::boolean then null else planned_at end
    where campaign_id = ${id}::uuid and status = ${from} and trashed_at is null`.execute(transaction(em));
  return Number(numAffectedRows ?? 0);
}

/** The campaigns still to come whose first day is this one or past, by their own zone (GEN-3). */
export async function campaignsToStart(
  em: EntityManager,
  tenantZone: string,
  now: Date,
): Promise<{ id: string; name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from campaign where state = 'upcoming' and trashed_at is null
      and starts_on <= (${now.toISOString()}::timestamptz at time zone coalesce(zone, ${tenantZone}))::date
    order by starts_on, id`.execute(transaction(em));
  return rows;
}

/** The zones of their own of the campaigns in these states. */
export const zonesOf =
  (...states: CampaignState[]) =>
  async (em: EntityManager): Promise<string[]> => {
    const { rows } = await sql<{ zone: string }>`
      select distinct zone from campaign where state = any (${states}::text[]) and zone is not null and trashed_at is null`.execute(
      transaction(em),
    );
    return rows.map(({ zone }) => zone);
  };

/**
 * Campaigns that an act moved on, and that cannot go back to where they were, since others carried on meanwhile: why, by
 * campaign. Operations that this same act changed come back with it.
 */
export async function carriedOn(em: EntityManager, actId: string): Promise<{ id: string; state: CampaignState }[]> {
  const { rows } = await sql<{ id: string; state: CampaignState }>`
    with moved as materialized (
      select h.row_id, h.before ->> 'state' as state, h.ordinal from changeset k
      join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
      where k.act_id = ${actId}::uuid and h.table_name = 'campaign' and h.operation = 'update'
        and h.before ->> 'state' in ('draft', 'upcoming', 'finished') and h.after ->> 'state' <> 'archived'),
    mine as materialized (
      select h.row_id from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
      where k.act_id = ${actId}::uuid and h.table_name = 'operation' and exists (select from moved))
    select m.row_id as id, m.state from moved m where case when m.state = 'finished'
      then exists (select from operation o join change l on l.tenant_id = o.tenant_id and l.row_id = o.id and l.table_name = 'operation'
        where o.campaign_id = m.row_id and o.trashed_at is null and ${isOpen("o")} and l.ordinal > m.ordinal
          and (l.operation = 'create' or l.before ? 'trashed_at' or l.before ->> 'category' in ('success', 'cancelled')))
      else exists (select from operation o where o.campaign_id = m.row_id and o.trashed_at is null and o.id not in (select row_id from mine)
        and ${wasEntered("o")}) end`.execute(transaction(em));
  return rows;
}
