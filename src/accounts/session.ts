import { defineEntity, type FilterQuery, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { bytes, createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import { toUser } from "./user.ts";

const schema = defineEntity({
  name: "Session",
  tableName: "session",
  ...lookedUpTable,
  indexes: [{ properties: ["tokenHash"] }, { properties: ["tenantId", "user"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    tokenHash: bytes(),
    payload: p.json<Record<string, unknown>>().columnType("jsonb"),
    userAgent: p.text(),
    address: p.text(),
    stay: p.boolean().default(false),
    authenticatedAt: p.datetime(),
    lastSeenAt: p.datetime(),
    expiresAt: p.datetime(),
    ...createdAt(),
  },
});

/** One browser signed in (ACC-10). A measure more than an act: out of history, in the security log. */
export class Session extends schema.class {}
schema.setClass(Session);
export const SessionSchema = schema;

export const IDLE_HOURS = 8;
export const LONGEST_HOURS = 12;

/** Whether these roles may stay connected for days: not those who hold the keys [ACC-10]. */
export const mayStay = (roles: readonly string[], days: number): boolean =>
  days > 0 && !roles.includes("admin") && !roles.includes("super_admin");

/** The sessions of this person that still open a page, by the clock of the process: for lists and counts. */
export const openSessions = (userId: string, now: Date): FilterQuery<Session> => ({
  user: { id: userId },
  expiresAt: { $gt: now },
  $or: [{ stay: true }, { lastSeenAt: { $gt: new Date(now.getTime() - IDLE_HOURS * 3_600_000) } }],
});

/** Closes sessions of one person, all but one if said. Gives how many were closed. */
export async function closeSessions(
  em: EntityManager,
  { userId, keep = null }: { userId: string; keep?: string | null },
): Promise<number> {
  return em.nativeDelete(Session, { user: { id: userId }, ...(keep && { id: { $ne: keep } }) });
}

/** Closes every session of the organisation of this transaction. */
export const closeAllSessions = (em: EntityManager): Promise<number> => em.nativeDelete(Session, {});

/** Closes one session of this person; false when it is not theirs or no longer open. */
export async function closeSession(
  em: EntityManager,
  { userId, id }: { userId: string; id: string },
): Promise<boolean> {
  return (await em.nativeDelete(Session, { id, user: { id: userId } })) > 0;
}
