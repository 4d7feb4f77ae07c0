import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

export const events = {
  "file.quarantined": {
    label: "fichier mis en quarantaine",
    payload: z.strictObject({ file: z.uuid(), found: z.string() }),
  },
} satisfies EventCatalogue;
