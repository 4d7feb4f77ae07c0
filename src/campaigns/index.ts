/** The public face of campaigns: the only file other modules import. */

export { aboutCampaign, Campaign, createCampaign } from "./campaign.ts";
export { addFields } from "./field.ts";
export {
  aboutType,
  createType,
  OperationType,
} from "./operation-type.ts";
export { campaignFor, type Standing } from "./policy.ts";
export { Prerequisite } from "./prerequisite.ts";
export { visibleCampaigns } from "./queries/campaigns.ts";
export { type Counters, countersOf, denominatorOf, progressOf, remainingOf, tallyOf } from "./stats.ts";
