/** Tables for tests, in any shape a person may send them. */
import { Readable } from "node:stream";
import type { SheetSource, TableRow } from "../../src/platform/sheets/source.ts";
import type { TableShape } from "../../src/platform/sheets/table.ts";
import { readTable, surveyTable } from "../../src/platform/sheets/table.ts";

/** In pieces of so many bytes, as a slow disk would give them. */
export const sourceOf = (content: Buffer, piece = 16_384): SheetSource => ({
  size: content.length,
  reads: async (range) => {
    const wanted = content.subarray(range?.start ?? 0, (range?.end ?? content.length) + 1);
    const pieces: Buffer[] = [];
    for (let at = 0; at < wanted.length; at += piece) pieces.push(wanted.subarray(at, at + piece));
    return Readable.from(pieces);
  },
});

/** The lines of a text, quoted where needed. */
export const csvText = (rows: readonly (readonly string[])[], delimiter = ";", end = "\r\n"): string =>
  rows
    .map((cells) =>
      cells
        .map((cell) => (cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
        .join(delimiter),
    )
    .join(end) + end;

const UNDEFINED = "\u0081\u008d\u008f\u0090\u009d";
const OF_1252 = new Map(
  Array.from({ length: 32 }, (_, at) => at + 0x80).map((byte) => [
    new TextDecoder("windows-1252").decode(Uint8Array.of(byte)),
    byte,
  ]),
);

/** The bytes of a text as Windows wrote them, or as ISO-8859-1 does. */
export const latin = (text: string): Buffer =>
  Buffer.from(
    [...text].map((sign) => {
      const byte = UNDEFINED.includes(sign) ? sign.charCodeAt(0) : (OF_1252.get(sign) ?? sign.charCodeAt(0));
      if (byte > 255) throw new Error(`No byte for ${sign}`);
      return byte;
    }),
  );

export const utf16be = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();

/** All the rows of a table, its columns named as the survey found them. */
export async function tableOf(source: SheetSource, shape: TableShape, headerLine = 1) {
  const survey = await surveyTable(source, shape, { headerLine });
  const rows: TableRow[] = [];
  for await (const some of readTable(source, shape, { headerLine, columns: survey.columns.length })) rows.push(...some);
  return { ...survey, rows };
}
