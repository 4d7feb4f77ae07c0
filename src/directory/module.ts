import type { EntitySchema } from "@mikro-orm/core";
import { HOLIDAY_ZONES } from "../accounts/index.ts";
import type { Module } from "../platform/module.ts";
import { AbsenceSchema, saidDate } from "./absence.ts";
import { AccountTieSchema } from "./account-tie.ts";
import { CoordinatorScopeSchema } from "./coordinator-scope.ts";
import { Department, DepartmentSchema } from "./department.ts";
import { events } from "./events.ts";
import { staffExport } from "./export-profile.ts";
import { toldWeek } from "./hours.ts";
import { staffImports } from "./import-profile.ts";
import { departmentsExport, sitesExport, techniciansExport } from "./list-exports.ts";
import { Site, SiteSchema } from "./site.ts";
import { StaffMember, StaffMemberSchema } from "./staff-member.ts";
import { TechnicianHoursSchema } from "./technician-hours.ts";
import { absenceUndo, departmentUndo, hoursUndo, scopeUndo, siteUndo, staffUndo, tieUndo } from "./undo.ts";
import { routes } from "./web/routes.ts";

const READ = "directory.read";
const EDIT = "directory.edit";

const nameOf = (table: string, column: string) =>
  `(select p.name from ${table} p where p.tenant_id = r.tenant_id and p.id = r.${column})`;
const STAFF_NAME =
  "(select s.given_name || ' ' || s.family_name from staff_member s where s.tenant_id = r.tenant_id and s.id = r.staff_member_id)";

const ACCOUNT_NAME =
  "(select u.given_name || ' ' || u.family_name from app_user u where u.tenant_id = r.tenant_id and u.id = r.user_id)";

/** People of the organisation, their departments, sites and managers, and the days nobody works. */
export const directory: Module = {
  name: "directory",
  entities: [
    DepartmentSchema,
    SiteSchema,
    StaffMemberSchema,
    AccountTieSchema,
    CoordinatorScopeSchema,
    TechnicianHoursSchema,
    AbsenceSchema,
  ] as unknown as EntitySchema[],
  tracked: [
    {
      table: "department",
      subject: "department",
      title: "r.name",
      undo: departmentUndo,
      columns: { name: { label: "Nom" } },
    },
    {
      table: "site",
      subject: "site",
      title: "r.name",
      undo: siteUndo,
      columns: {
        name: { label: "Nom" },
        zone: { label: "Fuseau horaire" },
        holiday_zone: {
          label: "Zone de jours fériés",
          values: Object.fromEntries(HOLIDAY_ZONES.map(({ value, label }) => [value, label])),
        },
        hours: { label: "Heures d’ouverture", tell: toldWeek },
      },
    },
    {
      table: "staff_member",
      subject: "staff_member",
      title: "r.given_name || ' ' || r.family_name",
      undo: staffUndo,
      columns: {
        staff_number: { label: "Matricule" },
        family_name: { label: "Nom" },
        given_name: { label: "Prénom" },
        email: { label: "Adresse électronique" },
        department_id: { label: "Service", of: "department" },
        site_id: { label: "Site", of: "site" },
        position: { label: "Fonction" },
        contract_type: { label: "Type de contrat" },
        phone: { label: "Téléphone" },
        manager_id: { label: "Responsable", of: "staff_member" },
        sms_consent_at: { label: "Consentement aux SMS le", format: "dateTime" },
        sms_consent_proof: { label: "Preuve du consentement" },
        deactivated_at: { label: "Désactivée le", format: "dateTime" },
      },
    },
    {
      table: "account_tie",
      subject: "user",
      subjectId: "r.user_id",
      title: STAFF_NAME,
      undo: tieUndo,
      columns: {
        user_id: { label: "Compte", format: "user" },
        staff_member_id: { label: "Personne de l’annuaire", of: "staff_member" },
      },
    },
    {
      table: "coordinator_scope",
      subject: "user",
      subjectId: "r.user_id",
      title: `${nameOf("department", "department_id")} || coalesce(', ' || ${nameOf("site", "site_id")}, ', tous les sites')`,
      undo: scopeUndo,
      columns: {
        user_id: { label: "Compte", format: "user" },
        department_id: { label: "Service", of: "department" },
        site_id: { label: "Site", of: "site" },
      },
    },
    {
      table: "technician_hours",
      subject: "user",
      subjectId: "r.user_id",
      title: `'Horaires, ' || ${ACCOUNT_NAME}`,
      undo: hoursUndo,
      columns: { user_id: { label: "Compte", format: "user" }, hours: { label: "Horaires", tell: toldWeek } },
    },
    {
      table: "absence",
      subject: "user",
      subjectId: "r.user_id",
      title: `'Absence, ' || ${ACCOUNT_NAME}`,
      undo: absenceUndo,
      columns: {
        user_id: { label: "Compte", format: "user" },
        starts_on: { label: "Du", tell: (day) => saidDate(String(day)) },
        ends_on: { label: "Au", tell: (day) => saidDate(String(day)) },
        reason: { label: "Motif" },
      },
    },
  ],
  imports: [staffImports],
  exports: [staffExport, departmentsExport, sitesExport, techniciansExport],
  routes,
  events,
  menu: [
    {
      section: "Administrer",
      label: "Annuaire",
      href: "/admin/annuaire",
      icon: "book",
      right: READ,
      order: 12,
    },
  ],
  subjects: {
    staff_member: {
      noun: "agent",
      icon: "user",
      right: EDIT,
      url: (id) => `/admin/annuaire/agents/${id}`,
      label: async (em, id) => (await em.findOne(StaffMember, { id }))?.name() ?? null,
    },
    department: {
      noun: "service",
      icon: "briefcase",
      right: EDIT,
      url: (id) => `/admin/annuaire/services/${id}/modifier`,
      label: async (em, id) => (await em.findOne(Department, { id }))?.name ?? null,
    },
    site: {
      noun: "site",
      icon: "map-pin",
      right: EDIT,
      url: (id) => `/admin/annuaire/sites/${id}/modifier`,
      label: async (em, id) => (await em.findOne(Site, { id }))?.name ?? null,
    },
  },
};
