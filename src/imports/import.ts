import { defineEntity, p } from "@mikro-orm/core";
import { bytes, createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import type { FoundEncoding } from "../platform/sheets/encoding.ts";
import type { Mapping } from "../platform/sheets/profile.ts";
import type { Survey, TableShape } from "../platform/sheets/table.ts";
import type { Taste } from "./tastes.ts";

export const IMPORT_STATES = ["analysed", "checked", "waiting", "running", "completed", "cancelled", "failed"] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export interface ImportOptions {
  mode: "both" | "create" | "update";
  /** What an empty cell does to the stored value [IMP-23]. */
  empty: "keep" | "clear";
  /** Lines in error: the others are imported, or none is [IMP-30]. */
  errors: "valid" | "none";
  /** Share of lines in error, per cent, beyond which it stops by itself. */
  threshold: number;
  /** What becomes of rows the file does not hold: "keep", or a choice of the profile [IMP-24]. */
  missing: string;
  /** Its end is written to its author too [IMP-33]. */
  mails?: boolean;
}

export const OPTIONS: ImportOptions = { mode: "both", empty: "keep", errors: "valid", threshold: 50, missing: "keep" };

export interface Counts {
  read: number;
  create: number;
  update: number;
  unchanged: number;
  /** Known when it should be new, or the other way round [IMP-21]. */
  ignored: number;
  error: number;
  /** Cells that change. */
  cells: number;
  /** Rows the file does not hold that the choice for them touches [IMP-24]. */
  missing: number;
}

export const NO_COUNTS: Counts = {
  read: 0,
  create: 0,
  update: 0,
  unchanged: 0,
  ignored: 0,
  error: 0,
  cells: 0,
  missing: 0,
};

const schema = defineEntity({
  name: "Import",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "kind", "scopeId"] },
    {
      name: "import_one_runs",
      expression: `create unique index "import_one_runs" on "import" ("tenant_id", "kind", coalesce("scope_id", "tenant_id")) where "state" = 'running'`,
    },
  ],
  properties: {
    ...tenantKey(),
    kind: p.text(),
    scopeId: p.uuid().nullable(),
    // Null once the file has left: thirty days later [IMP-3].
    fileId: p.uuid().nullable(),
    fileName: p.text(),
    sha256: bytes(),
    authorId: p.uuid(),
    state: p.enum(IMPORT_STATES).default("analysed"),
    shape: p.json<TableShape>().columnType("jsonb"),
    headerLine: p.integer().default(1),
    survey: p
      .json<
        Survey & {
          suspects?: string[];
          tastes?: Taste[];
          /** What its bytes told, whatever was chosen since [IMP-5]. */
          found?: Pick<FoundEncoding, "encoding" | "confidence">;
        }
      >()
      .columnType("jsonb"),
    mapping: p.json<Mapping>().columnType("jsonb"),
    options: p.json<ImportOptions>().columnType("jsonb"),
    counts: p.json<Counts>().columnType("jsonb").nullable(),
    /** What its check was made on: otherwise since, it is made again before the run [IMP-31]. */
    basis: p.text().nullable(),
    /** What the check before this one found, when the state of the place alone made another of it. */
    earlier: p.json<Counts>().columnType("jsonb").nullable(),
    /** Lines behind, and the number of the last of them: where a run taken up again begins [IMP-35]. */
    done: p.integer().default(0),
    doneLine: p.integer().default(0),
    actId: p.uuid().nullable(),
    cancelAskedAt: p.datetime().nullable(),
    startedAt: p.datetime().nullable(),
    finishedAt: p.datetime().nullable(),
    failure: p.text().nullable(),
    /** What its check noticed, as the profile counts it [CAM-21]. */
    notices: p.json<Record<string, number>>().columnType("jsonb").defaultRaw("'{}'::jsonb"),
    ...createdAt(),
    ...versioned(),
  },
});

/** One file of rows, from its upload to what came of it. */
export class Import extends schema.class {
  isOver() {
    return this.state === "completed" || this.state === "cancelled" || this.state === "failed";
  }
  /** Ninety days later, only its counts are left [IMP-39]. */
  isForgotten() {
    return this.fileName === "";
  }
  isUnderWay() {
    return this.state === "running" || this.state === "waiting";
  }
}
schema.setClass(Import);
export const ImportSchema = schema;

const ofImport = () =>
  p
    .manyToOne(Import)
    .joinColumns("tenant_id", "import_id")
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action");

/** One thing wrong with one line [IMP-29]. */
export const ImportErrorSchema = defineEntity({
  name: "ImportError",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "import", "line"] }],
  properties: {
    ...tenantKey(),
    import: ofImport,
    line: p.integer(),
    columnName: p.text().nullable(),
    value: p.text(),
    reason: p.text(),
    /** What it has in common with others of its column. */
    cause: p.text(),
    /** The whole line as the file has it, with the first of its errors [IMP-39]. */
    cells: p.json<string[]>().columnType("jsonb").nullable(),
  },
});

/** What came of one line: unique, so that none is applied twice [IMP-35]. */
export const ImportLineSchema = defineEntity({
  name: "ImportLine",
  ...tenantTable,
  properties: {
    tenantId: p.uuid().primary(),
    // No foreign key: a check for each of a hundred thousand lines.
    importId: p.uuid().primary(),
    line: p.integer().primary().autoincrement(false),
    rowId: p.uuid().nullable(),
    outcome: p.text(),
    name: p.text().nullable(),
    changes: p.json<Record<string, [unknown, unknown]>>().columnType("jsonb").nullable(),
    /** Values that mean something only once all lines are read [IMP-47]. */
    settled: p.json<Record<string, unknown>>().columnType("jsonb").nullable(),
  },
});

/** How columns of these names were mapped, under each name given to it and without one [IMP-19]. */
export const ImportMappingSchema = defineEntity({
  name: "ImportMapping",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "kind", "signature", "name"] }],
  properties: {
    ...tenantKey(),
    kind: p.text(),
    signature: p.text(),
    name: p.text().default(""),
    mapping: p.json<Record<string, unknown>>().columnType("jsonb"),
    options: p.json<ImportOptions>().columnType("jsonb"),
    usedAt: p.datetime(),
  },
});
