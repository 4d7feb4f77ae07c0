import type { EntitySchema } from "@mikro-orm/core";
import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { AccessLinkSchema } from "./access-link.ts";
import { CredentialSchema } from "./credential.ts";
import { events } from "./events.ts";
import { Group, GroupMemberSchema, GroupSchema } from "./group.ts";
import { invitation, passwordReset } from "./link-mails.ts";
import {
  accountLocked,
  addressChanged,
  factorEnrolled,
  factorRemoved,
  factorReset,
  newDevice,
  passwordChanged,
  tenantReactivated,
  tenantSuspended,
} from "./mails.ts";
import { PeopleReadSchema, sweepReadings } from "./people-read.ts";
import { TENANT_LOGO, USER_PICTURE } from "./pictures.ts";
import { reactions } from "./reactions.ts";
import { RecoveryCodeSchema } from "./recovery-code.ts";
import { ROLES } from "./roles.ts";
import { SecondFactorSchema } from "./second-factor.ts";
import { SecurityEventSchema, sweepSecurityLog } from "./security-event.ts";
import { SessionSchema } from "./session.ts";
import { sweepTenantSessions } from "./session-rows.ts";
import { SignInGuardSchema } from "./sign-in-guard.ts";
import { SupportAccessSchema } from "./support-access.ts";
import { HOLIDAY_ZONES, Tenant, TenantSchema } from "./tenant.ts";
import {
  FACTOR_BEYOND,
  groupUndo,
  LINK_BEYOND,
  memberUndo,
  PASSWORD_BEYOND,
  SUPPORT_BEYOND,
  tenantUndo,
  userUndo,
} from "./undo.ts";
import { User, UserSchema } from "./user.ts";
import { routes } from "./web/routes.ts";

const words = (options: readonly { code?: string; value?: string; label: string }[]) =>
  Object.fromEntries(options.map(({ code, value, label }) => [code ?? value ?? "", label]));

const NAME_OF = (id: string) =>
  `(select u.given_name || ' ' || u.family_name from app_user u where u.tenant_id = r.tenant_id and u.id = ${id})`;

/** Organisations, accounts, roles, sign-in and the security log. */
export const accounts: Module = {
  name: "accounts",
  entities: [
    TenantSchema,
    UserSchema,
    CredentialSchema,
    AccessLinkSchema,
    SessionSchema,
    SignInGuardSchema,
    SecurityEventSchema,
    PeopleReadSchema,
    SecondFactorSchema,
    RecoveryCodeSchema,
    SupportAccessSchema,
    GroupSchema,
    GroupMemberSchema,
  ] as unknown as EntitySchema[],
  tracked: [
    {
      table: "tenant",
      subject: "tenant",
      title: "r.name",
      undo: tenantUndo,
      columns: {
        name: { label: "Nom" },
        zone: { label: "Fuseau horaire" },
        holiday_zone: { label: "Zone de jours fériés", values: words(HOLIDAY_ZONES) },
        password_preset: {
          label: "Règle des mots de passe",
          values: { robustesse: "Robustesse", composition: "Composition" },
        },
        accent: { label: "Couleur" },
        second_factor_roles: {
          label: "Rôles tenus à la double authentification",
          format: "list",
          values: words(ROLES),
        },
        suspended_at: { label: "Suspendue le", format: "dateTime" },
        suspension_reason: { label: "Motif de la suspension" },
        logo_id: { label: "Logo", format: "file" },
        stay_connected_days: { label: "Durée de « Rester connecté », en jours" },
        history_years: { label: "Durée de conservation de l’historique, en années" },
      },
    },
    {
      table: "app_user",
      subject: "user",
      title: "r.given_name || ' ' || r.family_name",
      undo: userUndo,
      columns: {
        given_name: { label: "Prénom" },
        family_name: { label: "Nom" },
        email: { label: "Adresse électronique" },
        roles: { label: "Rôles", format: "list", values: words(ROLES) },
        theme: { label: "Thème", values: { system: "Système", light: "Clair", dark: "Sombre" } },
        density: { label: "Densité des tableaux", values: { comfort: "Confort", compact: "Compact" } },
        shortcuts: { label: "Raccourcis clavier", format: "yesNo" },
        live: { label: "Actualisation des pages", format: "yesNo" },
        silenced: {
          label: "Notifications muettes",
          format: "list",
          // In the words of the module above, which a test compares.
          values: {
            rights: "Vos droits",
            account: "Votre compte",
            undone: "Vos actes annulés",
            jobs: "Travaux terminés",
            files: "Vos fichiers refusés",
            failures: "Messages en échec",
            deaths: "Tâches en échec",
            prerequisites: "Prérequis à échéance",
            grants: "Habilitations sur une campagne",
            operations: "Opérations affectées ou retirées",
          },
        },
        picture_id: { label: "Photo de profil", format: "file" },
        department: { label: "Service" },
        deactivated_at: { label: "Désactivé le", format: "dateTime" },
      },
    },
    {
      table: "credential",
      subject: "user",
      title: NAME_OF("r.id"),
      undo: PASSWORD_BEYOND,
      columns: { changed_at: { label: "Mot de passe", format: "secret" } },
    },
    {
      table: "second_factor",
      subject: "user",
      title: NAME_OF("r.id"),
      undo: FACTOR_BEYOND,
      columns: { confirmed_at: { label: "Double authentification active depuis le", format: "dateTime" } },
    },
    {
      table: "support_access",
      subject: "tenant",
      subjectId: "r.tenant_id",
      title: "r.reason",
      undo: SUPPORT_BEYOND,
      columns: {
        reason: { label: "Motif" },
        expires_at: { label: "Ouvert jusqu’au", format: "dateTime" },
        closed_at: { label: "Fermé le", format: "dateTime" },
      },
    },
    {
      table: "user_group",
      subject: "group",
      title: "r.name",
      undo: groupUndo,
      columns: { name: { label: "Nom" } },
    },
    {
      table: "user_group_member",
      subject: "group",
      subjectId: "r.group_id",
      title: `coalesce(${NAME_OF("r.user_id")}, 'Service ' || r.department)`,
      undo: memberUndo,
      columns: {
        user_id: { label: "Personne", format: "user" },
        department: { label: "Service" },
        group_id: { label: "Groupe", format: "hidden" },
      },
    },
    {
      table: "access_link",
      subject: "user",
      // The set-up link is nobody's: it stands under its own id.
      subjectId: "coalesce(r.user_id, r.id)",
      title: `coalesce('Lien d’invitation, ' || ${NAME_OF("r.user_id")}, 'Lien d’installation')`,
      undo: LINK_BEYOND,
      columns: {
        expires_at: { label: "Lien valable jusqu’au", format: "dateTime" },
        used_at: { label: "Lien utilisé le", format: "dateTime" },
        revoked_at: { label: "Lien retiré le", format: "dateTime" },
      },
    },
  ],
  untracked: [
    {
      table: "session",
      why: "mesure : une connexion ouverte, touchée à chaque minute ; le journal de sécurité la dit",
    },
    { table: "sign_in_guard", why: "mesure : échecs et dernière connexion, hors de l’historique (règle 12)" },
    {
      table: "recovery_code",
      why: "empreintes à usage unique ; l’emploi d’un code est une connexion, que le journal de sécurité dit",
    },
    { table: "people_read", why: "mesure : qui a lu quelle page de personnes, gardé douze mois (PRM-32, règle 4)" },
    { table: "security_event", why: "journal à part, en ajout seul, gardé douze mois (HIS-16)" },
  ],
  routes,
  files: [USER_PICTURE, TENANT_LOGO],
  events,
  reactions,
  mails: [
    invitation,
    passwordReset,
    accountLocked,
    newDevice,
    passwordChanged,
    addressChanged,
    factorEnrolled,
    factorRemoved,
    factorReset,
    tenantSuspended,
    tenantReactivated,
  ],
  schedules: [
    {
      job: "accounts.purge_sessions",
      label: "Purge des sessions closes",
      at: "03:30",
      run: async ({ db }, { tenantId }) =>
        fr.count(await db.note(tenantId, sweepTenantSessions), "session supprimée", "sessions supprimées"),
    },
    {
      job: "accounts.purge_security_log",
      label: "Purge du journal de sécurité, au-delà de douze mois",
      at: "03:40",
      run: async ({ db, clock }, { tenantId }) =>
        fr.count(
          await db.note(tenantId, async (em) => {
            const about = { now: clock.now() };
            return (await sweepSecurityLog(em, about)) + (await sweepReadings(em, about));
          }),
          "ligne supprimée",
          "lignes supprimées",
        ),
    },
  ],
  menu: [
    {
      section: "Administrer",
      label: "Utilisateurs",
      href: "/admin/utilisateurs",
      icon: "users",
      right: "accounts.manage",
      order: 10,
    },
    {
      section: "Administrer",
      label: "Groupes",
      href: "/admin/groupes",
      icon: "briefcase",
      right: "groups.manage",
      order: 15,
    },
    {
      section: "Administrer",
      label: "Organisation",
      href: "/admin/organisation",
      icon: "settings",
      right: "accounts.manage",
      order: 20,
    },
    {
      section: "Administrer",
      label: "Accès de support",
      href: "/admin/acces-support",
      icon: "unlock",
      right: "support.open",
      order: 30,
    },
    {
      section: "Administrer",
      label: "Journal de sécurité",
      href: "/admin/journal-securite",
      icon: "shield",
      right: "history.read",
      order: 40,
    },
    {
      section: "Instance",
      label: "Organisations",
      href: "/instance/organisations",
      icon: "building",
      right: "instance.manage",
      order: 10,
    },
  ],
  subjects: {
    user: {
      noun: "compte",
      icon: "user",
      right: "accounts.manage",
      url: (id) => `/admin/utilisateurs/${id}`,
      label: async (em, id) => (await em.findOne(User, { id }))?.name() ?? null,
    },
    group: {
      noun: "groupe",
      icon: "briefcase",
      right: "groups.manage",
      url: (id) => `/admin/groupes/${id}`,
      label: async (em, id) => (await em.findOne(Group, { id }))?.name ?? null,
    },
    tenant: {
      noun: "organisation",
      icon: "building",
      right: "accounts.manage",
      url: () => "/admin/organisation",
      label: async (em, id) => (await em.findOne(Tenant, { id }))?.name ?? null,
    },
  },
};
