import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { type Mark, PAGE_SIZE, type Paged, paged } from "../../platform/db/paging.ts";
import { NONE } from "./operations.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What the list of people of a campaign may be narrowed by (ELG-4). */
export interface PeopleFilter {
  /** Part of a name, a staff number or an address. */
  q?: string | undefined;
  segment?: string | undefined;
  /** In the directory, or known to this campaign alone. */
  from?: "directory" | "campaign" | undefined;
  mayBook?: boolean | undefined;
  /** Without an e-mail (PRE-6). */
  isUnreachable?: boolean;
}

export interface PersonLine {
  id: string;
  name: string;
  familyName: string | null;
  givenName: string | null;
  staffMemberId: string | null;
  isActive: boolean;
  staffNumber: string | null;
  email: string | null;
  department: string | null;
  site: string | null;
  manager: string | null;
  managerNumber: string | null;
  segment: string | null;
  operation: { id: string; title: string } | null;
  mayBook: boolean;
  version: number;
}

/** Each person with what the directory says of them, or what this campaign alone knows. */
const PEOPLE = sql`
  select r.id, r.campaign_id, r.segment_id, r.operation_id, r.may_book, r.version, r.staff_member_id, s.deactivated_at,
    coalesce(s.staff_number, r.staff_number) as staff_number, coalesce(s.email, r.email) as email,
    coalesce(s.family_name, r.family_name) as family_name, coalesce(s.given_name, r.given_name) as given_name,
    coalesce(d.name, r.department) as department, coalesce(p.name, r.site) as site,
    coalesce(s.manager_id, r.manager_id) as manager_id
  from eligible_person r
  left join staff_member s on s.tenant_id = r.tenant_id and s.id = r.staff_member_id
  left join department d on d.tenant_id = s.tenant_id and d.id = s.department_id
  left join site p on p.tenant_id = s.tenant_id and p.id = s.site_id`;

const ORDER = sql`folded(coalesce(nullif(concat_ws(' ', e.family_name, e.given_name), ''), e.email, e.staff_number))`;

function conditions(
  campaignId: string,
  { q, segment, from, mayBook, isUnreachable }: PeopleFilter,
): RawBuilder<SqlBool> {
  const all = [sql<SqlBool>`e.campaign_id = ${campaignId}::uuid`];
  if (q) {
    const part = `%${q.replace(/[\\%_]/g, "\\$&")}%`;
    all.push(
      sql`folded(concat_ws(' ', e.given_name, e.family_name, e.given_name, e.staff_number, e.email)) like folded(${part})`,
    );
  }
  if (segment === NONE) all.push(sql`e.segment_id is null`);
  else if (segment) all.push(sql`e.segment_id = ${segment}::uuid`);
  if (from) all.push(from === "directory" ? sql`e.staff_member_id is not null` : sql`e.staff_member_id is null`);
  if (mayBook !== undefined) all.push(sql`e.may_book = ${mayBook}`);
  if (isUnreachable) all.push(sql`e.email is null`);
  return sql.join(all, sql` and `) as RawBuilder<SqlBool>;
}

/** How many people of a campaign answer to a filter. */
export async function countPeople(em: EntityManager, campaignId: string, filter: PeopleFilter): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from (${PEOPLE}) e where ${conditions(campaignId, filter)}`.execute(transaction(em));
  return rows[0]!.n;
}

/** The people of a campaign, by name, a page at a time. */
export async function listPeople(
  em: EntityManager,
  campaignId: string,
  filter: PeopleFilter,
  { mark, size = PAGE_SIZE }: { mark: Mark | null; size?: number },
): Promise<Paged<PersonLine>> {
  const where = conditions(campaignId, filter);
  const backwards = mark?.back ?? false;
  const way = backwards ? sql`desc` : sql`asc`;
  const seek = mark
    ? sql`and (${ORDER}, e.id) ${backwards ? sql`<` : sql`>`} (${mark.value}, ${mark.id}::uuid)`
    : sql``;
  const { rows } = await sql<PersonLine & { mark: string }>`
    select e.id, coalesce(nullif(concat_ws(' ', e.family_name, e.given_name), ''), e.email, e.staff_number) as name,
      e.family_name as "familyName", e.given_name as "givenName",
      e.staff_member_id as "staffMemberId", e.deactivated_at is null as "isActive", e.staff_number as "staffNumber", e.email,
      e.department, e.site, e.may_book as "mayBook", e.version,
      (select m.given_name || ' ' || m.family_name from staff_member m where m.id = e.manager_id) as manager,
      (select m.staff_number from staff_member m where m.id = e.manager_id) as "managerNumber",
      (select g.name from segment g where g.id = e.segment_id) as segment,
      (select json_build_object('id', o.id, 'title', o.title) from operation o where o.id = e.operation_id) as operation, e.mark
    from (select e.*, ${ORDER} as mark from (${PEOPLE}) e where ${where} ${seek} order by ${ORDER} ${way}, e.id ${way} limit ${size + 1}) e
    order by e.mark ${way}, e.id ${way}`.execute(transaction(em));
  const total = await countPeople(em, campaignId, filter);
  return paged(rows, {
    ...{ backwards, size, more: mark !== null, total },
    markOf: (row) => row.mark,
    line: ({ mark: _mark, ...line }) => line,
  });
}
