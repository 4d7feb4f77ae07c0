import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Keeps the local day of each dated operation of a campaign, those of the trash apart (SNP-5). */
export async function insertBaseline(
  em: EntityManager,
  { tenantId, campaignId }: { tenantId: string; campaignId: string },
  { byId, now, zone, reason }: { byId: string | null; now: Date; zone: string; reason: string | null },
): Promise<void> {
  await sql`
    insert into baseline (tenant_id, id, campaign_id, frozen_at, frozen_by_id, reason, operations, days)
    select ${tenantId}::uuid, uuidv7(), ${campaignId}::uuid, ${now.toISOString()}::timestamptz, ${byId}::uuid, ${reason},
      coalesce(array_agg(id order by id), '{}'), coalesce(array_agg((planned_at at time zone ${zone})::date order by id), '{}')
    from operation where campaign_id = ${campaignId}::uuid and trashed_at is null and planned_at is not null`.execute(
    transaction(em),
  );
}

/**
 * Each operation is told its day in the last baseline of its campaign: figures then read it with the rest. Held by id, as
 * bulk actions hold them; no version moves, since no form shows it.
 */
export async function spreadBaseline(em: EntityManager, campaignId: string): Promise<void> {
  await sql`
    with told as materialized (
      select d.id, d.day from (
        select operations, days from baseline where campaign_id = ${campaignId}::uuid order by frozen_at desc, id desc limit 1) b,
        unnest(b.operations, b.days) as d (id, day)),
    held as materialized (
      select o.tenant_id, o.id, t.day from operation o left join told t on t.id = o.id
      where o.campaign_id = ${campaignId}::uuid and o.baseline_on is distinct from t.day order by o.id for update of o)
    update operation o set baseline_on = h.day from held h where o.tenant_id = h.tenant_id and o.id = h.id`.execute(
    transaction(em),
  );
}
