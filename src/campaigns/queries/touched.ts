import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { type Answer, askWithNext } from "../../platform/db/index.ts";

/** Which acts concern which campaigns: for the pages that follow one, and for what is worked out once for all its readers. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** How far history has gone, as a campaign's figures depend on it. */
export interface Mark {
  sealed: string;
  /** Committed, and not sealed yet. */
  unsealed: string[];
  /** Plans of its days, which jobs write without an act. */
  plans: string;
}

/** More than this since a mark, and nobody looks at them one by one. */
const MOST_SEALS = 1_000;

/** Acts on another campaign leave this one as it is. All others are taken to change it: on people, on the organisation, by imports. */
const isElsewhere = (campaignId: string) => sql`
  a.subject_type = 'campaign' and a.subject_id <> ${campaignId}::uuid
  or a.subject_type = 'operation' and exists (select from operation o where o.id = a.subject_id and o.campaign_id <> ${campaignId}::uuid)`;

/**
 * The present mark of a campaign, and whether anything since `before` may have changed a figure of it; asked along with the
 * next question. A change that can be seen has its changeset, sealed or not: what is seen later is later than this mark.
 */
export const touchedWithNext = (
  em: EntityManager,
  campaignId: string,
  before: Mark | null,
): Promise<Answer<Mark & { isTouched: boolean }>> => {
  const since = before ?? { sealed: "0", unsealed: [], plans: "" };
  const isTouched: RawBuilder<unknown> =
    before === null
      ? sql`true`
      : sql`n.plans <> ${since.plans} or (select count(*) from fresh) > ${sql.lit(MOST_SEALS)} or exists (
          select from fresh f join changeset c on c.id = f.id join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
          where (${isElsewhere(campaignId)}) is not true)`;
  return askWithNext(
    em,
    sql<Mark & { isTouched: boolean }>`
      with known as (select unnest(${since.unsealed}::uuid[]) as id),
        fresh as (
          select changeset_id as id from (
            select changeset_id from seal where sequence > ${since.sealed}::bigint order by sequence limit ${sql.lit(MOST_SEALS + 1)}) s
            where changeset_id not in (select id from known)
          union all select id from unsealed where id not in (select id from known)),
        n as (select count(*) || ' ' || count(updated) as plans from day_plan where campaign_id = ${campaignId}::uuid)
      select coalesce((select sequence from seal order by sequence desc limit 1), 0)::text as sealed,
        array(select id::text from unsealed) as unsealed, n.plans, (${isTouched}) as "isTouched"
      from n`,
  );
};

/** What the hub calls those who follow a campaign. */
export const campaignTopic = (id: string): string => `campagne:${id}`;

/** The campaigns these changesets are about, as live topics; of an import or of an act on what they share, by the rows it changed. */
export async function campaignsTouched(em: EntityManager, changesetIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with t as materialized (
      select c.id, a.subject_type, a.subject_id from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
      where c.id = any (${changesetIds}::uuid[]))
    select subject_id as id from t where subject_type = 'campaign'
    union select o.campaign_id from t join operation o on o.id = t.subject_id where t.subject_type = 'operation'
    union select coalesce(o.campaign_id, case when h.subject_type = 'campaign' then h.subject_id end)
      from t join change h on h.changeset_id = t.id left join operation o on h.subject_type = 'operation' and o.id = h.subject_id
      where t.subject_type is null or t.subject_type not in ('campaign', 'operation')`.execute(transaction(em));
  return rows.flatMap(({ id }) => id ?? []).map(campaignTopic);
}
