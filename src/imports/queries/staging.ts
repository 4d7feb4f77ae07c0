import { Readable } from "node:stream";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { copyInto } from "../../platform/db/index.ts";
import { PLANNED_ANEW } from "../../platform/db/wire.ts";
import type { ImportAbout, ImportProfile, ImportTarget, OpenImport } from "../../platform/sheets/profile.ts";
import type { Counts, ImportOptions } from "../import.ts";
import { copyLine, KEY_BETWEEN, type LineError, type ReadLine } from "../lines.ts";

/** Everything that says what lines become: the same for the check and the run [IMP-28]. */
export interface Staging {
  profile: ImportProfile;
  open: OpenImport;
  about: ImportAbout;
  /** Those a column of the file goes to. */
  mapped: readonly ImportTarget[];
  /** Those whose value follows from others. */
  derived: readonly ImportTarget[];
  key: readonly string[];
  mode: ImportOptions["mode"];
  /** Rows the file does not hold matter: each line says its row, wrong ones too [IMP-24]. */
  followsMissing: boolean;
  /** Name, in the file, of the column that goes to a target. */
  columnOf(code: string): string | null;
  /** What a line of the file says of a target. */
  saidOf(code: string, cells: readonly string[]): string;
}

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
const ask = async <T>(em: EntityManager, question: RawBuilder<T>): Promise<T[]> =>
  (await sql<T>`${sql.raw(PLANNED_ANEW)}${question}`.execute(run(em))).rows;

const TABLE = sql.id("import_staging");
const OUTCOME = sql.id("import_outcome");
const MATCH = sql.id("import_match");
const MOST_NAMED = 3;

/** Tables of this transaction alone: the lines of a part, the rows they match, what they do. */
async function openStaging(em: EntityManager): Promise<void> {
  await sql`create temp table if not exists import_staging (line int not null, key text, "values" jsonb not null, unread jsonb) on commit drop`.execute(
    run(em),
  );
  await sql`create temp table if not exists import_match (line int not null, row_id uuid, matches int not null, named text, rows jsonb) on commit drop`.execute(
    run(em),
  );
  await sql`create temp table if not exists import_outcome (line int not null, row_id uuid, outcome text not null, changes jsonb, once text) on commit drop`.execute(
    run(em),
  );
  await sql`truncate ${TABLE}, ${MATCH}, ${OUTCOME}`.execute(run(em));
}

/** Brings lines into a table of this transaction, by COPY, in place of those before them [IMP-35]. */
async function stage(em: EntityManager, lines: readonly ReadLine[]): Promise<void> {
  await openStaging(em);
  await copyInto(em, 'import_staging (line, key, "values", unread)', Readable.from(pieces(lines)));
  await sql`analyze import_staging`.execute(run(em));
}

function* pieces(lines: readonly ReadLine[]): Generator<string> {
  let text = "";
  for (const line of lines) {
    text += copyLine(line);
    if (text.length < 65_536) continue;
    yield text;
    text = "";
  }
  yield text;
}

type Stored = ImportTarget & { store: NonNullable<ImportTarget["store"]> };
const isStored = (target: ImportTarget): target is Stored => target.store !== null;
const isWritten = (target: ImportTarget): target is Stored => target.store !== null && !("told" in target.store);

/** The typed value of a target, over `s`. */
const wanted = ({ code, store }: Stored): RawBuilder<unknown> => {
  if ("json" in store) return sql`s."values" -> ${sql.lit(code)}`;
  if (store.type === "jsonb") return sql`nullif(s."values" -> ${sql.lit(code)}, 'null')`;
  const value = sql`(s."values" ->> ${sql.lit(code)})::${sql.raw(store.type)}`;
  return !("empty" in store) || store.empty === undefined ? value : sql`coalesce(${value}, ${sql.lit(store.empty)})`;
};

/** The value the row has now, over `t`. */
const present = ({ code, store }: Stored): RawBuilder<unknown> =>
  "json" in store
    ? sql`t.${sql.id(store.json)} -> ${sql.lit(code)}`
    : "told" in store
      ? sql`(${store.told})`
      : sql`t.${sql.id(store.column)}`;

const said = ({ code, keptWhere }: ImportTarget) =>
  keptWhere ? sql`(s."values" ? ${sql.lit(code)} and not ${keptWhere})` : sql`s."values" ? ${sql.lit(code)}`;

/** True where the line gives another value than the row has; an entry cleared is one that goes. */
const differs = (target: Stored): RawBuilder<unknown> =>
  "json" in target.store
    ? sql`(${said(target)} and nullif(${wanted(target)}, 'null') is distinct from ${present(target)})`
    : sql`(${said(target)} and ${wanted(target)} is distinct from ${present(target)})`;

const textOf = (target: Stored): RawBuilder<unknown> =>
  "json" in target.store
    ? sql`t.${sql.id(target.store.json)} ->> ${sql.lit(target.code)}`
    : sql`${present(target)}::text`;

/** Finds the rows each line is about: not those this import has just made, whose keys are other lines'. */
async function match(em: EntityManager, { profile, open, about, mapped, key }: Staging): Promise<void> {
  const targets = key.map((code) => mapped.find((target) => target.code === code)!).filter(isStored);
  const of = open.identity?.told ?? sql.join(targets.map(textOf), sql`, `);
  // Rows this import has just made have no statistics yet: a nested loop would fold each key as often as there are lines.
  await sql`set local enable_nestloop = off`.execute(run(em));
  await ask(
    em,
    sql`insert into ${MATCH} (line, row_id, matches, named, rows)
      with known as materialized (
        select t.id, ${sql.raw(profile.named)} as named, concat_ws(${sql.lit(KEY_BETWEEN)}, ${of}) as key from ${sql.table(profile.table)} t
        where ${open.within} and not exists (select from import_line l where l.tenant_id = ${about.tenantId}::uuid
          and l.import_id = ${about.importId}::uuid and l.row_id = t.id and l.outcome = 'create'))
      select k.line, (array_agg(t.id))[1], count(*)::int,
        case when count(*) > 1 then array_to_string((array_agg(t.named))[1:${sql.lit(MOST_NAMED)}], ', ')
          || case when count(*) > ${sql.lit(MOST_NAMED)} then ' et ' || count(*) - ${sql.lit(MOST_NAMED)} || case count(*) - ${sql.lit(MOST_NAMED)} when 1 then ' autre' else ' autres' end else '' end end,
        case when count(*) > 1 then jsonb_agg(t.id) end
      from ${TABLE} k join known t on folded(t.key) = folded(k.key) where k.key is not null group by k.line`,
  );
  await sql`set local enable_nestloop = on`.execute(run(em));
}

interface Refusal {
  code: string;
  when: RawBuilder<SqlBool>;
  why: string | RawBuilder<string>;
  cause: string | null;
  /** Codes that must be read for it to be judged. */
  reads: readonly string[];
}

/** What a line cannot do to the row it is about, or to a new one. */
const refusalsOf = ({ targets, rules = [] }: OpenImport): Refusal[] => [
  ...targets
    .filter(({ isRequired }) => isRequired)
    .map(({ code, label }) => ({
      code,
      when: sql<SqlBool>`(m.row_id is null and not s."values" ? ${sql.lit(code)})`,
      why: `${label} est obligatoire.`,
      cause: null,
      reads: [code],
    })),
  ...rules.map(({ when, column, why, cause = null, reads = [] }) => ({
    code: column,
    when,
    why,
    cause,
    reads: [column, ...reads],
  })),
];

/** SQL over `m`: lines that are neither new when they should be known, nor the other way round [IMP-21]. */
const isIgnored = ({ mode }: Staging) =>
  mode === "both" ? sql<SqlBool>`false` : sql<SqlBool>`m.row_id is ${sql.raw(mode === "create" ? "not null" : "null")}`;

/** Lines, `s`, with what they match, `m`, the row they are about, `t`, and what is asked once of both, `o`. */
const linesWithRows = ({ profile, open, about }: Staging, lines: RawBuilder<unknown> = sql`${TABLE}`) =>
  sql`${lines} s left join ${MATCH} m on m.line = s.line
    left join ${sql.table(profile.table)} t on t.tenant_id = ${about.tenantId}::uuid and t.id = m.row_id
    cross join lateral (select ${open.once ?? sql`null::text`} as once offset 0) o`;

/** Says, in one pass, what each line would do to its row, or that it cannot. */
async function classify(em: EntityManager, staging: Staging): Promise<void> {
  const { open, mapped, key } = staging;
  if (key.length > 0) await match(em, staging);
  const refusals = refusalsOf(open).map(({ when }) => sql`when (${when}) then true`);
  const ignored = isIgnored(staging);
  const stored = mapped.filter(isStored);
  const changes =
    stored.length === 0
      ? sql`'{}'::jsonb`
      : sql.join(
          stored.map(
            (target) =>
              sql`case when ${differs(target)} then jsonb_build_object(${sql.lit(target.code)}, jsonb_build_array(to_jsonb(${present(target)}), s."values" -> ${sql.lit(target.code)})) else '{}' end`,
          ),
          sql` || `,
        );
  await ask(
    em,
    sql`insert into ${OUTCOME} (line, row_id, outcome, changes, once)
      select j.line, case when j.outcome = 'create' then uuidv7() else j.row_id end,
        case when j.outcome = 'update' and j.changes = '{}' then 'unchanged' else j.outcome end,
        case when j.outcome = 'update' then nullif(j.changes, '{}') when j.outcome in ('error', 'wrong') then j.rows end, j.once
      from (
        select v.*, case when v.unread is not null then 'wrong' when v.refused then 'error' when v.ignored then 'ignored'
          when v.row_id is null then 'create' else 'update' end as outcome
        from (
          select s.line, s.unread, m.row_id, m.rows, o.once, ${ignored} as ignored,
            case when s.unread is not null then null when m.matches > 1 then true when ${ignored} then null ${sql.join(refusals, sql` `)} end as refused,
            case when m.row_id is not null and s.unread is null then ${changes} end as changes
          from ${linesWithRows(staging)}
          offset 0) v) j`,
  );
}

const MATCHES_SEVERAL = "Cette clé désigne plusieurs lignes déjà enregistrées.";

/** All that the base refuses of the lines of this part, those that could not be read whole among them [IMP-29]. */
async function refusedCells(em: EntityManager, staging: Staging, lines: readonly ReadLine[]): Promise<LineError[]> {
  const { open, key, columnOf, saidOf } = staging;
  const label = (code: string) => open.targets.find((target) => target.code === code)?.label ?? null;
  const several = sql`select 0 as rank, ${sql.lit(key[0] ?? "")} as code, 'Cette clé désigne ' || m.matches || ' lignes déjà enregistrées\u00a0: ' || m.named || '.' as reason,
    ${MATCHES_SEVERAL}::text as cause where m.matches > 1`;
  const judged = refusalsOf(open).map(
    ({ code, when, why, cause, reads }, rank) =>
      sql`select ${sql.lit(rank + 1)}, ${sql.lit(code)}, ${why}::text, ${cause}::text
        where (${when}) and coalesce(m.matches, 1) = 1 and not ${isIgnored(staging)} and not coalesce(s.unread ?| ${reads}::text[], false)`,
  );
  const wrong = sql`(select l.* from ${TABLE} l join ${OUTCOME} o on o.line = l.line where o.outcome in ('error', 'wrong') offset 0)`;
  const found = await ask(
    em,
    sql<{ line: number; code: string; reason: string; cause: string | null }>`
      select s.line, r.code, r.reason, r.cause
      from ${linesWithRows(staging, wrong)} cross join lateral (${sql.join([several, ...judged], sql` union all `)}) r
      order by s.line, r.rank`,
  );
  const cells = new Map(lines.map((line) => [line.line, line.cells]));
  return found.map(({ line, code, reason, cause }) => {
    const codes = cause === MATCHES_SEVERAL ? key : [code];
    return {
      line,
      column: columnOf(code) ?? label(code),
      value: codes.map((one) => saidOf(one, cells.get(line)!)).join(", "),
      reason,
      ...(cause !== null && { cause }),
    };
  });
}

/** Writes what was judged: new rows, then the cells that differ and no other [IMP-37]. */
async function apply(em: EntityManager, { profile, open, about, mapped, derived }: Staging): Promise<void> {
  const table = sql.table(profile.table);
  const stored = [...mapped, ...derived].filter(isWritten);
  const inColumns = stored.flatMap((target) =>
    "column" in target.store ? { target, column: target.store.column } : [],
  );
  const documents = Map.groupBy(
    stored.flatMap((target) => ("json" in target.store ? { code: target.code, json: target.store.json } : [])),
    ({ json }) => json,
  );
  const entries = (codes: string[]) =>
    sql`jsonb_strip_nulls(jsonb_build_object(${sql.join(codes.flatMap((code) => [sql.lit(code), sql`s."values" -> ${sql.lit(code)}`]))}))`;
  const fromFile: [string, RawBuilder<unknown>][] = [
    ["tenant_id", sql`${about.tenantId}::uuid`],
    ["id", sql`o.row_id`],
    ...inColumns.map(({ target, column }): [string, RawBuilder<unknown>] => [column, wanted(target)]),
    ...[...documents].map(([json, of]): [string, RawBuilder<unknown>] => [json, entries(of.map(({ code }) => code))]),
  ];
  const all = Object.entries({ ...Object.fromEntries(fromFile), ...open.created });
  await ask(
    em,
    sql`insert into ${table} (${sql.join(all.map(([column]) => sql.id(column)))})
      select ${sql.join(all.map(([, value]) => value))} from ${TABLE} s join ${OUTCOME} o on o.line = s.line where o.outcome = 'create' order by s.line`,
  );
  const changed: [string, RawBuilder<unknown>][] = [
    ...inColumns.map(({ target, column }): [string, RawBuilder<unknown>] => [
      column,
      sql`case when ${said(target)} then ${wanted(target)} else t.${sql.id(column)} end`,
    ]),
    ...[...documents].map(([json, of]): [string, RawBuilder<unknown>] => {
      const given = sql.join(
        of.map(
          ({ code }) =>
            sql`case when s."values" ? ${sql.lit(code)} then jsonb_build_object(${sql.lit(code)}, s."values" -> ${sql.lit(code)}) else '{}' end`,
        ),
        sql` || `,
      );
      return [json, sql`jsonb_strip_nulls(t.${sql.id(json)} || ${given})`];
    }),
  ];
  const set = Object.entries({ ...Object.fromEntries(changed), ...open.touched });
  const [some] = await ask(em, sql<object>`select from ${OUTCOME} where outcome = 'update' limit 1`);
  if (set.length === 0 || !some) return;
  // In the order every act on many rows takes them: two that cross wait for each other, and none dies of it.
  await ask(
    em,
    sql`select from ${table} t join ${OUTCOME} o on o.row_id = t.id where o.outcome = 'update'
      and t.tenant_id = ${about.tenantId}::uuid order by t.id for no key update of t`,
  );
  await ask(
    em,
    sql`update ${table} t set ${sql.join(set.map(([column, value]) => sql`${sql.id(column)} = ${value}`))}
      from ${TABLE} s join ${OUTCOME} o on o.line = s.line
      where o.outcome = 'update' and t.tenant_id = ${about.tenantId}::uuid and t.id = o.row_id`,
  );
}

/** What a line is settled from, of those to be written; null where nothing is settled later. */
const settledOf = ({ settled }: OpenImport): RawBuilder<unknown> =>
  settled
    ? sql`case when o.outcome in ('create', 'update', 'unchanged') then
        (select coalesce(jsonb_object_agg(v.key, v.value), '{}') from jsonb_each(s."values") v where v.key = any (${[...settled.codes]}::text[])) end`
    : sql`null::jsonb`;

/** Lines to make, and lines to change, that a check keeps to be shown; beyond, they are counted. */
export const MOST_SHOWN = 1_000;

/** What lines would do, and what is wrong with them besides what could not be read. */
export interface Judged {
  counts: Omit<Counts, "read" | "missing">;
  errors: LineError[];
}

/** One part of a file, staged and judged: nothing of it is written. */
export async function judgeLines(em: EntityManager, staging: Staging, lines: readonly ReadLine[]): Promise<Judged> {
  // Without its key, nothing tells which row a line is about.
  const placed = lines.some(({ unread }) => unread)
    ? lines.filter(({ unread, key }) => !unread || key !== null || staging.key.length === 0)
    : lines;
  await stage(em, placed);
  await classify(em, staging);
  const [counted] = await ask(
    em,
    sql<Judged["counts"] & { wrong: number }>`select
      count(*) filter (where outcome = 'create')::int as "create", count(*) filter (where outcome = 'update')::int as "update",
      count(*) filter (where outcome = 'unchanged')::int as unchanged, count(*) filter (where outcome = 'ignored')::int as ignored,
      count(*) filter (where outcome = 'error')::int as error, count(*) filter (where outcome = 'wrong')::int as wrong,
      coalesce(sum((select count(*) from jsonb_object_keys(changes))) filter (where outcome = 'update'), 0)::int as cells
      from ${OUTCOME}`,
  );
  const { wrong, ...counts } = counted!;
  return { counts, errors: counts.error + wrong === 0 ? [] : await refusedCells(em, staging, placed) };
}

/** What came of each line of the part just judged, kept and, when `writes`, applied. */
export async function keepLines(
  em: EntityManager,
  staging: Staging,
  { writes, shown }: { writes: boolean; shown: Pick<Counts, "create" | "update"> },
): Promise<void> {
  const { about, profile, open, mapped, followsMissing } = staging;
  if (writes) {
    await open.before?.(em);
    await apply(em, staging);
  }
  const of = { tenant: sql`${about.tenantId}::uuid`, import: sql`${about.importId}::uuid` };
  const settledFrom = settledOf(open);
  // The check keeps what it shows; the run keeps each line, once.
  const left = (outcome: "create" | "update") => Math.max(0, MOST_SHOWN - shown[outcome]);
  const first = (outcome: "create" | "update") =>
    sql`o.outcome = ${sql.lit(outcome)} and o.line in (select line from ${OUTCOME} where outcome = ${sql.lit(outcome)} order by line limit ${sql.lit(left(outcome))})`;
  const changed = writes ? sql`o.outcome = 'update'` : sql`(${first("update")})`;
  await ask(
    em,
    sql`insert into import_line (tenant_id, import_id, line, row_id, outcome, name, changes, settled)
      select ${of.tenant}, ${of.import}, o.line, o.row_id, o.outcome, ${sql.raw(profile.named)}, o.changes, ${settledFrom}
      from ${OUTCOME} o join ${TABLE} s on s.line = o.line join ${sql.table(profile.table)} t on t.tenant_id = ${of.tenant} and t.id = o.row_id
      where ${changed}`,
  );
  const isEach = writes || followsMissing || open.settled !== undefined;
  if (isEach || left("create") > 0) {
    const codes = mapped.filter(isStored).map(({ code }) => code);
    const given = sql`(select jsonb_object_agg(v.key, jsonb_build_array(null, v.value)) from jsonb_each(s."values") v where v.key = any (${codes}::text[]))`;
    const changes = writes ? sql`o.changes` : sql`case when ${first("create")} then ${given} else o.changes end`;
    const wanted = followsMissing ? sql`o.row_id is not null` : sql`o.outcome not in ('error', 'wrong')`;
    await ask(
      em,
      sql`insert into import_line (tenant_id, import_id, line, row_id, outcome, changes, settled)
        select ${of.tenant}, ${of.import}, o.line, o.row_id, o.outcome, ${changes}, ${settledFrom}
        from ${OUTCOME} o join ${TABLE} s on s.line = o.line where ${isEach ? sql`not ${changed} and ${wanted}` : first("create")}`,
    );
  }
  if (writes) await open.after?.(em);
}

/** SQL over `t`: rows the lines of this import are about, and those that none is, among those they could match. */
export function heldBy({ open, about }: Pick<Staging, "open" | "about">) {
  const held = sql`exists (select from import_line l where l.tenant_id = ${about.tenantId}::uuid and l.import_id = ${about.importId}::uuid and l.row_id = t.id)`;
  // A key that several rows answer to is an error of its line: none of them is missing for all that.
  const disputed = sql`exists (select from import_line l where l.tenant_id = ${about.tenantId}::uuid and l.import_id = ${about.importId}::uuid
    and l.outcome in ('error', 'wrong') and l.changes ? t.id::text)`;
  return {
    present: sql<SqlBool>`${open.within} and ${held}`,
    absent: sql<SqlBool>`${open.within} and not ${held} and not ${disputed}`,
  };
}

/** How many rows lines may match, and which writes they come from: another text as soon as one is written [IMP-31]. */
export async function markOfRows(
  em: EntityManager,
  { profile, open }: Pick<Staging, "profile" | "open">,
): Promise<string> {
  const [row] = await ask(
    em,
    sql<{ mark: string }>`select count(*) || ' ' || coalesce(sum(t.xmin::text::bigint), 0) as mark
      from ${sql.table(profile.table)} t where ${open.within}`,
  );
  return row!.mark;
}

type OfRows = Pick<Staging, "profile" | "open" | "about">;

/** SQL of the ids of the rows the choice for those missing would touch, once all lines are looked at [IMP-24]. */
export const missingRows = ({ profile, open, about }: OfRows, choice: string): RawBuilder<unknown> =>
  sql`select t.id from ${sql.table(profile.table)} t
    where ${heldBy({ open, about }).absent} and ${open.missing?.touches(choice) ?? sql`false`}`;

/** SQL of the ids of the rows it touched, and that nothing brought back since. */
export const touchedRows = (
  { profile, open, about }: OfRows,
  { choice, actId }: { choice: string; actId: string },
): RawBuilder<unknown> =>
  sql`select t.id from ${sql.table(profile.table)} t
    where ${heldBy({ open, about }).absent} and not ${open.missing?.touches(choice) ?? sql`true`}
      and t.id in (select h.row_id from change h where h.table_name = ${profile.table}
        and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid)))`;

/** How many rows the choice for those missing would touch [IMP-24]. */
export async function countMissing(em: EntityManager, of: OfRows, choice: string): Promise<number> {
  const [row] = await ask(em, sql<{ n: number }>`select count(*)::int as n from (${missingRows(of, choice)}) m`);
  return row!.n;
}
