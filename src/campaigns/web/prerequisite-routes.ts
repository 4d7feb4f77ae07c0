import { get, post, type Route } from "../../platform/http/route.ts";
import * as prerequisites from "./prerequisites.ts";

const CONFIGURE = "campaigns.configure";
const AT = "/campagnes/:id/prerequis";

export const prerequisiteRoutes: Route[] = [
  get(AT, "campaigns.see", prerequisites.index),
  get(`${AT}/nouveau`, CONFIGURE, prerequisites.new_),
  post(`${AT}/nouveau`, CONFIGURE, prerequisites.create),
  get(`${AT}/:prerequisite/modifier`, CONFIGURE, prerequisites.edit),
  post(`${AT}/:prerequisite/modifier`, CONFIGURE, prerequisites.update),
  post(`${AT}/:prerequisite/statut`, CONFIGURE, prerequisites.advance),
  post(`${AT}/:prerequisite/deplacement`, CONFIGURE, prerequisites.move),
  post(`${AT}/:prerequisite/suppression`, CONFIGURE, prerequisites.destroy),
];
