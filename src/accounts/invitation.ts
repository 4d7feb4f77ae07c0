import type { EntityManager } from "@mikro-orm/postgresql";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { type AccessLink, holdOpenLink, openLink, revokeLinks } from "./access-link.ts";
import { Credential, setPassword } from "./credential.ts";
import { aboutUser, type By, createUser, type Identity, type User } from "./user.ts";

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

/** A new link in place of the former, which dies at once. The caller flushes. */
export async function renewInvitation(
  em: EntityManager,
  user: User,
  { by, now }: { by: By; now: Date },
): Promise<Invited> {
  if (!user.isActive()) throw new RuleBroken("Ce compte est désactivé : réactivez-le avant d’inviter la personne.");
  if (await hasPassword(em, user)) {
    throw new RuleBroken("Cette personne a déjà choisi son mot de passe : elle n’a plus besoin d’invitation.");
  }
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

const hasPassword = async (em: EntityManager, user: User) =>
  (await em.count(Credential, { tenantId: user.tenantId, id: user.id })) > 0;
