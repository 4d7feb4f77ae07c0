import { migrate } from "../src/platform/db/migrate.ts";
import { createRegistry } from "../src/platform/registry.ts";

/** Migrations, history triggers and queues of every module: what `npm start` does before it listens. */
export async function migrateAll(ownerUrl: string): Promise<string[]> {
  const { modules } = await import("../src/modules.ts");
  const { entities, tracked, subscriptions } = createRegistry(modules);
  return migrate(ownerUrl, { entities, tracked, queues: [...new Set(subscriptions.map(({ job }) => job))] });
}
