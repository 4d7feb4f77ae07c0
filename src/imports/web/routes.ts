import { get, post, type Route } from "../../platform/http/route.ts";
import * as imports from "./imports.ts";
import * as mine from "./mine.ts";
import * as preview from "./preview.ts";
import * as taken from "./taken.ts";
import * as templates from "./templates.ts";
import * as uploads from "./uploads.ts";

// The right is that of what is imported, which its profile names: the sweeps import people.
const WHO = "signed-in";
const OF_PEOPLE = { right: "directory.edit" };

export const routes: Route[] = [
  get("/imports", "operations.manage", mine.index, { sitemap: "Mes imports" }),
  get("/imports/:kind/nouveau", WHO, uploads.new_, { sweep: OF_PEOPLE }),
  post("/imports/:kind/nouveau", WHO, uploads.create, { upload: "form", sweep: OF_PEOPLE }),
  post("/imports/:kind/collage", WHO, uploads.paste, { sweep: OF_PEOPLE }),
  post("/imports/:kind/essai", WHO, uploads.tryOut, { sweep: OF_PEOPLE }),
  get("/imports/:kind/exemples/:file", WHO, uploads.example, {
    params: { file: /^[a-z0-9-]+\.(csv|xlsx)$/ },
    sweep: OF_PEOPLE,
  }),
  get("/imports/:kind/modele.csv", WHO, templates.text, { sweep: OF_PEOPLE }),
  get("/imports/:kind/modele.xlsx", WHO, templates.book, { sweep: OF_PEOPLE }),
  get("/imports/:id", WHO, imports.show, { sweep: OF_PEOPLE }),
  get("/imports/:id/apercu", WHO, preview.show, { sweep: OF_PEOPLE }),
  post("/imports/:id/lecture", WHO, imports.reread, { sweep: OF_PEOPLE }),
  post("/imports/:id/correspondance", WHO, imports.resume, { sweep: OF_PEOPLE }),
  post("/imports/:id/correspondance/suppression", WHO, imports.forget, { sweep: OF_PEOPLE }),
  post("/imports/:id/verification", WHO, imports.check, { sweep: OF_PEOPLE }),
  post("/imports/:id/execution", WHO, imports.start, { sweep: OF_PEOPLE }),
  post("/imports/:id/arret", WHO, imports.cancel, { sweep: OF_PEOPLE }),
  post("/imports/:id/lignes.csv", WHO, taken.written, { sweep: OF_PEOPLE }),
  post("/imports/:id/erreurs.csv", WHO, taken.errors, { sweep: OF_PEOPLE }),
];
