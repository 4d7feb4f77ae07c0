import { get, post, type Route } from "../../platform/http/route.ts";
import * as corrections from "./corrections.ts";
import * as holds from "./holds.ts";
import * as outbox from "./outbox.ts";
import * as server from "./server.ts";

const MANAGE = "accounts.manage";
const INSTANCE = "instance.manage";

export const routes: Route[] = [
  get("/admin/boite-envoi", MANAGE, outbox.index, { sitemap: "Boîte d’envoi", people: "Boîte d’envoi" }),
  get("/admin/boite-envoi/:id", MANAGE, outbox.show, { people: "Message à une personne" }),
  get("/admin/boite-envoi/:id/apercu", MANAGE, outbox.preview),
  post("/admin/boite-envoi/renvoi", MANAGE, outbox.resendAll),
  post("/admin/boite-envoi/:id/renvoi", MANAGE, outbox.resend),
  post("/admin/boite-envoi/:id/abandon", MANAGE, outbox.drop),
  get("/admin/boite-envoi/:id/adresse", MANAGE, outbox.edit),
  post("/admin/boite-envoi/:id/adresse", MANAGE, outbox.update),

  get("/admin/historique/:act/rectificatif", MANAGE, corrections.new_),
  post("/admin/historique/:act/rectificatif", MANAGE, corrections.create),

  get("/instance/messagerie", INSTANCE, server.show, { sitemap: "Messagerie" }),
  post("/instance/messagerie/essai", INSTANCE, server.create),
  post("/instance/messagerie/liberation", INSTANCE, holds.release),
  post("/instance/messagerie/abandon", INSTANCE, holds.drop),
];
