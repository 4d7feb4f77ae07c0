import { z } from "zod";
import { mailKind } from "../platform/mail/kinds.ts";
import { fr } from "../platform/text/index.ts";

export const IMPORT_ENDS = ["completed", "cancelled", "failed"] as const;
const ENDS = { completed: "est terminé", cancelled: "est arrêté", failed: "s’est interrompu" };

/** To its author who wished it, when an import ends [IMP-33]. */
export const importFinished = mailKind({
  kind: "imports.finished",
  label: "Import terminé",
  payload: z.strictObject({
    id: z.uuid(),
    file: z.string(),
    state: z.enum(IMPORT_ENDS),
    create: z.int(),
    update: z.int(),
    error: z.int(),
  }),
  subject: ({ file, state }) => `L’import de «\u00a0${file}\u00a0» ${ENDS[state]}`,
  write: ({ id, create, update, error }) => ({
    lines: [
      `${fr.list([
        fr.count(create, "création", "créations"),
        fr.count(update, "modification", "modifications"),
        fr.count(error, "ligne en erreur", "lignes en erreur"),
      ])}.`,
    ],
    action: { label: "Voir le résultat de l’import", href: `/imports/${id}` },
  }),
});
