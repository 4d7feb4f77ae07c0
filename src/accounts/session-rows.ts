import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../platform/db/index.ts";
import type { LiveSession, SavedSession, SessionRows } from "../platform/http/sessions.ts";
import { Shared } from "../platform/live/shared.ts";
import { mayRoute } from "./permissions.ts";
import { inOrder, type Role } from "./roles.ts";
import { IDLE_HOURS, LONGEST_HOURS, Session } from "./session.ts";
import type { SignedIn } from "./signed-in.ts";
import { guardedRoles, type Tenant } from "./tenant.ts";
import type { User } from "./user.ts";

declare module "express-session" {
  interface SessionData {
    /** When the password was last typed, ISO. */
    authenticatedAt: string;
    /** `rightsOf` the person when the session was last renewed [P18]. */
    rights: string;
    /** Only while it is being opened: whether it stays for days, and how many. Without it no row is ever inserted. */
    opening: { stayDays: number; until?: string };
  }
}

/** What of a session stays in its row wherever the rest is kept: it opens the session, or proves something. */
export const KEPT_IN_ROW: readonly string[] = ["opening", "authenticatedAt", "rights"];

/** One line of lookup.visitor: the session, its person and their organisation. */
interface Row {
  session_id: string;
  tenant_id: string;
  user_id: string;
  payload: Record<string, unknown>;
  stay: boolean;
  authenticated_at: string;
  last_seen_at: string;
  expires_at: string;
  stale: boolean;
  email: string;
  given_name: string;
  family_name: string;
  roles: Role[];
  theme: User["theme"];
  density: User["density"];
  shortcuts: boolean;
  live: boolean;
  silenced: string[];
  unread: number;
  picture: string | null;
  logo: string | null;
  tenant_name: string;
  tenant_kind: Tenant["kind"];
  zone: string;
  accent: string | null;
  password_preset: Tenant["passwordPreset"];
  demo: boolean;
  second_factor: boolean;
  second_factor_roles: Role[] | null;
  support_of: string | null;
  support_factor: boolean;
  support_until: string | null;
}

const HOUR_MS = 3_600_000;

/** The rows behind the session store: the database judges what is still alive, on its own clock. */
export function sessionRows(db: Database): SessionRows {
  const find = async (tokenHash: Buffer) => (await db.lookup<Row>("visitor", [tokenHash]))[0];
  // The pages one person has open come back together at each change.
  const visitors = new Shared<Row | undefined>();

  return {
    async get(tokenHash) {
      const row = await visitors.fresh(tokenHash.toString("base64"), () => find(tokenHash));
      return row ? toLive(row) : null;
    },

    // Update first, insert only while it is being opened: a request still running when its session is closed elsewhere
    // must not bring it back.
    async save(tokenHash, { tenantId, userId, data, address, userAgent }) {
      const { opening, ...payload } = data as SavedSession["data"] & {
        opening?: { stayDays: number; until?: string };
      };
      const authenticatedAt = String(payload.authenticatedAt);
      await db.note(tenantId, async (em) => {
        const updated = await em.nativeUpdate(
          Session,
          { tokenHash },
          { payload, authenticatedAt: new Date(authenticatedAt) },
        );
        if (updated > 0 || !opening) return;
        const hours = opening.stayDays > 0 ? opening.stayDays * 24 : LONGEST_HOURS;
        await em.execute(
          `insert into session (tenant_id, id, user_id, token_hash, payload, user_agent, address, stay, authenticated_at, last_seen_at, expires_at)
           select ?, ?, ?, ?, ?, ?, ?, ?, ?, app_now(), least(app_now() + make_interval(hours => ?), ?::timestamptz)
           where not exists (select from tenant where suspended_at is not null)`,
          [
            tenantId,
            randomUUIDv7(),
            userId,
            tokenHash,
            JSON.stringify(payload),
            userAgent,
            address,
            opening.stayDays > 0,
            authenticatedAt,
            hours,
            opening.until ?? null,
          ],
        );
      });
    },

    async touch(tokenHash, tenantId) {
      await db.note(tenantId, (em) =>
        em.execute("update session set last_seen_at = app_now() where token_hash = ?", [tokenHash]),
      );
    },

    async destroy(tokenHash) {
      const row = await find(tokenHash);
      if (row) await db.note(row.tenant_id, (em) => em.nativeDelete(Session, { tokenHash }));
    },
  };
}

/**
 * Who still holds these sessions, by the hex of their hash, with the rights they have now: one question for all the
 * streams of a process (LIV-6). A session that is over, or whose account is closed, is absent.
 */
export const openPeople =
  (db: Database) =>
  async (tokenHashes: Buffer[]): Promise<Map<string, Pick<SignedIn, "id" | "tenantId" | "roles">>> => {
    const rows = await db.lookup<{ token_hash: Buffer; user_id: string; tenant_id: string; roles: Role[] }>(
      "open_sessions",
      [tokenHashes],
    );
    return new Map(
      rows.map(({ token_hash, user_id, tenant_id, roles }) => [
        token_hash.toString("hex"),
        { id: user_id, tenantId: tenant_id, roles: inOrder(roles) },
      ]),
    );
  };

/** The same session under another identifier, at a change of rights: the old one is worth nothing from then on. */
export async function renameSession(db: Database, tenantId: string, from: Buffer, to: Buffer): Promise<void> {
  await db.note(tenantId, (em) => em.nativeUpdate(Session, { tokenHash: from }, { tokenHash: to }));
}

function toLive(row: Row): LiveSession {
  return {
    // Each request writes in its own: the row may be shared by several.
    data: structuredClone(row.payload),
    principal: toSignedIn(row),
    endsAt: endOf({
      stay: row.stay,
      expiresAt: new Date(row.expires_at),
      lastSeenAt: new Date(row.last_seen_at),
    }),
    touchDue: row.stale,
  };
}

function toSignedIn(row: Row): SignedIn {
  const until = row.support_until === null ? null : new Date(row.support_until);
  const roles = inOrder(row.roles);
  return {
    id: row.user_id,
    tenantId: row.tenant_id,
    email: row.email,
    givenName: row.given_name,
    familyName: row.family_name,
    name: `${row.given_name} ${row.family_name}`,
    roles,
    support:
      row.support_of && until ? { of: row.support_of, until, proof: row.support_factor ? "code" : "password" } : null,
    theme: row.theme,
    density: row.density,
    shortcuts: row.shortcuts,
    live: row.live,
    unread: row.unread,
    silenced: row.silenced,
    secondFactor: factorOf(row),
    picture: row.picture,
    sessionId: row.session_id,
    authenticatedAt: new Date(row.authenticated_at),
    tenant: {
      id: row.tenant_id,
      name: row.tenant_name,
      kind: row.tenant_kind,
      zone: row.zone,
      accent: row.accent,
      logo: row.logo,
      passwordPreset: row.password_preset,
      demo: row.demo,
      supportUntil: mayRoute(roles, "support.open") ? until : null,
    },
  };
}

function factorOf({ second_factor, second_factor_roles, demo, roles, support_of }: Row): SignedIn["secondFactor"] {
  // That of the person behind was asked for at the door.
  if (support_of) return "none";
  if (second_factor) return "active";
  return guardedRoles(second_factor_roles, demo).some((role) => roles.includes(role)) ? "missing" : "none";
}

/** What a session is renewed on: other roles, or a second factor more or less [P18]. */
export const rightsOf = (roles: readonly Role[], hasFactor: boolean): string =>
  [...roles, ...(hasFactor ? ["second_factor"] : [])].join();

/** Sessions kept for days end no later than an ordinary one would: the person now holds the keys of the organisation. */
export async function endLongSessions(em: EntityManager, userId: string): Promise<void> {
  await em.execute(
    `update session set stay = false, expires_at = least(expires_at, created_at + interval '${LONGEST_HOURS} hours')
     where user_id = ? and stay`,
    [userId],
  );
}

/** The organisation allows fewer days than before: what is open follows. */
export async function shortenLongSessions(em: EntityManager, days: number): Promise<void> {
  await em.execute(
    `update session set expires_at = least(expires_at, created_at + greatest(make_interval(days => ?), interval '${LONGEST_HOURS} hours'))
     where stay`,
    [days],
  );
}

/** Rows nobody can use any more, swept when their person signs in. */
export async function sweepSessions(em: EntityManager, userId: string): Promise<void> {
  await em.execute(
    `delete from session where user_id = ?
       and (expires_at <= app_now() or (not stay and last_seen_at <= app_now() - interval '${IDLE_HOURS} hours'))`,
    [userId],
  );
}

/** Rows nobody can use any more, whoever they were of. Gives how many left. */
export async function sweepTenantSessions(em: EntityManager): Promise<number> {
  const gone = await em.execute<{ id: string }[]>(
    `delete from session
     where expires_at <= app_now() or (not stay and last_seen_at <= app_now() - interval '${IDLE_HOURS} hours') returning id`,
  );
  return gone.length;
}

/** Another eight hours without a page, within the absolute end. Gives the new end. */
export async function prolongSession(em: EntityManager, id: string, now: Date): Promise<Date | null> {
  const [row] = await em.execute<{ stay: boolean; expires_at: string }[]>(
    "update session set last_seen_at = app_now() where id = ? returning stay, expires_at",
    [id],
  );
  return row ? endOf({ stay: row.stay, expiresAt: new Date(row.expires_at), lastSeenAt: now }) : null;
}

/** Whichever comes first of the idle and the absolute end. */
function endOf({ stay, expiresAt, lastSeenAt }: { stay: boolean; expiresAt: Date; lastSeenAt: Date }): Date {
  const idleAt = new Date(lastSeenAt.getTime() + IDLE_HOURS * HOUR_MS);
  return stay || expiresAt < idleAt ? expiresAt : idleAt;
}
