import { createHash } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { type Mark, PAGE_SIZE, type Paged, paged } from "../../platform/db/paging.ts";
import { folded } from "../../platform/sheets/header.ts";
import type { Reach } from "../reach.ts";
import type { PlaceKind } from "./places.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Of rows `s` of staff_member: those this account may see. */
function within({ userId, everybody, team, scope }: Reach): RawBuilder<SqlBool> {
  if (everybody) return sql<SqlBool>`true`;
  const ways = [
    ...(team
      ? [
          sql`s.deactivated_at is null and s.manager_id = (select t.staff_member_id from account_tie t where t.user_id = ${userId}::uuid)`,
        ]
      : []),
    // A scope with a site leaves out people without one [TEA-2].
    ...(scope
      ? [
          sql`exists (select from coordinator_scope c where c.user_id = ${userId}::uuid and c.department_id = s.department_id
            and (c.site_id is null or c.site_id = s.site_id))`,
        ]
      : []),
  ];
  return ways.length > 0 ? sql<SqlBool>`(${sql.join(ways, sql` or `)})` : sql<SqlBool>`false`;
}

/** Somebody of the directory, in few words. */
export interface StaffName {
  id: string;
  name: string;
  staffNumber: string;
}

const NAME = sql`s.id, s.given_name || ' ' || s.family_name as name, s.staff_number as "staffNumber"`;

/** Who answers to this staff number, else to this e-mail, else to this full name in either order, whatever its accents. */
export async function findStaffCalled(em: EntityManager, text: string): Promise<StaffName[]> {
  const { rows } = await sql<StaffName>`
    select ${NAME} from staff_member s where s.staff_number = ${text.toUpperCase()}
    union all
    select ${NAME} from staff_member s where s.email = ${text.toLowerCase()}
      and not exists (select from staff_member o where o.staff_number = ${text.toUpperCase()})`.execute(
    transaction(em),
  );
  if (rows.length > 0) return rows;
  const named = await sql<StaffName>`
    select ${NAME} from staff_member s
    where s.deactivated_at is null and s.search like '%' || folded(${escaped(text)}) || '%'
      and folded(${text}) in (s.sort_name, folded(s.given_name || ' ' || s.family_name))
    order by s.staff_number limit 5`.execute(transaction(em));
  return named.rows;
}

/**
 * The same of many texts at once: those each of them calls, by its staff number, else its e-mail, else its full name; a text
 * that calls nobody is absent.
 */
export async function findStaffAmong(em: EntityManager, texts: readonly string[]): Promise<Map<string, StaffName[]>> {
  const found = new Map<string, StaffName[]>();
  if (texts.length === 0) return found;
  const { rows } = await sql<StaffName & { text: string; rank: number; best: number }>`
    select *, min(rank) over (partition by text) as best from (
      select t.text, 1 as rank, ${NAME} from unnest(${texts}::text[]) t (text) join staff_member s on s.staff_number = upper(t.text)
      union all
      select t.text, 2, ${NAME} from unnest(${texts}::text[]) t (text) join staff_member s on s.email = lower(t.text)
      union
      select t.text, 3, ${NAME} from unnest(${texts}::text[]) t (text) join staff_member s on s.sort_name = folded(t.text)
      where s.deactivated_at is null
      union
      select t.text, 3, ${NAME} from unnest(${texts}::text[]) t (text)
        join staff_member s on folded(s.given_name || ' ' || s.family_name) = folded(t.text)
      where s.deactivated_at is null) f`.execute(transaction(em));
  for (const { text, rank, best, id, name, staffNumber } of rows) {
    if (rank !== best) continue;
    found.set(text, [...(found.get(text) ?? []), { id, name, staffNumber }]);
  }
  return found;
}

const escaped = (text: string) => text.replace(/[\\%_]/g, "\\$&");

/** The whole directory by what texts may call people: for files whose texts are not known beforehand. */
export interface StaffCalled {
  names: ReadonlyMap<string, string>;
  /** Ids of those a text calls, as `findStaffAmong` finds them. */
  called(text: string): readonly string[];
  /** The id of who has this staff number, or this e-mail, written as the directory does. */
  keyed(text: string): string | undefined;
  /** Another text as soon as somebody of the directory is written. */
  mark: string;
}

/** Everybody once, ready to be called a hundred thousand times by staff number, else e-mail, else full name. */
export async function wholeStaff(em: EntityManager): Promise<StaffCalled> {
  const { rows } = await sql<{
    id: string;
    given: string;
    family: string;
    number: string;
    email: string | null;
    isActive: boolean;
    write: string;
  }>`
    select s.id, s.given_name as given, s.family_name as family, s.staff_number as number, s.email,
      s.deactivated_at is null as "isActive", s.xmin::text as write
    from staff_member s order by s.id`.execute(transaction(em));
  const names = new Map<string, string>();
  const known = new Map<string, string>();
  const byName = new Map<string, string[]>();
  const writes = createHash("sha256");
  for (const { id, given, family, number, email, isActive, write } of rows) {
    names.set(id, `${given} ${family}`);
    known.set(number, id);
    if (email) known.set(email, id);
    if (isActive) {
      for (const name of new Set([folded(`${family} ${given}`), folded(`${given} ${family}`)])) {
        const held = byName.get(name);
        if (held) held.push(id);
        else byName.set(name, [id]);
      }
    }
    writes.update(`${id} ${write} `);
  }
  return {
    names,
    mark: writes.digest("hex"),
    keyed: (text) => known.get(text),
    called(text) {
      const id = known.get(text.toUpperCase()) ?? known.get(text.toLowerCase());
      return id ? [id] : (byName.get(folded(text)) ?? []);
    },
  };
}

/** SQL: the ids, as text, of the people of these departments or sites. */
export const staffOf = (by: PlaceKind, ids: readonly string[]): RawBuilder<unknown> =>
  sql`select s.id::text from staff_member s where s.${sql.ref(`${by}_id`)} = any (${ids}::uuid[])`;

/** SQL: the name somebody of the directory is sorted by; null of nobody. */
export const staffSortName = (id: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select s.family_name || ' ' || s.given_name from staff_member s
    where s.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and s.id = ${id})`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** These people, by id; those who are no more are absent, and so are texts that are no id, left by a field of another type. */
export async function staffById(em: EntityManager, given: readonly string[]): Promise<Map<string, StaffName>> {
  const ids = given.filter((id) => UUID.test(id));
  if (ids.length === 0) return new Map();
  const { rows } = await sql<StaffName>`select ${NAME} from staff_member s where s.id = any (${ids}::uuid[])`.execute(
    transaction(em),
  );
  return new Map(rows.map((person) => [person.id, person]));
}

/** Their names. */
export async function staffNames(em: EntityManager, ids: readonly string[]): Promise<Map<string, string>> {
  return new Map([...(await staffById(em, ids))].map(([id, { name }]) => [id, name]));
}

/** This person, who manages them, who manages that one, and so on up; nobody twice, whatever the base holds. */
export async function chainAbove(em: EntityManager, id: string): Promise<StaffName[]> {
  const { rows } = await sql<StaffName>`
    with recursive up as (
      select s.*, 1 as rank, array[s.id] as met from staff_member s where s.id = ${id}::uuid
      union all
      select s.*, up.rank + 1, up.met || s.id from up join staff_member s on s.tenant_id = up.tenant_id and s.id = up.manager_id
      where s.id <> all (up.met))
    select ${NAME} from up s order by s.rank`.execute(transaction(em));
  return rows;
}

/** The name of somebody found above themself, starting from these people; null when there is no loop. */
export async function findLoop(em: EntityManager, ids: string[]): Promise<string | null> {
  const { rows } = await sql<{ name: string }>`
    with recursive up as (
      select s.id as start, s.tenant_id, s.manager_id from staff_member s where s.id = any (${ids}::uuid[])
      union select up.start, s.tenant_id, s.manager_id from up join staff_member s on s.tenant_id = up.tenant_id and s.id = up.manager_id)
    select s.given_name || ' ' || s.family_name as name from up join staff_member s on s.tenant_id = up.tenant_id and s.id = up.start
    where up.manager_id = up.start limit 1`.execute(transaction(em));
  return rows[0]?.name ?? null;
}

export interface StaffLine extends StaffName {
  familyName: string;
  givenName: string;
  email: string | null;
  phone: string | null;
  position: string | null;
  contractType: string | null;
  departmentId: string | null;
  department: string | null;
  siteId: string | null;
  site: string | null;
  managerId: string | null;
  manager: string | null;
  managerNumber: string | null;
  /** Active people whose manager link is this person [DIR-2]. */
  team: number;
  smsConsentAt: Date | null;
  smsConsentProof: string | null;
  deactivatedAt: Date | null;
  version: number;
}

type StaffRow = Omit<StaffLine, "smsConsentAt" | "deactivatedAt"> & {
  smsConsentAt: string | null;
  deactivatedAt: string | null;
  mark: string;
};

const LINE = sql`${NAME}, s.family_name as "familyName", s.given_name as "givenName", s.email, s.phone, s.position,
  s.contract_type as "contractType", s.department_id as "departmentId", d.name as department, s.site_id as "siteId", i.name as site,
  s.manager_id as "managerId", m.given_name || ' ' || m.family_name as manager, m.staff_number as "managerNumber",
  (select count(*)::int from staff_member t where t.manager_id = s.id and t.deactivated_at is null) as team,
  s.sms_consent_at as "smsConsentAt", s.sms_consent_proof as "smsConsentProof", s.deactivated_at as "deactivatedAt", s.version`;

const AROUND = sql`
  left join department d on d.tenant_id = s.tenant_id and d.id = s.department_id
  left join site i on i.tenant_id = s.tenant_id and i.id = s.site_id
  left join staff_member m on m.tenant_id = s.tenant_id and m.id = s.manager_id`;

const dateOrNull = (text: string | null) => (text === null ? null : new Date(text));

const toLine = ({ mark: _mark, smsConsentAt, deactivatedAt, ...row }: StaffRow): StaffLine => ({
  ...row,
  smsConsentAt: dateOrNull(smsConsentAt),
  deactivatedAt: dateOrNull(deactivatedAt),
});

/** One person, or null when this account may not know them. */
export async function findStaffLine(em: EntityManager, reach: Reach, id: string): Promise<StaffLine | null> {
  const { rows } = await sql<StaffRow>`
    select ${LINE}, '' as mark from staff_member s ${AROUND} where s.id = ${id}::uuid and ${within(reach)}`.execute(
    transaction(em),
  );
  return rows[0] ? toLine(rows[0]) : null;
}

/** The active people whose manager link is this person, by name, those this account may know [DIR-2]. */
export async function teamOf(em: EntityManager, reach: Reach, id: string): Promise<StaffLine[]> {
  const { rows } = await sql<StaffRow>`
    select ${LINE}, '' as mark from staff_member s ${AROUND}
    where s.manager_id = ${id}::uuid and s.deactivated_at is null and ${within(reach)} order by s.sort_name, s.id`.execute(
    transaction(em),
  );
  return rows.map(toLine);
}

/** Who manages somebody, by name: the choices of a filter. */
export async function listManagers(em: EntityManager): Promise<StaffName[]> {
  const { rows } = await sql<StaffName>`
    select ${NAME} from staff_member s
    where exists (select from staff_member t where t.tenant_id = s.tenant_id and t.manager_id = s.id) order by s.sort_name, s.id`.execute(
    transaction(em),
  );
  return rows;
}

export const STAFF_STATES = {
  active: { label: "Active", plural: "Actives", icon: "user", tone: "success" },
  inactive: { label: "Désactivée", plural: "Désactivées", icon: "user-x", tone: "muted" },
} as const;
export type StaffState = keyof typeof STAFF_STATES;

export interface StaffFilter {
  q?: string | undefined;
  /** An id, or "none" for those without. */
  department?: string | undefined;
  site?: string | undefined;
  manager?: string | undefined;
  state?: StaffState | undefined;
}

/** Each order is total: the id settles ties, so that pages neither repeat nor skip anybody. */
const ORDERS: Record<string, RawBuilder<string>> = {
  name: sql`s.sort_name`,
  number: sql`s.staff_number`,
};
export type StaffOrder = "name" | "number";
export const isStaffOrder = (text: string | undefined): text is StaffOrder =>
  text !== undefined && Object.hasOwn(ORDERS, text);

function conditions(reach: Reach, { q, department, site, manager, state }: StaffFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [within(reach)];
  // Each word anywhere in the names, the number or the address: "petit ann" finds Anne Petit.
  for (const word of (q ?? "").split(/\s+/u).filter(Boolean).slice(0, 5)) {
    all.push(sql`s.search like '%' || folded(${escaped(word)}) || '%'`);
  }
  for (const [column, value] of [
    ["department_id", department],
    ["site_id", site],
    ["manager_id", manager],
  ] as const) {
    if (value === undefined) continue;
    const named = sql.raw(`s.${column}`);
    all.push(value === "none" ? sql`${named} is null` : sql`${named} = ${value}::uuid`);
  }
  if (state) all.push(state === "active" ? sql`s.deactivated_at is null` : sql`s.deactivated_at is not null`);
  return sql.join(all, sql` and `);
}

/** How many people answer to this filter. */
export async function countStaff(em: EntityManager, reach: Reach, filter: StaffFilter): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*)::int as total from staff_member s where ${conditions(reach, filter)}`.execute(transaction(em));
  return rows[0]!.total;
}

/** One page of people by keyset, and how many there are. */
export async function listStaff(
  em: EntityManager,
  reach: Reach,
  filter: StaffFilter,
  {
    order,
    descending,
    mark,
    size = PAGE_SIZE,
  }: { order: StaffOrder; descending: boolean; mark: Mark | null; size?: number },
): Promise<Paged<StaffLine>> {
  const where = conditions(reach, filter);
  const key = ORDERS[order]!;
  const backwards = mark?.back ?? false;
  const down = descending !== backwards;
  const way = down ? sql`desc` : sql`asc`;
  const seek = mark ? sql`and (${key}, s.id) ${down ? sql`<` : sql`>`} (${mark.value}, ${mark.id}::uuid)` : sql``;
  const total = await countStaff(em, reach, filter);
  // The page first, then what is around its people: fifty teams are counted, not all.
  const { rows } = await sql<StaffRow>`
    select ${LINE}, s.mark from (
      select s.*, ${key} as mark from staff_member s where ${where} ${seek} order by ${key} ${way}, s.id ${way} limit ${size + 1}) s
    ${AROUND} order by s.mark ${way}, s.id ${way}`.execute(transaction(em));
  return paged(rows, { backwards, size, more: mark !== null, total, markOf: (row) => row.mark, line: toLine });
}
