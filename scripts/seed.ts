/** `npm run seed`: the demo world in an empty base, for who started with DEMO=non. `npm start` does it by itself. */
import { ConfigRefused } from "../src/config.ts";
import { describeBase, enterDemo } from "../src/demo.ts";
import { modules } from "../src/modules.ts";
import { openDatabase } from "../src/platform/db/index.ts";
import { migrate } from "../src/platform/db/migrate.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { withConnections } from "./connections.ts";

await withConnections(
  async ({ databaseUrl, databaseOwnerUrl }, config) => {
    if (config.production) {
      throw new ConfigRefused([
        "NODE_ENV=production : la démonstration n’entre pas dans une vraie instance. Lancez-la sur une autre machine, ou avec un autre VAR_DIR et NODE_ENV=development.",
      ]);
    }
    const registry = createRegistry(modules);
    await migrate(databaseOwnerUrl, registry);
    const db = await openDatabase(databaseUrl, registry, { pool: 2 });
    try {
      if (!(await describeBase(db)).empty) {
        console.error("La base n’est pas vide : rien n’a été ajouté. Pour repartir de zéro : npm run reset.");
        process.exitCode = 1;
        return;
      }
      console.log((await enterDemo(db, { now: new Date() })).join("\n"));
    } finally {
      await db.close();
    }
  },
  { creates: true },
);
