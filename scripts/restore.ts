/** `npm run restore -- SAUVEGARDE`: a backup into an empty base, whole or not at all. */
import { filesOf } from "../src/config.ts";
import { modules } from "../src/modules.ts";
import { BackupRefused, noteDrill, restoreBackup } from "../src/platform/backup/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { openFiles } from "../src/platform/storage/index.ts";
import { withConnections } from "./connections.ts";

await withConnections(async ({ databaseUrl, databaseOwnerUrl }, config) => {
  const { varDir, backupKey } = config;
  const registry = createRegistry(modules);
  const [folder] = process.argv.slice(2);
  if (!folder) throw new BackupRefused("Quelle sauvegarde ? « npm run restore -- var/sauvegardes/… ».");
  const { at, version } = await restoreBackup({
    folder,
    databaseUrl,
    ownerUrl: databaseOwnerUrl,
    varDir,
    key: backupKey,
    store: openFiles(filesOf(config), registry.files).store,
    registry,
  });
  await noteDrill(folder, "restore", new Date());
  console.log(`Restaurée : la sauvegarde du ${at}, de la version ${version}.`);
  console.log(
    "Les messages en attente sont retenus : libérez-les, ou abandonnez-les, sur la page Messagerie de l’instance.",
  );
  console.log("Vérifiez l’historique par « npm run verify-history », puis démarrez par « npm start ».");
});
