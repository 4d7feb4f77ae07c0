import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../../platform/db/index.ts";

export interface StartStep {
  label: string;
  href: string;
  icon: string;
  done: boolean;
}

/** What a new administrator has left to do; nothing for the others. */
export async function startListFor(
  em: EntityManager,
  user: { tenantId: string; roles: readonly string[] },
): Promise<StartStep[]> {
  if (!user.roles.includes("admin")) return [];
  const [row] = await em.execute<{ edited: boolean; accent: boolean; invited: boolean; shared: boolean }[]>(
    `select t.version > 1 as edited, t.accent is not null as accent,
       (select count(*) > 1 from app_user u where u.tenant_id = t.tenant_id) as invited,
       exists (select from app_user u where u.tenant_id = t.tenant_id and u.deactivated_at is null and not 'admin' = any (u.roles)) as shared
     from tenant t where t.tenant_id = ? and t.id = ?`,
    [user.tenantId, user.tenantId],
  );
  const settings = "/admin/organisation";
  return [
    {
      label: "Vérifier le nom et le fuseau horaire de l’organisation",
      href: settings,
      icon: "building",
      done: row!.edited,
    },
    { label: "Choisir la couleur de l’organisation", href: settings, icon: "palette", done: row!.accent },
    {
      label: "Inviter un premier collègue",
      href: "/admin/utilisateurs/nouveau",
      icon: "user-plus",
      done: row!.invited,
    },
    { label: "Confier un rôle autre qu’administrateur", href: "/admin/utilisateurs", icon: "users", done: row!.shared },
  ];
}

export interface OrganisationLine {
  id: string;
  name: string;
  demo: boolean;
  createdAt: Date;
  accounts: number;
  /** Somebody has chosen a password there. */
  entered: boolean;
  suspendedAt: Date | null;
  suspensionReason: string | null;
  /** Open to those who run the instance until then [ROL-2]. */
  support: { until: Date; reason: string } | null;
}

interface OrganisationRow {
  created_at: string;
  suspended_at: string | null;
  suspension_reason: string | null;
  support_until: string | null;
  support_reason: string | null;
  accounts: number;
  entered: boolean;
}

/**
 * What a super-admin may know of the organisations: that they exist, since when, and how many accounts they have
 * [ROL-2]. Counted in each organisation's own isolation; nothing else of it is read.
 */
export async function listOrganisations(db: Database): Promise<OrganisationLine[]> {
  const tenants = await db.lookup<{ id: string; name: string; kind: string; demo: boolean }>("tenants");
  const lines: OrganisationLine[] = [];
  for (const { id, name, kind, demo } of tenants) {
    if (kind !== "organisation") continue;
    const [row] = await db.read(id, (em) =>
      em.execute<OrganisationRow[]>(
        `select t.created_at, t.suspended_at, t.suspension_reason, (select count(*)::int from app_user u where u.deactivated_at is null and u.support_of is null) as accounts,
           a.expires_at as support_until, a.reason as support_reason,
           exists (select from credential) as entered
         from tenant t left join support_access a on a.tenant_id = t.tenant_id and a.closed_at is null and a.expires_at > app_now()
         where t.id = ? order by a.id desc limit 1`,
        [id],
      ),
    );
    if (!row) continue;
    const {
      created_at: createdAt,
      suspended_at: suspendedAt,
      suspension_reason: suspensionReason,
      support_until: until,
      support_reason: reason,
      ...counted
    } = row;
    const dates = { createdAt: new Date(createdAt), suspendedAt: suspendedAt === null ? null : new Date(suspendedAt) };
    lines.push({
      id,
      name,
      demo,
      ...counted,
      ...dates,
      suspensionReason,
      support: until && reason ? { until: new Date(until), reason } : null,
    });
  }
  return lines.sort((a, b) => a.name.localeCompare(b.name, "fr"));
}
