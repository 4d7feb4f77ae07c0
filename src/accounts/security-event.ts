import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { tenantKey, tenantTable } from "../platform/db/entity.ts";

/** A table of the log: PostgreSQL itself refuses to delete what is younger than a year [HIS-16]. */
export const yearTable = {
  ...tenantTable,
  // As PostgreSQL writes it back, so that the comparison with the migrations finds nothing to do.
  policies: [
    ...tenantTable.policies,
    {
      name: "kept_a_year",
      type: "restrictive" as const,
      command: "delete" as const,
      using: "(at < (app_now() - '1 year'::interval))",
    },
  ],
};

const schema = defineEntity({
  name: "SecurityEvent",
  tableName: "security_event",
  ...yearTable,
  indexes: [{ properties: ["tenantId", "userId", "id"] }],
  properties: {
    ...tenantKey(),
    at: p.datetime().defaultRaw("app_now()"),
    kind: p.text(),
    userId: p.uuid().nullable(),
    actorId: p.uuid().nullable(),
    address: p.text(),
    userAgent: p.text(),
    detail: p.json<Record<string, unknown>>().columnType("jsonb"),
  },
});

/** One line of the security log, apart from history (HIS-16, rulings 12). */
export class SecurityEvent extends schema.class {}
schema.setClass(SecurityEvent);
export const SecurityEventSchema = schema;

/** What the log says, by kind; `icon` and `tone` as on screen. Kept 12 months, never used to judge people [HIS-16]. */
export const SECURITY_KINDS = {
  "sign_in.succeeded": { label: "Connexion", icon: "key", tone: "success" },
  "sign_in.failed": { label: "Échec de connexion", icon: "alert-triangle", tone: "warning" },
  "account.locked": { label: "Compte verrouillé", icon: "lock", tone: "danger" },
  "account.unlocked": { label: "Compte déverrouillé", icon: "unlock", tone: "primary" },
  "session.closed": { label: "Session fermée", icon: "log-out", tone: "neutral" },
  "password.chosen": { label: "Mot de passe choisi", icon: "shield-check", tone: "success" },
  "password.changed": { label: "Mot de passe changé", icon: "shield", tone: "primary" },
  "reset.asked": { label: "Nouveau mot de passe demandé", icon: "mail", tone: "neutral" },
  "reset.offered": { label: "Lien de mot de passe remis", icon: "send", tone: "primary" },
  "password.reset": { label: "Mot de passe oublié, changé", icon: "shield", tone: "warning" },
  "step_up.succeeded": { label: "Identité confirmée", icon: "check-circle", tone: "neutral" },
  "step_up.failed": { label: "Confirmation refusée", icon: "alert-triangle", tone: "warning" },
  "factor.enrolled": { label: "Double authentification activée", icon: "smartphone", tone: "success" },
  "factor.failed": { label: "Code refusé", icon: "alert-triangle", tone: "warning" },
  "factor.recovered": { label: "Code de récupération utilisé", icon: "key", tone: "warning" },
  "factor.renewed": { label: "Codes de récupération changés", icon: "refresh", tone: "primary" },
  "factor.removed": { label: "Double authentification retirée", icon: "shield", tone: "warning" },
  "factor.reset": { label: "Double authentification réinitialisée", icon: "shield", tone: "danger" },
  "rights.changed": { label: "Droits changés", icon: "users", tone: "primary" },
  "identity.changed": { label: "Adresse de connexion changée", icon: "mail", tone: "primary" },
  "invitation.opened": { label: "Lien d’invitation créé", icon: "send", tone: "neutral" },
  "account.deactivated": { label: "Compte désactivé", icon: "user-x", tone: "danger" },
  "account.reactivated": { label: "Compte réactivé", icon: "user-check", tone: "primary" },
  "support.opened": { label: "Accès de support ouvert", icon: "unlock", tone: "warning" },
  "support.closed": { label: "Accès de support fermé", icon: "lock", tone: "neutral" },
  "support.entered": { label: "Entrée du support", icon: "key", tone: "warning" },
  "tenant.suspended": { label: "Organisation suspendue", icon: "lock", tone: "danger" },
  "tenant.reactivated": { label: "Organisation rouverte", icon: "unlock", tone: "primary" },
  export: { label: "Export", icon: "download", tone: "primary" },
  "settings.changed": { label: "Réglages de sécurité changés", icon: "settings", tone: "primary" },
} as const satisfies Record<string, { label: string; icon: string; tone: string }>;

export type SecurityKind = keyof typeof SECURITY_KINDS;

/** Where a request comes from, as far as the log keeps it; an Express request is one. */
export interface Origin {
  ip?: string | undefined;
  headers: { "user-agent"?: string | undefined };
  user?: { tenantId: string } | undefined;
}

interface Told {
  kind: SecurityKind;
  /** Whose account it is about. */
  userId: string | null;
  /** Who did it, when it is somebody else. */
  actorId?: string | null;
  detail?: Record<string, unknown>;
  /** Before sign-in, whose log it goes to; otherwise the person's own organisation. */
  tenantId?: string;
}

const LONGEST_AGENT = 500;

/** Writes one line of the security log, in the transaction of what it tells. */
export function noteSecurity(
  em: EntityManager,
  from: Origin,
  { kind, userId, actorId = null, detail = {}, tenantId = from.user?.tenantId }: Told,
): void {
  if (!tenantId) throw new Error(`Nobody is signed in: say whose log "${kind}" goes to.`);
  const userAgent = (from.headers["user-agent"] ?? "").slice(0, LONGEST_AGENT);
  em.persist(
    em.create(SecurityEvent, {
      tenantId,
      id: randomUUIDv7(),
      kind,
      userId,
      actorId: actorId === userId ? null : actorId,
      address: from.ip ?? "",
      userAgent,
      detail,
    }),
  );
}

const KEPT_MONTHS = 12;

/** What is older leaves the log. */
export function yearBefore(now: Date): Date {
  const limit = new Date(now);
  limit.setUTCMonth(limit.getUTCMonth() - KEPT_MONTHS);
  return limit;
}

/** Lines older than a year leave [HIS-16]; the database refuses to delete a younger one. Gives how many left. */
export const sweepSecurityLog = (em: EntityManager, { now }: { now: Date }): Promise<number> =>
  em.nativeDelete(SecurityEvent, { at: { $lt: yearBefore(now) } });
