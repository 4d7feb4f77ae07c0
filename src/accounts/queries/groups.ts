import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** A department written otherwise is the same: neither case nor accents count, as in scopes (TEA-2). */
const wordSql = (column: string) => `public.unaccent(lower(${column}))`;
const word = (column: string) => sql.raw(wordSql(column));

// Who is in which group now, once for each way in: by name, or by the department of their account. Closed accounts and
// those of a support are in none.
const PEOPLE_SQL = `
  select m.group_id, u.id as user_id, true as named from user_group_member m
    join app_user u on u.tenant_id = m.tenant_id and u.id = m.user_id
    where u.deactivated_at is null and u.support_of is null
  union all
  select m.group_id, u.id, false from user_group_member m
    join app_user u on u.tenant_id = m.tenant_id and ${wordSql("u.department")} = ${wordSql("m.department")}
    where u.deactivated_at is null and u.support_of is null`;
const PEOPLE = sql.raw(PEOPLE_SQL);

/** SQL: whether the group of this column holds the account of that one, for rules of undo told as texts (CAM-24). */
export const groupHolds = (group: string, user: string): string =>
  `${group} in (select p.group_id from (${PEOPLE_SQL}) p where p.user_id = ${user})`;

export interface GroupPerson {
  id: string;
  name: string;
  email: string;
  department: string | null;
  /** Named in the group itself, and not only by their department. */
  named: boolean;
}

/**
 * The people a group holds at this moment, each once, by name [ROL-5]: those it names, and whoever is of a department it
 * names. Who joins or leaves such a department is in or out at once; a closed account is out.
 */
export async function peopleOf(em: EntityManager, groupId: string): Promise<GroupPerson[]> {
  const { rows } = await sql<GroupPerson>`
    select u.id, u.given_name || ' ' || u.family_name as name, u.email, u.department, p.named
    from (select user_id, bool_or(named) as named from (${PEOPLE}) p where group_id = ${groupId}::uuid group by user_id) p
    join app_user u on u.id = p.user_id order by u.family_name, u.given_name, u.id`.execute(transaction(em));
  return rows;
}

export interface GroupLine {
  id: string;
  name: string;
  /** How many it names. */
  persons: number;
  departments: number;
  /** How many it holds in the end, each counted once. */
  people: number;
}

/** All groups by name, with what each holds. */
export async function listGroups(em: EntityManager): Promise<GroupLine[]> {
  const { rows } = await sql<GroupLine>`
    select g.id, g.name, coalesce(m.persons, 0) as persons, coalesce(m.departments, 0) as departments, coalesce(p.people, 0) as people
    from user_group g
    left join (select group_id, count(user_id)::int as persons, count(department)::int as departments
      from user_group_member group by group_id) m on m.group_id = g.id
    left join (select group_id, count(distinct user_id)::int as people from (${PEOPLE}) p group by group_id) p on p.group_id = g.id
    order by ${word("g.name")}, g.id`.execute(transaction(em));
  return rows;
}

/** SQL: the ids of the groups a person is in now, for the rights that name groups (CAM-24). `userId`: an account, or a column. */
export const groupIdsOf = (userId: string | RawBuilder<unknown>) =>
  sql<string>`select group_id from (${PEOPLE}) p where user_id = ${userId}::uuid`;

/** The groups a person is in now, by name (ROL-6). */
export async function groupsOf(em: EntityManager, userId: string): Promise<{ id: string; name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from user_group where id in (select group_id from (${PEOPLE}) p where user_id = ${userId}::uuid)
    order by ${word("name")}, id`.execute(transaction(em));
  return rows;
}

/** This department as accounts write it, the most common way first; null when nobody is of it. */
export async function departmentNamed(em: EntityManager, typed: string): Promise<string | null> {
  const { rows } = await sql<{ department: string }>`
    select department from app_user where ${word("department")} = public.unaccent(lower(${typed.trim()}))
    group by department order by count(*) desc, department limit 1`.execute(transaction(em));
  return rows[0]?.department ?? null;
}

export interface Candidates {
  people: { id: string; name: string; email: string; department: string | null }[];
  departments: { department: string; people: number }[];
}

const MOST_SHOWN = 20;

/** Who and which departments answer to these words and are not named in the group yet; at most twenty of each. */
export async function findCandidates(em: EntityManager, groupId: string, q: string): Promise<Candidates> {
  const words = q.split(/\s+/u).filter(Boolean).slice(0, 5);
  const all = (text: string) =>
    sql.join(
      words.map((one) => sql`${word(text)} like public.unaccent(lower(${`%${one.replace(/[\\%_]/g, "\\$&")}%`}))`),
      sql` and `,
    );
  const who = all("u.given_name || ' ' || u.family_name || ' ' || u.email || ' ' || coalesce(u.department, '')");
  const people = await sql<Candidates["people"][number]>`
    select u.id, u.given_name || ' ' || u.family_name as name, u.email, u.department from app_user u
    where u.deactivated_at is null and u.support_of is null and ${who}
      and not exists (select from user_group_member m where m.group_id = ${groupId}::uuid and m.user_id = u.id)
    order by u.family_name, u.given_name, u.id limit ${MOST_SHOWN}`.execute(transaction(em));
  const departments = await sql<Candidates["departments"][number]>`
    select min(u.department) as department, count(*)::int as people from app_user u
    where u.department is not null and u.deactivated_at is null and u.support_of is null and ${all("u.department")}
      and not exists (select from user_group_member m where m.group_id = ${groupId}::uuid and ${word("m.department")} = ${word("u.department")})
    group by ${word("u.department")} order by 1 limit ${MOST_SHOWN}`.execute(transaction(em));
  return { people: people.rows, departments: departments.rows };
}
