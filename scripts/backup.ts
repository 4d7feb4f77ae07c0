/** `npm run backup [-- DOSSIER]`: a whole backup of the database and of what follows it, while the application serves. */
import path from "node:path";
import { filesOf } from "../src/config.ts";
import { modules } from "../src/modules.ts";
import { writeBackup } from "../src/platform/backup/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { openFiles } from "../src/platform/storage/index.ts";
import { fr } from "../src/platform/text/index.ts";
import { VERSION } from "../src/platform/version.ts";
import { withConnections } from "./connections.ts";

await withConnections(async ({ databaseUrl, databaseOwnerUrl }, config) => {
  const { varDir, backupDir, backupKey } = config;
  const registry = createRegistry(modules);
  const { folder, manifest } = await writeBackup({
    databaseUrl,
    ownerUrl: databaseOwnerUrl,
    varDir,
    paths: registry.folders,
    store: (await openFiles(filesOf(config), registry.files)).store,
    into: process.argv[2] ? path.resolve(process.argv[2]) : backupDir,
    key: backupKey,
    version: VERSION,
    now: new Date(),
    floor: config.diskFloor,
  });
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const held = `${fr.count(rows, "ligne", "lignes")}, ${fr.count(manifest.files.length, "fichier", "fichiers")}`;
  console.log(`Sauvegarde complète : ${folder} (${held}, ${backupKey ? "chiffrée" : "en clair"}).`);
  if (!backupKey) {
    console.log(
      `Elle ne contient pas ${path.join(varDir, "secrets.json")} : gardez-en une copie à part, ou donnez BACKUP_KEY.`,
    );
  }
});
