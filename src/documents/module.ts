import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { DOCUMENT_KINDS, Document, DocumentSchema } from "./document.ts";
import { events } from "./events.ts";
import { DOCUMENT_FILE } from "./file-purpose.ts";
import { documentsTouched, purgeTrash } from "./queries.ts";
import { documentUndo, versionUndo } from "./undo.ts";
import { DocumentVersionSchema } from "./version.ts";
import { routes } from "./web/routes.ts";

const READ = "shared_documents.read";

/** What an organisation keeps for everybody to read or run: charters, procedures, scripts (DOC-1). */
export const documents: Module = {
  name: "documents",
  entities: [DocumentSchema, DocumentVersionSchema] as unknown as NonNullable<Module["entities"]>,
  tracked: [
    {
      table: "document",
      subject: "document",
      title: "r.title",
      undo: documentUndo,
      columns: {
        title: { label: "Titre" },
        kind: {
          label: "Genre",
          values: Object.fromEntries(DOCUMENT_KINDS.map(({ value, label }) => [value, label])),
        },
        trashed_at: { label: "À la corbeille depuis le", format: "dateTime" },
      },
    },
    {
      table: "document_version",
      subject: "document",
      subjectId: "r.document_id",
      title:
        "(select d.title from document d where d.tenant_id = r.tenant_id and d.id = r.document_id) || ', version ' || r.number",
      undo: versionUndo,
      columns: {
        document_id: { label: "Document", format: "hidden" },
        number: { label: "Version" },
        file_id: { label: "Fichier", format: "file" },
      },
    },
  ],
  routes,
  files: [DOCUMENT_FILE],
  events,
  schedules: [
    {
      job: "documents.purge_trash",
      label: "Effacement des documents à la corbeille depuis trente jours",
      at: "03:45",
      async run({ db, clock }, { tenantId }) {
        const act = { tenantId, actorId: null, channel: "job", code: "documents.purged", now: clock.now() } as const;
        const label = "Effacement des documents à la corbeille depuis trente jours";
        return fr.count(await db.act({ ...act, label }, purgeTrash), "document effacé", "documents effacés");
      },
    },
  ],
  menu: [{ section: "Accueil", label: "Documents", href: "/documents", icon: "file-text", right: READ, order: 3 }],
  subjects: {
    document: {
      noun: "document",
      icon: "file-text",
      right: "shared_documents.edit",
      url: (id) => `/documents/${id}`,
      label: async (em, id) => (await em.findOne(Document, { id }))?.title ?? null,
    },
  },
  live: { documents: { right: READ } },
  topicSources: [documentsTouched],
};
