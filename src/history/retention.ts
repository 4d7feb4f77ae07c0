/** History is kept as long as its organisation says, then erased by whole days, the last hash staying signed (HIS-17). */
import type { Database } from "../platform/db/index.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import type { Heads } from "./heads.ts";
import { findOldDays, purgeHistory } from "./queries/retention.ts";

/** Acts erased in one transaction, which readers do not wait for. */
const AT_ONCE = 5_000;

/**
 * Erases what the organisation no longer keeps, by acts of their own (HIS-8), and gives how many acts went. The
 * checkpoint is signed outside the database first: killed between the two, the next run erases what it covers.
 */
export async function purgeOldHistory(
  db: Database,
  heads: Heads,
  { tenantId, now, most = AT_ONCE }: { tenantId: string; now: Date; most?: number },
): Promise<number> {
  let total = 0;
  for (;;) {
    const old = await db.read(tenantId, (em) => findOldDays(em, { now, most }));
    if (!old) return total;
    const { upTo, lastDay } = old;
    await heads.appendCheckpoint(tenantId, { upTo, hash: old.hash, lastDay }, now);
    const subject = { type: "tenant", id: tenantId };
    await db.act(
      {
        tenantId,
        actorId: null,
        channel: "job",
        code: "history.purged",
        label: `Historique effacé jusqu’au ${fr.date(`${lastDay}T12:00:00Z`, "UTC")}, au terme de sa durée de conservation`,
        subject,
        now,
      },
      async (em) => {
        const { acts, changes } = await purgeHistory(em, upTo);
        total += acts;
        record(em, "history.purged", subject, { upTo, lastDay, acts, changes });
      },
    );
  }
}
