import { get, post, type Route } from "../../platform/http/route.ts";
import * as access from "./access.ts";
import * as activity from "./activity.ts";
import * as archives from "./archives.ts";
import * as baselines from "./baselines.ts";
import { bulkRoutes } from "./bulk-routes.ts";
import * as trash from "./campaign-trash.ts";
import * as flows from "./campaign-workflows.ts";
import * as campaigns from "./campaigns.ts";
import * as clones from "./clones.ts";
import * as closings from "./closings.ts";
import * as dashboards from "./dashboards.ts";
import * as fields from "./fields.ts";
import * as lifeCycle from "./life-cycle.ts";
import * as myWork from "./my-work.ts";
import * as cells from "./operation-cells.ts";
import * as columns from "./operation-columns.ts";
import * as filters from "./operation-filters.ts";
import * as list from "./operation-list.ts";
import * as types from "./operation-types.ts";
import * as operations from "./operations.ts";
import * as people from "./people.ts";
import * as pins from "./pins.ts";
import * as portfolio from "./portfolio.ts";
import { preparationRoutes } from "./preparation-routes.ts";
import { prerequisiteRoutes } from "./prerequisite-routes.ts";
import * as publications from "./publications.ts";
import * as reasons from "./reasons.ts";
import * as savedViews from "./saved-views.ts";
import { segmentRoutes } from "./segment-routes.ts";
import * as settings from "./settings.ts";
import * as snapshots from "./snapshots.ts";
import * as timeSpent from "./time-spent.ts";
import * as transitions from "./transitions.ts";
import * as typeFields from "./type-fields.ts";
import * as offers from "./type-offers.ts";
import * as workflows from "./type-workflows.ts";

const SEE = "campaigns.see";
const CONFIGURE = "campaigns.configure";
const GOVERN = "campaigns.govern";
const CATALOGUE = "catalogue.edit";
const TYPES = "/admin/types-operations";
const CODE = { params: { code: /^[a-z][a-z0-9_]{0,49}$/ } };
const CELL = { params: { code: /^(?:statut|date|technicien|segment|c\.[a-z][a-z0-9_]{0,49})$/ } };
const READ = "operations.read";
const MANAGE = "operations.manage";
const PLACE = "bookings.place";
const EXECUTE = "operations.execute";
const DELETE = "operations.delete";

export const routes: Route[] = [
  get("/campagnes", SEE, portfolio.index, { sitemap: "Campagnes" }),
  get("/interventions", EXECUTE, myWork.index, { sitemap: "Mes interventions" }),
  get("/campagnes/epinglees", SEE, pins.index, { sitemap: "Campagnes épinglées" }),
  post("/campagnes/:id/epingle", SEE, pins.create),
  post("/campagnes/:id/epingle/retrait", SEE, pins.destroy),
  post("/campagnes/:id/epingle/deplacement", SEE, pins.update),
  get("/campagnes/nouvelle", "campaigns.create", campaigns.new_, { sitemap: "Créer une campagne" }),
  post("/campagnes/nouvelle", "campaigns.create", campaigns.create),
  get("/campagnes/corbeille", SEE, trash.index, { sitemap: "Corbeille des campagnes" }),
  get("/campagnes/:id", SEE, dashboards.show),
  get("/campagnes/:id/activite", SEE, activity.index),
  get("/campagnes/:id/pourquoi", SEE, reasons.show),
  get("/campagnes/:id/copie", "campaigns.create", clones.new_),
  post("/campagnes/:id/copie", "campaigns.create", clones.create),
  get("/campagnes/:id/reglages", CONFIGURE, settings.edit),
  post("/campagnes/:id/reglages", CONFIGURE, settings.update),
  post("/campagnes/:id/calendrier", CONFIGURE, settings.updateCalendar),
  post("/campagnes/:id/suivi", CONFIGURE, settings.updateFollowing),
  get("/campagnes/:id/temps", SEE, timeSpent.index),
  get("/campagnes/:id/personnes", PLACE, people.index),
  get("/campagnes/:id/personnes/:person/modifier", PLACE, people.edit),
  post("/campagnes/:id/personnes/:person/modifier", PLACE, people.update),
  post("/campagnes/:id/personnes/:person/retrait", PLACE, people.destroy),
  get("/campagnes/:id/acces", "grants.edit", access.index),
  post("/campagnes/:id/acces", "grants.edit", access.create),
  post("/campagnes/:id/acces/:grant/retrait", "grants.edit", access.destroy),
  post("/campagnes/:id/visibilite", "campaigns.visibility", access.updateVisibility),
  post("/campagnes/:id/proprietaire", GOVERN, access.updateOwner),
  get("/campagnes/:id/etat", SEE, lifeCycle.show),
  ...preparationRoutes,
  get("/campagnes/:id/instantanes", SEE, snapshots.index),
  get("/campagnes/:id/instantanes/comparaison", SEE, snapshots.compare),
  get("/campagnes/:id/instantanes/:snapshot", SEE, snapshots.show),
  get("/campagnes/:id/plan-de-reference", SEE, baselines.index),
  post("/campagnes/:id/plan-de-reference", GOVERN, baselines.create),
  get("/campagnes/:id/publication", "campaigns.publish", publications.new_),
  post("/campagnes/:id/publication", "campaigns.publish", publications.create),
  post("/campagnes/:id/demarrage", GOVERN, lifeCycle.start),
  post("/campagnes/:id/remise-a-venir", GOVERN, lifeCycle.putOff),
  get("/campagnes/:id/cloture", GOVERN, closings.new_),
  post("/campagnes/:id/cloture", GOVERN, closings.create),
  get("/campagnes/:id/suppression", GOVERN, trash.new_),
  post("/campagnes/:id/suppression", GOVERN, trash.create),
  post("/campagnes/:id/reprise", GOVERN, trash.destroy),
  get("/campagnes/:id/archivage", GOVERN, archives.edit),
  post("/campagnes/:id/archivage", GOVERN, archives.create),
  post("/campagnes/:id/restauration", GOVERN, archives.destroy),
  get(TYPES, CATALOGUE, types.index, { sitemap: "Types d’opérations" }),
  get(`${TYPES}/nouveau`, CATALOGUE, types.new_, { sitemap: "Créer un type d’opération" }),
  post(`${TYPES}/nouveau`, CATALOGUE, types.create),
  get(`${TYPES}/:id`, CATALOGUE, types.show),
  get(`${TYPES}/:id/modifier`, CATALOGUE, types.edit),
  post(`${TYPES}/:id/modifier`, CATALOGUE, types.update),
  post(`${TYPES}/:id/copie`, CATALOGUE, types.copy),
  post(`${TYPES}/:id/retrait`, CATALOGUE, types.retire),
  post(`${TYPES}/:id/remise`, CATALOGUE, types.putBack),
  get(`${TYPES}/:id/suppression`, CATALOGUE, types.confirmDeletion),
  post(`${TYPES}/:id/suppression`, CATALOGUE, types.destroy),
  get(`${TYPES}/:id/champs/nouveau`, CATALOGUE, typeFields.new_),
  post(`${TYPES}/:id/champs/nouveau`, CATALOGUE, typeFields.create),
  get(`${TYPES}/:id/champs/:code/modifier`, CATALOGUE, typeFields.edit, CODE),
  post(`${TYPES}/:id/champs/:code/modifier`, CATALOGUE, typeFields.update, CODE),
  post(`${TYPES}/:id/champs/:code/retrait`, CATALOGUE, typeFields.remove, CODE),
  post(`${TYPES}/:id/champs/:code/deplacement`, CATALOGUE, typeFields.move, CODE),
  get(`${TYPES}/:id/flux/modifier`, CATALOGUE, workflows.edit),
  post(`${TYPES}/:id/flux/modifier`, CATALOGUE, workflows.update),
  get("/campagnes/:id/champs", CONFIGURE, fields.index),
  get("/campagnes/:id/champs/nouveau", CONFIGURE, fields.new_),
  post("/campagnes/:id/champs", CONFIGURE, fields.create),
  post("/campagnes/:id/champs/nom", CONFIGURE, fields.updateTitle),
  get("/campagnes/:id/champs/:code/modifier", CONFIGURE, fields.edit, CODE),
  post("/campagnes/:id/champs/:code/modifier", CONFIGURE, fields.update, CODE),
  post("/campagnes/:id/champs/:code/deplacement", CONFIGURE, fields.move, CODE),
  post("/campagnes/:id/champs/:code/retrait", CONFIGURE, fields.remove, CODE),
  post("/campagnes/:id/champs/:code/refusees/:act", CONFIGURE, fields.aside, CODE),
  ...segmentRoutes,
  ...prerequisiteRoutes,
  get("/campagnes/:id/type", CONFIGURE, offers.show),
  post("/campagnes/:id/type", CONFIGURE, offers.create),
  post("/campagnes/:id/type/refus", CONFIGURE, offers.destroy),
  get("/campagnes/:id/flux", SEE, flows.show),
  get("/campagnes/:id/flux/modifier", CONFIGURE, flows.edit),
  post("/campagnes/:id/flux/modifier", CONFIGURE, flows.update),
  get("/campagnes/:id/operations", READ, list.index),
  get("/campagnes/:id/operations/filtres", READ, filters.index),
  get("/campagnes/:id/operations/colonnes", READ, columns.index),
  get("/campagnes/:id/vues", READ, savedViews.index),
  post("/campagnes/:id/vues", READ, savedViews.create),
  post("/campagnes/:id/vues/modification", READ, savedViews.update),
  post("/campagnes/:id/vues/suppression", READ, savedViews.destroy),
  post("/campagnes/:id/vues/defaut", READ, savedViews.open),
  get("/campagnes/:id/operations/nouvelle", MANAGE, operations.new_),
  post("/campagnes/:id/operations/nouvelle", MANAGE, operations.create),
  get("/campagnes/:id/operations/corbeille", DELETE, list.trashed),
  ...bulkRoutes,
  get("/operations/:id", READ, operations.show),
  get("/operations/:id/modifier", MANAGE, operations.edit),
  post("/operations/:id/modifier", MANAGE, operations.update),
  get("/operations/:id/cellules/:code", EXECUTE, cells.edit, CELL),
  post("/operations/:id/cellules/:code", EXECUTE, cells.update, CELL),
  get("/operations/:id/statut", EXECUTE, transitions.new_),
  post("/operations/:id/statut", EXECUTE, transitions.create),
  post("/operations/:id/affectation", MANAGE, operations.assign),
  post("/operations/:id/date", EXECUTE, operations.plan),
  post("/operations/:id/temps", EXECUTE, operations.correct),
  post("/operations/:id/segment", MANAGE, operations.place),
  post("/operations/:id/segment/suivi", MANAGE, operations.release),
  post("/operations/:id/corbeille", DELETE, operations.trash),
  post("/operations/:id/restauration", DELETE, operations.restore),
];
