import { get, post } from "../../platform/http/route.ts";
import { follow } from "../../platform/http/stream.ts";
import * as acts from "./acts.ts";
import * as exports from "./exports.ts";
import * as objects from "./objects.ts";
import * as undos from "./undos.ts";
import * as verifications from "./verifications.ts";

export const routes = [
  // What pages follow is what was sealed, whatever the module: the stream is history's.
  get("/flux", "signed-in", follow),
  get("/admin/historique", "history.read", acts.index, { sitemap: "Historique" }),
  post("/admin/historique/export", "history.read", exports.create),
  get("/admin/historique/verification", "history.read", verifications.index, {
    sitemap: "Vérification de l’historique",
  }),
  get("/admin/historique/attestation.json", "history.read", verifications.attestation),
  post("/admin/historique/verification", "history.read", verifications.create),
  get("/admin/historique/:act", "history.read", acts.show),
  get("/actes", "acts.undo_own", undos.index, { sitemap: "Mes actes" }),
  get("/actes/:act/annulation", "acts.undo_own", undos.new_),
  post("/actes/:act/annulation", "acts.undo_own", undos.create, { recent: true }),
  // Open to whom the manifest of the object says (rulings 17); sweeps ask for the one of an account.
  get("/historique/:type/:id", "signed-in", objects.show, { sweep: { right: "accounts.manage" } }),
];
