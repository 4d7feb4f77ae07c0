import type { Services } from "../platform/services.ts";
import { UPLOAD_HOURS } from "../platform/storage/upload.ts";
import { dropStaleUploads, dropUnshown, knownKeys } from "./queries.ts";

const HOUR_MS = 3_600_000;

export interface Swept {
  /** Rows nothing shows any more, and that no undo can bring back. */
  files: number;
  /** Bytes no row knows: of a request that was cut, or of a row gone a day ago. */
  orphans: number;
}

/** Rows go first and their bytes at the next sweep, a day later: a backup taken meanwhile finds them (DOC-9). */
export async function sweepFiles(
  { db, files: { store, purposes } }: Pick<Services, "db" | "files">,
  { tenantId, now }: { tenantId: string; now: Date },
): Promise<Swept> {
  const before = new Date(now.getTime() - UPLOAD_HOURS * HOUR_MS);
  const files = await db.note(tenantId, async (em) => {
    await dropStaleUploads(em, before);
    return dropUnshown(em, [...purposes.values()]);
  });
  await store.tidy(before);
  const known = await db.read(tenantId, knownKeys);
  let orphans = 0;
  for await (const { key, at } of store.list(tenantId)) {
    if (at >= before || known.has(key)) continue;
    await store.remove(key);
    orphans += 1;
  }
  return { files, orphans };
}
