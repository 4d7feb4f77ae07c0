/**
 * What every generated test needs of a route: an address that exists, one that does not, one of somebody else, and a
 * form that would be accepted. A new route without parameter needs nothing here; the others say what is missing.
 */
import { createHash, randomBytes, randomUUID, randomUUIDv7 } from "node:crypto";
import { Agent, request } from "node:http";
import { Readable } from "node:stream";
import { after } from "node:test";
import { generate } from "otplib";
import pg from "pg";
import { WORLD } from "../../fixtures/world.ts";
import { createUser, foundOrganisation, hashPassword, mayRoute, setPassword, User } from "../../src/accounts/index.ts";
import { inviteUser, renewInvitation } from "../../src/accounts/invitation.ts";
import { offerReset } from "../../src/accounts/reset.ts";
import { closeKey, drawKey } from "../../src/accounts/second-factor.ts";
import { addFields, createCampaign } from "../../src/campaigns/index.ts";
import { PROPOSED_FIELDS } from "../../src/campaigns/operation-type.ts";
import { statsOf } from "../../src/campaigns/stats.ts";
import { newField } from "../../src/fields/index.ts";
import { signatureOf } from "../../src/imports/suggestions.ts";
import type { Route } from "../../src/platform/http/route.ts";
import { holdMessages } from "../../src/platform/mail/hold.ts";
import { addFile } from "../../src/platform/storage/file.ts";
import { PRESETS } from "../../src/workflow/index.ts";
import { TEST_PASSWORD } from "./cluster.ts";
import { actOf } from "./database.ts";
import { giveDocument, giveFile, giveUpload } from "./files.ts";
import { formsOf, parseHtml } from "./html.ts";
import { type Answer, type Browser, SECRET, type World } from "./world.ts";

/** One person per role, a stranger, and the administrator of another organisation. */
export const PERSONAS = [
  { who: "anonymous", title: "anonyme", organisation: "" },
  { who: "nadia", title: "super-administratrice", organisation: "instance" },
  { who: "denis", title: "administrateur", organisation: "quais" },
  { who: "sophie", title: "gestionnaire", organisation: "quais" },
  { who: "karim", title: "technicien", organisation: "quais" },
  { who: "martine", title: "manager d’équipe", organisation: "quais" },
  { who: "aicha", title: "coordinatrice", organisation: "quais" },
  { who: "helene", title: "lectrice", organisation: "quais" },
  { who: "nathalie", title: "administratrice de l’autre organisation", organisation: "portelune" },
] as const;

export type Persona = (typeof PERSONAS)[number];

/** Ids of one organisation, all of objects its administrator may open. */
export interface Ids {
  tenantId: string;
  /** Somebody with a password, who is no persona. */
  colleague: string;
  /** Somebody without a password yet. */
  invited: string;
  gone: string;
  /** An open session of the colleague. */
  session: string;
  /** A file of rows prepared for the colleague. */
  exported: string;
  /** Something the colleague was told. */
  notification: string;
  act: string;
  /** An open invitation's secret. */
  token: string;
  /** Somebody else with a password. */
  forgetful: string;
  /** The secret of an open link to a new password, of somebody who is nobody else here. */
  reset: string;
  /** A message that failed. */
  message: string;
  /** A group, and the colleague as its member. */
  group: string;
  member: string;
  /** A type of operation with the proposed fields. */
  type: string;
  /** Somebody of the directory, in the team of the team manager and in the scope of the coordinator. */
  staff: string;
  /** Where they are, and another of each nobody is of. */
  department: string;
  emptyDepartment: string;
  site: string;
  emptySite: string;
  /** A department in the scope of the colleague. */
  scope: string;
  /** Days `forgetful` is away. */
  absence: string;
  /** An organisation nobody has entered yet. */
  newborn: string;
  /** A job all of whose tries failed. */
  letter: string;
  /** A clean file of the colleague. */
  file: string;
  /** An upload of the colleague that has arrived whole. */
  upload: string;
  /** A document in Markdown, with one version. */
  document: string;
  /** A script, which warns before it is given. */
  script: string;
  /** One that people put in the trash and take out. */
  tossed: string;
  /** A restricted campaign of the manager (of the administrator, where there is none), and a grant on it. */
  campaign: string;
  grant: string;
  /** An archived one, of the same. */
  shelved: string;
  /** A segment of the campaign, and one beside it. */
  segment: string;
  otherSegment: string;
  /** What must be ready before it begins. */
  prerequisite: string;
  otherPrerequisite: string;
  /** The figures of one of its past days. */
  snapshot: string;
  /** Somebody the campaign concerns, whom the directory does not know. */
  person: string;
  /** An operation of the campaign, and one in the trash. */
  operation: string;
  tossedOperation: string;
  /** A bulk action on the first, whose preview is frozen. */
  bulk: string;
  /** An import of people into the directory by who administers, its file, and a mapping its columns had. */
  imported: string;
  importFile: string;
  mapped: string;
}

export type Whose = "own" | "colleague" | "other" | "unknown";

/**
 * - tenant: the objects of one's organisation, and of nobody else;
 * - author: what one did oneself, and others too for who administers;
 * - person: one's own, and not a colleague's;
 * - instance: any organisation, for those who run the instance;
 * - letter: of the queue, for those who run the instance; gone once settled, so another takes its place;
 * - campaign: what belongs to a restricted campaign, for its owner and the administrators;
 * - fixed: a word of the product itself, the same for everybody;
 * - secret: whoever holds the address may open it.
 */
type Reach = "tenant" | "author" | "person" | "instance" | "letter" | "campaign" | "fixed" | "secret";

interface Sample {
  reach: Reach;
  params(ids: Ids): Record<string, string>;
  /** For reach "person": what belongs to whoever asks. */
  mine?(root: pg.Client, browser: Browser, world: World): Promise<Record<string, string>>;
  /** Puts the object back, when a form took it away. */
  ready?(world: World, ids: Ids): Promise<void>;
  /** Well-formed, and of nothing that exists. */
  unknown?: Record<string, string>;
  /** The right is that of the object found: what is not there is absent to those without it too. */
  isMissingFirst?: true;
}

const NOBODY = "00000000-0000-7000-8000-00000000dead";

/** By the start of the path: the longest that fits wins. A row for each object that has addresses of its own. */
const SAMPLES: Record<string, Sample> = {
  "/admin/utilisateurs/:id": { reach: "tenant", params: ({ colleague }) => ({ id: colleague }) },
  "/admin/utilisateurs/:id/reactivation": { reach: "tenant", params: ({ gone }) => ({ id: gone }) },
  "/admin/utilisateurs/:id/mot-de-passe": { reach: "tenant", params: ({ forgetful }) => ({ id: forgetful }) },
  "/admin/utilisateurs/:id/invitation": { reach: "tenant", params: ({ invited }) => ({ id: invited }) },
  "/admin/groupes/:id": { reach: "tenant", params: ({ group }) => ({ id: group }), ready: leaveGroup },
  "/admin/groupes/:id/membres/:member": {
    reach: "tenant",
    params: ({ group, member }) => ({ id: group, member }),
    ready: leaveGroup,
  },
  "/admin/annuaire/agents/:id": { reach: "tenant", params: ({ staff }) => ({ id: staff }), ready: leaveStaff },
  "/admin/annuaire/services/:id": {
    reach: "tenant",
    params: ({ emptyDepartment }) => ({ id: emptyDepartment }),
    ready: leaveStaff,
  },
  "/admin/annuaire/sites/:id": { reach: "tenant", params: ({ emptySite }) => ({ id: emptySite }), ready: leaveStaff },
  "/admin/annuaire/techniciens/:id": {
    reach: "tenant",
    // Whose roles no form here changes.
    params: ({ forgetful, absence }) => ({ id: forgetful, absence }),
    ready: leaveAbsence,
  },
  "/admin/utilisateurs/:id/annuaire": {
    reach: "tenant",
    params: ({ colleague, scope }) => ({ id: colleague, scope }),
    ready: leaveStaff,
  },
  "/admin/types-operations/:id": { reach: "tenant", params: ({ type }) => ({ id: type }), ready: leaveType },
  "/admin/types-operations/:id/champs/:code": {
    reach: "tenant",
    params: ({ type }) => ({ id: type, code: "lieu" }),
    ready: leaveType,
    unknown: { id: NOBODY, code: "lieu" },
  },
  "/admin/boite-envoi/:id": { reach: "tenant", params: ({ message }) => ({ id: message }) },
  "/admin/historique/:act": { reach: "tenant", params: ({ act }) => ({ act }) },
  "/actes/:act/annulation": { reach: "author", params: ({ act }) => ({ act }) },
  "/historique/:type/:id": {
    reach: "tenant",
    params: ({ colleague }) => ({ type: "user", id: colleague }),
    unknown: { type: "user", id: NOBODY },
  },
  "/compte/sessions/:id": {
    reach: "person",
    params: ({ session }) => ({ id: session }),
    mine: async (root, browser) => ({ id: await sessionOf(root, browser) }),
  },
  "/notifications/:id": {
    reach: "person",
    params: ({ notification }) => ({ id: notification }),
    mine: async (root, browser) => ({ id: await leaveNotification(root, browser) }),
  },
  "/nouveau-mot-de-passe/:token": {
    reach: "secret",
    params: ({ reset }) => ({ token: reset }),
    unknown: { token: "D".repeat(43) },
  },
  "/documents/:id": {
    reach: "tenant",
    params: ({ document }) => ({ id: document, number: "1" }),
    unknown: { id: NOBODY, number: "1" },
  },
  "/documents/:id/versions/:number/mise-en-garde": {
    reach: "tenant",
    params: ({ script }) => ({ id: script, number: "1" }),
    unknown: { id: NOBODY, number: "1" },
  },
  "/documents/:id/corbeille": { reach: "tenant", params: ({ tossed }) => ({ id: tossed }) },
  "/documents/:id/restauration": { reach: "tenant", params: ({ tossed }) => ({ id: tossed }) },
  // Nobody's own: two organisations, and the instance has no logo.
  "/connexion/logo/:id": { reach: "fixed", params: () => ({ id: NOBODY }), unknown: { id: NOBODY } },
  "/imports/:kind": {
    reach: "fixed",
    params: () => ({ kind: "annuaire", file: "annuaire.csv" }),
    unknown: { kind: "rien", file: "rien.csv" },
    isMissingFirst: true,
  },
  "/imports/:id": {
    reach: "tenant",
    params: ({ imported }) => ({ id: imported }),
    ready: leaveImport("analysed"),
    isMissingFirst: true,
  },
  "/imports/:id/lignes.csv": {
    reach: "tenant",
    params: ({ imported }) => ({ id: imported }),
    ready: leaveImport("completed"),
    isMissingFirst: true,
  },
  "/imports/:id/execution": {
    reach: "tenant",
    params: ({ imported }) => ({ id: imported }),
    ready: leaveImport("checked"),
    isMissingFirst: true,
  },
  "/imports/:id/arret": {
    reach: "tenant",
    params: ({ imported }) => ({ id: imported }),
    ready: leaveImport("running"),
    isMissingFirst: true,
  },
  "/exports/:kind/:objet": {
    reach: "campaign",
    params: ({ campaign }) => ({ kind: "operations", objet: campaign }),
    unknown: { kind: "operations", objet: NOBODY },
    ready: leaveCampaigns,
  },
  "/exports/:id": {
    reach: "person",
    params: ({ exported }) => ({ id: exported }),
    mine: async (root, browser) => ({ id: await leaveExport(root, browser) }),
  },
  "/exports/:id/arret": {
    reach: "person",
    params: ({ exported }) => ({ id: exported }),
    mine: async (root, browser) => ({ id: await leaveExport(root, browser, "running") }),
  },
  "/fichiers/:id": { reach: "tenant", params: ({ file }) => ({ id: file }) },
  "/envois/:id": {
    reach: "person",
    params: ({ upload }) => ({ id: upload }),
    mine: async (_root, browser, world) => ({ id: await giveUpload(world, browser, "user.picture") }),
  },
  "/campagnes/:id": {
    reach: "campaign",
    params: ({ campaign, grant }) => ({ id: campaign, grant }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/operations/lots/:lot": {
    reach: "campaign",
    params: ({ campaign, bulk }) => ({ id: campaign, lot: bulk }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/operations/lots/:lot/arret": {
    reach: "campaign",
    params: ({ campaign, bulk }) => ({ id: campaign, lot: bulk }),
    ready: async (world, ids) => {
      await leaveCampaigns(world, ids);
      await runBulk(world, ids);
    },
  },
  "/campagnes/:id/champs/:code": {
    reach: "campaign",
    params: ({ campaign, act }) => ({ id: campaign, code: "lieu", act }),
    ready: leaveCampaigns,
    unknown: { id: NOBODY, code: "lieu", act: NOBODY },
  },
  "/operations/:id": {
    reach: "campaign",
    params: ({ operation }) => ({ id: operation, code: "date" }),
    ready: leaveCampaigns,
    unknown: { id: NOBODY, code: "date" },
  },
  "/campagnes/:id/segments/:segment": {
    reach: "campaign",
    params: ({ campaign, segment }) => ({ id: campaign, segment }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/prerequis/:prerequisite": {
    reach: "campaign",
    params: ({ campaign, prerequisite }) => ({ id: campaign, prerequisite }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/instantanes/:snapshot": {
    reach: "campaign",
    params: ({ campaign, snapshot }) => ({ id: campaign, snapshot }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/plan-de-reference": { reach: "campaign", params: ofCampaign, ready: leaveAs("state = 'active'") },
  "/campagnes/:id/personnes/:person": {
    reach: "campaign",
    params: ({ campaign, person }) => ({ id: campaign, person }),
    ready: leaveCampaigns,
  },
  "/operations/:id/temps": {
    reach: "campaign",
    params: ({ operation }) => ({ id: operation }),
    ready: leaveCompleted,
  },
  "/operations/:id/restauration": {
    reach: "campaign",
    params: ({ tossedOperation }) => ({ id: tossedOperation }),
    ready: leaveCampaigns,
  },
  "/campagnes/:id/demarrage": { reach: "campaign", params: ofCampaign, ready: leaveAs("state = 'upcoming'") },
  "/campagnes/:id/remise-a-venir": { reach: "campaign", params: ofCampaign, ready: leaveAs("state = 'active'") },
  "/campagnes/:id/cloture": { reach: "campaign", params: ofCampaign, ready: leaveAs("state = 'active'") },
  "/campagnes/:id/reprise": { reach: "campaign", params: ofCampaign, ready: leaveAs("trashed_at = '2026-11-20'") },
  "/campagnes/:id/restauration": {
    reach: "campaign",
    params: ({ shelved }) => ({ id: shelved }),
    ready: leaveCampaigns,
  },
  "/invitation/:token": { reach: "secret", params: ({ token }) => ({ token }), unknown: { token: "A".repeat(43) } },
  // The demo world has its super-admin: no set-up link can be open. The pages suite opens one in a base of its own.
  "/installation/:token": {
    reach: "secret",
    params: () => ({ token: "B".repeat(43) }),
    unknown: { token: "C".repeat(43) },
  },
  "/instance/organisations/:id/invitation": { reach: "instance", params: ({ newborn }) => ({ id: newborn }) },
  "/instance/organisations/:id/suspension": { reach: "instance", params: ({ newborn }) => ({ id: newborn }) },
  "/instance/organisations/:id/reactivation": { reach: "instance", params: ({ newborn }) => ({ id: newborn }) },
  "/instance/organisations/:id": { reach: "instance", params: ({ tenantId }) => ({ id: tenantId }) },
  "/instance/taches/:id": { reach: "letter", params: ({ letter }) => ({ id: letter }) },
};

/** Addresses of the samples that answer 404 to everybody in this world, each with its reason. */
export const ABSENT_HERE: Record<string, string> = {
  "/connexion/logo/:id": "deux organisations, et l’instance n’a pas de logo",
  "/campagnes/:id/champs/:code/refusees/:act": "aucun changement de type n’a mis de valeur de côté dans ce monde",
  "/installation/:token": "l’instance a déjà sa super-administratrice",
  "/exports/:id/fichier.csv": "il faut un fichier préparé et le droit de l’emporter : test/exports le télécharge",
};

/** What a GET gives when it is not a page. */
export const OTHER_TYPES: Record<string, RegExp> = {
  "/organisation/accent.css": /^text\/css/,
  "/documents/:id/versions/:number/fichier": /^text\/markdown/,
  // A document in the frame of its page: its own style, its own policy.
  "/documents/:id/versions/:number/apercu": /^text\/html/,
  "/fichiers/:id": /^image\/png/,
  "/fichiers/:id/image": /^image\/png/,
  "/flux": /^text\/event-stream/,
  // A message in the frame of its page: its own style, its own policy.
  "/admin/boite-envoi/:id/apercu": /^text\/html/,
  "/admin/historique/attestation.json": /^application\/json/,
  "/admin/utilisateurs/plusieurs/modele.csv": /^text\/csv/,
  "/imports/:kind/exemples/:file": /^text\/csv/,
  "/imports/:kind/modele.csv": /^text\/csv/,
  "/imports/:kind/modele.xlsx": /^application\/vnd\.openxmlformats/,
  "/robots.txt": /^text\/plain/,
  "/.well-known/security.txt": /^text\/plain/,
};

type Fields = Record<string, string | string[]>;

interface Filled {
  /** The page that holds the form; by default the one at the same address. null: a button alone, nothing to read. */
  page?: string | null;
  /** Typed over what the page proposes. */
  fields?(ids: Ids, browser: Browser, world: World): Fields | Promise<Fields>;
  /** The object is named by the form, not by the address: without it there is nothing to open. */
  inBody?: boolean;
  /** Ends a session, or comes before one: its success leads to the sign-in page too. */
  leadsOut?: boolean;
}

const THEMES = ["system", "light", "dark"];
let themes = 0;
let silences = 0;
let hours = 0;

const NEW_PASSWORD = "herbes-folles-du-talus-42";

/** By path of the POST: a form that would be accepted. Only what the page does not already propose. */
const FORMS: Record<string, Filled> = {
  "/connexion": { fields: () => ({ email: emailOf("claire"), password: TEST_PASSWORD }) },
  "/connexion/organisation": { inBody: true, page: null, fields: async (_ids, browser) => choiceFields(browser) },
  "/connexion/demo": { inBody: true, page: "/connexion", fields: ({ colleague }) => ({ persona: colleague }) },
  "/connexion/code": { inBody: true, page: null, fields: codeFields },
  "/deconnexion": { page: null, leadsOut: true },
  "/session/prolongation": { page: null },
  "/mot-de-passe-oublie": { page: null, fields: () => ({ email: emailOf("claire") }) },
  "/nouveau-mot-de-passe/:token": { leadsOut: true, fields: () => ({ password: NEW_PASSWORD }) },
  "/invitation/:token": { leadsOut: true, fields: () => ({ password: NEW_PASSWORD }) },
  // Another one each time: what changes nothing leaves no trace.
  "/compte/preferences": { page: null, fields: () => ({ theme: THEMES[++themes % THEMES.length]! }) },
  "/compte/mot-de-passe": { fields: () => ({ oldPassword: TEST_PASSWORD, newPassword: NEW_PASSWORD }) },
  // The state of the page depends on what was sent before: each form is given the telephone it needs.
  "/compte/double-authentification/activation": { page: null, fields: enrolmentFields },
  "/compte/double-authentification/codes": {
    page: null,
    fields: async (_ids, browser, world) => {
      await withFactor(browser, world);
      return {};
    },
  },
  "/compte/double-authentification/retrait": {
    page: null,
    fields: async (_ids, browser, world) => ({ code: await withFactor(browser, world) }),
  },
  "/admin/utilisateurs/:id/double-authentification": {
    page: null,
    fields: async ({ tenantId, colleague }, _browser, world) => {
      await giveFactor(world, { tenantId, id: colleague });
      return { reason: "Téléphone perdu" };
    },
  },
  // As the page sends it once the file has arrived by pieces.
  "/compte/photo": { page: null, fields: uploaded("user.picture") },
  "/compte/photo/retrait": { page: null },
  "/documents/nouveau": { fields: uploaded("document.file", { title: "Procédure d’essai" }) },
  "/documents/:id/versions/nouvelle": { fields: uploaded("document.file") },
  "/documents/:id/modifier": { fields: () => ({ title: `Charte ${randomBytes(3).toString("hex")}` }) },
  "/documents/:id/corbeille": { page: null, fields: tossed(false) },
  "/documents/:id/restauration": { page: null, fields: tossed(true) },
  "/admin/organisation/logo": { page: null, fields: uploaded("tenant.logo") },
  "/admin/organisation/logo/retrait": { page: null },
  "/envois": {
    page: null,
    fields: () => ({ purpose: "user.picture", name: "photo.png", size: "1200", mark: randomBytes(4).toString("hex") }),
  },
  "/envois/:id/morceaux": { page: null },
  "/compte/sessions/:id/fermeture": { page: null, leadsOut: true },
  "/notifications/lecture": { page: null },
  "/notifications/reglages": {
    page: "/notifications",
    fields: () => ({ kinds: ++silences % 2 ? ["rights"] : ["jobs"] }),
  },
  "/notifications/:id/lecture": { page: null },
  "/exports/:id/arret": { page: null },
  "/exports/:id/suppression": { page: null },
  "/imports/:kind/nouveau": {
    page: null,
    fields: async (_ids, browser, world) => ({
      upload: await giveUpload(world, browser, "import.file", ONE_FILE),
    }),
  },
  "/imports/:kind/collage": { page: null, fields: () => ({ text: somePeople("\t") }) },
  "/imports/:kind/essai": { page: null, fields: () => ({ file: "annuaire.csv" }) },
  "/imports/:id/lecture": {
    page: null,
    fields: () => ({ encoding: "utf-8", delimiter: ";", headerLine: "1" }),
  },
  "/imports/:id/correspondance": { page: null, fields: ({ mapped }) => ({ known: mapped }) },
  "/imports/:id/correspondance/suppression": { page: null, fields: ({ mapped }) => ({ known: mapped }) },
  "/imports/:id/verification": {
    page: null,
    fields: () => ({
      column: ["matricule", "nom", "prenom"],
      key: ["Matricule"],
      mode: "both",
      empty: "keep",
      missing: "keep",
      threshold: "50",
    }),
  },
  "/imports/:id/execution": { page: null, fields: () => ({ errors: "valid" }) },
  "/imports/:id/arret": { page: null },
  "/imports/:id/lignes.csv": { page: null },
  "/imports/:id/erreurs.csv": { page: null },
  "/compte/sessions/fermeture": { page: null },
  "/admin/utilisateurs/nouveau": {
    fields: () => ({
      givenName: "Inès",
      familyName: "Morel",
      email: `ines.${randomBytes(4).toString("hex")}@quais.example`,
      roles: ["viewer"],
    }),
  },
  "/admin/utilisateurs/plusieurs": { page: null, fields: () => ({ text: aSheet() }) },
  "/admin/utilisateurs/plusieurs/apercu": { page: "/admin/utilisateurs/plusieurs", fields: () => ({ text: aSheet() }) },
  "/admin/utilisateurs/:id/modifier": { fields: () => ({ givenName: `Prénom ${randomBytes(3).toString("hex")}` }) },
  "/admin/utilisateurs/:id/roles": { fields: () => ({ roles: ["viewer", "coordinator"] }) },
  "/admin/utilisateurs/:id/desactivation": { fields: () => ({ reason: "Fin de mission" }) },
  "/admin/utilisateurs/:id/reactivation": { fields: () => ({ reason: "Retour de congé" }) },
  "/admin/utilisateurs/:id/deverrouillage": { page: null },
  "/admin/utilisateurs/:id/invitation": { page: null },
  "/admin/utilisateurs/:id/mot-de-passe": { page: null },
  "/admin/boite-envoi/renvoi": { page: null, fields: failAgain },
  "/admin/boite-envoi/:id/renvoi": { page: null, fields: failAgain },
  "/admin/boite-envoi/:id/abandon": { page: null, fields: failAgain },
  "/admin/boite-envoi/:id/adresse": {
    fields: async (ids, browser, world) => {
      await failAgain(ids, browser, world);
      return { address: `camille.${randomBytes(3).toString("hex")}@quais.example` };
    },
  },
  "/instance/messagerie/essai": { page: "/instance/messagerie" },
  "/instance/messagerie/liberation": { page: null, fields: holdAgain },
  "/instance/messagerie/abandon": { page: null, fields: holdAgain },
  "/admin/organisation": { fields: () => ({ name: `Mutuelle ${randomBytes(3).toString("hex")}` }) },
  "/admin/organisation/securite": { page: "/admin/organisation", fields: () => ({ stayConnectedDays: "7" }) },
  "/admin/organisation/couleur": { page: "/admin/organisation", fields: () => ({ accent: "#0c6b66" }) },
  "/admin/historique/export": { page: null },
  "/admin/historique/verification": { page: null },
  "/instance/organisations/nouvelle": {
    fields: () => ({
      name: `Communauté ${randomBytes(3).toString("hex")}`,
      zone: "Europe/Paris",
      givenName: "Rose",
      familyName: "Meunier",
      email: `rose.${randomBytes(4).toString("hex")}@meunier.example`,
    }),
  },
  "/instance/organisations/:id/invitation": { page: null },
  // Neither page has a form when the organisation is already so: each is put in the state it starts from.
  "/instance/organisations/:id/suspension": {
    page: null,
    fields: async ({ newborn }, _browser, world) => {
      await holdOrganisation(world, newborn, false);
      return { reason: "Compte partagé signalé" };
    },
  },
  "/instance/organisations/:id/reactivation": {
    page: null,
    fields: async ({ newborn }, _browser, world) => {
      await holdOrganisation(world, newborn, true);
      return { reason: "Vérification terminée" };
    },
  },
  "/instance/organisations/:id/support": {
    page: null,
    leadsOut: true,
    fields: async ({ tenantId }, _browser, world) => {
      await setSupport(world, tenantId, true);
      return {};
    },
  },
  "/instance/organisations/:id/support/fermeture": {
    page: null,
    fields: async ({ tenantId }, _browser, world) => {
      await setSupport(world, tenantId, true);
      return {};
    },
  },
  "/admin/types-operations/nouveau": { fields: () => ({ name: `Type ${randomBytes(3).toString("hex")}` }) },
  "/admin/types-operations/:id/modifier": { fields: () => ({ name: `Type ${randomBytes(3).toString("hex")}` }) },
  "/admin/types-operations/:id/copie": { page: null },
  "/admin/types-operations/:id/retrait": { page: null, fields: retired(false) },
  "/admin/types-operations/:id/remise": { page: null, fields: retired(true) },
  "/admin/types-operations/:id/champs/nouveau": {
    fields: () => ({ label: `Champ ${randomBytes(3).toString("hex")}` }),
  },
  "/admin/types-operations/:id/champs/:code/modifier": {
    fields: () => ({ label: `Champ ${randomBytes(3).toString("hex")}` }),
  },
  "/admin/types-operations/:id/champs/:code/retrait": { page: null },
  "/admin/types-operations/:id/champs/:code/deplacement": { page: null, fields: () => ({ way: "up" }) },
  "/admin/groupes/nouveau": { fields: () => ({ name: `Groupe ${randomBytes(3).toString("hex")}` }) },
  "/admin/groupes/:id/modifier": { fields: () => ({ name: `Groupe ${randomBytes(3).toString("hex")}` }) },
  "/admin/groupes/:id/membres": { page: null, fields: ({ forgetful }) => ({ user: forgetful }) },
  "/admin/groupes/:id/membres/:member/retrait": { page: null },
  "/admin/annuaire/agents/nouveau": {
    fields: () => ({ staffNumber: `N${randomBytes(4).toString("hex")}`, givenName: "Inès", familyName: "Morel" }),
  },
  "/admin/annuaire/agents/:id/modifier": { fields: () => ({ position: `Poste ${randomBytes(3).toString("hex")}` }) },
  "/admin/annuaire/agents/:id/desactivation": { page: null, fields: () => ({ reason: "Départ" }) },
  "/admin/annuaire/agents/:id/reactivation": { page: null, fields: putStaff("deactivated_at = now()") },
  "/admin/annuaire/agents/:id/sms": { page: null, fields: () => ({ on: "2026-03-12", proof: "Bulletin signé" }) },
  "/admin/annuaire/agents/:id/sms/retrait": {
    page: null,
    fields: putStaff("sms_consent_at = now(), sms_consent_proof = 'Bulletin signé'"),
  },
  "/admin/annuaire/services/nouveau": { fields: () => ({ name: `Service ${randomBytes(3).toString("hex")}` }) },
  "/admin/annuaire/services/:id/modifier": { fields: () => ({ name: `Service ${randomBytes(3).toString("hex")}` }) },
  "/admin/annuaire/services/:id/fusion": { page: null, fields: ({ department }) => ({ into: department }) },
  "/admin/annuaire/services/:id/suppression": { page: null },
  "/admin/annuaire/sites/nouveau": { fields: () => ({ name: `Site ${randomBytes(3).toString("hex")}` }) },
  "/admin/annuaire/sites/:id/modifier": { fields: () => ({ name: `Site ${randomBytes(3).toString("hex")}` }) },
  "/admin/annuaire/sites/:id/fusion": { page: null, fields: ({ site }) => ({ into: site }) },
  "/admin/annuaire/sites/:id/suppression": { page: null },
  "/admin/annuaire/techniciens/:id/horaires": {
    fields: () => ({ day1: `8h-12h, 13h-17h${String(hours++ % 60).padStart(2, "0")}` }),
  },
  "/admin/annuaire/techniciens/:id/absences": {
    page: null,
    fields: () => ({ startsOn: "2027-05-03", endsOn: "2027-05-07", reason: "Formation" }),
  },
  "/admin/annuaire/techniciens/:id/absences/:absence/retrait": { page: null },
  "/admin/utilisateurs/:id/annuaire": { page: null, fields: () => ({ person: "TEMOIN-1" }) },
  "/admin/utilisateurs/:id/annuaire/retrait": { page: null, fields: tiedColleague },
  "/admin/utilisateurs/:id/annuaire/perimetre": {
    page: null,
    fields: ({ emptyDepartment }) => ({ department: emptyDepartment }),
  },
  "/admin/utilisateurs/:id/annuaire/perimetre/:scope/retrait": { page: null },
  "/admin/acces-support": {
    page: null,
    fields: async ({ tenantId }, _browser, world) => {
      await setSupport(world, tenantId, false);
      return { hours: "2", reason: "Import bloqué à la moitié" };
    },
  },
  "/admin/acces-support/fermeture": {
    page: null,
    fields: async ({ tenantId }, _browser, world) => {
      await setSupport(world, tenantId, true);
      return {};
    },
  },
  "/campagnes/nouvelle": {
    fields: () => ({
      name: `Campagne ${randomBytes(3).toString("hex")}`,
      startsOn: "2026-12-01",
      endsOn: "2027-01-29",
    }),
  },
  "/campagnes/:id/reglages": { fields: () => ({ name: `Campagne ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/calendrier": {
    page: null,
    fields: async (ids, _browser, world) => ({
      defaultHour: `10:${10 + Math.floor(Math.random() * 49)}`,
      closedDays: "24/12/2026",
      version: await versionOf(world, ids),
    }),
  },
  "/campagnes/:id/suivi": {
    page: null,
    fields: async (ids, _browser, world) => ({
      problemReasons: `Motif ${randomBytes(3).toString("hex")}`,
      version: await versionOf(world, ids),
    }),
  },
  "/campagnes/:id/acces": { page: null, fields: ({ forgetful }) => ({ grantee: `u.${forgetful}`, letters: ["see"] }) },
  "/campagnes/:id/acces/:grant/retrait": { page: null },
  "/campagnes/:id/visibilite": {
    page: null,
    fields: async (ids, _browser, world) => ({ visibility: "public", version: await versionOf(world, ids) }),
  },
  "/campagnes/:id/proprietaire": {
    page: null,
    fields: async (ids, _browser, world) => ({
      owner: await otherOwner(world, ids),
      version: await versionOf(world, ids),
    }),
  },
  "/campagnes/:id/copie": {
    fields: () => ({
      name: `Copie ${randomBytes(3).toString("hex")}`,
      startsOn: "2026-12-01",
      endsOn: "2027-01-29",
    }),
  },
  "/campagnes/:id/epingle": { page: null },
  "/campagnes/:id/epingle/retrait": { page: null },
  "/campagnes/:id/epingle/deplacement": { page: null, fields: pinnedLast },
  "/campagnes/:id/vues": {
    page: null,
    fields: () => ({ name: `Vue ${randomBytes(3).toString("hex")}`, adresse: "statut=done" }),
  },
  "/campagnes/:id/vues/modification": { inBody: true, page: null, fields: ownView },
  "/campagnes/:id/vues/suppression": { inBody: true, page: null, fields: ownView },
  "/campagnes/:id/vues/defaut": { page: null, fields: () => ({ view: "" }) },
  "/campagnes/:id/champs": {
    page: null,
    fields: () => ({ label: `Champ ${randomBytes(3).toString("hex")}`, type: "short_text" }),
  },
  "/campagnes/:id/champs/nom": { page: null, fields: () => ({ title: "cible" }) },
  "/campagnes/:id/champs/:code/modifier": { fields: () => ({ label: `Lieu ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/champs/:code/deplacement": { page: null, fields: () => ({ way: "up" }) },
  "/campagnes/:id/champs/:code/retrait": { page: null },
  "/campagnes/:id/type": { page: null, fields: offeredType },
  "/campagnes/:id/type/refus": { page: null, fields: offeredType },
  "/campagnes/:id/segments": { fields: () => ({ name: `Segment ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/segments/independance": { page: null },
  "/campagnes/:id/segments/:segment/modifier": {
    page: null,
    fields: () => ({ name: `Segment ${randomBytes(3).toString("hex")}`, tone: "primary", version: "1" }),
  },
  "/campagnes/:id/segments/:segment/deplacement": { page: null, fields: () => ({ way: "down" }) },
  "/campagnes/:id/segments/:segment/fusion": { page: null, fields: ({ otherSegment }) => ({ into: otherSegment }) },
  "/campagnes/:id/segments/:segment/suppression": { page: null },
  "/campagnes/:id/prerequis/nouveau": {
    fields: () => ({ label: `Matériel ${randomBytes(3).toString("hex")}`, responsibleName: "Achats" }),
  },
  "/campagnes/:id/prerequis/:prerequisite/modifier": {
    fields: () => ({ label: "Badges remis", responsibleName: "Accueil", status: "doing", version: "1" }),
  },
  "/campagnes/:id/prerequis/:prerequisite/statut": {
    page: null,
    fields: () => ({ status: "done", version: "1" }),
  },
  "/campagnes/:id/prerequis/:prerequisite/deplacement": { page: null, fields: () => ({ way: "down" }) },
  "/campagnes/:id/prerequis/:prerequisite/suppression": { page: null, fields: () => ({ version: "1" }) },
  "/campagnes/:id/plan-de-reference": { fields: () => ({ reason: "Dates revues avec les services" }) },
  "/campagnes/:id/personnes/:person/modifier": {
    fields: () => ({ mayBook: "non", segment: "", version: "1" }),
  },
  "/campagnes/:id/personnes/:person/retrait": { page: null, fields: () => ({ version: "1" }) },
  "/campagnes/:id/operations/nouvelle": { fields: () => ({ c_cible: `PC ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/operations/lots": {
    page: null,
    fields: ({ operation }) => ({ action: "capacity", scope: "ticked", row: [operation] }),
  },
  "/campagnes/:id/operations/lots/:lot/apercu": { page: null, fields: () => ({ capacity: "4" }) },
  "/campagnes/:id/operations/lots/:lot/execution": { page: null },
  "/campagnes/:id/operations/lots/:lot/arret": { page: null },
  "/operations/:id/modifier": { fields: () => ({ c_cible: `PC ${randomBytes(3).toString("hex")}` }) },
  "/operations/:id/statut": {
    page: null,
    fields: () => ({ to: "cancelled", kind: "cancel", reason: "Poste retiré du parc" }),
  },
  "/operations/:id/affectation": {
    page: null,
    fields: async (ids, _browser, world) => ({ technician: await aTechnician(world, ids) }),
  },
  "/operations/:id/date": { page: null, fields: () => ({ plannedOn: "2026-12-03", plannedHour: "10:00" }) },
  "/operations/:id/cellules/:code": { fields: () => ({ plannedOn: "2026-12-04", plannedHour: "11:00" }) },
  "/operations/:id/temps": { page: null, fields: () => ({ minutes: "45" }) },
  "/operations/:id/segment": { page: null, fields: () => ({ segment: "" }) },
  "/operations/:id/segment/suivi": { page: null, fields: placedByHand },
  "/operations/:id/corbeille": { page: null },
  "/operations/:id/restauration": { page: null },
  "/campagnes/:id/publication": {},
  "/campagnes/:id/preparation": { page: null, fields: () => ({ step: "settings" }) },
  "/campagnes/:id/informations": { fields: () => ({ name: `Campagne ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/donnees": { fields: () => ({ columns: `Colonne ${randomBytes(3).toString("hex")}` }) },
  "/campagnes/:id/suppression": {
    fields: async (ids, _browser, world) => ({ name: await nameOfCampaign(world, ids) }),
  },
  "/campagnes/:id/reprise": { page: null },
  "/campagnes/:id/demarrage": { page: null },
  "/campagnes/:id/remise-a-venir": { page: null },
  "/campagnes/:id/cloture": {
    fields: () => ({ n_to_schedule: "1", end_to_schedule: "cancel", reason_to_schedule: "Plus de poste" }),
  },
  "/campagnes/:id/archivage": { fields: () => ({ reason: "Projet abandonné" }) },
  "/campagnes/:id/restauration": { page: null, fields: () => ({ reason: "Reprise du projet" }) },
  "/instance/taches/:id/relance": { page: null },
  "/instance/taches/:id/abandon": { page: null },
  "/instance/taches/relance": { page: null, fields: withDeadLetter },
  "/instance/taches/abandon": { page: null, fields: withDeadLetter },
};

async function versionOf({ db }: World, { tenantId, campaign }: Ids): Promise<string> {
  const rows = await db.read(tenantId, (em) =>
    em.execute<{ version: number }[]>("select version from campaign where id = ?", [campaign]),
  );
  return String(rows[0]?.version ?? 1);
}

async function aTechnician({ db }: World, { tenantId }: Ids): Promise<string> {
  const rows = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from app_user where roles @> '{technician}' and deactivated_at is null order by given_name limit 1",
    ),
  );
  return rows[0]?.id ?? NOBODY;
}

/** Somebody who may own the campaign and does not. */
async function otherOwner({ db }: World, { tenantId, campaign }: Ids): Promise<string> {
  const rows = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from app_user where roles && '{admin,campaign_manager}' and deactivated_at is null and id <> coalesce((select owner_id from campaign where id = ?), gen_random_uuid()) order by given_name limit 1",
      [campaign],
    ),
  );
  return rows[0]?.id ?? NOBODY;
}

async function withDeadLetter({ tenantId, letter }: Ids, _browser: Browser, { owner }: World): Promise<Fields> {
  await leaveDeadLetter(owner, { tenantId, id: letter });
  return {};
}

/** One account to create, as a file would say it. */
const aSheet = () =>
  `Prénom;Nom;Adresse électronique;Rôles\nInès;Morel;ines.${randomBytes(4).toString("hex")}@quais.example;Lecteur`;

/** What was released is held no more. */
async function holdAgain(_ids: Ids, _browser: Browser, { databaseUrl }: World): Promise<Fields> {
  await holdMessages(databaseUrl, "Restauration de la sauvegarde du 2026-11-20");
  return {};
}

/** What was sent again or dropped cannot be twice: it fails anew. */
async function failAgain({ tenantId, message }: Ids, _browser: Browser, { db }: World): Promise<Fields> {
  await db.note(tenantId, (em) => em.execute("update outbox set state = 'failed' where id = ?", [message]));
  return {};
}

function uploaded(purpose: string, more: Fields = {}) {
  return async (_ids: Ids, browser: Browser, world: World): Promise<Fields> => ({
    ...more,
    upload: await giveUpload(world, browser, purpose),
  });
}

/** In the trash, or out of it, beside any act. */
function tossed(isTrashed: boolean) {
  return async ({ tossed: id }: Ids, _browser: Browser, { superUrl }: World): Promise<Fields> => {
    const root = new pg.Client({ connectionString: superUrl });
    await root.connect();
    try {
      await root.query("set session_replication_role = replica");
      await root.query("update document set trashed_at = case when $2 then now() end where id = $1", [id, isTrashed]);
    } finally {
      await root.end();
    }
    return {};
  };
}

const emailOf = (key: string) => {
  const person = WORLD.flatMap(({ people }) => people).find((one) => one.key === key);
  if (!person) throw new Error(`Nobody called ${key} in fixtures/world.ts`);
  return person.email;
};

/** One address, one password, two organisations: the only way to see the page of choice [TEN-3]. */
export const DOUBLE = "paule.double@deux.example";

async function choiceFields(browser: Browser): Promise<Fields> {
  await browser.get("/connexion");
  const { text } = await browser.post("/connexion", { email: DOUBLE, password: TEST_PASSWORD });
  const form = formsOf(parseHtml(text), "/connexion").find(({ action }) => action === "/connexion/organisation");
  if (!form) throw new Error("POST /connexion ne propose plus de choisir une organisation à qui en a deux.");
  const fields = untouched(form.fields);
  const choice = form.fields.find(({ name }) => name === "organisation");
  return { ...fields, organisation: choice?.options[0] ?? choice?.values[0] ?? "" };
}

/** A telephone enrolled just now, whatever there was, beside any act; gives the code it shows. */
export async function giveFactor(world: World, account: { tenantId: string; id: string }): Promise<string> {
  const { tenantId, id } = account;
  const key = drawKey();
  const { keyId, bytes } = closeKey(key, { tenantId, userId: id }, SECRET);
  await besideHistory(world, account, (root) =>
    root.query("insert into second_factor values ($1, $2, $3, $4, now())", [tenantId, id, bytes, keyId]),
  );
  return generate({ secret: key, epoch: Math.floor(world.clock.now().getTime() / 1000) });
}

export const dropFactor = (world: World, account: { tenantId: string; id: string }): Promise<void> =>
  besideHistory(world, account, async () => undefined);

/** Forgets the telephone, codes and failures of an account, then does more, without waking a trigger. */
async function besideHistory(world: World, { id }: { id: string }, more: (root: pg.Client) => Promise<unknown>) {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("delete from second_factor where id = $1", [id]);
    await root.query("delete from recovery_code where user_id = $1", [id]);
    await root.query("delete from sign_in_guard where id = $1", [id]);
    await more(root);
  } finally {
    await root.end();
  }
}

/** A support access open for an hour, or none, beside any act. */
export async function setSupport(world: World, tenantId: string, open: boolean): Promise<void> {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("delete from support_access where tenant_id = $1", [tenantId]);
    if (open) {
      await root.query(
        `insert into support_access (tenant_id, id, user_id, reason, expires_at, created_at)
         select tenant_id, gen_random_uuid(), id, 'Essai', app_now() + interval '1 hour', app_now() from app_user where tenant_id = $1 limit 1`,
        [tenantId],
      );
    }
  } finally {
    await root.end();
  }
}

/** The group with the colleague alone in it, beside any act. */
async function leaveGroup(world: World, { tenantId, group, member, colleague }: Ids): Promise<void> {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    const name = "insert into user_group (tenant_id, id, name) values ($1, $2, 'Déploiement') on conflict do nothing";
    await root.query(name, [tenantId, group]);
    await root.query("delete from user_group_member where group_id = $1 and id <> $2", [group, member]);
    await root.query(
      "insert into user_group_member (tenant_id, id, group_id, user_id) values ($1, $2, $3, $4) on conflict do nothing",
      [tenantId, member, group, colleague],
    );
  } finally {
    await root.end();
  }
}

async function giveCampaign({ db, clock }: World, { tenantId, id }: { tenantId: string; id: string }, name: string) {
  const outline = { name, description: "", startsOn: "2026-11-02", endsOn: "2027-02-26" };
  const said = { ...actOf(tenantId), actorId: id, code: "campaign.created", label: outline.name, now: clock.now() };
  const cible = newField({ code: "cible", label: "Cible", type: "short_text", isMandatory: true });
  const campaign = await db.act(said, async (em) => {
    const made = await createCampaign(em, outline, { tenantId, by: { id } });
    const lieu = newField({ code: "lieu", label: "Lieu" });
    await addFields(em, made, [cible, lieu], { by: { id } });
    return made;
  });
  return campaign.id;
}

/** Those of a campaign without operations. */
const NO_FIGURES = statsOf(
  {
    ...{ campaignId: NOBODY, cells: [], segments: [], technicians: [], sameDay: { part: 0, of: 0 } },
    ...{ hasBaseline: false, isTimeTracked: false, isOver: false },
    course: { startsOn: "2026-11-02", endsOn: "2027-02-26", today: "2026-11-12", calendar: { zone: "metropole" } },
  },
  { now: new Date("2026-11-12T22:59:59Z"), times: "none" },
);

/** The campaigns as they were made, one archived, the grant given, beside any act. */
async function leaveCampaigns(world: World, ids: Ids): Promise<void> {
  const { tenantId, campaign, shelved, grant, colleague, operation, tossedOperation, bulk } = ids;
  const { segment, otherSegment, person, prerequisite, otherPrerequisite, snapshot } = ids;
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query(
      `update campaign set state = case when id = $2 then 'archived' else 'draft' end, state_before = case when id = $2 then 'draft' end, trashed_at = null, closed_at = null, closing = null,
         visibility = 'restricted', is_time_tracked = false, owner_id = coalesce((select id from app_user where tenant_id = $3 and given_name = 'Sophie'), owner_id)
       where id in ($1, $2)`,
      [campaign, shelved, tenantId],
    );
    await root.query("delete from campaign_grant where campaign_id = $1 and id <> $2", [campaign, grant]);
    await root.query(
      "insert into campaign_grant (tenant_id, id, campaign_id, user_id, letters) values ($1, $2, $3, $4, '{see}') on conflict do nothing",
      [tenantId, grant, campaign, colleague],
    );
    // The sweeps add fields of their own: those two come first.
    await root.query(
      `update campaign_field set removed_at = null, type = 'short_text', version = 1, position = case code when 'cible' then 0 else 1 end
       where campaign_id = $1 and code in ('cible', 'lieu')`,
      [campaign],
    );
    await root.query(
      `insert into segment (tenant_id, id, campaign_id, name, position) values ($1, $2, $4, 'Nord témoin', 1), ($1, $3, $4, 'Sud témoin', 2)
       on conflict (tenant_id, id) do update set name = excluded.name, position = excluded.position, version = 1`,
      [tenantId, segment, otherSegment, campaign],
    );
    // Another stands below it, for it to go down; what sweeps did to both is undone.
    await root.query("delete from prerequisite where campaign_id = $1 and id <> all ($2)", [
      campaign,
      [prerequisite, otherPrerequisite],
    ]);
    await root.query(
      `insert into prerequisite (tenant_id, id, campaign_id, label, responsible_name, position)
       values ($1, $2, $3, 'Badges commandés', 'Accueil', 1), ($1, $4, $3, 'Salle réservée', 'Accueil', 2)
       on conflict (tenant_id, id) do update set label = excluded.label, responsible_name = excluded.responsible_name, status = 'todo',
         position = excluded.position, version = 1`,
      [tenantId, prerequisite, campaign, otherPrerequisite],
    );
    await root.query(
      `insert into campaign_snapshot (tenant_id, id, campaign_id, day, cause, taken_at, formula_version, figures)
       values ($1, $2, $3, $4, 'day', now(), $5, $6) on conflict do nothing`,
      [tenantId, snapshot, campaign, NO_FIGURES.day, NO_FIGURES.formulaVersion, JSON.stringify(NO_FIGURES)],
    );
    await root.query(
      `insert into eligible_person (tenant_id, id, campaign_id, family_name, given_name, email)
       values ($1, $2, $3, 'Prado', 'Lino', 'lino.prado@partenaire.example')
       on conflict (tenant_id, id) do update set may_book = true, segment_id = null, version = 1`,
      [tenantId, person, campaign],
    );
    await root.query(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, trashed_at)
       values ($1, $2, $4, 'PC-0001', '{"cible": "PC-0001"}', 'pc-0001', 'to_schedule', 'open', null),
         ($1, $3, $4, 'PC-0002', '{"cible": "PC-0002"}', 'pc-0002', 'to_schedule', 'open', '2026-11-20')
       on conflict (tenant_id, id) do update set status = 'to_schedule', category = 'open', planned_at = null, first_planned_at = null,
         technician_id = null, minutes = null, is_segment_set_by_hand = false, trashed_at = excluded.trashed_at`,
      [tenantId, operation, tossedOperation, campaign],
    );
    await root.query(
      `insert into bulk (tenant_id, id, campaign_id, author_id, action, selection, state, wish, counts)
       values ($1, $2, $3, $4, 'capacity', jsonb_build_object('ids', jsonb_build_array($5::uuid)), 'frozen',
         '{"action": "capacity", "capacity": 7}', '{"change": 1, "same": 0, "refused": 0}')
       on conflict (tenant_id, id) do update set state = 'frozen', wish = excluded.wish, counts = excluded.counts, act_id = null, done = 0,
         done_id = null, changed = 0, cancel_asked_at = null, finished_at = null, failure = null`,
      [tenantId, bulk, campaign, colleague, operation],
    );
    await root.query("delete from bulk_row where bulk_id = $1", [bulk]);
    await root.query(
      "insert into bulk_row (tenant_id, bulk_id, operation_id, seen, outcome) select tenant_id, $1, id, version, 'change' from operation where id = $2",
      [bulk, operation],
    );
  } finally {
    await root.end();
  }
}

async function nameOfCampaign({ db }: World, { tenantId, campaign }: Ids): Promise<string> {
  const [row] = await db.read(tenantId, (em) =>
    em.execute<{ name: string }[]>("select name from campaign where id = ?", [campaign]),
  );
  return row?.name ?? "";
}

function ofCampaign({ campaign }: Ids) {
  return { id: campaign };
}

/** The campaigns as they were made, but for this of the sample's. */
function leaveAs(set: string) {
  return async (world: World, ids: Ids): Promise<void> => {
    await leaveCampaigns(world, ids);
    const root = new pg.Client({ connectionString: world.superUrl });
    await root.connect();
    try {
      await root.query("set session_replication_role = replica");
      await root.query(`update campaign set ${set} where id = $1`, [ids.campaign]);
      // What other tests left of it: it has one operation, which never began.
      await root.query("update operation set trashed_at = now() where campaign_id = $1 and id <> $2", [
        ids.campaign,
        ids.operation,
      ]);
      await root.query("update operation set started_at = null where id = $1", [ids.operation]);
    } finally {
      await root.end();
    }
  };
}

/** A bulk action under way, beside any act. */
async function runBulk({ superUrl }: World, { bulk }: Ids): Promise<void> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("update bulk set state = 'running', act_id = $1 where id = $1", [bulk]);
  } finally {
    await root.end();
  }
}

/** Three columns of the directory and somebody nobody knows yet. */
const IMPORTED = ["Matricule", "Nom", "Prénom"];
const somePeople = (between: string): string =>
  [IMPORTED, [`S${randomBytes(4).toString("hex")}`, "Morel", "Inès"]].map((cells) => cells.join(between)).join("\n");

/** The same each time: an upload of it that no form took yet is taken by the next. */
const ONE_FILE = Buffer.from(somePeople(";"));

/** The file of an import, kept as if its form had been sent. */
async function giveImportFile({ db, files }: World, by: { id: string; tenantId: string }): Promise<string> {
  const { tenantId } = by;
  const kept = await files.store.put(tenantId, Readable.from([Buffer.from(somePeople(";"))]), { most: 1e6 });
  const said = { purpose: "import.file", name: "personnes.csv", type: "text/csv", state: "clean" } as const;
  return (await db.note(tenantId, (em) => addFile(em, { ...kept, ...said, tenantId, by }, files.quotas))).id;
}

/** An import of people where it is asked to be, whatever forms did to it since, beside any act. */
function leaveImport(state: "analysed" | "checked" | "running" | "completed") {
  return async ({ superUrl }: World, { tenantId, imported, importFile, mapped }: Ids): Promise<void> => {
    const mapping = { columns: ["matricule", "nom", "prenom"].map((code) => ({ code })), key: ["matricule"] };
    const options = { mode: "both", empty: "keep", errors: "valid", threshold: 50, missing: "keep" };
    const first = [{ line: 1, cells: IMPORTED }];
    const survey = { columns: IMPORTED, lines: 1, blank: 0, hidden: 0, faulty: 0, first, accented: [] };
    const counts = { read: 1, create: 1, update: 0, unchanged: 0, ignored: 0, error: 0, cells: 0, missing: 0 };
    const values = [
      tenantId,
      imported,
      importFile,
      state,
      JSON.stringify(survey),
      JSON.stringify(mapping),
      JSON.stringify(options),
      state === "analysed" ? null : JSON.stringify(counts),
      state === "running" ? randomUUIDv7() : null,
    ];
    const root = new pg.Client({ connectionString: superUrl });
    await root.connect();
    try {
      await root.query("set session_replication_role = replica");
      await root.query(
        `insert into import (tenant_id, id, kind, file_id, file_name, sha256, author_id, state, shape, survey, mapping, options, counts, act_id)
         select $1, $2, 'annuaire', f.id, f.name, f.sha256, f.owner_id, $4, '{"kind": "text", "encoding": "utf-8", "delimiter": ";"}',
           $5, $6, $7, $8, $9 from file f where f.tenant_id = $1 and f.id = $3
         on conflict (tenant_id, id) do update set state = excluded.state, survey = excluded.survey, mapping = excluded.mapping,
           options = excluded.options, counts = excluded.counts, act_id = excluded.act_id, shape = excluded.shape, header_line = 1,
           done = 0, done_line = 0, cancel_asked_at = null, started_at = null, finished_at = null, failure = null, basis = null`,
        values,
      );
      await root.query(
        `insert into import_mapping (tenant_id, id, kind, signature, name, mapping, options, used_at)
         values ($1, $2, 'annuaire', $3, 'Relevé témoin', $4, $5, '2026-01-01') on conflict do nothing`,
        [tenantId, mapped, signatureOf(IMPORTED), JSON.stringify(mapping), JSON.stringify(options)],
      );
    } finally {
      await root.end();
    }
  };
}

/** The operation as somebody placed it by hand, beside any act. */
async function placedByHand({ operation }: Ids, _browser: Browser, { superUrl }: World): Promise<Fields> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("update operation set is_segment_set_by_hand = true where id = $1", [operation]);
  } finally {
    await root.end();
  }
  return {};
}

/** The operation as whoever completed it leaves it, where time is tracked: what it took may be corrected (OPS-23). */
async function leaveCompleted(world: World, ids: Ids): Promise<void> {
  const { superUrl } = world;
  const { campaign, operation } = ids;
  await leaveCampaigns(world, ids);
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("update campaign set is_time_tracked = true where id = $1", [campaign]);
    await root.query("update operation set status = 'done', category = 'success' where id = $1", [operation]);
  } finally {
    await root.end();
  }
}

/** Somebody in the directory, where they are, and places nobody is of, as they are at first, beside any act. */
async function leaveStaff({ superUrl }: World, ids: Ids): Promise<void> {
  const { tenantId, staff, department, emptyDepartment, site, emptySite, scope, colleague } = ids;
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    for (const [id, name] of [
      [department, "Service témoin"],
      [emptyDepartment, "Service vide"],
    ]) {
      const row =
        "insert into department (tenant_id, id, name) values ($1, $2, $3) on conflict (tenant_id, id) do nothing";
      await root.query(row, [tenantId, id, name]);
    }
    for (const [id, name] of [
      [site, "Site témoin"],
      [emptySite, "Site vide"],
    ]) {
      const row = `insert into site (tenant_id, id, name, zone, holiday_zone, hours) values ($1, $2, $3, 'Europe/Paris', 'metropole', '{}')
        on conflict (tenant_id, id) do nothing`;
      await root.query(row, [tenantId, id, name]);
    }
    await root.query("delete from account_tie where user_id = $1", [colleague]);
    // In the team of whoever is tied, and in a department of whoever has a scope: they too may open this page.
    await root.query(
      `insert into staff_member (tenant_id, id, staff_number, family_name, given_name, phone, department_id, site_id, manager_id)
       values ($1, $2, 'TEMOIN-1', 'Témoin', 'Agathe', '+33639981234', $3, $4, (select staff_member_id from account_tie where tenant_id = $1 limit 1))
       on conflict (tenant_id, id) do update set deactivated_at = null, sms_consent_at = null, sms_consent_proof = null`,
      [tenantId, staff, department, site],
    );
    await root.query("delete from coordinator_scope where user_id = $1 and id <> $2", [colleague, scope]);
    await root.query(
      `insert into coordinator_scope (tenant_id, id, user_id, department_id)
       select $1::uuid, $2::uuid, $3::uuid, $4::uuid
       union all
       select c.tenant_id, uuidv7(), c.user_id, $4 from (select distinct tenant_id, user_id from coordinator_scope where tenant_id = $1 and user_id <> $3) c
       on conflict do nothing`,
      [tenantId, scope, colleague, department],
    );
  } finally {
    await root.end();
  }
}

/** Somebody away for some days, and no others, beside any act. */
async function leaveAbsence({ superUrl }: World, { tenantId, forgetful, absence }: Ids): Promise<void> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("delete from absence where user_id = $1 and id <> $2", [forgetful, absence]);
    await root.query(
      `insert into absence (tenant_id, id, user_id, starts_on, ends_on, reason) values ($1, $2, $3, '2099-04-01', '2099-04-03', 'Congés')
       on conflict do nothing`,
      [tenantId, absence, forgetful],
    );
  } finally {
    await root.end();
  }
}

/** The person of the directory in another state, beside any act. */
function putStaff(state: string) {
  return async ({ staff }: Ids, _browser: Browser, { superUrl }: World): Promise<Fields> => {
    const root = new pg.Client({ connectionString: superUrl });
    await root.connect();
    try {
      await root.query("set session_replication_role = replica");
      await root.query(`update staff_member set ${state} where id = $1`, [staff]);
    } finally {
      await root.end();
    }
    return {};
  };
}

/** The colleague is somebody of the directory. */
async function tiedColleague(
  { tenantId, colleague, staff }: Ids,
  _browser: Browser,
  { superUrl }: World,
): Promise<Fields> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query(
      "insert into account_tie (tenant_id, id, user_id, staff_member_id) values ($1, uuidv7(), $2, $3) on conflict do nothing",
      [tenantId, colleague, staff],
    );
  } finally {
    await root.end();
  }
  return {};
}

/** A type of operation as it was made, or retired, beside any act. */
async function leaveType(world: World, { tenantId, type }: Ids, isRetired = false): Promise<void> {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query(
      `insert into operation_type (tenant_id, id, name, description, icon, tone, duration_minutes, fields, workflow, retired_at)
       values ($1, $2, 'Relève d’essai', '', 'wrench', 'primary', 30, $3, $4, case when $5 then app_now() end)
       on conflict (tenant_id, id) do update set name = excluded.name, fields = excluded.fields, workflow = excluded.workflow, retired_at = excluded.retired_at`,
      [tenantId, type, JSON.stringify(PROPOSED_FIELDS), JSON.stringify(PRESETS.standard.workflow), isRetired],
    );
  } finally {
    await root.end();
  }
}

/** Of a type of its own, which would last longer since the campaign took it; what its page shows is what is answered to. */
async function offeredType({ tenantId, campaign }: Ids, browser: Browser, { superUrl }: World): Promise<Fields> {
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query(
      `insert into operation_type (tenant_id, id, name, description, icon, tone, duration_minutes, fields, workflow)
       values ($1, $2, 'Type proposé', '', 'wrench', 'primary', 30, '[]', $3) on conflict do nothing`,
      [tenantId, OFFERED_TYPE, JSON.stringify(PRESETS.standard.workflow)],
    );
    await root.query(
      `update campaign set operation_type_id = $2, duration_minutes = 25, type_refused = null,
         type_taken = jsonb_build_object('fields', '[]'::jsonb, 'workflow', $3::jsonb, 'durationMinutes', 25) where id = $1`,
      [campaign, OFFERED_TYPE, JSON.stringify(PRESETS.standard.workflow)],
    );
  } finally {
    await root.end();
  }
  const { text } = await browser.get(`/campagnes/${campaign}/type`);
  return { seen: /name="seen" value="([^"]+)"/.exec(text)?.[1] ?? "" };
}

const OFFERED_TYPE = "0190a000-0000-7000-8000-00000000f0f0";

function retired(isRetired: boolean) {
  return async (ids: Ids, _browser: Browser, world: World) => {
    await leaveType(world, ids, isRetired);
    return {};
  };
}

/** An organisation on hold, or not, beside any act. */
export async function holdOrganisation(world: World, id: string, onHold: boolean): Promise<void> {
  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query("update tenant set suspended_at = case when $2 then now() end where id = $1", [id, onHold]);
  } finally {
    await root.end();
  }
}

/** The same for the person of this browser, whose session takes its new identifier at once [P18]. */
async function withFactor(browser: Browser, world: World): Promise<string> {
  if (!browser.id) return "000000";
  const code = await giveFactor(world, browser);
  await browser.get("/compte/double-authentification");
  return code;
}

async function enrolmentFields(_ids: Ids, browser: Browser, world: World): Promise<Fields> {
  if (browser.id) await dropFactor(world, browser);
  const { text } = await browser.get("/compte/double-authentification/activation");
  const ticket = /name="ticket" value="([^"]+)"/.exec(text)?.[1] ?? "";
  const key = (/id="key"[^>]*>([^<]+)</.exec(text)?.[1] ?? "").replaceAll(" ", "");
  if (!key) return { ticket: "A".repeat(40), code: "000000" };
  return { ticket, code: await generate({ secret: key, epoch: Math.floor(world.clock.now().getTime() / 1000) }) };
}

/** Camille, telephone in hand, after the right password. */
async function codeFields({ tenantId, colleague }: Ids, browser: Browser, world: World): Promise<Fields> {
  const code = await giveFactor(world, { tenantId, id: colleague });
  const email = await world.db.read(tenantId, async (em) => (await em.findOneOrFail(User, { id: colleague })).email);
  await browser.get("/connexion");
  const { text } = await browser.post("/connexion", { email, password: TEST_PASSWORD });
  const ticket = /name="ticket" value="([^"]+)"/.exec(text)?.[1];
  if (!ticket) throw new Error("POST /connexion ne demande plus de code à qui a la double authentification.");
  return { ticket, code, retour: "/" };
}

const untouched = (fields: { name: string; values: string[] }[]): Fields =>
  Object.fromEntries(
    fields
      .filter(({ name, values }) => name !== "_csrf" && name !== "_key" && values.length > 0)
      .map(({ name, values }) => [name, values.length === 1 ? values[0]! : values]),
  );

export interface Sweep {
  world: World;
  routes: Route[];
  ids: Record<string, Ids>;
  /** As the database's superuser: no isolation, no trigger. */
  root: pg.Client;
  /** The browser of a persona, signed in once. */
  browse(persona: Persona): Promise<Browser>;
  /** A session of its own: for what may close it. */
  freshly(persona: Persona): Promise<Browser>;
  /** The address of a route for this persona, or null when there is no such case. */
  address(route: Route, persona: Persona, whose: Whose, browser?: Browser): Promise<string | null>;
  /** What a form of this route would send, and be accepted. */
  filled(route: Route, persona: Persona, browser: Browser): Promise<Fields>;
  /** Which personas' requests go through the right of a route. */
  admits(route: Route, persona: Persona): boolean;
  /** Forgets the rates: a sweep goes faster than people do. */
  calm(): Promise<void>;
}

/** The named world with, in each organisation, one object of each kind. */
export async function startSweep(world: World): Promise<Sweep> {
  const root = new pg.Client({ connectionString: world.superUrl });
  root.on("error", () => undefined); // the database may be dropped under it, at the end
  await root.connect();
  after(() => root.end());
  const routes = world.app.locals.routes as Route[];
  // Jobs are another suite's: here a form that asks for one is only sent.
  world.db.sendJobsWith(async () => undefined);
  const passwordHash = await hashPassword(TEST_PASSWORD);
  const ids: Record<string, Ids> = {};
  for (const [key, who] of [
    ["instance", "nadia"],
    ["quais", "denis"],
    ["portelune", "nathalie"],
  ] as const) {
    ids[key] = await populate(world, root, key, who, passwordHash);
  }
  // Before anything is compared: what one did oneself is an object like another.
  const people = new Map<string, { id: string; tenantId: string }>();
  for (const { who } of PERSONAS) {
    if (who === "anonymous") continue;
    people.set(who, await world.userOf(who));
    await actOfOwn(world, people.get(who)!);
    await leaveNotification(root, people.get(who)!);
    await leaveExport(root, people.get(who)!);
    await leaveExport(root, people.get(who)!, "running");
    await giveUpload(world, people.get(who)!, "user.picture");
  }
  await leaveDeadLetter(root, { tenantId: ids.quais!.tenantId, id: ids.quais!.letter });
  await world.sealer.sealAll();

  const browsers = new Map<string, Promise<Browser>>();
  const freshly = async ({ who }: Persona) => (who === "anonymous" ? world.anonymous() : world.as(who));
  const browse = (persona: Persona) => {
    const known = browsers.get(persona.who) ?? freshly(persona);
    browsers.set(persona.who, known);
    return known;
  };
  const idsOf = ({ organisation }: Persona) => ids[organisation || "quais"]!;
  const othersOf = ({ organisation }: Persona) => ids[organisation === "portelune" ? "quais" : "portelune"]!;

  const address = async (route: Route, persona: Persona, whose: Whose, browser?: Browser): Promise<string | null> => {
    if (!route.path.includes(":")) return whose === "own" ? route.path : null;
    const { reach, params, mine, ready, unknown } = sampleOf(route);
    const fill = (values: Record<string, string>) =>
      route.path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? missing(route, name));
    if (whose === "unknown") return fill(unknown ?? Object.fromEntries(namesIn(route).map((name) => [name, NOBODY])));
    if (whose === "own") await ready?.(world, idsOf(persona));
    if (whose === "own" && reach === "person") {
      if (persona.who === "anonymous") return fill(params(idsOf(persona)));
      return fill({ ...params(idsOf(persona)), ...(await mine?.(root, browser ?? (await browse(persona)), world)) });
    }
    if (whose === "own" && reach === "author" && persona.who !== "anonymous") {
      return fill({ act: await actOfOwn(world, people.get(persona.who)!) });
    }
    if (whose === "own" && reach === "letter") {
      const { tenantId, letter } = ids.quais!;
      await leaveDeadLetter(root, { tenantId, id: letter });
      return fill({ id: letter });
    }
    if (whose === "own" && reach === "instance") return fill(params(ids.quais!));
    if (whose === "own") return fill(params(idsOf(persona)));
    if (whose === "colleague") return reach === "person" ? fill(params(idsOf(persona))) : null;
    return ["tenant", "author", "person", "campaign"].includes(reach) ? fill(params(othersOf(persona))) : null;
  };

  const filled = async (route: Route, persona: Persona, browser: Browser): Promise<Fields> => {
    const declared = FORMS[route.path] ?? declaredByRoute(route);
    const at = (await address(route, persona, "own", browser))!;
    let proposed: Fields = {};
    if (declared?.page !== null) {
      const page = declared?.page ?? at;
      const { status, text } = await browser.get(page);
      const form = formsOf(parseHtml(text), page).find(({ action, method }) => method === "post" && action === at);
      if (!form) {
        throw new Error(
          `${nameOf(route)} : la page ${page} (${status}) n’a pas de formulaire vers ${at}. Dites où il est, ou quoi envoyer : une ligne "${route.path}" dans FORMS de test/support/sweep.ts.`,
        );
      }
      proposed = untouched(form.fields);
    }
    // Of the object the address names: for those who run the instance, it is somebody else’s.
    const about = route.path.includes(":") && sampleOf(route).reach === "instance" ? ids.quais! : idsOf(persona);
    return { ...proposed, ...(await declared?.fields?.(about, browser, world)) };
  };

  return {
    world,
    routes,
    ids,
    root,
    browse,
    freshly,
    address,
    filled,
    admits: (route, persona) => isAdmitted(route, persona),
    calm: async () => void (await root.query("delete from rate_hit")),
  };
}

export const nameOf = ({ method, path }: Route) => `${method.toUpperCase()} ${path}`;

const namesIn = ({ path }: Route) => [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);

const missing = (route: Route, name: string): never => {
  throw new Error(
    `${nameOf(route)} : aucun exemple pour « ${name} ». Ajoutez à SAMPLES de test/support/sweep.ts une ligne "${route.path}" qui dit à qui appartient l’objet et donne un id par organisation (ou, pour un mot du produit, l’option sweep de la route).`,
  );
};

/** What this route's parameters may be; a sentence when nobody has said. */
export function sampleOf(route: Route): Sample {
  const best = Object.keys(SAMPLES)
    .filter((start) => route.path === start || route.path.startsWith(`${start}/`))
    .sort((a, b) => b.length - a.length)[0];
  if (best) return SAMPLES[best]!;
  const said = route.options.sweep ?? {};
  const names = namesIn(route);
  for (const name of names) if (typeof said[name] !== "string") missing(route, name);
  return {
    reach: "fixed",
    params: () => Object.fromEntries(names.map((name) => [name, String(said[name])])),
    unknown: Object.fromEntries(
      names.map((name) => [name, /^\d+\.\d+$/.test(String(said[name])) ? "13.99" : "inconnu"]),
    ),
  };
}

const declaredByRoute = ({ options }: Route): Filled | undefined => {
  const body = options.sweep?.body as Fields | undefined;
  return body && { page: null, fields: () => body };
};

function isAdmitted({ right: gate, options }: Route, { who }: Persona): boolean {
  // A route whose handler asks for the right of its object says which one the sample takes.
  const right = typeof options.sweep?.right === "string" ? options.sweep.right : gate;
  if (right === "public") return true;
  if (who === "anonymous") return false;
  const roles = WORLD.flatMap(({ people }) => people).find(({ key }) => key === who)!.roles;
  return right === "signed-in" || mayRoute(roles, right);
}

export const formOf = (route: Route): Filled => FORMS[route.path] ?? declaredByRoute(route) ?? {};

export type Verdict = "ouvert" | "refusé" | "absent" | "à la connexion" | `inattendu : ${string}`;

/** What an answer says, whatever the page. */
export function verdictOf({ status, location, headers }: Pick<Answer, "status" | "location" | "headers">): Verdict {
  const to = location ?? headers.get("hx-redirect") ?? "";
  if ((status === 303 || status === 401) && /^\/connexion(\?|$)/.test(to)) return "à la connexion";
  if ([200, 204, 303, 409, 422].includes(status)) return "ouvert";
  if (status === 403) return "refusé";
  if (status === 404) return "absent";
  return `inattendu : ${status}`;
}

/** What the declared right and the owner of the object call for. */
export function expectedVerdict(sweep: Sweep, route: Route, persona: Persona, whose: Whose): Verdict {
  if (route.right !== "public" && persona.who === "anonymous") return "à la connexion";
  if (whose !== "own" && route.path.includes(":") && sampleOf(route).isMissingFirst) return "absent";
  if (!sweep.admits(route, persona)) return "refusé";
  if (ABSENT_HERE[route.path] || whose !== "own") return "absent";
  if (route.path.includes(":") && sampleOf(route).reach === "campaign" && !steersCampaign(persona)) return "absent";
  return "ouvert";
}

/** Who sees the campaign of the sample: its owner, and who administers (CAM-23). */
const steersCampaign = ({ who }: Persona): boolean => ["denis", "sophie", "nathalie"].includes(who);

/** An act this person did on their own account, and could do again. */
async function actOfOwn({ db, clock }: World, { id, tenantId }: { id: string; tenantId: string }): Promise<string> {
  const label = "Préférences changées";
  const last = () =>
    db.read(tenantId, (em) =>
      em.execute<{ id: string }[]>(
        "select id from act a where actor_id = ? and label = ? and not exists (select from act u where u.undoes_id = a.id) order by id desc limit 1",
        [id, label],
      ),
    );
  const [known] = await last();
  if (known) return known.id;
  const said = { ...actOf(tenantId), actorId: id, label, now: clock.now() };
  await db.act(said, async (em) => {
    const user = await em.findOneOrFail(User, { id });
    user.density = user.density === "compact" ? "comfort" : "compact";
  });
  return (await last())[0]!.id;
}

async function sessionOf(root: pg.Client, browser: Browser): Promise<string> {
  const sid = /opstracker=s%3A([^.]+)\./.exec(browser.cookie)?.[1] ?? "";
  const hash = createHash("sha256").update(decodeURIComponent(sid)).digest();
  const { rows } = await root.query<{ id: string }>("select id from session where token_hash = $1", [hash]);
  if (!rows[0]) throw new Error("Ce navigateur n’a plus de session : prenez-en un neuf (freshly) pour ce cas.");
  return rows[0].id;
}

/** Something this person was told. */
async function leaveNotification(root: pg.Client, { tenantId, id }: { tenantId: string; id: string }): Promise<string> {
  const { rows } = await root.query<{ id: string }>(
    `with known as (select id from notification where user_id = $2 limit 1),
       made as (
         insert into notification (tenant_id, id, user_id, kind, text, path)
         select $1, uuidv7(), $2, 'rights', 'Vos rôles ont changé.', '/compte' where not exists (select from known) returning id)
     select id from known union all select id from made`,
    [tenantId, id],
  );
  return rows[0]!.id;
}

/** A file of rows this person had prepared, or is having prepared. */
async function leaveExport(
  root: pg.Client,
  { tenantId, id }: { tenantId: string; id: string },
  state: "completed" | "running" = "completed",
): Promise<string> {
  const { rows } = await root.query<{ id: string }>(
    `with known as (select id from export where author_id = $2 and state = $3 limit 1),
       made as (
         insert into export (tenant_id, id, kind, scope_id, query, is_whole, author_id, state, file_name, total, done, expires_at)
         select $1, uuidv7(), 'operations', uuidv7(), '{}', false, $2, $3, 'operations.csv', 6000, 6000, '2100-01-01'
         where not exists (select from known) returning id)
     select id from known union all select id from made`,
    [tenantId, id, state],
  );
  return rows[0]!.id;
}

async function populate(world: World, root: pg.Client, key: string, who: string, passwordHash: string): Promise<Ids> {
  const { db } = world;
  const now = world.clock.now();
  const admin = await world.userOf(who);
  const { tenantId } = admin;
  const by = { id: admin.id };
  const role = key === "instance" ? "super_admin" : "technician";
  const person = (givenName: string) => ({
    givenName,
    familyName: `Témoin ${key}`,
    email: `${givenName.toLowerCase()}.temoin@${key}.example`,
    roles: [role],
  });
  const make = (givenName: string, verb: (em: never, identity: ReturnType<typeof person>) => Promise<unknown>) =>
    db.act(
      { ...actOf(tenantId), actorId: admin.id, code: "user.invited", label: `Invitation de ${givenName}`, now },
      (em) => verb(em as never, person(givenName)),
    );
  const withPassword = (gone: boolean) => async (em: never, identity: ReturnType<typeof person>) => {
    const user = await createUser(em, identity, { tenantId, by });
    await setPassword(em, user, passwordHash, { now });
    if (gone) user.deactivatedAt = now;
    return user;
  };
  const colleague = (await make("Camille", withPassword(false))) as User;
  const gone = (await make("Gaël", withPassword(true))) as User;
  const invited = (await make(
    "Iris",
    async (em, identity) => (await inviteUser(em, identity, { tenantId, by, now })).user,
  )) as User;
  const { token } = (await make("Tom", (em, identity) => inviteUser(em, identity, { tenantId, by, now }))) as {
    token: string;
  };
  const forgetful = (await make("Remi", withPassword(false))) as User;
  const { token: reset } = await db.act(
    { ...actOf(tenantId), code: "user.reset_offered", label: "Lien de nouveau mot de passe", now },
    async (em) => offerReset(em, await em.findOneOrFail(User, { id: forgetful.id }), { by, now }),
  );
  if (key !== "portelune") {
    await db.act(
      { ...actOf(tenantId), actorId: admin.id, code: "user.invited", label: "Invitation de Paule", now },
      async (em) => {
        const user = await createUser(
          em,
          { givenName: "Paule", familyName: "Double", email: DOUBLE, roles: [key === "instance" ? role : "viewer"] },
          { tenantId, by },
        );
        await setPassword(em, user, passwordHash, { now });
      },
    );
  }
  const session = randomUUID();
  await db.note(tenantId, (em) =>
    em.execute(
      `insert into session (tenant_id, id, user_id, token_hash, payload, user_agent, address, authenticated_at, last_seen_at, expires_at)
       values (?, ?, ?, ?, '{}', 'Essais', '127.0.0.1', app_now(), app_now(), app_now() + interval '12 hours')`,
      [tenantId, session, colleague.id, randomBytes(32)],
    ),
  );
  const message = randomUUIDv7();
  await db.note(tenantId, (em) =>
    em.execute(
      `insert into outbox (tenant_id, id, kind, address, person_type, person_id, subject, payload, state, last_answer)
       values (?, ?, 'accounts.password_changed', ?, 'user', ?, 'Votre mot de passe a changé', ?::jsonb, 'failed', 'Refusé')`,
      [tenantId, message, `camille.temoin@${key}.example`, colleague.id, JSON.stringify({ at: now.toISOString() })],
    ),
  );
  const { tenantId: newborn } = await foundOrganisation(
    db,
    { name: `Syndicat naissant ${key}`, admin: { givenName: "Zoé", familyName: "Né", email: `zoe@${key}.example` } },
    { by, from: { ip: "127.0.0.1", headers: {} }, now, channel: "page" },
  );
  const [act] = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act order by id desc limit 1"),
  );
  // A message this act caused, which has left.
  await db.note(tenantId, (em) =>
    em.execute(
      `insert into outbox (tenant_id, id, kind, address, subject, payload, state, act_id)
       values (?, ?, 'accounts.password_changed', ?, 'Votre mot de passe a changé', ?::jsonb, 'sent', ?)`,
      [tenantId, randomUUIDv7(), `camille.temoin@${key}.example`, JSON.stringify({ at: now.toISOString() }), act!.id],
    ),
  );
  const ids: Ids = {
    tenantId,
    colleague: colleague.id,
    gone: gone.id,
    invited: invited.id,
    session,
    notification: await leaveNotification(root, { tenantId, id: colleague.id }),
    exported: await leaveExport(root, { tenantId, id: colleague.id }),
    act: act!.id,
    token,
    reset,
    forgetful: forgetful.id,
    message,
    newborn,
    group: randomUUIDv7(),
    type: randomUUIDv7(),
    member: randomUUIDv7(),
    staff: randomUUIDv7(),
    department: randomUUIDv7(),
    emptyDepartment: randomUUIDv7(),
    site: randomUUIDv7(),
    emptySite: randomUUIDv7(),
    scope: randomUUIDv7(),
    absence: randomUUIDv7(),
    letter: randomUUID(),
    file: (await giveFile(world, { tenantId, id: colleague.id })).id,
    upload: await giveUpload(world, { tenantId, id: colleague.id }, "user.picture"),
    document: (await giveDocument(world, admin, { title: `Charte ${key}` })).id,
    script: (
      await giveDocument(world, admin, {
        title: `Script ${key}`,
        kind: "script",
        name: "poste.ps1",
        type: "application/x-powershell",
      })
    ).id,
    tossed: (await giveDocument(world, admin, { title: `Brouillon ${key}` })).id,
    campaign: await giveCampaign(world, admin, `Campagne témoin ${key}`),
    grant: randomUUIDv7(),
    shelved: await giveCampaign(world, admin, `Campagne rangée ${key}`),
    segment: randomUUIDv7(),
    otherSegment: randomUUIDv7(),
    person: randomUUIDv7(),
    prerequisite: randomUUIDv7(),
    otherPrerequisite: randomUUIDv7(),
    snapshot: randomUUIDv7(),
    operation: randomUUIDv7(),
    tossedOperation: randomUUIDv7(),
    bulk: randomUUIDv7(),
    imported: randomUUIDv7(),
    importFile: await giveImportFile(world, admin),
    mapped: randomUUIDv7(),
  };
  await leaveGroup(world, ids);
  await leaveType(world, ids);
  await leaveCampaigns(world, ids);
  await leaveStaff(world, ids);
  await leaveAbsence(world, ids);
  await leaveImport("analysed")(world, ids);
  return ids;
}

/** The campaign is the second pin of whoever asks, who moves it up. */
async function pinnedLast({ tenantId, campaign, shelved }: Ids, { id }: Browser, { db }: World): Promise<Fields> {
  if (id !== "") {
    await db.note(tenantId, (em) =>
      em.execute(
        `insert into campaign_pins (tenant_id, id, campaign_ids) select tenant_id, id, array[?, ?]::uuid[] from app_user where id = ?
         on conflict (tenant_id, id) do update set campaign_ids = excluded.campaign_ids`,
        [shelved, campaign, id],
      ),
    );
  }
  return { way: "up" };
}

/** A view of the list that belongs to whoever asks. */
async function ownView({ tenantId, campaign }: Ids, browser: Browser, { superUrl }: World): Promise<Fields> {
  const view = randomUUIDv7();
  const name = `Vue ${randomBytes(3).toString("hex")}`;
  const root = new pg.Client({ connectionString: superUrl });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    await root.query(
      `insert into saved_view (tenant_id, id, campaign_id, owner_id, name, address)
       select c.tenant_id, $1, c.id, coalesce((select u.id from app_user u where u.id = nullif($2, '')::uuid), c.owner_id), $3, '{}'
       from campaign c where c.tenant_id = $4 and c.id = $5`,
      [view, browser.id, name, tenantId, campaign],
    );
  } finally {
    await root.end();
  }
  return { view, name, version: "1" };
}

/** A job of this organisation that failed for good, there again if somebody settled it. */
async function leaveDeadLetter(root: pg.Client, { tenantId, id }: { tenantId: string; id: string }): Promise<void> {
  await root.query(
    `insert into pgboss.job (id, name, data, source_name, source_output)
     select $1::uuid, $2 || '.dead', jsonb_build_object('tenantId', $3::text), $2, '{"message": "essai"}'
     where not exists (select from pgboss.job where id = $1::uuid)`,
    [id, "history.verify_daily", tenantId],
  );
}

/** A new invitation's secret for the invited of an organisation: each can be used once. */
export async function freshToken({ world, ids }: Sweep, key = "quais"): Promise<string> {
  const { tenantId, invited } = ids[key]!;
  const now = world.clock.now();
  const said = { ...actOf(tenantId), code: "user.invited", label: "Nouvelle invitation", now };
  const { token } = await world.db.act(said, async (em) =>
    renewInvitation(em, await em.findOneOrFail(User, { id: invited }), { by: null, now }),
  );
  return token;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** A request exactly as written: fetch would tidy the address before sending it. */
export function send(
  origin: string,
  {
    method = "GET",
    path,
    headers = {},
    body,
  }: { method?: string; path: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const length: Record<string, string> =
      body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request({ agent, hostname, port, method, path, headers: { ...length, ...headers } }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const { location } = response.headers;
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(pieces).toString(),
          headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
          location: location ? new URL(location, origin).href.replace(origin, "") : null,
        });
      });
    });
    // A server that refuses a heavy body may close before having read it all.
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What a browser on one of our pages sends along. */
export const fromOurPage = (
  world: World,
  browser: Browser,
  more: Record<string, string> = {},
): Record<string, string> => ({
  "sec-fetch-site": "same-origin",
  origin: world.origin,
  "content-type": "application/x-www-form-urlencoded",
  ...(browser.cookie && { cookie: browser.cookie }),
  ...more,
});

/** The few lines a person reads of many failures. */
export function report(failures: string[], what: string): void {
  if (failures.length === 0) return;
  const shown = failures.slice(0, 40).map((line) => `  - ${line}`);
  const rest = failures.length > shown.length ? [`  … et ${failures.length - shown.length} autres.`] : [];
  throw new Error([`${what} (${failures.length}) :`, ...shown, ...rest].join("\n"));
}
