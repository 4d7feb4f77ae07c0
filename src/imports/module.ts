import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { engineOf } from "./engine.ts";
import { events } from "./events.ts";
import { IMPORT_FILE } from "./file-purpose.ts";
import { governsImport } from "./governed.ts";
import { ImportErrorSchema, ImportLineSchema, ImportMappingSchema, ImportSchema } from "./import.ts";
import { importFinished } from "./mails.ts";
import { importFollowers, importsTouched } from "./queries/followed.ts";
import { purgeImports } from "./queries/outcomes.ts";
import { runImport } from "./run.ts";
import { routes } from "./web/routes.ts";

/** What people bring in by files of rows: the engine; what a file may bring is said by the module that owns the rows. */
export const imports: Module = {
  name: "imports",
  entities: [ImportSchema, ImportErrorSchema, ImportLineSchema, ImportMappingSchema] as unknown as NonNullable<
    Module["entities"]
  >,
  untracked: [
    { table: "import", why: "where an import is; what it writes is tracked in the tables it writes to" },
    { table: "import_error", why: "what was found wrong with lines that were not written" },
    { table: "import_line", why: "what came of each line, beside the tracked rows themselves" },
    { table: "import_mapping", why: "a choice proposed again, never a fact" },
  ],
  routes,
  menu: [
    // Whoever may import people may import operations too.
    {
      section: "Accueil",
      label: "Mes imports",
      href: "/imports",
      icon: "upload",
      right: "operations.manage",
      order: 7,
    },
  ],
  live: { imports: { right: "operations.manage", of: ({ id }) => importFollowers(id) } },
  governs: { import: governsImport },
  topicSources: [importsTouched],
  files: [IMPORT_FILE],
  events,
  mails: [importFinished],
  schedules: [
    {
      job: "imports.purge",
      label: "Effacement des fichiers importés depuis trente jours",
      at: "03:40",
      run: async ({ db }, { tenantId }) =>
        fr.count(await db.note(tenantId, purgeImports), "fichier retiré", "fichiers retirés"),
    },
  ],
  subscriptions: [
    {
      on: "import.started",
      job: "imports.run",
      label: "Import d’un fichier",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, services) => runImport(engineOf(services), { tenantId, id: subject.id }),
    },
  ],
};
