import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { bare } from "../../fields/index.ts";

/**
 * The operations of a campaign that an asset tag names, two at most: their title, whatever its case and accents, or a
 * value that only one of them may have.
 */
export async function operationsTagged(
  em: EntityManager,
  campaignId: string,
  { tag, keys }: { tag: string; keys: readonly string[] },
): Promise<{ id: string; title: string }[]> {
  // What a search looks in begins with the title: its index finds it.
  const like = `%${bare(tag).replace(/[\\%_]/g, "\\$&")}%`;
  const named = sql`(o.search like ${like} and folded(o.title) = folded(${tag}))`;
  const valued = keys.map((code) => sql`o."values" @> ${JSON.stringify({ [code]: tag })}::jsonb`);
  const { rows } = await sql<{ id: string; title: string }>`
    select o.id, o.title from operation o
    where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and (${sql.join([named, ...valued], sql` or `)})
    order by o.title, o.id limit 2`.execute(em.getTransactionContext<Transaction<unknown>>()!);
  return rows;
}
