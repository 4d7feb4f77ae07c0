/**
 * Acts, changesets and what they hold (rulings 8–10). One human or job act has one or several changesets; a changeset
 * is one transaction. The application inserts and reads these tables, triggers fill `change` and `imprint`, and nobody
 * updates them: `history` seals, verifies and shows them.
 */
import { defineEntity, p } from "@mikro-orm/core";
import { bytes, createdAt, lookedUpTable, tenantKey, tenantTable } from "./entity.ts";

/** By which way in the act came (HIS-1). */
export const CHANNELS = [
  "page",
  "api",
  "import",
  "bulk",
  "booking_link",
  "open_link",
  "job",
  "automation",
  "setup",
] as const;
export type Channel = (typeof CHANNELS)[number];

/** Label and reason may name people: they enter the seal by a salted digest, so that erasing them keeps the chain. */
export const ActRow = defineEntity({
  name: "Act",
  tableName: "act",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "subjectType", "subjectId"] },
    { properties: ["tenantId", "actorId", "id"] },
    { properties: ["tenantId", "undoesId"] },
  ],
  properties: {
    ...tenantKey(),
    at: p.datetime(),
    actorId: p.uuid().nullable(),
    onBehalfOfId: p.uuid().nullable(),
    channel: p.enum(CHANNELS),
    code: p.text(),
    subjectType: p.text().nullable(),
    subjectId: p.uuid().nullable(),
    label: p.text().nullable(),
    reason: p.text().nullable(),
    salt: p.uuid().nullable(),
    digest: bytes(),
    requestId: p.text().nullable(),
    clientAt: p.datetime().nullable(),
    undoesId: p.uuid().nullable(),
    // By the database clock, beside `at`, which the process gives: a skewed process shows.
    ...createdAt(),
  },
});

export const ChangesetRow = defineEntity({
  name: "Changeset",
  tableName: "changeset",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "act"] },
    {
      // Those since a moment, for what is told as it then stood: of rows written in the order of time, it costs nothing to keep.
      name: "changeset_created_at",
      expression: 'create index "changeset_created_at" on "changeset" using brin ("created_at")',
    },
  ],
  properties: {
    ...tenantKey(),
    act: () =>
      p
        .manyToOne(ActRow)
        .joinColumns("tenant_id", "act_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        // The first write of the transaction makes the changeset, its end makes the act.
        .deferMode("deferred"),
    ...createdAt(),
  },
});

const ofChangeset = () =>
  p
    .manyToOne(ChangesetRow)
    .joinColumns("tenant_id", "changeset_id")
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action");

export const ChangeRow = defineEntity({
  name: "Change",
  tableName: "change",
  ...tenantTable,
  // Each costs a bulk act a tenth of its time: what a row is the subject of is found by the row, and its parts apart.
  indexes: [
    { properties: ["tenantId", "rowId"] },
    {
      name: "change_of_parts_index",
      expression:
        'create index "change_of_parts_index" on "change" ("tenant_id", "subject_id") where row_id <> subject_id',
    },
  ],
  properties: {
    tenantId: p.uuid().primary(),
    // No foreign key: the trigger that writes these rows makes their changeset, and a check per row would double a bulk act.
    changesetId: p.uuid().primary(),
    ordinal: p.bigint("number").primary().autoincrement(false).generated("identity"),
    tableName: p.text(),
    rowId: p.uuid(),
    subjectType: p.text(),
    subjectId: p.uuid(),
    operation: p.enum(["create", "update", "delete", "restore"] as const),
    title: p.text().nullable(),
    before: p.json<Record<string, unknown>>().columnType("jsonb").nullable(),
    after: p.json<Record<string, unknown>>().columnType("jsonb").nullable(),
    salt: p.uuid().nullable(),
    digest: bytes(),
  },
});

/** SQL: the campaign an event is about, as a text. */
export const EVENT_CAMPAIGN =
  "coalesce(payload ->> 'campaign', payload ->> 'scope', case when subject_type = 'campaign' then subject_id::text end)";

export const EventRow = defineEntity({
  name: "Event",
  tableName: "event",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "changeset"] },
    {
      // The activity of a campaign is read from the last of them (ACT-1); an import says its campaign as its scope.
      name: "event_of_campaign",
      expression: `create index "event_of_campaign" on "event" ("tenant_id", (${EVENT_CAMPAIGN}), "id") where ${EVENT_CAMPAIGN} is not null`,
    },
  ],
  properties: {
    ...tenantKey(),
    changeset: () => ofChangeset(),
    name: p.text(),
    subjectType: p.text(),
    subjectId: p.uuid(),
    payload: p.json<Record<string, unknown>>().columnType("jsonb"),
  },
});

/** The digest of a changeset's content, written by a deferred trigger in the changeset's own transaction. */
export const ImprintRow = defineEntity({
  name: "Imprint",
  tableName: "imprint",
  ...tenantTable,
  properties: { ...tenantKey(), digest: bytes(), changes: p.integer(), ...createdAt() },
});

/** The changesets that wait for their seal, in order of commit; the sealer empties it. */
export const UnsealedRow = defineEntity({
  name: "Unsealed",
  tableName: "unsealed",
  ...lookedUpTable,
  properties: { ...tenantKey(), position: p.bigint("number").generated("identity") },
});

/** Keys of requests already carried out (GEN-6). */
export const IdempotencyRow = defineEntity({
  name: "IdempotencyKey",
  tableName: "idempotency_key",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "createdAt"] }],
  properties: {
    ...tenantKey(),
    userId: p.uuid().nullable(),
    route: p.text(),
    digest: bytes(),
    status: p.integer().nullable(),
    location: p.text().nullable(),
    ...createdAt(),
  },
});

export const changesetEntities = [ActRow, ChangesetRow, ChangeRow, EventRow, ImprintRow, UnsealedRow, IdempotencyRow];
