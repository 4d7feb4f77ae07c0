import { get, post, type Route } from "../../platform/http/route.ts";
import * as assessment from "./assessment.ts";
import * as declaration from "./declaration.ts";
import * as grid from "./grid.ts";
import * as help from "./help.ts";
import * as home from "./home.ts";
import * as pages from "./pages.ts";
import * as siteMap from "./site-map.ts";
import * as tasks from "./tasks.ts";
import * as texts from "./texts.ts";
import * as vitals from "./vitals.ts";
import * as wellKnown from "./well-known.ts";

const EDIT = "instance.manage";
const CRITERION = { criterion: /^\d{1,2}\.\d{1,2}$/ };

export const routes: Route[] = [
  get("/", "signed-in", home.show, { sitemap: "Accueil" }),
  get("/premiers-pas", "signed-in", home.start, { sitemap: "Premiers pas" }),

  get("/accessibilite", "public", declaration.show, { sitemap: "Déclaration d’accessibilité" }),
  get("/accessibilite/grille", "public", grid.index, { sitemap: "Grille des critères d’accessibilité" }),
  get("/mentions-legales", "public", texts.show("mentions-legales"), { sitemap: "Mentions légales" }),
  get("/donnees-personnelles", "public", texts.show("donnees-personnelles"), { sitemap: "Données personnelles" }),
  get("/contact", "public", texts.show("contact"), { sitemap: "Contact" }),
  get("/plan-du-site", "public", siteMap.show, { sitemap: "Plan du site" }),
  get("/aide", "public", help.index, { sitemap: "Aide" }),
  get("/aide/:slug", "public", help.show, { sweep: { slug: "premiers-pas" } }),

  get("/.well-known/security.txt", "public", wellKnown.security),
  get("/robots.txt", "public", wellKnown.robots),

  get("/instance/etat", EDIT, vitals.show, { sitemap: "État de l’instance" }),
  get("/instance/taches", EDIT, tasks.index, { sitemap: "Tâches" }),
  post("/instance/taches/relance", EDIT, tasks.retryAll),
  post("/instance/taches/abandon", EDIT, tasks.dropAll),
  post("/instance/taches/:id/relance", EDIT, tasks.retry),
  post("/instance/taches/:id/abandon", EDIT, tasks.drop),
  get("/instance/pages", EDIT, pages.index, { sitemap: "Pages publiques" }),
  get("/instance/pages/:kind", EDIT, pages.edit, { sweep: { kind: "contact" } }),
  post("/instance/pages/:kind", EDIT, pages.update, { sweep: { kind: "contact", body: { body: "## Nous écrire" } } }),
  // Answers with a rendering and keeps nothing: the only post of the module without an act.
  post("/instance/pages/:kind/apercu", EDIT, pages.preview, {
    sweep: { kind: "contact", body: { body: "## Nous écrire" } },
  }),
  get("/instance/accessibilite", EDIT, assessment.index, { sitemap: "Évaluation de l’accessibilité" }),
  get("/instance/accessibilite/:criterion", EDIT, assessment.show, { params: CRITERION, sweep: { criterion: "3.2" } }),
  post("/instance/accessibilite/:criterion", EDIT, assessment.update, {
    params: CRITERION,
    sweep: { criterion: "3.2", body: { status: "conforme", note: "" } },
  }),
];
