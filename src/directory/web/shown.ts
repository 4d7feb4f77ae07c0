import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { NotFound } from "../../platform/errors.ts";
import { Department } from "../department.ts";
import { findStaffLine, type StaffLine } from "../queries/staff.ts";
import { mayEditDirectory, mayPlanTechnicians, reachOf } from "../reach.ts";
import type { Said } from "../said.ts";
import { Site } from "../site.ts";
import { StaffMember } from "../staff-member.ts";

export const AT = "/admin/annuaire";
export const DEPARTMENTS_AT = `${AT}/services`;
export const SITES_AT = `${AT}/sites`;
export const HOLIDAYS_AT = `${AT}/jours-feries`;
export const TECHNICIANS_AT = `${AT}/techniciens`;
export const staffAt = ({ id }: { id: string }) => `${AT}/agents/${id}`;

export const HOME = { label: "Accueil", href: "/" };
export const DIRECTORY = { label: "Annuaire", href: AT };

const TABS = [
  { label: "Agents", href: AT },
  { label: "Services", href: DEPARTMENTS_AT },
  { label: "Sites", href: SITES_AT },
  { label: "Jours fériés", href: HOLIDAYS_AT },
];

/** The rubrics of the directory this person may open, the present one marked. */
export const tabsOf = (req: Request, here: string) =>
  [...TABS, ...(mayPlanTechnicians(req.user!) ? [{ label: "Techniciens", href: TECHNICIANS_AT }] : [])].map((tab) => ({
    ...tab,
    current: tab.href === here,
  }));

export const mayEdit = (req: Request): boolean => mayEditDirectory(req.user!);

export const said = (req: Request): Said => ({ tenantId: req.user!.tenantId, by: { id: req.user!.id } });

/** Somebody this account may know; anybody else does not exist for it [PRM-23, TEN-2]. */
export async function visibleStaff(em: EntityManager, req: Request, id: string): Promise<StaffLine> {
  const line = await findStaffLine(em, reachOf(req.user!), id);
  if (!line)
    throw new NotFound("Cette personne n’est pas dans l’annuaire que vous voyez. Revenez à la liste des agents.");
  return line;
}

/** The same as it is written to, for routes whose right reaches everybody. */
export async function staffOf(em: EntityManager, id: string): Promise<StaffMember> {
  const member = await em.findOne(StaffMember, { id }, { populate: ["manager"] });
  if (!member) throw new NotFound("Cette personne n’est pas dans votre annuaire. Revenez à la liste des agents.");
  return member;
}

export async function departmentOf(em: EntityManager, id: string): Promise<Department> {
  const department = await em.findOne(Department, { id });
  if (!department)
    throw new NotFound("Ce service n’existe pas dans votre organisation. Revenez à la liste des services.");
  return department;
}

export async function siteOf(em: EntityManager, id: string): Promise<Site> {
  const site = await em.findOne(Site, { id });
  if (!site) throw new NotFound("Ce site n’existe pas dans votre organisation. Revenez à la liste des sites.");
  return site;
}
