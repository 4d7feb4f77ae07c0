import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { askWithNext } from "../../platform/db/index.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export interface SavedViewLine {
  id: string;
  name: string;
  address: Record<string, string[]>;
  isShared: boolean;
  ownerId: string;
  owner: string;
  version: number;
  /** The one this person's list opens on. */
  isDefault: boolean;
}

const seenBy = (campaignId: string, userId: string) => sql<SavedViewLine>`
  select v.id, v.name, v.address, v.is_shared as "isShared", v.owner_id as "ownerId",
    u.given_name || ' ' || u.family_name as owner, v.version, d.view_id is not null as "isDefault"
  from saved_view v join app_user u on u.tenant_id = v.tenant_id and u.id = v.owner_id
  left join default_view d on d.tenant_id = v.tenant_id and d.view_id = v.id and d.user_id = ${userId}::uuid
  where v.campaign_id = ${campaignId}::uuid and (v.owner_id = ${userId}::uuid or v.is_shared)
  order by folded(v.name), v.id`;

/** The views of a campaign this person may open, theirs and those shared, by name (OPS-8). */
export const listViews = async (em: EntityManager, campaignId: string, userId: string): Promise<SavedViewLine[]> =>
  (await seenBy(campaignId, userId).execute(transaction(em))).rows;

/** The same, asked along with the next question. */
export const listViewsWithNext = (em: EntityManager, campaignId: string, userId: string) =>
  askWithNext(em, seenBy(campaignId, userId));

/** Makes a person's list open on this view, or on nothing but itself. */
export async function setDefaultView(
  em: EntityManager,
  { tenantId, campaignId, userId }: { tenantId: string; campaignId: string; userId: string },
  viewId: string | null,
): Promise<void> {
  if (viewId === null) {
    await sql`delete from default_view where campaign_id = ${campaignId}::uuid and user_id = ${userId}::uuid`.execute(
      transaction(em),
    );
    return;
  }
  await sql`insert into default_view (tenant_id, id, campaign_id, user_id, view_id)
    values (${tenantId}::uuid, uuidv7(), ${campaignId}::uuid, ${userId}::uuid, ${viewId}::uuid)
    on conflict (tenant_id, campaign_id, user_id) do update set view_id = excluded.view_id`.execute(transaction(em));
}
