import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Mark, type Paged, paged } from "../../platform/db/paging.ts";
import type { SettledLine } from "../../platform/sheets/profile.ts";
import { causeOf, LONGEST_CAUSE, sharedBy } from "../causes.ts";
import { OPTIONS } from "../import.ts";
import type { LineError } from "../lines.ts";

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
const ERRORS_AT_ONCE = 2_000;

/** Nobody else passes a part of this import until the end of the transaction. */
export async function holdImport(em: EntityManager, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`import ${id}`}, 0))`.execute(run(em));
}

/** Keeps errors, each with its cause, and with the first of each line its `cells` [IMP-29, IMP-39]. */
export async function keepErrors(
  em: EntityManager,
  { tenantId, importId }: { tenantId: string; importId: string },
  errors: readonly LineError[],
  cells: ReadonlyMap<number, readonly string[]>,
): Promise<void> {
  const left = new Map(cells);
  for (let at = 0; at < errors.length; at += ERRORS_AT_ONCE) {
    const rows = errors.slice(at, at + ERRORS_AT_ONCE).map((error) => {
      const row = {
        ...error,
        cause: (error.cause ?? causeOf(error)).slice(0, LONGEST_CAUSE),
        cells: left.get(error.line),
      };
      left.delete(error.line);
      return row;
    });
    const text = JSON.stringify(rows, (_key, value) =>
      typeof value === "string" ? value.replaceAll("\0", "␀") : value,
    );
    await sql`insert into import_error (tenant_id, id, import_id, line, column_name, value, reason, cause, cells)
      select ${tenantId}::uuid, uuidv7(), ${importId}::uuid, e.line, e."column", e.value, e.reason, e.cause, e.cells
      from jsonb_to_recordset(${text}::jsonb) as e (line int, "column" text, value text, reason text, cause text, cells jsonb)`.execute(
      run(em),
    );
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
  const old = sql`select id from import where created_at < app_now() - interval '90 days' and state not in ('waiting', 'running')`;
  await sql`delete from import_error where import_id in (${old})`.execute(run(em));
  await sql`delete from import_line where import_id in (${old})`.execute(run(em));
  await sql`
    update import set file_name = '', sha256 = '', mapping = ${NO_MAPPING}::jsonb, options = ${JSON.stringify(OPTIONS)}::jsonb, notices = '{}',
      survey = survey || '{"columns": [], "suspects": []}', failure = null, earlier = null, basis = null
    where id in (${old}) and file_name <> ''`.execute(run(em));
  const { rows } = await sql`
    update import set file_id = null, survey = (survey - 'tastes') || '{"first": [], "accented": []}' where file_id is not null and created_at < app_now() - interval '30 days'
    and state not in ('waiting', 'running') returning id`.execute(run(em));
  return rows.length;
}

const NO_MAPPING = JSON.stringify({ columns: [], key: [] });

/** Errors of one column that the same thing mends, told by what their reasons share. */
export interface Cause {
  column: string | null;
  cause: string;
  reason: string;
  errors: number;
}

/** So many at most, those of the most errors, and how many there are in all [IMP-29]. */
const CAUSES_SHOWN = 200;

/** Errors grouped by what mends them: the column and the cause [IMP-29]. */
export async function causesOf(em: EntityManager, importId: string): Promise<{ rows: Cause[]; total: number }> {
  const { rows } = await sql<Omit<Cause, "reason"> & { least: string; most: string; total: number }>`
    select column_name as "column", cause, min(reason collate "C") as least, max(reason collate "C") as most,
      count(*)::int as errors, (count(*) over ())::int as total from import_error
    where import_id = ${importId}::uuid group by 1, 2 order by 5 desc, 1, 2 limit ${CAUSES_SHOWN}`.execute(run(em));
  return {
    rows: rows.map(({ column, cause, errors, least, most }) => ({
      column,
      cause,
      errors,
      reason: sharedBy(least, most),
    })),
    total: rows[0]?.total ?? 0,
  };
}

export interface ErrorFilter {
  column?: string | undefined;
  cause?: string | undefined;
}

const LINES_A_PAGE = 50;

/** Where a page of lines begins; null for what is no line. */
const lineMark = (mark: Mark | null): Mark | null => {
  const line = Number(mark?.value);
  return mark && Number.isInteger(line) && line >= 0 && line <= 2_147_483_647 ? mark : null;
};

/** Errors in the order of the file, a page at a time, whatever its depth [IMP-29]. */
export async function errorsOf(
  em: EntityManager,
  importId: string,
  { column, cause, mark }: ErrorFilter & { mark: Mark | null },
): Promise<Omit<Paged<LineError>, "total">> {
  const seek = lineMark(mark);
  const backwards = seek?.back ?? false;
  const beyond = seek
    ? sql`(line, id) ${backwards ? sql`<` : sql`>`} (${seek.value}::int, ${seek.id}::uuid)`
    : sql`true`;
  const way = backwards ? sql`desc` : sql`asc`;
  const { rows } = await sql<LineError & { id: string }>`
    select id, line, column_name as "column", value, reason from import_error
    where import_id = ${importId}::uuid and (${column ?? null}::text is null or column_name = ${column ?? null})
      and (${cause ?? null}::text is null or cause = ${cause ?? null}) and ${beyond}
    order by line ${way}, id ${way} limit ${LINES_A_PAGE + 1}`.execute(run(em));
  return pageOf(rows, seek, ({ id: _id, ...error }) => error);
}

const pageOf = <Row extends { id: string; line: number }, Line>(
  rows: Row[],
  seek: Mark | null,
  line: (row: Row) => Line,
): Omit<Paged<Line>, "total"> =>
  paged(rows, {
    backwards: seek?.back ?? false,
    size: LINES_A_PAGE,
    more: seek !== null,
    total: 0,
    markOf: (row) => String(row.line),
    line,
  });

/** A line made or changed, or to be, with each of its cells before and after. */
export interface ShownLine {
  line: number;
  /** What it made or changed, as it is named now. */
  name: string | null;
  /** Of a line that was made: its row says it. */
  changes: Record<string, [unknown, unknown]> | null;
}

/** Lines that make a row, or change one, in the order of the file, a page at a time [IMP-28, IMP-34]. */
export async function linesOf(
  em: EntityManager,
  importId: string,
  { outcome, table, named, mark }: { outcome: "create" | "update"; table: string; named: string; mark: Mark | null },
): Promise<Omit<Paged<ShownLine>, "total">> {
  const seek = lineMark(mark);
  const beyond = seek ? sql`l.line ${seek.back ? sql`<` : sql`>`} ${seek.value}::int` : sql`true`;
  const { rows } = await sql<ShownLine & { id: string }>`
    select l.row_id as id, l.line, coalesce(l.name, ${sql.raw(named)}) as name, l.changes from import_line l
    left join ${sql.table(table)} t on t.tenant_id = l.tenant_id and t.id = l.row_id
    where l.import_id = ${importId}::uuid and l.outcome = ${outcome} and ${beyond}
    order by l.line ${seek?.back ? sql`desc` : sql`asc`} limit ${LINES_A_PAGE + 1}`.execute(run(em));
  return pageOf(rows, seek, ({ id: _id, ...line }) => line);
}

/** A line in error as the file has it, with all that is wrong with it. */
export interface WrongLine {
  line: number;
  cells: string[];
  columns: string;
  reasons: string;
}

/** Lines in error in the order of the file, from the one after `after` [IMP-39]. */
export async function wrongLines(
  em: EntityManager,
  importId: string,
  { after, size }: { after: number; size: number },
): Promise<WrongLine[]> {
  const { rows } = await sql<WrongLine>`
    select line, coalesce((array_agg(cells) filter (where cells is not null))[1], '[]') as cells,
      coalesce(string_agg(distinct column_name, ', '), '') as columns, string_agg(reason, ' ' order by id) as reasons
    from import_error where import_id = ${importId}::uuid and line > ${after} group by line order by line limit ${size}`.execute(
    run(em),
  );
  return rows;
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

/** Lines written, in the order of the file from the one after `after` [IMP-34]. */
export async function writtenLines(
  em: EntityManager,
  importId: string,
  { table, named, after, size }: { table: string; named: string; after: number; size: number },
): Promise<WrittenLine[]> {
  const { rows } = await sql<WrittenLine>`
    select l.line, l.outcome, ${sql.raw(named)} as name from import_line l
    left join ${sql.table(table)} t on t.tenant_id = l.tenant_id and t.id = l.row_id
    where l.import_id = ${importId}::uuid and l.line > ${after} and l.outcome in ('create', 'update')
    order by l.line limit ${size}`.execute(run(em));
  return rows;
}
