import { columnNames } from "../platform/sheets/header.ts";
import type { ImportTarget, Mapping } from "../platform/sheets/profile.ts";
import { isSample } from "../platform/sheets/sample.ts";
import { isBlank, MOST_COLUMNS, type SheetSource, shown } from "../platform/sheets/source.ts";
import { firstRows, type TableShape } from "../platform/sheets/table.ts";
import type { Import } from "./import.ts";
import { LineReader } from "./lines.ts";

/** One cell of the first lines: as the file has it, and what it is read as, when that says more. */
export interface SeenCell {
  text: string;
  read: string | null;
  problem: string | null;
}

/** The first lines of a file, read as the page asks [IMP-5, IMP-6, IMP-14, IMP-16]. */
export interface Preview {
  columns: string[];
  lines: { line: number; cells: SeenCell[] }[];
}

const LINES_SHOWN = 5;

type First = Import["survey"]["first"];

/** The first lines in another encoding, delimiter or sheet, nothing else of a text being read. Throws RuleBroken. */
export async function firstOf(source: SheetSource, shape: TableShape): Promise<First> {
  const rows = await firstRows(source, shape);
  return rows.map(({ line, cells }) => ({ line, cells: cells.map(shown) }));
}

/** What the first lines after the header give, each cell read by where its column goes. */
export function previewOf(
  first: First,
  {
    headerLine,
    columns,
    mapping,
    targets,
    isText,
  }: {
    headerLine: number;
    /** Those of the file once read through; without them, those of its header. */
    columns: readonly string[] | null;
    mapping: Mapping;
    targets: readonly ImportTarget[];
    isText: boolean;
  },
): Preview {
  const filled = first.filter(({ line, cells }) => line >= headerLine && !cells.every(isBlank));
  const [header, ...rest] = filled;
  const lines = rest.filter(({ cells }) => !isSample(cells)).slice(0, LINES_SHOWN);
  const widths = filled.slice(0, LINES_SHOWN + 1).map(({ cells }) => cells.length);
  const count = Math.min(MOST_COLUMNS, Math.max(0, ...widths));
  const names = columns ? [...columns] : columnNames(header?.cells ?? [], count);
  const reader = new LineReader({ mapping, options: { empty: "keep" }, columns: names, targets, isText });
  return {
    columns: names,
    lines: lines.map(({ line, cells }) => ({
      line,
      cells: names.map((_, place) => seen(cells, place, reader)),
    })),
  };
}

function seen(cells: readonly string[], place: number, reader: LineReader): SeenCell {
  const text = cells[place] ?? "";
  const found = reader.cell(cells, place);
  if (!found) return { text, read: null, problem: null };
  if ("problem" in found) return { text, read: null, problem: found.problem };
  return { text, read: found.said === text.trim() ? null : found.said, problem: null };
}
