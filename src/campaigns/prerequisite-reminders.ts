import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { Role } from "../accounts/index.ts";
import { record } from "../platform/events/record.ts";
import { mailKind } from "../platform/mail/kinds.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";
import { aboutCampaign } from "./campaign.ts";
import { campaignFor, isShown } from "./policy.ts";
import { isStillDue, prerequisitesToTell, type Reminder, takeReminder } from "./queries/prerequisites.ts";

/** Whoever answers for a prerequisite is told three days before its due day, and the day after it (PRE-2). */

const LABEL = "Responsable d’un prérequis prévenu";

/** What became of it, in a sentence that stands alone. */
const told = ({ when, label, campaign, dueOn }: Pick<Reminder, "when" | "label" | "campaign" | "dueOn">): string => {
  const day = fr.date(`${dueOn}T12:00:00Z`, "UTC");
  return when === "before"
    ? `«\u00a0${label}\u00a0», prérequis de la campagne «\u00a0${campaign}\u00a0» dont vous répondez, est à faire pour le ${day}.`
    : `«\u00a0${label}\u00a0», prérequis de la campagne «\u00a0${campaign}\u00a0» dont vous répondez, devait être fait le ${day}.`;
};

export const prerequisiteDue = mailKind({
  kind: "campaigns.prerequisite_due",
  label: "Prérequis à échéance",
  payload: z.strictObject({
    id: z.uuid(),
    when: z.enum(["before", "after"]),
    label: z.string(),
    campaign: z.string(),
    dueOn: z.iso.date(),
    path: z.string().nullable(),
  }),
  subject: ({ when, label }) => (when === "before" ? `À faire bientôt\u00a0: ${label}` : `En retard\u00a0: ${label}`),
  write: ({ path, ...about }) => ({
    lines: [told(about)],
    ...(path
      ? { action: { label: "Voir les prérequis de la campagne", href: path } }
      : { after: ["Une fois fait, dites-le à qui gère la campagne."] }),
  }),
  async notDue(em, { person, payload: { id, dueOn } }) {
    const isDue = await isStillDue(em, { id, dueOn, userId: person?.id });
    return isDue ? null : "Ce prérequis est fait, a une autre échéance ou un autre responsable.";
  },
});

/** Tells those whose day has come, each once, those of days that no run took included; gives how many. */
export async function remindOfPrerequisites(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId }: { tenantId: string },
): Promise<number> {
  let count = 0;
  for (const id of await db.read(tenantId, prerequisitesToTell)) {
    let subject: { type: string; id: string } | undefined;
    const act = { tenantId, actorId: null, channel: "job", code: "campaign.prerequisite_due", label: LABEL } as const;
    await db.act({ ...act, subject: () => subject, now: clock.now() }, async (em) => {
      const reminder = await takeReminder(em, id);
      if (!reminder) return;
      subject = aboutCampaign({ id: reminder.campaignId });
      await tell(em, reminder, { tenantId });
      count++;
    });
  }
  return count;
}

async function tell(em: EntityManager, reminder: Reminder, { tenantId }: { tenantId: string }): Promise<void> {
  const { id, when, label, campaign, campaignId, dueOn, isDraft, responsible } = reminder;
  const path = (await sees(em, responsible, campaignId)) ? `/campagnes/${campaignId}/prerequis` : null;
  record(em, "campaign.prerequisite_due", aboutCampaign({ id: campaignId }), {
    prerequisite: id,
    responsible: responsible.id,
    text: told(reminder),
    path,
  });
  // A draft sends nothing out: what it has to say waits in the product (CAM-10).
  if (isDraft) return;
  await sendMail(em, prerequisiteDue, {
    tenantId,
    to: { address: responsible.email, person: { type: "user", id: responsible.id } },
    payload: { id, when, label, campaign, dueOn, path },
  });
}

/** A link to what they may not see would lead nowhere. */
const sees = (em: EntityManager, { id, roles }: Reminder["responsible"], campaignId: string): Promise<boolean> =>
  isShown(campaignFor(em, { id, roles: roles as Role[] }, campaignId));
