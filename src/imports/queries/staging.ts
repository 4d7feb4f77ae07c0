import { Readable } from "node:stream";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { copyInto } from "../../platform/db/index.ts";
import { PLANNED_ANEW } from "../../platform/db/wire.ts";
import type { ImportAbout, ImportProfile, ImportTarget } from "../../platform/sheets/profile.ts";
import type { Counts, ImportOptions } from "../import.ts";
import { copyLine, KEY_BETWEEN, type LineError, type ReadLine } from "../lines.ts";

/** Everything that says what lines become: the same for the check and the run [IMP-28]. */
export interface Staging {
  profile: ImportProfile;
  about: ImportAbout;
  /** Those a column of the file goes to. */
  mapped: readonly ImportTarget[];
  /** All those a new row needs, mapped or not. */
  targets: readonly ImportTarget[];
  key: readonly string[];
  mode: ImportOptions["mode"];
  /** Name, in the file, of the column that goes to a target. */
  columnOf(code: string): string | null;
}

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
const ask = async <T>(em: EntityManager, question: RawBuilder<T>): Promise<T[]> =>
  (await sql<T>`${sql.raw(PLANNED_ANEW)}${question}`.execute(run(em))).rows;

const TABLE = sql.id("import_staging");
const MOST_NAMED = 3;

/** Brings lines into a table of this transaction alone, by COPY, in place of those before them [IMP-35]. */
async function stage(em: EntityManager, lines: readonly ReadLine[]): Promise<void> {
  await sql`create temp table if not exists import_staging (
    line int not null, key text, "values" jsonb not null, row_id uuid, matches int not null default 0,
    outcome text, changes jsonb, wrong_column text, wrong text) on commit drop`.execute(run(em));
  await sql`truncate ${TABLE}`.execute(run(em));
  await copyInto(em, 'import_staging (line, key, "values")', Readable.from(pieces(lines)));
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

/** The typed value of a target, over `s`. */
const wanted = ({ code, store }: ImportTarget): RawBuilder<unknown> =>
  "json" in store
    ? sql`s."values" -> ${sql.lit(code)}`
    : store.type === "jsonb"
      ? sql`nullif(s."values" -> ${sql.lit(code)}, 'null')`
      : sql`(s."values" ->> ${sql.lit(code)})::${sql.raw(store.type)}`;

/** The value the row has now, over `t`. */
const present = ({ code, store }: ImportTarget): RawBuilder<unknown> =>
  "json" in store ? sql`t.${sql.id(store.json)} -> ${sql.lit(code)}` : sql`t.${sql.id(store.column)}`;

const said = ({ code }: ImportTarget) => sql`s."values" ? ${sql.lit(code)}`;

/** True where the line gives another value than the row has; an entry cleared is one that goes. */
const differs = (target: ImportTarget): RawBuilder<unknown> =>
  "json" in target.store
    ? sql`(${said(target)} and nullif(${wanted(target)}, 'null') is distinct from ${present(target)})`
    : sql`(${said(target)} and ${wanted(target)} is distinct from ${present(target)})`;

const textOf = (target: ImportTarget): RawBuilder<unknown> =>
  "json" in target.store
    ? sql`t.${sql.id(target.store.json)} ->> ${sql.lit(target.code)}`
    : sql`${present(target)}::text`;

/** Finds the row each line is about, and says what the line would do to it, or why it cannot. */
async function classify(
  em: EntityManager,
  { profile, about, mapped, targets, key, mode, columnOf }: Staging,
): Promise<void> {
  const table = sql.table(profile.table);
  const keyTargets = key.map((code) => targets.find((target) => target.code === code)!);
  if (keyTargets.length > 0) {
    const of = sql.join(keyTargets.map(textOf), sql`, `);
    await ask(
      em,
      sql`update ${TABLE} s set row_id = m.id, matches = m.n, wrong = m.named
        from (select k.line, (array_agg(t.id))[1] as id, count(*)::int as n,
            case when count(*) > 1 then array_to_string((array_agg(${sql.raw(profile.named)}))[1:${sql.lit(MOST_NAMED)}], ', ') end as named
          from ${TABLE} k join ${table} t on folded(concat_ws(${sql.lit(KEY_BETWEEN)}, ${of})) = folded(k.key)
          where k.key is not null and ${profile.within(about)} group by k.line) m
        where m.line = s.line`,
    );
    await ask(
      em,
      sql`update ${TABLE} s set outcome = 'error', wrong_column = ${columnOf(key[0]!)}, wrong = 'Cette clé désigne ' || matches || ' lignes déjà enregistrées\u00a0: ' || wrong || '.'
        where matches > 1`,
    );
  }
  const refuse = (when: RawBuilder<unknown>, column: string | null, why: string) =>
    ask(
      em,
      sql`update ${TABLE} s set outcome = 'error', wrong_column = ${column}, wrong = ${why}
        from ${TABLE} k left join ${table} t on t.tenant_id = ${about.tenantId}::uuid and t.id = k.row_id
        where k.line = s.line and s.outcome is null and ${when}`,
    );
  if (mode !== "both") {
    await ask(
      em,
      sql`update ${TABLE} set outcome = 'ignored' where outcome is null and row_id is ${sql.raw(mode === "create" ? "not null" : "null")}`,
    );
  }
  for (const target of targets.filter(({ isRequired }) => isRequired)) {
    await refuse(
      sql`s.row_id is null and not ${said(target)}`,
      columnOf(target.code),
      `${target.label} est obligatoire.`,
    );
  }
  for (const { when, column, why } of profile.rules?.(about) ?? []) await refuse(sql`(${when})`, columnOf(column), why);
  const changes =
    mapped.length === 0
      ? sql`'{}'::jsonb`
      : sql.join(
          mapped.map(
            (target) =>
              sql`case when ${differs(target)} then jsonb_build_object(${sql.lit(target.code)}, jsonb_build_array(to_jsonb(${present(target)}), s."values" -> ${sql.lit(target.code)})) else '{}' end`,
          ),
          sql` || `,
        );
  await ask(
    em,
    sql`update ${TABLE} s set changes = ${changes}, outcome = 'update' from ${table} t
      where s.outcome is null and t.tenant_id = ${about.tenantId}::uuid and t.id = s.row_id`,
  );
  await ask(
    em,
    sql`update ${TABLE} set outcome = 'unchanged', changes = null where outcome = 'update' and changes = '{}'`,
  );
  await ask(em, sql`update ${TABLE} set outcome = 'create', row_id = uuidv7() where outcome is null`);
}

/** Writes what was classified: new rows, then the cells that differ and no other [IMP-37]. */
async function apply(em: EntityManager, { profile, about, mapped }: Staging): Promise<void> {
  const table = sql.table(profile.table);
  const inColumns = mapped.flatMap((target) =>
    "column" in target.store ? { target, column: target.store.column } : [],
  );
  const documents = Map.groupBy(
    mapped.flatMap((target) => ("json" in target.store ? { code: target.code, json: target.store.json } : [])),
    ({ json }) => json,
  );
  const entries = (codes: string[]) =>
    sql`jsonb_strip_nulls(jsonb_build_object(${sql.join(codes.flatMap((code) => [sql.lit(code), sql`s."values" -> ${sql.lit(code)}`]))}))`;
  const created: [string, RawBuilder<unknown>][] = [
    ["tenant_id", sql`${about.tenantId}::uuid`],
    ["id", sql`s.row_id`],
    ...inColumns.map(({ target, column }): [string, RawBuilder<unknown>] => [column, wanted(target)]),
    ...[...documents].map(([json, of]): [string, RawBuilder<unknown>] => [json, entries(of.map(({ code }) => code))]),
  ];
  const more = Object.entries(profile.created(about)).filter(([column]) => !created.some(([name]) => name === column));
  const all = [...created, ...more];
  await ask(
    em,
    sql`insert into ${table} (${sql.join(all.map(([column]) => sql.id(column)))})
      select ${sql.join(all.map(([, value]) => value))} from ${TABLE} s where s.outcome = 'create' order by s.line`,
  );
  const set = [
    ...inColumns.map(
      ({ target, column }) =>
        sql`${sql.id(column)} = case when ${said(target)} then ${wanted(target)} else t.${sql.id(column)} end`,
    ),
    ...[...documents].map(([json, of]) => {
      const given = sql.join(
        of.map(
          ({ code }) =>
            sql`case when s."values" ? ${sql.lit(code)} then jsonb_build_object(${sql.lit(code)}, s."values" -> ${sql.lit(code)}) else '{}' end`,
        ),
        sql` || `,
      );
      return sql`${sql.id(json)} = jsonb_strip_nulls(t.${sql.id(json)} || ${given})`;
    }),
    ...Object.entries(profile.touched?.(about) ?? {}).map(([column, value]) => sql`${sql.id(column)} = ${value}`),
  ];
  if (set.length === 0) return;
  await ask(
    em,
    sql`update ${table} t set ${sql.join(set)} from ${TABLE} s
      where s.outcome = 'update' and t.tenant_id = ${about.tenantId}::uuid and t.id = s.row_id`,
  );
}

/** Lines whose differences are kept to be shown; beyond, they are counted. */
const MOST_SHOWN = 1_000;

/**
 * One part of a file: staged, classified and, when `writes`, applied; what came of each line is kept. Gives its counts
 * and what was found wrong with lines that could be read.
 */
export async function passLines(
  em: EntityManager,
  staging: Staging,
  lines: readonly ReadLine[],
  { writes, shown }: { writes: boolean; shown: number },
): Promise<{ counts: Counts; errors: LineError[] }> {
  const { about, profile, key } = staging;
  await stage(em, lines);
  await classify(em, staging);
  if (writes) await apply(em, staging);
  const of = { tenant: sql`${about.tenantId}::uuid`, import: sql`${about.importId}::uuid` };
  // The check keeps what it shows; the run keeps each line, once.
  const kept = writes
    ? sql`true`
    : sql`s.line in (select line from ${TABLE} where outcome = 'update' order by line limit ${sql.lit(Math.max(0, MOST_SHOWN - shown))})`;
  await ask(
    em,
    sql`insert into import_line (tenant_id, import_id, line, row_id, outcome, name, changes)
      select ${of.tenant}, ${of.import}, s.line, s.row_id, s.outcome, ${sql.raw(profile.named)}, s.changes
      from ${TABLE} s join ${sql.table(profile.table)} t on t.tenant_id = ${of.tenant} and t.id = s.row_id
      where s.outcome = 'update' and ${kept}`,
  );
  if (writes) {
    await ask(
      em,
      sql`insert into import_line (tenant_id, import_id, line, row_id, outcome)
        select ${of.tenant}, ${of.import}, line, row_id, outcome from ${TABLE} where outcome not in ('update', 'error')`,
    );
  }
  if (writes) await profile.after?.(em, about);
  const [counted] = await ask(
    em,
    sql<Record<Exclude<keyof Counts, "read">, number>>`select
      count(*) filter (where outcome = 'create')::int as "create", count(*) filter (where outcome = 'update')::int as "update",
      count(*) filter (where outcome = 'unchanged')::int as unchanged, count(*) filter (where outcome = 'ignored')::int as ignored,
      count(*) filter (where outcome = 'error')::int as error,
      coalesce(sum((select count(*) from jsonb_object_keys(changes))) filter (where outcome = 'update'), 0)::int as cells
      from ${TABLE}`,
  );
  const errors =
    counted!.error === 0
      ? []
      : await ask(
          em,
          sql<LineError>`select line, wrong_column as "column", coalesce(key, '') as value, wrong as reason from ${TABLE} where outcome = 'error' order by line`,
        );
  return {
    counts: { read: lines.length, ...counted! },
    errors: errors.map((error) => ({
      ...error,
      value: error.column === staging.columnOf(key[0] ?? "") ? error.value.replaceAll(KEY_BETWEEN, ", ") : "",
    })),
  };
}
