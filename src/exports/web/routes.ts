import { get, post, type Route } from "../../platform/http/route.ts";
import * as exports_ from "./exports.ts";

// On what, its profile checks (CAM-26).
const WHO = "rows.export";
// An object by its id, or the organisation itself.
const OF = { params: { objet: /^(?:tout|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/ } };

export const routes: Route[] = [
  get("/exports", WHO, exports_.index, { sitemap: "Mes exports" }),
  get("/exports/:kind/:objet/nouveau", WHO, exports_.new_, OF),
  post("/exports/:kind/:objet/nouveau", WHO, exports_.create, OF),
  get("/exports/:id", WHO, exports_.show),
  post("/exports/:id/arret", WHO, exports_.cancel),
  post("/exports/:id/suppression", WHO, exports_.destroy),
  get("/exports/:id/fichier.csv", WHO, exports_.download),
];
