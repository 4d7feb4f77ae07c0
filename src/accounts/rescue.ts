import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { hasSecondFactor, resetSecondFactor } from "./second-factor.ts";
import { noteSecurity } from "./security-event.ts";
import type { Account } from "./sign-in-guard.ts";
import { aboutUser, tidyEmail, User } from "./user.ts";

export interface Holder extends Account {
  tenantName: string;
}

/**
 * The active accounts of this address that have a second factor, one an organisation at most. Refused with its remedy
 * when nobody has this address, or when none of its accounts has a telephone to lose.
 */
export async function factorHolders(db: Database, email: string): Promise<Holder[]> {
  const address = tidyEmail(email);
  const rows = await db.lookup<{ tenant_id: string; tenant_name: string; user_id: string }>("accounts", [address]);
  if (rows.length === 0) {
    throw new RuleBroken(
      `Aucun compte actif n’a l’adresse ${address}. Vérifiez-la : c’est celle que la personne tape à la connexion. Un compte désactivé se réactive d’abord, depuis sa fiche.`,
    );
  }
  const holders: Holder[] = [];
  for (const { tenant_id: tenantId, tenant_name: tenantName, user_id: userId } of rows) {
    if (await hasSecondFactor(db, { tenantId, userId })) holders.push({ tenantId, userId, tenantName });
  }
  if (holders.length === 0) {
    throw new RuleBroken(
      `Le compte ${address} n’a pas de double authentification : son mot de passe suffit. S’il est oublié, une personne qui administre l’organisation peut le remplacer.`,
    );
  }
  return holders;
}

/** Takes away a lost second factor from the machine itself; history, security log and the person are told [ACC-13]. */
export async function rescueAccount(
  db: Database,
  { tenantId, userId }: Account,
  { reason, now }: { reason: string; now: Date },
): Promise<void> {
  const act = {
    tenantId,
    actorId: null,
    channel: "setup" as const,
    code: "user.second_factor_reset",
    label: "Double authentification réinitialisée depuis le serveur",
    subject: aboutUser({ id: userId }),
    reason: tidyReason(reason),
    now,
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
