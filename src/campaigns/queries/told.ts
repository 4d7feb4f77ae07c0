import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Grant as Letter } from "../../accounts/index.ts";

/** Whom an act gave or took something, read from what it changed. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export interface Handed {
  technicianId: string;
  campaign: string;
  /** Given, or taken back. */
  isGiven: boolean;
  n: number;
  /** One of them, and its name. */
  operationId: string;
  title: string;
}

/** The operations this act gave to technicians, and those it took back from them; those of drafts are told by their publication. */
export async function handedOver(em: EntityManager, actId: string): Promise<Handed[]> {
  const { rows } = await sql<Handed>`
    with m as (
      select o.id, o.title, c.name as campaign, c.id as campaign_id, (h.before ->> 'technician_id')::uuid as before,
        case when h.operation = 'create' then o.technician_id else (h.after ->> 'technician_id')::uuid end as after
      from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
      join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id and o.trashed_at is null
      join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id and c.state <> 'draft' and c.trashed_at is null
      where k.act_id = ${actId}::uuid and h.table_name = 'operation' and (h.operation = 'create' or h.before ? 'technician_id'))
    select t.id as "technicianId", m.campaign, t.is_given as "isGiven", count(*)::int as n,
      (array_agg(m.id order by m.id))[1] as "operationId", (array_agg(m.title order by m.id))[1] as title
    from m cross join lateral (values (m.after, true), (m.before, false)) t (id, is_given)
    where t.id is not null and m.before is distinct from m.after
    group by t.id, m.campaign_id, m.campaign, t.is_given order by t.is_given desc`.execute(transaction(em));
  return rows;
}

/** How many operations of a campaign each technician has. */
export async function heldBy(em: EntityManager, campaignId: string): Promise<{ technicianId: string; n: number }[]> {
  const { rows } = await sql<{ technicianId: string; n: number }>`
    select technician_id as "technicianId", count(*)::int as n from operation
    where campaign_id = ${campaignId}::uuid and trashed_at is null and technician_id is not null group by 1`.execute(
    transaction(em),
  );
  return rows;
}

export interface Granted {
  campaignId: string;
  campaign: string;
  userId: string | null;
  groupId: string | null;
  operation: "create" | "update" | "delete";
  /** As they are now: none of one that is withdrawn. */
  letters: Letter[];
}

/** The grants this act gave, changed or withdrew. */
export async function grantedBy(em: EntityManager, actId: string): Promise<Granted[]> {
  const { rows } = await sql<Granted>`
    select c.id as "campaignId", c.name as campaign, m."userId", m."groupId", m.operation, m.letters
    from (
      select distinct on (h.row_id) h.operation, coalesce(g.letters, '{}') as letters,
        coalesce(g.campaign_id, (h.before ->> 'campaign_id')::uuid) as campaign_id,
        coalesce(g.user_id, (h.before ->> 'user_id')::uuid) as "userId",
        coalesce(g.group_id, (h.before ->> 'group_id')::uuid) as "groupId"
      from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
      left join campaign_grant g on g.tenant_id = h.tenant_id and g.id = h.row_id
      where k.act_id = ${actId}::uuid and h.table_name = 'campaign_grant' order by h.row_id, h.ordinal desc) m
    join campaign c on c.id = m.campaign_id`.execute(transaction(em));
  return rows;
}
