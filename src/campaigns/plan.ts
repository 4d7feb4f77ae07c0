import type { EntityManager } from "@mikro-orm/postgresql";
import type { Campaign } from "./campaign.ts";
import { fieldsOf } from "./field.ts";
import type { Plan } from "./operation.ts";

/** What the operations of a campaign obey: its fields in order, its workflow, its zone (GEN-3). */
export async function planFor(em: EntityManager, campaign: Campaign, tenantZone: string): Promise<Plan> {
  const fields = await fieldsOf(em, campaign);
  return {
    campaign,
    fields: fields.map((field) => field.definition()),
    workflow: campaign.workflow,
    zone: campaign.zone ?? tenantZone,
  };
}
