import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../platform/db/index.ts";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { holdOpenLink, openLink, revokeLinks } from "./access-link.ts";
import { Credential, changePassword } from "./credential.ts";
import { invitation, passwordReset } from "./link-mails.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { forgetFailures } from "./sign-in-guard.ts";
import { INSTANCE_ID } from "./tenant.ts";
import { aboutUser, type By, tidyEmail, type User } from "./user.ts";

/** The same words whether a link never was, was used, was replaced or has expired [P49]. */
export const DEAD_RESET =
  "Ce lien ne sert plus\u00a0: il dure trente minutes et ne sert qu’une fois. Demandez-en un autre depuis la page de connexion.";

interface Row {
  tenant_id: string;
  user_id: string;
  password_hash: string | null;
}

/**
 * Writes a message to each account of this address, one an organisation [ACC-8]; an account without password yet gets its
 * invitation again. For an address nobody has, the same questions and one line of the same log: nothing tells them apart.
 */
export async function askReset(db: Database, typed: string, from: Origin): Promise<void> {
  const address = tidyEmail(typed);
  const rows = await db.lookup<Row>("accounts", [address]);
  for (const { tenant_id: tenantId, user_id: userId, password_hash } of rows) {
    await db.note(tenantId, async (em) => {
      noteSecurity(em, from, { kind: "reset.asked", userId, tenantId });
      const to = { address, person: aboutUser({ id: userId }) };
      if (password_hash === null) await sendMail(em, invitation, { tenantId, to, payload: { by: null } });
      else await sendMail(em, passwordReset, { tenantId, to, payload: {} });
    });
  }
  if (rows.length > 0) return;
  await db.note(INSTANCE_ID, async (em) => {
    // Not the address: people type their password in the wrong field.
    noteSecurity(em, from, { kind: "reset.asked", userId: null, tenantId: INSTANCE_ID, detail: { unknown: true } });
  });
}

/** Uses the link, once, to change the password of the account; whatever second factor it has stays [ACC-8]. The caller flushes. */
export async function resetPassword(
  em: EntityManager,
  linkId: string,
  { passwordHash, now }: { passwordHash: string; now: Date },
): Promise<User> {
  const link = await holdOpenLink(em, linkId, { purpose: "reset", now });
  if (!link?.user) throw new NotFound(DEAD_RESET);
  const user = (await em.refresh(link.user)) as User | null;
  if (!user?.isActive() || !(await hasPassword(em, user))) throw new NotFound(DEAD_RESET);
  link.usedAt = now;
  await em.flush();
  await revokeLinks(em, { userId: user.id }, { now });
  await changePassword(em, user, passwordHash, { keepSession: null, now });
  // Who holds the mailbox may try again at once: the failures were of the password that has just gone.
  await forgetFailures(em, { tenantId: user.tenantId, userId: user.id });
  return user;
}

/** A link an administrator hands over to who cannot receive mail; the former die. Gives its token, to be shown once. The caller flushes. */
export async function offerReset(
  em: EntityManager,
  user: User,
  { by, now }: { by: By; now: Date },
): Promise<{ token: string; expiresAt: Date }> {
  await refuseUnready(em, user);
  await revokeLinks(em, { userId: user.id }, { now });
  const { link, token } = openLink(em, { tenantId: user.tenantId, purpose: "reset", user, by, now });
  record(em, "user.reset_offered", aboutUser(user), { link: link.id, by: by?.id ?? null });
  return { token, expiresAt: link.expiresAt };
}

/** The same by mail. The caller flushes. */
export async function mailReset(em: EntityManager, user: User, { by }: { by: By }): Promise<void> {
  await refuseUnready(em, user);
  const to = { address: user.email, person: aboutUser(user) };
  await sendMail(em, passwordReset, { tenantId: user.tenantId, to, payload: {} });
  record(em, "user.reset_offered", aboutUser(user), { link: null, by: by?.id ?? null });
}

async function refuseUnready(em: EntityManager, user: User): Promise<void> {
  if (!user.isActive()) throw new RuleBroken("Ce compte est désactivé\u00a0: réactivez-le d’abord.");
  if (!(await hasPassword(em, user))) {
    throw new RuleBroken("Cette personne n’a pas encore choisi de mot de passe\u00a0: renvoyez-lui son invitation.");
  }
}

const hasPassword = async (em: EntityManager, user: User) =>
  (await em.count(Credential, { tenantId: user.tenantId, id: user.id })) > 0;
