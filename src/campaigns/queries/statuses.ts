import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { WITH_NEXT } from "../../platform/db/wire.ts";
import type { Category, Workflow } from "../../workflow/index.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

const KEY = (campaignId: RawBuilder<unknown>) => sql`hashtextextended('workflow ' || ${campaignId}, 0)`;

/**
 * Asked before the workflow is read by whatever will write a status: whoever saves a workflow waits until it is committed,
 * and it waits for a save under way, so that what it reads next is the workflow its status will live under (WFL-6).
 */
export async function holdStatuses(
  em: EntityManager,
  of: { campaignId: string } | { operationId: string },
): Promise<void> {
  const one =
    "campaignId" in of
      ? sql`select pg_advisory_xact_lock_shared(${KEY(sql`${of.campaignId}::uuid`)})`
      : sql`select pg_advisory_xact_lock_shared(${KEY(sql`campaign_id`)}) from operation where id = ${of.operationId}::uuid`;
  await sql`${sql.raw(WITH_NEXT)}${one}`.execute(transaction(em));
}

/** The same of the operations whose status an act changed, and which its undo changes back. */
export async function holdStatusesOfAct(em: EntityManager, actId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${KEY(sql`campaign_id`)}) from (
    select distinct o.campaign_id from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
      join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
    where c.act_id = ${actId}::uuid and h.table_name = 'operation' order by 1) s`.execute(transaction(em));
}

/** Nobody writes a status of this campaign until the end of the transaction; those who were about to, wait. */
export async function holdWorkflow(em: EntityManager, campaignId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${KEY(sql`${campaignId}::uuid`)})`.execute(transaction(em));
}

/** The same of the campaigns that an act changed, or whose fields it did. */
export async function holdWorkflowsOfAct(em: EntityManager, actId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${KEY(sql`subject_id`)}) from (
    select distinct h.subject_id from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    where c.act_id = ${actId}::uuid and h.table_name in ('campaign', 'campaign_field') order by 1) s`.execute(
    transaction(em),
  );
}

/** Whether the workflow of a campaign is still this one, and whether it was archived or thrown away meanwhile. */
export async function workflowNow(
  em: EntityManager,
  campaignId: string,
  workflow: Workflow,
): Promise<{ isSame: boolean; isArchived(): boolean; trashedAt: Date | null }> {
  const { rows } = await sql<{ isSame: boolean; isArchived: boolean; trashedAt: Date | null }>`
    select workflow = ${JSON.stringify(workflow)}::jsonb as "isSame", state = 'archived' as "isArchived", trashed_at as "trashedAt"
    from campaign where id = ${campaignId}::uuid`.execute(transaction(em));
  const { isArchived, ...now } = rows[0]!;
  return { ...now, isArchived: () => isArchived };
}

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
  await sql`update operation o set status = m."to", category = m.category,
      entered_at = case when m.category = o.category then o.entered_at else app_now() end, version = o.version + 1,
      completed_at = case when m.category = 'success' then o.completed_at end,
      completed_by_id = case when m.category = 'success' then o.completed_by_id end,
      is_completed_by_technician = case when m.category = 'success' then o.is_completed_by_technician end,
      is_on_first_date = case when m.category = 'success' then o.is_on_first_date end
    from jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) as m ("from" text, "to" text, category text)
    where o.campaign_id = ${campaignId}::uuid and o.status = m."from"`.execute(transaction(em));
}
