import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Ratio } from "../../platform/text/index.ts";
import type { Frozen, FrozenReadiness, SnapshotCause } from "../snapshot.ts";
import type { Counters } from "../stats.ts";

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
    readiness,
  }: {
    day: string;
    cause: SnapshotCause;
    takenAt: Date;
    isRebuilt: boolean;
    figures: Frozen;
    readiness: FrozenReadiness | null;
  },
): Promise<void> {
  await sql`
    insert into campaign_snapshot (tenant_id, id, campaign_id, day, cause, taken_at, is_rebuilt, formula_version, figures, readiness)
    values (${tenantId}::uuid, uuidv7(), ${id}::uuid, ${day}::date, ${cause}, ${takenAt.toISOString()}::timestamptz, ${isRebuilt}::boolean,
      ${figures.formulaVersion}::int, ${JSON.stringify(figures)}::jsonb, ${readiness && JSON.stringify(readiness)}::jsonb)
    on conflict (tenant_id, campaign_id, day) where cause = 'day' do nothing`.execute(transaction(em));
}

/** Up to which day each of these campaigns was frozen: its last night or, before the first, the eve of the day its baseline or its first plan was written. */
export async function lastSnapshots(em: EntityManager, campaignIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; day: string }>`
    select id, max(day)::text as day from (
      select campaign_id as id, day from campaign_snapshot where cause = 'day' and campaign_id = any (${[...campaignIds]}::uuid[])
      union all select campaign_id, min(day) - 1 from day_plan where campaign_id = any (${[...campaignIds]}::uuid[]) group by 1
      union all
      select b.campaign_id, (min(b.created_at) at time zone coalesce(c.zone, t.zone))::date - 1 from baseline b
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

/** What the list of snapshots says of one. */
export interface SnapshotEntry {
  id: string;
  day: string;
  cause: SnapshotCause;
  isRebuilt: boolean;
  counters: Counters;
  total: number;
  progress: Ratio;
  expected: Ratio;
}

/** The snapshots of a campaign up to a day, so many, the last first (SNP-2). */
export async function latestSnapshots(
  em: EntityManager,
  campaignId: string,
  { until, most }: { until: string | null; most: number },
): Promise<SnapshotEntry[]> {
  const { rows } = await sql<SnapshotEntry>`
    select id, day::text, cause, is_rebuilt as "isRebuilt", figures -> 'counters' as counters, (figures -> 'total')::int as total,
      figures -> 'progress' as progress, figures -> 'expected' as expected
    from campaign_snapshot where campaign_id = ${campaignId}::uuid and (${until}::date is null or day <= ${until}::date)
    order by day desc, id desc limit ${most}`.execute(transaction(em));
  return rows;
}

/** One snapshot, whole. */
export interface Snapshot extends SnapshotLine {
  id: string;
  takenAt: Date;
  formulaVersion: number;
  readiness: FrozenReadiness | null;
}

const WHOLE = sql`select id, day::text, cause, is_rebuilt as "isRebuilt", taken_at as "takenAt", formula_version as "formulaVersion", figures, readiness
  from campaign_snapshot`;
const thawed = (row: (Omit<Snapshot, "takenAt"> & { takenAt: string }) | undefined): Snapshot | null =>
  row ? { ...row, takenAt: new Date(row.takenAt) } : null;

export async function findSnapshot(em: EntityManager, campaignId: string, id: string): Promise<Snapshot | null> {
  const { rows } = await sql<Omit<Snapshot, "takenAt"> & { takenAt: string }>`
    ${WHOLE} where campaign_id = ${campaignId}::uuid and id = ${id}::uuid`.execute(transaction(em));
  return thawed(rows[0]);
}

/** The snapshot of this day; without one, the last before it; before the first, the first (SNP-2). */
export async function snapshotOn(em: EntityManager, campaignId: string, day: string): Promise<Snapshot | null> {
  const { rows } = await sql<Omit<Snapshot, "takenAt"> & { takenAt: string }>`
    ${WHOLE} where campaign_id = ${campaignId}::uuid
    order by day > ${day}::date, case when day > ${day}::date then day end, day desc, id desc limit 1`.execute(
    transaction(em),
  );
  return thawed(rows[0]);
}
