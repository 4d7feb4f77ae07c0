import { plainNumber } from "./number-format.ts";

/**
 * A cell that a spreadsheet would read as a formula starts with an apostrophe, which it hides (P37); one that already had
 * its own takes one more, so that what is taken away is what was put.
 */
const GUARDED = /^'*[=+\-@\t\r\0]/;

/** One line of a CSV file as French spreadsheets open it: `;`, quotes where needed, CRLF. */
export function csvLine(cells: (string | number | null)[]): string {
  let line = "";
  for (let i = 0; i < cells.length; i++) line += i === 0 ? csvCell(cells[i]!) : `;${csvCell(cells[i]!)}`;
  return `${line}\r\n`;
}

/** What needs quotes: a separator, a quote, a line break, or a blank at either end, which readers would trim. */
const QUOTED = /[";\r\n]|^\s|\s$/;

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return plainNumber(value);
  const text = GUARDED.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What tells a spreadsheet that the file is UTF-8. */
export const CSV_MARK = "\ufeff";

/** A cell without the apostrophe an export put before what a spreadsheet would compute [EXP-7]. */
export const withoutGuard = (cell: string): string =>
  cell.charCodeAt(0) === 0x27 && GUARDED.test(cell.slice(1)) ? cell.slice(1) : cell;
