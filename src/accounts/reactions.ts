import type { EntityManager } from "@mikro-orm/postgresql";
import type { ZodType, z } from "zod";
import type { DomainEvent, Reaction } from "../platform/events/catalogue.ts";
import type { MailKind } from "../platform/mail/kinds.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { revokeLinks } from "./access-link.ts";
import {
  factorEnrolled,
  factorRemoved,
  factorReset,
  passwordChanged,
  tenantReactivated,
  tenantSuspended,
} from "./mails.ts";
import { closeAllSessions, closeSessions } from "./session.ts";
import { endLongSessions, shortenLongSessions } from "./session-rows.ts";
import { Tenant } from "./tenant.ts";
import { aboutUser, User } from "./user.ts";

/** What must be true together with an event of an account, in its transaction. */
export const reactions: Reaction[] = [
  {
    on: "user.deactivated",
    async run(em, { subject, at }) {
      await revokeLinks(em, { userId: subject.id }, { now: at });
      await closeSessions(em, { userId: subject.id });
    },
  },
  {
    on: "user.password_changed",
    async run(em, event) {
      const keep = event.payload.keepSession as string | null;
      await closeSessions(em, { userId: event.subject.id, keep });
      await tell(em, event, passwordChanged, { at: event.at.toISOString() });
    },
  },
  {
    on: "user.roles_changed",
    async run(em, { subject, payload }) {
      const after = payload.after as string[];
      if (after.includes("admin") || after.includes("super_admin")) await endLongSessions(em, subject.id);
    },
  },
  {
    on: "user.second_factor_enrolled",
    run: (em, event) =>
      tell(em, event, factorEnrolled, { at: event.at.toISOString(), replaced: event.payload.replaced as boolean }),
  },
  {
    on: "user.second_factor_removed",
    run: (em, event) => tell(em, event, factorRemoved, { at: event.at.toISOString() }),
  },
  {
    on: "user.second_factor_reset",
    async run(em, event) {
      await closeSessions(em, { userId: event.subject.id });
      await tell(em, event, factorReset, { at: event.at.toISOString() });
    },
  },
  {
    on: "tenant.suspended",
    async run(em, { tenantId, at }) {
      await closeAllSessions(em);
      const { suspensionReason } = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
      await tellAdmins(em, tenantId, tenantSuspended, { at: at.toISOString(), reason: suspensionReason ?? "" });
    },
  },
  {
    on: "tenant.reactivated",
    run: (em, { tenantId, at }) => tellAdmins(em, tenantId, tenantReactivated, { at: at.toISOString() }),
  },
  { on: "tenant.edited", run: followStayDays },
];

/** A message to the person the event is about. */
async function tell<S extends ZodType>(
  em: EntityManager,
  { tenantId, subject }: DomainEvent,
  kind: MailKind<S>,
  payload: z.output<S>,
): Promise<void> {
  const user = await em.findOneOrFail(User, { tenantId, id: subject.id });
  await sendMail(em, kind, { tenantId, to: { address: user.email, person: aboutUser(user) }, payload });
}

/** The same message to each active administrator of the organisation. */
async function tellAdmins<S extends ZodType>(
  em: EntityManager,
  tenantId: string,
  kind: MailKind<S>,
  payload: z.output<S>,
): Promise<void> {
  const admins = await em.find(User, { tenantId, deactivatedAt: null, roles: { $contains: ["admin"] } });
  for (const user of admins) {
    await sendMail(em, kind, { tenantId, to: { address: user.email, person: aboutUser(user) }, payload });
  }
}

async function followStayDays(em: EntityManager, { tenantId, payload }: DomainEvent): Promise<void> {
  if (!(payload.fields as string[]).includes("stayConnectedDays")) return;
  const tenant = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
  await shortenLongSessions(em, tenant.stayConnectedDays);
}
