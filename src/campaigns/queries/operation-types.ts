import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import type { CampaignState } from "../campaign.ts";
import { visibleCampaigns } from "./campaigns.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Whether a campaign of the organisation took this type, whoever sees it (TYP-3). */
export async function isTypeTaken(em: EntityManager, typeId: string): Promise<boolean> {
  const { rows } = await sql`select from campaign where operation_type_id = ${typeId}::uuid limit 1`.execute(
    transaction(em),
  );
  return rows.length > 0;
}

/** A campaign that took a type, and what it has of it now (TYP-4). */
export interface TakingCampaign {
  id: string;
  name: string;
  state: CampaignState;
  isTaken: boolean;
  isRefused: boolean;
}

/** The campaigns of this type that this person sees, those who have yet to answer first. */
export async function campaignsTaking(
  em: EntityManager,
  user: SignedIn,
  typeId: string,
  most: number,
): Promise<TakingCampaign[]> {
  const { rows } = await sql<TakingCampaign>`
    select c.id, c.name, c.state, c.type_taken = t.taken as "isTaken", coalesce(c.type_refused = t.taken, false) as "isRefused"
    from campaign c cross join (
      select jsonb_build_object('fields', fields, 'workflow', workflow, 'durationMinutes', duration_minutes) as taken
      from operation_type where id = ${typeId}::uuid) t
    where c.operation_type_id = ${typeId}::uuid and ${visibleCampaigns(user)}
    order by c.state in ('finished', 'archived'), c.type_taken = t.taken, folded(c.name), c.id limit ${most}`.execute(
    transaction(em),
  );
  return rows;
}

/** The types a new campaign may take, by name: those that are not retired (TYP-3). */
export async function listOfferedTypes(em: EntityManager): Promise<{ value: string; label: string }[]> {
  const { rows } = await sql<{ value: string; label: string }>`
    select id as value, name as label from operation_type where retired_at is null order by folded(name), id`.execute(
    transaction(em),
  );
  return rows;
}
