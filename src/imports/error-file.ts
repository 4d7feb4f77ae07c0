import type { Database } from "../platform/db/index.ts";
import { CSV_MARK, csvLine } from "../platform/sheets/csv.ts";
import type { SheetSource } from "../platform/sheets/source.ts";
import { readTable } from "../platform/sheets/table.ts";
import type { Import } from "./import.ts";
import { reasonsByLine } from "./queries/outcomes.ts";
import { ADDED_COLUMNS, ownCount } from "./suggestions.ts";

/** A cell of the file as it came: this file goes back to it, and a formula in it was there before [IMP-39]. */
const untouched = (cells: readonly string[]): string =>
  cells
    .map((cell) => (/[";\r\n]/.test(cell) || cell !== cell.trim() ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(";");

/**
 * The lines in error with their own columns and what stood beyond them, then where they were and what is wrong: imported
 * again once corrected [IMP-39].
 */
export async function* errorFile(db: Database, source: SheetSource, one: Import): AsyncGenerator<string> {
  const { survey, shape, headerLine, tenantId, id } = one;
  const reasons = await db.read(tenantId, (em) => reasonsByLine(em, id));
  // What an earlier error file added is said anew.
  const own = ownCount(survey.columns);
  const of = (cells: readonly string[], extra: readonly string[] = []) => [
    ...cells.slice(0, own),
    ...Array.from({ length: survey.surplus ?? 0 }, (_, rank) => extra[rank] ?? ""),
  ];
  yield `${CSV_MARK}${untouched(of(survey.columns))};${csvLine([...ADDED_COLUMNS])}`;
  for await (const rows of readTable(source, shape, { headerLine, columns: survey.columns.length })) {
    const lines = rows.flatMap(({ line, cells, extra }) => {
      const found = reasons.get(line);
      return found ? `${untouched(of(cells, extra))};${csvLine([line, found.columns, found.reasons])}` : [];
    });
    if (lines.length > 0) yield lines.join("");
  }
}
