import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { accountsTiedTo } from "../../directory/index.ts";
import { visibleCampaigns } from "./campaigns.ts";

const MOST_LISTED = 100;

interface Left {
  id: string;
  title: string;
  campaign: string;
  /** People of the directory it is about. */
  staff: string[];
}

/**
 * Operations not final yet, of live campaigns this person sees, that name one of these people of the directory in a field
 * or are assigned to their account: how many, and the first by campaign and title [IMP-48].
 */
export async function operationsLeftBy(
  em: EntityManager,
  user: SignedIn,
  staff: RawBuilder<unknown>,
): Promise<{ total: number; first: Left[] }> {
  const { rows } = await sql<Left & { total: number }>`
    with gone as materialized (${staff}),
    held as (
      select o.id, g.id as staff_id from gone g
        join campaign_field f on f.type = 'person' and f.removed_at is null
        join operation o on o.tenant_id = f.tenant_id and o.campaign_id = f.campaign_id and o."values" @> jsonb_build_object(f.code, g.id)
      union
      select o.id, t.staff_member_id from (${accountsTiedTo(sql`select id from gone`)}) t
        join operation o on o.technician_id = t.user_id)
    select o.id, o.title, c.name as campaign, array_agg(h.staff_id::text order by h.staff_id) as staff, count(*) over ()::int as total
    from held h join operation o on o.id = h.id
    join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id and c.state <> 'archived' and ${visibleCampaigns(user)}
    where o.trashed_at is null and o.category not in ('success', 'cancelled')
    group by o.tenant_id, o.id, c.name order by c.name, o.title, o.id limit ${MOST_LISTED}`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  return { total: rows[0]?.total ?? 0, first: rows.map(({ total: _total, ...one }) => one) };
}
