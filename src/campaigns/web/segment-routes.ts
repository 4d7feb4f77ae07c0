import { get, post, type Route } from "../../platform/http/route.ts";
import * as syncs from "./segment-syncs.ts";
import * as segments from "./segments.ts";

const SEE = "campaigns.see";
const CONFIGURE = "campaigns.configure";
const AT = "/campagnes/:id/segments";

export const segmentRoutes: Route[] = [
  get(AT, SEE, segments.index),
  post(AT, CONFIGURE, segments.create),
  get(`${AT}/resynchronisation`, CONFIGURE, syncs.new_),
  post(`${AT}/resynchronisation`, CONFIGURE, syncs.create),
  post(`${AT}/independance`, CONFIGURE, syncs.destroy),
  get(`${AT}/:segment`, SEE, segments.show, { params: { segment: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ } }),
  post(`${AT}/:segment/modifier`, CONFIGURE, segments.update),
  post(`${AT}/:segment/deplacement`, CONFIGURE, segments.move),
  post(`${AT}/:segment/fusion`, CONFIGURE, segments.merge),
  post(`${AT}/:segment/suppression`, CONFIGURE, segments.destroy),
];
