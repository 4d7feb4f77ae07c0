import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../platform/db/index.ts";
import type { Role } from "./roles.ts";
import type { SecurityKind } from "./security-event.ts";
import { User } from "./user.ts";

export const PAGE_SIZE = 50;

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
  roles: Role[];
  version: number;
  createdAt: Date;
  state: UserState;
  lockedUntil: Date | null;
  lastSignInAt: Date | null;
  lastMethod: string | null;
}

interface UserRow {
  id: string;
  email: string;
  given_name: string;
  family_name: string;
  roles: Role[];
  version: number;
  created_at: string;
  state: UserState;
  locked_until: string | null;
  last_sign_in_at: string | null;
  last_method: string | null;
  mark: string;
}

// One row an account, with its state computed by the database clock.
const USERS = `
  select u.id, u.email, u.given_name, u.family_name, u.roles, u.version, u.created_at, g.locked_until, g.last_sign_in_at, g.last_method,
    case when u.deactivated_at is not null then 'deactivated' when c.id is null then 'invited'
      when g.locked_until > app_now() then 'locked' else 'active' end as state
  from app_user u
  left join credential c on c.tenant_id = u.tenant_id and c.id = u.id
  left join sign_in_guard g on g.tenant_id = u.tenant_id and g.id = u.id`;

const dateOrNull = (text: string | null) => (text === null ? null : new Date(text));

const toUserLine = (row: UserRow): UserLine => ({
  id: row.id,
  email: row.email,
  givenName: row.given_name,
  familyName: row.family_name,
  name: `${row.given_name} ${row.family_name}`,
  roles: row.roles,
  version: row.version,
  createdAt: new Date(row.created_at),
  state: row.state,
  lockedUntil: dateOrNull(row.locked_until),
  lastSignInAt: dateOrNull(row.last_sign_in_at),
  lastMethod: row.last_method,
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

/** Where a page begins: the order's value and the id of its neighbour. */
export interface Mark {
  value: string;
  id: string;
  back: boolean;
}

export interface Paged<T> {
  rows: T[];
  total: number;
  before: Mark | null;
  after: Mark | null;
}

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

/** Turns the rows of one side of a mark, one too many, into a page with its neighbours. */
function paged<Row extends { id: string }, Line>(
  found: Row[],
  {
    backwards,
    size,
    more,
    total,
    markOf,
    line,
  }: {
    backwards: boolean;
    size: number;
    more: boolean;
    total: number;
    markOf: (row: Row) => string;
    line: (row: Row) => Line;
  },
): Paged<Line> {
  const overflow = found.length > size;
  const rows = found.slice(0, size);
  if (backwards) rows.reverse();
  const first = rows[0];
  const last = rows.at(-1);
  const hasBefore = backwards ? overflow : more;
  const hasAfter = backwards ? true : overflow;
  return {
    rows: rows.map(line),
    total,
    before: hasBefore && first ? { value: markOf(first), id: first.id, back: true } : null,
    after: hasAfter && last ? { value: markOf(last), id: last.id, back: false } : null,
  };
}

function userConditions({ q, role, state }: UserFilter): { where: string; values: unknown[] } {
  const conditions: string[] = [];
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

/**
 * Names of the accounts behind these ids, for whoever writes about people. Accounts are never deleted, so an id that is
 * not of this tenant can only be that of a super-admin, whose name the organisation does not have to know.
 */
export async function findUserNames(em: EntityManager, ids: readonly string[]): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  const names = new Map(wanted.map((id) => [id, "Super-administrateur de l’instance"]));
  if (wanted.length === 0) return names;
  const users = await em.find(User, { id: { $in: wanted } });
  for (const user of users) names.set(user.id, user.name());
  return names;
}

/** Everybody who has an account, by name: the choices of a filter. */
export async function listUserNames(em: EntityManager): Promise<{ id: string; name: string }[]> {
  const users = await em.find(User, {}, { orderBy: { familyName: "asc", givenName: "asc" } });
  return users.map((user) => ({ id: user.id, name: user.name() }));
}

/** Who last changed this object and when, for the person whose form was stale [GEN-8]. */
export async function lastChange(
  em: EntityManager,
  table: "app_user" | "tenant",
  id: string,
): Promise<{ by?: string; at?: Date }> {
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

export interface SecurityLine {
  id: string;
  at: Date;
  kind: SecurityKind;
  userId: string | null;
  actorId: string | null;
  address: string;
  userAgent: string;
  detail: Record<string, unknown>;
}

export interface SecurityFilter {
  kind?: string | undefined;
  userId?: string | undefined;
  /** Local days of the tenant's zone, both included. */
  from?: string | undefined;
  to?: string | undefined;
  zone: string;
}

/** One page of the security log, newest first. */
export async function listSecurityEvents(
  em: EntityManager,
  { kind, userId, from, to, zone }: SecurityFilter,
  { mark, size = PAGE_SIZE }: { mark: { id: string; back: boolean } | null; size?: number },
): Promise<Paged<SecurityLine>> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: string, ...given: unknown[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (kind) add("e.kind = ?", kind);
  if (userId) add("(e.user_id = ? or e.actor_id = ?)", userId, userId);
  if (from) add("e.at >= (?::date)::timestamp at time zone ?", from, zone);
  if (to) add("e.at < (?::date + 1)::timestamp at time zone ?", to, zone);
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  const [{ total }] = (await em.execute<{ total: number }[]>(
    `select count(*)::int as total from security_event e ${where}`,
    values,
  )) as [{ total: number }];
  const backwards = mark?.back ?? false;
  const seek = mark ? `${where ? "and" : "where"} e.id ${backwards ? ">" : "<"} ?::uuid` : "";
  const found = await em.execute<SecurityRow[]>(
    `select e.id, e.at, e.kind, e.user_id, e.actor_id, e.address, e.user_agent, e.detail from security_event e
     ${where} ${seek} order by e.id ${backwards ? "asc" : "desc"} limit ?`,
    [...values, ...(mark ? [mark.id] : []), size + 1],
  );
  return paged(found, { backwards, size, more: mark !== null, total, markOf: (row) => row.id, line: toSecurityLine });
}

interface SecurityRow {
  id: string;
  at: string;
  kind: SecurityKind;
  user_id: string | null;
  actor_id: string | null;
  address: string;
  user_agent: string;
  detail: Record<string, unknown>;
}

const toSecurityLine = (row: SecurityRow): SecurityLine => ({
  id: row.id,
  at: new Date(row.at),
  kind: row.kind,
  userId: row.user_id,
  actorId: row.actor_id,
  address: row.address,
  userAgent: row.user_agent,
  detail: row.detail,
});

export interface StartStep {
  label: string;
  href: string;
  icon: string;
  done: boolean;
}

/** What a new administrator has left to do; nothing for the others. */
export async function startListFor(
  em: EntityManager,
  user: { tenantId: string; roles: readonly string[] },
): Promise<StartStep[]> {
  if (!user.roles.includes("admin")) return [];
  const [row] = await em.execute<{ edited: boolean; accent: boolean; invited: boolean; shared: boolean }[]>(
    `select t.version > 1 as edited, t.accent is not null as accent,
       (select count(*) > 1 from app_user u where u.tenant_id = t.tenant_id) as invited,
       exists (select from app_user u where u.tenant_id = t.tenant_id and u.deactivated_at is null and not 'admin' = any (u.roles)) as shared
     from tenant t where t.tenant_id = ? and t.id = ?`,
    [user.tenantId, user.tenantId],
  );
  const settings = "/admin/organisation";
  return [
    {
      label: "Vérifier le nom et le fuseau horaire de l’organisation",
      href: settings,
      icon: "building",
      done: row!.edited,
    },
    { label: "Choisir la couleur de l’organisation", href: settings, icon: "palette", done: row!.accent },
    {
      label: "Inviter un premier collègue",
      href: "/admin/utilisateurs/nouveau",
      icon: "user-plus",
      done: row!.invited,
    },
    { label: "Confier un rôle autre qu’administrateur", href: "/admin/utilisateurs", icon: "users", done: row!.shared },
  ];
}

export interface OrganisationLine {
  id: string;
  name: string;
  demo: boolean;
  createdAt: Date;
  accounts: number;
  /** Somebody has chosen a password there. */
  entered: boolean;
}

/**
 * What a super-admin may know of the organisations: that they exist, since when, and how many accounts they have
 * [ROL-2]. Counted in each organisation's own isolation; nothing else of it is read.
 */
export async function listOrganisations(db: Database): Promise<OrganisationLine[]> {
  const tenants = await db.lookup<{ id: string; name: string; kind: string; demo: boolean }>("tenants");
  const lines: OrganisationLine[] = [];
  for (const { id, name, kind, demo } of tenants) {
    if (kind !== "organisation") continue;
    const [row] = await db.read(id, (em) =>
      em.execute<{ created_at: string; accounts: number; entered: boolean }[]>(
        `select t.created_at, (select count(*)::int from app_user u where u.deactivated_at is null) as accounts,
           exists (select from credential) as entered
         from tenant t where t.id = ?`,
        [id],
      ),
    );
    if (row)
      lines.push({ id, name, demo, createdAt: new Date(row.created_at), accounts: row.accounts, entered: row.entered });
  }
  return lines.sort((a, b) => a.name.localeCompare(b.name, "fr"));
}
