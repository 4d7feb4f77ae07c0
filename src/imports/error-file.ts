import type { Database } from "../platform/db/index.ts";
import { CSV_MARK, csvLine } from "../platform/sheets/csv.ts";
import type { Import } from "./import.ts";
import { wrongLines } from "./queries/outcomes.ts";
import { ADDED_COLUMNS, ownCount } from "./suggestions.ts";

/** A cell of the file as it came: this file goes back to it, and a formula in it was there before [IMP-39]. */
const untouched = (cells: readonly string[]): string =>
  cells
    .map((cell) => (/[";\r\n]/.test(cell) || cell !== cell.trim() ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(";");

const AT_ONCE = 1_000;

/**
 * The lines in error with their own columns and what stood beyond them, then where they were and what is wrong: imported
 * again once corrected [IMP-39].
 */
export async function* errorFile(db: Database, { survey, tenantId, id }: Import): AsyncGenerator<string> {
  const { columns, surplus = 0 } = survey;
  // What an earlier error file added is said anew.
  const own = ownCount(columns);
  const of = (cells: readonly string[]) => [
    ...Array.from({ length: own }, (_, place) => cells[place] ?? ""),
    ...Array.from({ length: surplus }, (_, rank) => cells[columns.length + rank] ?? ""),
  ];
  yield `${CSV_MARK}${untouched(of(columns))};${csvLine([...ADDED_COLUMNS])}`;
  for (let after = 0; ; ) {
    const lines = await db.read(tenantId, (em) => wrongLines(em, id, { after, size: AT_ONCE }));
    if (lines.length > 0) {
      yield lines
        .map(({ line, cells, columns, reasons }) => `${untouched(of(cells))};${csvLine([line, columns, reasons])}`)
        .join("");
    }
    if (lines.length < AT_ONCE) return;
    after = lines.at(-1)!.line;
  }
}
