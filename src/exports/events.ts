import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

export const events: EventCatalogue = {
  "rows.exported": {
    label: "lignes exportées",
    payload: z.strictObject({
      kind: z.string(),
      rows: z.int(),
      filters: z.string(),
      sort: z.string(),
      columns: z.array(z.string()),
      by: z.uuid(),
    }),
    beyond: "Un export n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
  "export.asked": {
    label: "export demandé",
    payload: z.object({}),
    beyond: "Un export n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
  "export.finished": {
    label: "export terminé",
    payload: z.strictObject({
      state: z.enum(["completed", "cancelled", "failed"]),
      file: z.string(),
      rows: z.int(),
      by: z.uuid(),
    }),
    beyond: "Un export n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
};
