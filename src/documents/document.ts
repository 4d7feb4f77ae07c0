import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { StoredFile } from "../platform/storage/file.ts";
import { DocumentVersion } from "./version.ts";

/** What a document is for, in the words of its form (DOC-1). */
export const DOCUMENT_KINDS = [
  { value: "documentation", label: "Documentation", icon: "book" },
  { value: "script", label: "Script", icon: "monitor" },
  { value: "procedure", label: "Procédure", icon: "list-check" },
  { value: "other", label: "Autre", icon: "file-text" },
] as const;

export type DocumentKind = (typeof DOCUMENT_KINDS)[number]["value"];
const KINDS = DOCUMENT_KINDS.map(({ value }) => value);

/** Days a document stays in the trash before it goes for good (DOC-6). */
export const TRASH_DAYS = 30;
export const LONGEST_TITLE = 120;

const schema = defineEntity({
  name: "Document",
  tableName: "document",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "trashedAt"] }],
  properties: {
    ...tenantKey(),
    title: p.text(),
    kind: p.enum(KINDS),
    trashedAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** Something to read or to run, kept for everybody in the organisation, whose file is replaced and never lost (DOC-5). */
export class Document extends schema.class {
  isTrashed() {
    return this.trashedAt != null;
  }
}
schema.setClass(Document);
export const DocumentSchema = schema;

type By = { id: string };

export const aboutDocument = ({ id }: { id: string }) => ({ type: "document", id });

/** A new document and its first version. The caller flushes. */
export function addDocument(
  em: EntityManager,
  { title, kind }: { title: string; kind: DocumentKind },
  file: StoredFile,
  { by }: { by: By },
): Document {
  const { tenantId } = file;
  const document = em.create(Document, {
    tenantId,
    id: randomUUIDv7(),
    title: tidyTitle(title),
    kind,
    trashedAt: null,
  });
  em.persist(document);
  em.persist(em.create(DocumentVersion, { tenantId, id: randomUUIDv7(), document, number: 1, fileId: file.id }));
  record(em, "document.added", aboutDocument(document), { by: by.id });
  return document;
}

/** Replaces the file; earlier versions stay (DOC-5). Two people at once get two numbers. The caller flushes. */
export async function addVersion(
  em: EntityManager,
  document: Document,
  file: StoredFile,
  { by }: { by: By },
): Promise<DocumentVersion> {
  await em.lock(document, LockMode.PESSIMISTIC_WRITE);
  refuseTrashed(document);
  const last = await em.findOneOrFail(DocumentVersion, { document }, { orderBy: { number: "desc" } });
  const { tenantId } = document;
  const version = em.create(DocumentVersion, {
    tenantId,
    id: randomUUIDv7(),
    document,
    number: last.number + 1,
    fileId: file.id,
  });
  em.persist(version);
  record(em, "document.version_added", aboutDocument(document), { number: version.number, by: by.id });
  return version;
}

/** Corrects its title and its kind. The caller flushes. */
export function editDocument(
  em: EntityManager,
  document: Document,
  { title, kind }: { title: string; kind: DocumentKind },
  { by }: { by: By },
): void {
  refuseTrashed(document);
  const tidy = tidyTitle(title);
  if (tidy === document.title && kind === document.kind) return;
  Object.assign(document, { title: tidy, kind });
  record(em, "document.edited", aboutDocument(document), { by: by.id });
}

/** Out of everybody's sight, and back whenever somebody wants within thirty days (DOC-6). The caller flushes. */
export function trashDocument(em: EntityManager, document: Document, { by, now }: { by: By; now: Date }): void {
  if (document.isTrashed()) throw new RuleBroken("Ce document est déjà dans la corbeille.");
  document.trashedAt = now;
  record(em, "document.trashed", aboutDocument(document), { by: by.id });
}

/** Back among the others. The caller flushes. */
export function restoreDocument(em: EntityManager, document: Document, { by }: { by: By }): void {
  if (!document.isTrashed()) throw new RuleBroken("Ce document n’est plus dans la corbeille.");
  document.trashedAt = null;
  record(em, "document.restored", aboutDocument(document), { by: by.id });
}

function refuseTrashed(document: Document): void {
  if (document.isTrashed()) throw new RuleBroken("Ce document est dans la corbeille. Restaurez-le d’abord.");
}

function tidyTitle(title: string): string {
  const tidy = title.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidy === "") throw new RuleBroken("Écrivez un titre : c’est lui qu’on lit dans la liste.", "title");
  if (tidy.length > LONGEST_TITLE) throw new RuleBroken(`Raccourcissez à ${LONGEST_TITLE} caractères.`, "title");
  if (/[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u.test(tidy)) {
    throw new RuleBroken("Retirez les signes < et >, les retours à la ligne et les caractères invisibles.", "title");
  }
  return tidy;
}
