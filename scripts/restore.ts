/** `npm run restore -- SAUVEGARDE`: a backup into an empty base, whole or not at all. */
import { modules } from "../src/modules.ts";
import { BackupRefused, noteDrill, restoreBackup } from "../src/platform/backup/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { withConnections } from "./connections.ts";

await withConnections(async ({ databaseUrl, databaseOwnerUrl }, { varDir, backupKey }) => {
  const [folder] = process.argv.slice(2);
  if (!folder) throw new BackupRefused("Quelle sauvegarde ? « npm run restore -- var/sauvegardes/… ».");
  const { at, version } = await restoreBackup({
    folder,
    databaseUrl,
    ownerUrl: databaseOwnerUrl,
    varDir,
    key: backupKey,
    registry: createRegistry(modules),
  });
  await noteDrill(folder, "restore", new Date());
  console.log(`Restaurée : la sauvegarde du ${at}, de la version ${version}.`);
  console.log(
    "Les messages en attente sont retenus : libérez-les, ou abandonnez-les, sur la page Messagerie de l’instance.",
  );
  console.log("Vérifiez l’historique par « npm run verify-history », puis démarrez par « npm start ».");
});
