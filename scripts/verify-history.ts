/** `npm run verify-history`: recomputes the chain of every organisation and names the first bad number (HIS-7). */

import { openHeads, verifyHistory } from "../src/history/index.ts";
import { modules } from "../src/modules.ts";
import { openDatabase } from "../src/platform/db/index.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { fr } from "../src/platform/text/index.ts";
import { loadSecrets } from "../src/secrets.ts";
import { withConnections } from "./connections.ts";

await withConnections(async ({ databaseUrl }, config) => {
  const { historyKey, pastHistoryKeys } = await loadSecrets(config);
  const heads = openHeads({ varDir: config.varDir, historyKey: historyKey.privateKey, pastHistoryKeys });
  const db = await openDatabase(databaseUrl, createRegistry(modules), { pool: 2 });
  try {
    const tenants = await db.lookup<{ id: string; name: string }>("tenants");
    if (tenants.length === 0) console.log("Aucune organisation : rien à vérifier.");
    for (const { id, name } of tenants) {
      const { verified, signedUpTo, erasedUpTo, firstBreak } = await verifyHistory(db, heads, id);
      const read = `${fr.count(verified, "sceau relu", "sceaux relus")}, ${signedUpTo > 0 ? `signés jusqu’au numéro ${fr.number(signedUpTo)}` : "aucun signé"}${erasedUpTo > 0 ? `, effacés jusqu’au numéro ${fr.number(erasedUpTo)} au terme de leur conservation` : ""}`;
      const foreign = await heads.foreign(id);
      if (foreign > 0) {
        process.exitCode = 1;
        console.error(
          `${name} : ${fr.count(foreign, "tête est signée", "têtes sont signées")} d’une clé que cette instance n’a pas. Remettez le secrets.json d’alors dans ${config.varDir}, puis relancez : sans lui, une fin d’historique retirée ne se verrait pas.`,
        );
      }
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
