import { get, post, type Route } from "../../platform/http/route.ts";
import * as imports from "./imports.ts";
import * as mine from "./mine.ts";
import * as templates from "./templates.ts";
import * as uploads from "./uploads.ts";

// The right is that of what is imported, which its profile names.
const WHO = "signed-in";

export const routes: Route[] = [
  get("/imports", "operations.manage", mine.index, { sitemap: "Mes imports" }),
  get("/imports/:kind/nouveau", WHO, uploads.new_),
  post("/imports/:kind/nouveau", WHO, uploads.create, { upload: "form" }),
  post("/imports/:kind/collage", WHO, uploads.paste),
  post("/imports/:kind/essai", WHO, uploads.tryOut),
  get("/imports/:kind/exemples/:file", WHO, uploads.example, { params: { file: /^[a-z0-9-]+\.(csv|xlsx)$/ } }),
  get("/imports/:kind/modele.csv", WHO, templates.text),
  get("/imports/:kind/modele.xlsx", WHO, templates.book),
  get("/imports/:id", WHO, imports.show),
  post("/imports/:id/lecture", WHO, imports.reread),
  post("/imports/:id/correspondance", WHO, imports.resume),
  post("/imports/:id/verification", WHO, imports.check),
  post("/imports/:id/execution", WHO, imports.start),
  post("/imports/:id/arret", WHO, imports.cancel),
  get("/imports/:id/erreurs.csv", WHO, imports.errors),
];
