import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { closeSessions } from "./session.ts";
import { aboutTenant, holdTenant } from "./tenant.ts";
import { aboutUser, toUser, User } from "./user.ts";

export const MOST_SUPPORT_HOURS = 24;
const HOUR_MS = 3_600_000;

const schema = defineEntity({
  name: "SupportAccess",
  tableName: "support_access",
  ...lookedUpTable,
  indexes: [{ properties: ["tenantId", "expiresAt"] }],
  checks: [{ name: "support_access_one_day", expression: "expires_at <= (created_at + '24:00:00'::interval)" }],
  properties: {
    ...tenantKey(),
    // The administrator who opened it.
    user: () => toUser(),
    reason: p.text(),
    expiresAt: p.datetime(),
    closedAt: p.datetime().nullable(),
    ...createdAt(),
  },
});

/** The door an organisation opens to those who run the instance, until an hour it chose; nothing of it is seen without one (ROL-2). */
export class SupportAccess extends schema.class {
  isOpen(now: Date) {
    return this.closedAt == null && this.expiresAt > now;
  }
}
schema.setClass(SupportAccess);
export const SupportAccessSchema = schema;

/** The one that is open in the organisation of this transaction, or null. */
export const findSupport = (em: EntityManager, now: Date): Promise<SupportAccess | null> =>
  em.findOne(
    SupportAccess,
    { closedAt: null, expiresAt: { $gt: now } },
    { orderBy: { id: "desc" }, populate: ["user"] },
  );

/** Opens the door for some hours; refused while one is open, and to a support itself [ROL-2]. The caller flushes. */
export async function openSupport(
  em: EntityManager,
  user: User,
  { hours, reason, now }: { hours: number; reason: string; now: Date },
): Promise<SupportAccess> {
  await holdTenant(em, user.tenantId);
  if (user.supportOf != null) throw new RuleBroken("Un accès de support ne peut pas en ouvrir un autre.");
  if (await findSupport(em, now)) throw new RuleBroken("Un accès de support est déjà ouvert : fermez-le d’abord.");
  const expiresAt = new Date(now.getTime() + hours * HOUR_MS);
  const { tenantId } = user;
  const access = em.create(SupportAccess, {
    tenantId,
    id: randomUUIDv7(),
    user,
    reason,
    expiresAt,
    closedAt: null,
    createdAt: now,
  });
  em.persist(access);
  record(em, "support.opened", aboutTenant({ id: tenantId }), { access: access.id, until: expiresAt.toISOString() });
  return access;
}

/** Closes it before its hour; who was inside is out at once. Refused when none is open. The caller flushes. */
export async function closeSupport(em: EntityManager, tenantId: string, { now }: { now: Date }): Promise<void> {
  await holdTenant(em, tenantId);
  const access = await findSupport(em, now);
  if (!access) throw new RuleBroken("Aucun accès de support n’est ouvert : il n’y a rien à fermer.");
  access.closedAt = now;
  for (const { id } of await em.find(User, { supportOf: { $ne: null } })) await closeSessions(em, { userId: id });
  record(em, "support.closed", aboutTenant({ id: tenantId }), { access: access.id });
}

/** A super-admin at the door of an organisation. */
export interface Visit {
  visitor: { id: string; givenName: string; familyName: string; name: string; hasFactor: boolean };
  from: Origin;
  now: Date;
}

/**
 * Lets a super-admin into an organisation, in an act of its own history. Gives the account under which they act there
 * (a name that says so, no role, no password), made at their first visit, and until when. Refused when no access is
 * open, or when the organisation asks a second factor of those who administer it and they have none [ROL-2].
 */
export function enterOrganisation(
  db: Pick<Database, "act">,
  tenantId: string,
  visit: Visit,
): Promise<{ userId: string; until: Date }> {
  const { visitor, from, now } = visit;
  return inTheirHistory(db, tenantId, visit, "support.entered", `Entrée du support : ${visitor.name}`, async (em) => {
    const tenant = await holdTenant(em, tenantId);
    if (tenant.isSuspended()) throw new RuleBroken("Cette organisation est suspendue : rouvrez-la d’abord.");
    const access = await findSupport(em, now);
    if (!access) {
      throw new RuleBroken(
        "Cette organisation n’a pas ouvert d’accès de support. Demandez-le à une personne qui l’administre : menu « Administrer », « Accès de support ».",
      );
    }
    if (tenant.guardedRoles().includes("admin") && !visitor.hasFactor) {
      throw new RuleBroken(
        "Cette organisation exige la double authentification de qui l’administre : activez d’abord la vôtre, depuis « Mon compte ».",
      );
    }
    const user = await supportAccount(em, tenantId, visitor, now);
    record(em, "support.entered", aboutUser(user), { access: access.id, by: visitor.id });
    noteSecurity(em, from, { kind: "support.entered", userId: user.id, actorId: visitor.id, tenantId });
    return { userId: user.id, until: access.expiresAt };
  });
}

/** Closes the access from the side of the instance, in an act of the organisation's history. Refused when none is open. */
export function renounceSupport(db: Pick<Database, "act">, tenantId: string, visit: Visit): Promise<void> {
  const { visitor, from, now } = visit;
  const label = `Accès de support fermé par l’instance : ${visitor.name}`;
  return inTheirHistory(db, tenantId, visit, "support.closed", label, async (em) => {
    await closeSupport(em, tenantId, { now });
    noteSecurity(em, from, { kind: "support.closed", userId: null, actorId: visitor.id, tenantId });
  });
}

const inTheirHistory = <T>(
  db: Pick<Database, "act">,
  tenantId: string,
  { visitor, now }: Visit,
  code: string,
  label: string,
  verb: (em: EntityManager) => Promise<T>,
): Promise<T> => {
  const subject = aboutTenant({ id: tenantId });
  return db.act({ tenantId, actorId: visitor.id, channel: "page", code, label, subject, now }, verb);
};

async function supportAccount(
  em: EntityManager,
  tenantId: string,
  visitor: Visit["visitor"],
  now: Date,
): Promise<User> {
  // As they are called today, whatever they were called at their last visit.
  const named = { givenName: visitor.givenName, familyName: `${visitor.familyName} (support)` };
  const known = await em.findOne(User, { tenantId, supportOf: visitor.id });
  if (known) return Object.assign(known, named);
  const made = em.create(User, {
    tenantId,
    id: randomUUIDv7(),
    // Nobody’s mailbox: nothing is ever sent there.
    email: `support-${visitor.id}@instance.invalid`,
    ...named,
    roles: [],
    supportOf: visitor.id,
    pictureId: null,
    deactivatedAt: null,
    createdAt: now,
  });
  em.persist(made);
  return made;
}
