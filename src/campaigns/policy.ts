import type { EntityManager } from "@mikro-orm/postgresql";
import {
  allows,
  explain,
  type Grant,
  MANAGER_RIGHTS,
  type PermissionCode,
  type Relation,
  type SignedIn,
} from "../accounts/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import type { ArrowRole } from "../workflow/index.ts";
import { Campaign } from "./campaign.ts";
import { Operation } from "./operation.ts";
import { lettersOn } from "./queries/campaigns.ts";

/** Whoever asks: the person behind a request, or the author of a job. */
export type Asking = Pick<SignedIn, "id" | "roles">;

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
  user: Asking,
  id: string,
  right: PermissionCode = "campaigns.see",
): Promise<Standing> {
  const campaign = await em.findOne(Campaign, { id }, { populate: ["owner", "type"] });
  const standing = campaign && (await standingOn(em, user, campaign));
  if (!standing?.may("campaigns.see")) {
    throw new NotFound("Cette campagne n’existe pas, ou ne vous est pas ouverte. Revenez à la liste des campagnes.");
  }
  return allowed(standing, right);
}

/** The same of one operation, which its technician sees without seeing its campaign (CAM-25), once it is no draft (CAM-10). */
export async function operationFor(
  em: EntityManager,
  user: SignedIn,
  id: string,
  right: PermissionCode = "operations.read",
): Promise<Standing & { operation: Operation; who: ArrowRole[] }> {
  const operation = await em.findOne(
    Operation,
    { id },
    { populate: ["campaign", "campaign.owner", "segment", "technician"] },
  );
  const isTheirs = operation?.technician?.id === user.id;
  const assigned = isTheirs && operation?.campaign.state !== "draft";
  const standing = operation && (await standingOn(em, user, operation.campaign, assigned));
  if (!standing?.may("operations.read") || (operation!.isTrashed() && !standing.may("operations.delete"))) {
    throw new NotFound("Cette opération n’existe pas, ou ne vous est pas ouverte. Revenez à la liste des opérations.");
  }
  return { ...allowed(standing, right), operation: operation!, who: whoOn(standing, user, operation!.technician?.id) };
}

/** As what this person acts on an operation of the campaign: decides which arrows are theirs (WFL-3, CAM-10). */
export const whoOn = (
  { campaign, may }: Pick<Standing, "campaign" | "may">,
  user: Asking,
  technicianId: string | null | undefined,
): ArrowRole[] => [
  ...(technicianId === user.id && campaign.state !== "draft" ? ["assignee" as const] : []),
  ...(may(MANAGER_RIGHTS.operations) ? ["manager" as const] : []),
];

async function standingOn(em: EntityManager, user: Asking, campaign: Campaign, assigned = false): Promise<Standing> {
  const relation: Relation = {
    owner: campaign.owner.id === user.id,
    visibility: campaign.visibility,
    grants: await lettersOn(em, campaign.id, user.id),
    assigned,
  };
  const may = (code: PermissionCode) => allows(user.roles, code, relation);
  return {
    campaign,
    may,
    explain: (code) => explain(user.roles, code, relation),
    holds: may("campaigns.visibility") ? null : (relation.grants ?? new Set()),
  };
}

function allowed(standing: Standing, right: PermissionCode): Standing {
  if (!standing.may(right)) throw new Forbidden(standing.explain(right));
  return standing;
}
