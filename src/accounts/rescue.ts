import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { offerReset } from "./reset.ts";
import { hasSecondFactor, resetSecondFactor } from "./second-factor.ts";
import { noteSecurity } from "./security-event.ts";
import type { Account } from "./sign-in-guard.ts";
import { aboutUser, tidyEmail, User } from "./user.ts";

export interface Holder extends Account {
  tenantName: string;
}

/** The active accounts of this address, one an organisation at most; refused with its remedy when nobody has it. */
export async function accountHolders(db: Database, email: string): Promise<Holder[]> {
  const address = tidyEmail(email);
  const rows = await db.lookup<{ tenant_id: string; tenant_name: string; user_id: string }>("accounts", [address]);
  if (rows.length === 0) {
    throw new RuleBroken(
      `Aucun compte actif n’a l’adresse ${address}. Vérifiez-la : c’est celle que la personne tape à la connexion. Un compte désactivé se réactive d’abord, depuis sa fiche.`,
    );
  }
  return rows.map(({ tenant_id: tenantId, tenant_name: tenantName, user_id: userId }) => ({
    tenantId,
    userId,
    tenantName,
  }));
}

/** Those of them that have a second factor; refused with its remedy when none has a telephone to lose. */
export async function factorHolders(db: Database, email: string): Promise<Holder[]> {
  const holders: Holder[] = [];
  for (const one of await accountHolders(db, email)) if (await hasSecondFactor(db, one)) holders.push(one);
  if (holders.length === 0) {
    throw new RuleBroken(
      `Le compte ${tidyEmail(email)} n’a pas de double authentification : son mot de passe suffit. S’il est oublié, ajoutez --mot-de-passe.`,
    );
  }
  return holders;
}

/**
 * A link to choose another password, for who can neither receive one nor ask an administrator: gives its token, to be
 * shown once; the former links die [ACC-8]. Refused with its remedy for an account that never had a password.
 */
export function rescuePassword(
  db: Database,
  { tenantId, userId }: Account,
  { reason, now }: { reason: string; now: Date },
): Promise<{ token: string; expiresAt: Date }> {
  const act = {
    ...onServer({ tenantId, userId }, { reason, now }),
    code: "user.reset_offered",
    label: "Lien de nouveau mot de passe remis depuis le serveur",
  };
  return db.act(act, async (em) => {
    const user = await em.findOneOrFail(User, { tenantId, id: userId });
    noteSecurity(em, { headers: {} }, { kind: "reset.offered", userId, tenantId, detail: { onServer: true } });
    return offerReset(em, user, { by: null, now });
  });
}

const onServer = ({ tenantId, userId }: Account, { reason, now }: { reason: string; now: Date }) => ({
  tenantId,
  actorId: null,
  channel: "setup" as const,
  subject: aboutUser({ id: userId }),
  reason: tidyReason(reason),
  now,
});

/** Takes away a lost second factor from the machine itself; history, security log and the person are told [ACC-13]. */
export async function rescueAccount(
  db: Database,
  { tenantId, userId }: Account,
  { reason, now }: { reason: string; now: Date },
): Promise<void> {
  const act = {
    ...onServer({ tenantId, userId }, { reason, now }),
    code: "user.second_factor_reset",
    label: "Double authentification réinitialisée depuis le serveur",
  };
  await db.act(act, async (em) => {
    await resetSecondFactor(em, await em.findOneOrFail(User, { tenantId, id: userId }), { by: null });
    noteSecurity(em, { headers: {} }, { kind: "factor.reset", userId, tenantId, detail: { onServer: true } });
  });
}

/** A reason as history keeps it; refused when it says nothing, or too much. */
export function tidyReason(reason: string): string {
  const tidy = reason.trim();
  if (tidy.length < 3) throw new RuleBroken("Donnez le motif, en quelques mots : il est écrit dans l’historique.");
  if (tidy.length > 200) throw new RuleBroken("Raccourcissez le motif à 200 caractères.");
  return tidy;
}
