import type { Undo } from "../platform/db/undo.ts";

const EDIT = "shared_documents.edit";

/** Out of the trash, renamed, added: all come back the way they went. What the trash has given up does not. */
export const documentUndo: Undo = {
  right: EDIT,
  created: "delete",
  rules: [
    {
      // Not changed and not gone: its creation is what would be undone.
      when: "t.id is not null and w is not distinct from t and exists (select from document_version v where v.tenant_id = t.tenant_id and v.document_id = t.id and v.number > 1)",
      why: "Ce document a reçu d’autres versions depuis. Mettez-le plutôt à la corbeille.",
    },
    {
      when: "t.id is null and w.trashed_at is not null",
      why: "Ce document est sorti de la corbeille pour de bon\u00a0: ses fichiers ne sont plus gardés.",
    },
  ],
};

export const versionUndo: Undo = {
  right: EDIT,
  created: "delete",
  rules: [
    {
      when: "t.id is null and not exists (select from file f where f.tenant_id = w.tenant_id and f.id = w.file_id and f.state <> 'infected')",
      why: "Ce fichier n’est plus gardé\u00a0: envoyez-le de nouveau.",
    },
  ],
};
