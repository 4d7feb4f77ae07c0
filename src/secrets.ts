/** What an instance draws for itself at its first start and keeps under VAR_DIR. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Config, ConfigRefused } from "./config.ts";

export interface Secrets {
  /** At least 32 bytes: signs cookies and pre-session tokens. */
  secret: string;
  /** Those of before: what they signed or closed is still read. */
  previousSecrets: string[];
  /** Signs the heads of the history's chain. */
  historyKey: { publicKey: string; privateKey: string };
  /** Public keys of before, for the heads they signed; never dropped, or old heads would be nobody's. */
  pastHistoryKeys: string[];
}

/** Reads VAR_DIR/secrets.json, written at first use with mode 0600. SECRET, when given, wins over the file's. */
export async function loadSecrets(
  config: Pick<Config, "varDir" | "secret"> & Partial<Pick<Config, "previousSecrets">>,
): Promise<Secrets> {
  const file = path.join(config.varDir, "secrets.json");
  const known = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Partial<Secrets>,
    (error) => {
      if (error.code === "ENOENT") return {} as Partial<Secrets>;
      throw new ConfigRefused([
        `Le fichier ${file} ne peut pas être lu (${error.code}) : rendez-le au compte qui lance OpsTracker.`,
      ]);
    },
  );
  const secrets: Secrets = {
    secret: known.secret ?? randomBytes(48).toString("base64url"),
    previousSecrets: known.previousSecrets ?? [],
    historyKey: known.historyKey ?? drawHistoryKey(),
    pastHistoryKeys: known.pastHistoryKeys ?? [],
  };
  if (!known.secret || !known.historyKey) {
    await mkdir(config.varDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    const draft = `${file}.${randomBytes(6).toString("hex")}`;
    await writeFile(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    if (Object.keys(known).length > 0) {
      await rename(draft, file);
    } else {
      // A link never replaces: of two first starts at once, the second takes the secrets of the first.
      const first = await link(draft, file).then(
        () => true,
        () => false,
      );
      await rm(draft);
      if (!first) return loadSecrets(config);
    }
  }
  const secret = config.secret ?? secrets.secret;
  const former = [...(config.previousSecrets ?? []), ...secrets.previousSecrets];
  return { ...secrets, secret, previousSecrets: former.filter((one) => one !== secret) };
}

/**
 * Draws a new secret and a new history key into VAR_DIR/secrets.json; the former ones stay there for reading. Only one
 * secret of before is kept: the second change is for when what the first one closed has been closed again.
 */
export async function rotateSecrets(config: Pick<Config, "varDir">): Promise<string> {
  const now = await loadSecrets({ varDir: config.varDir, secret: undefined });
  const file = path.join(config.varDir, "secrets.json");
  const next: Secrets = {
    secret: randomBytes(48).toString("base64url"),
    previousSecrets: [now.secret],
    historyKey: drawHistoryKey(),
    pastHistoryKeys: [...now.pastHistoryKeys, now.historyKey.publicKey],
  };
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(draft, file);
  return file;
}

function drawHistoryKey(): Secrets["historyKey"] {
  return generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}
