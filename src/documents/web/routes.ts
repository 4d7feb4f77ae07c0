import { get, post, type Route } from "../../platform/http/route.ts";
import * as documents from "./documents.ts";
import * as trash from "./trash.ts";
import * as versions from "./versions.ts";

const READ = "shared_documents.read";
const EDIT = "shared_documents.edit";
const params = { number: /^[1-9]\d{0,5}$/ };

export const routes: Route[] = [
  get("/documents", READ, documents.index, { sitemap: "Documents" }),
  get("/documents/nouveau", EDIT, documents.new_, { sitemap: "Déposer un document" }),
  post("/documents/nouveau", EDIT, documents.create, { upload: "form" }),
  get("/documents/corbeille", EDIT, trash.index, { sitemap: "Corbeille des documents" }),
  get("/documents/:id", READ, documents.show),
  get("/documents/:id/modifier", EDIT, documents.edit),
  post("/documents/:id/modifier", EDIT, documents.update),
  post("/documents/:id/corbeille", EDIT, trash.create),
  post("/documents/:id/restauration", EDIT, trash.destroy),
  get("/documents/:id/versions/nouvelle", EDIT, versions.new_),
  post("/documents/:id/versions/nouvelle", EDIT, versions.create, { upload: "form" }),
  get("/documents/:id/versions/:number/fichier", READ, versions.show, { params }),
  get("/documents/:id/versions/:number/mise-en-garde", READ, versions.warn, { params }),
  get("/documents/:id/versions/:number/apercu", READ, versions.preview, { params }),
];
