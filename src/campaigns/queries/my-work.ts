import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Icon, Tone } from "../../workflow/index.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** When an operation is to be done, by the day it is in its campaign (GEN-3). */
export type When = "late" | "today" | "ahead" | "undated";

export interface MyOperation {
  id: string;
  title: string;
  campaign: string;
  segment: string | null;
  status: { label: string; icon: Icon; tone: Tone };
  plannedAt: Date | null;
  /** Of its campaign. */
  zone: string;
  when: When;
}

/** What this technician has left to do in campaigns to come or under way, in the order of its moments (MYW-2, MYW-3). */
export async function listMyWork(
  em: EntityManager,
  user: { id: string; tenant: { zone: string } },
  { most }: { most: number },
): Promise<MyOperation[]> {
  const { rows } = await sql<Omit<MyOperation, "plannedAt"> & { plannedAt: string | null }>`
    select o.id, o.title, c.name as campaign, s.name as segment, o.planned_at as "plannedAt", z.zone,
      (select json_build_object('label', t ->> 'label', 'icon', t ->> 'icon', 'tone', t ->> 'tone')
       from jsonb_array_elements(c.workflow -> 'statuses') t where t ->> 'code' = o.status) as status,
      case when o.planned_at is null then 'undated' when d.day < d.today then 'late' when d.day = d.today then 'today' else 'ahead' end as when
    from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
    left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
    cross join lateral (select coalesce(c.zone, ${user.tenant.zone}) as zone) z
    cross join lateral (select (o.planned_at at time zone z.zone)::date as day, (app_now() at time zone z.zone)::date as today) d
    where o.technician_id = ${user.id}::uuid and o.trashed_at is null and o.category not in ('success', 'cancelled')
      and c.state in ('upcoming', 'active') and c.trashed_at is null
    order by o.planned_at nulls last, o.title, o.id limit ${most}`.execute(transaction(em));
  return rows.map((row) => ({ ...row, plannedAt: row.plannedAt === null ? null : new Date(row.plannedAt) }));
}
