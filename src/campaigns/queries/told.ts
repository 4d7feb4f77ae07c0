import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Grant as Letter } from "../../accounts/index.ts";

/** Whom an act gave or took something, read from what it changed. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export interface Handed {
  technicianId: string;
  campaign: string;
  given: number;
  taken: number;
  /** One of them, and its name. */
  operationId: string;
  title: string;
}

/** The operations this act gave to technicians and took back from them; those of drafts are told by their publication. */
export async function handedOver(em: EntityManager, actId: string): Promise<Handed[]> {
  const { rows } = await sql<Handed>`
    with m as (
      select o.id, o.title, c.name as campaign, c.id as campaign_id, (h.before ->> 'technician_id')::uuid as before,
        case when h.operation = 'create' then o.technician_id else (h.after ->> 'technician_id')::uuid end as after
      from changeset k join change h on h.tenant_id = k.tenant_id and h.changeset_id = k.id
      join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id and o.trashed_at is null
      join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id and c.state <> 'draft' and c.trashed_at is null
      where k.act_id = ${actId}::uuid and h.table_name = 'operation' and (h.operation = 'create' or h.before ? 'technician_id'))
    select t.id as "technicianId", m.campaign, (count(*) filter (where t.id = m.after))::int as given,
      (count(*) filter (where t.id = m.before))::int as taken, min(m.id::text) as "operationId", min(m.title) as title
    from m cross join lateral (select m.before as id union select m.after) t
    where t.id is not null and m.before is distinct from m.after group by t.id, m.campaign_id, m.campaign`.execute(
    transaction(em),
  );
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
  userId: string | null;
  groupId: string | null;
  letters: Letter[];
}

/** To whom a grant goes, or went before this act withdrew it. */
export async function grantedTo(em: EntityManager, grantId: string): Promise<Granted | null> {
  const { rows } = await sql<Granted>`
    select user_id as "userId", group_id as "groupId", letters from campaign_grant where id = ${grantId}::uuid
    union all
    select (before ->> 'user_id')::uuid, (before ->> 'group_id')::uuid, '{}' from change
    where row_id = ${grantId}::uuid and operation = 'delete' and changeset_id = current_setting('app.changeset_id')::uuid`.execute(
    transaction(em),
  );
  return rows[0] ?? null;
}
