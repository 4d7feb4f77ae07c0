import type { EntityManager } from "@mikro-orm/postgresql";
import type { DomainEvent, Reaction } from "../platform/events/catalogue.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { revokeLinks } from "./access-link.ts";
import { passwordChanged } from "./mails.ts";
import { closeSessions } from "./session.ts";
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
    async run(em, { tenantId, subject, payload, at }) {
      await closeSessions(em, { userId: subject.id, keep: payload.keepSession as string | null });
      const user = await em.findOneOrFail(User, { tenantId, id: subject.id });
      const to = { address: user.email, person: aboutUser(user) };
      await sendMail(em, passwordChanged, { tenantId, to, payload: { at: at.toISOString() } });
    },
  },
  {
    on: "user.roles_changed",
    async run(em, { subject, payload }) {
      const after = payload.after as string[];
      if (after.includes("admin") || after.includes("super_admin")) await endLongSessions(em, subject.id);
    },
  },
  { on: "tenant.edited", run: followStayDays },
];

async function followStayDays(em: EntityManager, { tenantId, payload }: DomainEvent): Promise<void> {
  if (!(payload.fields as string[]).includes("stayConnectedDays")) return;
  const tenant = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
  await shortenLongSessions(em, tenant.stayConnectedDays);
}
