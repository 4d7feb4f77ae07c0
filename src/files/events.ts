import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

export const events = {
  "file.quarantined": {
    label: "fichier mis en quarantaine",
    /** `path`: where it is shown, if anywhere but on its sender's own pages. */
    payload: z.strictObject({ file: z.uuid(), name: z.string(), found: z.string(), path: z.string().nullable() }),
  },
  "file.cleared": { label: "fichier vérifié", payload: z.strictObject({ file: z.uuid() }) },
} satisfies EventCatalogue;
