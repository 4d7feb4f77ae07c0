import { createHash, type Hash } from "node:crypto";
import { addPart } from "../platform/db/digest.ts";

/**
 * The digests of history, computed here apart from the database's own functions, so that verification does not trust
 * what it verifies. Kept in step with `history_part` and `history_digest` of the migration of history.
 */

export interface ActContent {
  tenant_id: string;
  changeset_id: string;
  act_id: string;
  at: string;
  actor_id: string | null;
  on_behalf_of_id: string | null;
  channel: string;
  code: string;
  subject_type: string | null;
  subject_id: string | null;
  label: string | null;
  reason: string | null;
  salt: string | null;
  digest: Buffer;
  request_id: string | null;
  client_at: string | null;
  undoes_id: string | null;
}

export interface EventContent {
  id: string;
  name: string;
  subject_type: string;
  subject_id: string;
  payload: string;
}

export interface ChangeContent {
  ordinal: string;
  table_name: string;
  row_id: string;
  subject_type: string;
  subject_id: string;
  operation: string;
  title: string | null;
  before: string | null;
  after: string | null;
  salt: string | null;
  digest: Buffer;
}

/** Opens the digest of a changeset; its events and changes follow in order. */
export function openContent(a: ActContent): Hash {
  const hash = createHash("sha256");
  for (const text of [a.tenant_id, a.changeset_id, a.act_id, a.at, a.actor_id, a.on_behalf_of_id, a.channel, a.code]) {
    addPart(hash, text);
  }
  addPart(addPart(hash, a.subject_type), a.subject_id);
  hash.update(a.digest);
  for (const text of [a.request_id, a.client_at, a.undoes_id]) addPart(hash, text);
  return hash;
}

export function addEvent(hash: Hash, e: EventContent): void {
  for (const text of [e.id, e.name, e.subject_type, e.subject_id, e.payload]) addPart(hash, text);
}

export function addChange(hash: Hash, c: ChangeContent): void {
  for (const text of [c.ordinal, c.table_name, c.row_id, c.subject_type, c.subject_id, c.operation])
    addPart(hash, text);
  hash.update(c.digest);
}

/** What the first seal of a tenant follows. */
export const GENESIS = Buffer.alloc(32);

/** One link: SHA-256 of the previous hash, tenant, number, changeset, time of sealing and content digest (HIS-6). */
export function sealHash(
  previous: Buffer,
  seal: { tenantId: string; sequence: number; changesetId: string; at: Date; digest: Buffer },
): Buffer {
  const hash = createHash("sha256").update(previous);
  for (const text of [seal.tenantId, String(seal.sequence), seal.changesetId, seal.at.toISOString()])
    addPart(hash, text);
  return hash.update(seal.digest).digest();
}
