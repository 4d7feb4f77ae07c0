import type { Reads } from "../storage/archive.ts";

/** A file of rows wherever it is kept: its bytes by range, and how many there are. */
export interface SheetSource {
  reads: Reads;
  size: number;
}

/** What one line may come to before it is no table any more (IMP-1). */
export const MOST_LINES = 100_000;
export const MOST_BYTES = 50_000_000;
export const MOST_COLUMNS = 200;
export const LONGEST_CELL = 10_000;
/** Lines among which the one that names the columns is chosen [IMP-8]. */
export const HEADER_LINES = 20;

/** Why a cell, or a whole line when `column` is null, cannot be read. */
export interface Fault {
  /** Place of the column in the file, from 0. */
  column: number | null;
  /** As it stands in the file, cut when it is long. */
  value: string;
  /** What groups faults that are mended the same way. */
  cause: FaultCause;
}

export const FAULTS = {
  byte: "caractère illisible dans cet encodage",
  too_long: "plus de 10\u202f000 caractères dans une case",
  extra: "plus de cases que de colonnes\u00a0: entourez de guillemets ce qui contient le séparateur",
  spreadsheet_error: "la cellule contient une erreur du tableur",
  no_result: "la formule n’a pas de résultat enregistré",
  lost_digits: "chiffres perdus par le tableur",
  day_60: "le 29 février 1900 n’existe pas",
} as const;
export type FaultCause = keyof typeof FAULTS;

/** One line of a table, with its number as a text editor or a spreadsheet counts it. */
export interface TableRow {
  line: number;
  cells: string[];
  /** Cells beyond the columns, when one of them holds something [IMP-9]. */
  extra?: string[];
  faults?: Fault[];
  /** The spreadsheet does not show it [IMP-10]. */
  isHidden?: true;
}

export function addFault(row: TableRow, fault: Fault): void {
  row.faults ??= [];
  row.faults.push(fault);
}

/** What is kept of a text too long to be shown whole. */
const SHOWN = 200;
export const shown = (text: string): string => {
  const clean = text.replaceAll("\0", "␀");
  return clean.length > SHOWN ? `${clean.slice(0, SHOWN)}…` : clean;
};

const BLANK = /^(?:\s|\u200b|\u200c|\u200d|\u2060)*$/;
/** Nothing in it but spaces, of any width [IMP-9, IMP-13]. */
export const isBlank = (cell: string): boolean => cell === "" || BLANK.test(cell);
