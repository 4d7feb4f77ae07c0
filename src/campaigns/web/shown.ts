import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { allows, type PermissionCode } from "../../accounts/index.ts";
import { fr, percentOf } from "../../platform/text/index.ts";
import type { Campaign } from "../campaign.ts";
import { stateOf } from "../campaign.ts";
import { type Plan, rulesFor } from "../plan.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { isDraft } from "../preparation.ts";
import { definitionsOf, definitionsWithNext } from "../queries/definitions.ts";
import { progressOf, type Tally } from "../stats.ts";
import { isAsked } from "../type-offer.ts";

export const AT = "/campagnes";
export const HOME = { label: "Accueil", href: "/" };
export const CAMPAIGNS = { label: "Campagnes", href: AT };
export const addressOf = ({ id }: { id: string }) => `${AT}/${id}`;
export const listAt = (campaign: { id: string }) => `${addressOf(campaign)}/operations`;
export const operationAt = ({ id }: { id: string }) => `/operations/${id}`;

/** The zone of its days and hours (GEN-3). */
export const zoneOf = (req: Request, campaign: Pick<Campaign, "zone">): string =>
  campaign.zone ?? req.user!.tenant.zone;

/** What the operations of a campaign obey, in the zone of whoever asks when it has none. */
export const planOf = async (em: EntityManager, req: Request, campaign: Campaign): Promise<Plan> => ({
  ...rulesFor(campaign, req.user!.tenant.zone),
  fields: await definitionsOf(em, campaign),
});

/** A campaign one may act on thus, and what its operations obey, in one trip: see `campaignFor`. */
export async function campaignAndPlan(
  em: EntityManager,
  req: Request<{ id: string }>,
  right: PermissionCode,
): Promise<{ standing: Standing; plan: Plan }> {
  const fields = await definitionsWithNext(em, req.params);
  const standing = await campaignFor(em, req.user!, req.params.id, right);
  return { standing, plan: { ...rulesFor(standing.campaign, req.user!.tenant.zone), fields: fields() } };
}

type Tab =
  | "dashboard"
  | "operations"
  | "segments"
  | "people"
  | "prerequisites"
  | "fields"
  | "workflow"
  | "access"
  | "settings";

/** What each page of a campaign shows above its own matter: its name, its state, its tabs, the way here (CAM-28). */
export function frameOf(req: Request, { campaign, may }: Standing, here: Tab, label?: string) {
  const at = addressOf(campaign);
  const tabs = [
    { tab: "dashboard", label: "Tableau de bord", href: at, open: may("campaigns.see") },
    { tab: "operations", label: "Opérations", href: `${at}/operations`, open: may("campaigns.see") },
    { tab: "segments", label: "Segments", href: `${at}/segments`, open: may("campaigns.see") },
    { tab: "people", label: "Personnes", href: `${at}/personnes`, open: may("bookings.place") },
    { tab: "prerequisites", label: "Prérequis", href: `${at}/prerequis`, open: may("campaigns.see") },
    { tab: "fields", label: "Champs", href: `${at}/champs`, open: may("campaigns.configure") },
    { tab: "workflow", label: "Flux", href: `${at}/flux`, open: may("campaigns.see") },
    { tab: "access", label: "Accès", href: `${at}/acces`, open: may("grants.edit") || may("campaigns.visibility") },
    { tab: "settings", label: "Réglages", href: `${at}/reglages`, open: may("campaigns.configure") },
    { tab: "history", label: "Historique", href: `/historique/campaign/${campaign.id}`, open: may("campaigns.undo") },
  ];
  return {
    campaign,
    at,
    badge: badgeOf(campaign),
    zone: zoneOf(req, campaign),
    mayConfigure: may("campaigns.configure") && !campaign.isArchived(),
    mayGovern: may("campaigns.govern"),
    // Said on each of its pages until somebody answers (TYP-4).
    offerAt: may("campaigns.configure") && isAsked(campaign) ? `${at}/type` : null,
    resume: isDraft(campaign) && may("campaigns.configure") ? resumeFrom(here, at) : null,
    tabs: tabs.flatMap(({ tab, label: word, href, open }) =>
      open ? { label: word, href, current: tab === here } : [],
    ),
    crumbs: [
      HOME,
      CAMPAIGNS,
      ...(label ? [{ label: campaign.name, href: at }, { label }] : [{ label: campaign.name }]),
    ],
  };
}

/** Settings of a draft are looked at on the way to its publication: each page has the way back (CAM-12, CAM-16). */
const resumeFrom = (here: Tab, at: string) =>
  here === "operations" || here === "dashboard"
    ? { href: `${at}/preparation`, label: "Reprendre la préparation" }
    : { href: `${at}/configuration`, label: "Revenir à la configuration" };

/** Progress as every table writes it, and as its bar draws it: null of nothing to do (STA-7). */
export function shownProgress(tally: Tally): { share: number | null; progress: string } {
  const progress = progressOf(tally);
  return { share: percentOf(progress), progress: fr.ratio(progress) };
}

/** Copying a campaign makes one: it takes both rights (PRM-2, PRM-5). */
export const mayClone = ({ user }: Pick<Request, "user">, { may }: Pick<Standing, "may">): boolean =>
  may("campaigns.clone") && allows(user!.roles, "campaigns.create");

export const badgeOf = ({ state }: Pick<Campaign, "state">) => {
  const { label, icon, tone } = stateOf(state);
  return { label, icon, tone };
};
