import { get, post, type Route } from "../../platform/http/route.ts";
import * as selection from "./bulk-selection.ts";
import * as settings from "./bulk-settings.ts";
import * as bulks from "./bulks.ts";
import * as tags from "./tags.ts";

const MANAGE = "operations.manage";
const AT = "/campagnes/:id/operations/lots";

export const bulkRoutes: Route[] = [
  get("/campagnes/:id/operations/etiquette", "operations.read", tags.index),
  get(AT, MANAGE, bulks.index),
  post(AT, MANAGE, selection.create),
  get(`${AT}/:lot`, MANAGE, bulks.show),
  post(`${AT}/:lot/apercu`, MANAGE, settings.preview),
  post(`${AT}/:lot/execution`, MANAGE, bulks.apply),
  post(`${AT}/:lot/arret`, MANAGE, bulks.cancel),
];
