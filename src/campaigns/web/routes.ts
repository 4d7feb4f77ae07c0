import { get, post, type Route } from "../../platform/http/route.ts";
import * as access from "./access.ts";
import * as archives from "./archives.ts";
import * as campaigns from "./campaigns.ts";
import * as settings from "./settings.ts";

const SEE = "campaigns.see";
const CONFIGURE = "campaigns.configure";
const GOVERN = "campaigns.govern";

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
];
