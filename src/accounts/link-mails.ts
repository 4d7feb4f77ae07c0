import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { type Message, mailKind } from "../platform/mail/kinds.ts";
import { INVITATION_DAYS, openLink, type Purpose, RESET_MINUTES } from "./access-link.ts";
import { Credential } from "./credential.ts";
import { User } from "./user.ts";

const holderOf = async (em: EntityManager, { tenantId, person }: Message) =>
  person && em.findOne(User, { tenantId, id: person.id });

/** Why a link must not leave, whatever it opens: it goes to the holder of the account, at the account's own address. */
async function whyNoLink(em: EntityManager, message: Message): Promise<string | null> {
  const user = await holderOf(em, message);
  if (!user?.isActive()) return "Le compte est désactivé.";
  if (user.email !== message.address) return "L’adresse du compte a changé depuis.";
  return null;
}

const hasPassword = async (em: EntityManager, { tenantId, person }: Message) =>
  person !== null && (await em.count(Credential, { tenantId, id: person.id })) > 0;

const mintFor = (purpose: Purpose) => async (em: EntityManager, message: Message, now: Date) => {
  const user = (await holderOf(em, message)) as User;
  return openLink(em, { tenantId: message.tenantId, purpose, user, by: null, now }).token;
};

/** The way into a new account [ACC-7]; a link of seven days is made each time it is sent. */
export const invitation = mailKind({
  kind: "accounts.invited",
  label: "Invitation",
  payload: z.strictObject({ by: z.string().nullable() }),
  subject: () => "Votre compte vous attend",
  write: ({ by }, { tenantName }) => ({
    lines: [
      `${by ?? "La personne qui tient OpsTracker"} vous a ouvert un compte dans l’espace «\u00a0${tenantName}\u00a0».`,
      "Il reste à choisir votre mot de passe.",
    ],
    action: { label: "Choisir mon mot de passe" },
    after: [
      `Ce lien sert une fois, pendant ${INVITATION_DAYS} jours. Si vous n’attendiez pas cette invitation, ne faites rien\u00a0: rien ne se passe sans vous.`,
    ],
  }),
  async notDue(em, message) {
    const why = await whyNoLink(em, message);
    return why ?? ((await hasPassword(em, message)) ? "La personne a déjà choisi son mot de passe." : null);
  },
  secret: { path: "/invitation/", mint: mintFor("invitation") },
});

/** Whoever asked has forgotten about it by then, and a mailbox opened late must hold no key. */
const RESET_HOURS = 24;

/** A new password for who forgot theirs [ACC-8]; a link of thirty minutes is made each time it is sent. */
export const passwordReset = mailKind({
  kind: "accounts.reset",
  label: "Mot de passe oublié",
  payload: z.strictObject({}),
  subject: () => "Choisissez un nouveau mot de passe",
  write: (_payload, { tenantName }) => ({
    lines: [`Un nouveau mot de passe a été demandé pour votre compte dans l’espace «\u00a0${tenantName}\u00a0».`],
    action: { label: "Choisir un nouveau mot de passe" },
    after: [
      `Ce lien sert une fois, pendant ${RESET_MINUTES} minutes.`,
      "Si vous n’avez rien demandé, ne faites rien\u00a0: votre mot de passe reste le même.",
    ],
  }),
  async notDue(em, message, now) {
    const why = await whyNoLink(em, message);
    if (why !== null) return why;
    if (!(await hasPassword(em, message))) return "Ce compte n’a pas encore de mot de passe.";
    const age = now.getTime() - message.createdAt.getTime();
    return age > RESET_HOURS * 3_600_000 ? "La demande date de plus d’un jour." : null;
  },
  secret: { path: "/nouveau-mot-de-passe/", mint: mintFor("reset") },
});
