/**
 * `npm run reset`: erases the embedded database and asks nothing, since it is the database of one's own machine.
 * In production it wants --oui. An external database is never touched.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { ConfigRefused, readConfig } from "../src/config.ts";
import { modules } from "../src/modules.ts";
import { embeddedDataDir, eraseEmbedded, isHeld } from "../src/platform/db/embedded.ts";
import { createRegistry } from "../src/platform/registry.ts";

try {
  const { varDir, production, databaseUrl } = readConfig(process.env);
  if (databaseUrl) {
    refuse(
      "DATABASE_URL désigne une base extérieure : « npm run reset » n’efface que la base fournie. Videz-la par vos outils.",
    );
  } else if (production && !process.argv.includes("--oui")) {
    refuse(`NODE_ENV=production : pour effacer vraiment ${varDir}, relancez avec « npm run reset -- --oui ».`);
  } else if (await isHeld(varDir)) {
    refuse(`OpsTracker tourne sur ${varDir} : arrêtez-le d’abord, puis relancez « npm run reset ».`);
  } else {
    await erase(varDir);
  }
} catch (error) {
  if (!(error instanceof ConfigRefused)) throw error;
  refuse(error.message);
}

async function erase(varDir: string): Promise<void> {
  const dataDir = await embeddedDataDir(varDir);
  // What follows the database; never the folder itself, which may hold other things.
  const others = createRegistry(modules)
    .folders.map((name) => path.join(varDir, name))
    .filter((folder) => existsSync(folder));
  if (!dataDir && others.length === 0) return console.log(`Rien à effacer dans ${varDir}.`);

  for (const target of [dataDir, ...others].filter(Boolean)) console.log(`Effacement de ${target}`);
  await eraseEmbedded(varDir);
  for (const target of others) await rm(target, { recursive: true, force: true });
  console.log("C’est fait. « npm start » repart d’une base vide.");
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
