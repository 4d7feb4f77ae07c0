import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Frozen, SnapshotCause } from "../snapshot.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Keeps a snapshot, that of a day once (SNP-2). */
export async function insertSnapshot(
  em: EntityManager,
  { tenantId, id }: { tenantId: string; id: string },
  {
    day,
    cause,
    takenAt,
    isRebuilt,
    figures,
  }: {
    day: string;
    cause: SnapshotCause;
    takenAt: Date;
    isRebuilt: boolean;
    figures: Frozen;
  },
): Promise<void> {
  await sql`
    insert into campaign_snapshot (tenant_id, id, campaign_id, day, cause, taken_at, is_rebuilt, formula_version, figures)
    values (${tenantId}::uuid, uuidv7(), ${id}::uuid, ${day}::date, ${cause}, ${takenAt.toISOString()}::timestamptz, ${isRebuilt}::boolean,
      ${figures.formulaVersion}::int, ${JSON.stringify(figures)}::jsonb)
    on conflict (tenant_id, campaign_id, day) where cause = 'day' do nothing`.execute(transaction(em));
}

/** Up to which day each of these campaigns was frozen: its last night or, before the first, the eve of its baseline or of its first plan. */
export async function lastSnapshots(em: EntityManager, campaignIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; day: string }>`
    select id, max(day)::text as day from (
      select campaign_id as id, day from campaign_snapshot where cause = 'day' and campaign_id = any (${[...campaignIds]}::uuid[])
      union all select campaign_id, min(day) - 1 from day_plan where campaign_id = any (${[...campaignIds]}::uuid[]) group by 1
      union all
      select b.campaign_id, (min(b.frozen_at) at time zone coalesce(c.zone, t.zone))::date - 1 from baseline b
        join campaign c on c.tenant_id = b.tenant_id and c.id = b.campaign_id join tenant t on t.tenant_id = c.tenant_id and t.id = c.tenant_id
        where b.campaign_id = any (${[...campaignIds]}::uuid[]) group by b.campaign_id, c.zone, t.zone) s
    group by id`.execute(transaction(em));
  return new Map(rows.map(({ id, day }) => [id, day]));
}

export interface SnapshotLine {
  day: string;
  cause: SnapshotCause;
  isRebuilt: boolean;
  figures: Frozen;
}

/** The snapshots of a campaign from one day to another, oldest first (SNP-2). */
export async function listSnapshots(
  em: EntityManager,
  campaignId: string,
  { from, to }: { from: string; to: string },
): Promise<SnapshotLine[]> {
  const { rows } = await sql<SnapshotLine>`
    select day::text, cause, is_rebuilt as "isRebuilt", figures from campaign_snapshot
    where campaign_id = ${campaignId}::uuid and day between ${from}::date and ${to}::date order by day, id`.execute(
    transaction(em),
  );
  return rows;
}
