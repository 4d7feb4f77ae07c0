import { OutboxMessage } from "../platform/mail/outbox.ts";
import { purgeMessages } from "../platform/mail/queries.ts";
import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { events } from "./events.ts";
import { messagesExport } from "./export-profile.ts";
import { correction, testMessage } from "./mails.ts";
import { vitals } from "./vitals.ts";
import { routes } from "./web/routes.ts";

/** The outbox as people see it; its table and its sender live in platform/mail (rulings 16). */
export const messages: Module = {
  name: "messages",
  untracked: [
    {
      table: "outbox",
      why: "measure: where each message stands, moved at each attempt; what people do to one is an event",
    },
    { table: "mail_hold", why: "what a restore holds; releasing it is an event" },
  ],
  routes,
  exports: [messagesExport],
  events,
  mails: [correction, testMessage],
  vitals: [vitals],
  schedules: [
    {
      job: "messages.purge_weekly",
      label: "Effacement des messages de plus de 90 jours",
      at: "02:00",
      weekday: 0,
      run: async ({ db }, { tenantId }) =>
        fr.count(await db.note(tenantId, purgeMessages), "message effacé", "messages effacés"),
    },
  ],
  menu: [
    {
      section: "Administrer",
      label: "Boîte d’envoi",
      href: "/admin/boite-envoi",
      icon: "mail",
      right: "accounts.manage",
      order: 30,
    },
    {
      section: "Instance",
      label: "Messagerie",
      href: "/instance/messagerie",
      icon: "send",
      right: "instance.manage",
      order: 30,
    },
  ],
  subjects: {
    message: {
      noun: "message",
      icon: "mail",
      right: "accounts.manage",
      url: (id) => `/admin/boite-envoi/${id}`,
      label: async (em, id) => (await em.findOne(OutboxMessage, { id }))?.subject ?? null,
    },
  },
};
