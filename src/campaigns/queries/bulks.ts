import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { PLANNED_ANEW } from "../../platform/db/wire.ts";
import type { BulkTarget, TargetChanges } from "../bulk-decision.ts";
import type { BulkAction } from "../bulk-wish.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

type Stored = Omit<BulkTarget, Moment> & Record<Moment, string | null>;
type Moment = "plannedAt" | "firstPlannedAt" | "startedAt" | "completedAt" | "enteredAt";

const STATE = sql`o.id, o.version, o.status, o.category, o.reason, o.planned_at as "plannedAt", o.first_planned_at as "firstPlannedAt",
  o.postpone_count as "postponeCount", o.started_at as "startedAt", o.completed_at as "completedAt", o.completed_by_id as "completedById",
  o.is_completed_by_technician as "isCompletedByTechnician", o.is_on_first_date as "isOnFirstDate", o.minutes,
  o.entered_at as "enteredAt", o.stepped_on as "steppedOn", o.postponed_on as "postponedOn", o.joined_on::text as "joinedOn",
  o.technician_id as "technicianId", o.segment_id as "segmentId", o.is_segment_set_by_hand as "isSegmentSetByHand", o.capacity,
  coalesce(o.segment_id in (select p.segment_id from prerequisite p where p.is_blocking and p.status <> 'done' and p.segment_id is not null), false) as "isHeldBack"`;
// The fields of ten thousand operations are what weighs most: read only where one of them changes.
const VALUES = { true: sql`o."values"`, false: sql`'{}'::jsonb as "values"` };

const dateOf = (text: string | null) => (text === null ? null : new Date(text));

const targetOf = (row: Stored): BulkTarget =>
  Object.assign(row as unknown as BulkTarget, {
    plannedAt: dateOf(row.plannedAt),
    firstPlannedAt: dateOf(row.firstPlannedAt),
    startedAt: dateOf(row.startedAt),
    enteredAt: dateOf(row.enteredAt),
    completedAt: dateOf(row.completedAt),
  });

/** The operations that answer, as they are now, by id after this one. */
export async function targetsAfter(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  { after, size, withValues }: { after: string | null; size: number; withValues: boolean },
): Promise<BulkTarget[]> {
  const { rows } = await sql<Stored>`${sql.raw(PLANNED_ANEW)}
    select ${STATE}, ${VALUES[`${withValues}`]} from operation o
    where ${where} and (${after}::uuid is null or o.id > ${after}::uuid) order by o.id limit ${size}`.execute(
    transaction(em),
  );
  return rows.map(targetOf);
}

/** One frozen row as it is met again: its operation now, locked, and the version it had. */
export interface FrozenTarget extends BulkTarget {
  seen: number;
}

/**
 * The next frozen rows that were to change, their operations locked by id: two bulk actions that cross wait for each
 * other without ever stopping each other.
 */
export async function lockTargets(
  em: EntityManager,
  bulkId: string,
  { after, size, withValues }: { after: string | null; size: number; withValues: boolean },
): Promise<FrozenTarget[]> {
  const { rows } = await sql<Stored & { seen: number }>`${sql.raw(PLANNED_ANEW)}
    select ${STATE}, ${VALUES[`${withValues}`]}, r.seen, r.given
    from (select operation_id, seen, technician_id as given from bulk_row
      where bulk_id = ${bulkId}::uuid and outcome = 'change' and (${after}::uuid is null or operation_id > ${after}::uuid)
      order by operation_id limit ${size}) r
    join operation o on o.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and o.id = r.operation_id
    order by o.id for update of o`.execute(transaction(em));
  return rows.map((row) => targetOf(row) as FrozenTarget);
}

/** The operations of a campaign among these. */
export const amongWhere = (campaignId: string, ids: readonly string[]): RawBuilder<SqlBool> =>
  sql<SqlBool>`o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and o.id = any (${ids}::uuid[])`;

/** What a preview keeps of one row. */
export interface FrozenRow {
  id: string;
  seen: number;
  outcome: "change" | "same" | "refused";
  why: string | null;
  technicianId: string | null;
}

export async function keepRows(
  em: EntityManager,
  { tenantId, bulkId }: { tenantId: string; bulkId: string },
  rows: readonly FrozenRow[],
): Promise<void> {
  await sql`${sql.raw(PLANNED_ANEW)}
    insert into bulk_row (tenant_id, bulk_id, operation_id, seen, outcome, why, technician_id)
    select ${tenantId}::uuid, ${bulkId}::uuid, r.id, r.seen, r.outcome, r.why, r.technician
    from unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ seen }) => seen)}::int[], ${rows.map(({ outcome }) => outcome)}::text[],
      ${rows.map(({ why }) => why)}::text[], ${rows.map(({ technicianId }) => technicianId)}::uuid[]) as r (id, seen, outcome, why, technician)`.execute(
    transaction(em),
  );
}

/** Leaves the rows of an earlier preview: a new one starts clean. */
export async function forgetRows(em: EntityManager, bulkId: string): Promise<void> {
  await sql`delete from bulk_row where bulk_id = ${bulkId}::uuid`.execute(transaction(em));
}

/** Says of frozen rows why they did not change after all (OPS-15). */
export async function missRows(
  em: EntityManager,
  bulkId: string,
  missed: readonly { id: string; why: string }[],
): Promise<void> {
  if (missed.length === 0) return;
  await sql`update bulk_row r set outcome = 'missed', why = m.why
    from unnest(${missed.map(({ id }) => id)}::uuid[], ${missed.map(({ why }) => why)}::text[]) as m (id, why)
    where r.bulk_id = ${bulkId}::uuid and r.operation_id = m.id`.execute(transaction(em));
}

const COLUMNS: Record<keyof TargetChanges, [column: string, type: string]> = {
  status: ["status", "text"],
  category: ["category", "text"],
  plannedAt: ["planned_at", "timestamptz"],
  firstPlannedAt: ["first_planned_at", "timestamptz"],
  postponeCount: ["postpone_count", "int"],
  reason: ["reason", "text"],
  startedAt: ["started_at", "timestamptz"],
  completedAt: ["completed_at", "timestamptz"],
  completedById: ["completed_by_id", "uuid"],
  isCompletedByTechnician: ["is_completed_by_technician", "boolean"],
  isOnFirstDate: ["is_on_first_date", "boolean"],
  minutes: ["minutes", "int"],
  enteredAt: ["entered_at", "timestamptz"],
  steppedOn: ["stepped_on", "jsonb"],
  postponedOn: ["postponed_on", "jsonb"],
  joinedOn: ["joined_on", "date"],
  technicianId: ["technician_id", "uuid"],
  segmentId: ["segment_id", "uuid"],
  isSegmentSetByHand: ["is_segment_set_by_hand", "boolean"],
  capacity: ["capacity", "int"],
  values: ["values", "jsonb"],
  title: ["title", "text"],
  search: ["search", "text"],
  trashedAt: ["trashed_at", "timestamptz"],
};

const sqlValue = (value: unknown): unknown =>
  value instanceof Date
    ? value.toISOString()
    : value !== null && typeof value === "object"
      ? JSON.stringify(value)
      : value;

/**
 * Writes what was decided of each operation, all of them in one statement: the same values for all when they are, else
 * each with its own. The rows are locked already.
 */
export async function writeTargets(
  em: EntityManager,
  tenantId: string,
  decided: readonly { target: BulkTarget; changes: TargetChanges }[],
): Promise<void> {
  if (decided.length === 0) return;
  const names = [...new Set(decided.flatMap(({ changes }) => Object.keys(changes)))] as (keyof TargetChanges)[];
  const ids = decided.map(({ target }) => target.id);
  const toldOf = ({ target, changes }: (typeof decided)[number], name: keyof TargetChanges) =>
    sqlValue(name in changes ? changes[name] : (target as unknown as TargetChanges)[name]) ?? null;
  const columns = names.map((name) => {
    const values = decided.map((one) => toldOf(one, name));
    const [column, type] = COLUMNS[name];
    return { column, type, values, isCommon: values.every((value) => value === values[0]) };
  });
  const own = columns.filter(({ isCommon }) => !isCommon);
  const set = columns.map(({ column, type, values, isCommon }) =>
    isCommon ? sql`${sql.id(column)} = ${values[0]}::${sql.raw(type)}` : sql`${sql.id(column)} = v.${sql.id(column)}`,
  );
  const lists = own.map(({ type, values }) => sql`${values}::${sql.raw(type)}[]`);
  const told = own.map(({ column }) => sql.id(column));
  await sql`${sql.raw(PLANNED_ANEW)}
    update operation o set ${sql.join(set)}, version = o.version + 1
    from unnest(${sql.join([sql`${ids}::uuid[]`, ...lists])}) as v (${sql.join([sql.id("row_id"), ...told])})
    where o.tenant_id = ${tenantId}::uuid and o.id = v.row_id`.execute(transaction(em));
}

/** Who changed these operations last, or this column of them, by operation. */
export async function lastChangers(
  em: EntityManager,
  ids: readonly string[],
  column?: string,
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: string; by: string }>`
    select i.id, coalesce(u.given_name || ' ' || u.family_name, 'le système') as by
    from unnest(${ids}::uuid[]) as i (id) cross join lateral (
      select h.changeset_id from change h where h.table_name = 'operation' and h.row_id = i.id
        and (${column ?? null}::text is null or h.after ? ${column ?? null}::text) order by h.ordinal desc limit 1) h
    join changeset c on c.id = h.changeset_id join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
    left join app_user u on u.tenant_id = a.tenant_id and u.id = a.actor_id`.execute(transaction(em));
  return new Map(rows.map(({ id, by }) => [id, by]));
}

export interface Cause {
  outcome: "refused" | "missed";
  why: string;
  n: number;
  /** The first of them, by title. */
  rows: { id: string; title: string }[];
}

/** Why rows do not change, the most frequent cause first, each with the first operations it stops (OPS-14, OPS-15). */
export async function causesOf(em: EntityManager, bulkId: string, shown: number): Promise<Cause[]> {
  const { rows } = await sql<Cause>`
    select s.outcome, s.why, s.n::int as n, coalesce(jsonb_agg(jsonb_build_object('id', s.operation_id, 'title', s.title) order by s.rank)
      filter (where s.rank <= ${shown}), '[]') as rows
    from (select r.outcome, r.why, r.operation_id, o.title, count(*) over (partition by r.outcome, r.why) as n,
        row_number() over (partition by r.outcome, r.why order by o.title, o.id) as rank
      from bulk_row r join operation o on o.tenant_id = r.tenant_id and o.id = r.operation_id
      where r.bulk_id = ${bulkId}::uuid and r.outcome in ('refused', 'missed')) s
    where s.rank <= ${shown} group by s.outcome, s.why, s.n order by s.n desc, s.why`.execute(transaction(em));
  return rows;
}

/** What came of one row. */
export interface BulkResult {
  title: string;
  outcome: "change" | "same" | "refused" | "missed";
  why: string | null;
  /** The run went by it. */
  isPassed: boolean;
}

const RESULTS_AT_ONCE = 2_000;

/** All that a bulk action froze, by bundles of one reading: what is refused or left out first, then by title (OPS-15). */
export async function* bulkResults(
  em: EntityManager,
  { id, doneId = null }: { id: string; doneId?: string | null | undefined },
): AsyncGenerator<BulkResult[]> {
  const run = transaction(em);
  const reading = sql<BulkResult>`
    select o.title, r.outcome, r.why, coalesce(r.operation_id <= ${doneId}::uuid, false) as "isPassed"
    from bulk_row r join operation o on o.tenant_id = r.tenant_id and o.id = r.operation_id
    where r.bulk_id = ${id}::uuid
    order by array_position(array['refused', 'missed', 'change', 'same'], r.outcome), r.why, o.title, o.id`.compile(
    run,
  );
  for await (const { rows } of run.getExecutor().stream<BulkResult>(reading, RESULTS_AT_ONCE)) yield rows;
}

/** The operations of these ids, by title: done ones to be named before they go (OPS-12). */
export async function doneTargets(
  em: EntityManager,
  bulkId: string,
  shown: number,
): Promise<{ n: number; rows: { id: string; title: string }[] }> {
  const { rows } = await sql<{ id: string; title: string; n: number }>`
    select o.id, o.title, count(*) over ()::int as n from bulk_row r
    join operation o on o.tenant_id = r.tenant_id and o.id = r.operation_id
    where r.bulk_id = ${bulkId}::uuid and r.outcome = 'change' and o.category = 'success' order by o.title, o.id limit ${shown}`.execute(
    transaction(em),
  );
  return { n: rows[0]?.n ?? 0, rows: rows.map(({ id, title }) => ({ id, title })) };
}

/** The act of the transaction under way. */
export async function presentAct(em: EntityManager): Promise<string> {
  const { rows } = await sql<{ id: string }>`select current_setting('app.act_id') as id`.execute(transaction(em));
  return rows[0]!.id;
}

export interface BulkLine {
  id: string;
  action: BulkAction;
  state: string;
  author: string;
  at: Date;
  counts: { change: number };
  changed: number;
}

/** The bulk actions of a campaign that were previewed or more, the last first. */
export async function listBulks(em: EntityManager, campaignId: string, size: number): Promise<BulkLine[]> {
  const { rows } = await sql<Omit<BulkLine, "at"> & { at: string }>`
    select b.id, b.action, b.state, b.counts, b.changed, coalesce(b.started_at, b.created_at) as at,
      coalesce(u.given_name || ' ' || u.family_name, 'Compte inconnu') as author
    from bulk b left join app_user u on u.tenant_id = b.tenant_id and u.id = b.author_id
    where b.campaign_id = ${campaignId}::uuid and b.counts is not null order by b.id desc limit ${size}`.execute(
    transaction(em),
  );
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

/** Who follows a bulk action, or a change of type, of theirs that these changesets carried forward. */
export const bulkFollowers = (userId: string) => `lots ${userId}`;

export async function bulksTouched(em: EntityManager, changesetIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ actor: string }>`
    select distinct a.actor_id as actor from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
    where c.id = any (${changesetIds}::uuid[]) and a.code in ('operations.changed', 'campaign.fields_changed', 'campaign.type_followed') and a.actor_id is not null`.execute(
    transaction(em),
  );
  return rows.map(({ actor }) => bulkFollowers(actor));
}

/** Whether a job has parts of this act yet to carry out. */
export async function isActRunning(em: EntityManager, actId: string): Promise<boolean> {
  const { rows } = await sql`
    select from bulk where act_id = ${actId}::uuid and state = 'running'
    union all select from field_conversion where act_id = ${actId}::uuid and state = 'running'`.execute(
    transaction(em),
  );
  return rows.length > 0;
}

/** Lets bulk actions go with the month in which they could be undone; gives how many. One under way stays. */
export async function purgeBulks(em: EntityManager): Promise<number> {
  const old = sql`created_at < app_now() - interval '30 days' and state <> 'running'`;
  await sql`delete from bulk_row where bulk_id in (select id from bulk where ${old})`.execute(transaction(em));
  const { rows } = await sql`delete from bulk where ${old} returning id`.execute(transaction(em));
  return rows.length;
}
