import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

export const events: EventCatalogue = {
  "history.verification_asked": {
    label: "vérification de l’historique demandée",
    payload: z.object({}),
    beyond: "Une vérification lit l’historique et n’y change rien.",
  },
  "history.verified": {
    label: "historique vérifié",
    payload: z.strictObject({ intact: z.boolean(), verified: z.int(), askedBy: z.uuid() }),
  },
  "history.verification_stopped": {
    label: "vérification de l’historique interrompue",
    payload: z.strictObject({ askedBy: z.uuid() }),
    beyond: "Une vérification interrompue n’a rien changé\u00a0: demandez-en une autre.",
  },
  "history.purged": {
    label: "historique ancien effacé",
    payload: z.strictObject({ upTo: z.int(), lastDay: z.iso.date(), acts: z.int(), changes: z.int() }),
    beyond: "Ce que la durée de conservation a effacé ne se retrouve que dans une sauvegarde d’avant.",
  },
  "act.undone": {
    label: "acte annulé",
    payload: z.strictObject({
      restored: z.int(),
      forced: z.int(),
      kept: z.int(),
      impossible: z.int(),
      by: z.uuid(),
    }),
  },
  "history.exported": {
    label: "historique exporté",
    payload: z.strictObject({ acts: z.int(), filters: z.string() }),
    beyond: "Un export est déjà sur l’appareil de la personne\u00a0: il ne se reprend pas.",
  },
};
