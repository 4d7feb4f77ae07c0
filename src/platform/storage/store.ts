import { createHash } from "node:crypto";
import { type Readable, Transform } from "node:stream";
import { TooLarge } from "../errors.ts";

/** What arrived whole: where it is, how long it is, and the SHA-256 counted on the way. */
export interface Kept {
  key: string;
  size: number;
  sha256: Buffer;
}

export interface Stored {
  key: string;
  size: number;
  at: Date;
}

/**
 * Where bytes live outside the database: one interface, two makes (folder.ts, s3.ts). A key is drawn at random under its
 * organisation's own prefix (P40) and its bytes never change.
 */
export interface Store {
  /** French, for the page of the instance; no secret. */
  readonly name: string;
  /** The folder of this machine it fills; absent for a bucket. */
  readonly folder?: string;
  /** Keeps the whole stream or nothing. Throws TooLarge past `most` bytes, NoRoom when the disk is full (F18). */
  put(tenantId: string, bytes: Readable, options: { most: number }): Promise<Kept>;
  /** The bytes from `start` to `end` included, all of them when not said. Throws Missing. */
  open(key: string, range?: { start: number; end: number }): Promise<Readable>;
  /** All the bytes, for what is small enough to be held. Throws Missing. */
  whole(key: string): Promise<Buffer>;
  /** Without a word when it is gone already. */
  remove(key: string): Promise<void>;
  /** Of this organisation, or of all of them. */
  list(tenantId?: string): AsyncIterable<Stored>;
  /** Takes away what writes begun before this instant left half done. */
  tidy(before: Date): Promise<void>;
  /** Gives back bytes of a backup under the key they had. */
  restore(key: string, bytes: Readable): Promise<void>;
}

/** The row is there and its bytes are not. */
export class Missing extends Error {
  override name = "Missing";
}

export const KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[0-9a-f]{2}\/[0-9a-f]{32}$/;

/** No key of ours holds a dot, so none climbs out of its folder. */
export function checkKey(key: string): string {
  if (!KEY.test(key)) throw new Error(`Not a key of the storage: ${key}`);
  return key;
}

/** Lets bytes through, counts them, adds them to a SHA-256; stops at the first one too many. */
export class Meter extends Transform {
  /** Not `size`: the S3 client would take that for what the stream will hold. */
  counted = 0;
  readonly #hash = createHash("sha256");
  readonly #most: number;
  readonly #each: (size: number) => Promise<void> | void;

  constructor(most: number, each: (size: number) => Promise<void> | void = () => {}) {
    super();
    this.#most = most;
    this.#each = each;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error?: Error | null, chunk?: Buffer) => void): void {
    this.counted += chunk.length;
    if (this.counted > this.#most) {
      done(new TooLarge(tooLarge(this.#most)));
      return;
    }
    this.#hash.update(chunk);
    const checked = this.#each(this.counted);
    if (checked) checked.then(() => done(null, chunk), done);
    else done(null, chunk);
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

const MEGA = 1_000_000;

/** "5 Mo", "1,5 Mo", "800 ko". */
export const weight = (bytes: number): string =>
  bytes < MEGA
    ? `${Math.ceil(bytes / 1000)}\u00a0ko`
    : `${(Math.round(bytes / (MEGA / 10)) / 10).toLocaleString("fr-FR")}\u00a0Mo`;

export const tooLarge = (most: number): string =>
  `Ce fichier dépasse ${weight(most)}. Choisissez-en un plus léger, ou réduisez-le.`;
