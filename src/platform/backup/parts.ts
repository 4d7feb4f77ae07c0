/** The files of a backup: each compressed, encrypted when there is a key, and known by the SHA-256 of what is on the disk. */
import { createCipheriv, createDecipheriv, createHash, type Hash, randomBytes, scryptSync } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";

export interface Part {
  /** Inside the backup's folder. */
  file: string;
  bytes: number;
  sha256: string;
  /** Of AES-256-GCM, when the backup is encrypted. */
  iv?: string;
  tag?: string;
}

/** What a person must read: the backup or its key is not what it should be. */
export class BackupRefused extends Error {
  override name = "BackupRefused";
}

const CIPHER = "aes-256-gcm";

/** The key that encrypts the parts; slow on purpose, since the setting may be a sentence a person chose (P57). */
export const partKey = (setting: string, salt: string): Buffer =>
  scryptSync(setting, Buffer.from(salt, "hex"), 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 });

/** Writes what `source` gives and waits until it is on the disk. `seen` is shown the bytes before they are compressed. */
export async function writePart(
  folder: string,
  file: string,
  source: Readable,
  key: Buffer | null,
  seen: (chunk: Buffer) => void = () => {},
): Promise<Part> {
  const hash = createHash("sha256");
  const iv = randomBytes(12);
  const cipher = key && createCipheriv(CIPHER, key, iv);
  const written = { bytes: 0 };
  const target = path.join(folder, file);
  await pipeline([
    source,
    watching(seen),
    createGzip({ level: 3 }),
    ...(cipher ? [cipher] : []),
    counting(hash, written),
    createWriteStream(target, { flags: "wx", mode: 0o600 }),
  ]);
  await toDisk(target);
  const part: Part = { file, bytes: written.bytes, sha256: hash.digest("hex") };
  return cipher ? { ...part, iv: iv.toString("hex"), tag: cipher.getAuthTag().toString("hex") } : part;
}

/** Throws BackupRefused, naming the file, unless its bytes are those that were written. */
export async function checkPart(folder: string, part: Part): Promise<void> {
  const hash = createHash("sha256");
  const read = { bytes: 0 };
  const source = createReadStream(path.join(folder, part.file));
  await pipeline(source, counting(hash, read), async (chunks) => {
    for await (const _ of chunks);
  }).catch((error: NodeJS.ErrnoException) => {
    throw new BackupRefused(`Le fichier ${part.file} de la sauvegarde ne se lit pas (${error.code ?? error.message}).`);
  });
  if (read.bytes !== part.bytes || hash.digest("hex") !== part.sha256) {
    throw new BackupRefused(
      `Le fichier ${part.file} de la sauvegarde a changé depuis qu’elle a été faite : prenez-en une autre.`,
    );
  }
}

/** The bytes given to `writePart`, into `target`. A wrong key or a byte changed with its SHA-256 is refused at the end. */
export async function readPart(
  folder: string,
  part: Part,
  key: Buffer | null,
  target: NodeJS.WritableStream,
): Promise<void> {
  const decipher = part.iv && key ? createDecipheriv(CIPHER, key, Buffer.from(part.iv, "hex")) : null;
  decipher?.setAuthTag(Buffer.from(part.tag!, "hex"));
  const source = createReadStream(path.join(folder, part.file));
  await pipeline([source, ...(decipher ? [decipher] : []), createGunzip(), target]);
}

const watching = (seen: (chunk: Buffer) => void) =>
  new Transform({
    transform(chunk, _encoding, done) {
      seen(chunk);
      done(null, chunk);
    },
  });

const counting = (hash: Hash, count: { bytes: number }) =>
  watching((chunk) => {
    hash.update(chunk);
    count.bytes += chunk.length;
  });

/** Waits until a file is on the disk, whatever the system keeps in memory. */
export async function toDisk(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
