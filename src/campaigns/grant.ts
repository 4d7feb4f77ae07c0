import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type Grant as Letter, User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { groupName } from "./queries/grants.ts";

export const LETTERS = [
  { value: "see", label: "Voir", hint: "Le tableau de bord, les opérations, les segments." },
  { value: "place", label: "Positionner", hint: "Prendre, déplacer ou annuler des rendez-vous." },
  { value: "configure", label: "Configurer", hint: "Régler la campagne, importer, mener les opérations." },
  { value: "export", label: "Exporter", hint: "Emporter les lignes et le rapport." },
] as const satisfies { value: Letter; label: string; hint: string }[];

const schema = defineEntity({
  name: "CampaignGrant",
  tableName: "campaign_grant",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "campaign", "user"] }, { properties: ["tenantId", "campaign", "groupId"] }],
  indexes: [{ properties: ["tenantId", "user"] }, { properties: ["tenantId", "groupId"] }],
  checks: [
    { name: "campaign_grant_one_kind", expression: "(user_id is null) <> (group_id is null)" },
    { name: "campaign_grant_some_letter", expression: "cardinality(letters) > 0" },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    user: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "user_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    // No foreign key: a group that is deleted gives nothing any more, and its grants go with the next edit.
    groupId: p.uuid().nullable(),
    letters: p.array().$type<Letter[]>().columnType("text[]"),
    ...createdAt(),
    ...versioned(),
  },
});

/** What one person, or whoever is in a group, may do on one campaign besides their roles (CAM-24). */
export class CampaignGrant extends schema.class {}
schema.setClass(CampaignGrant);
export const CampaignGrantSchema = schema;

/** One or the other: an account, or a group. */
export type Grantee = { userId: string; groupId?: undefined } | { groupId: string; userId?: undefined };

interface Said {
  by: By;
  /** What the giver has: nobody gives more (CAM-24). null: all of them. */
  holds: ReadonlySet<Letter> | null;
}

/** Gives letters to who has none there yet, or replaces theirs. Refused beyond what the giver has. The caller flushes. */
export async function giveGrant(
  em: EntityManager,
  campaign: Campaign,
  { userId, groupId }: Grantee,
  letters: readonly Letter[],
  { by, holds }: Said,
): Promise<CampaignGrant> {
  refuseArchived(campaign);
  const wanted = withSee(letters);
  if (wanted.length === 0) throw new RuleBroken("Cochez au moins une habilitation.", "letters");
  refuseBeyond(wanted, holds);
  const known = await em.findOne(CampaignGrant, { campaign, ...(userId ? { user: { id: userId } } : { groupId }) });
  if (known) {
    refuseBeyond(known.letters, holds);
    known.letters = wanted;
    record(em, "campaign.grant_changed", aboutCampaign(campaign), { grant: known.id, by: by.id });
    return known;
  }
  const { tenantId } = campaign;
  const user = userId ? await em.findOne(User, { tenantId, id: userId, supportOf: null }) : null;
  if (userId && !user?.isActive()) {
    throw new RuleBroken("Choisissez une personne dont le compte est actif.", "grantee");
  }
  if (groupId && (await groupName(em, groupId)) === null) {
    throw new RuleBroken("Ce groupe n’existe plus\u00a0: choisissez-en un autre.", "grantee");
  }
  if (user && user.id === campaign.owner.id) {
    throw new RuleBroken(`${user.name()} est propriétaire de la campagne\u00a0: tout lui est ouvert.`, "grantee");
  }
  const grant = em.create(CampaignGrant, {
    tenantId,
    id: randomUUIDv7(),
    campaign,
    user,
    groupId: groupId ?? null,
    letters: wanted,
  });
  em.persist(grant);
  record(em, "campaign.grant_given", aboutCampaign(campaign), { grant: grant.id, by: by.id });
  return grant;
}

/** Takes a grant back. Refused when it holds more than who takes it. The caller flushes. */
export function withdrawGrant(em: EntityManager, campaign: Campaign, grant: CampaignGrant, { by, holds }: Said): void {
  refuseArchived(campaign);
  if (grant.campaign.id !== campaign.id) throw new Conflict("Cette habilitation est d’une autre campagne.");
  refuseBeyond(grant.letters, holds);
  em.remove(grant);
  record(em, "campaign.grant_withdrawn", aboutCampaign(campaign), { grant: grant.id, by: by.id });
}

/** Each of the last three implies the first (CAM-24); in the order of the page. */
const withSee = (letters: readonly Letter[]): Letter[] =>
  LETTERS.map(({ value }) => value).filter((one) => letters.includes(one) || (one === "see" && letters.length > 0));

function refuseBeyond(letters: readonly Letter[], holds: ReadonlySet<Letter> | null): void {
  if (holds === null || letters.every((letter) => holds.has(letter))) return;
  throw new RuleBroken(
    "Vous ne pouvez ni donner ni retirer une habilitation que vous n’avez pas. La personne propriétaire de la campagne le peut.",
    "letters",
  );
}
