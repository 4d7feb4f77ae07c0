import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { FilePurpose } from "../platform/storage/purpose.ts";

/** An act can be undone for thirty days; one more, for clocks that disagree. */
const UNDO = "31 days";

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Every key of this organisation's rows, pieces included. */
export async function knownKeys(em: EntityManager): Promise<Set<string>> {
  const { rows } = await sql<{ key: string }>`
    select blob as key from file
    union all select piece ->> 'key' from upload, jsonb_array_elements(pieces) piece`.execute(run(em));
  return new Set(rows.map(({ key }) => key));
}

export async function dropStaleUploads(em: EntityManager, before: Date): Promise<void> {
  await sql`delete from upload where created_at < ${before}`.execute(run(em));
}

/** Rows nothing points to, nor any act that may still be undone. Gives how many left. */
export async function dropUnshown(em: EntityManager, purposes: FilePurpose[]): Promise<number> {
  let gone = 0;
  for (const { purpose, table, column } of purposes) {
    const { rows } = await sql`
      delete from file f where f.purpose = ${purpose} and f.created_at < app_now() - ${sql.lit(UNDO)}::interval
        and not exists (select from ${sql.table(table)} t where t.${sql.id(column)} = f.id)
        and not exists (
          select from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
          where h.table_name = ${table} and c.created_at > app_now() - ${sql.lit(UNDO)}::interval
            and f.id::text in (h.before ->> ${column}, h.after ->> ${column}))
      returning f.id`.execute(run(em));
    gone += rows.length;
  }
  return gone;
}

/** The drawn picture takes the place of what was sent. False when the file no longer waits. */
export async function markClean(
  em: EntityManager,
  { id, blob }: { id: string; blob: string },
  { key, size, sha256, type }: { key: string; size: number; sha256: Buffer; type: string },
): Promise<boolean> {
  const { rows } = await sql`
    update file set state = 'clean', blob = ${key}, size = ${size}, sha256 = ${sha256}, type = ${type}, scanned_at = app_now()
    where id = ${id}::uuid and state = 'pending' and blob = ${blob} returning id`.execute(run(em));
  return rows.length > 0;
}

/** False when the file no longer waits. */
export async function markInfected(em: EntityManager, id: string): Promise<boolean> {
  const { rows } = await sql`
    update file set state = 'infected', scanned_at = app_now() where id = ${id}::uuid and state = 'pending' returning id`.execute(
    run(em),
  );
  return rows.length > 0;
}
