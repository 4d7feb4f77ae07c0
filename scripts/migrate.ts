/** `npm run migrate`: brings the database to this version without opening the application. `npm start` does it too. */
import { modules } from "../src/modules.ts";
import { migrate } from "../src/platform/db/migrate.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { withConnections } from "./connections.ts";

await withConnections(
  async ({ databaseOwnerUrl }) => {
    const ran = await migrate(databaseOwnerUrl, createRegistry(modules));
    console.log(ran.length > 0 ? `Migrations passées : ${ran.join(", ")}.` : "La base est déjà à jour.");
  },
  { creates: true },
);
