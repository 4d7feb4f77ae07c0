import { CsvError, parse } from "csv-parse/sync";

/** One line of a file of rows, with its number in the file, as an editor shows it. */
export interface SheetRow {
  line: number;
  cells: string[];
}

/** What a file of rows says, or why it cannot be read, in French with the line. */
export type Sheet = { rows: SheetRow[]; problem?: undefined } | { rows?: undefined; problem: string };

/**
 * The text of a file, whatever program wrote it [IMP-4]: byte-order mark, else UTF-16 by its null bytes, else UTF-8 when
 * all its bytes are, else Windows-1252, of which ISO-8859-1 is the part French uses.
 */
export function decodeSheet(bytes: Uint8Array): string {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return new TextDecoder("utf-8").decode(bytes);
  if (a === 0xff && b === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  const nulls = [0, 0];
  for (const [i, byte] of bytes.entries()) if (byte === 0) nulls[i % 2]! += 1;
  const some = bytes.length / 8;
  if (nulls[1]! > some) return new TextDecoder("utf-16le").decode(bytes);
  if (nulls[0]! > some) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const SEPARATORS = [";", "\t", ","];

/** The separator the first line uses most, outside quotes. */
function separatorOf(text: string): string {
  const first = (text.split(/\r?\n/).find((line) => line.trim() !== "") ?? "").replace(/"[^"]*"/g, "");
  const count = (separator: string) => first.split(separator).length;
  return SEPARATORS.toSorted((a, b) => count(b) - count(a))[0]!;
}

/** The rows of a file separated by `;`, `,` or tabs, quoted where needed; empty lines are left out. */
export function readSheet(text: string): Sheet {
  try {
    const records = parse(text, {
      bom: true,
      delimiter: separatorOf(text.replace(/^\ufeff/, "")),
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: 20_000,
    }) as unknown as { info: { lines: number }; record: string[] }[];
    const rows = records
      .map(({ info, record }) => ({ line: info.lines, cells: record }))
      .filter(({ cells }) => cells.some((cell) => cell !== ""));
    return { rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as unknown as { lines?: number };
    const where = lines === undefined ? "" : ` Ligne ${lines}.`;
    return {
      problem: `Le fichier ne se lit pas\u00a0: un guillemet n’est pas fermé, ou une ligne est trop longue.${where}`,
    };
  }
}
