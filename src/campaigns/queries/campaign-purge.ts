import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What belongs to a campaign and goes with it, each before what it names; its operations first, by parts. */
export const PARTS = [
  "eligible_person",
  "field_conversion",
  "saved_view",
  "prerequisite",
  "baseline",
  "day_plan",
  "campaign_snapshot",
  "segment",
  "campaign_field",
  "campaign_grant",
] as const;

/** The campaign that has waited longest in the trash since before this moment. */
export async function oldestTrashed(em: EntityManager, before: Date): Promise<{ id: string; name: string } | null> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from campaign where trashed_at < ${before} order by trashed_at, id limit 1`.execute(
    transaction(em),
  );
  return rows[0] ?? null;
}

/** Erases so many of its operations, then all the rest; tells whether there is more to erase. Nothing of one that came out meanwhile. */
export async function purgeCampaign(
  em: EntityManager,
  id: string,
  { before, most }: { before: Date; most: number },
): Promise<boolean> {
  const run = transaction(em);
  const { rows: held } =
    await sql`select from campaign where id = ${id}::uuid and trashed_at < ${before} for update`.execute(run);
  if (held.length === 0) return false;
  await sql`update eligible_person set operation_id = null, version = version + 1
    where campaign_id = ${id}::uuid and operation_id is not null`.execute(run);
  const { numAffectedRows } = await sql`delete from operation where (tenant_id, id) in (
    select tenant_id, id from operation where campaign_id = ${id}::uuid order by id limit ${most})`.execute(run);
  if (Number(numAffectedRows) === most) return true;
  await sql`delete from bulk_row where bulk_id in (select id from bulk where campaign_id = ${id}::uuid)`.execute(run);
  await sql`delete from bulk where campaign_id = ${id}::uuid`.execute(run);
  await sql`delete from default_view where campaign_id = ${id}::uuid`.execute(run);
  for (const part of PARTS) await sql`delete from ${sql.table(part)} where campaign_id = ${id}::uuid`.execute(run);
  await sql`delete from campaign where id = ${id}::uuid`.execute(run);
  return false;
}
