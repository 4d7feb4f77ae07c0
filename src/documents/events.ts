import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

const by = z.uuid();

export const events = {
  "document.added": { label: "document déposé", payload: z.strictObject({ by }) },
  "document.version_added": { label: "version déposée", payload: z.strictObject({ number: z.int(), by }) },
  "document.edited": { label: "document modifié", payload: z.strictObject({ by }) },
  "document.trashed": { label: "document mis à la corbeille", payload: z.strictObject({ by }) },
  "document.restored": { label: "document sorti de la corbeille", payload: z.strictObject({ by }) },
} satisfies EventCatalogue;
