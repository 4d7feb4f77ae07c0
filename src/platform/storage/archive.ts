import type { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { RuleBroken } from "../errors.ts";
import { weight } from "./store.ts";

/** What an archive may come to once unpacked (P39). */
export const MOST_UNPACKED = 500_000_000;
export const MOST_RATIO = 100;
export const MOST_ENTRIES = 1_000;

/** What must be known of an archive to say what it is. */
export interface Contents {
  names: ReadonlySet<string>;
  /** What OpenDocument files say of themselves in their first entry. */
  mimetype: string | null;
  /** One of its XML texts declares a document type. */
  declaresType: boolean;
}

/** Bytes of the file, from `start` to `end` included, or all of them. */
export type Reads = (range?: { start: number; end: number }) => Promise<Readable>;

interface Entry {
  name: string;
  raw: Buffer;
  method: number;
  packed: number;
  unpacked: number;
  at: number;
}

const DIRECTORY_END = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;
const DIRECTORY_END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** Where an entry's own first bytes are looked at: an archive in the archive, entities of an XML text. */
const LOOKED_AT = 65_536;

const ARCHIVES = /\.(?:zip|jar|war|apk|7z|rar|gz|tgz|bz2|xz|zst|tar|cab|iso)$/i;
const OFFICE = /\.(?:docx|docm|dotx|xlsx|xlsm|xltx|pptx|pptm|potx|odt|ods|odp|odg|ott|ots|vsdx)$/i;
const XML = /\.(?:xml|rels|vml)$/i;
/** What may come before the root of an XML text, but a document type. */
const BEFORE_ROOT = /[\s\u00ef\u00bb\u00bf\u00fe\u00ff]+|<\?[\s\S]*?\?>|<!--[\s\S]*?-->/y;
const PACKED = Buffer.from("PK\x03\x04", "latin1");

const damaged = () =>
  new RuleBroken("Cette archive est abîmée ou incomplète. Refaites-la, puis envoyez-la de nouveau.");
const bomb = (why: string) =>
  new RuleBroken(`Cette archive est refusée\u00a0: ${why}. Retirez-en ce qui ne sert pas, puis envoyez-la de nouveau.`);

/**
 * Reads an archive through, one entry after the other and nothing kept, refusing what unpacks beyond measure: first by
 * what it declares, then by what really comes out (P39). Throws RuleBroken.
 */
export async function readArchive(reads: Reads, size: number): Promise<Contents> {
  const entries = await readDirectory(reads, size);
  refuseDeclared(entries, size);
  return unpackAll(entries, new Cursor(await reads()), size);
}

/** The list at the end of the file, which is what every program that opens it follows. */
async function readDirectory(reads: Reads, size: number): Promise<Entry[]> {
  const tail = await bytesOf(reads, Math.max(0, size - DIRECTORY_END_BYTES - LONGEST_COMMENT), size - 1);
  let end = tail.length - DIRECTORY_END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== DIRECTORY_END) end--;
  if (end < 0) throw damaged();
  const [count, length, from] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  if (count > MOST_ENTRIES) throw tooMany();
  const endAt = size - tail.length + end;
  // What stands elsewhere than just before its end is a list some programs would read otherwise.
  if (count === 0 || from + length !== endAt) throw damaged();

  const list = await bytesOf(reads, from, endAt - 1);
  const entries: Entry[] = [];
  for (let at = 0; at < list.length; ) {
    if (entries.length >= MOST_ENTRIES) throw tooMany();
    if (at + 46 > list.length || list.readUInt32LE(at) !== DIRECTORY_ENTRY) throw damaged();
    const nameEnd = at + 46 + list.readUInt16LE(at + 28);
    const raw = list.subarray(at + 46, nameEnd);
    if ((list.readUInt16LE(at + 8) & 1) === 1) {
      throw new RuleBroken(
        "Cette archive est protégée par un mot de passe\u00a0: son contenu ne peut pas être vérifié. Envoyez-la sans mot de passe.",
      );
    }
    entries.push({
      name: raw.toString("utf8").replaceAll("\\", "/"),
      raw,
      method: list.readUInt16LE(at + 10),
      packed: list.readUInt32LE(at + 20),
      unpacked: list.readUInt32LE(at + 24),
      at: list.readUInt32LE(at + 42),
    });
    at = nameEnd + list.readUInt16LE(at + 30) + list.readUInt16LE(at + 32);
  }
  if (entries.length !== count) throw damaged();
  return entries.toSorted((a, b) => a.at - b.at);
}

const tooMany = () => bomb(`elle contient plus de ${MOST_ENTRIES.toLocaleString("fr-FR")} fichiers`);

/** What its own list already says too much. */
function refuseDeclared(entries: Entry[], size: number): void {
  checkTotal(
    entries.reduce((sum, { unpacked }) => sum + unpacked, 0),
    size,
  );
  let free = 0;
  for (const { name, method, packed, unpacked, at } of entries) {
    if (/^(?:\/|[a-z]:)|(?:^|\/)\.\.(?:\/|$)|\0/i.test(name))
      throw bomb("un de ses fichiers veut sortir de son dossier");
    if (ARCHIVES.test(name)) throw bomb("elle contient une autre archive");
    if (method !== STORED && method !== DEFLATED) {
      throw new RuleBroken(
        "Cette archive est compressée d’une manière qui ne peut pas être vérifiée. Refaites-la au format ZIP ordinaire.",
      );
    }
    if (method === STORED && packed !== unpacked) throw damaged();
    // The same bytes given to several entries: a few of them would unpack to anything.
    if (at < free || at + LOCAL_BYTES + packed > size) throw damaged();
    free = at + LOCAL_BYTES + packed;
  }
}

function checkTotal(unpacked: number, size: number): void {
  if (unpacked > MOST_UNPACKED) throw bomb(`décompressée, elle dépasse ${weight(MOST_UNPACKED)}`);
  if (unpacked > size * MOST_RATIO) throw bomb(`décompressée, elle ferait plus de ${MOST_RATIO} fois sa taille`);
}

async function unpackAll(entries: Entry[], cursor: Cursor, size: number): Promise<Contents> {
  let mimetype: string | null = null;
  let declaresType = false;
  let total = 0;
  try {
    for (const entry of entries) {
      await cursor.skipTo(entry.at);
      const head = await cursor.take(LOCAL_BYTES);
      const name = await cursor.take(head.readUInt16LE(26));
      // Two names for one file: what is checked would not be what is opened.
      if (head.readUInt32LE(0) !== LOCAL_ENTRY || head.readUInt16LE(8) !== entry.method || !name.equals(entry.raw)) {
        throw damaged();
      }
      await cursor.skipTo(cursor.at + head.readUInt16LE(28));
      let came = 0;
      const first: Buffer[] = [];
      await unpack(entry, cursor.pieces(entry.packed), (piece) => {
        if (came < LOOKED_AT) first.push(piece);
        came += piece.length;
        if (came > entry.unpacked) throw bomb("elle contient plus que ce qu’elle annonce");
        checkTotal(total + came, size);
      });
      if (came !== entry.unpacked) throw damaged();
      total += came;
      const start = Buffer.concat(first);
      if (start.subarray(0, 4).equals(PACKED) && !OFFICE.test(entry.name))
        throw bomb("elle contient une autre archive");
      if (XML.test(entry.name)) {
        // Without the null bytes of UTF-16.
        const xml = start.toString("latin1").replaceAll("\0", "");
        if (/<!ENTITY/i.test(xml)) throw bomb("un de ses textes se déploie de lui-même");
        declaresType ||= isTyped(xml);
      }
      if (entry.name === "mimetype") mimetype = start.subarray(0, 100).toString("latin1").trim();
    }
  } finally {
    cursor.close();
  }
  return { names: new Set(entries.map(({ name }) => name)), mimetype, declaresType };
}

/** Whether a document type stands before its root; what stands there is walked over once. */
function isTyped(xml: string): boolean {
  BEFORE_ROOT.lastIndex = 0;
  let at = 0;
  while (BEFORE_ROOT.test(xml)) at = BEFORE_ROOT.lastIndex;
  return /^<!DOCTYPE/i.test(xml.slice(at, at + 9));
}

/** Gives what comes out, piece by piece; the next bytes go in once the last ones have been through. */
async function unpack(entry: Entry, pieces: AsyncIterable<Buffer>, came: (piece: Buffer) => void): Promise<void> {
  if (entry.method === STORED) {
    for await (const piece of pieces) came(piece);
    return;
  }
  const inflate = createInflateRaw();
  try {
    await new Promise<void>((resolve, reject) => {
      inflate.once("error", () => reject(damaged()));
      inflate.once("end", resolve);
      inflate.on("data", (piece: Buffer) => {
        try {
          came(piece);
        } catch (error) {
          inflate.pause();
          reject(error);
        }
      });
      feed(inflate, pieces).catch(reject);
    });
  } finally {
    inflate.destroy();
  }
}

async function feed(inflate: ReturnType<typeof createInflateRaw>, pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) {
    if (inflate.destroyed) return;
    await new Promise<void>((resolve) => {
      inflate.once("close", resolve);
      inflate.write(piece, () => {
        inflate.off("close", resolve);
        resolve();
      });
    });
  }
  inflate.end();
}

async function bytesOf(reads: Reads, start: number, end: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  if (end >= start) for await (const piece of await reads({ start, end })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** A stream read forwards, by counted bytes. */
class Cursor {
  at = 0;
  #rest: Buffer = Buffer.alloc(0);
  readonly #bytes: Readable;
  readonly #pieces: AsyncIterator<Buffer>;

  constructor(bytes: Readable) {
    this.#bytes = bytes;
    this.#pieces = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next bytes there are, `most` of them or fewer. */
  async #next(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#pieces.next();
      if (done) throw damaged();
      this.#rest = value as Buffer;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    this.at += piece.length;
    return piece;
  }

  async *pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      const piece = await this.#next(left);
      left -= piece.length;
      yield piece;
    }
  }

  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(length)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async skipTo(at: number): Promise<void> {
    if (at < this.at) throw damaged();
    for await (const _ of this.pieces(at - this.at));
  }

  close(): void {
    this.#bytes.destroy();
  }
}
