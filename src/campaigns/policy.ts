import type { EntityManager } from "@mikro-orm/postgresql";
import { allows, explain, type Grant, type PermissionCode, type Relation, type SignedIn } from "../accounts/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { Campaign } from "./campaign.ts";
import { lettersOn } from "./queries/campaigns.ts";

/** A campaign and what one person may do on it: the one function behind every page of a campaign (CAM-26). */
export interface Standing {
  campaign: Campaign;
  may(right: PermissionCode): boolean;
  explain(right: PermissionCode): string;
  /** The letters they hold, to give no more than that (CAM-24); null: all of them. */
  holds: ReadonlySet<Grant> | null;
}

/** Throws NotFound when the campaign is not theirs to see, as when there is none (CAM-26); Forbidden without the right. */
export async function campaignFor(
  em: EntityManager,
  user: SignedIn,
  id: string,
  right: PermissionCode = "campaigns.see",
): Promise<Standing> {
  const campaign = await em.findOne(Campaign, { id }, { populate: ["owner"] });
  const relation: Relation | null = campaign && {
    owner: campaign.owner.id === user.id,
    visibility: campaign.visibility,
    grants: await lettersOn(em, id, user.id),
  };
  if (!campaign || !relation || !allows(user.roles, "campaigns.see", relation)) {
    throw new NotFound("Cette campagne n’existe pas, ou ne vous est pas ouverte. Revenez à la liste des campagnes.");
  }
  const may = (code: PermissionCode) => allows(user.roles, code, relation);
  const why = (code: PermissionCode) => explain(user.roles, code, relation);
  if (!may(right)) throw new Forbidden(why(right));
  return { campaign, may, explain: why, holds: may("campaigns.visibility") ? null : (relation.grants ?? new Set()) };
}
