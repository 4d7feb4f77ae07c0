/** `npm run verify-history`: recomputes the chain of every organisation and names the first bad number (HIS-7). */
import { loadSecrets } from "../src/config.ts";
import { openHeads, verifyHistory } from "../src/history/index.ts";
import { modules } from "../src/modules.ts";
import { openDatabase } from "../src/platform/db/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { withConnections } from "./connections.ts";

await withConnections(async ({ databaseUrl }, config) => {
  const { historyKey, pastHistoryKeys } = await loadSecrets(config);
  const heads = openHeads({ varDir: config.varDir, historyKey: historyKey.privateKey, pastHistoryKeys });
  const db = await openDatabase(databaseUrl, createRegistry(modules), { pool: 2 });
  try {
    const tenants = await db.lookup<{ id: string; name: string }>("tenants");
    if (tenants.length === 0) console.log("Aucune organisation : rien à vérifier.");
    for (const { id, name } of tenants) {
      const { verified, signedUpTo, firstBreak } = await verifyHistory(db, heads, id);
      const read = `${verified} sceaux relus, signés jusqu’au numéro ${signedUpTo}`;
      if (!firstBreak) {
        console.log(`${name} : intact, ${read}.`);
        continue;
      }
      process.exitCode = 1;
      const where = firstBreak.number === null ? "hors numéro" : `au numéro ${firstBreak.number}`;
      console.error(`${name} : rompu ${where} : ${firstBreak.reason} (${read})`);
    }
  } finally {
    await db.close();
  }
});
