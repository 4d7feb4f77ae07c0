import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Category } from "../../workflow/index.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** How many operations sit in each status, those of the trash included: they may come out of it. */
export async function operationsInStatuses(em: EntityManager, campaignId: string): Promise<Map<string, number>> {
  const { rows } = await sql<{ status: string; n: number }>`
    select status, count(*)::int as n from operation where campaign_id = ${campaignId}::uuid group by status`.execute(
    transaction(em),
  );
  return new Map(rows.map(({ status, n }) => [status, n]));
}

/** Operations of these statuses take others; no date of completion outlives success, and none is made (WFL-6). */
export async function replaceStatuses(
  em: EntityManager,
  campaignId: string,
  moves: readonly { from: string; to: string; category: Category }[],
): Promise<void> {
  await sql`update operation o set status = m."to", category = m.category, version = o.version + 1,
      completed_at = case when m.category = 'success' then o.completed_at end,
      completed_by_id = case when m.category = 'success' then o.completed_by_id end
    from jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) as m ("from" text, "to" text, category text)
    where o.campaign_id = ${campaignId}::uuid and o.status = m."from"`.execute(transaction(em));
}
