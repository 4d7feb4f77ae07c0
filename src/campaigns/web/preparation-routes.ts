import { get, post, type Route } from "../../platform/http/route.ts";
import * as preparation from "./preparation.ts";
import * as outline from "./preparation-outline.ts";
import * as rows from "./preparation-rows.ts";
import * as settings from "./preparation-settings.ts";

const CONFIGURE = "campaigns.configure";

/** The steps of a draft, in their order; the summary is its publication (CAM-12). */
export const preparationRoutes: Route[] = [
  get("/campagnes/:id/preparation", CONFIGURE, preparation.show),
  post("/campagnes/:id/preparation", CONFIGURE, preparation.leave),
  get("/campagnes/:id/informations", CONFIGURE, outline.edit),
  post("/campagnes/:id/informations", CONFIGURE, outline.update),
  get("/campagnes/:id/donnees", CONFIGURE, rows.new_),
  post("/campagnes/:id/donnees", CONFIGURE, rows.create),
  get("/campagnes/:id/correspondance", CONFIGURE, preparation.mapping),
  get("/campagnes/:id/configuration", CONFIGURE, settings.show),
];
