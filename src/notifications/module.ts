import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { NotificationSchema } from "./notification.ts";
import { purgeNotifications, toldBy, topicOf } from "./queries.ts";
import { reactions } from "./reactions.ts";
import { routes } from "./web/routes.ts";

/** What people are told in the product, and what of it they have read (ACT-5). */
export const notifications: Module = {
  name: "notifications",
  entities: [NotificationSchema] as unknown as NonNullable<Module["entities"]>,
  untracked: [{ table: "notification", why: "écho d’actes déjà tracés ; lu ou non lu n’est pas un acte (règle 4)" }],
  routes,
  reactions,
  schedules: [
    {
      job: "notifications.purge",
      label: "Effacement des notifications de plus de 90 jours",
      at: "04:20",
      run: async ({ db }, { tenantId }) =>
        fr.count(await db.note(tenantId, purgeNotifications), "notification supprimée", "notifications supprimées"),
    },
  ],
  live: { notifications: { right: "signed-in", of: ({ id }) => topicOf(id) } },
  topicSources: [toldBy],
};
