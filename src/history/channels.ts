import type { Channel } from "../platform/db/changeset.ts";

/** By which way an act came, as the history says it. */
export const CHANNEL_WORDS: Record<Channel, string> = {
  page: "page",
  api: "API",
  import: "import",
  bulk: "action groupée",
  booking_link: "lien personnel",
  open_link: "lien ouvert",
  job: "tâche planifiée",
  automation: "automatisation",
  setup: "mise en service",
};

/** Who an act without an account is signed by. */
export const SYSTEM = "Système";
