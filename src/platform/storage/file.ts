import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { bytes, createdAt, lookedUpTable, tenantKey } from "../db/entity.ts";
import { TooLarge } from "../errors.ts";
import { weight } from "./store.ts";

export const FILE_STATES = ["pending", "clean", "infected"] as const;
export type FileState = (typeof FILE_STATES)[number];

const schema = defineEntity({
  name: "StoredFile",
  tableName: "file",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "blob"] }],
  indexes: [{ properties: ["tenantId", "ownerId"] }, { properties: ["tenantId", "state"] }],
  properties: {
    ...tenantKey(),
    /** Key of its bytes in the storage: drawn at random, unlike the id, which addresses show (P40). */
    blob: p.text(),
    purpose: p.text(),
    name: p.text(),
    type: p.text(),
    size: p.bigint("number"),
    sha256: bytes(),
    state: p.enum(FILE_STATES),
    ownerId: p.uuid(),
    scannedAt: p.datetime().nullable(),
    ...createdAt(),
  },
});

/** One file somebody sent. Its bytes never change; what shows it points to it, and may point elsewhere or back. */
export class StoredFile extends schema.class {
  isServed() {
    return this.state === "clean";
  }
}
schema.setClass(StoredFile);
export const FileSchema = schema;

/** Bytes each may keep (P41). */
export interface Quotas {
  tenant: number;
  person: number;
}

export interface NewFile {
  tenantId: string;
  purpose: string;
  name: string;
  type: string;
  key: string;
  size: number;
  sha256: Buffer;
  state: "pending" | "clean";
  by: { id: string };
}

/** Writes the row of bytes already kept, within the quotas, which no two senders pass together. Throws TooLarge. */
export async function addFile(em: EntityManager, file: NewFile, quotas: Quotas): Promise<StoredFile> {
  const { tenantId, purpose, name, type, key, size, sha256, state, by } = file;
  await refuseOverQuota(em, { tenantId, personId: by.id, size }, quotas);
  const row = em.create(StoredFile, {
    tenantId,
    id: randomUUIDv7(),
    blob: key,
    purpose,
    name,
    type,
    size,
    sha256,
    state,
    ownerId: by.id,
    scannedAt: null,
  });
  em.persist(row);
  return row;
}

/** The file chosen and not shown: it waits for the scanner, or the scanner refused it. */
export async function notServed(
  em: EntityManager,
  id: string | null | undefined,
): Promise<Pick<StoredFile, "name" | "state"> | null> {
  const file = id ? await em.findOne(StoredFile, { id }) : null;
  return file && !file.isServed() ? { name: file.name, state: file.state } : null;
}

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

interface Weighed {
  tenantId: string;
  personId: string;
  size: number;
}

/** Throws TooLarge when these bytes would pass what the organisation or the person may keep. */
export async function refuseOverQuota(
  em: EntityManager,
  { tenantId, personId, size }: Weighed,
  quotas: Quotas,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`files ${tenantId}`}, 0))`.execute(run(em));
  const { rows } = await sql<{ all: string; own: string }>`
    select coalesce(sum(size), 0) as all, coalesce(sum(size) filter (where owner_id = ${personId}::uuid), 0) as own from file
    where tenant_id = ${tenantId}::uuid`.execute(run(em));
  const [all, own] = [Number(rows[0]!.all), Number(rows[0]!.own)];
  if (own + size > quotas.person) {
    throw new TooLarge(
      `Ce fichier fait ${weight(size)} et il vous reste ${weight(Math.max(0, quotas.person - own))} sur ${weight(quotas.person)}. Retirez un fichier qui ne sert plus, ou choisissez-en un plus léger.`,
    );
  }
  if (all + size > quotas.tenant) {
    throw new TooLarge(
      `Ce fichier fait ${weight(size)} et il reste ${weight(Math.max(0, quotas.tenant - all))} à votre organisation sur ${weight(quotas.tenant)}. Prévenez la personne qui l’administre.`,
    );
  }
}
