/** The database of the environment, as `npm start` would find it; an embedded server already running stays so. */
import { type Config, ConfigRefused, readConfig } from "../src/config.ts";
import { BackupRefused } from "../src/platform/backup/index.ts";
import { EmbeddedRefused } from "../src/platform/db/embedded.ts";
import { type Connections, embeddedDatabase } from "../src/platform/db/roles.ts";

/** Prints a refusal as the sentence it is, and leaves the exit code to say it. */
export async function withConnections(work: (urls: Connections, config: Config) => Promise<void>): Promise<void> {
  try {
    const config = readConfig(process.env);
    if (config.databaseUrl && config.databaseOwnerUrl) {
      return await work({ databaseUrl: config.databaseUrl, databaseOwnerUrl: config.databaseOwnerUrl }, config);
    }
    const { server, ...urls } = await embeddedDatabase(config.varDir);
    try {
      await work(urls, config);
    } finally {
      await server.stop();
    }
  } catch (error) {
    const isTold = [ConfigRefused, EmbeddedRefused, BackupRefused].some((refusal) => error instanceof refusal);
    if (!(isTold && error instanceof Error)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
