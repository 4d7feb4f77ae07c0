import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { aboutTenant, holdTenant, Tenant } from "./tenant.ts";

interface Decision {
  by: { id: string };
  reason: string;
  from: Origin;
  now: Date;
}

/**
 * Puts an organisation on hold, in an act of its own history: its sessions close with it, nobody signs in, its jobs
 * wait, its data stay. Its administrators are told, by reaction. Refused when it is already.
 */
export function suspendOrganisation(db: Pick<Database, "act">, tenantId: string, decision: Decision): Promise<void> {
  const { by, reason, from, now } = decision;
  return decide(
    db,
    tenantId,
    decision,
    "Suspension de l’organisation par l’instance",
    "tenant.suspended",
    (em, tenant) => {
      if (tenant.isSuspended()) throw new RuleBroken("Cette organisation est déjà suspendue.");
      tenant.suspendedAt = now;
      tenant.suspensionReason = reason;
      record(em, "tenant.suspended", aboutTenant(tenant), { by: by.id });
      noteSecurity(em, from, { kind: "tenant.suspended", userId: null, actorId: by.id, tenantId, detail: { reason } });
    },
  );
}

/** Opens it again, as it was: people sign in, jobs resume within a minute. Refused when it is not suspended. */
export function reactivateOrganisation(db: Pick<Database, "act">, tenantId: string, decision: Decision): Promise<void> {
  const { by, reason, from } = decision;
  return decide(
    db,
    tenantId,
    decision,
    "Réouverture de l’organisation par l’instance",
    "tenant.reactivated",
    (em, tenant) => {
      if (!tenant.isSuspended()) throw new RuleBroken("Cette organisation n’est pas suspendue.");
      tenant.suspendedAt = null;
      tenant.suspensionReason = null;
      record(em, "tenant.reactivated", aboutTenant(tenant), { by: by.id });
      noteSecurity(em, from, {
        kind: "tenant.reactivated",
        userId: null,
        actorId: by.id,
        tenantId,
        detail: { reason },
      });
    },
  );
}

function decide(
  db: Pick<Database, "act">,
  tenantId: string,
  { by, reason, now }: Decision,
  label: string,
  code: string,
  change: (em: EntityManager, tenant: Tenant) => void,
): Promise<void> {
  const subject = aboutTenant({ id: tenantId });
  const act = { tenantId, actorId: by.id, channel: "page" as const, code, label, subject, reason, now };
  return db.act(act, async (em) => {
    const tenant = await holdTenant(em, tenantId);
    if (tenant.isInstance()) throw new RuleBroken("L’instance ne se suspend pas elle-même.");
    change(em, tenant);
  });
}

/** Since when nobody may sign in there, with the zone to say it in; null when it is open. */
export function findHold(db: Database, tenantId: string): Promise<{ since: Date; zone: string } | null> {
  return db.read(tenantId, async (em) => {
    const { suspendedAt, zone } = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
    return suspendedAt ? { since: suspendedAt, zone } : null;
  });
}
