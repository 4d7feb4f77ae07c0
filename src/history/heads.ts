import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";

/** Hashes of consecutive seals as they were when signed: what nobody with the database alone can write again. */
export interface Head {
  tenant: string;
  from: number;
  hashes: string[];
  at: string;
  signature: string;
  /** Which key signed it; absent on lines of before keys could change. */
  key?: string;
}

/** What retention erased, up to which seal, and its hash, from which the rest of the chain hangs (HIS-17). */
export interface Checkpoint {
  tenant: string;
  upTo: number;
  hash: string;
  /** The last day erased, in the organisation's zone: "2024-11-20". */
  lastDay: string;
  at: string;
  signature: string;
  key: string;
}

/** Under VAR_DIR. */
export const HEADS = "heads";
export const headsFolder = (varDir: string) => path.join(varDir, HEADS);

const signedText = ({ tenant, from, hashes, at }: Omit<Head, "signature">) =>
  Buffer.from([tenant, from, at, ...hashes].join("\n"));

const signedCheckpoint = ({ tenant, upTo, hash, lastDay, at }: Omit<Checkpoint, "signature" | "key">) =>
  Buffer.from(["checkpoint", tenant, upTo, hash, lastDay, at].join("\n"));

const idOf = (key: KeyObject) =>
  createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64url")
    .slice(0, 12);

/**
 * The signed heads, outside the database (rulings 10): one file of JSON lines a tenant under `<VAR_DIR>/heads`, and
 * another beside it for its checkpoints.
 */
export class Heads {
  readonly #folder: string;
  readonly #key: KeyObject;
  readonly #keyId: string;
  /** By identifier: the key in force first, then those of before, which only check what they signed. */
  readonly #publicKeys: Map<string, KeyObject>;

  constructor(folder: string, privateKeyPem: string, pastPublicKeys: readonly string[] = []) {
    this.#folder = folder;
    this.#key = createPrivateKey(privateKeyPem);
    const known = [createPublicKey(this.#key), ...pastPublicKeys.map((pem) => createPublicKey(pem))];
    this.#publicKeys = new Map(known.map((key) => [idOf(key), key]));
    this.#keyId = idOf(known[0]!);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  #file(tenantId: string) {
    return path.join(this.#folder, `${tenantId}.jsonl`);
  }

  #checkpointFile(tenantId: string) {
    return path.join(this.#folder, `${tenantId}.checkpoints.jsonl`);
  }

  /** Signs and appends; returns once the line is on the disk. */
  async append(tenantId: string, from: number, hashes: Buffer[], at: Date): Promise<void> {
    const head = { tenant: tenantId, from, hashes: hashes.map((hash) => hash.toString("hex")), at: at.toISOString() };
    await this.#write(this.#file(tenantId), head, signedText(head));
  }

  /** Signs that what comes up to this seal may be erased, before it is; returns once the line is on the disk. */
  async appendCheckpoint(
    tenantId: string,
    { upTo, hash, lastDay }: { upTo: number; hash: Buffer; lastDay: string },
    at: Date,
  ): Promise<void> {
    const checkpoint = { tenant: tenantId, upTo, hash: hash.toString("hex"), lastDay, at: at.toISOString() };
    await this.#write(this.#checkpointFile(tenantId), checkpoint, signedCheckpoint(checkpoint));
  }

  async #write(at: string, line: object, text: Buffer): Promise<void> {
    const signature = sign(null, text, this.#key).toString("base64");
    const file = await open(at, "a", 0o600);
    try {
      await file.appendFile(`${JSON.stringify({ ...line, signature, key: this.#keyId })}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** What retention was allowed to erase, oldest first; a line that is not ours, or not whole, is left out. */
  async checkpoints(tenantId: string): Promise<Checkpoint[]> {
    const text = await readFile(this.#checkpointFile(tenantId), "utf8").catch((error) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    return text.split("\n").flatMap((line) => {
      const found = parsed<Checkpoint>(line);
      if (found?.tenant !== tenantId) return [];
      const key = this.#publicKeys.get(found.key);
      const isOurs = key && verify(null, signedCheckpoint(found), key, Buffer.from(found.signature, "base64"));
      return isOurs ? [found] : [];
    });
  }

  /** The heads of a tenant, oldest first; a line that is not ours, or not whole, comes as null. */
  async *read(tenantId: string): AsyncGenerator<Head | null> {
    if (!existsSync(this.#file(tenantId))) return;
    for await (const line of createInterface({ input: createReadStream(this.#file(tenantId), "utf8") })) {
      yield this.#genuine(tenantId, line);
    }
  }

  /** Whole lines that no key of ours has signed: another instance's, or those of keys that are lost. */
  async foreign(tenantId: string): Promise<number> {
    let count = 0;
    if (!existsSync(this.#file(tenantId))) return count;
    for await (const line of createInterface({ input: createReadStream(this.#file(tenantId), "utf8") })) {
      const head = parsed<Head>(line);
      if (head?.tenant === tenantId && !this.#signerOf(head)) count += 1;
    }
    return count;
  }

  #genuine(tenantId: string, line: string): Head | null {
    const head = parsed<Head>(line);
    return head && head.tenant === tenantId && this.#signerOf(head) ? head : null;
  }

  #signerOf(head: Head): KeyObject | undefined {
    const named = head.key === undefined ? [...this.#publicKeys.values()] : [this.#publicKeys.get(head.key)];
    const signature = Buffer.from(head.signature, "base64");
    return named.find((key) => key && verify(null, signedText(head), key, signature));
  }

  /** What an outsider needs to keep: the last signed head, and the key that checks its signature. */
  async attestation(tenantId: string): Promise<(Head & { publicKey: string }) | null> {
    let last: Head | null = null;
    for await (const head of this.read(tenantId)) last = head ?? last;
    const signer = last && this.#signerOf(last);
    return last && signer ? { ...last, publicKey: signer.export({ type: "spki", format: "pem" }).toString() } : null;
  }

  /** The last number signed, 0 when none. */
  async last(tenantId: string): Promise<number> {
    let last = 0;
    for await (const head of this.read(tenantId)) if (head) last = Math.max(last, head.from + head.hashes.length - 1);
    return last;
  }
}

/** A crash in the middle of an append leaves a part of a line: the next one signs the same seals again. */
function parsed<T>(line: string): T | null {
  try {
    return JSON.parse(line) as T;
  } catch {
    return null;
  }
}
