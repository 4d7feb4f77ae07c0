import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant } from "../accounts/index.ts";
import type { FieldDefinition } from "../fields/index.ts";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import { aboutCampaign, Campaign } from "./campaign.ts";
import { searchedIn } from "./naming.ts";
import { type Plan, planFor, withPeople } from "./plan.ts";
import { idsNamingPerson, idsOfOperations, valuesOfOperations, writeSearches } from "./queries/operations.ts";

/** What a search finds of operations (OPS-6) is told again when what it is told from changed. */

/** Operations told again at a time. */
const ANEW = 1_000;
/** Up to so many operations are told again while the person waits. */
const INLINE = 500;
/** Operations of one transaction of the job: whoever works on one of them waits for it less than a second. */
const PART_ROWS = 2_000;

/** Tells again what a search finds of operations whose fields came back; history has nothing to say of it. */
export async function searchAnew(em: EntityManager, ids: readonly string[]): Promise<void> {
  const plans = new Map<string, Plan>();
  for (let from = 0; from < ids.length; from += ANEW) {
    const rows = await valuesOfOperations(em, ids.slice(from, from + ANEW));
    for (const { campaignId } of rows) {
      if (!plans.has(campaignId)) plans.set(campaignId, await planOf(em, campaignId));
    }
    for (const [campaignId, of] of Map.groupBy(rows, (row) => row.campaignId)) {
      const plan = plans.get(campaignId)!;
      const searchable = plan.fields.filter(({ isSearchable }) => isSearchable);
      const known = await withPeople(em, { ...plan, fields: searchable }, { values: of.map(({ values }) => values) });
      await writeSearches(
        em,
        of.map(({ id, title, values }) => ({ id, search: searchedIn(known, title, values) })),
      );
    }
  }
}

async function planOf(em: EntityManager, campaignId: string): Promise<Plan> {
  const campaign = await em.findOneOrFail(Campaign, { id: campaignId });
  const { zone } = await em.findOneOrFail(Tenant, { tenantId: campaign.tenantId, id: campaign.tenantId });
  return planFor(em, campaign, zone);
}

/** Whether a search would find something else in a field of this definition: none of it, or by other words. */
export const isFoundOtherwise = (was: FieldDefinition | null, now: FieldDefinition | null): boolean => {
  const told = (field: FieldDefinition | null) =>
    field?.isSearchable
      ? JSON.stringify([field.type, field.rules.options, field.rules.unit, field.rules.decimals])
      : "";
  return told(was) !== told(now);
};

/**
 * Tells again what a search finds of all the operations of a campaign: at once of a few, else by a job, which nobody waits
 * for. The caller has its fields already as they are to be.
 */
export async function searchWholeAnew(em: EntityManager, campaign: Pick<Campaign, "id">): Promise<void> {
  await em.flush();
  const ids = await idsOfOperations(em, campaign.id, { after: null, size: INLINE + 1 });
  if (ids.length > INLINE) record(em, "campaign.search_outdated", aboutCampaign(campaign), {});
  else await searchAnew(em, ids);
}

/** What the job does, for a campaign, or for the operations that a searchable field gives to a person who has another name. */
export async function runSearchAnew(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId, ...of }: { tenantId: string } & ({ campaignId: string } | { personId: string }),
): Promise<void> {
  const size = PART_ROWS;
  // Leaves no trace: what a search finds follows from what history keeps.
  const said = {
    tenantId,
    actorId: null,
    channel: "job",
    code: "campaign.searched_anew",
    label: "Recherche refaite",
  } as const;
  // Part by part, each in one transaction: begun again, it changes nothing more.
  const next = (after: string | null) =>
    db.patiently().act({ ...said, now: clock.now() }, async (em) => {
      const ids =
        "campaignId" in of
          ? await idsOfOperations(em, of.campaignId, { after, size })
          : await idsNamingPerson(em, of.personId, { after, size });
      await searchAnew(em, ids);
      return ids.length < size ? null : ids.at(-1)!;
    });
  let last = await next(null);
  while (last !== null) last = await next(last);
}
