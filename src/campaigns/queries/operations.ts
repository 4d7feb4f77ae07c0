import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { staffSortName } from "../../directory/index.ts";
import { bare, type FieldDefinition, type FieldValue, fieldSortKey, type SortKey } from "../../fields/index.ts";
import { askWithNext } from "../../platform/db/index.ts";
import { type Mark, PAGE_SIZE, type Paged } from "../../platform/db/paging.ts";
import type { Category } from "../../workflow/index.ts";
import { counted } from "./counts.ts";
import { presentDay } from "./prerequisites.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** SQL: waits for whoever writes values of unique fields of this campaign, then makes others wait. */
export const VALUES_HELD = (campaignId: RawBuilder<unknown>) =>
  sql`pg_advisory_xact_lock(hashtextextended('values ' || ${campaignId}, 0))`;

/** Two values of unique fields written at once wait for each other, so that the second reads the first. */
export async function holdValues(em: EntityManager, campaignId: string): Promise<void> {
  await sql`select ${VALUES_HELD(sql`${campaignId}::uuid`)}`.execute(transaction(em));
}

/** Another operation of the campaign that holds this value in this field, or null. */
export async function otherWithValue(
  em: EntityManager,
  campaignId: string,
  code: string,
  value: FieldValue,
  own?: string,
): Promise<{ title: string } | null> {
  const { rows } = await sql<{ title: string }>`
    select title from operation where campaign_id = ${campaignId}::uuid and trashed_at is null
      and "values" @> ${JSON.stringify({ [code]: value })}::jsonb and id is distinct from ${own ?? null}::uuid limit 1`.execute(
    transaction(em),
  );
  return rows[0] ?? null;
}

/** The first operations of a campaign after one of them, by id, the trash included. */
export async function idsOfOperations(
  em: EntityManager,
  campaignId: string,
  { after, size }: { after: string | null; size: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from operation where campaign_id = ${campaignId}::uuid and (${after}::uuid is null or id > ${after}::uuid)
    order by id limit ${size}`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** The same of those that a searchable field gives to this person, whatever their campaign. */
export async function idsNamingPerson(
  em: EntityManager,
  personId: string,
  { after, size }: { after: string | null; size: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct o.id from campaign_field f join operation o on o.tenant_id = f.tenant_id and o.campaign_id = f.campaign_id
      and o."values" @> jsonb_build_object(f.code, ${personId}::text)
    where f.type = 'person' and f.is_searchable and f.removed_at is null and (${after}::uuid is null or o.id > ${after}::uuid)
    order by o.id limit ${size}`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** What a search of these operations is told from; nobody else writes them until it is told. */
export async function valuesOfOperations(
  em: EntityManager,
  ids: readonly string[],
): Promise<{ id: string; campaignId: string; title: string; values: Record<string, FieldValue> }[]> {
  const { rows } = await sql<{ id: string; campaignId: string; title: string; values: Record<string, FieldValue> }>`
    select id, campaign_id as "campaignId", title, "values" from operation where id = any (${ids}::uuid[])
    order by id for no key update`.execute(transaction(em));
  return rows;
}

/** Writes what a search finds of these operations, in one statement. */
export async function writeSearches(em: EntityManager, told: { id: string; search: string }[]): Promise<void> {
  await sql`update operation o set search = v.search from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as v (id uuid, search text)
    where o.id = v.id and o.search <> v.search`.execute(transaction(em));
}

/** What a list shows of an operation. */
export interface OperationLine {
  id: string;
  title: string;
  values: Record<string, FieldValue>;
  status: string;
  category: Category;
  plannedAt: Date | null;
  firstPlannedAt: Date | null;
  startedAt: Date | null;
  completedAt: Date | null;
  reason: string | null;
  postponeCount: number;
  isMissing: boolean;
  trashedAt: Date | null;
  minutes: number | null;
  capacity: number;
  /** Their beginning: a list shows no more. */
  notes: string;
  segmentId: string | null;
  segment: string | null;
  technicianId: string | null;
  technician: string | null;
  version: number;
  /** What it is sorted by here, as a page mark says it. */
  key: string | null;
}

export const NONE = "aucun";
/** Assigned, to whoever it is. */
export const SOMEBODY = "quelqu-un";
/** Of reasons: none was given. */
export const NO_REASON = "-";

export interface OperationFilter {
  q?: string | undefined;
  /** Any of these, here as below; none says nothing. */
  statuses?: readonly string[];
  categories?: readonly Category[];
  /** Ids, or NONE: in no segment (SEG-5). */
  segments?: readonly string[];
  /** Ids, SOMEBODY, or NONE: assigned to nobody. */
  technicians?: readonly string[];
  /** Local days, both included. */
  from?: string | undefined;
  to?: string | undefined;
  /** The same of the day it was completed. */
  completedFrom?: string | undefined;
  completedTo?: string | undefined;
  /** Postponed on this local day, or after. */
  postponedFrom?: string | undefined;
  /** "technician": completed by who had it then; "first_date": on its first planned day (STA-5, STA-6). */
  completion?: "technician" | "first_date" | undefined;
  /** The last reasons given, word for word, or NO_REASON (OPS-20). */
  reasons?: readonly string[];
  /** "late": planned before today and not final, of a campaign that is not over; "dated": has a date; "undated": none; "expected": see `expected`; "unattended": see `unattended`. */
  when?: "late" | "dated" | "undated" | "expected" | "unattended" | undefined;
  leastPostponed?: number | undefined;
  mostPostponed?: number | undefined;
  /** Absent from the last file that flagged those it did not hold (IMP-24). */
  isMissing?: boolean;
  ids?: readonly string[];
  /** Of fields, already told in SQL over `o` (FLD-4). */
  fields?: RawBuilder<SqlBool>[];
  isTrashed?: boolean;
}

const FINAL = sql`('success', 'cancelled')`;

/**
 * SQL: the technicians who have operations, of any campaign: one step along their index for each, whatever the operations
 * they have.
 */
const EMPLOYED = sql`
  employed as (
    (select o.technician_id as id from operation o where o.technician_id is not null and o.trashed_at is null order by o.technician_id limit 1)
    union all
    select (select o.technician_id from operation o where o.technician_id is not null and o.trashed_at is null and o.technician_id > e.id
      order by o.technician_id limit 1) from employed e where e.id is not null)`;

/**
 * SQL: the ids of the operations of this campaign that are not over and whose technician is away the day they are planned,
 * from today on, or has no active technician's account any more (PRE-6). Days are those of this zone. Begins with the few
 * people concerned: an index leads from each to what they have.
 */
export const unattended = (
  campaignId: RawBuilder<unknown>,
  zone: RawBuilder<unknown>,
  today: RawBuilder<unknown> = presentDay(zone),
): RawBuilder<unknown> => {
  const midnight = (day: RawBuilder<unknown>) => sql`(${day})::timestamp at time zone ${zone}`;
  // `offset 0` keeps each person's own range of their index from being read as the whole campaign.
  const theirs = (userId: RawBuilder<unknown>, when: RawBuilder<unknown>) => sql`cross join lateral (
    select o.id from operation o where o.technician_id = ${userId} and o.technician_id is not null and o.trashed_at is null
      and o.category not in ${FINAL} and o.campaign_id = ${campaignId} and ${when} offset 0) w`;
  // Instants worked out beforehand: under row-level security, no index is entered by what a function gives.
  const away = sql`cross join lateral (
    select ${midnight(sql`greatest(a.starts_on, ${today})`)} as since, ${midnight(sql`a.ends_on + 1`)} as until offset 0) d`;
  return sql`
    with recursive ${EMPLOYED}
    select w.id from employed e join app_user u on u.id = e.id ${theirs(sql`u.id`, sql`true`)}
      where u.deactivated_at is not null or 'technician' <> all (u.roles)
    union
    select w.id from employed e join absence a on a.user_id = e.id ${away}
      ${theirs(sql`a.user_id`, sql`o.planned_at >= d.since and o.planned_at < d.until`)} where a.ends_on >= ${today}`;
};

/** SQL over `o`: done by now if all went as the present baseline has it; what it does not date is expected once the campaign is over (STA-5). */
export const expected = (endsOn: RawBuilder<unknown>, today: RawBuilder<unknown>): RawBuilder<SqlBool> =>
  sql<SqlBool>`coalesce(o.baseline_on, ${endsOn}) < ${today}`;

/** SQL over `o`: the operations of a campaign that answer to a filter, all its parts at once (OPS-5, OPS-6). */
export function operationsWhere(
  campaignId: string,
  filter: OperationFilter,
  { zone }: { zone: string },
): RawBuilder<SqlBool> {
  const { q = "", statuses = [], categories = [], segments = [], technicians = [] } = filter;
  const { from, to, when, leastPostponed, mostPostponed, isMissing, ids, fields = [], isTrashed = false } = filter;
  const { completedFrom, completedTo, postponedFrom, completion, reasons = [] } = filter;
  const today = sql`(app_now() at time zone ${zone})::date`;
  const conditions: RawBuilder<unknown>[] = [
    sql`o.campaign_id = ${campaignId}::uuid`,
    isTrashed ? sql`o.trashed_at is not null` : sql`o.trashed_at is null`,
    ...fields,
  ];
  for (const word of bare(q).split(" ").filter(Boolean).slice(0, 8)) {
    conditions.push(sql`o.search like ${`%${word.replace(/[\\%_]/g, "\\$&")}%`}`);
  }
  if (statuses.length > 0) conditions.push(isOneOf(sql`o.status`, statuses));
  if (categories.length > 0) conditions.push(isOneOf(sql`o.category`, categories));
  if (segments.length > 0) conditions.push(isIdOf(sql`o.segment_id`, segments));
  if (technicians.length > 0) {
    const held = sql`o.technician_id is not null`;
    const named = technicians.filter((id) => id !== SOMEBODY);
    const some = named.length > 0 ? isIdOf(sql`o.technician_id`, named) : null;
    conditions.push(named.length === technicians.length ? some! : some ? sql`(${held} or ${some})` : held);
  }
  if (reasons.length > 0) conditions.push(sql`coalesce(o.reason, ${NO_REASON}) = any (${reasons}::text[])`);
  if (isMissing) conditions.push(sql`o.is_missing`);
  if (ids) conditions.push(sql`o.id = any (${ids}::uuid[])`);
  if (leastPostponed !== undefined) conditions.push(sql`o.postpone_count >= ${leastPostponed}`);
  if (mostPostponed !== undefined) conditions.push(sql`o.postpone_count <= ${mostPostponed}`);
  if (from) conditions.push(sql`o.planned_at >= ${from}::date::timestamp at time zone ${zone}`);
  if (to) conditions.push(sql`o.planned_at < (${to}::date + 1)::timestamp at time zone ${zone}`);
  if (completedFrom) conditions.push(sql`o.completed_at >= ${completedFrom}::date::timestamp at time zone ${zone}`);
  if (completedTo) conditions.push(sql`o.completed_at < (${completedTo}::date + 1)::timestamp at time zone ${zone}`);
  if (postponedFrom) {
    conditions.push(sql`exists (select from jsonb_array_elements_text(o.postponed_on) d where d >= ${postponedFrom})`);
  }
  if (completion === "technician") conditions.push(sql`o.is_completed_by_technician`);
  if (completion === "first_date") conditions.push(sql`o.completed_at is not null and o.is_on_first_date`);
  if (when === "expected") {
    const endsOn = sql`(select c.ends_on from campaign c where c.id = ${campaignId}::uuid)`;
    conditions.push(sql`o.category <> 'cancelled'`, expected(endsOn, today));
  }
  if (when === "dated") conditions.push(sql`o.planned_at is not null`);
  if (when === "undated") conditions.push(sql`o.planned_at is null`);
  if (when === "unattended") {
    conditions.push(sql`o.id in (${unattended(sql`${campaignId}::uuid`, sql`${zone}`)})`);
  }
  if (when === "late") {
    conditions.push(sql`o.planned_at < date_trunc('day', app_now() at time zone ${zone}) at time zone ${zone}`);
    conditions.push(sql`o.category not in ${FINAL}`);
    conditions.push(sql`(select c.closed_at from campaign c where c.id = ${campaignId}::uuid) is null`);
  }
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}

const isOneOf = (column: RawBuilder<unknown>, codes: readonly string[]) =>
  codes.length === 1 ? sql`${column} = ${codes[0]}` : sql`${column} = any (${codes}::text[])`;

/** One of these ids, or none at all. */
function isIdOf(column: RawBuilder<unknown>, wanted: readonly string[]): RawBuilder<unknown> {
  const ids = wanted.filter((id) => id !== NONE);
  const none = sql`${column} is null`;
  if (ids.length === 0) return none;
  const some = ids.length === 1 ? sql`${column} = ${ids[0]}::uuid` : sql`${column} = any (${ids}::uuid[])`;
  return ids.length === wanted.length ? some : sql`(${some} or ${none})`;
}

/** How many operations answer (OPS-5). `of` is given by pages, which only read: see counted. */
export async function countOperations(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  of?: { tenantId: string; day?: string },
): Promise<number> {
  const question = sql<{ n: number }>`select count(*)::int as n from operation o where ${where}`;
  const [row] = of ? await counted(em, question, of) : (await question.execute(transaction(em))).rows;
  return row!.n;
}

/** How many operations are in each status, a status without any left out, and of a whole campaign how many are late. */
export interface CampaignCounts {
  byStatus: Map<string, number>;
  late: number;
}

type Counted = { status: string | null; n: number };
const countsOf = (rows: Counted[]): CampaignCounts => ({
  byStatus: new Map(rows.flatMap(({ status, n }) => (status === null ? [] : [[status, n]]))),
  late: rows.find(({ status }) => status === null)?.n ?? 0,
});

/**
 * Where a whole campaign stands, those in the trash apart, in one question. `status > ''` is always true and lets the index
 * of statuses answer: PostgreSQL drops a `status is not null` that the column says already.
 */
export async function countCampaign(
  em: EntityManager,
  { id, tenantId }: { id: string; tenantId: string },
  { zone, day }: { zone: string; day: string },
): Promise<CampaignCounts> {
  const question = sql<Counted>`
    select status, count(*)::int as n from operation where campaign_id = ${id}::uuid and trashed_at is null and status > '' group by status
    union all select null, count(*)::int from operation o where ${operationsWhere(id, { when: "late" }, { zone })}`;
  return countsOf(await counted(em, question, { tenantId, day }));
}

/** How many of those that answer are in each status. */
export async function countByStatus(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  of: { tenantId: string; day: string },
): Promise<Map<string, number>> {
  const question = sql<Counted>`select o.status, count(*)::int as n from operation o where ${where} group by o.status`;
  return countsOf(await counted(em, question, of)).byStatus;
}

/** Moments of the row itself, and the column each is. */
const MOMENTS = { planned: "planned_at", first: "first_planned_at", started: "started_at", completed: "completed_at" };
type Moment = keyof typeof MOMENTS;
const isMoment = (by: OperationOrder["by"]): by is Moment => typeof by === "string" && by in MOMENTS;
/** Whole numbers of the row itself, likewise. */
const NUMBERS = { postponed: "postpone_count", minutes: "minutes", capacity: "capacity" };
const isNumber = (by: OperationOrder["by"]): by is keyof typeof NUMBERS => typeof by === "string" && by in NUMBERS;
type Own = Moment | keyof typeof NUMBERS | "title" | "status" | "segment" | "technician" | "reason" | "notes";

/** What a list may be sorted by: a column of the product, or a field. */
export interface OperationOrder {
  by: Own | FieldDefinition;
  descending: boolean;
  /** The order of statuses, for `status`. */
  statuses: string[];
}

const NOTES = sql`left(o.notes, 100)`;

/** SQL of a sort key over `o`, and its type; null where empty, which always comes last (OPS-7). */
function keyOf({ by, statuses }: OperationOrder): SortKey {
  if (typeof by === "object") return fieldSortKey(by, { column: 'o."values"', person: staffSortName });
  if (isMoment(by)) return { key: sql`o.${sql.ref(MOMENTS[by])}`, type: "timestamptz" };
  if (isNumber(by)) return { key: sql`o.${sql.ref(NUMBERS[by])}`, type: "int" };
  if (by === "reason") return { key: sql`nullif(o.reason, '')`, type: "text" };
  if (by === "notes") return { key: sql`nullif(${NOTES}, '')`, type: "text" };
  if (by === "status") return { key: sql`array_position(${statuses}::text[], o.status)`, type: "int" };
  if (by === "segment") {
    const name = sql`(select s.name from segment s where s.tenant_id = o.tenant_id and s.id = o.segment_id)`;
    return { key: name, type: "text" };
  }
  if (by === "technician") {
    const name = sql`(select u.family_name || ' ' || u.given_name from app_user u where u.tenant_id = o.tenant_id and u.id = o.technician_id)`;
    return { key: name, type: "text" };
  }
  return { key: sql`o.title`, type: "text" };
}

/** A whole order as one list of keys, empties last (OPS-7). */
export function sortOf(order: OperationOrder): RawBuilder<unknown> {
  const way = order.descending ? sql`desc` : sql`asc`;
  return sql`${keyOf(order).key} ${way} nulls last, o.title, o.id`;
}

type Dated = "plannedAt" | "firstPlannedAt" | "startedAt" | "completedAt" | "trashedAt";
type Row = Omit<OperationLine, Dated> & Record<Dated, string | null>;
const momentOf = (text: string | null) => (text ? new Date(text) : null);

/** Rows looked at in the order of the days for each one wanted, before the whole filter is asked. */
const LOOKED_AT = 20;

/**
 * One page by keyset: those that have the sort value, in its order, then those that have none; ties by title then id
 * (OPS-4, OPS-7). Each part is its own question, so that an index serves it however deep the page.
 * Given the campaign a filter is within, a page by day is first sought among the next rows by index: PostgreSQL cannot
 * tell how many rows hold a JSON value, takes them for rare, and sorts all those it finds.
 */
export async function listOperations(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  {
    order,
    mark,
    size = PAGE_SIZE,
    isBack = mark?.back ?? false,
    within,
  }: { order: OperationOrder; mark: Mark | null; size?: number; isBack?: boolean; within?: string },
): Promise<Omit<Paged<OperationLine>, "total">> {
  const { key, type } = keyOf(order);
  const at = mark && sortValueOf(mark, type);
  const wanted = size + 1;
  const part = async (isEmpty: boolean, from: [string | null, string] | null, limit: number) => {
    const down = order.descending !== isBack;
    const ties = isBack ? sql`<` : sql`>`;
    const beyond = from && sql`(o.title, o.id) ${ties} (${from[1]}, ${mark!.id}::uuid)`;
    const value = sql`${from?.[0] ?? null}::${sql.raw(type)}`;
    const further = down ? sql`<` : sql`>`;
    const seek = !from
      ? sql`true`
      : isEmpty
        ? beyond!
        : sql`${key} ${further}= ${value} and (${key} ${further} ${value} or ${beyond})`;
    const way = isBack ? sql`desc` : sql`asc`;
    const sort = isEmpty
      ? sql`o.title ${way}, o.id ${way}`
      : sql`${key} ${down ? sql`desc` : sql`asc`}, o.title ${way}, o.id ${way}`;
    const shown = (ranked: RawBuilder<unknown>, before = sql``) =>
      sql<Row & { isAll: boolean }>`${before}
      select o.id, o.title, o."values", o.status, o.category, o.planned_at as "plannedAt", o.postpone_count as "postponeCount",
        o.first_planned_at as "firstPlannedAt", o.started_at as "startedAt", o.completed_at as "completedAt", o.trashed_at as "trashedAt", o.reason,
        o.is_missing as "isMissing", o.minutes, o.capacity, ${NOTES} as notes, o.version, o.segment_id as "segmentId", s.name as segment, o.technician_id as "technicianId",
        u.given_name || ' ' || u.family_name as technician, o.key, o."isAll"
      from (select o.*, ${isEmpty ? sql`null` : sql`${key}`}::text as key, row_number() over (order by ${sort}) as rank
        from (${ranked} order by ${sort} limit ${limit}) o) o
      left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
      left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
      order by o.rank`.execute(transaction(em));
    if (within && order.by === "planned" && !isEmpty) {
      const most = limit * LOOKED_AT;
      const { rows } = await shown(
        sql`select o.*, (select count(*) < ${most}::int from near) as "isAll" from near o where ${where}`,
        sql`with near as materialized (
          select o.* from operation o
          where o.campaign_id = ${within}::uuid and o.trashed_at is null and o.planned_at is not null and ${seek}
          order by ${sort} limit ${most})`,
      );
      if (rows.length === limit || rows[0]?.isAll) return rows;
    }
    const { rows } = await shown(
      sql`select o.*, true as "isAll" from operation o
        where ${where} and ${key} is ${isEmpty ? sql`null` : sql`not null`} and ${seek}`,
    );
    return rows;
  };
  const parts = isBack ? [true, false] : [false, true];
  const started = at ? parts.slice(parts.indexOf(at[0] === null)) : parts;
  const found: (Row & { isAll: boolean })[] = [];
  for (const [i, isEmpty] of started.entries()) {
    if (found.length >= wanted) break;
    found.push(...(await part(isEmpty, i === 0 ? at : null, wanted - found.length)));
  }
  const overflow = found.length > size;
  const rows = found.slice(0, size);
  if (isBack) rows.reverse();
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    rows: rows.map(({ isAll: _, ...row }) => ({
      ...row,
      plannedAt: momentOf(row.plannedAt),
      firstPlannedAt: momentOf(row.firstPlannedAt),
      startedAt: momentOf(row.startedAt),
      completedAt: momentOf(row.completedAt),
      trashedAt: momentOf(row.trashedAt),
    })),
    before: first && (isBack ? overflow : mark !== null) ? markOf(first, true) : null,
    after: last && (isBack ? true : overflow) ? markOf(last, false) : null,
  };
}

/** Where a page that begins after this row, or ends before it, is found. */
export const markOf = ({ id, key, title }: Pick<OperationLine, "id" | "key" | "title">, back: boolean): Mark => ({
  value: JSON.stringify([key, title]),
  id,
  back,
});

/** How PostgreSQL writes each type of key. */
const WRITTEN: Record<SortKey["type"], RegExp> = {
  int: /^-?\d{1,9}$/,
  numeric: /^-?\d{1,30}(\.\d{1,10})?$/,
  text: /^/,
  timestamptz: /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?[+-]\d{2}(:\d{2})?$/,
};

/** What a mark says of its neighbour; null when we did not write it, and the list begins at its beginning. */
function sortValueOf({ value }: Mark, type: SortKey["type"]): [string | null, string] | null {
  const [key, title] = parsed(value);
  if (typeof title !== "string" || !(key === null || typeof key === "string")) return null;
  return key === null || WRITTEN[type].test(key) ? [key, title] : null;
}

function parsed(value: string): unknown[] {
  try {
    const list: unknown = JSON.parse(value);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

const activeTechnicians = sql<{ value: string; label: string }>`
  select id as value, given_name || ' ' || family_name as label from app_user
  where deactivated_at is null and support_of is null and roles @> '{technician}' order by family_name, given_name, id`;

/** The active technicians of the organisation by name (OPS-3). */
export const listTechnicians = async (em: EntityManager): Promise<{ value: string; label: string }[]> =>
  (await activeTechnicians.execute(transaction(em))).rows;

/** The same, asked along with the next question. */
export const listTechniciansWithNext = (em: EntityManager) => askWithNext(em, activeTechnicians);

/** Takes away for good, at most so many at once, what has been in the trash since before then; gives how many (OPS-12). */
export async function purgeTrashed(
  em: EntityManager,
  { before, most }: { before: Date; most: number },
): Promise<number> {
  // Held by id, as bulk actions hold them; one that comes out meanwhile stays.
  const { numAffectedRows } = await sql`
    with old as materialized (
      select tenant_id, id from operation where trashed_at < ${before} order by id limit ${most} for update),
    left_alone as (
      update eligible_person e set operation_id = null, version = e.version + 1 from old
      where e.tenant_id = old.tenant_id and e.operation_id = old.id)
    delete from operation o using old where o.tenant_id = old.tenant_id and o.id = old.id`.execute(transaction(em));
  return Number(numAffectedRows ?? 0);
}
