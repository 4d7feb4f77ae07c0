import { RuleBroken } from "../errors.ts";
import { dateText, padded, plainNumber } from "./number-format.ts";
import {
  addFault,
  type FaultCause,
  LONGEST_CELL,
  MOST_COLUMNS,
  type SheetSource,
  shown,
  type TableRow,
} from "./source.ts";
import {
  type Attributes,
  DAMAGED,
  openWorkbook,
  partParser,
  partText,
  textReader,
  unescaped,
  type Workbook,
} from "./workbook.ts";

/** Which sheet of a workbook is to be read. */
export interface WorkbookShape {
  kind: "workbook";
  sheet: string;
}

/** Digits a spreadsheet keeps; it makes zeros of the ones after. */
const KEPT_DIGITS = 15;
/** From here on, the whole part takes all of them: decimals beside it are made up. Those of a smaller number are rounded as a sheet does. */
const NO_ROOM = 1e14;
/** Rows and columns a sheet may have at all. */
const LAST_ROW = 1_048_576;

/**
 * The rows of one sheet that hold something, in batches of what one piece of the file holds [IMP-10]. `read` tells the
 * characters of the sheet read so far. Throws RuleBroken for what makes the rest unreadable.
 */
export async function* readWorkbookRows(
  source: SheetSource,
  { sheet }: WorkbookShape,
  read: (characters: number) => void = () => {},
): AsyncGenerator<TableRow[]> {
  const book = await openWorkbook(source);
  try {
    const found = book.sheets.find(({ name }) => name === sheet);
    if (!found) throw new RuleBroken("Cette feuille n’est pas dans le classeur. Choisissez-en une autre.", "sheet");
    const merged = await readMerged(book, found.path);
    const reader = new RowReader(book, await book.texts(), merged);
    const parser = partParser(reader);
    let total = 0;
    for await (const text of partText(await book.part(found.path))) {
      parser.write(text);
      total += text.length;
      read(total);
      const rows = reader.taken();
      if (rows.length > 0) yield rows;
    }
    parser.close();
  } finally {
    book.close();
  }
}

/** What is told of a workbook before one of its sheets is chosen: the first that is shown, by default. */
export async function sheetsOf(source: SheetSource): Promise<{ name: string; isHidden: boolean }[]> {
  const book = await openWorkbook(source);
  book.close();
  if (book.sheets.length === 0) throw new RuleBroken("Ce classeur n’a pas de feuille de calcul.");
  return book.sheets.map(({ name, isHidden }) => ({ name, isHidden }));
}

interface Area {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

const AFTER_ROWS = 5_000_000;
const END_OF_ROWS = "sheetData>";

/**
 * Merged areas are told after the rows they are about: what stands there is looked for first, the rows themselves being
 * skipped unread.
 */
async function readMerged({ part }: Workbook, path: string): Promise<Area[]> {
  let [tail, isAfter] = ["", false];
  for await (const text of partText(await part(path))) {
    tail += text;
    if (!isAfter) {
      const end = tail.indexOf(`/${END_OF_ROWS}`);
      const prefixed = end === -1 ? tail.search(/<\/\w+:sheetData>/) : end;
      isAfter = prefixed !== -1;
      tail = isAfter ? tail.slice(prefixed) : tail.slice(-40);
    }
    if (tail.length > AFTER_ROWS) break;
  }
  const areas = [...tail.matchAll(/<(?:\w+:)?mergeCell\s+ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"/g)].map(
    ([, left, top, right, bottom]) => ({
      left: columnOf(left!),
      top: Number(top),
      right: columnOf(right!),
      bottom: Number(bottom),
    }),
  );
  return areas.filter(({ left }) => left < MOST_COLUMNS).toSorted((a, b) => a.top - b.top);
}

/** A is 0, Z is 25, AA is 26. */
function columnOf(reference: string): number {
  let column = 0;
  for (let at = 0; at < reference.length; at++) {
    const code = reference.charCodeAt(at) - 64;
    if (code < 1 || code > 26) break;
    column = column * 26 + code;
  }
  return column - 1;
}

class RowReader {
  #rows: TableRow[] = [];
  #row: TableRow | null = null;
  #line = 0;
  #column = -1;
  #cell: Attributes = {};
  #value = "";
  #hasValue = false;
  #hasFormula = false;
  #isValue = false;
  #isInline = false;
  readonly #inline = textReader((text) => {
    this.#value += text;
  });
  readonly #book: Workbook;
  readonly #texts: string[];
  readonly #merged: Area[];
  #areas: Area[] = [];
  #met = 0;

  constructor(book: Workbook, texts: string[], merged: Area[]) {
    this.#book = book;
    this.#texts = texts;
    this.#merged = merged;
  }

  taken(): TableRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  open = (name: string, attributes: Attributes): void => {
    if (name === "c") {
      this.#column = attributes.r === undefined ? this.#column + 1 : columnOf(attributes.r);
      this.#cell = attributes;
      this.#value = "";
      this.#hasValue = false;
      this.#hasFormula = false;
    } else if (name === "v") {
      this.#isValue = true;
      this.#hasValue = true;
    } else if (name === "f") this.#hasFormula = true;
    else if (name === "is") this.#isInline = true;
    else if (name === "row") {
      this.#line = Number(attributes.r ?? this.#line + 1);
      if (!(this.#line >= 1 && this.#line <= LAST_ROW))
        throw new RuleBroken("Ce classeur a des lignes hors de sa feuille.");
      this.#follow(this.#line);
      this.#row = { line: this.#line, cells: [] };
      if (/^(?:1|true)$/.test(attributes.hidden ?? "")) this.#row.isHidden = true;
      this.#column = -1;
    } else if (this.#isInline) this.#inline.open(name);
  };

  text = (text: string): void => {
    if (this.#isValue) this.#value += text;
    else if (this.#isInline) this.#inline.text(text);
  };

  close = (name: string): void => {
    if (name === "v") this.#isValue = false;
    else if (name === "is") this.#isInline = false;
    else if (name === "c") this.#endCell();
    else if (name === "row") {
      const row = this.#row!;
      this.#row = null;
      if (row.cells.length > 0 || row.faults) this.#rows.push(row);
    } else if (this.#isInline) this.#inline.close(name);
  };

  #endCell(): void {
    const [row, column] = [this.#row, this.#column];
    if (!row || (!this.#hasValue && !this.#hasFormula && this.#value === "")) return;
    if (this.#isHiddenByMerge(row.line, column)) return;
    const text = this.#text(row, column);
    if (text === "") return;
    if (column >= MOST_COLUMNS) throw tooWide();
    while (row.cells.length < column) row.cells.push("");
    row.cells[column] = text;
    if (text.length > LONGEST_CELL) this.#fault(row, column, "too_long", text);
  }

  /** A merged area counts for its first cell; what others still hold is not shown. */
  #isHiddenByMerge(line: number, column: number): boolean {
    return this.#areas.some(
      ({ top, left, right }) => column >= left && column <= right && !(line === top && column === left),
    );
  }

  /** The areas this line goes through, in the order of their first lines. */
  #follow(line: number): void {
    this.#areas = this.#areas.filter(({ bottom }) => bottom >= line);
    for (let next = this.#merged[this.#met]; next && next.top <= line; next = this.#merged[++this.#met]) {
      if (next.bottom >= line) this.#areas.push(next);
    }
    // Areas that do not cross are no more than the columns of a line.
    if (this.#areas.length > MOST_COLUMNS) throw new RuleBroken(DAMAGED);
  }

  #fault(row: TableRow, column: number, cause: FaultCause, value: string): string {
    addFault(row, { column, cause, value: shown(value) });
    return value;
  }

  #text(row: TableRow, column: number): string {
    const value = this.#value;
    const isEmptyText = this.#cell.t === "str" && this.#hasValue;
    if (this.#hasFormula && !isEmptyText && value.trim() === "") return this.#fault(row, column, "no_result", "=");
    switch (this.#cell.t) {
      case "s":
        return this.#texts[Number(value)] ?? "";
      case "str":
      case "inlineStr":
        return unescaped(value).replace(/\r\n?/g, "\n");
      case "b":
        return value.trim() === "1" || value.trim() === "true" ? "VRAI" : "FAUX";
      case "e":
        return this.#fault(row, column, "spreadsheet_error", FRENCH_ERRORS[value.trim()] ?? value.trim());
      case "d":
        return value.trim().replace(/(?:\.0+)?Z?$/, "");
    }
    return this.#number(row, column, value.trim());
  }

  #number(row: TableRow, column: number, value: string): string {
    const number = Number(value);
    if (value === "" || !Number.isFinite(number)) return value;
    const format = this.#book.formats[Number(this.#cell.s ?? 0)] ?? { shows: "number" };
    if (format.shows === "date" || format.shows === "time" || format.shows === "moment") {
      const { is1904 } = this.#book;
      const date = dateText(number, format.shows, is1904);
      if (date !== null) return date;
      return this.#fault(row, column, Math.floor(number) === 60 && !is1904 ? "day_60" : "spreadsheet_error", value);
    }
    const isLost = Number.isInteger(number) ? significantDigits(value) > KEPT_DIGITS : Math.abs(number) >= NO_ROOM;
    if (isLost) return this.#fault(row, column, "lost_digits", plainNumber(number));
    if (Number.isInteger(number) && format.shows === "digits") return padded(number, format.places);
    return shownNumber(number, format.shows);
  }
}

/** As French spreadsheets name them. */
const FRENCH_ERRORS: Record<string, string> = {
  "#VALUE!": "#VALEUR!",
  "#NAME?": "#NOM?",
  "#NUM!": "#NOMBRE!",
  "#NULL!": "#NUL!",
};

export const tooWide = () =>
  new RuleBroken(
    `Le tableau a plus de ${MOST_COLUMNS} colonnes. Gardez celles qui servent, puis envoyez de nouveau le fichier.`,
  );

function significantDigits(value: string): number {
  const [mantissa = "", exponent] = value.toLowerCase().split("e");
  const digits = mantissa.replace(/^[-+]/, "");
  if (exponent === undefined) return digits.replace(".", "").replace(/^0+/, "").length;
  // 1.2345678901234567E+15: the places before the point count, whatever stands in them.
  return Math.max(digits.replace(".", "").length, Math.min(Number(exponent) + 1, 21));
}

/** A decimal comma, as the French sheet shows it, and the digits a spreadsheet keeps. */
function shownNumber(number: number, shows: string): string {
  const kept = Number((shows === "percent" ? number * 100 : number).toPrecision(KEPT_DIGITS));
  const text = plainNumber(kept);
  return shows === "percent" ? `${text} %` : text;
}
