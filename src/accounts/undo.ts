import type { EntityManager } from "@mikro-orm/postgresql";
import type { Undo, Undoing, UndoneRow } from "../platform/db/undo.ts";
import { RuleBroken } from "../platform/errors.ts";
import { judgeAccent } from "./accent.ts";
import { revokeLinks } from "./access-link.ts";
import { noteSecurity } from "./security-event.ts";
import { closeSessions } from "./session.ts";
import { endLongSessions, shortenLongSessions } from "./session-rows.ts";
import { HOLIDAY_ZONES, holdTenant, ZONES } from "./tenant.ts";
import { User } from "./user.ts";

/** What the scanner refused, or the purge took away, does not come back. */
const FILE_KEPT = (column: string) => ({
  when: `w.${column} is distinct from t.${column} and w.${column} is not null and not exists (select from file f where f.tenant_id = w.tenant_id and f.id = w.${column} and f.state <> 'infected')`,
  why: "Cette image n’est plus gardée : envoyez-la de nouveau.",
});

const LAST_KEEPER =
  "C’est la dernière personne active qui a ce rôle d’administration. Donnez-le d’abord à quelqu’un d’autre.";
const KEEPS = (row: string) =>
  `(${row}.deactivated_at is null and ${row}.roles && array['admin', 'super_admin']::text[])`;

/** Accounts come back under the rules their own pages follow: one e-mail each, one administrator left [ROL-3, ROL-4]. */
export const userUndo: Undo = {
  right: "accounts.manage",
  // Preferences are their person's own.
  unless:
    "t.id = who.id and (w.email, w.given_name, w.family_name, w.department, w.roles, w.deactivated_at) is not distinct from (t.email, t.given_name, t.family_name, t.department, t.roles, t.deactivated_at)",
  created: { set: (now) => ({ deactivated_at: now.toISOString() }) },
  rules: [
    { when: "t.support_of is not null", why: "Un accès de support s’ouvre et se ferme sur sa page." },
    {
      when: "w.email <> t.email and exists (select from app_user o where o.tenant_id = w.tenant_id and o.email = w.email and o.id <> w.id)",
      why: "Un autre compte a maintenant cette adresse électronique.",
    },
    {
      when: `t.id = who.id and ${KEEPS("t")} and not ${KEEPS("w")}`,
      why: "Vous ne pouvez ni retirer votre propre rôle d’administration, ni désactiver votre propre compte.",
    },
    {
      when: "t.id = who.id and t.deactivated_at is null and w.deactivated_at is not null",
      why: "C’est votre propre compte.",
    },
    FILE_KEPT("picture_id"),
    {
      when: `${KEEPS("t")} and not ${KEEPS("w")} and not exists (select from app_user o where o.tenant_id = w.tenant_id and o.id <> w.id and ${KEEPS("o")})`,
      why: LAST_KEEPER,
    },
  ],
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
  applied: { columns: ["email", "roles", "deactivated_at"], run: followAccounts },
};

/** What closing an account and changing its rights bring about, as when it is done by hand. */
async function followAccounts(em: EntityManager, rows: UndoneRow[], undoing: Undoing): Promise<void> {
  const { by, from, now, tenantId } = undoing;
  const keepers = await em.count(User, {
    tenantId,
    deactivatedAt: null,
    $or: [{ roles: { $contains: ["admin"] } }, { roles: { $contains: ["super_admin"] } }],
  });
  if (keepers === 0) throw new RuleBroken(LAST_KEEPER);
  for (const { id, before, after } of rows) {
    const note = (kind: Parameters<typeof noteSecurity>[2]["kind"], detail: Record<string, unknown> = {}) =>
      noteSecurity(em, from, { kind, userId: id, actorId: by.id, tenantId, detail });
    const [was, is] = [before ?? {}, after ?? {}];
    if (was.deactivated_at === null && is.deactivated_at !== null) {
      await revokeLinks(em, { userId: id }, { now });
      await closeSessions(em, { userId: id });
      note("account.deactivated");
    } else if (was.deactivated_at !== null && is.deactivated_at === null) note("account.reactivated");
    const [rolesBefore, roles] = [was.roles as string[], is.roles as string[]];
    if (String(rolesBefore) !== String(roles)) {
      if (roles.includes("admin") || roles.includes("super_admin")) await endLongSessions(em, id);
      note("rights.changed", { before: rolesBefore, after: roles });
    }
    if (was.email !== is.email) note("identity.changed");
  }
}

/** A group comes back under the rules of its own page (ROL-5). */
export const groupUndo: Undo = {
  right: "groups.manage",
  created: "delete",
  rules: [
    {
      // Of a creation the row wanted is the present one: it is about to go.
      when: "w is not distinct from t and exists (select from user_group_member m where m.tenant_id = t.tenant_id and m.group_id = t.id)",
      why: "Ce groupe a des membres\u00a0: retirez-les d’abord, ou supprimez-le depuis sa page.",
    },
    {
      when: "exists (select from user_group o where o.tenant_id = w.tenant_id and o.id <> w.id and public.unaccent(lower(o.name)) = public.unaccent(lower(w.name)))",
      why: "Un autre groupe a maintenant ce nom.",
    },
  ],
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
};

/** What puts a member back, or takes it out, as a person would by hand (ROL-5). */
export const memberUndo: Undo = {
  right: "groups.manage",
  created: "delete",
  rules: [
    {
      // Unless the group went in the same act, and comes back with it.
      when: `not exists (select from user_group g where g.tenant_id = w.tenant_id and g.id = w.group_id)
        and not exists (select from change c where c.tenant_id = w.tenant_id and c.table_name = 'user_group' and c.row_id = w.group_id and c.operation = 'delete'
          and c.changeset_id = (select m.changeset_id from change m where m.tenant_id = w.tenant_id and m.table_name = 'user_group_member'
            and m.row_id = w.id and m.operation = 'delete' order by m.ordinal desc limit 1))`,
      why: "Ce groupe n’existe plus.",
    },
    {
      when: `exists (select from user_group_member o where o.tenant_id = w.tenant_id and o.group_id = w.group_id and o.id <> w.id
        and (o.user_id = w.user_id or public.unaccent(lower(o.department)) = public.unaccent(lower(w.department))))`,
      why: "Cette personne ou ce service est déjà dans le groupe.",
    },
  ],
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
};

/** Settings of an organisation, under what its page accepts today. */
export const tenantUndo: Undo = {
  right: "accounts.manage",
  created: { never: "Une organisation ne se retire pas en annulant un acte." },
  rules: [
    FILE_KEPT("logo_id"),
    {
      when: "(w.suspended_at, w.suspension_reason) is distinct from (t.suspended_at, t.suspension_reason)",
      why: "Une organisation est suspendue ou rouverte par ceux qui tiennent l’instance.",
    },
  ],
  judge: {
    columns: ["accent", "zone", "holiday_zone"],
    why({ accent, zone, holiday_zone: holidayZone }) {
      if (typeof accent === "string") {
        const verdict = judgeAccent(accent);
        if (!verdict.accepted) return verdict.sentence;
      }
      if (typeof zone === "string" && !ZONES.includes(zone)) return "Ce fuseau horaire n’est plus proposé.";
      if (typeof holidayZone === "string" && !HOLIDAY_ZONES.some(({ value }) => value === holidayZone)) {
        return "Cette zone de jours fériés n’est plus proposée.";
      }
      return null;
    },
  },
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
  applied: {
    columns: ["password_preset", "stay_connected_days", "second_factor_roles"],
    async run(em, rows, { by, from, tenantId }) {
      for (const { after } of rows) await shortenLongSessions(em, Number(after!.stay_connected_days));
      noteSecurity(em, from, { kind: "settings.changed", userId: by.id, tenantId });
    },
  },
};

export const PASSWORD_BEYOND = {
  never: "Un mot de passe ne se restaure pas\u00a0: la personne en choisit un nouveau.",
};
export const SUPPORT_BEYOND = { never: "Un accès de support s’ouvre et se ferme sur sa page." };
export const FACTOR_BEYOND = {
  never:
    "Un téléphone ne se rend ni ne se reprend en annulant un acte\u00a0: la personne l’active elle-même, ou quelqu’un qui administre le réinitialise.",
};
export const LINK_BEYOND = {
  never:
    "Un lien secret ne se restaure pas\u00a0: ouvrez une nouvelle invitation, ou désactivez le compte pour le fermer.",
};
