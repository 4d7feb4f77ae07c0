import type { EntityManager } from "@mikro-orm/postgresql";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { correction } from "./mails.ts";
import { recipientsOfAct } from "./queries.ts";

export interface Correction {
  subject: string;
  text: string;
}

/** Writes the same letter to each person a message of this act has reached [HIS-13]. Gives how many. The caller flushes. */
export async function correctMessages(
  em: EntityManager,
  actId: string,
  { subject, text }: Correction,
  { tenantId, by }: { tenantId: string; by: string },
): Promise<number> {
  const found = await recipientsOfAct(em, actId);
  if (!found) throw new NotFound("Cet acte n’existe pas dans votre organisation. Revenez à l’historique.");
  if (found.recipients.length === 0) {
    throw new RuleBroken("Aucun message de cet acte n’est parti\u00a0: il n’y a personne à détromper.");
  }
  const payload = {
    subject,
    lines: text
      .split(/\n\s*\n/)
      .map((line) => line.trim())
      .filter(Boolean),
  };
  for (const to of found.recipients) await sendMail(em, correction, { tenantId, to, payload });
  const recipients = found.recipients.length;
  record(em, "messages.corrected", { type: "act", id: actId }, { by, act: actId, recipients });
  return recipients;
}
