import { randomUUIDv7 } from "node:crypto";
import type { Services } from "../platform/services.ts";
import { purgeRemovedFields } from "./field-change.ts";
import { oldestTrashed, purgeCampaign } from "./queries/campaign-purge.ts";
import { purgeTrashed } from "./queries/operations.ts";

/** What waited thirty days for its undo leaves for good, of archived campaigns too (rulings 27). */

export const FIELDS_PURGE = "Effacement des champs retirés depuis trente jours";
export const TRASH_PURGE = "Effacement des opérations à la corbeille depuis trente jours";
export const CAMPAIGNS_PURGE = "Effacement des campagnes à la corbeille depuis trente jours";
/** How long the trash keeps what is in it. */
export const KEPT_DAYS = 30;
const KEPT_MS = KEPT_DAYS * 86_400_000;
/** Operations of one transaction. */
const PART_ROWS = 2_000;

const ofNight = (tenantId: string, now: Date) => ({ tenantId, actorId: null, channel: "job", now }) as const;
const waitedSince = (now: Date) => new Date(now.getTime() - KEPT_MS);

/** Erases removed fields and their values, as one act; gives how many (FLD-7). */
export function purgeFields(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId }: { tenantId: string },
): Promise<number> {
  const now = clock.now();
  const act = { ...ofNight(tenantId, now), code: "campaign.fields_purged", label: FIELDS_PURGE };
  return db.patiently().act(act, (em) => purgeRemovedFields(em, waitedSince(now)));
}

/** Erases the operations of the trash part by part, as one act; gives how many (OPS-12, GDP-5). */
export async function purgeTrash(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId, most = PART_ROWS }: { tenantId: string; most?: number },
): Promise<number> {
  const now = clock.now();
  const said = { ...ofNight(tenantId, now), code: "operations.purged", label: TRASH_PURGE };
  const act = { ...said, id: randomUUIDv7(), isPart: true } as const;
  for (let total = 0; ; ) {
    const gone = await db.patiently().act(act, (em) => purgeTrashed(em, { before: waitedSince(now), most }));
    total += gone;
    if (gone < most) return total;
  }
}

/** Erases the campaigns of the trash with all they hold, each an act of its own, part by part; gives how many (CAM-11). */
export async function purgeCampaigns(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId, most = PART_ROWS }: { tenantId: string; most?: number },
): Promise<number> {
  const now = clock.now();
  const said = { ...ofNight(tenantId, now), code: "campaign.purged" };
  for (let total = 0; ; total++) {
    const old = await db.read(tenantId, (em) => oldestTrashed(em, waitedSince(now)));
    if (!old) return total;
    const label = `Effacement de la campagne «\u00a0${old.name}\u00a0», à la corbeille depuis trente jours`;
    const act = {
      ...said,
      label,
      subject: { type: "campaign", id: old.id },
      id: randomUUIDv7(),
      isPart: true,
    } as const;
    while (await db.patiently().act(act, (em) => purgeCampaign(em, old.id, { before: waitedSince(now), most })));
  }
}
