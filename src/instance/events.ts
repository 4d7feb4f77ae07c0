import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

const Jobs = z.strictObject({ queues: z.array(z.string()), count: z.int(), by: z.uuid() });

/** What happens to the pages every instance has. */
export const events = {
  "public_page.written": {
    label: "page publique modifiée",
    payload: z.strictObject({ kind: z.string(), by: z.uuid() }),
  },
  "criterion.assessed": {
    label: "critère d’accessibilité évalué",
    payload: z.strictObject({ criterion: z.string(), status: z.string(), by: z.uuid() }),
  },
  "job.retried": {
    label: "tâche relancée",
    payload: Jobs,
    beyond: "Une tâche relancée a repris aussitôt\u00a0: ce qu’elle fait s’annule depuis ses propres actes.",
  },
  "job.dropped": {
    label: "tâche abandonnée",
    payload: Jobs,
    beyond: "Une tâche abandonnée a quitté la file et n’y revient pas.",
  },
  "jobs.died": {
    label: "tâche en échec définitif",
    payload: z.strictObject({ queue: z.string(), label: z.string(), count: z.int(), upTo: z.string() }),
    beyond: "Une tâche en échec définitif se relance depuis la page «\u00a0Tâches\u00a0».",
  },
} satisfies EventCatalogue;
