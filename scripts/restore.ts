/** `npm run restore -- SAUVEGARDE [--sans-secrets]`: a backup into an empty base, whole or not at all. */
import path from "node:path";
import { parseArgs } from "node:util";
import { filesOf } from "../src/config.ts";
import { modules } from "../src/modules.ts";
import { BackupRefused, noteDrill, restoreBackup } from "../src/platform/backup/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { openFiles } from "../src/platform/storage/index.ts";
import { fr } from "../src/platform/text/index.ts";
import { withConnections } from "./connections.ts";

const WHICH = "Quelle sauvegarde ? « npm run restore -- var/sauvegardes/… ».";

function readArguments(): { folder: string; forgetsSecrets: boolean } {
  try {
    const { values, positionals } = parseArgs({
      options: { "sans-secrets": { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const [folder] = positionals;
    if (folder && positionals.length === 1) return { folder, forgetsSecrets: values["sans-secrets"] };
  } catch {
    // An option nobody knows: the same sentence says how it is written.
  }
  throw new BackupRefused(WHICH);
}

await withConnections(
  async ({ databaseUrl, databaseOwnerUrl }, config) => {
    const { varDir, backupKey } = config;
    const registry = createRegistry(modules);
    const { folder, forgetsSecrets } = readArguments();
    const { at, version } = await restoreBackup({
      folder,
      databaseUrl,
      ownerUrl: databaseOwnerUrl,
      varDir,
      key: backupKey,
      store: (await openFiles(filesOf(config), registry.files)).store,
      forgetsSecrets,
      registry,
    });
    const isNoted = await noteDrill(folder, "restore", new Date());
    console.log(
      `Restaurée : la sauvegarde du ${fr.dateTime(at, "Europe/Paris")} (heure de Paris), version ${version}.`,
    );
    if (forgetsSecrets) {
      console.log(
        "Les clés d’alors sont perdues : chaque double authentification est à retirer par « npm run rescue », et l’historique d’avant n’a plus de signature.",
      );
    }
    console.log(
      "Les messages en attente sont retenus : libérez-les, ou abandonnez-les, sur la page Messagerie de l’instance.",
    );
    console.log("Vérifiez l’historique par « npm run verify-history », puis démarrez par « npm start ».");
    console.log(
      isNoted
        ? `Un exercice sur une autre machine ? Recopiez ${path.join(path.dirname(path.resolve(folder)), "epreuves.jsonl")} à côté des sauvegardes de l’instance : sa page d’état dira la date.`
        : "La date n’a pas pu être notée à côté de la sauvegarde : la page « État de l’instance » ne la dira pas.",
    );
  },
  { creates: true },
);
