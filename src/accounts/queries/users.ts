import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { askWithNext } from "../../platform/db/index.ts";
import { type Mark, PAGE_SIZE, type Paged, paged } from "../../platform/db/paging.ts";
import { WITH_NEXT } from "../../platform/db/wire.ts";
import type { Role } from "../roles.ts";

export type UserState = "invited" | "active" | "locked" | "deactivated";

/** Words, icon and tone of an account's state (glossary §3). */
export const USER_STATES: Record<UserState, { label: string; icon: string; tone: string }> = {
  invited: { label: "Invité", icon: "mail", tone: "neutral" },
  active: { label: "Actif", icon: "user", tone: "success" },
  locked: { label: "Verrouillé", icon: "lock", tone: "warning" },
  deactivated: { label: "Désactivé", icon: "user-x", tone: "muted" },
};

export interface UserLine {
  id: string;
  email: string;
  givenName: string;
  familyName: string;
  name: string;
  department: string | null;
  roles: Role[];
  version: number;
  createdAt: Date;
  state: UserState;
  lockedUntil: Date | null;
  lastSignInAt: Date | null;
  lastMethod: string | null;
  secondFactor: boolean;
  /** The file of their picture, once it may be shown. */
  picture: string | null;
}

interface UserRow {
  id: string;
  email: string;
  given_name: string;
  family_name: string;
  department: string | null;
  roles: Role[];
  version: number;
  created_at: string;
  state: UserState;
  locked_until: string | null;
  last_sign_in_at: string | null;
  last_method: string | null;
  second_factor: boolean;
  picture: string | null;
  mark: string;
}

// One row an account, with its state computed by the database clock.
const USERS = `
  select u.id, u.email, u.given_name, u.family_name, u.department, u.roles, u.version, u.created_at, g.locked_until, g.last_sign_in_at, g.last_method,
    f.id is not null as second_factor, u.support_of is not null as support, p.id as picture,
    case when u.deactivated_at is not null then 'deactivated' when c.id is null then 'invited'
      when g.locked_until > app_now() then 'locked' else 'active' end as state
  from app_user u
  left join credential c on c.tenant_id = u.tenant_id and c.id = u.id
  left join second_factor f on f.tenant_id = u.tenant_id and f.id = u.id
  left join file p on p.tenant_id = u.tenant_id and p.id = u.picture_id and p.state = 'clean'
  left join sign_in_guard g on g.tenant_id = u.tenant_id and g.id = u.id`;

const dateOrNull = (text: string | null) => (text === null ? null : new Date(text));

const toUserLine = (row: UserRow): UserLine => ({
  id: row.id,
  email: row.email,
  givenName: row.given_name,
  familyName: row.family_name,
  name: `${row.given_name} ${row.family_name}`,
  department: row.department,
  roles: row.roles,
  version: row.version,
  createdAt: new Date(row.created_at),
  state: row.state,
  lockedUntil: dateOrNull(row.locked_until),
  lastSignInAt: dateOrNull(row.last_sign_in_at),
  lastMethod: row.last_method,
  secondFactor: row.second_factor,
  picture: row.picture,
});

export interface UserFilter {
  q?: string | undefined;
  role?: string | undefined;
  state?: UserState | undefined;
}

/** Each order is total: the id settles ties, so that pages neither repeat nor skip anybody. */
const USER_ORDERS = {
  name: `lower(u.family_name) || ' ' || lower(u.given_name)`,
  email: `u.email`,
  seen: `coalesce(to_char(u.last_sign_in_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '')`,
} as const;
export type UserOrder = keyof typeof USER_ORDERS;
export const isUserOrder = (text: string | undefined): text is UserOrder => text !== undefined && text in USER_ORDERS;

/** One page of accounts by keyset, and how many there are. */
export async function listUsers(
  em: EntityManager,
  filter: UserFilter,
  {
    order,
    descending,
    mark,
    size = PAGE_SIZE,
  }: { order: UserOrder; descending: boolean; mark: Mark | null; size?: number },
): Promise<Paged<UserLine>> {
  const { where, values } = userConditions(filter);
  const key = USER_ORDERS[order];
  const [{ total }] = (await em.execute<{ total: number }[]>(
    `select count(*)::int as total from (${USERS}) u ${where}`,
    values,
  )) as [{ total: number }];
  const backwards = mark?.back ?? false;
  const down = descending !== backwards;
  const seek = mark ? `${where ? "and" : "where"} (${key}, u.id) ${down ? "<" : ">"} (?, ?::uuid)` : "";
  const way = down ? "desc" : "asc";
  const found = await em.execute<UserRow[]>(
    `select u.*, ${key} as mark from (${USERS}) u ${where} ${seek} order by ${key} ${way}, u.id ${way} limit ?`,
    [...values, ...(mark ? [mark.value, mark.id] : []), size + 1],
  );
  return paged(found, { backwards, size, more: mark !== null, total, markOf: (row) => row.mark, line: toUserLine });
}

function userConditions({ q, role, state }: UserFilter): { where: string; values: unknown[] } {
  // The accounts of a support access are listed on their own page.
  const conditions = ["not u.support"];
  const values: unknown[] = [];
  // Each word anywhere in the name or the address, whatever its accents: "benali kar" finds Karim Benali.
  for (const word of (q ?? "").split(/\s+/u).filter(Boolean).slice(0, 5)) {
    conditions.push(
      "public.unaccent(lower(u.given_name || ' ' || u.family_name || ' ' || u.email)) like public.unaccent(lower(?))",
    );
    values.push(`%${word.replace(/[\\%_]/g, "\\$&")}%`);
  }
  if (role) {
    conditions.push("? = any (u.roles)");
    values.push(role);
  }
  if (state) {
    conditions.push("u.state = ?");
    values.push(state);
  }
  return { where: conditions.length > 0 ? `where ${conditions.join(" and ")}` : "", values };
}

/** One account with its state, or null when this tenant has no such one. */
export async function findUserLine(em: EntityManager, id: string): Promise<UserLine | null> {
  const [row] = await em.execute<UserRow[]>(`select u.* from (${USERS}) u where u.id = ?`, [id]);
  return row ? toUserLine(row) : null;
}

export interface UserName {
  id: string;
  name: string;
}

// Names without their accounts: pages print many, and an entity for each would cost more than the query.
const NAME = sql`u.id, u.given_name || ' ' || u.family_name as name`;

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * Names of the accounts behind these ids, for whoever writes about people. Accounts are never deleted, so an id that is
 * not of this tenant can only be that of a super-admin, whose name the organisation does not have to know.
 */
export async function findUserNames(em: EntityManager, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<UserName>`
    select ${NAME} from app_user u where u.id = any (${[...new Set(ids)]}::uuid[])`.execute(transaction(em));
  return namesAmong(rows, ids);
}

/** The same when the people were already listed. */
export function namesAmong(people: UserName[], ids: readonly string[]): Map<string, string> {
  const names = new Map(ids.map((id) => [id, "Super-administrateur de l’instance"]));
  for (const { id, name } of people) if (names.has(id)) names.set(id, name);
  return names;
}

/** Everybody who has an account, by name: the choices of a filter. There once the next question is answered. */
export const listUserNames = (em: EntityManager): Promise<() => UserName[]> =>
  askWithNext(em, sql<UserName>`select ${NAME} from app_user u order by u.family_name, u.given_name`);

/** Who last changed this object and when, for the person whose form was stale [GEN-8]. */
export async function lastChange(em: EntityManager, table: string, id: string): Promise<{ by?: string; at?: Date }> {
  const [row] = await em.execute<{ actor_id: string | null; at: string }[]>(
    `select a.actor_id, a.at from change h
     join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
     join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
     where h.table_name = ? and h.row_id = ? order by h.ordinal desc limit 1`,
    [table, id],
  );
  if (!row) return {};
  const by = row.actor_id === null ? "Système" : (await findUserNames(em, [row.actor_id])).get(row.actor_id);
  return { at: new Date(row.at), ...(by !== undefined && { by }) };
}

export interface Preferences {
  theme?: "system" | "light" | "dark" | undefined;
  density?: "comfort" | "compact" | undefined;
  shortcuts?: boolean | undefined;
  live?: boolean | undefined;
}

/**
 * What a person chooses for themself: only what is given changes. Said in history, announced to nobody; one statement
 * whose answer nobody waits for, as these are clicks.
 */
export async function editPreferences(em: EntityManager, userId: string, given: Preferences): Promise<void> {
  const [theme, density, shortcuts, live] = [
    sql`coalesce(${given.theme ?? null}, theme)`,
    sql`coalesce(${given.density ?? null}, density)`,
    sql`coalesce(${given.shortcuts ?? null}::boolean, shortcuts)`,
    sql`coalesce(${given.live ?? null}::boolean, live)`,
  ];
  await sql`${sql.raw(WITH_NEXT)}update app_user
    set theme = ${theme}, density = ${density}, shortcuts = ${shortcuts}, live = ${live}, version = version + 1
    where id = ${userId} and (theme, density, shortcuts, live) is distinct from (${theme}, ${density}, ${shortcuts}, ${live})`.execute(
    transaction(em),
  );
}

/** The kinds of notification a person no longer wants (ACT-5); the same again changes nothing. */
export async function silence(em: EntityManager, userId: string, kinds: string[]): Promise<void> {
  await sql`${sql.raw(WITH_NEXT)}update app_user set silenced = ${kinds}::text[], version = version + 1
    where id = ${userId} and silenced is distinct from ${kinds}::text[]`.execute(transaction(em));
}
