import type { EntityManager } from "@mikro-orm/postgresql";
import type { RawBuilder, SqlBool } from "kysely";

/** A value as a row stores it: JSON, a date being its text. */
export type ImportValue = string | number | boolean | string[];

/** Choices a column leaves to whoever imports [IMP-14, IMP-16, IMP-17]. */
export interface ColumnReading {
  isMonthFirst?: boolean;
  decimalSign?: "," | ".";
  separator?: "|" | ",";
}

/** Where the values of one column of a file may go. */
export interface ImportTarget {
  code: string;
  /** French, as the screens name it. */
  label: string;
  /** Other names people give such a column, for suggestions. */
  aliases?: readonly string[];
  hint?: string;
  /** A new row cannot do without. */
  isRequired?: boolean;
  /** May be part of the key [IMP-20]. */
  mayBeKey?: boolean;
  /** A column of the table with its SQL type, or an entry of a JSONB column, under the code. */
  store: { column: string; type: string } | { json: string };
  /** Compiled once a column, called a hundred thousand times: never with an empty text. */
  reader(reading: ColumnReading): (text: string) => { value: ImportValue } | { problem: string };
}

/** For whom and into what an import is made. */
export interface ImportAbout {
  tenantId: string;
  /** The object it hangs from; null when it is the organisation itself. */
  scopeId: string | null;
  author: { id: string };
  importId: string;
  now: Date;
}

/** What people may bring in by a file of rows: declared by the module that owns the table, carried out by the engine. */
export interface ImportProfile {
  /** A word of addresses: "annuaire". */
  kind: string;
  /** "Importer des personnes". */
  title: string;
  /** "personne", "personnes". */
  noun: readonly [one: string, many: string];
  right: string;
  table: string;
  /** SQL over `t`, a row of the table: how it is named to people. */
  named: string;
  /** What must be read before the readers are made: names of departments, fields of the campaign. */
  targets(em: EntityManager, about: ImportAbout): Promise<ImportTarget[]>;
  /** Codes proposed as the key. */
  key: readonly string[];
  /** The rows, `t`, that lines may match. */
  within(about: ImportAbout): RawBuilder<SqlBool>;
  /** Columns of a new row besides those of the file, over `s."values"`. */
  created(about: ImportAbout): Record<string, RawBuilder<unknown>>;
  /** Columns a changed row takes besides, over `t`. */
  touched?(about: ImportAbout): Record<string, RawBuilder<unknown>>;
  /** What a line cannot do to a row: SQL over `s`, the line, and `t`, the row it matches or nulls [IMP-25]. */
  rules?(about: ImportAbout): { when: RawBuilder<SqlBool>; column: string; why: string }[];
  /** In the transaction of each part, once its rows are written. */
  after?(em: EntityManager, about: ImportAbout): Promise<void>;
  /** Where the rows go, as this person may see it, with the page that shows them; null when there is no such place for them. */
  place(
    em: EntityManager,
    user: { id: string; roles: readonly string[] },
    scopeId: string | null,
  ): Promise<{ label: string; path: string } | null>;
}
