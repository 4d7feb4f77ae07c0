import { get, post, type Route } from "../../platform/http/route.ts";
import * as deactivations from "./deactivations.ts";
import * as departments from "./departments.ts";
import * as holidays from "./holidays.ts";
import { AT, DEPARTMENTS_AT, HOLIDAYS_AT, SITES_AT, TECHNICIANS_AT } from "./shown.ts";
import * as sites from "./sites.ts";
import * as smsConsents from "./sms-consents.ts";
import * as staff from "./staff.ts";
import * as technicians from "./technicians.ts";
import * as ties from "./ties.ts";

const READ = "directory.read";
const EDIT = "directory.edit";
const PLAN = "technicians.plan";
const TIE = "scopes.manage";
const ONE = `${AT}/agents/:id`;

export const routes: Route[] = [
  get(AT, READ, staff.index, { sitemap: "Annuaire", people: "Annuaire" }),
  get(`${AT}/agents/nouveau`, EDIT, staff.new_, { sitemap: "Ajouter un agent" }),
  post(`${AT}/agents/nouveau`, EDIT, staff.create),
  get(ONE, READ, staff.show, { people: "Fiche d’un agent" }),
  get(`${ONE}/modifier`, EDIT, staff.edit, { people: "Modification d’un agent" }),
  post(`${ONE}/modifier`, EDIT, staff.update),
  get(`${ONE}/desactivation`, EDIT, deactivations.new_),
  post(`${ONE}/desactivation`, EDIT, deactivations.create),
  post(`${ONE}/reactivation`, EDIT, deactivations.destroy),
  get(`${ONE}/sms`, EDIT, smsConsents.edit),
  post(`${ONE}/sms`, EDIT, smsConsents.update),
  post(`${ONE}/sms/retrait`, EDIT, smsConsents.destroy),

  get(DEPARTMENTS_AT, READ, departments.index, { sitemap: "Services" }),
  get(`${DEPARTMENTS_AT}/nouveau`, EDIT, departments.new_, { sitemap: "Créer un service" }),
  post(`${DEPARTMENTS_AT}/nouveau`, EDIT, departments.create),
  get(`${DEPARTMENTS_AT}/:id/modifier`, EDIT, departments.edit),
  post(`${DEPARTMENTS_AT}/:id/modifier`, EDIT, departments.update),
  get(`${DEPARTMENTS_AT}/:id/fusion`, EDIT, departments.confirmMerge),
  post(`${DEPARTMENTS_AT}/:id/fusion`, EDIT, departments.merge),
  post(`${DEPARTMENTS_AT}/:id/suppression`, EDIT, departments.destroy),

  get(SITES_AT, READ, sites.index, { sitemap: "Sites" }),
  get(`${SITES_AT}/nouveau`, EDIT, sites.new_, { sitemap: "Créer un site" }),
  post(`${SITES_AT}/nouveau`, EDIT, sites.create),
  get(`${SITES_AT}/:id/modifier`, EDIT, sites.edit),
  post(`${SITES_AT}/:id/modifier`, EDIT, sites.update),
  get(`${SITES_AT}/:id/fusion`, EDIT, sites.confirmMerge),
  post(`${SITES_AT}/:id/fusion`, EDIT, sites.merge),
  post(`${SITES_AT}/:id/suppression`, EDIT, sites.destroy),

  get(HOLIDAYS_AT, READ, holidays.index, { sitemap: "Jours fériés" }),

  get(TECHNICIANS_AT, PLAN, technicians.index, { sitemap: "Techniciens", people: "Techniciens" }),
  get(`${TECHNICIANS_AT}/:id/horaires`, PLAN, technicians.edit, { people: "Horaires d’un technicien" }),
  post(`${TECHNICIANS_AT}/:id/horaires`, PLAN, technicians.update),
  post(`${TECHNICIANS_AT}/:id/absences`, PLAN, technicians.create),
  post(`${TECHNICIANS_AT}/:id/absences/:absence/retrait`, PLAN, technicians.destroy),

  // Of an account, whose page is of another floor: it leads here.
  get("/admin/utilisateurs/:id/annuaire", TIE, ties.show, { people: "Annuaire et périmètre d’un compte" }),
  post("/admin/utilisateurs/:id/annuaire", TIE, ties.create),
  post("/admin/utilisateurs/:id/annuaire/retrait", TIE, ties.destroy),
  post("/admin/utilisateurs/:id/annuaire/perimetre", TIE, ties.addToScope),
  post("/admin/utilisateurs/:id/annuaire/perimetre/:scope/retrait", TIE, ties.dropFromScope),
];
