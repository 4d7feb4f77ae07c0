/** `npm run verify-backup -- SAUVEGARDE`: reads every file of a backup again and compares its SHA-256 (DOC-9). */
import { readConfig } from "../src/config.ts";
import { BackupRefused, noteDrill, openBackup } from "../src/platform/backup/index.ts";
import { fr } from "../src/platform/text/index.ts";
import { tell } from "./connections.ts";

const [folder] = process.argv.slice(2);
try {
  if (!folder) throw new BackupRefused("Quelle sauvegarde ? « npm run verify-backup -- var/sauvegardes/… ».");
  const { manifest } = await openBackup(folder, readConfig(process.env).backupKey);
  const { at, version, tables, files } = manifest;
  console.log(
    `Intacte : ${fr.count(tables.length + files.length, "fichier relu", "fichiers relus")}. Prise le ${fr.dateTime(at, "Europe/Paris")} (heure de Paris), version ${version}.`,
  );
  if (!(await noteDrill(folder, "verify", new Date()))) {
    console.log(
      "La date n’a pas pu être notée à côté de la sauvegarde : la page « État de l’instance » ne la dira pas.",
    );
  }
} catch (error) {
  tell(error);
}
