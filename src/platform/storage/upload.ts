import { createHash, randomUUIDv7 } from "node:crypto";
import { Readable } from "node:stream";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { createdAt, tenantKey, tenantTable } from "../db/entity.ts";
import { RuleBroken, TooLarge } from "../errors.ts";
import { refuseOverQuota } from "./file.ts";
import type { Files } from "./index.ts";
import { tidyFileName } from "./kinds.ts";
import type { FilePurpose } from "./purpose.ts";
import { tooLarge } from "./store.ts";

/** One piece at most; the whole of a smaller file. */
export const PIECE_BYTES = 1_048_576;
/** What is not finished after this long is swept. */
export const UPLOAD_HOURS = 24;
/** One person's files on the way at once. */
const MOST_OPEN = 10;

export interface Piece {
  offset: number;
  size: number;
  /** SHA-256, hex: the same piece sent twice is known by it. */
  digest: string;
  key: string;
}

const schema = defineEntity({
  name: "Upload",
  tableName: "upload",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "ownerId"] }],
  properties: {
    ...tenantKey(),
    ownerId: p.uuid(),
    purpose: p.text(),
    name: p.text(),
    size: p.bigint("number"),
    // What the browser knows of the file besides: the same file chosen again after a reload goes on where it was.
    mark: p.text(),
    received: p.bigint("number"),
    pieces: p.json<Piece[]>().columnType("jsonb").defaultRaw("'[]'"),
    ...createdAt(),
  },
});

/** A file that arrives by pieces: it can stop, and go on from where it was (F25). */
export class Upload extends schema.class {
  isWhole() {
    return this.received === this.size;
  }
}
schema.setClass(Upload);
export const UploadSchema = schema;

export interface Announced {
  name: string;
  size: number;
  mark: string;
}

/** Opens an upload, or finds again the one of the same file by the same person. Gives it with what it has received. */
export async function openUpload(
  em: EntityManager,
  purpose: FilePurpose,
  { name, size, mark }: Announced,
  { tenantId, by, files }: { tenantId: string; by: { id: string }; files: Files },
): Promise<Upload> {
  const tidy = tidyFileName(name, purpose.kinds);
  if (size > purpose.most) throw new TooLarge(tooLarge(purpose.most));
  const same = { ownerId: by.id, purpose: purpose.purpose, name: tidy, size, mark };
  const known = await em.findOne(Upload, same);
  if (known) return known;
  await refuseOverQuota(em, { tenantId, personId: by.id, size }, files.quotas);
  if ((await em.count(Upload, { ownerId: by.id })) >= MOST_OPEN) {
    throw new RuleBroken("Trop d’envois sont restés en chemin. Attendez demain, ou envoyez sans les reprendre.");
  }
  const upload = em.create(Upload, { tenantId, id: randomUUIDv7(), ...same, received: 0, pieces: [] });
  em.persist(upload);
  return upload;
}

/**
 * Adds a piece where the last one ended. Gives how much is received: unchanged when this very piece came before, null
 * when the piece belongs elsewhere.
 */
export async function addPiece(em: EntityManager, upload: Upload, piece: Piece): Promise<number | null> {
  const { rows } = await sql<{ received: string }>`
    update upload set received = received + ${piece.size}, pieces = pieces || ${JSON.stringify([piece])}::jsonb
    where tenant_id = ${upload.tenantId}::uuid and id = ${upload.id}::uuid and received = ${piece.offset}
      and received + ${piece.size} <= size returning received`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  return rows[0] ? Number(rows[0].received) : null;
}

export const hasPiece = ({ pieces }: Upload, { offset, digest }: Pick<Piece, "offset" | "digest">): boolean =>
  pieces.some((one) => one.offset === offset && one.digest === digest);

/** The whole file, one piece after the other, each checked again. */
export function readPieces({ pieces }: Upload, { store }: Files): Readable {
  return Readable.from(
    (async function* () {
      for (const { key, digest } of pieces) {
        const hash = createHash("sha256");
        for await (const chunk of await store.open(key)) {
          hash.update(chunk);
          yield chunk;
        }
        if (hash.digest("hex") !== digest) throw new Error(`A piece kept at ${key} has changed.`);
      }
    })(),
    { objectMode: false },
  );
}
