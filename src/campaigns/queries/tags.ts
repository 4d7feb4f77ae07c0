import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { bare } from "../../fields/index.ts";
import { visibleCampaigns } from "./campaigns.ts";

const MOST_ELSEWHERE = 5;

/** SQL over `o`: called so, whatever the case and accents. What a search looks in begins with the title: its index finds it. */
const isCalled = (title: string) =>
  sql`(o.search like ${`%${bare(title).replace(/[\\%_]/g, "\\$&")}%`} and folded(o.title) = folded(${title}))`;

/** The same target in the other live campaigns this person sees: one operation of each, some of them at most (CAM-21). */
export async function targetsElsewhere(
  em: EntityManager,
  user: SignedIn,
  { title, campaignId }: { title: string; campaignId: string },
): Promise<{ id: string; campaign: string }[]> {
  const { rows } = await sql<{ id: string; campaign: string }>`
    select distinct on (c.name, c.id) o.id, c.name as campaign
    from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
    where ${isCalled(title)} and o.trashed_at is null and c.id <> ${campaignId}::uuid and c.state <> 'archived'
      and ${visibleCampaigns(user)} order by c.name, c.id, o.id limit ${MOST_ELSEWHERE}`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  return rows;
}

/**
 * The operations of a campaign that an asset tag names, two at most: their title, whatever its case and accents, or a
 * value that only one of them may have.
 */
export async function operationsTagged(
  em: EntityManager,
  campaignId: string,
  { tag, keys }: { tag: string; keys: readonly string[] },
): Promise<{ id: string; title: string }[]> {
  const valued = keys.map((code) => sql`o."values" @> ${JSON.stringify({ [code]: tag })}::jsonb`);
  const { rows } = await sql<{ id: string; title: string }>`
    select o.id, o.title from operation o
    where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and (${sql.join([isCalled(tag), ...valued], sql` or `)})
    order by o.title, o.id limit 2`.execute(em.getTransactionContext<Transaction<unknown>>()!);
  return rows;
}
