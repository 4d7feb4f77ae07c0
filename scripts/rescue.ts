/** `npm run rescue`: on the machine only, a set-up link, a lost second factor, a forgotten password (INS-1, ACC-8, ACC-13). */
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import {
  accountHolders,
  factorHolders,
  prepareFirstRun,
  rescueAccount,
  rescuePassword,
  tidyReason,
} from "../src/accounts/index.ts";
import { modules } from "../src/modules.ts";
import { type Database, openDatabase } from "../src/platform/db/index.ts";
import { RuleBroken } from "../src/platform/errors.ts";
import { createRegistry } from "../src/platform/registry.ts";
import { withConnections } from "./connections.ts";

const USAGE = `npm run rescue
  un nouveau lien d’installation, tant que l’instance n’a pas de super-administrateur
npm run rescue -- --compte ADRESSE --motif "Téléphone perdu, identité vérifiée" [--oui]
  retire la double authentification d’un compte ; --oui ne demande pas de confirmer
npm run rescue -- --compte ADRESSE --mot-de-passe --motif "Mot de passe oublié, identité vérifiée" [--oui]
  donne un lien, valable trente minutes, pour choisir un nouveau mot de passe`;

function readArguments() {
  const options = {
    compte: { type: "string" },
    motif: { type: "string" },
    "mot-de-passe": { type: "boolean" },
    oui: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch {
    throw new RuleBroken(`Ces options ne sont pas connues.\n${USAGE}`);
  }
}

async function isConfirmed(question: string): Promise<boolean> {
  const asked = createInterface({ input: process.stdin, output: process.stdout });
  // A closed input is a no.
  const gone = new Promise<string>((resolve) => asked.once("close", () => resolve("")));
  const answer = await Promise.race([asked.question(`${question} Tapez « oui » pour continuer : `), gone]);
  asked.close();
  return answer.trim().toLowerCase() === "oui";
}

async function openSetUp(db: Database, publicUrl: string): Promise<void> {
  const token = await prepareFirstRun(db, {
    now: await db.now(),
    label: "Lien d’installation ouvert depuis le serveur",
  });
  if (token === null) {
    throw new RuleBroken(
      `L’instance a déjà un super-administrateur : le lien d’installation ne s’ouvre plus. Téléphone perdu, mot de passe oublié ?\n${USAGE}`,
    );
  }
  console.log(`Lien valable 24 heures, celui d’avant ne sert plus. Ouvrez-le pour créer le premier compte :`);
  console.log(`  ${publicUrl}/installation/${token}`);
}

interface Rescue {
  email: string;
  reason: string;
  sure: boolean;
}

async function offerPassword(db: Database, { email, reason, sure }: Rescue, publicUrl: string) {
  const why = tidyReason(reason);
  const holders = await accountHolders(db, email);
  const where = holders.map(({ tenantName }) => tenantName).join(", ");
  if (!sure && !(await isConfirmed(`Donner un lien de nouveau mot de passe pour ${email} (${where}) ?`))) {
    throw new RuleBroken("Rien n’a été changé.");
  }
  for (const one of holders) {
    const { token } = await rescuePassword(db, one, { reason: why, now: await db.now() });
    console.log(`${one.tenantName} : lien valable trente minutes, une fois ; celui d’avant ne sert plus.`);
    console.log(`  ${publicUrl}/nouveau-mot-de-passe/${token}`);
  }
  console.log("Le mot de passe actuel reste valable jusque-là ; un code de téléphone, s’il y en a un, reste demandé.");
}

async function resetFactor(db: Database, { email, reason, sure }: Rescue) {
  const why = tidyReason(reason);
  const holders = await factorHolders(db, email);
  const where = holders.map(({ tenantName }) => tenantName).join(", ");
  if (!sure && !(await isConfirmed(`Retirer la double authentification de ${email} (${where}) ?`))) {
    throw new RuleBroken("Rien n’a été changé.");
  }
  for (const one of holders) {
    await rescueAccount(db, one, { reason: why, now: await db.now() });
    console.log(
      `${one.tenantName} : le téléphone et les codes de ${email} ne servent plus, ses sessions sont fermées.`,
    );
  }
  console.log("Un courriel le dit à la personne ; son mot de passe ne change pas.");
}

await withConnections(async ({ databaseUrl }, { publicUrl }) => {
  let db: Database | undefined;
  try {
    const { compte, motif = "", oui = false, "mot-de-passe": forgotten = false } = readArguments();
    db = await openDatabase(databaseUrl, createRegistry(modules), { pool: 2 });
    if (compte === undefined) await openSetUp(db, publicUrl);
    else if (forgotten) await offerPassword(db, { email: compte, reason: motif, sure: oui }, publicUrl);
    else await resetFactor(db, { email: compte, reason: motif, sure: oui });
  } catch (error) {
    if (!(error instanceof RuleBroken)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await db?.close();
  }
});
