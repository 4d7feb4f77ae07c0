import type { Buffer } from "node:buffer";
import { parse } from "csv-parse/sync";
import { saidDelimiter } from "./delimiter.ts";
import { decodeText, type Encoding, UNREADABLE } from "./encoding.ts";
import { RecordCutter, withOneLineEnd } from "./records.ts";
import { addFault, type Fault, LONGEST_CELL, type SheetSource, shown, type TableRow } from "./source.ts";

/** How the text of a table is to be read. */
export interface TextShape {
  kind: "text";
  encoding: Encoding;
  delimiter: string;
}

/**
 * Every record of a text, blank ones too, in batches of what one piece of the file holds. `read` tells the bytes read
 * so far. Throws RuleBroken for what makes the rest unreadable.
 */
export async function* readTextRows(
  source: SheetSource,
  { encoding, delimiter }: TextShape,
  read: (bytes: number) => void = () => {},
): AsyncGenerator<TableRow[]> {
  const unreadable = UNREADABLE[encoding];
  let line = 1;
  const texts = withOneLineEnd(decodeText(counted(await source.reads(), read), encoding));
  const data = withoutSaid(texts, () => {
    line = 2;
  });
  let cutter: RecordCutter | undefined;
  /** Signs nobody can read were met, and the record they belong to may end in a later piece. */
  let isSuspect = false;
  for await (const text of data) {
    cutter ??= new RecordCutter(delimiter, line);
    isSuspect ||= unreadable.test(text);
    const whole = cutter.add(text);
    if (whole === "") continue;
    const rows = rowsOf(whole);
    yield rows;
    isSuspect = unreadable.test(text);
  }
  const last = cutter?.end() ?? "";
  if (last !== "") yield rowsOf(last);

  function rowsOf(text: string): TableRow[] {
    const records = parse(text, {
      delimiter,
      record_delimiter: "\n",
      relax_column_count: true,
      relax_quotes: true,
    });
    return records.map((cells) => {
      const row: TableRow = { line, cells };
      line++;
      for (let column = 0; column < cells.length; column++) {
        const cell = cells[column]!;
        line += breaksIn(cell);
        if (cell.length > LONGEST_CELL) addFault(row, fault("too_long", column, cell));
        if (isSuspect && unreadable.test(cell)) addFault(row, fault("byte", column, cell));
      }
      return row;
    });
  }
}

/** `sep=` and its line end: looked for once that much of the text is there, however small its pieces. */
const SAID_LENGTH = 6;

async function* withoutSaid(texts: AsyncIterable<string>, met: () => void): AsyncGenerator<string> {
  let start: string | null = "";
  const opened = (text: string) => {
    const said = saidDelimiter(text);
    if (said) met();
    return text.slice(said?.length ?? 0);
  };
  for await (const text of texts) {
    if (start === null) yield text;
    else {
      start += text;
      if (start.length < SAID_LENGTH) continue;
      yield opened(start);
      start = null;
    }
  }
  if (start !== null) yield opened(start);
}

const fault = (cause: Fault["cause"], column: number, cell: string): Fault => ({ cause, column, value: shown(cell) });

function breaksIn(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf("\n"); at !== -1; at = cell.indexOf("\n", at + 1)) count++;
  return count;
}

async function* counted(bytes: AsyncIterable<Buffer>, read: (bytes: number) => void): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const piece of bytes) {
    yield piece;
    total += piece.length;
    read(total);
  }
}
