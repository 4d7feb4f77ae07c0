import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import type { Load } from "../balance.ts";
import { visibleCampaigns } from "./campaigns.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

interface Weighed {
  zone: string;
  minutes: number;
  except?: RawBuilder<SqlBool>;
  /** Of this campaign alone. */
  campaignId?: string;
  /** From the first of these instants, before the second. */
  between?: readonly [Date, Date];
  seenBy?: SignedIn;
}

/**
 * What these technicians have to do, by day of this zone, `except` some operations: each counts for the standard duration
 * of its campaign, else for `minutes`. Operations that are over weigh nothing. `seenBy`: those of campaigns this person does
 * not see are left out of what a page shows (CAM-26); what is dealt fills no day that is full elsewhere.
 */
export async function loadsOf(
  em: EntityManager,
  technicians: readonly string[],
  { zone, minutes, except = sql<SqlBool>`false`, campaignId, between, seenBy }: Weighed,
): Promise<Load[]> {
  const where = campaignId ? sql`o.campaign_id = ${campaignId}::uuid` : sql`true`;
  const [from, until] = between?.map((instant) => instant.toISOString()) ?? [];
  const when = between ? sql`o.planned_at >= ${from}::timestamptz and o.planned_at < ${until}::timestamptz` : sql`true`;
  const { rows } = await sql<Load>`
    select o.technician_id as "technicianId", to_char(o.planned_at at time zone ${zone}, 'YYYY-MM-DD') as day,
      sum(coalesce(c.duration_minutes, ${minutes}::int))::int as minutes, count(*)::int as operations
    from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
    where o.technician_id = any (${technicians}::uuid[]) and o.trashed_at is null and o.category not in ('success', 'cancelled')
      and c.state <> 'archived' and c.trashed_at is null and ${where} and ${when} and not (${except}) and ${seenBy ? visibleCampaigns(seenBy) : sql`true`}
    group by 1, 2`.execute(transaction(em));
  return rows;
}

/** SQL over `o`: the operations a preview froze. */
export const frozenIn = (bulkId: string): RawBuilder<SqlBool> =>
  sql<SqlBool>`o.id in (select r.operation_id from bulk_row r where r.bulk_id = ${bulkId}::uuid and r.outcome in ('change', 'same'))`;

/** What a balanced preview gives to each technician, by day of this zone. */
export async function dealtBy(
  em: EntityManager,
  bulkId: string,
  { zone, minutes }: { zone: string; minutes: number },
): Promise<Load[]> {
  const { rows } = await sql<Load>`
    select r.technician_id as "technicianId", to_char(o.planned_at at time zone ${zone}, 'YYYY-MM-DD') as day,
      count(*)::int * ${minutes}::int as minutes, count(*)::int as operations
    from bulk_row r join operation o on o.tenant_id = r.tenant_id and o.id = r.operation_id
    where r.bulk_id = ${bulkId}::uuid and r.technician_id is not null
    group by 1, 2`.execute(transaction(em));
  return rows;
}
