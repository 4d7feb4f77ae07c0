import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";
import { IMPORT_ENDS } from "./mails.ts";

export const events: EventCatalogue = {
  "import.started": {
    label: "import lancé",
    payload: z.object({}),
    beyond: "Ce que l’import a écrit s’annule depuis sa page.",
  },
  "import.returned": {
    label: "import rendu à son auteur",
    payload: z.strictObject({ by: z.uuid(), file: z.string() }),
    beyond: "Cet import n’a rien écrit\u00a0: il n’y a rien à annuler.",
  },
  "import.finished": {
    label: "import terminé",
    payload: z.strictObject({
      state: z.enum(IMPORT_ENDS),
      kind: z.string(),
      /** What its rows are part of, if they are. */
      scope: z.uuid().nullable(),
      file: z.string(),
      by: z.uuid(),
      /** Its author may have left its page. */
      isLong: z.boolean(),
      read: z.int(),
      create: z.int(),
      update: z.int(),
      error: z.int(),
    }),
    beyond: "Cet import n’a rien écrit\u00a0: il n’y a rien à annuler.",
  },
  "import.exported": {
    label: "fichier d’un import pris",
    payload: z.strictObject({ what: z.enum(["errors", "lines"]), rows: z.int(), by: z.uuid() }),
    beyond: "Un export n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
};
