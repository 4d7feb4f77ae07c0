import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { WeekHours } from "../hours.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export type PlaceKind = "department" | "site";

/** The column of people and scopes that names a place of this kind. */
const columnOf = (kind: PlaceKind) => sql.raw(`${kind}_id`);

/**
 * Makes every other writer of this directory wait until this transaction ends: what is asked of it then holds. Names,
 * numbers, manager links and merges follow one another.
 */
export async function holdDirectory(em: EntityManager, tenantId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`directory ${tenantId}`}, 0))`.execute(transaction(em));
}

/** The department or site of this name, whatever its case or accents [DIR-4]. */
export async function findPlaceNamed(
  em: EntityManager,
  kind: PlaceKind,
  name: string,
): Promise<{ id: string; name: string } | null> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from ${sql.table(kind)} where folded(name) = folded(${name.trim()})`.execute(transaction(em));
  return rows[0] ?? null;
}

export interface PlaceName {
  id: string;
  name: string;
}

/** All of a kind, by name: the choices of a form or a filter. */
export async function listPlaceNames(em: EntityManager, kind: PlaceKind): Promise<PlaceName[]> {
  const { rows } = await sql<PlaceName>`select id, name from ${sql.table(kind)} order by folded(name), id`.execute(
    transaction(em),
  );
  return rows;
}

/**
 * Adds the departments or sites of these names that are not there yet, sites with these settings: two statements whatever
 * their number. Gives the id of each name [DIR-4]. The caller holds the directory.
 */
export async function addPlaces(
  em: EntityManager,
  kind: PlaceKind,
  names: readonly string[],
  { tenantId, zone, holidayZone, hours }: { tenantId: string; zone: string; holidayZone: string; hours: WeekHours },
): Promise<string[]> {
  const settings = sql`${zone}::text, ${holidayZone}::text, ${JSON.stringify(hours)}::jsonb`;
  const isSite = kind === "site";
  await sql`insert into ${sql.table(kind)} (tenant_id, id, name${isSite ? sql`, zone, holiday_zone, hours` : sql``})
    select ${tenantId}::uuid, uuidv7(), n.name${isSite ? sql`, ${settings}` : sql``}
    from unnest(${names}::text[]) with ordinality as n (name, rank) order by n.rank
    on conflict (tenant_id, folded(name)) do nothing`.execute(transaction(em));
  const { rows } = await sql<{ id: string }>`
    select p.id from unnest(${names}::text[]) with ordinality as n (name, rank)
    join ${sql.table(kind)} p on folded(p.name) = folded(n.name) order by n.rank`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/**
 * Of the departments or sites this act made, those that people or scopes name: besides the people it changed itself, who
 * leave first, or once they have left.
 */
export async function placesStillNamed(
  em: EntityManager,
  kind: PlaceKind,
  { actId, isApplied }: { actId: string; isApplied: boolean },
): Promise<string[]> {
  const column = columnOf(kind);
  const ofAct = sql`any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))`;
  const besides = isApplied
    ? sql``
    : sql` and not exists (select from change c where c.table_name = 'staff_member' and c.row_id = m.id and c.changeset_id = ${ofAct})`;
  const { rows } = await sql<{ id: string }>`
    select distinct h.row_id as id from change h
    where h.table_name = ${kind} and h.operation = 'create' and h.changeset_id = ${ofAct}
      and (exists (select from staff_member m where m.${column} = h.row_id${besides})
        or exists (select from coordinator_scope c where c.${column} = h.row_id))`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** How many people a place has, active or not, and how many scopes of coordinators name it. */
export async function countPlace(
  em: EntityManager,
  kind: PlaceKind,
  id: string,
): Promise<{ people: number; active: number; scopes: number }> {
  const { rows } = await sql<{ people: number; active: number; scopes: number }>`
    select count(*)::int as people, count(*) filter (where deactivated_at is null)::int as active,
      (select count(*)::int from coordinator_scope c where c.${columnOf(kind)} = ${id}::uuid) as scopes
    from staff_member where ${columnOf(kind)} = ${id}::uuid`.execute(transaction(em));
  return rows[0]!;
}

/**
 * Everybody of one place goes to another, and the scopes that named it name the other [DIR-4, TEA-2]: two statements
 * whatever their number. Gives how many people moved.
 */
export async function movePlace(em: EntityManager, kind: PlaceKind, from: string, into: string): Promise<number> {
  const column = columnOf(kind);
  const other = kind === "department" ? "site_id" : "department_id";
  const { numAffectedRows } = await sql`
    update staff_member set ${column} = ${into}::uuid, version = version + 1 where ${column} = ${from}::uuid`.execute(
    transaction(em),
  );
  await sql`delete from coordinator_scope c where c.${column} = ${from}::uuid and exists (
    select from coordinator_scope o where o.user_id = c.user_id and o.${column} = ${into}::uuid
      and o.${sql.raw(other)} is not distinct from c.${sql.raw(other)})`.execute(transaction(em));
  await sql`update coordinator_scope set ${column} = ${into}::uuid where ${column} = ${from}::uuid`.execute(
    transaction(em),
  );
  return Number(numAffectedRows ?? 0);
}

export interface DepartmentLine {
  id: string;
  name: string;
  /** Active people of it. */
  active: number;
  /** Sites they work at, by name. */
  sites: string[];
  scopes: number;
}

/** All departments by name, with who is of them. */
export async function listDepartments(em: EntityManager): Promise<DepartmentLine[]> {
  const { rows } = await sql<DepartmentLine>`
    select d.id, d.name, coalesce(s.active, 0) as active, coalesce(s.sites, '{}') as sites,
      (select count(*)::int from coordinator_scope c where c.department_id = d.id) as scopes
    from department d
    left join (select m.department_id, count(*)::int as active, array_agg(distinct i.name) filter (where i.name is not null) as sites
      from staff_member m left join site i on i.tenant_id = m.tenant_id and i.id = m.site_id
      where m.deactivated_at is null group by 1) s on s.department_id = d.id
    order by folded(d.name), d.id`.execute(transaction(em));
  return rows;
}

export interface SiteLine {
  id: string;
  name: string;
  zone: string;
  holidayZone: string;
  hours: Record<string, [string, string][]>;
  active: number;
}

/** All sites by name, with their settings and how many active people work at each. */
export async function listSites(em: EntityManager): Promise<SiteLine[]> {
  const { rows } = await sql<SiteLine>`
    select i.id, i.name, i.zone, i.holiday_zone as "holidayZone", i.hours,
      (select count(*)::int from staff_member m where m.site_id = i.id and m.deactivated_at is null) as active
    from site i order by folded(i.name), i.id`.execute(transaction(em));
  return rows;
}
