import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { events } from "./events.ts";
import { ExportSchema } from "./export.ts";
import { engineOf, prepareExport, purgeExports } from "./prepare.ts";
import { routes } from "./web/routes.ts";

/** What people take away in files of rows: the engine; what a list may give is said by the module that owns the rows. */
export const exports_: Module = {
  name: "exports",
  entities: [ExportSchema] as unknown as NonNullable<Module["entities"]>,
  untracked: [{ table: "export", why: "a file that leaves after a day; its asking and its end are acts" }],
  routes,
  menu: [
    { section: "Accueil", label: "Mes exports", href: "/exports", icon: "download", right: "rows.export", order: 6 },
  ],
  events,
  subscriptions: [
    {
      on: "export.asked",
      job: "exports.prepare",
      label: "Préparation d’un export",
      limitSeconds: 900,
      run: ({ tenantId, subject }, services) => prepareExport(engineOf(services), { tenantId, id: subject.id }),
    },
  ],
  schedules: [
    {
      job: "exports.purge",
      label: "Effacement des exports préparés depuis plus d’un jour",
      at: "03:45",
      run: async (services, { tenantId }) =>
        fr.count(await purgeExports(engineOf(services), tenantId), "fichier retiré", "fichiers retirés"),
    },
  ],
};
