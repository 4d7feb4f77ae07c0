import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { RuleBroken } from "../errors.ts";
import { analyse } from "./analysis.ts";
import { decodeText, detectEncoding } from "./encoding.ts";
import { tidied } from "./header.ts";
import { FAULTS, isBlank, type SheetSource } from "./source.ts";
import { rawRows } from "./table.ts";

/** Files short enough to be held whole, read as imports read theirs: one reader for all [IMP-4 to IMP-12]. */

/** One line of a file of rows, with its number in the file, as an editor shows it. */
export interface SheetRow {
  line: number;
  cells: string[];
}

const sourceOf = (bytes: Uint8Array): SheetSource => ({
  size: bytes.length,
  reads: async ({ start, end } = { start: 0, end: bytes.length - 1 }) =>
    Readable.from([Buffer.from(bytes.subarray(start, end + 1))]),
});

/** The lines that hold something, the one that names the columns first. Throws RuleBroken for what cannot be read. */
export async function readHeld(bytes: Uint8Array): Promise<SheetRow[]> {
  const source = sourceOf(bytes);
  const { shape } = await analyse(source);
  const found: SheetRow[] = [];
  for await (const rows of rawRows(source, shape)) {
    for (const { line, cells, faults } of rows) {
      if (faults) throw new RuleBroken(`Ligne ${line}\u00a0: ${FAULTS[faults[0]!.cause]}.`);
      if (!cells.every(isBlank)) found.push({ line, cells: cells.map(tidied) });
    }
  }
  return found;
}

/** The text of a file, whatever program wrote it [IMP-4]. */
export async function textOf(bytes: Uint8Array): Promise<string> {
  const { reads } = sourceOf(bytes);
  const { encoding } = await detectEncoding(await reads());
  let text = "";
  for await (const piece of decodeText(await reads(), encoding)) text += piece;
  return text;
}
