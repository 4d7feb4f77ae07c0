/** The database of the environment, as `npm start` would find it; an embedded server already running stays so. */
import { type Config, ConfigRefused, readConfig } from "../src/config.ts";
import { BackupRefused } from "../src/platform/backup/index.ts";
import { EmbeddedRefused, embeddedDataDir } from "../src/platform/db/embedded.ts";
import { type Connections, embeddedDatabase } from "../src/platform/db/roles.ts";
import { explain } from "../src/platform/explain.ts";

/**
 * Prints a refusal as the sentence it is, and leaves the exit code to say it. `creates`: where there is no embedded
 * database yet, this verb makes one; the others say where they looked.
 */
export async function withConnections(
  work: (urls: Connections, config: Config) => Promise<void>,
  { creates = false } = {},
): Promise<void> {
  try {
    const config = readConfig(process.env);
    if (config.databaseUrl && config.databaseOwnerUrl) {
      return await work({ databaseUrl: config.databaseUrl, databaseOwnerUrl: config.databaseOwnerUrl }, config);
    }
    if (!creates && (await embeddedDataDir(config.varDir)) === undefined) {
      throw new EmbeddedRefused(
        `Aucune base fournie sous ${config.varDir}. Lancez cette commande avec les réglages de l’instance : son VAR_DIR, ou ses adresses DATABASE_URL et DATABASE_OWNER_URL (README, Où taper les verbes).`,
      );
    }
    const { server, ...urls } = await embeddedDatabase(config.varDir);
    try {
      await work(urls, config);
    } finally {
      await server.stop();
    }
  } catch (error) {
    tell(error);
  }
}

const REFUSALS = [ConfigRefused, EmbeddedRefused, BackupRefused];

/** The sentence of a refusal, or of what the machine answered; a fault of ours is thrown again, whole. */
export function tell(error: unknown): void {
  const isTold = REFUSALS.some((refusal) => error instanceof refusal);
  const sentence = isTold ? (error as Error).message : explain(error);
  if (sentence === null) throw error;
  console.error(sentence);
  process.exitCode = 1;
}
