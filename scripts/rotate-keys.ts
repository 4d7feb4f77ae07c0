/** `npm run rotate-keys`: draws new secrets in VAR_DIR/secrets.json and keeps the former ones for reading. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { chown } from "node:fs/promises";
import path from "node:path";
import { ConfigRefused, readConfig } from "../src/config.ts";
import { rotateSecrets } from "../src/secrets.ts";
import { tell } from "./connections.ts";

try {
  const config = readConfig(process.env);
  const known = path.join(config.varDir, "secrets.json");
  if (!existsSync(known)) {
    throw new ConfigRefused([
      `${known} n’existe pas : il n’y a pas de clé à changer ici. Lancez cette commande avec le VAR_DIR de l’instance.`,
    ]);
  }
  // Only one secret of before is kept: drawn twice in a row, what the first one closed would never open again.
  const { previousSecrets = [] } = JSON.parse(readFileSync(known, "utf8")) as { previousSecrets?: string[] };
  if (previousSecrets.length > 0) {
    throw new ConfigRefused([
      `Le changement d’avant n’est pas fini : ${known} tient encore l’ancien secret. Redémarrez chaque processus ; quand « État de l’instance » dit qu’aucune clé n’est sous l’ancien, videz previousSecrets, redémarrez, puis relancez.`,
    ]);
  }
  const { uid, gid } = statSync(known);
  const file = await rotateSecrets(config);
  // Typed by root, it must still open to the account that runs the application.
  if (process.getuid?.() === 0) await chown(file, uid, gid);
  console.log(`Nouvelles clés tirées : ${file}. Les anciennes y restent pour lire ce qu’elles ont signé.`);
  console.log(
    "Redémarrez chaque processus : les clés des téléphones sont refermées sous le nouveau secret au démarrage.",
  );
  console.log("Sauvegardez de nouveau ce fichier, ailleurs que les sauvegardes si elles sont en clair.");
  if (config.secret) {
    console.log(
      "SECRET est donné par l’environnement : changez-le aussi, et mettez l’ancien dans SECRET_PREVIOUS (README, Changer les clés).",
    );
  }
} catch (error) {
  tell(error);
}
