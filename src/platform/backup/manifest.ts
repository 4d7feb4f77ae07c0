import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { BackupRefused, checkPart, flush, type Part, partKey } from "./parts.ts";

const FILE = "manifeste.json";
const FORMAT = 2;
/** In format 1 every part was compressed by gzip. */
const READ: number[] = [1, FORMAT];

export interface TablePart extends Part {
  schema: string;
  table: string;
  columns: string[];
  rows: number;
}

/** Before the key of a file people sent: it goes back to the storage, wherever that is, not under VAR_DIR. */
export const STORED = "stockage/";

export interface FilePart extends Part {
  /** Under VAR_DIR. */
  path: string;
}

/** The table of contents of a backup: what it holds, of what version, and the mark of each file. */
export interface Manifest {
  format: number;
  /** Of the product. */
  version: string;
  /** When its snapshot was taken. */
  at: string;
  migrations: string[];
  /** Salt of the key, or null when the backup is in clear. */
  salt: string | null;
  tables: TablePart[];
  files: FilePart[];
  /** Tables left out, with the reason. */
  leftOut: Record<string, string>;
  /** Of all that precedes, made with the key: a manifest rewritten to suit changed files shows. */
  mac?: string;
}

const macOf = (manifest: Manifest, key: Buffer) =>
  createHmac("sha256", key)
    .update(JSON.stringify({ ...manifest, mac: undefined }))
    .digest();

export async function writeManifest(
  folder: string,
  contents: Omit<Manifest, "format" | "mac">,
  key: Buffer | null,
): Promise<Manifest> {
  const manifest: Manifest = { format: FORMAT, ...contents };
  const signed = key ? { ...manifest, mac: macOf(manifest, key).toString("hex") } : manifest;
  await writeFile(path.join(folder, FILE), `${JSON.stringify(signed, null, 1)}\n`, { flag: "wx", mode: 0o600 });
  await flush(folder, [FILE]);
  return manifest;
}

/**
 * Opens a backup: its manifest, its key, and each file checked against its SHA-256 (DOC-9, F21).
 * Throws BackupRefused with the sentence that says what is wrong and what to do.
 */
export async function openBackup(
  folder: string,
  setting: string | undefined,
): Promise<{ manifest: Manifest; key: Buffer | null }> {
  const text = await readFile(path.join(folder, FILE), "utf8").catch(() => {
    throw new BackupRefused(
      `${folder} n’est pas une sauvegarde complète : le fichier ${FILE} manque. Donnez le dossier d’une sauvegarde, par exemple var/sauvegardes/2026-11-21T02-00-00Z.`,
    );
  });
  const manifest = parse(text, folder);
  const key = keyFor(manifest, setting);
  if (key) {
    const mac = Buffer.from(manifest.mac ?? "", "hex");
    const expected = macOf(manifest, key);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
      throw new BackupRefused(
        "BACKUP_KEY n’est pas la clé de cette sauvegarde, ou son manifeste a été modifié : donnez la clé d’alors.",
      );
    }
  }
  for (const part of [...manifest.tables, ...manifest.files]) await checkPart(folder, part);
  return { manifest, key };
}

function parse(text: string, folder: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw new BackupRefused(`Le manifeste de ${folder} est illisible : prenez une autre sauvegarde.`);
  }
  if (!READ.includes(manifest.format)) {
    throw new BackupRefused(
      `Cette sauvegarde est au format ${manifest.format}, cette version d’OpsTracker lit les formats ${READ.join(" et ")} : installez la version ${manifest.version}.`,
    );
  }
  return manifest;
}

function keyFor({ salt }: Manifest, setting: string | undefined): Buffer | null {
  if (!salt) return null;
  if (!setting) {
    throw new BackupRefused("Cette sauvegarde est chiffrée : donnez sa clé par le réglage BACKUP_KEY, puis relancez.");
  }
  return partKey(setting, salt);
}
