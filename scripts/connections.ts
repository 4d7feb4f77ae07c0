/** The database of the environment, as `npm start` would find it; the embedded server is left as it was found. */
import { ConfigRefused, readConfig } from "../src/config.ts";
import { EmbeddedRefused } from "../src/platform/db/embedded.ts";
import { type Connections, embeddedDatabase } from "../src/platform/db/roles.ts";

export async function withConnections(work: (urls: Connections) => Promise<void>): Promise<void> {
  try {
    const config = readConfig(process.env);
    if (config.databaseUrl && config.databaseOwnerUrl) {
      return await work({ databaseUrl: config.databaseUrl, databaseOwnerUrl: config.databaseOwnerUrl });
    }
    const { server, ...urls } = await embeddedDatabase(config.varDir);
    try {
      await work(urls);
    } finally {
      await server.stop();
    }
  } catch (error) {
    if (!(error instanceof ConfigRefused || error instanceof EmbeddedRefused)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
