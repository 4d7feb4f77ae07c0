import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Tracked } from "../../platform/db/tracking.ts";
import type { Undo, Undoing, UndoneRow } from "../../platform/db/undo.ts";

/** Put first, so that the statement is planned each time: a plan kept from an act of one row would not suit ten thousand. */
const PLANNED_ANEW = sql.raw("/* planned anew */ ");

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What an act did to one table, and the columns of that table as the database knows them. */
export interface TouchedTable {
  name: string;
  rows: number;
  changes: number;
  /** Columns the act gave another value, or took away with a row. */
  columns: string[];
  isVersioned: boolean;
  /** Columns a new row cannot do without. */
  needed: string[];
}

/** The tables of an act, the last changed first: parts go before what they belong to, and come back after it. */
export async function touchedTables(em: EntityManager, actId: string): Promise<TouchedTable[]> {
  const { rows } = await sql<Omit<TouchedTable, "rows" | "changes"> & { rows: string; changes: string }>`
    with h as materialized (
      select h.table_name, h.row_id, h.ordinal, h.before from changeset c
      join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id where c.act_id = ${actId}::uuid),
    touched as (select table_name, count(*) as changes, count(distinct row_id) as rows, max(ordinal) as last from h group by 1)
    select s.table_name as name, s.changes, s.rows,
      array(select distinct k from h, jsonb_object_keys(coalesce(h.before, '{}')) k where h.table_name = s.table_name) as columns,
      exists (select from pg_attribute where attrelid = s.table_name::regclass and attname = 'version' and not attisdropped) as "isVersioned",
      array(select attname::text from pg_attribute where attrelid = s.table_name::regclass and attnum > 0 and attnotnull
        and not attisdropped and not atthasdef and attname not in ('tenant_id', 'id')) as needed
    from touched s order by s.last desc`.execute(transaction(em));
  return rows.map((row) => ({ ...row, rows: Number(row.rows), changes: Number(row.changes) }));
}

/** Nobody else undoes this act until the end of the transaction. */
export async function holdAct(em: EntityManager, actId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`undo ${actId}`}, 0))`.execute(transaction(em));
}

export type UndoClass = "restorable" | "conflict" | "impossible";

export const REASONS = {
  gone: "Cet objet n’existe plus.",
  back: "Cet objet existe de nouveau.",
  incomplete: "L’historique ne garde pas tout ce qu’il faut pour recréer cet objet.",
  erased: "Les valeurs d’avant ont été effacées de l’historique.",
  same: "Les valeurs d’avant sont déjà là\u00a0: il n’y a rien à restaurer.",
};

interface Asked {
  actId: string;
  table: TouchedTable;
  undo: Undo;
  undoing: Undoing;
  /** Refusals already known, by row. */
  refused: Record<string, string>;
}

/**
 * `h`: what the act came to for each row. `k`: its class, its reason, the row now and the row wanted. One statement for
 * a whole table, whatever its rows: a bulk act is previewed and undone at the speed of its own update.
 */
function classed({ actId, table, undo, undoing, refused }: Asked): RawBuilder<unknown> {
  const name = sql.table(table.name);
  const created = undo.created;
  const patch = typeof created === "object" && "set" in created ? JSON.stringify(created.set(undoing.now)) : "{}";
  const why: RawBuilder<unknown>[] = [];
  const when = (condition: RawBuilder<unknown>, sentence: string) =>
    void why.push(sql`when ${condition} then ${sentence}::text`);
  if (typeof created === "object" && "never" in created) when(sql`h.kind = 'create'`, created.never);
  when(sql`h.kind <> 'delete' and t.id is null`, REASONS.gone);
  when(sql`h.kind = 'delete' and t.id is not null`, REASONS.back);
  when(sql`h.kind = 'delete' and not h.before ?& ${table.needed}::text[]`, REASONS.incomplete);
  when(sql`h.kind = 'update' and h.before = '{}'`, REASONS.erased);
  if (!(created === "delete")) when(sql`h.kind = 'create' and t is not distinct from w`, REASONS.same);
  when(sql`h.kind = 'update' and t is not distinct from w`, REASONS.same);
  if (!undoing.may(undo.right)) {
    when(undo.unless ? sql`(${sql.raw(undo.unless)}) is not true` : sql`true`, undoing.explain(undo.right));
  }
  for (const rule of undo.rules ?? []) when(sql`(${sql.raw(rule.when)})`, rule.why);

  // Most acts change a row once: nothing to merge then.
  const one = table.rows === table.changes;
  const of = sql`from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    where c.act_id = ${actId}::uuid and h.table_name = ${table.name}`;
  const last = (column: string) => sql.raw(`(array_agg(h.${column} order by h.ordinal desc))[1] as ${column}`);
  const rows = one
    ? sql`select h.row_id, h.ordinal, h.subject_type, h.subject_id, h.title, h.operation as kind,
        coalesce(h.before, '{}') as before, coalesce(h.after, '{}') as after ${of}`
    : sql`select g.*, case when g.first = 'create' and g.last = 'delete' then 'void' when g.first = 'create' then 'create'
        when g.last = 'delete' then 'delete' else 'update' end as kind
      from (select h.row_id, max(h.ordinal) as ordinal, ${last("subject_type")}, ${last("subject_id")}, ${last("title")},
        (array_agg(h.operation order by h.ordinal))[1] as first, (array_agg(h.operation order by h.ordinal desc))[1] as last,
        jsonb_merge(h.before order by h.ordinal desc) as before, jsonb_merge(h.after order by h.ordinal) as after
        ${of} group by h.row_id) g`;
  return sql`
    h as materialized (${rows}),
    k as materialized (
      select j.*, case when j.why is not null then 'impossible' when j.is_changed then 'conflict' else 'restorable' end as class
      from (select h.*, t as present, w as wanted,
          coalesce(${JSON.stringify(refused)}::jsonb ->> h.row_id::text, case ${sql.join(why, sql` `)} end) as why,
          case h.kind when 'update' then jsonb_populate_record(t, h.after) is distinct from t
            when 'create' then exists (select from change l where l.table_name = ${table.name} and l.row_id = h.row_id and l.ordinal > h.ordinal)
            else false end as is_changed
        from h left join ${name} t on t.tenant_id = ${undoing.tenantId}::uuid and t.id = h.row_id
        cross join lateral jsonb_populate_record(t, case h.kind when 'update' then h.before when 'create' then ${patch}::jsonb
          else h.before || jsonb_build_object('tenant_id', ${undoing.tenantId}::text, 'id', h.row_id) end) w
        cross join (select ${undoing.by.id}::uuid as id) who
        where h.kind <> 'void') j)`;
}

/** The values a change of one of these columns would bring back, for rules that SQL cannot tell. */
export async function wantedValues(
  em: EntityManager,
  actId: string,
  table: string,
  columns: string[],
): Promise<{ id: string; values: Record<string, unknown> }[]> {
  const { rows } = await sql<{ id: string; values: Record<string, unknown> }>`
    select h.row_id as id, jsonb_merge(h.before order by h.ordinal desc) as values
    from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    where c.act_id = ${actId}::uuid and h.table_name = ${table} and h.before ?| ${columns}::text[]
    group by h.row_id`.execute(transaction(em));
  return rows;
}

/** One row of an act as its undo sees it; `mark` changes as soon as somebody changes the row again. */
export interface UndoLine {
  table: string;
  rowId: string;
  subjectType: string;
  subjectId: string;
  title: string | null;
  kind: "create" | "update" | "delete";
  class: UndoClass;
  why: string | null;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
  present: Record<string, unknown> | null;
  mark: string;
  /** Who changed it last, when somebody did after the act. */
  changedById: string | null;
  changedAt: string | null;
}

/** How many rows of a table are of each class, and the first `size` of each. */
export async function classifyTable(
  em: EntityManager,
  asked: Asked,
  size: number,
): Promise<{ counts: { class: UndoClass; n: number }[]; lines: UndoLine[] }> {
  const { name } = asked.table;
  const { rows } = await sql<UndoLine & { n: string }>`
    ${PLANNED_ANEW}with ${classed(asked)},
    ranked as (select k.*, row_number() over (partition by class order by ordinal) as place, count(*) over (partition by class) as n from k)
    select ${name} as "table", r.row_id as "rowId", r.subject_type as "subjectType", r.subject_id as "subjectId", r.title, r.kind,
      r.class, r.why, r.before, r.after, to_jsonb(r.present) as present, r.n,
      coalesce(l.ordinal, r.ordinal)::text as mark, l.actor_id as "changedById", l.at as "changedAt"
    from ranked r left join lateral (
      select l.ordinal, a.actor_id, a.at from change l join changeset c on c.tenant_id = l.tenant_id and c.id = l.changeset_id
      join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
      where l.table_name = ${name} and l.row_id = r.row_id and l.ordinal > r.ordinal order by l.ordinal desc limit 1) l on true
    where r.place <= ${sql.lit(size)} order by r.ordinal`.execute(transaction(em));
  const counts = new Map(rows.map((row) => [row.class, Number(row.n)]));
  return { counts: [...counts].map(([one, n]) => ({ class: one, n })), lines: rows };
}

/** The rows of a table whose every change is beyond undo. */
export async function linesBeyond(
  em: EntityManager,
  actId: string,
  table: string,
  why: string,
  size: number,
): Promise<UndoLine[]> {
  const { rows } = await sql<UndoLine>`
    select ${table} as "table", h.row_id as "rowId", h.subject_type as "subjectType", h.subject_id as "subjectId", h.title,
      case h.operation when 'create' then 'create' when 'delete' then 'delete' else 'update' end as kind,
      'impossible' as class, ${why}::text as why, coalesce(h.before, '{}') as before, coalesce(h.after, '{}') as after,
      null::jsonb as present, h.ordinal::text as mark, null::uuid as "changedById", null as "changedAt"
    from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    where c.act_id = ${actId}::uuid and h.table_name = ${table} order by h.ordinal limit ${sql.lit(size)}`.execute(
    transaction(em),
  );
  return rows;
}

export interface Chosen {
  /** Restorable rows left as they are. */
  except: string[];
  /** Conflicts overwritten all the same, with the mark each had when it was read. */
  force: { rowId: string; mark: string }[];
}

export interface Applied {
  restored: number;
  forced: number;
  kept: number;
  impossible: number;
  /** True when somebody wrote one of these rows between its reading and now. */
  isStale: boolean;
  touched: UndoneRow[];
}

/** Writes back a whole table in one statement; nothing is written over a row that moved since it was classed. */
export async function restoreTable(
  em: EntityManager,
  tracked: Tracked,
  asked: Asked,
  { except, force }: Chosen,
): Promise<Applied> {
  const { table, undo, undoing } = asked;
  const name = sql.table(table.name);
  const { created } = undo;
  const patched = typeof created === "object" && "set" in created ? Object.keys(created.set(undoing.now)) : [];
  const known = Object.keys(tracked.columns);
  const columns = new Set([...table.columns.filter((column) => known.includes(column)), ...patched]);
  const sets = [...columns].map((column) => sql`${sql.id(column)} = (d.wanted).${sql.id(column)}`);
  if (sets.length > 0 && table.isVersioned) sets.push(sql`version = t.version + 1`);
  const still = sql`d.is_done and t.tenant_id = ${undoing.tenantId}::uuid and t.id = d.row_id and t is not distinct from d.present`;
  const writes: RawBuilder<unknown>[] = [];
  if (sets.length > 0) {
    const kinds = created === "delete" ? sql`d.kind = 'update'` : sql`d.kind <> 'delete'`;
    writes.push(sql`update ${name} t set ${sql.join(sets)} from d where ${kinds} and ${still} returning 1`);
  }
  if (created === "delete") {
    const back = ["tenant_id", "id", ...known].map((column) => sql.id(column));
    const values = back.map((column) => sql`(d.wanted).${column}`);
    writes.push(
      sql`delete from ${name} t using d where d.kind = 'create' and ${still} returning 1`,
      sql`insert into ${name} (${sql.join(back)}) select ${sql.join(values)} from d where d.is_done and d.kind = 'delete' returning 1`,
    );
  }
  const followed = undo.applied?.columns ?? [];
  const marks = JSON.stringify(Object.fromEntries(force.map(({ rowId, mark }) => [rowId, mark])));
  const { rows } = await sql<
    Record<"restored" | "forced" | "kept" | "impossible" | "stale" | "written", string> & {
      touched: UndoneRow[] | null;
    }
  >`
    ${PLANNED_ANEW}with ${classed(asked)},
    d as materialized (
      select k.*, case k.class when 'restorable' then k.row_id <> all (${except}::uuid[])
        when 'conflict' then ${marks}::jsonb ? k.row_id::text else false end as is_done
      from k)${sql.join(
        writes.map((write, i) => sql`, ${sql.raw(`w${i}`)} as (${write})`),
        sql``,
      )}
    select count(*) filter (where is_done and class = 'restorable') as restored,
      count(*) filter (where is_done and class = 'conflict') as forced,
      count(*) filter (where not is_done and class <> 'impossible') as kept,
      count(*) filter (where class = 'impossible') as impossible,
      count(*) filter (where is_done and class = 'conflict' and ${marks}::jsonb ->> row_id::text is distinct from
        (select max(l.ordinal)::text from change l where l.table_name = ${table.name} and l.row_id = d.row_id)) as stale,
      ${sql.join([sql`0`, ...writes.map((_, i) => sql`(select count(*) from ${sql.raw(`w${i}`)})`)], sql` + `)} as written,
      (select jsonb_agg(jsonb_build_object('id', row_id, 'before', case when kind <> 'delete' then to_jsonb(present) end,
          'after', case when kind <> 'create' or ${created !== "delete"} then to_jsonb(wanted) end))
        from d where is_done and (kind <> 'update' or before ?| ${followed}::text[]) and ${followed.length > 0}) as touched
    from d`.execute(transaction(em));
  const { touched, ...figures } = rows[0]!;
  const [restored, forced, kept, impossible, stale, written] = (
    ["restored", "forced", "kept", "impossible", "stale", "written"] as const
  ).map((figure) => Number(figures[figure])) as [number, number, number, number, number, number];
  return {
    restored,
    forced,
    kept,
    impossible,
    isStale: stale > 0 || written !== restored + forced,
    touched: touched ?? [],
  };
}

/** One undo among others: which act it is, and which it takes back. */
export interface UndoLink {
  id: string;
  undoesId: string;
  actorId: string | null;
  at: string;
}

/** The undos of these acts, and the undos of those, as far as they go. */
export async function undosOf(em: EntityManager, actIds: string[]): Promise<UndoLink[]> {
  const { rows } = await sql<UndoLink>`
    with recursive u as (
      select id, undoes_id, actor_id, at from act where undoes_id = any (${actIds}::uuid[])
      union all select a.id, a.undoes_id, a.actor_id, a.at from act a join u on a.undoes_id = u.id)
    select id, undoes_id as "undoesId", actor_id as "actorId", at from u`.execute(transaction(em));
  return rows;
}

/** The names of what an act recorded. */
export async function eventNamesOf(em: EntityManager, actId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct e.name from changeset c join event e on e.tenant_id = c.tenant_id and e.changeset_id = c.id
    where c.act_id = ${actId}::uuid`.execute(transaction(em));
  return rows.map(({ name }) => name);
}
