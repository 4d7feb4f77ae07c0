import { setImmediate } from "node:timers/promises";
import { RuleBroken } from "../errors.ts";
import { findDelimiter } from "./delimiter.ts";
import { decodeText, type Encoding } from "./encoding.ts";
import { columnNames } from "./header.ts";
import { isSample } from "./sample.ts";
import {
  addFault,
  HEADER_LINES,
  isBlank,
  MOST_COLUMNS,
  MOST_LINES,
  type SheetSource,
  shown,
  type TableRow,
} from "./source.ts";
import { readTextRows, type TextShape } from "./text-rows.ts";
import { readWorkbookRows, type WorkbookShape } from "./workbook-rows.ts";

/** How a file of rows is to be read: what was guessed, or chosen since. */
export type TableShape = TextShape | WorkbookShape;

/** What a whole reading tells of a table. */
export interface Survey {
  /** Names of the columns, with none of the empty ones at the end. */
  columns: string[];
  /** Lines that hold something, after the one that names the columns. */
  lines: number;
  /** Lines whose cells are all blank, ignored [IMP-9]. */
  blank: number;
  /** Lines of a template left in place, ignored [IMP-44]. */
  samples?: number;
  /** Lines the spreadsheet does not show, read all the same [IMP-10]. */
  hidden: number;
  /** Lines with something that cannot be read. */
  faulty: number;
  /** Cells beyond the columns in the line that has most of them, when one has [IMP-9]. */
  surplus?: number;
  /** The first lines of the file as they stand, the header among them, for its choice [IMP-8]. */
  first: { line: number; cells: string[] }[];
  /** The first lines with letters that encodings write differently [IMP-5]. */
  accented: { line: number; text: string }[];
}

const ACCENTED = 5;
/** What is looked at to guess the delimiter: two hundred records and more. */
const HEAD_BYTES = 262_144;

/** The delimiter that fits the first records of this text [IMP-6]. */
export async function guessDelimiter(
  { reads, size }: SheetSource,
  encoding: Encoding,
): Promise<{ delimiter: string; isSaid: boolean }> {
  let text = "";
  const bytes = await reads({ start: 0, end: Math.min(size, HEAD_BYTES) - 1 });
  for await (const piece of decodeText(bytes, encoding)) text += piece;
  return findDelimiter(text);
}

/** One piece of the file at a time; others are served between two, whatever gives the bytes. */
export async function* rawRows(
  source: SheetSource,
  shape: TableShape,
  read?: (done: number) => void,
): AsyncGenerator<TableRow[]> {
  const batches = shape.kind === "text" ? readTextRows(source, shape, read) : readWorkbookRows(source, shape, read);
  for await (const rows of batches) {
    yield rows;
    await setImmediate();
  }
}

/**
 * Reads a table through, its columns named by the first line that holds something from `headerLine` on, nothing kept but what it tells; `look` sees every data row, its cells as many as the file
 * gives. Throws RuleBroken for a file beyond the limits, with the real count, or that cannot be read [IMP-1, IMP-7].
 */
export async function surveyTable(
  source: SheetSource,
  shape: TableShape,
  { headerLine = 1, look = () => {} }: { headerLine?: number; look?: (row: TableRow) => void } = {},
): Promise<Survey> {
  let header: string[] | null = null;
  let [lines, blank, samples, hidden, faulty, lastFilled, lastExtra, lastLine] = [0, 0, 0, 0, 0, -1, -1, 0];
  const first: Survey["first"] = [];
  const accented: Survey["accented"] = [];
  for await (const rows of rawRows(source, shape)) {
    for (const row of rows) {
      if (first.length < HEADER_LINES) first.push({ line: row.line, cells: row.cells.map(shown) });
      if (accented.length < ACCENTED) {
        const text = row.cells.join(" ");
        if (/[^\0-\x7f]/.test(text)) accented.push({ line: row.line, text: shown(text) });
      }
      if (row.line < headerLine) continue;
      // A sheet does not write its blank lines.
      if (header && shape.kind === "workbook") blank += Math.max(0, row.line - lastLine - 1);
      lastLine = row.line;
      if (row.cells.every(isBlank) && !row.faults) {
        if (header) blank++;
        continue;
      }
      if (!header) {
        header = row.cells;
        continue;
      }
      if (isSample(row.cells)) {
        samples++;
        continue;
      }
      lines++;
      if (row.isHidden) hidden++;
      const filled = lastFilledOf(row.cells);
      if (filled >= header.length || row.faults) faulty++;
      if (filled < header.length) lastFilled = Math.max(lastFilled, filled);
      else lastExtra = Math.max(lastExtra, filled);
      if (lines <= MOST_LINES) look(row);
    }
  }
  if (!header) {
    throw new RuleBroken(
      headerLine === 1
        ? "Ce fichier n’a pas de ligne qui nomme ses colonnes. Ajoutez-la en tête, puis envoyez-le de nouveau."
        : `Il n’y a rien à partir de la ligne ${headerLine}\u00a0: choisissez celle qui nomme les colonnes.`,
      "headerLine",
    );
  }
  if (lines > MOST_LINES) {
    throw new RuleBroken(
      `Ce fichier a ${lines.toLocaleString("fr-FR").replaceAll("\u00a0", "\u202f")} lignes\u00a0: la limite est de 100\u202f000. Partagez-le en plusieurs fichiers, puis importez-les l’un après l’autre.`,
    );
  }
  const count = Math.max(lastFilledOf(header), lastFilled) + 1;
  if (count > MOST_COLUMNS) {
    throw new RuleBroken(
      `Le tableau a ${count} colonnes\u00a0: la limite est de ${MOST_COLUMNS}. Gardez celles qui servent, puis envoyez de nouveau le fichier.`,
    );
  }
  return {
    columns: columnNames(header, count),
    lines,
    blank,
    samples,
    hidden,
    faulty,
    ...(lastExtra !== -1 && { surplus: lastExtra + 1 - count }),
    first,
    accented,
  };
}

/** The first rows of a table, blank ones among them, as many as the header is chosen from: the rest is not read [IMP-8]. */
export async function firstRows(source: SheetSource, shape: TableShape): Promise<TableRow[]> {
  const first: TableRow[] = [];
  for await (const rows of rawRows(source, shape)) {
    first.push(...rows.slice(0, HEADER_LINES - first.length));
    if (first.length >= HEADER_LINES) break;
  }
  return first;
}

function lastFilledOf(cells: readonly string[]): number {
  let last = cells.length - 1;
  while (last >= 0 && isBlank(cells[last]!)) last--;
  return last;
}

/**
 * The data rows of a table, each with as many cells as there are columns: missing ones are empty, extra ones that hold
 * something are a fault of their line [IMP-9]. `read` tells how much of the file is behind.
 */
export async function* readTable(
  source: SheetSource,
  shape: TableShape,
  { headerLine, columns, read }: { headerLine: number; columns: number; read?: (done: number) => void },
): AsyncGenerator<TableRow[]> {
  let isAfterHeader = false;
  for await (const rows of rawRows(source, shape, read)) {
    const kept: TableRow[] = [];
    for (const row of rows) {
      const { cells } = row;
      if (row.line < headerLine || (cells.every(isBlank) && !row.faults)) continue;
      if (!isAfterHeader) {
        isAfterHeader = true;
        continue;
      }
      if (isSample(cells)) continue;
      if (cells.length > columns) {
        const extra = cells.splice(columns);
        const held = extra.filter((cell) => !isBlank(cell));
        if (held.length > 0) {
          row.extra = extra;
          addFault(row, { column: null, value: shown(held.join(" ")), cause: "extra" });
        }
      }
      while (cells.length < columns) cells.push("");
      kept.push(row);
    }
    if (kept.length > 0) yield kept;
  }
}
