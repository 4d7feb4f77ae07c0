import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Technician } from "../availability.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * The active technicians by name, with their hours and their absences that touch these days, in order: what
 * `isAvailable`, `absencesOn` and `minutesOn` are asked over. Without `to`, all absences from then on.
 */
export async function listTechnicians(
  em: EntityManager,
  { from, to = "9999-12-31", id }: { from: string; to?: string; id?: string },
): Promise<Technician[]> {
  const which = id ? sql`and u.id = ${id}::uuid` : sql`and u.deactivated_at is null`;
  const { rows } = await sql<Technician>`
    select u.id, u.given_name || ' ' || u.family_name as name, coalesce(i.zone, n.zone) as zone,
      coalesce(i.holiday_zone, n.holiday_zone) as "holidayZone", h.hours,
      coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'startsOn', a.starts_on, 'endsOn', a.ends_on, 'reason', a.reason) order by a.starts_on)
        from absence a where a.user_id = u.id and a.ends_on >= ${from}::date and a.starts_on <= ${to}::date), '[]') as absences
    from app_user u
    join tenant n on n.tenant_id = u.tenant_id
    left join technician_hours h on h.tenant_id = u.tenant_id and h.user_id = u.id
    left join account_tie t on t.tenant_id = u.tenant_id and t.user_id = u.id
    left join staff_member s on s.tenant_id = t.tenant_id and s.id = t.staff_member_id
    left join site i on i.tenant_id = s.tenant_id and i.id = s.site_id
    where 'technician' = any (u.roles) and u.support_of is null ${which}
    order by folded(u.family_name || ' ' || u.given_name), u.id`.execute(transaction(em));
  return rows;
}
