import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { askWithNext } from "../../platform/db/index.ts";
import type { Tracked } from "../../platform/db/tracking.ts";
import type { Undo, Undoing, UndoneRow } from "../../platform/db/undo.ts";
import { PLANNED_ANEW } from "../../platform/db/wire.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What an act did to one table, and the columns of that table as the database knows them. */
export interface TouchedTable {
  name: string;
  rows: number;
  changes: number;
  /** Whether it made or removed rows, and did not only change them. */
  isReshaped: boolean;
  /** Whether it removed some. */
  isThinned: boolean;
  /** Columns the act gave another value, or took away with a row. */
  columns: string[];
  /** Every column the table has, with its type as SQL writes it. */
  types: Record<string, string>;
  /** Columns a new row cannot do without. */
  needed: string[];
}

/** The columns of a table whose changes are kept key by key. */
const keyedOf = ({ columns }: Tracked): string[] => Object.keys(columns).filter((column) => columns[column]!.isKeyed);

/** The tables of an act, the last changed first: parts go before what they belong to, and come back after it. */
export async function touchedTables(em: EntityManager, actId: string): Promise<TouchedTable[]> {
  const { rows } = await sql<Omit<TouchedTable, "rows" | "changes"> & { rows: string; changes: string }>`
    select s.table_name as name, s.changes, s.rows, s."isReshaped", s."isThinned",
      array(select k from jsonb_object_keys(s.merged) k where k in (
        select attname from pg_attribute where attrelid = s.table_name::regclass and attnum > 0 and not attisdropped)) as columns,
      (select jsonb_object_agg(attname, format_type(atttypid, atttypmod)) from pg_attribute
        where attrelid = s.table_name::regclass and attnum > 0 and not attisdropped) as types,
      array(select attname::text from pg_attribute where attrelid = s.table_name::regclass and attnum > 0 and attnotnull
        and not attisdropped and not atthasdef and attname not in ('tenant_id', 'id')) as needed
    from (select h.table_name, count(*) as changes, count(distinct h.row_id) as rows, max(h.ordinal) as last, jsonb_merge(h.before) as merged,
        bool_or(h.operation <> 'update') as "isReshaped", bool_or(h.operation = 'delete') as "isThinned"
      from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
      where c.act_id = ${actId}::uuid group by 1) s
    order by s.last desc`.execute(transaction(em));
  return rows.map((row) => ({ ...row, rows: Number(row.rows), changes: Number(row.changes) }));
}

/**
 * From so many rows on, an act is joined whole: what the database believes of a table it has not analysed since would
 * have it read squared.
 */
const MANY_ROWS = 1_000;

/** Asks a question of a whole table with no row by row, and room for all of them in memory; the next ones as before. */
async function joiningWhole<T>(em: EntityManager, { rows }: TouchedTable, question: () => Promise<T>): Promise<T> {
  if (rows < MANY_ROWS) return question();
  // Together with the question: of a reading, each question is a transaction.
  const set = (joins: string, memory: RawBuilder<unknown>) =>
    askWithNext(
      em,
      sql`select set_config('enable_nestloop', ${joins}, true), set_config('enable_mergejoin', ${joins}, true),
      set_config('work_mem', ${memory}, true)`,
    );
  await set("off", sql`'64MB'`);
  const answer = await question();
  await set("on", sql`(select reset_val || unit from pg_settings where name = 'work_mem')`);
  return answer;
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

/** Of a row: columns that come back whole, and keys of keyed ones. */
export type OnlyCells = Record<string, true | string[]>;

interface Asked {
  actId: string;
  table: TouchedTable;
  tracked: Tracked;
  undo: Undo;
  undoing: Undoing;
  /** Refusals already known, by row. */
  refused: Record<string, string>;
  /** Rows of which some cells alone come back. */
  narrowed?: Record<string, OnlyCells>;
}

const emptiedOf = ({ created }: Undo) =>
  typeof created === "object" && "set" in created ? created.emptied : undefined;

/**
 * `h`: what the act came to for each row. `p`: with it, the row now and what comes `back` to it. `k`: its class and its
 * reason, and `also`, told over `t`, the row now, and `w`, the row wanted. One statement for a whole table, whatever its
 * rows: a bulk act is previewed and undone at the speed of its own update. Each `offset 0` keeps what it follows from being
 * worked out again wherever it is used; `t` and `w` are told by column, a whole row costing as much as all the rest.
 */
function classed(
  { actId, table, tracked, undo, undoing, refused, narrowed = {} }: Asked,
  also: (t: RawBuilder<unknown>, w: RawBuilder<unknown>) => RawBuilder<unknown>[] = () => [],
): RawBuilder<unknown> {
  const name = sql.table(table.name);
  const created = undo.created;
  const patch = typeof created === "object" && "set" in created ? created.set(undoing.now) : {};
  const emptied = emptiedOf(undo);
  // One reading for the whole table.
  const ofAct = sql`any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))`;
  const without = emptied
    ? sql` || case when t.${sql.id(emptied.column)} = any (array(select m.row_id from change m where m.table_name = ${emptied.table}
        and m.operation = 'create' and m.changeset_id = ${ofAct})) then ${JSON.stringify({ [emptied.column]: null })}::jsonb else '{}' end`
    : sql``;
  // What comes back is at most these columns: they alone are compared, not whole rows.
  const alike = (columns: string[]) =>
    columns.length > 0
      ? sql`(${sql.join(
          columns.map((column) => sql`t.${sql.id(column)} is not distinct from w.${sql.id(column)}`),
          sql` and `,
        )})`
      : sql`true`;
  const cells = sql`${JSON.stringify(narrowed)}::jsonb`;
  const before =
    Object.keys(narrowed).length === 0
      ? sql`h.before`
      : sql`case when ${cells} ? h.row_id::text then (
          select coalesce(jsonb_object_agg(e.key, case when jsonb_typeof(n.value) = 'array'
            then (select coalesce(jsonb_object_agg(one, e.value -> one), '{}') from jsonb_array_elements_text(n.value) one where e.value ? one)
            else e.value end), '{}')
          from jsonb_each(h.before) e join jsonb_each(${cells} -> h.row_id::text) n on n.key = e.key) else h.before end`;
  const why: RawBuilder<unknown>[] = [];
  const when = (condition: RawBuilder<unknown>, sentence: string) =>
    void why.push(sql`when ${condition} then ${sentence}::text`);
  if (typeof created === "object" && "never" in created) when(sql`p.kind = 'create'`, created.never);
  when(sql`p.kind <> 'delete' and p.place is null`, REASONS.gone);
  when(sql`p.kind = 'delete' and p.place is not null`, REASONS.back);
  when(sql`p.kind = 'delete' and not p.before ?& ${table.needed}::text[]`, REASONS.incomplete);
  when(sql`p.kind = 'update' and p.before = '{}'`, REASONS.erased);
  if (!(created === "delete")) when(sql`p.kind = 'create' and ${alike(Object.keys(patch))}`, REASONS.same);
  when(sql`p.kind = 'update' and ${alike(table.columns)}`, REASONS.same);
  if (!undoing.may(undo.right)) {
    when(undo.unless ? sql`(${sql.raw(undo.unless)}) is not true` : sql`true`, undoing.explain(undo.right));
  }
  for (const rule of undo.rules ?? []) when(sql`(${sql.raw(rule.when)})`, rule.why);

  // Most acts change a row once: nothing to merge then.
  const one = table.rows === table.changes;
  // Not a join, which would be read whole too.
  const of = sql`from change h where h.table_name = ${table.name}
    and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))`;
  const keyed = keyedOf(tracked);
  // Of several changes of a row, the first before and the last after: of each key too.
  const merged = (side: "before" | "after") => {
    const order = sql.raw(`order by h.ordinal${side === "before" ? " desc" : ""}`);
    const json = sql.raw(`h.${side}`);
    const inner = keyed.map(
      (column) => sql`case when bool_or(${json} ? ${sql.lit(column)}) then
        jsonb_build_object(${sql.lit(column)}, jsonb_merge(coalesce(${json} -> ${sql.lit(column)}, '{}') ${order})) else '{}' end`,
    );
    return sql`${sql.join([sql`jsonb_merge(${json} ${order})`, ...inner], sql` || `)} as ${sql.raw(side)}`;
  };
  const last = (column: string) => sql.raw(`(array_agg(h.${column} order by h.ordinal desc))[1] as ${column}`);
  const rows = one
    ? sql`select h.row_id, h.ordinal, h.subject_type, h.subject_id, h.title, h.operation as kind,
        coalesce(h.before, '{}') as before, coalesce(h.after, '{}') as after ${of}`
    : sql`select g.*, case when g.first = 'create' and g.last = 'delete' then 'void' when g.first = 'create' then 'create'
        when g.last = 'delete' then 'delete' else 'update' end as kind
      from (select h.row_id, max(h.ordinal) as ordinal, ${last("subject_type")}, ${last("subject_id")}, ${last("title")},
        (array_agg(h.operation order by h.ordinal))[1] as first, (array_agg(h.operation order by h.ordinal desc))[1] as last,
        ${merged("before")}, ${merged("after")}
        ${of} group by h.row_id) g`;
  const judged = sql`case ${sql.join(why, sql` `)} end`;
  const known =
    Object.keys(refused).length > 0
      ? sql`coalesce(${JSON.stringify(refused)}::jsonb ->> p.row_id::text, ${judged})`
      : judged;
  const named = (value: (column: string) => RawBuilder<unknown>, prefix = "") =>
    sql.join(Object.keys(table.types).map((column) => sql`${value(column)} as ${sql.id(prefix + column)}`));
  const now = (column: string) => sql`p.${sql.id(`now_${column}`)}`;
  const held = (json: "p.back" | "h.after", column: string) => {
    const type = table.types[column]!;
    if (keyed.includes(column)) {
      const present = json === "p.back" ? now(column) : sql`t.${sql.id(column)}`;
      return sql`with_keys(coalesce(${present}, '{}'), ${sql.raw(json)} -> ${sql.lit(column)})`;
    }
    return /\[\]$|^json/.test(type)
      ? sql`(jsonb_populate_record(null::${name}, ${sql.raw(json)})).${sql.id(column)}`
      : sql`(${sql.raw(json)} ->> ${sql.lit(column)})::${sql.raw(type)}`;
  };
  const wanted = (column: string) =>
    table.isReshaped || table.columns.includes(column)
      ? sql`case when p.back ? ${sql.lit(column)} then ${held("p.back", column)} else ${now(column)} end`
      : now(column);
  const moved = table.columns.map(
    (column) => sql`h.after ? ${sql.lit(column)} and t.${sql.id(column)} is distinct from ${held("h.after", column)}`,
  );
  return sql`
    h as (${rows}),
    k as (
      select j.*, case when j.why is not null then 'impossible' when j.is_changed then 'conflict' else 'restorable' end as class
      from (select p.row_id, p.ordinal, p.subject_type, p.subject_id, p.title, p.kind, p.before, p.after, p.place, p.is_changed,
          ${sql.join([sql`${known} as why`, ...also(sql`to_jsonb(t)`, sql`to_jsonb(w)`)])}
        from (select h.*, t.ctid as place, ${named((column) => sql`t.${sql.id(column)}`, "now_")},
            case h.kind when 'update' then ${before} when 'create' then ${JSON.stringify(patch)}::jsonb${without}
              else h.before || jsonb_build_object('tenant_id', ${undoing.tenantId}::text, 'id', h.row_id) end as back,
            case h.kind when 'update' then ${moved.length > 0 ? sql.join(moved, sql` or `) : sql`false`}
              when 'create' then exists (select from change l where l.table_name = ${table.name} and l.row_id = h.row_id and l.ordinal > h.ordinal)
              else false end as is_changed
          from h left join ${name} t on t.tenant_id = ${undoing.tenantId}::uuid and t.id = h.row_id
          where h.kind <> 'void' offset 0) p
        cross join lateral (select ${named(now)}) t cross join lateral (select ${named(wanted)}) w
        cross join (select ${undoing.by.id}::uuid as id) who offset 0) j)`;
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

/** How many rows of a table are of each class, and the first of each. */
export async function classifyTable(
  em: EntityManager,
  asked: Asked,
  { shown, conflicts }: { shown: number; conflicts: number },
): Promise<{ counts: { class: UndoClass; n: number; made: number }[]; lines: UndoLine[] }> {
  const { name } = asked.table;
  const actOf = (column: string) =>
    sql.raw(
      `(select a.${column} from act a where a.id = (select c.act_id from changeset c where c.id = l.changeset_id))`,
    );
  const { rows } = await joiningWhole(em, asked.table, () =>
    sql<UndoLine & { n: string; made: string }>`
    ${sql.raw(PLANNED_ANEW)}with ${classed(asked)},
    ranked as (select k.*, row_number() over (partition by class order by ordinal) as nth, count(*) over (partition by class) as n,
      count(*) filter (where kind = 'create') over (partition by class) as made from k)
    select ${name} as "table", r.row_id as "rowId", r.subject_type as "subjectType", r.subject_id as "subjectId", r.title, r.kind,
      r.class, r.why, r.before, r.after, (select to_jsonb(t) from ${sql.table(name)} t where t.ctid = r.place) as present, r.n, r.made,
      coalesce(l.ordinal, r.ordinal)::text as mark, ${actOf("actor_id")} as "changedById", ${actOf("at")} as "changedAt"
    from ranked r left join lateral (
      select l.ordinal, l.changeset_id from change l
      where l.table_name = ${name} and l.row_id = r.row_id and l.ordinal > r.ordinal order by l.ordinal desc limit 1) l on true
    where r.nth <= case r.class when 'conflict' then ${sql.lit(conflicts)} else ${sql.lit(shown)} end order by r.ordinal`.execute(
      transaction(em),
    ),
  );
  const counts = new Map(rows.map((row) => [row.class, { n: Number(row.n), made: Number(row.made) }]));
  return { counts: [...counts].map(([one, found]) => ({ class: one, ...found })), lines: rows };
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
  force: { rowId: string; mark: string; only?: OnlyCells }[];
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
export async function restoreTable(em: EntityManager, given: Asked, { except, force }: Chosen): Promise<Applied> {
  const narrowed = Object.fromEntries(force.flatMap(({ rowId, only }) => (only ? [[rowId, only]] : [])));
  const asked = { ...given, narrowed };
  const { table, tracked, undo, undoing } = asked;
  const name = sql.table(table.name);
  const { created } = undo;
  const patched =
    table.isReshaped && typeof created === "object" && "set" in created
      ? [...Object.keys(created.set(undoing.now)), ...(emptiedOf(undo) ? [emptiedOf(undo)!.column] : [])]
      : [];
  const known = Object.keys(tracked.columns);
  const columns = new Set([...table.columns.filter((column) => known.includes(column)), ...patched]);
  // No more than what is written is carried along: a row of ten thousand is copied several times.
  const carried =
    (created === "delete" && table.isReshaped) || table.isThinned ? ["tenant_id", "id", ...known] : [...columns];
  const wanted = (column: string) => sql.id(`wanted_${column}`);
  const sets = [...columns].map((column) => sql`${sql.id(column)} = d.${wanted(column)}`);
  if (sets.length > 0 && "version" in table.types) sets.push(sql`version = t.version + 1`);
  // A row somebody wrote since it was classed is elsewhere.
  const still = sql`d.is_done and t.tenant_id = ${undoing.tenantId}::uuid and t.id = d.row_id and t.ctid = d.place`;
  const writes: RawBuilder<unknown>[] = [];
  if (sets.length > 0) {
    const kinds = created === "delete" ? sql`d.kind = 'update'` : sql`d.kind <> 'delete'`;
    writes.push(sql`update ${name} t set ${sql.join(sets)} from d where ${kinds} and ${still} returning 1`);
  }
  if (created === "delete" && table.isReshaped) {
    writes.push(sql`delete from ${name} t using d where d.kind = 'create' and ${still} returning 1`);
  }
  if (table.isThinned) {
    writes.push(
      sql`insert into ${name} (${sql.join(carried.map((column) => sql.id(column)))})
        select ${sql.join(carried.map((column) => sql`d.${wanted(column)}`))} from d where d.is_done and d.kind = 'delete' returning 1`,
    );
  }
  const followed = undo.applied?.columns ?? [];
  const ofUpdates = undo.applied?.isOfUpdates === true;
  const isFollowed =
    followed.length > 0 &&
    ((table.isReshaped && !ofUpdates) || followed.some((column) => table.columns.includes(column)));
  const touched = (t: RawBuilder<unknown>, w: RawBuilder<unknown>) =>
    !isFollowed
      ? sql`null::jsonb`
      : ofUpdates
        ? sql`case when p.kind = 'update' and p.before ?| ${followed}::text[] then jsonb_build_object('id', p.row_id, 'before', null, 'after', null) end`
        : sql`case when p.kind <> 'update' or p.before ?| ${followed}::text[] then jsonb_build_object('id', p.row_id,
          'before', case when p.kind <> 'delete' then ${t} end, 'after', case when p.kind <> 'create' or ${created !== "delete"} then ${w} end) end`;
  const marks = JSON.stringify(Object.fromEntries(force.map(({ rowId, mark }) => [rowId, mark])));
  const { rows } = await joiningWhole(em, table, () =>
    sql<
      Record<"restored" | "forced" | "kept" | "impossible" | "stale" | "written", string> & {
        touched: UndoneRow[] | null;
      }
    >`
    ${sql.raw(PLANNED_ANEW)}with ${classed(asked, (t, w) => [sql`${touched(t, w)} as touched`, ...carried.map((column) => sql`w.${sql.id(column)} as ${wanted(column)}`)])},
    d as materialized (
      select ${sql.join(["row_id", "place", "kind", "class", "touched", ...carried.map((column) => `wanted_${column}`)].map((one) => sql`k.${sql.id(one)}`))},
        case k.class when 'restorable' then k.row_id <> all (${except}::uuid[])
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
      ${isFollowed ? sql`jsonb_agg(touched) filter (where is_done and touched is not null)` : sql`null::jsonb`} as touched
    from d`.execute(transaction(em)),
  );
  const { touched: followedRows, ...figures } = rows[0]!;
  const [restored, forced, kept, impossible, stale, written] = (
    ["restored", "forced", "kept", "impossible", "stale", "written"] as const
  ).map((figure) => Number(figures[figure])) as [number, number, number, number, number, number];
  return {
    restored,
    forced,
    kept,
    impossible,
    isStale: stale > 0 || written !== restored + forced,
    touched: followedRows ?? [],
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
