import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** An account and the person of the directory it is. */
export interface TieLine {
  userId: string;
  user: string;
  staffMemberId: string;
  person: string;
  staffNumber: string;
  isActive: boolean;
}

/** The tie of an account, or of a person; null when there is none [DIR-3]. */
export async function findTieOf(em: EntityManager, whose: string | { staffMemberId: string }): Promise<TieLine | null> {
  const which =
    typeof whose === "string" ? sql`t.user_id = ${whose}::uuid` : sql`t.staff_member_id = ${whose.staffMemberId}::uuid`;
  const { rows } = await sql<TieLine>`
    select t.user_id as "userId", u.given_name || ' ' || u.family_name as user, t.staff_member_id as "staffMemberId",
      s.given_name || ' ' || s.family_name as person, s.staff_number as "staffNumber", s.deactivated_at is null as "isActive"
    from account_tie t
    join app_user u on u.tenant_id = t.tenant_id and u.id = t.user_id
    join staff_member s on s.tenant_id = t.tenant_id and s.id = t.staff_member_id
    where ${which}`.execute(transaction(em));
  return rows[0] ?? null;
}

/** SQL: the accounts of these people, `user_id` and `staff_member_id`; `people` is SQL that gives their ids. */
export const accountsTiedTo = (people: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`select t.user_id, t.staff_member_id from account_tie t where t.staff_member_id in (${people})`;

/** A department of a scope, whole or at one site, with how many active people it holds. */
export interface ScopeLine {
  id: string;
  department: string;
  site: string | null;
  people: number;
}

/** What an account looks after, by name [TEA-2]. */
export async function listScopes(em: EntityManager, userId: string): Promise<ScopeLine[]> {
  const { rows } = await sql<ScopeLine>`
    select c.id, d.name as department, i.name as site,
      (select count(*)::int from staff_member s where s.department_id = c.department_id and s.deactivated_at is null
        and (c.site_id is null or s.site_id = c.site_id)) as people
    from coordinator_scope c
    join department d on d.tenant_id = c.tenant_id and d.id = c.department_id
    left join site i on i.tenant_id = c.tenant_id and i.id = c.site_id
    where c.user_id = ${userId}::uuid order by folded(d.name), folded(i.name) nulls first, c.id`.execute(
    transaction(em),
  );
  return rows;
}
