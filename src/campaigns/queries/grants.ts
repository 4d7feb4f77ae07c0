import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Grant, groupIdsOf } from "../../accounts/index.ts";
import { askWithNext } from "../../platform/db/index.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** A group as accounts name it; null when it is gone. */
export async function groupName(em: EntityManager, id: string): Promise<string | null> {
  const { rows } = await sql<{ name: string }>`select name from user_group where id = ${id}::uuid`.execute(
    transaction(em),
  );
  return rows[0]?.name ?? null;
}

export interface GrantLine {
  id: string;
  title: string;
  kind: "user" | "group";
  isClosed: boolean;
  letters: Grant[];
}

/** Who was granted what on a campaign, people before groups; a group that is gone is left out. */
export async function listGrants(em: EntityManager, campaignId: string): Promise<GrantLine[]> {
  const { rows } = await sql<GrantLine>`
    select g.id, coalesce(u.given_name || ' ' || u.family_name, s.name) as title, case when g.user_id is null then 'group' else 'user' end as kind,
      u.deactivated_at is not null as "isClosed", g.letters
    from campaign_grant g
    left join app_user u on u.tenant_id = g.tenant_id and u.id = g.user_id
    left join user_group s on s.tenant_id = g.tenant_id and s.id = g.group_id
    where g.campaign_id = ${campaignId}::uuid and (u.id is not null or s.id is not null)
    order by kind desc, folded(coalesce(u.family_name || ' ' || u.given_name, s.name)), g.id`.execute(transaction(em));
  return rows;
}

export interface HeldGrant {
  /** Null: to them by name. */
  group: string | null;
  letters: Grant[];
}

/** What opens a campaign to one person besides their roles: the grants that reach them, and how many of its operations are theirs. */
export async function heldOn(
  em: EntityManager,
  campaignId: string,
  userId: string,
): Promise<{ grants: HeldGrant[]; assigned: number }> {
  const grants = await askWithNext(
    em,
    sql<HeldGrant>`
      select s.name as "group", g.letters from campaign_grant g
      left join user_group s on s.tenant_id = g.tenant_id and s.id = g.group_id
      where g.campaign_id = ${campaignId}::uuid and (g.user_id = ${userId}::uuid or g.group_id in (${groupIdsOf(userId)}))
      order by s.name nulls first`,
  );
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from operation
    where technician_id = ${userId}::uuid and campaign_id = ${campaignId}::uuid and trashed_at is null`.execute(
    transaction(em),
  );
  return { grants: grants(), assigned: rows[0]!.n };
}

export interface Choice {
  value: string;
  label: string;
}

/** The active accounts of the organisation, its support apart; `managing`: those who may own a campaign. */
export async function listPeople(em: EntityManager, { managing = false } = {}): Promise<Choice[]> {
  const { rows } = await sql<Choice>`
    select id as value, family_name || ' ' || given_name as label from app_user
    where deactivated_at is null and support_of is null ${managing ? sql`and roles && '{admin,campaign_manager}'::text[]` : sql``}
    order by folded(family_name), folded(given_name), id`.execute(transaction(em));
  return rows;
}
