import { get, post, type Route } from "../../platform/http/route.ts";
import * as account from "./account.ts";
import * as deactivations from "./deactivations.ts";
import * as groups from "./groups.ts";
import * as imports from "./imports.ts";
import * as installation from "./installation.ts";
import * as invitations from "./invitations.ts";
import * as logo from "./logo.ts";
import * as organisation from "./organisation.ts";
import * as organisations from "./organisations.ts";
import * as passwordResets from "./password-resets.ts";
import * as picture from "./picture.ts";
import * as publicLogo from "./public-logo.ts";
import * as readings from "./readings.ts";
import * as roles from "./roles.ts";
import * as secondFactor from "./second-factor.ts";
import * as resets from "./second-factor-resets.ts";
import * as securityLog from "./security-log.ts";
import * as sessions from "./sessions.ts";
import * as signIn from "./sign-in.ts";
import * as supportAccesses from "./support-accesses.ts";
import * as supportVisits from "./support-visits.ts";
import * as suspensions from "./suspensions.ts";
import * as users from "./users.ts";

const MANAGE = "accounts.manage";
const SUPPORT = "support.open";
const GROUPS = "groups.manage";
const FACTOR = "/compte/double-authentification";

export const routes: Route[] = [
  get("/connexion", "public", signIn.show, { sitemap: "Connexion" }),
  get("/connexion/logo/:id", "public", publicLogo.show),
  // Counted by the handler: 100 tries a minute for one address, whatever the form (ACC-4).
  post("/connexion", "public", signIn.create, { publicForm: true, rate: false }),
  post("/connexion/organisation", "public", signIn.choose, { publicForm: true, rate: false }),
  post("/connexion/code", "public", signIn.confirm, { publicForm: true, rate: false }),
  post("/connexion/demo", "public", signIn.demo, { publicForm: true }),
  post("/deconnexion", "signed-in", sessions.leave, { always: true }),
  post("/session/prolongation", "signed-in", sessions.prolong, { always: true }),

  get("/mot-de-passe-oublie", "public", passwordResets.new_, { sitemap: "Mot de passe oublié" }),
  // Counted by the handler: a few a quarter of an hour for one network, and for one address.
  post("/mot-de-passe-oublie", "public", passwordResets.create, { publicForm: true, rate: false }),
  get("/mot-de-passe-oublie/demande", "public", passwordResets.asked),
  get("/nouveau-mot-de-passe/:token", "public", passwordResets.show, { secretPath: true }),
  post("/nouveau-mot-de-passe/:token", "public", passwordResets.update, { secretPath: true, publicForm: true }),

  get("/invitation/:token", "public", invitations.show, { secretPath: true }),
  post("/invitation/:token", "public", invitations.accept, { secretPath: true, publicForm: true }),
  get("/installation/:token", "public", installation.show, { secretPath: true }),
  post("/installation/:token", "public", installation.create, { secretPath: true, publicForm: true }),

  get("/compte", "signed-in", account.show, { sitemap: "Mon compte" }),
  post("/compte/preferences", "signed-in", account.updatePreferences),
  get("/compte/mot-de-passe", "signed-in", account.editPassword, { sitemap: "Changer mon mot de passe" }),
  post("/compte/mot-de-passe", "signed-in", account.updatePassword),
  get(FACTOR, "signed-in", secondFactor.show, { sitemap: "Double authentification" }),
  get(`${FACTOR}/activation`, "signed-in", secondFactor.new_, {
    sitemap: "Activer la double authentification",
    always: true,
  }),
  post(`${FACTOR}/activation`, "signed-in", secondFactor.create, { recent: true, always: true }),
  post(`${FACTOR}/codes`, "signed-in", secondFactor.renewCodes, { recent: true }),
  // Not `recent`: its own form asks for a code each time.
  post(`${FACTOR}/retrait`, "signed-in", secondFactor.remove),
  get("/compte/photo", "signed-in", picture.edit, { sitemap: "Photo de profil" }),
  post("/compte/photo", "signed-in", picture.update, { upload: "form" }),
  post("/compte/photo/retrait", "signed-in", picture.destroy),
  post("/compte/sessions/:id/fermeture", "signed-in", sessions.closeOne),
  post("/compte/sessions/fermeture", "signed-in", sessions.closeOthers),

  get("/admin/utilisateurs", MANAGE, users.index, { sitemap: "Utilisateurs", people: "Liste des utilisateurs" }),
  get("/admin/utilisateurs/nouveau", MANAGE, users.new_, { sitemap: "Inviter une personne" }),
  post("/admin/utilisateurs/nouveau", MANAGE, users.create, { recent: true }),
  get("/admin/utilisateurs/plusieurs", MANAGE, imports.new_, { sitemap: "Inviter plusieurs personnes" }),
  get("/admin/utilisateurs/plusieurs/modele.csv", MANAGE, imports.template),
  // Answers with a rendering and keeps nothing.
  post("/admin/utilisateurs/plusieurs/apercu", MANAGE, imports.preview),
  post("/admin/utilisateurs/plusieurs", MANAGE, imports.create, { recent: true }),
  get("/admin/utilisateurs/:id", MANAGE, users.show, { people: "Fiche d’une personne" }),
  get("/admin/utilisateurs/:id/modifier", MANAGE, users.edit, { people: "Correction d’une personne" }),
  post("/admin/utilisateurs/:id/modifier", MANAGE, users.update, { recent: true }),
  get("/admin/utilisateurs/:id/roles", MANAGE, roles.edit),
  post("/admin/utilisateurs/:id/roles", MANAGE, roles.update, { recent: true }),
  get("/admin/utilisateurs/:id/desactivation", MANAGE, deactivations.new_),
  post("/admin/utilisateurs/:id/desactivation", MANAGE, deactivations.create),
  get("/admin/utilisateurs/:id/reactivation", MANAGE, deactivations.edit),
  post("/admin/utilisateurs/:id/reactivation", MANAGE, deactivations.undo),
  get("/admin/utilisateurs/:id/double-authentification", MANAGE, resets.new_),
  post("/admin/utilisateurs/:id/double-authentification", MANAGE, resets.create, { recent: true }),
  post("/admin/utilisateurs/:id/deverrouillage", MANAGE, users.unlock),
  post("/admin/utilisateurs/:id/invitation", MANAGE, users.inviteAgain, { recent: true }),
  post("/admin/utilisateurs/:id/mot-de-passe", MANAGE, users.offerPassword, { recent: true }),

  get("/admin/organisation", MANAGE, organisation.edit, { sitemap: "Organisation" }),
  post("/admin/organisation", MANAGE, organisation.update),
  post("/admin/organisation/securite", MANAGE, organisation.updateSecurity, { recent: true }),
  post("/admin/organisation/couleur", MANAGE, organisation.updateAccent),
  get("/organisation/accent.css", "signed-in", organisation.stylesheet, { always: true }),
  get("/admin/organisation/logo", MANAGE, logo.edit, { sitemap: "Logo de l’organisation" }),
  post("/admin/organisation/logo", MANAGE, logo.update, { upload: "form" }),
  post("/admin/organisation/logo/retrait", MANAGE, logo.destroy),

  get("/admin/groupes", GROUPS, groups.index, { sitemap: "Groupes" }),
  get("/admin/groupes/nouveau", GROUPS, groups.new_, { sitemap: "Créer un groupe" }),
  post("/admin/groupes/nouveau", GROUPS, groups.create),
  get("/admin/groupes/:id", GROUPS, groups.show, { people: "Personnes d’un groupe" }),
  get("/admin/groupes/:id/modifier", GROUPS, groups.edit),
  post("/admin/groupes/:id/modifier", GROUPS, groups.update),
  post("/admin/groupes/:id/membres", GROUPS, groups.addMember),
  post("/admin/groupes/:id/membres/:member/retrait", GROUPS, groups.dropMember),
  get("/admin/groupes/:id/suppression", GROUPS, groups.confirmDeletion),
  post("/admin/groupes/:id/suppression", GROUPS, groups.destroy),

  get("/admin/acces-support", SUPPORT, supportAccesses.index, { sitemap: "Accès de support" }),
  post("/admin/acces-support", SUPPORT, supportAccesses.create, { recent: true }),
  post("/admin/acces-support/fermeture", SUPPORT, supportAccesses.close),

  get("/admin/journal-securite", "history.read", securityLog.index, {
    sitemap: "Journal de sécurité",
    people: "Journal de sécurité",
  }),
  get("/admin/journal-securite/lectures", "history.read", readings.index, {
    sitemap: "Lectures de données personnelles",
    people: "Lectures de données personnelles",
  }),

  get("/instance/organisations", "instance.manage", organisations.index, { sitemap: "Organisations de l’instance" }),
  get("/instance/organisations/nouvelle", "instance.manage", organisations.new_, {
    sitemap: "Ouvrir une organisation",
  }),
  post("/instance/organisations/nouvelle", "instance.manage", organisations.create, { recent: true }),
  get("/instance/organisations/:id", "instance.manage", organisations.show),
  post("/instance/organisations/:id/support", "instance.manage", supportVisits.create, { recent: true }),
  post("/instance/organisations/:id/support/fermeture", "instance.manage", supportVisits.destroy),
  get("/instance/organisations/:id/suspension", "instance.manage", suspensions.new_),
  post("/instance/organisations/:id/suspension", "instance.manage", suspensions.create, { recent: true }),
  get("/instance/organisations/:id/reactivation", "instance.manage", suspensions.edit),
  post("/instance/organisations/:id/reactivation", "instance.manage", suspensions.undo, { recent: true }),
  post("/instance/organisations/:id/invitation", "instance.manage", organisations.inviteAgain, { recent: true }),
];
