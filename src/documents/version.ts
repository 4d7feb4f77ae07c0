import { defineEntity, p } from "@mikro-orm/core";
import { createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import { Document } from "./document.ts";

const schema = defineEntity({
  name: "DocumentVersion",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "document", "number"] }, { properties: ["tenantId", "fileId"] }],
  properties: {
    ...tenantKey(),
    document: () =>
      p
        .manyToOne(Document)
        .joinColumns("tenant_id", "document_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    number: p.integer(),
    // No foreign key: history may bring back a version whose file has left since, and its undo says so.
    fileId: p.uuid(),
    ...createdAt(),
  },
});

/** One file a document has had, numbered from one; it never changes (DOC-5). */
export class DocumentVersion extends schema.class {}
schema.setClass(DocumentVersion);
export const DocumentVersionSchema = schema;
