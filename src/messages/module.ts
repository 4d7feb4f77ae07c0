import { purgeMessages } from "../platform/mail/queries.ts";
import type { Module } from "../platform/module.ts";

/** The outbox as people see it; its table and its sender live in platform/mail (rulings 16). */
export const messages: Module = {
  name: "messages",
  untracked: [
    {
      table: "outbox",
      why: "measure: where each message stands, moved at each attempt; what people do to one is an event",
    },
  ],
  schedules: [
    {
      job: "messages.purge_weekly",
      label: "Effacement des messages de plus de 90 jours",
      at: "02:00",
      weekday: 0,
      run: ({ db }, { tenantId }) => db.note(tenantId, purgeMessages),
    },
  ],
};
