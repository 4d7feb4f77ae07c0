import { withoutGuard } from "../platform/sheets/csv.ts";
import { damaged, isDamaged } from "../platform/sheets/damaged.ts";
import type {
  ColumnReading,
  ImportAnswer,
  ImportTarget,
  ImportValue,
  Mapping,
  OpenImport,
} from "../platform/sheets/profile.ts";
import { FAULTS, type TableRow } from "../platform/sheets/source.ts";
import type { ImportOptions } from "./import.ts";

/** A line whose values could be read: null clears, absent keeps [IMP-23]. */
export interface ReadLine {
  line: number;
  /** What says which row it is about; null without a key. */
  key: string | null;
  values: Record<string, ImportValue | null>;
  /** As the file has them, those beyond its columns at the end. */
  cells: readonly string[];
  /** Codes it could not give: not written, it says all the same that its row is in the file, and is judged by the rest [IMP-24, IMP-29]. */
  unread?: readonly string[];
}

export interface LineError {
  line: number;
  /** Name of the column in the file. */
  column: string | null;
  value: string;
  reason: string;
  /** What is wrong whatever the value; by default the reason without it [IMP-29]. */
  cause?: string;
}

/** Clears the stored value whatever the choice for empty cells [IMP-23]. */
const CLEARED = "#VIDE";
const OUTER = /^(?:\s|\u200b|\u200c|\u200d|\u2060)+|(?:\s|\u200b|\u200c|\u200d|\u2060)+$/g;
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

/** Normalised, and without the spaces around it, of any width [IMP-13]. */
const tidied = (text: string): string => (PLAIN.test(text) ? text : text.normalize("NFC").replace(OUTER, ""));

/** Between the parts of a key: what no keyboard types. */
export const KEY_BETWEEN = "\u001f";

/** As the database compares keys: without case or accents, letter by letter [IMP-20]. */
export const foldedKey = (key: string, folding: ReadonlyMap<string, string>): string =>
  PLAIN.test(key) ? key.toLowerCase() : Array.from(key, (sign) => folding.get(sign) ?? sign.toLowerCase()).join("");

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
  readonly #identity: OpenImport["identity"];
  readonly #derive: (values: ReadLine["values"]) => ReadLine["values"];
  readonly #folding: ReadonlyMap<string, string>;
  readonly #firstLines = new Map<string, number>();
  /** Columns no two lines of which give the same (FLD-3); of a key of its own, the key tells. */
  readonly #uniques: Column[];
  readonly #firstValues = new Map<string, number>();
  readonly #firstNames = new Map<number, string>();
  readonly #nameOf: ((values: ReadLine["values"]) => string) | undefined;

  constructor({
    mapping,
    options,
    columns,
    targets,
    isText,
    derive = (values) => values,
    nameOf,
    identity,
    folding = new Map(),
  }: {
    mapping: Mapping;
    options: Pick<ImportOptions, "empty">;
    columns: readonly string[];
    targets: readonly ImportTarget[];
    /** Of a text, whose exports guard formulas by an apostrophe [EXP-7]. */
    isText: boolean;
    /** Adds to the values of a line those that follow from them. */
    derive?: (values: ReadLine["values"]) => ReadLine["values"];
    /** Who or what a line is about, in words. */
    nameOf?: (values: ReadLine["values"]) => string;
    /** How its row is recognised, in place of the columns of the key. */
    identity?: OpenImport["identity"];
    /** How the database compares letters beyond ASCII, where keys are compared. */
    folding?: ReadonlyMap<string, string>;
  }) {
    this.#names = columns;
    this.#key = mapping.key;
    this.#clears = options.empty === "clear";
    this.#isText = isText;
    this.#derive = derive;
    this.#nameOf = nameOf;
    this.#identity = identity;
    this.#folding = folding;
    this.#columns = mapping.columns.flatMap((chosen, place): Column[] => {
      const target = chosen && targets.find(({ code }) => code === chosen.code);
      if (!chosen || !target || targets.some(({ beside }) => beside === target.code)) return [];
      const reading: ColumnReading = chosen;
      const beside = mapping.columns.findIndex((other) => other && other.code === target.beside);
      return [{ place, beside, name: columns[place] ?? `Colonne ${place + 1}`, target, read: target.reader(reading) }];
    });
    const isKey = (code: string) => !identity && mapping.key.length === 1 && mapping.key[0] === code;
    this.#uniques = this.#columns.filter(({ target }) => target.isUnique && !isKey(target.code));
  }

  /** What is wrong with values that only one line may give, each naming who gave it first (FLD-3). */
  #shared(line: number, cells: readonly string[], values: ReadLine["values"]): LineError[] {
    return this.#uniques.flatMap(({ place, name, target: { code, label } }) => {
      const value = values[code];
      if (value === undefined || value === null) return [];
      const said = `${code}${KEY_BETWEEN}${value}`;
      const first = this.#firstValues.get(said);
      if (first === undefined) {
        this.#firstValues.set(said, line);
        if (this.#nameOf) this.#firstNames.set(line, this.#nameOf(values));
        return [];
      }
      const named = this.#firstNames.get(first);
      const who = named ? `, ${named}` : "";
      const reason = `Cette valeur est déjà à la ligne ${first}${who}, et «\u00a0${label}\u00a0» est unique.`;
      const cause = `Cette valeur est déjà plus haut dans le fichier, et «\u00a0${label}\u00a0» est unique.`;
      return { line, column: name, value: cells[place] ?? "", reason, cause };
    });
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

  /** What a line says, with all that is wrong with it. */
  read({ line, cells, extra, faults }: TableRow): { read: ReadLine; errors?: LineError[] } {
    const errors: LineError[] = [];
    const unread = new Set<string>();
    for (const { column, value, cause } of faults ?? []) {
      const of = this.#columns.filter(({ place, beside }) => column === null || place === column || beside === column);
      // A column left out may hold anything.
      if (of.length === 0) continue;
      for (const { target } of of) unread.add(target.code);
      errors.push({
        line,
        column: column === null ? null : (this.#names[column] ?? null),
        value,
        reason: sentence(FAULTS[cause]),
      });
    }
    const values: ReadLine["values"] = {};
    for (const { place, beside, name, target, read } of this.#columns) {
      if (unread.has(target.code)) continue;
      const said = cells[place] ?? "";
      const text = this.#textAt(cells, place);
      const other = this.#besideAt(cells, beside);
      if ((text === "" && other === "") || text === CLEARED) {
        if (text === "" && !this.#clears) continue;
        if (target.isRequired) {
          unread.add(target.code);
          errors.push({ line, column: name, value: said, reason: `${target.label} est obligatoire.` });
        } else values[target.code] = emptyOf(target);
        continue;
      }
      const found = answerOf(target, read, text, other);
      if ("problem" in found) {
        unread.add(target.code);
        errors.push({ line, column: name, value: said, reason: found.problem });
      } else values[target.code] = found.value;
    }
    if (this.#uniques.length > 0) errors.push(...this.#shared(line, cells, values));
    const key = this.#keyOf(values);
    if (key !== null) {
      const compared = foldedKey(key, this.#folding);
      const first = this.#firstLines.get(compared);
      if (first === undefined) this.#firstLines.set(compared, line);
      else errors.push({ ...this.#wrongKey(line, cells), reason: this.#repeated(first) });
    } else if (this.#key.length > 0 && !this.#key.some((code) => unread.has(code))) {
      const reason = this.#identity?.missing ?? "La clé est vide\u00a0: elle dit de quelle ligne il s’agit.";
      errors.push({ ...this.#wrongKey(line, cells), reason });
    }
    if (errors.length > 0)
      return { errors, read: { line, key, values, cells: extra ? [...cells, ...extra] : cells, unread: [...unread] } };
    return { read: { line, key, values: this.#derive(values), cells } };
  }

  #repeated(first: number): string {
    return `${this.#identity?.twice ?? "Cette clé est déjà"} à la ligne ${first}.`;
  }

  /** Null when there is none, or a part of it is missing. */
  #keyOf(values: ReadLine["values"]): string | null {
    if (this.#key.length === 0) return null;
    if (this.#identity) return this.#identity.of(values);
    const parts = this.#key.map((code) => values[code]);
    return parts.some((part) => part === null || part === undefined) ? null : parts.join(KEY_BETWEEN);
  }

  #wrongKey(line: number, cells: readonly string[]): Omit<LineError, "reason"> {
    const parts = this.#key.flatMap((code) => this.#columns.find(({ target }) => target.code === code) ?? []);
    return { line, column: parts[0]?.name ?? null, value: parts.map(({ place }) => cells[place] ?? "").join(", ") };
  }
}

/** What a spreadsheet damaged is refused wherever it goes [IMP-17]. */
const answerOf = (target: ImportTarget, read: Column["read"], text: string, beside: string): ImportAnswer =>
  !target.tellsDamage && isDamaged(text) ? damaged(text) : read(text, beside);

const emptyOf = ({ store }: ImportTarget): ImportValue | null =>
  store && "column" in store ? (store.empty ?? null) : null;

const sentence = (text: string): string => `${text.charAt(0).toLocaleUpperCase("fr")}${text.slice(1)}.`;

/** As COPY reads a line of the staging table. */
export function copyLine({ line, key, values, unread }: ReadLine): string {
  return `${line}\t${key === null ? "\\N" : escaped(key)}\t${escaped(JSON.stringify(values))}\t${unread ? escaped(JSON.stringify(unread)) : "\\N"}\n`;
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escaped = (text: string): string =>
  /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (sign) => ESCAPES[sign]!) : text;
