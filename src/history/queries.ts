import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Channel } from "../platform/db/changeset.ts";
import type { Tracked } from "../platform/db/tracking.ts";
import { valuesAtCreation } from "./differences.ts";

/** What the list of acts can be narrowed to (HIS-9). */
export interface ActFilter {
  actorId?: string | undefined;
  subjectType?: string | undefined;
  subjectId?: string | undefined;
  channel?: string | undefined;
  /** First and last local days, `2026-03-12`, in `zone`. */
  from?: string | undefined;
  to?: string | undefined;
  zone?: string | undefined;
  text?: string | undefined;
  requestId?: string | undefined;
}

export interface ActLine {
  id: string;
  at: Date;
  actorId: string | null;
  channel: Channel;
  label: string | null;
  reason: string | null;
  subjectType: string | null;
  subjectId: string | null;
  requestId: string | null;
  /** The number of its first changeset in the tenant's chain; null during the fifth of a second before its seal. */
  number: number | null;
  /** Rows it changed. */
  changes: number;
  /** The act it takes back, if it is an undo. */
  undoesId: string | null;
  /** Whether an undo of it was ever done, in force or itself undone. */
  wasUndone: boolean;
}

export interface ActPage {
  acts: ActLine[];
  /** Id to come back to the page before, or to go on after this one; null at the ends. */
  newer: string | null;
  older: string | null;
}

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

interface ActRecord {
  id: string;
  // The driver leaves dates of raw queries as PostgreSQL writes them.
  at: string;
  actor_id: string | null;
  channel: Channel;
  label: string | null;
  reason: string | null;
  subject_type: string | null;
  subject_id: string | null;
  request_id: string | null;
  number: string | null;
  changes: string;
  undoes_id: string | null;
  was_undone: boolean;
}

const toLine = (row: ActRecord): ActLine => ({
  id: row.id,
  at: new Date(row.at),
  actorId: row.actor_id,
  channel: row.channel,
  label: row.label,
  reason: row.reason,
  subjectType: row.subject_type,
  subjectId: row.subject_id,
  requestId: row.request_id,
  number: row.number === null ? null : Number(row.number),
  changes: Number(row.changes),
  undoesId: row.undoes_id,
  wasUndone: row.was_undone,
});

/**
 * The acts a query chose, newest first, with number and count found by the changesets of all of them at once: two index
 * scans for a page instead of two for each line. A page's size is written in the text: PostgreSQL keeps no plan for a
 * limit it does not know.
 */
const lines = (chosen: RawBuilder<unknown>) => sql<ActRecord>`
  with a as materialized (${chosen}),
    c as materialized (select id, act_id from changeset where act_id = any (array(select id from a))),
    s as (select changeset_id, sequence from seal where changeset_id = any (array(select id from c))),
    i as (select id, changes from imprint where id = any (array(select id from c))),
    u as (select undoes_id from act where undoes_id = any (array(select id from a))),
    n as (
      select c.act_id, min(s.sequence) as number, sum(i.changes) as changes
      from c left join s on s.changeset_id = c.id left join i on i.id = c.id group by c.act_id)
  select a.id, a.at, a.actor_id, a.channel, a.label, a.reason, a.subject_type, a.subject_id, a.request_id, a.undoes_id,
    n.number, coalesce(n.changes, 0) as changes, a.id in (select undoes_id from u) as was_undone
  from a left join n on n.act_id = a.id order by a.id desc`;

// What people type is a text, never a pattern.
const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

function conditions(filter: ActFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (filter.actorId) all.push(sql`a.actor_id = ${filter.actorId}::uuid`);
  if (filter.channel) all.push(sql`a.channel = ${filter.channel}`);
  if (filter.subjectType && filter.subjectId) {
    // An object's history also holds the acts on something else that changed a row of it.
    all.push(sql`a.id in (
      select id from act where subject_type = ${filter.subjectType} and subject_id = ${filter.subjectId}::uuid union
      select c.act_id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
      where h.subject_type = ${filter.subjectType} and h.subject_id = ${filter.subjectId}::uuid and h.row_id = h.subject_id
        and h.row_id = ${filter.subjectId}::uuid union
      select c.act_id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
      where h.subject_type = ${filter.subjectType} and h.subject_id = ${filter.subjectId}::uuid and h.row_id <> h.subject_id)`);
  } else if (filter.subjectType) all.push(sql`a.subject_type = ${filter.subjectType}`);
  // PostgreSQL knows when a local day starts, clock changes included.
  if (filter.from) all.push(sql`a.at >= ${filter.from}::date::timestamp at time zone ${filter.zone}`);
  if (filter.to) all.push(sql`a.at < (${filter.to}::date + 1)::timestamp at time zone ${filter.zone}`);
  if (filter.text)
    all.push(sql`(a.label ilike ${containing(filter.text)} or a.reason ilike ${containing(filter.text)})`);
  if (filter.requestId) all.push(sql`a.request_id ilike ${`${filter.requestId.replace(/[\\%_]/g, "\\$&")}%`}`);
  return sql.join(all, sql` and `);
}

/** Acts, newest first, one page by keyset (HIS-9): `before` goes towards older acts, `after` back to newer ones. */
export async function listActs(
  em: EntityManager,
  filter: ActFilter,
  { before, after, size }: { before?: string | undefined; after?: string | undefined; size: number },
): Promise<ActPage> {
  const bound = after ? sql`a.id > ${after}::uuid` : before ? sql`a.id < ${before}::uuid` : sql`true`;
  const { rows } = await lines(sql`
    select a.* from act a where ${conditions(filter)} and ${bound}
    order by a.id ${after ? sql`asc` : sql`desc`} limit ${sql.lit(size + 1)}`).execute(transaction(em));
  const more = rows.length > size;
  // The one too many, which tells that there are more, is the last in the direction asked.
  const acts = (after ? rows.slice(-size) : rows.slice(0, size)).map(toLine);
  const [newest, oldest] = [acts.at(0)?.id ?? null, acts.at(-1)?.id ?? null];
  return { acts, newer: after ? (more ? newest : null) : before ? newest : null, older: after || more ? oldest : null };
}

/** One act, or null when this tenant has none of that id. */
export async function findAct(em: EntityManager, id: string): Promise<ActLine | null> {
  const { rows } = await lines(sql`select * from act where id = ${id}::uuid`).execute(transaction(em));
  return rows[0] ? toLine(rows[0]) : null;
}

/** The acts just before and after, for « Autour de cet acte ». */
export async function actsAround(em: EntityManager, id: string, each: number): Promise<ActLine[]> {
  const side = (condition: RawBuilder<unknown>, order: RawBuilder<unknown>) => sql`
    (select * from act where ${condition} order by id ${order} limit ${sql.lit(each)})`;
  const chosen = sql`${side(sql`id > ${id}::uuid`, sql`asc`)} union all ${side(sql`id <= ${id}::uuid`, sql`desc`)}`;
  const { rows } = await lines(chosen).execute(transaction(em));
  return rows.map(toLine);
}

/** What this act brought about that nobody did, once each: names of events and what they are about. */
export async function followedBy(
  em: EntityManager,
  actId: string,
  names: readonly string[],
): Promise<{ name: string; subjectId: string }[]> {
  const { rows } = await sql<{ name: string; subjectId: string }>`
    select e.name, e.subject_id as "subjectId" from changeset c join event e on e.tenant_id = c.tenant_id and e.changeset_id = c.id
    where c.act_id = ${actId}::uuid and e.name = any (${[...names]}::text[]) and e.payload ->> 'by' is null
    group by 1, 2 order by 1, 2`.execute(transaction(em));
  return rows;
}

export interface ChangeLine {
  ordinal: number;
  table: string;
  rowId: string;
  subjectType: string;
  subjectId: string;
  operation: "create" | "update" | "delete" | "restore";
  title: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** The row changes of an act in order, after `ordinal`, at most `size`. */
export async function listChanges(
  em: EntityManager,
  actId: string,
  ordinal: number,
  size: number,
): Promise<ChangeLine[]> {
  const { rows } = await sql<ChangeLine & { ordinal: string }>`
    select h.ordinal, h.table_name as "table", h.row_id as "rowId", h.subject_type as "subjectType", h.subject_id as "subjectId",
      h.operation, h.title, h.before, h.after
    from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    where c.act_id = ${actId}::uuid and h.ordinal > ${ordinal} order by h.ordinal limit ${sql.lit(size)}`.execute(
    transaction(em),
  );
  return rows.map((row) => ({ ...row, ordinal: Number(row.ordinal) }));
}

/** What these acts changed of one row, in order: neither its creation nor its parts. */
export async function changesOfRow(
  em: EntityManager,
  rowId: string,
  actIds: string[],
): Promise<(Pick<ChangeLine, "table" | "before" | "after"> & { actId: string })[]> {
  const { rows } = await sql<Pick<ChangeLine, "table" | "before" | "after"> & { actId: string }>`
    select c.act_id as "actId", h.table_name as "table", h.before, h.after
    from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
    where h.row_id = ${rowId}::uuid and h.operation = 'update' and c.act_id = any (${actIds}::uuid[])
    order by h.ordinal`.execute(transaction(em));
  return rows;
}

/** Gives each creation the values its row had then, which its page shows; `tracked` names the tables. */
export async function withCreatedValues(
  em: EntityManager,
  changes: ChangeLine[],
  tracked: Map<string, Tracked>,
): Promise<ChangeLine[]> {
  const created = changes.filter(({ operation }) => operation === "create");
  if (created.length === 0) return changes;
  // A row is known by its table and id: parts of an object may bear the object's own id.
  const key = (table: string, id: string) => `${table} ${id}`;
  const { rows: later } = await sql<{ table: string; row_id: string; before: Record<string, unknown> | null }>`
    select table_name as "table", row_id, before from change where row_id = any (${created.map(({ rowId }) => rowId)}::uuid[])
      and table_name = any (${[...new Set(created.map(({ table }) => table))]}) and before is not null order by ordinal`.execute(
    transaction(em),
  );
  const laterOf = Map.groupBy(later, (row) => key(row.table, row.row_id));
  const present = new Map<string, Record<string, unknown>>();
  for (const [table, lines] of Map.groupBy(created, (line) => line.table)) {
    if (!tracked.has(table)) continue;
    const { rows } = await sql<{ id: string; value: Record<string, unknown> }>`
      select id, to_jsonb(t) as value from ${sql.table(table)} t where id = any (${lines.map(({ rowId }) => rowId)}::uuid[])`.execute(
      transaction(em),
    );
    for (const { id, value } of rows) present.set(key(table, id), value);
  }
  return changes.map((change) => {
    if (change.operation !== "create") return change;
    const columns = tracked.get(change.table)?.columns ?? {};
    const row = key(change.table, change.rowId);
    return { ...change, after: valuesAtCreation(columns, laterOf.get(row) ?? [], present.get(row) ?? null) };
  });
}

/** How many acts and rows answer a filter, for exports and counts said aloud. */
export async function countActs(em: EntityManager, filter: ActFilter): Promise<number> {
  const { rows } = await sql<{ n: string }>`select count(*) as n from act a where ${conditions(filter)}`.execute(
    transaction(em),
  );
  return Number(rows[0]!.n);
}

export interface SealedLine {
  sequence: number;
  changesetId: string;
  at: Date;
}

interface SealedRecord {
  sequence: string;
  changeset_id: string;
  created_at: string;
}

const toSealed = ({ sequence, changeset_id, created_at }: SealedRecord): SealedLine => ({
  sequence: Number(sequence),
  changesetId: changeset_id,
  at: new Date(created_at),
});

/** The number of the last seal, 0 when none. */
export async function lastSequence(em: EntityManager): Promise<number> {
  const { rows } = await sql<{ sequence: string }>`select sequence from seal order by sequence desc limit 1`.execute(
    transaction(em),
  );
  return Number(rows[0]?.sequence ?? 0);
}

/** The first seals after a number, in order. */
export async function sealedAfter(em: EntityManager, sequence: number, most: number): Promise<SealedLine[]> {
  const { rows } = await sql<SealedRecord>`
    select sequence, changeset_id, created_at from seal where sequence > ${sequence} order by sequence
    limit ${sql.lit(most)}`.execute(transaction(em));
  return rows.map(toSealed);
}

/** The last seals made since an instant, in order; found from the end of the chain, whose times have no index. */
export async function sealedSince(em: EntityManager, at: Date, most: number): Promise<SealedLine[]> {
  const { rows } = await sql<SealedRecord>`
    select sequence, changeset_id, created_at
    from (select * from seal order by sequence desc limit ${sql.lit(most)}) s
    where created_at > ${at}::timestamptz order by sequence`.execute(transaction(em));
  return rows.map(toSealed);
}

/** The last title history has of each of these rows. */
export async function titlesOf(em: EntityManager, rowIds: string[]): Promise<Map<string, string>> {
  if (rowIds.length === 0) return new Map();
  const { rows } = await sql<{ id: string; title: string }>`
    select distinct on (row_id) row_id as id, title from change
    where row_id = any (${rowIds}::uuid[]) and title is not null order by row_id, ordinal desc`.execute(
    transaction(em),
  );
  return new Map(rows.map(({ id, title }) => [id, title]));
}
