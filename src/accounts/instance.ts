import { randomUUIDv7 } from "node:crypto";
import type { Database } from "../platform/db/index.ts";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { holdOpenLink, openLink, revokeLinks } from "./access-link.ts";
import { Credential, setPassword } from "./credential.ts";
import { DEAD_LINK, inviteUser, inviteUserByMail, renewInvitation, renewInvitationByMail } from "./invitation.ts";
import { holdFirstRun } from "./queries/first-run.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { aboutTenant, createTenant, holdTenant, INSTANCE_ID, Tenant, tidyTenantName } from "./tenant.ts";
import { type By, createUser, type Identity, tidyIdentity, User } from "./user.ts";

/**
 * When nobody runs the instance yet: replaces the set-up link of the start before and gives the token of the new one,
 * to be printed once [INS-1]. Null as soon as there is a super-admin. Call it at start, outside demo mode:
 * of two processes that start together, the second's link stands.
 */
export async function prepareFirstRun(
  db: Database,
  { now, label = "Lien d’installation ouvert au démarrage" }: { now: Date; label?: string },
): Promise<string | null> {
  if (await hasSuperAdmin(db)) return null;
  const act = {
    tenantId: INSTANCE_ID,
    actorId: null,
    channel: "setup" as const,
    code: "instance.prepared",
    label,
    subject: aboutTenant({ id: INSTANCE_ID }),
    now,
  };
  return db.act(act, async (em) => {
    await holdFirstRun(em);
    const instance = await em.count(Tenant, { id: INSTANCE_ID });
    if (instance === 0) createTenant(em, { id: INSTANCE_ID, name: "Instance", kind: "instance" }, { now });
    await revokeLinks(em, { purpose: "setup" }, { now });
    const { link, token } = openLink(em, { tenantId: INSTANCE_ID, purpose: "setup", user: null, by: null, now });
    record(em, "instance.prepared", aboutTenant({ id: INSTANCE_ID }), { link: link.id });
    return token;
  });
}

export async function hasSuperAdmin(db: Database): Promise<boolean> {
  const [row] = await db.lookup<{ has_super_admin: boolean }>("has_super_admin");
  return row!.has_super_admin;
}

export interface Installation {
  linkId: string;
  superAdmin: Identity & { passwordHash: string };
  organisation: { name: string; zone?: string };
  /** The super-admin's own second account when it is the same person: a password then, else an invitation. */
  admin: { passwordHash: string } | Identity;
}

export interface Installed {
  tenantId: string;
  /** To be shown once; null when the super-admin is also the first administrator. */
  invitation: string | null;
}

/**
 * Uses the set-up link: super-admin, first organisation, its administrator [INS-1]. Two tenants are two transactions:
 * the first kills the link for ever, and if the second fails the super-admin can finish from their own page.
 */
export async function setUpInstance(
  db: Database,
  { linkId, superAdmin, organisation, admin }: Installation,
  { from, now, requestId }: { from: Origin; now: Date; requestId?: string },
): Promise<Installed> {
  const { passwordHash, ...identity } = superAdmin;
  const first = "passwordHash" in admin ? { ...identity, ...admin } : admin;
  // Everything that may be refused is looked at before the link dies.
  tidyIdentity(identity);
  tidyIdentity(first);
  tidyTenantName(organisation.name);
  const act = {
    tenantId: INSTANCE_ID,
    actorId: null,
    channel: "setup" as const,
    code: "instance.set_up",
    label: "Installation de l’instance",
    subject: aboutTenant({ id: INSTANCE_ID }),
    now,
    ...(requestId !== undefined && { requestId }),
  };
  const founder = await db.act(act, async (em) => {
    // The tenant first: whoever holds it is alone to look at the link and at who administers the instance.
    await holdTenant(em, INSTANCE_ID);
    const link = await holdOpenLink(em, linkId, { purpose: "setup", now });
    const taken = await em.count(User, { roles: { $contains: ["super_admin"] }, deactivatedAt: null });
    if (!link || taken > 0) throw new NotFound(DEAD_LINK);
    link.usedAt = now;
    const user = await createUser(
      em,
      { ...identity, roles: ["super_admin"] },
      { tenantId: INSTANCE_ID, by: null, now },
    );
    await setPassword(em, user, passwordHash, { now });
    noteSecurity(em, from, { kind: "password.chosen", userId: user.id, tenantId: INSTANCE_ID });
    record(em, "instance.set_up", aboutTenant({ id: INSTANCE_ID }), { link: link.id });
    return user;
  });
  return foundOrganisation(
    db,
    { ...organisation, admin: first },
    { by: { id: founder.id }, from, now, channel: "setup" },
  );
}

export interface Foundation {
  name: string;
  zone?: string;
  admin: Identity & { passwordHash?: string };
}

interface Opened {
  by: By;
  from: Origin;
  now: Date;
  /** The invitation leaves by mail, and nobody here sees its link. */
  byMail?: boolean;
}

/** Opens an organisation with its first administrator, in an act of that organisation's own history [ROL-2]. */
export async function foundOrganisation(
  db: Pick<Database, "act">,
  { name, zone, admin: { passwordHash, ...identity } }: Foundation,
  { by, from, now, channel, byMail = false }: Opened & { channel: "page" | "setup" },
): Promise<Installed> {
  const tenantId = randomUUIDv7();
  const act = {
    tenantId,
    actorId: by?.id ?? null,
    channel,
    code: "tenant.created",
    label: "Création de l’organisation et de son premier compte",
    subject: aboutTenant({ id: tenantId }),
    now,
  };
  return db.act(act, async (em) => {
    createTenant(em, { id: tenantId, name, kind: "organisation", ...(zone !== undefined && { zone }) }, { now });
    await em.flush();
    const account = { ...identity, roles: ["admin"] };
    if (passwordHash !== undefined) {
      const user = await createUser(em, account, { tenantId, by, now });
      await setPassword(em, user, passwordHash, { now });
      noteSecurity(em, from, { kind: "password.chosen", userId: user.id, tenantId });
      return { tenantId, invitation: null };
    }
    const { user, token } = byMail
      ? { user: await inviteUserByMail(em, account, { tenantId, by, now }), token: null }
      : await inviteUser(em, account, { tenantId, by, now });
    noteSecurity(em, from, { kind: "invitation.opened", userId: user.id, actorId: by?.id ?? null, tenantId });
    return { tenantId, invitation: token };
  });
}

/**
 * A new link for the only person of an organisation nobody has entered yet. Once one of its people has a password, its
 * accounts are its own business [ROL-2].
 */
export async function renewFirstInvitation(
  db: Pick<Database, "act">,
  tenantId: string,
  { by, from, now, byMail = false }: Opened,
): Promise<Installed & { person: string }> {
  const act = {
    tenantId,
    actorId: by?.id ?? null,
    channel: "page" as const,
    code: "user.invited",
    label: "Nouveau lien d’invitation du premier compte, par l’instance",
    subject: aboutTenant({ id: tenantId }),
    now,
  };
  return db.act(act, async (em) => {
    await holdTenant(em, tenantId);
    const [first] = await em.find(
      User,
      { deactivatedAt: null },
      { orderBy: { createdAt: "asc", id: "asc" }, limit: 1 },
    );
    if (!first || (await em.count(Credential, {})) > 0) {
      throw new RuleBroken(
        "Quelqu’un est déjà entré dans cette organisation : ses comptes se gèrent chez elle, par ses administrateurs.",
      );
    }
    if (byMail) await renewInvitationByMail(em, first, { by, now });
    const token = byMail ? null : (await renewInvitation(em, first, { by, now })).token;
    noteSecurity(em, from, { kind: "invitation.opened", userId: first.id, actorId: by?.id ?? null, tenantId });
    return { tenantId, invitation: token, person: first.name() };
  });
}
