import type { SignedIn } from "../accounts/index.ts";
import type { ImportProfile } from "../platform/sheets/profile.ts";
import { campaignFor } from "./policy.ts";
import { isDraft, STEPS, stepsBehind, stepsOf } from "./preparation.ts";
import { hasOperations } from "./queries/definitions.ts";

/** Of a draft, a file is the second and the third step of its preparation, for who prepares it (CAM-14, CAM-15). */
export const courseOf: NonNullable<ImportProfile["course"]> = async (em, user, scopeId, { hasFile }) => {
  if (scopeId === null) return null;
  const { campaign, may } = await campaignFor(em, user as SignedIn, scopeId, "operations.manage");
  if (!isDraft(campaign) || !may("campaigns.configure")) return null;
  const at = `/campagnes/${campaign.id}`;
  const behind = stepsBehind(campaign, { hasFile, hasOperations: await hasOperations(em, campaign) });
  const [, rows, , settings] = STEPS;
  return {
    label: `Préparation de ${campaign.name}`,
    steps: stepsOf(at, behind, hasFile ? "mapping" : "rows"),
    back: { label: rows.label, href: `${at}/${rows.path}` },
    onward: { label: settings.label, href: `${at}/${settings.path}` },
  };
};
