import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { events } from "./events.ts";
import { fileQuarantined } from "./mails.ts";
import { sweepFiles } from "./sweep.ts";
import { vitals } from "./vitals.ts";
import { routes } from "./web/routes.ts";

/** Files as people get them; what keeps them is platform/storage, what shows them says so in its own manifest. */
export const files: Module = {
  name: "files",
  untracked: [
    {
      table: "file",
      why: "les octets d’un fichier ne changent jamais : ce qui le montre est suivi, et son état est celui de l’antivirus",
    },
    {
      table: "upload",
      why: "mesure : où en est un envoi, jusqu’à ce que son formulaire parte ou que la nuit l’efface",
    },
  ],
  routes,
  events,
  mails: [fileQuarantined],
  vitals,
  schedules: [
    {
      job: "files.sweep",
      label: "Effacement des fichiers que plus rien ne montre",
      at: "03:50",
      async run(services, { tenantId }) {
        const swept = await sweepFiles(services, { tenantId, now: services.clock.now() });
        return `${fr.count(swept.files, "fichier retiré", "fichiers retirés")}, ${fr.count(swept.orphans, "reste d’envoi effacé", "restes d’envois effacés")}`;
      },
    },
  ],
};
