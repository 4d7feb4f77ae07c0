import { withoutGuard } from "../platform/sheets/csv.ts";
import type { ColumnReading, ImportTarget, ImportValue } from "../platform/sheets/profile.ts";
import { FAULTS, type TableRow } from "../platform/sheets/source.ts";
import type { ImportOptions, Mapping } from "./import.ts";

/** A line whose values could be read: null clears, absent keeps [IMP-23]. */
export interface ReadLine {
  line: number;
  /** What says which row it is about; null without a key. */
  key: string | null;
  values: Record<string, ImportValue | null>;
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
  readonly #firstLines = new Map<string, number>();

  constructor({
    mapping,
    options,
    columns,
    targets,
    isText,
  }: {
    mapping: Mapping;
    options: Pick<ImportOptions, "empty">;
    columns: readonly string[];
    targets: readonly ImportTarget[];
    /** Of a text, whose exports guard formulas by an apostrophe [EXP-7]. */
    isText: boolean;
  }) {
    this.#names = columns;
    this.#key = mapping.key;
    this.#clears = options.empty === "clear";
    this.#isText = isText;
    this.#columns = mapping.columns.flatMap((chosen, place): Column[] => {
      const target = chosen && targets.find(({ code }) => code === chosen.code);
      if (!chosen || !target) return [];
      const reading: ColumnReading = chosen;
      return [{ place, name: columns[place] ?? `Colonne ${place + 1}`, target, read: target.reader(reading) }];
    });
  }

  read({ line, cells, faults }: TableRow): { read: ReadLine; errors?: undefined } | { errors: LineError[] } {
    const errors: LineError[] = [];
    const wrong = new Set<number>();
    for (const { column, value, cause } of faults ?? []) {
      // A column left out may hold anything.
      if (column !== null && !this.#columns.some(({ place }) => place === column)) continue;
      if (column !== null) wrong.add(column);
      errors.push({
        line,
        column: column === null ? null : (this.#names[column] ?? null),
        value,
        reason: sentence(FAULTS[cause]),
      });
    }
    const values: ReadLine["values"] = {};
    for (const { place, name, target, read } of this.#columns) {
      if (wrong.has(place)) continue;
      const said = cells[place] ?? "";
      const text = tidied(this.#isText ? withoutGuard(said) : said);
      if (text === "" || text === CLEARED) {
        if (text === "" && !this.#clears) continue;
        if (target.isRequired)
          errors.push({ line, column: name, value: said, reason: `${target.label} est obligatoire.` });
        else values[target.code] = null;
        continue;
      }
      const found = read(text);
      if ("problem" in found) errors.push({ line, column: name, value: said, reason: found.problem });
      else values[target.code] = found.value;
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
    return errors.length > 0 ? { errors } : { read: { line, key, values } };
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

const sentence = (text: string): string => `${text.charAt(0).toLocaleUpperCase("fr")}${text.slice(1)}.`;

/** As COPY reads a line of the staging table. */
export function copyLine({ line, key, values }: ReadLine): string {
  return `${line}\t${key === null ? "\\N" : escaped(key)}\t${escaped(JSON.stringify(values))}\n`;
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escaped = (text: string): string =>
  /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (sign) => ESCAPES[sign]!) : text;
