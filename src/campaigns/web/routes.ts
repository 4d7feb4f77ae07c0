import { get, post, type Route } from "../../platform/http/route.ts";
import * as access from "./access.ts";
import * as archives from "./archives.ts";
import * as campaigns from "./campaigns.ts";
import * as types from "./operation-types.ts";
import * as settings from "./settings.ts";
import * as fields from "./type-fields.ts";
import * as workflows from "./type-workflows.ts";

const SEE = "campaigns.see";
const CONFIGURE = "campaigns.configure";
const GOVERN = "campaigns.govern";
const CATALOGUE = "catalogue.edit";
const TYPES = "/admin/types-operations";
const CODE = { params: { code: /^[a-z][a-z0-9_]{0,49}$/ } };

export const routes: Route[] = [
  get("/campagnes", SEE, campaigns.live, { sitemap: "Campagnes" }),
  get("/campagnes/archivees", SEE, campaigns.archived, { sitemap: "Campagnes archivées" }),
  get("/campagnes/nouvelle", "campaigns.create", campaigns.new_, { sitemap: "Créer une campagne" }),
  post("/campagnes/nouvelle", "campaigns.create", campaigns.create),
  get("/campagnes/:id", SEE, campaigns.show),
  get("/campagnes/:id/reglages", CONFIGURE, settings.edit),
  post("/campagnes/:id/reglages", CONFIGURE, settings.update),
  post("/campagnes/:id/calendrier", CONFIGURE, settings.updateCalendar),
  get("/campagnes/:id/acces", "grants.edit", access.index),
  post("/campagnes/:id/acces", "grants.edit", access.create),
  post("/campagnes/:id/acces/:grant/retrait", "grants.edit", access.destroy),
  post("/campagnes/:id/visibilite", "campaigns.visibility", access.updateVisibility),
  post("/campagnes/:id/proprietaire", GOVERN, access.updateOwner),
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
  get(`${TYPES}/:id/champs/nouveau`, CATALOGUE, fields.new_),
  post(`${TYPES}/:id/champs/nouveau`, CATALOGUE, fields.create),
  get(`${TYPES}/:id/champs/:code/modifier`, CATALOGUE, fields.edit, CODE),
  post(`${TYPES}/:id/champs/:code/modifier`, CATALOGUE, fields.update, CODE),
  post(`${TYPES}/:id/champs/:code/retrait`, CATALOGUE, fields.remove, CODE),
  post(`${TYPES}/:id/champs/:code/deplacement`, CATALOGUE, fields.move, CODE),
  get(`${TYPES}/:id/flux/modifier`, CATALOGUE, workflows.edit),
  post(`${TYPES}/:id/flux/modifier`, CATALOGUE, workflows.update),
];
