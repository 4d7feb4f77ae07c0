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

/** A column of the product that the file asks for: made when the import runs, and part of what its undo takes back [IMP-18]. */
export interface FreshColumn {
  label: string;
  type: string;
  /** Of a choice: the values the file holds. */
  choices?: string[];
}

/** Where one column of a file goes. */
export type ChosenColumn = { code: string; fresh?: FreshColumn } & ColumnReading;

/** Where each column goes, or null for a column left out, in the order of the file. */
export interface Mapping {
  columns: (ChosenColumn | null)[];
  /** Codes of the targets that say which row a line is about; none: lines only create [IMP-20]. */
  key: string[];
  /** Code of the one whose value names the rows, where nothing has said it yet [FLD-2]. */
  title?: string;
  /** What somebody calls it, to find it again [IMP-19]. */
  name?: string;
}

/** What a reader gives: a value, or why there is none; what a target holds when it holds nothing stands for an empty text. */
export type ImportAnswer = { value: ImportValue } | { problem: string };

/** Where the values of one column of a file may go. */
export interface ImportTarget {
  code: string;
  /** French, as the screens name it. */
  label: string;
  /** Other names people give such a column, for suggestions. */
  aliases?: readonly string[];
  /** What a template says of the column, after its kind. */
  hint?: string;
  /** Two values as people type them, for templates. */
  samples?: readonly [string, string];
  /** What its cells are in a workbook; a text by default. */
  holds?: "text" | "number" | "date" | "time" | "moment";
  /** Its cells hold several options: what parts them may be chosen [IMP-17]. */
  isSplit?: boolean;
  /** The only texts it takes, for templates. */
  options?: readonly string[];
  /** A new row cannot do without. */
  isRequired?: boolean;
  /** Two lines of a file cannot give the same. */
  isUnique?: boolean;
  /** May be part of the key [IMP-20]. */
  mayBeKey?: boolean;
  /** Its reader says itself what a spreadsheet damaged, or takes numbers so written [IMP-17]. */
  tellsDamage?: boolean;
  /**
   * A column of the table with its SQL type and what it holds when it holds nothing, or an entry of a JSONB column, under
   * the code; what tells the present value, where `created` and `touched` write it; null of what is read with another
   * target, or settled once all lines are read.
   */
  store:
    | { column: string; type: string; empty?: ImportValue }
    | { json: string }
    | { told: RawBuilder<unknown>; type: string }
    | null;
  /** Code of the target whose text is read beside this one: the hour of a day. */
  beside?: string;
  /** SQL over `t`: true of a row whose value no file changes [SEG-3]. */
  keptWhere?: RawBuilder<SqlBool>;
  /** Compiled once a column, called a hundred thousand times: never with an empty text, but for the one beside. */
  reader(reading: ColumnReading): (text: string, beside: string) => ImportAnswer;
  /** A value as people read it; itself by default. */
  show?(value: ImportValue): string;
}

/** For whom and into what an import is made. */
export interface ImportAbout {
  tenantId: string;
  /** The object it hangs from; null when it is the organisation itself. */
  scopeId: string | null;
  author: { id: string };
  importId: string;
  /** What its last check noticed. */
  notices?: Record<string, number>;
  now: Date;
}

/** What SQL of a profile reads of a line: `s`, its "values"; and `t`, the row it is about, or nulls. */
export interface LineRule {
  when: RawBuilder<SqlBool>;
  /** Code of the target it is about. */
  column: string;
  /** French: a sentence, or SQL that tells it. */
  why: string | RawBuilder<string>;
  /** The same for every line, where `why` names a row or a value [IMP-29]; by default `why` without figures nor quotes. */
  cause?: string;
  /** Codes of other targets it cannot be judged without. */
  reads?: readonly string[];
}

/** A line that was, or would be, written, with the values it is settled from. */
export interface SettledLine {
  line: number;
  rowId: string;
  /** Its other values are those of its row. */
  isUnchanged: boolean;
  values: Record<string, ImportValue | null>;
}

/** One thing wrong with one line, about the column of a target. */
export interface LineFault {
  line: number;
  code: string;
  value: string;
  reason: string;
}

/** A profile made ready for one file: what was to be read is read. */
export interface OpenImport {
  targets: ImportTarget[];
  /** Codes proposed as the key; all of them, where `identity` tells it. */
  key: readonly string[];
  /** How a row is recognised where nobody chooses the key: by several targets, the surest first [IMP-50]. */
  identity?: {
    /** What says which row a line is about, of its values; null when none does. */
    of(values: Record<string, ImportValue | null>): string | null;
    /** The same of a row, SQL over `t`. */
    told: RawBuilder<unknown>;
    /** French, for whoever maps the columns. */
    words: string;
    /** What is wrong with a line, or a file, that none of them tells. */
    missing: string;
    /** What is wrong with a line about a row that one before is about: "Cette personne est déjà", then where. */
    twice: string;
  };
  /** Code of the one that names the rows, proposed for the first column of texts when no name fits. */
  main?: string;
  /** Columns that exports of these rows hold and that nothing reads: left out, unless a target has that very name [EXP-7]. */
  unread?: readonly string[];
  /** There is no row yet: which column names them is to be chosen; `kept`, what was chosen before, as people read it [FLD-2]. */
  naming?: { kept: string | null };
  /** What a file may add to the product, where this is open: types of columns, best first, and their codes. */
  fresh?: {
    propose(samples: readonly string[]): { type: string; share: number }[];
    types: readonly { value: string; label: string }[];
    codeOf(label: string, taken: Iterable<string>): string;
  };
  /** What reading a line depends on besides these rows, told so that it differs when that does [IMP-31]. */
  basis?: string;
  /** SQL over `s` and `t`, asked once of each line: what several rules and columns depend on, which read it as `o.once`. */
  once?: RawBuilder<string | null>;
  /** The rows, `t`, that lines may match. */
  within: RawBuilder<SqlBool>;
  /** Columns of a new row, over `s."values"`, besides those of the file or in their place. */
  created: Record<string, RawBuilder<unknown>>;
  /** Columns of a changed row, over `s` and `t`, besides those of the file or in their place. */
  touched?: Record<string, RawBuilder<unknown>>;
  /** What a line cannot do to a row [IMP-25]; all that hold are told. */
  rules?: LineRule[];
  /** Values that follow from those of the line, under the codes of `derived`; called for lines to be written only when `isWritten`. */
  derive?(values: Record<string, ImportValue | null>, isWritten: boolean): Record<string, ImportValue | null>;
  derived?: ImportTarget[];
  /** Who or what a line is about, in words, where a value that two lines give is to name the first [IMP-46]. */
  nameOf?(values: Record<string, ImportValue | null>): string;
  /** First in each transaction that writes, before a row is locked; may throw Conflict, and the run stops there. */
  hold?(em: EntityManager): Promise<void>;
  /** Once, in the first transaction of a run. */
  begin?(em: EntityManager): Promise<void>;
  /** In the transaction of each part, once its lines are judged and before any is written. */
  before?(em: EntityManager): Promise<void>;
  /** In the transaction of each part, once its rows are written. */
  after?(em: EntityManager): Promise<void>;
  /** What can only be known once all lines are read, and the codes it is told from: one column of lines, and the row's own. */
  settled?: {
    codes: readonly string[];
    /**
     * What is wrong with some of these lines, written all the same; the others are settled when `writes`. Gives how many
     * lines that changed nothing else this changes.
     */
    settle(em: EntityManager, lines: SettledLine[], writes: boolean): Promise<{ faults: LineFault[]; changed: number }>;
  };
  /** What may be done to rows the file does not hold, once all lines are written [IMP-24]. */
  missing?: {
    choices: readonly { value: string; label: string; hint?: string }[];
    /** SQL over `t`: the rows this choice would touch, among those missing. */
    touches(choice: string): RawBuilder<SqlBool>;
    /** Touches them; `absent` is SQL over `t`, true of those missing, `present` of those the file holds. */
    apply(
      em: EntityManager,
      choice: string,
      of: { absent: RawBuilder<SqlBool>; present: RawBuilder<SqlBool> },
    ): Promise<void>;
  };
  /** Of a check, after each part, in the one transaction of all. */
  look?(em: EntityManager): Promise<void>;
  /** What the check noticed besides, once all parts are looked at: how many, by a word `tell` knows [CAM-21, IMP-28]. */
  noticed?(em: EntityManager): Promise<Record<string, number>>;
}

/** What of another module hangs on rows that an import touches because its file does not hold them [IMP-48]. */
export interface ImportConcern {
  /** Which import, and which choice for those rows. */
  kind: string;
  choice: string;
  noun: readonly [one: string, many: string];
  /** Those this person may see, the first ones with their page; `rows` is SQL of one column, the ids of the rows. */
  find(
    em: EntityManager,
    user: { id: string; roles: readonly string[] },
    rows: RawBuilder<unknown>,
  ): Promise<{ total: number; first: { label: string; said: string; href: string }[] }>;
}

/** What an import is one step of: its steps in order, the way back to the file, and where its end leads [CAM-12]. */
export interface ImportCourse {
  /** "Préparation de Migration Windows 11". */
  label: string;
  steps: readonly CourseStep[];
  back: { label: string; href: string };
  onward: { label: string; href: string };
}

export interface CourseStep {
  code: string;
  label: string;
  /** Null of one that is not reached yet. */
  href: string | null;
  isDone: boolean;
  isHere: boolean;
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
  /** Its rows are people: whoever takes a file of them has read them (HIS-16). */
  holdsPeople?: true;
  /** Files of fixtures/files for a first try. */
  examples?: readonly { file: string; label: string; hint: string }[];
  table: string;
  /** SQL over `t`, a row of the table: how it is named to people. */
  named: string;
  /** What lines become with this mapping; null before there is one. */
  open(em: EntityManager, about: ImportAbout, mapping: Mapping | null): Promise<OpenImport>;
  /** What a check noticed, as this person may read it, with where to read more of what calls for care. */
  tell?(
    em: EntityManager,
    user: { id: string; roles: readonly string[] },
    notices: Record<string, number>,
  ): Promise<{ text: string; href?: string }[]>;
  /** Throws Conflict where nothing may be written any more [CAM-8]. */
  admit?(em: EntityManager, scopeId: string | null): Promise<void>;
  /**
   * Where the rows go, as this person may see it, with the page that shows them, whether they govern it, and whether they
   * may add columns to it; null when there is no such place for them.
   */
  place(
    em: EntityManager,
    user: { id: string; roles: readonly string[] },
    scopeId: string | null,
  ): Promise<{ label: string; path: string; governs: boolean; mayAddColumns: boolean } | null>;
  /** What this import is a step of, for its pages; null when it stands alone. */
  course?(
    em: EntityManager,
    user: { id: string; roles: readonly string[] },
    scopeId: string | null,
    at: { hasFile: boolean },
  ): Promise<ImportCourse | null>;
}
