/** The files of a backup: each compressed, encrypted when there is a key, and known by the SHA-256 of what is on the disk. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  type Hash,
  randomBytes,
  scryptSync,
  webcrypto,
} from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, createGunzip, createZstdCompress, createZstdDecompress, zstdCompress } from "node:zlib";

export interface Part {
  /** Inside the backup's folder. */
  file: string;
  bytes: number;
  sha256: string;
  /** How it is compressed; gzip when it does not say, as all were in backups of format 1. */
  packing?: "zstd" | "none";
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

const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const compress = promisify(zstdCompress);
const newFile = { flag: "wx", mode: 0o600 };

/** Writes what `source` gives; `flush` puts it on the disk. `seen` is shown the bytes before they are compressed, and may refuse them. */
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
  await pipeline([
    source,
    gathering(seen),
    createZstdCompress(FAST),
    ...(cipher ? [cipher] : []),
    counting(hash, written),
    createWriteStream(path.join(folder, file), { flags: newFile.flag, mode: newFile.mode }),
  ]);
  return known({ file, bytes: written.bytes, sha256: hash.digest("hex"), packing: "zstd" }, iv, cipher);
}

/** The same of bytes held in memory: no stream, and neither compressing nor hashing in this thread. */
export async function writeWholePart(folder: string, file: string, bytes: Buffer, key: Buffer | null): Promise<Part> {
  const packing = isDense(bytes) ? "none" : "zstd";
  const packed = packing === "none" ? bytes : await compress(bytes, FAST);
  const iv = randomBytes(12);
  const cipher = key && createCipheriv(CIPHER, key, iv);
  const out = cipher ? Buffer.concat([cipher.update(packed), cipher.final()]) : packed;
  const [sha256] = await Promise.all([
    webcrypto.subtle.digest("SHA-256", out as Uint8Array<ArrayBuffer>),
    writeFile(path.join(folder, file), out, newFile),
  ]);
  return known({ file, bytes: out.length, sha256: Buffer.from(sha256).toString("hex"), packing }, iv, cipher);
}

const known = (part: Part, iv: Buffer, cipher: { getAuthTag(): Buffer } | null): Part =>
  cipher ? { ...part, iv: iv.toString("hex"), tag: cipher.getAuthTag().toString("hex") } : part;

const SAMPLE = 4_096;
/** Of bits an octet; texts, tables and plain images stay well under, what was compressed is nearly at eight. */
const DENSE = 7.5;

/** Whether these bytes were compressed already, as photographs are: doing it again would cost much and give nothing. */
function isDense(bytes: Buffer): boolean {
  if (bytes.length < SAMPLE) return false;
  const from = (bytes.length - SAMPLE) >> 1; // formats say who they are at their ends, in words
  const seen = new Uint32Array(256);
  for (let at = from; at < from + SAMPLE; at++) seen[bytes[at]!]! += 1;
  let bits = 0;
  for (const n of seen) if (n > 0) bits -= (n / SAMPLE) * Math.log2(n / SAMPLE);
  return bits > DENSE;
}

/** At once: the disk groups what it is asked together. */
const FLUSHED_TOGETHER = 16;

/** Waits until these files, then the names their folder gives them, are on the disk, whatever the system keeps in memory. */
export async function flush(folder: string, files: string[]): Promise<void> {
  const left = files.values();
  const work = async () => {
    for (const file of left) await toDisk(path.join(folder, file));
  };
  await Promise.all(Array.from({ length: FLUSHED_TOGETHER }, work));
  await toDisk(folder);
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
  const opened = part.packing === "none" ? [] : [part.packing === "zstd" ? createZstdDecompress() : createGunzip()];
  await pipeline([source, ...(decipher ? [decipher] : []), ...opened, target]);
}

const GATHERED = 256 * 1024;

/** PostgreSQL sends a few rows at a time: compressed by as little, each costs a turn of its own. */
const gathering = (seen: (chunk: Buffer) => void) => {
  let held: Buffer[] = [];
  let size = 0;
  const given = () => {
    const chunk = Buffer.concat(held);
    held = [];
    size = 0;
    return chunk;
  };
  return new Transform({
    transform(chunk, _encoding, done) {
      try {
        seen(chunk);
      } catch (error) {
        return done(error as Error);
      }
      held.push(chunk);
      size += chunk.length;
      if (size < GATHERED) done();
      else done(null, given());
    },
    flush(done) {
      if (size > 0) this.push(given());
      done();
    },
  });
};

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

/** A file, or a folder: the names it gives. */
async function toDisk(file: string): Promise<void> {
  const handle = await open(file);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
