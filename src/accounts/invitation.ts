import type { EntityManager } from "@mikro-orm/postgresql";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { type AccessLink, holdOpenLink, openLink, revokeLinks } from "./access-link.ts";
import { Credential, setPassword } from "./credential.ts";
import { invitation } from "./link-mails.ts";
import { aboutUser, type By, createUser, type Identity, User } from "./user.ts";

/** The same words whether a link never was, was used, was withdrawn or has expired [P49]. */
export const DEAD_LINK =
  "Ce lien ne sert plus : il a expiré, a déjà été utilisé ou a été remplacé. Demandez-en un autre à la personne qui vous l’a envoyé.";

export interface Invited {
  user: User;
  link: AccessLink;
  /** Exists nowhere else: to be shown once. */
  token: string;
}

/** Creates an account without password and the link by which its person chooses one [ACC-7]. The caller flushes. */
export async function inviteUser(
  em: EntityManager,
  identity: Identity & { roles: readonly string[] },
  { tenantId, by, now }: { tenantId: string; by: By; now: Date },
): Promise<Invited> {
  const user = await createUser(em, identity, { tenantId, by, now });
  const opened = openLink(em, { tenantId, purpose: "invitation", user, by, now });
  record(em, "user.invited", aboutUser(user), { link: opened.link.id, by: by?.id ?? null });
  return { user, ...opened };
}

/** The same, the link leaving by mail, made as it leaves and never shown to who invites. The caller flushes. */
export async function inviteUserByMail(
  em: EntityManager,
  identity: Identity & { roles: readonly string[] },
  { tenantId, by, now }: { tenantId: string; by: By; now: Date },
): Promise<User> {
  const user = await createUser(em, identity, { tenantId, by, now });
  await mailInvitation(em, user, by);
  return user;
}

/** Another message in place of the former links, which die at once. The caller flushes. */
export async function renewInvitationByMail(
  em: EntityManager,
  user: User,
  { by, now }: { by: By; now: Date },
): Promise<void> {
  await refuseSettled(em, user);
  await revokeLinks(em, { userId: user.id }, { now });
  await mailInvitation(em, user, by);
}

async function mailInvitation(em: EntityManager, user: User, by: By): Promise<void> {
  const { tenantId } = user;
  const inviter = by && (await em.findOne(User, { tenantId, id: by.id }));
  await sendMail(em, invitation, {
    tenantId,
    to: { address: user.email, person: aboutUser(user) },
    payload: { by: inviter?.name() ?? null },
  });
  record(em, "user.invited", aboutUser(user), { link: null, by: by?.id ?? null });
}

/** A new link in place of the former, which dies at once. The caller flushes. */
export async function renewInvitation(
  em: EntityManager,
  user: User,
  { by, now }: { by: By; now: Date },
): Promise<Invited> {
  await refuseSettled(em, user);
  await revokeLinks(em, { userId: user.id }, { now });
  const opened = openLink(em, { tenantId: user.tenantId, purpose: "invitation", user, by, now });
  record(em, "user.invited", aboutUser(user), { link: opened.link.id, by: by?.id ?? null });
  return { user, ...opened };
}

/** Uses the link, once, to give the account its first password; never touches one that has a password already [P21]. */
export async function acceptInvitation(
  em: EntityManager,
  linkId: string,
  { passwordHash, now }: { passwordHash: string; now: Date },
): Promise<User> {
  const link = await holdOpenLink(em, linkId, { purpose: "invitation", now });
  if (!link?.user) throw new NotFound(DEAD_LINK);
  const user = (await em.refresh(link.user)) as User | null;
  if (!user?.isActive() || (await hasPassword(em, user))) throw new NotFound(DEAD_LINK);
  link.usedAt = now;
  await setPassword(em, user, passwordHash, { now });
  record(em, "invitation.accepted", aboutUser(user), { link: link.id });
  return user;
}

async function refuseSettled(em: EntityManager, user: User): Promise<void> {
  if (!user.isActive()) throw new RuleBroken("Ce compte est désactivé : réactivez-le avant d’inviter la personne.");
  if (await hasPassword(em, user)) {
    throw new RuleBroken("Cette personne a déjà choisi son mot de passe : elle n’a plus besoin d’invitation.");
  }
}

const hasPassword = async (em: EntityManager, user: User) =>
  (await em.count(Credential, { tenantId: user.tenantId, id: user.id })) > 0;
