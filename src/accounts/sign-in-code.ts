import { CannotOpen } from "../platform/cipher.ts";
import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { countRecoveryCodes, isRecoveryCode, spendRecoveryCode } from "./recovery-code.ts";
import { findKey, isTelephoneCode, stepOf } from "./second-factor.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { tellLock } from "./sign-in.ts";
import { type Account, claimStep, forgetCodeFailures, MOST_FAILURES, takeCodeAttempt } from "./sign-in-guard.ts";

/** What was typed after the password: a code of the telephone, or one of the recovery codes. */
export type TypedCode = { code: string } | { recovery: string };

/** What this text can be; null when neither a telephone nor a list of codes shows it, which is a slip and no guess. */
export function readCode(text: string): TypedCode | null {
  if (isTelephoneCode(text)) return { code: text };
  return isRecoveryCode(text) ? { recovery: text } : null;
}

export const CODE_SHAPES =
  "Écrivez les six chiffres affichés par votre application, ou un de vos dix codes de récupération.";

/** One sentence for every refusal: wrong, used already, locked [ACC-13]. */
export const CODE_REFUSED =
  "Ce code ne convient pas. Tapez celui qui s’affiche maintenant : chacun ne sert qu’une fois. Après cinq échecs, le compte attend quinze minutes.";

/** No code of this telephone can be compared any more: to refuse it as wrong would send its holder round in circles. */
const KEY_LOST =
  "Ce serveur ne sait plus lire la clé de votre téléphone\u00a0: aucun de ses codes ne conviendra. Tapez un code de récupération\u00a0; sans lui, demandez à une personne qui administre de réinitialiser la double authentification.";

/**
 * Whether the second factor is proved. Counted before it is compared, like a password; used up by success [ACC-12,
 * ACC-13], which the security log tells by itself when it stands before a sensitive act (`isStepUp`) [ACC-11]. Throws RuleBroken, uncounted, for a telephone whose key was closed under a SECRET that is lost.
 */
export async function proveCode(
  db: Database,
  account: Account,
  typed: TypedCode,
  from: Origin,
  { secret, now, isStepUp = false }: { secret: string; now: Date; isStepUp?: boolean },
): Promise<boolean> {
  const { tenantId, userId } = account;
  const key = "code" in typed ? await keyOf(db, account, secret) : null;
  const rank = await db.note(tenantId, (em) => takeCodeAttempt(em, account));
  const step = key !== null && "code" in typed && rank <= MOST_FAILURES ? await stepOf(key, typed.code, now) : null;
  return db.note(tenantId, async (em) => {
    const right =
      rank <= MOST_FAILURES &&
      ("recovery" in typed
        ? await spendRecoveryCode(em, account, typed.recovery, now)
        : step !== null && (await claimStep(em, account, step)));
    if (right) {
      await forgetCodeFailures(em, account);
      if ("recovery" in typed) {
        const left = await countRecoveryCodes(em, userId);
        noteSecurity(em, from, { kind: "factor.recovered", userId, tenantId, detail: { left } });
      }
      if (isStepUp) {
        const method = "recovery" in typed ? "recovery" : "code";
        noteSecurity(em, from, { kind: "step_up.succeeded", userId, tenantId, detail: { method } });
      }
      return true;
    }
    noteSecurity(em, from, { kind: "factor.failed", userId, tenantId, detail: { rank } });
    if (rank === MOST_FAILURES) await tellLock(em, account, from, now);
    return false;
  });
}

const keyOf = (db: Database, account: Account, secret: string): Promise<string | null> =>
  db
    .read(account.tenantId, (em) => findKey(em, account, secret))
    .catch((error: unknown) => {
      throw error instanceof CannotOpen ? new RuleBroken(KEY_LOST, "code") : error;
    });
