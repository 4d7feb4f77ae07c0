import { withoutGuard } from "../platform/sheets/csv.ts";
import { damaged, isDamaged } from "../platform/sheets/damaged.ts";
import type { ColumnReading, ImportAnswer, ImportTarget, ImportValue, Mapping } from "../platform/sheets/profile.ts";
import { FAULTS, type TableRow } from "../platform/sheets/source.ts";
import type { ImportOptions } from "./import.ts";

/** A line whose values could be read: null clears, absent keeps [IMP-23]. */
export interface ReadLine {
  line: number;
  /** What says which row it is about; null without a key. */
  key: string | null;
  values: Record<string, ImportValue | null>;
  /** It is not to be written, and says all the same that its row is in the file [IMP-24]. */
  isWrong?: true;
}

export interface LineError {
  line: number;
  /** Name of the column in the file. */
  column: string | null;
  value: string;
  reason: string;
}

/** Clears the stored value whatever the choice for empty cells [IMP-23]. */
const CLEARED = "#VIDE";
const OUTER = /^(?:\s|\u200b|\u200c|\u200d|\u2060)+|(?:\s|\u200b|\u200c|\u200d|\u2060)+$/g;
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

/** Normalised, and without the spaces around it, of any width [IMP-13]. */
const tidied = (text: string): string => (PLAIN.test(text) ? text : text.normalize("NFC").replace(OUTER, ""));

/** Between the parts of a key: what no keyboard types. */
export const KEY_BETWEEN = "\u001f";

/** As the database compares keys: without case or accents [IMP-20]. */
const foldedKey = (key: string): string =>
  PLAIN.test(key) ? key.toLowerCase() : key.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

interface Column {
  place: number;
  /** Place of the column read with it; -1 without one. */
  beside: number;
  name: string;
  target: ImportTarget;
  read: ReturnType<ImportTarget["reader"]>;
}

/**
 * Reads lines as a mapping says, each with its values or all that is wrong with it. A key met before marks the line,
 * naming the first [IMP-22].
 */
export class LineReader {
  readonly #columns: Column[];
  readonly #names: readonly string[];
  readonly #key: string[];
  readonly #clears: boolean;
  readonly #isText: boolean;
  readonly #derive: (values: ReadLine["values"]) => ReadLine["values"];
  readonly #firstLines = new Map<string, number>();
  /** Lines that first gave each value of what is unique (FLD-3); of a key of its own, the key tells. */
  readonly #firstValues = new Map<string, number>();

  constructor({
    mapping,
    options,
    columns,
    targets,
    isText,
    derive = (values) => values,
  }: {
    mapping: Mapping;
    options: Pick<ImportOptions, "empty">;
    columns: readonly string[];
    targets: readonly ImportTarget[];
    /** Of a text, whose exports guard formulas by an apostrophe [EXP-7]. */
    isText: boolean;
    /** Adds to the values of a line those that follow from them. */
    derive?: (values: ReadLine["values"]) => ReadLine["values"];
  }) {
    this.#names = columns;
    this.#key = mapping.key;
    this.#clears = options.empty === "clear";
    this.#isText = isText;
    this.#derive = derive;
    this.#columns = mapping.columns.flatMap((chosen, place): Column[] => {
      const target = chosen && targets.find(({ code }) => code === chosen.code);
      if (!chosen || !target || targets.some(({ beside }) => beside === target.code)) return [];
      const reading: ColumnReading = chosen;
      const beside = mapping.columns.findIndex((other) => other && other.code === target.beside);
      return [{ place, beside, name: columns[place] ?? `Colonne ${place + 1}`, target, read: target.reader(reading) }];
    });
  }

  #firstWith(code: string, value: ImportValue, line: number): number {
    if (this.#key.length === 1 && this.#key[0] === code) return line;
    const said = `${code}${KEY_BETWEEN}${value}`;
    const first = this.#firstValues.get(said);
    if (first === undefined) this.#firstValues.set(said, line);
    return first ?? line;
  }

  /** The text of a cell, ready to be read. */
  #textAt(cells: readonly string[], place: number): string {
    const said = cells[place] ?? "";
    return tidied(this.#isText ? withoutGuard(said) : said);
  }

  /** The text of the cell read with another; one that clears says nothing. */
  #besideAt(cells: readonly string[], place: number): string {
    const text = place === -1 ? "" : this.#textAt(cells, place);
    return text === CLEARED ? "" : text;
  }

  /** What one cell says, as people read it, or why it says nothing; null where it is empty or its column goes nowhere. */
  cell(cells: readonly string[], place: number): { said: string } | { problem: string } | null {
    const column = this.#columns.find((one) => one.place === place);
    const text = this.#textAt(cells, place);
    if (!column || text === "" || text === CLEARED) return null;
    const { target, read, beside } = column;
    const found = answerOf(target, read, text, this.#besideAt(cells, beside));
    if ("problem" in found) return found;
    return { said: target.show ? target.show(found.value) : String(found.value) };
  }

  /** What a line says, or all that is wrong with it; a wrong one whose key can be read says it too. */
  read({
    line,
    cells,
    faults,
  }: TableRow): { read: ReadLine; errors?: undefined } | { errors: LineError[]; read: ReadLine | null } {
    const errors: LineError[] = [];
    const wrong = new Set<number>();
    for (const { column, value, cause } of faults ?? []) {
      // A column left out may hold anything.
      if (column !== null && !this.#columns.some(({ place, beside }) => place === column || beside === column))
        continue;
      if (column !== null) wrong.add(column);
      errors.push({
        line,
        column: column === null ? null : (this.#names[column] ?? null),
        value,
        reason: sentence(FAULTS[cause]),
      });
    }
    const values: ReadLine["values"] = {};
    for (const { place, beside, name, target, read } of this.#columns) {
      if (wrong.has(place) || wrong.has(beside)) continue;
      const said = cells[place] ?? "";
      const text = this.#textAt(cells, place);
      const other = this.#besideAt(cells, beside);
      if ((text === "" && other === "") || text === CLEARED) {
        if (text === "" && !this.#clears) continue;
        if (target.isRequired)
          errors.push({ line, column: name, value: said, reason: `${target.label} est obligatoire.` });
        else values[target.code] = emptyOf(target);
        continue;
      }
      const found = answerOf(target, read, text, other);
      if ("problem" in found) errors.push({ line, column: name, value: said, reason: found.problem });
      else {
        values[target.code] = found.value;
        const first = target.isUnique ? this.#firstWith(target.code, found.value, line) : line;
        if (first !== line) {
          const reason = `Cette valeur est déjà à la ligne ${first}, et «\u00a0${target.label}\u00a0» est unique.`;
          errors.push({ line, column: name, value: said, reason });
        }
      }
    }
    const key = this.#keyOf(values);
    if (key !== null) {
      const compared = foldedKey(key);
      const first = this.#firstLines.get(compared);
      if (first === undefined) this.#firstLines.set(compared, line);
      else
        errors.push({
          line,
          column: this.#keyName(),
          value: this.#keyText(values),
          reason: `Cette clé est déjà à la ligne ${first}.`,
        });
    } else if (this.#key.length > 0 && errors.length === 0) {
      errors.push({
        line,
        column: this.#keyName(),
        value: "",
        reason: "La clé est vide\u00a0: elle dit de quelle ligne il s’agit.",
      });
    }
    if (errors.length > 0) return { errors, read: key === null ? null : { line, key, values: {}, isWrong: true } };
    return { read: { line, key, values: this.#derive(values) } };
  }

  /** Null when there is none, or a part of it is missing. */
  #keyOf(values: ReadLine["values"]): string | null {
    if (this.#key.length === 0) return null;
    const parts = this.#key.map((code) => values[code]);
    return parts.some((part) => part === null || part === undefined) ? null : parts.join(KEY_BETWEEN);
  }

  #keyText = (values: ReadLine["values"]): string => this.#key.map((code) => values[code]).join(", ");

  #keyName = (): string | null => this.#columns.find(({ target }) => target.code === this.#key[0])?.name ?? null;
}

/** What a spreadsheet damaged is refused wherever it goes [IMP-17]. */
const answerOf = (target: ImportTarget, read: Column["read"], text: string, beside: string): ImportAnswer =>
  !target.tellsDamage && isDamaged(text) ? damaged(text) : read(text, beside);

const emptyOf = ({ store }: ImportTarget): ImportValue | null =>
  store && "column" in store ? (store.empty ?? null) : null;

const sentence = (text: string): string => `${text.charAt(0).toLocaleUpperCase("fr")}${text.slice(1)}.`;

/** As COPY reads a line of the staging table. */
export function copyLine({ line, key, values, isWrong }: ReadLine): string {
  return `${line}\t${key === null ? "\\N" : escaped(key)}\t${escaped(JSON.stringify(values))}\t${isWrong ? "t" : "f"}\n`;
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escaped = (text: string): string =>
  /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (sign) => ESCAPES[sign]!) : text;
