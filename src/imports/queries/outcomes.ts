import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Mark, type Paged, paged } from "../../platform/db/paging.ts";
import type { SettledLine } from "../../platform/sheets/profile.ts";
import type { LineError } from "../lines.ts";

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
const ERRORS_AT_ONCE = 2_000;

/** Nobody else passes a part of this import until the end of the transaction. */
export async function holdImport(em: EntityManager, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`import ${id}`}, 0))`.execute(run(em));
}

export async function keepErrors(
  em: EntityManager,
  { tenantId, importId }: { tenantId: string; importId: string },
  errors: readonly LineError[],
): Promise<void> {
  for (let at = 0; at < errors.length; at += ERRORS_AT_ONCE) {
    const rows = JSON.stringify(errors.slice(at, at + ERRORS_AT_ONCE)).replaceAll("\\u0000", "␀");
    await sql`insert into import_error (tenant_id, id, import_id, line, column_name, value, reason)
      select ${tenantId}::uuid, uuidv7(), ${importId}::uuid, e.line, e."column", e.value, e.reason
      from jsonb_to_recordset(${rows}::jsonb) as e (line int, "column" text, value text, reason text)`.execute(run(em));
  }
}

/** What an earlier pass over this file found: a new one starts clean. */
export async function forgetOutcomes(em: EntityManager, importId: string): Promise<void> {
  await sql`delete from import_error where import_id = ${importId}::uuid`.execute(run(em));
  await sql`delete from import_line where import_id = ${importId}::uuid`.execute(run(em));
}

/**
 * Lets files of imports go after thirty days, with the lines and values that were shown of them, and, of their outcome, all
 * but the counts after ninety [IMP-3, IMP-39]; gives how many files went. One under way keeps its own.
 */
export async function purgeImports(em: EntityManager): Promise<number> {
  const old = sql`select id from import where created_at < app_now() - interval '90 days'`;
  await sql`delete from import_error where import_id in (${old})`.execute(run(em));
  await sql`delete from import_line where import_id in (${old})`.execute(run(em));
  await sql`
    update import set mapping = ${NO_MAPPING}::jsonb, survey = survey || '{"columns": []}' where id in (${old}) and mapping <> ${NO_MAPPING}::jsonb`.execute(
    run(em),
  );
  const { rows } = await sql`
    update import set file_id = null, survey = (survey - 'tastes') || '{"first": [], "accented": []}' where file_id is not null and created_at < app_now() - interval '30 days'
    and state not in ('waiting', 'running') returning id`.execute(run(em));
  return rows.length;
}

const NO_MAPPING = JSON.stringify({ columns: [], key: [] });

/** Errors grouped by what mends them: the column and the reason [IMP-29]. */
export async function causesOf(
  em: EntityManager,
  importId: string,
): Promise<{ column: string | null; reason: string; lines: number }[]> {
  const { rows } = await sql<{ column: string | null; reason: string; lines: number }>`
    select column_name as "column", reason, count(*)::int as lines from import_error
    where import_id = ${importId}::uuid group by 1, 2 order by 3 desc, 1, 2 limit 200`.execute(run(em));
  return rows;
}

export interface ErrorFilter {
  column?: string | undefined;
  reason?: string | undefined;
}

const ERRORS_A_PAGE = 50;

/** Errors in the order of the file, a page at a time, whatever its depth [IMP-29]. */
export async function errorsOf(
  em: EntityManager,
  importId: string,
  { column, reason, mark }: ErrorFilter & { mark: Mark | null },
): Promise<Omit<Paged<LineError>, "total">> {
  const backwards = mark?.back ?? false;
  const line = Number(mark?.value);
  const seek = mark && Number.isInteger(line) && line >= 0 && line <= 2_147_483_647 ? mark : null;
  const beyond = seek ? sql`(line, id) ${backwards ? sql`<` : sql`>`} (${line}, ${seek.id}::uuid)` : sql`true`;
  const way = backwards ? sql`desc` : sql`asc`;
  const { rows } = await sql<LineError & { id: string }>`
    select id, line, column_name as "column", value, reason from import_error
    where import_id = ${importId}::uuid and (${column ?? null}::text is null or column_name = ${column ?? null})
      and (${reason ?? null}::text is null or reason = ${reason ?? null}) and ${beyond}
    order by line ${way}, id ${way} limit ${ERRORS_A_PAGE + 1}`.execute(run(em));
  return paged(rows, {
    backwards,
    size: ERRORS_A_PAGE,
    more: seek !== null,
    total: 0,
    markOf: (row) => String(row.line),
    line: ({ id: _id, ...error }) => error,
  });
}

/** Every error, by number of line: what the error file adds to it [IMP-39]. */
export async function reasonsByLine(
  em: EntityManager,
  importId: string,
): Promise<Map<number, { columns: string; reasons: string }>> {
  const { rows } = await sql<{ line: number; columns: string | null; reasons: string }>`
    select line, string_agg(distinct column_name, ', ') as columns, string_agg(reason, ' ' order by id) as reasons
    from import_error where import_id = ${importId}::uuid group by line`.execute(run(em));
  return new Map(rows.map(({ line, columns, reasons }) => [line, { columns: columns ?? "", reasons }]));
}

/** What a check would change and what it found wrong, in short: the same as long as all of it is. */
export async function digestOfCheck(em: EntityManager, importId: string): Promise<string> {
  const { rows } = await sql<{ digest: string }>`
    select md5(coalesce((select string_agg(line || ' ' || row_id || coalesce(changes::text, ''), ',' order by line) from import_line
        where import_id = ${importId}::uuid and outcome = 'update'), ''))
      || md5(coalesce((select string_agg(line || ' ' || coalesce(column_name, '') || ' ' || reason, ',' order by line, column_name, reason)
        from import_error where import_id = ${importId}::uuid), '')) as digest`.execute(run(em));
  return rows[0]!.digest;
}

/** The lines written, or to be, with what they are settled from. */
export async function settledLines(em: EntityManager, importId: string): Promise<SettledLine[]> {
  const { rows } = await sql<SettledLine>`
    select line, row_id as "rowId", outcome = 'unchanged' as "isUnchanged", settled as "values" from import_line
    where import_id = ${importId}::uuid and settled is not null order by line`.execute(run(em));
  return rows;
}

/** A line that was written, with the row it made or changed as it is named now. */
export interface WrittenLine {
  line: number;
  outcome: "create" | "update";
  name: string | null;
}

/** Lines written, those made only when asked, in the order of the file from the one after `after` [IMP-34]. */
export async function writtenLines(
  em: EntityManager,
  importId: string,
  {
    table,
    named,
    after = 0,
    size,
    onlyMade = false,
  }: { table: string; named: string; after?: number; size: number; onlyMade?: boolean },
): Promise<WrittenLine[]> {
  const { rows } = await sql<WrittenLine>`
    select l.line, l.outcome, ${sql.raw(named)} as name from import_line l
    left join ${sql.table(table)} t on t.tenant_id = l.tenant_id and t.id = l.row_id
    where l.import_id = ${importId}::uuid and l.line > ${after} and l.outcome = any (${onlyMade ? ["create"] : ["create", "update"]}::text[])
    order by l.line limit ${size}`.execute(run(em));
  return rows;
}

export async function changedLines(
  em: EntityManager,
  importId: string,
  size: number,
): Promise<{ line: number; name: string | null; changes: Record<string, [unknown, unknown]> }[]> {
  const { rows } = await sql<{ line: number; name: string | null; changes: Record<string, [unknown, unknown]> }>`
    select line, name, changes from import_line
    where import_id = ${importId}::uuid and outcome = 'update' order by line limit ${size}`.execute(run(em));
  return rows;
}
