/** `npm run rotate-keys`: draws new secrets in VAR_DIR/secrets.json and keeps the former ones for reading. */
import { ConfigRefused, readConfig, rotateSecrets } from "../src/config.ts";

try {
  const config = readConfig(process.env);
  const file = await rotateSecrets(config);
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
  if (!(error instanceof ConfigRefused)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
