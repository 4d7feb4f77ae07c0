import { ROLES, type Role } from "./roles.ts";

/**
 * When a role holds a right: always (`yes`), on public campaigns (`public`), with a grant on the campaign (`see`,
 * `place`, `configure`, `export`), on assigned operations (`assigned`), on people within reach (`team`, `scope`).
 * An empty list is a no.
 */
export type Verdict = "yes" | "public" | Grant | "assigned" | "team" | "scope";
export type Grant = "see" | "place" | "configure" | "export";

/** `owner` is the campaign manager who owns the campaign; no account has it as a role. */
export type Column = Exclude<Role, "super_admin"> | "owner";

interface Rule {
  /** The line of the specification this comes from. */
  id: string;
  code: string;
  /** French, infinitive: completes "Vous ne pouvez pas…". */
  label: string;
  cells: Record<Column, readonly Verdict[]>;
  /** Kept from those who hold it by a grant alone: delete, archive, transfer, visibility [PRM-29]. */
  neverByGrant?: boolean;
  /** Reading under this right writes a line in the personal-data read log [PRM-32]. */
  readsPeople?: boolean;
  /** Also held by super-admins, who see the rows of the instance tenant only. */
  superAdmin?: boolean;
}

const line = <Code extends string>(
  id: string,
  code: Code,
  label: string,
  [admin, owner, campaign_manager, technician, team_manager, coordinator, viewer]: string[],
  more: Partial<Rule> = {},
) => {
  const verdicts = (cell = "") => cell.split(" ").filter(Boolean) as Verdict[];
  return {
    id,
    code,
    label,
    cells: {
      admin: verdicts(admin),
      owner: verdicts(owner),
      campaign_manager: verdicts(campaign_manager),
      technician: verdicts(technician),
      team_manager: verdicts(team_manager),
      coordinator: verdicts(coordinator),
      viewer: verdicts(viewer),
    },
    ...more,
  } satisfies Rule as Rule & { code: Code };
};

// Columns: admin, owner, campaign_manager, technician, team_manager, coordinator, viewer.
// A line of the specification that gives its parts different answers is cut into one line a part.
export const PERMISSIONS = [
  line("PRM-1", "campaigns.see", "voir cette campagne et son tableau de bord", [
    "yes",
    "yes",
    "public see",
    "",
    "see",
    "see",
    "public see",
  ]),
  line("PRM-2", "campaigns.create", "créer une campagne", ["yes", "", "yes"]),
  line("PRM-3", "campaigns.configure", "régler cette campagne et y importer des données", ["yes", "yes", "configure"]),
  line("PRM-4", "campaigns.publish", "publier cette campagne", ["yes", "yes", "configure"]),
  line("PRM-5", "campaigns.clone", "copier cette campagne", ["yes", "yes", "public see"]),
  line("PRM-6", "campaigns.govern", "terminer, archiver, transmettre ou supprimer cette campagne", ["yes", "yes"], {
    neverByGrant: true,
  }),
  line("PRM-7", "campaigns.visibility", "changer la visibilité de cette campagne", ["yes", "yes"], {
    neverByGrant: true,
  }),
  line("PRM-8", "grants.edit", "donner des habilitations sur cette campagne", ["yes", "yes", "configure"]),
  line("PRM-9", "operations.read", "lire cette opération et son historique", [
    "yes",
    "yes",
    "public see",
    "assigned",
    "",
    "",
    "public see",
  ]),
  line("PRM-10", "operations.execute", "faire avancer cette opération, y répondre et y noter le temps passé", [
    "yes",
    "yes",
    "public configure",
    "assigned",
  ]),
  line("PRM-11", "operations.manage", "annuler, rouvrir, affecter ou modifier des opérations", [
    "yes",
    "yes",
    "public configure",
  ]),
  line("PRM-11", "operations.delete", "supprimer des opérations", ["yes", "yes", "configure"], { neverByGrant: true }),
  line("PRM-12", "documents.read", "lire les documents de cette campagne", [
    "yes",
    "yes",
    "public see",
    "assigned",
    "",
    "",
    "public see",
  ]),
  // Of the organisation itself, without a campaign whose relation would decide (DOC-1).
  line("PRM-12", "shared_documents.read", "lire les documents de l’organisation", [
    "yes",
    "yes",
    "yes",
    "yes",
    "yes",
    "yes",
    "yes",
  ]),
  line("PRM-13", "documents.edit", "déposer, modifier ou supprimer des documents", ["yes", "yes", "configure"]),
  line("PRM-13", "shared_documents.edit", "déposer, renommer ou retirer les documents de l’organisation", [
    "yes",
    "yes",
    "yes",
  ]),
  line(
    "PRM-14",
    "bookings.read",
    "lire les personnes concernées et leurs rendez-vous",
    ["yes", "yes", "place configure", "assigned", "team", "scope"],
    { readsPeople: true },
  ),
  line("PRM-15", "bookings.place", "prendre, déplacer ou annuler des rendez-vous", [
    "yes",
    "yes",
    "place configure",
    "",
    "team",
    "scope",
  ]),
  line("PRM-16", "bookings.override", "déroger au verrouillage des créneaux", [
    "yes",
    "yes",
    "place configure",
    "",
    "team",
    "scope",
  ]),
  line("PRM-17", "bookings.attend", "noter les présents et les absents", ["yes", "yes", "place configure", "assigned"]),
  line("PRM-18", "outbox.manage", "lire, renvoyer ou abandonner les messages", ["yes", "yes", "configure"]),
  line("PRM-19", "rows.export", "exporter les lignes et le rapport", [
    "yes",
    "yes",
    "export",
    "",
    "team",
    "scope",
    "export",
  ]),
  line("PRM-20", "share_links.manage", "gérer les liens de partage", ["yes", "yes", "configure"]),
  line("PRM-21", "blueprints.export", "exporter le modèle de cette campagne", ["yes", "yes", "export"]),
  line("PRM-21", "blueprints.import", "importer un modèle dans le catalogue", ["yes"]),
  line("PRM-22", "catalogue.edit", "créer ou modifier les types d’opérations et les modèles", ["yes", "yes", "yes"]),
  line("PRM-23", "directory.read", "lire l’annuaire", ["yes", "yes", "yes", "", "team", "scope"], {
    readsPeople: true,
  }),
  line("PRM-23", "directory.edit", "modifier l’annuaire ou y importer des personnes", ["yes"]),
  // The specification has no line for it: those who give work out know who is away.
  line("PRM-23", "technicians.plan", "régler les horaires et les absences des techniciens", ["yes", "yes", "yes"], {
    readsPeople: true,
  }),
  line("PRM-24", "accounts.manage", "gérer les comptes et les réglages de l’organisation", ["yes"], {
    readsPeople: true,
    superAdmin: true,
  }),
  line("PRM-24", "groups.manage", "gérer les groupes de l’organisation", ["yes"], { readsPeople: true }),
  line("PRM-24", "scopes.manage", "relier les comptes à l’annuaire et régler les périmètres", ["yes"], {
    readsPeople: true,
  }),
  line("PRM-25", "campaigns.undo", "lire l’historique de cette campagne et annuler les actes d’autrui", ["yes", "yes"]),
  line("PRM-26", "acts.undo_own", "annuler vos propres actes", ["yes", "yes", "yes", "yes", "yes", "yes"], {
    superAdmin: true,
  }),
  line("PRM-27", "history.read", "lire l’historique et le journal de sécurité de l’organisation", ["yes"], {
    superAdmin: true,
  }),
  line("PRM-28", "tokens.own", "créer vos propres jetons d’API", ["yes", "yes", "yes", "yes", "", "", "yes"]),
  line("ROL-2", "support.open", "ouvrir ou fermer un accès de support", ["yes"]),
  line("ROL-2", "instance.manage", "régler l’instance et ses organisations", [], { superAdmin: true }),
];

export type PermissionCode = (typeof PERMISSIONS)[number]["code"];

/** "Manager rights" in the rest of the product [PRM-30]. */
export const MANAGER_RIGHTS = { operations: "operations.manage", bookings: "bookings.place" } as const;

/** How the account stands to the object at hand; what is not said is taken as no. */
export interface Relation {
  owner?: boolean;
  visibility?: "restricted" | "public";
  grants?: ReadonlySet<Grant>;
  assigned?: boolean;
  inTeam?: boolean;
  inScope?: boolean;
}

const byCode = new Map<string, Rule>(PERMISSIONS.map((rule) => [rule.code, rule]));

const GRANTS: readonly string[] = ["see", "place", "configure", "export"] satisfies Grant[];

const has = (grants: ReadonlySet<Grant> | undefined, letter: Grant) =>
  // Each of the other three implies see [CAM-24].
  grants != null && (grants.has(letter) || (letter === "see" && grants.size > 0));

function holds(verdict: Verdict, relation: Relation): boolean {
  switch (verdict) {
    case "yes":
      return true;
    case "public":
      return relation.visibility === "public";
    case "assigned":
      return relation.assigned === true;
    case "team":
      return relation.inTeam === true;
    case "scope":
      return relation.inScope === true;
    default:
      return has(relation.grants, verdict);
  }
}

/** The lists of verdicts these roles bring: roles add up, ownership adds its column to a campaign manager's. */
function verdicts(rule: Rule, roles: readonly string[], owner: boolean): Verdict[] {
  const columns = (Object.keys(rule.cells) as Column[]).filter((column) =>
    column === "owner" ? owner && roles.includes("campaign_manager") : roles.includes(column),
  );
  return columns.flatMap((column) => rule.cells[column]);
}

/** What a grant brings to any account, whatever its roles: the letters of the campaign manager's cell [PRM-29]. */
const lettersForAll = (rule: Rule): Verdict[] =>
  rule.neverByGrant ? [] : rule.cells.campaign_manager.filter((verdict) => GRANTS.includes(verdict));

/** Whether these roles, added up, hold this right on an object standing so. A code nobody declared refuses everybody. */
export function allows(roles: readonly string[], code: string, relation: Relation = {}): boolean {
  const rule = byCode.get(code);
  if (!rule) return false;
  if (rule.superAdmin && roles.includes("super_admin")) return true;
  const all = [...verdicts(rule, roles, relation.owner === true), ...lettersForAll(rule)];
  return all.some((verdict) => holds(verdict, relation));
}

/**
 * The gate of a route, before any object is known: true when some relation would give the right. It is necessary,
 * never enough: a handler that loads an object still asks `allows` with the true relation. So a grantable right lets
 * every member of an organisation through the gate (PRM-29: a grant goes to any account), and a right whose cells
 * hold only yes and no, as those of the administration, is decided here for good.
 */
export function mayRoute(roles: readonly string[], code: string): boolean {
  const rule = byCode.get(code);
  if (!rule) return false;
  if (roles.includes("super_admin") && rule.superAdmin) return true;
  // The instance's own people are strangers to campaigns, even by grant [ROL-2].
  if (!roles.some((role) => role !== "super_admin")) return false;
  return verdicts(rule, roles, true).length > 0 || lettersForAll(rule).length > 0;
}

const ON: Record<Verdict, string> = {
  yes: "",
  public: "sur les campagnes publiques",
  see: "avec l’habilitation « Voir »",
  place: "avec l’habilitation « Positionner »",
  configure: "avec l’habilitation « Configurer »",
  export: "avec l’habilitation « Exporter »",
  assigned: "sur les opérations qui leur sont affectées",
  team: "pour leur équipe",
  scope: "pour leur périmètre",
};

const or = new Intl.ListFormat("fr", { type: "disjunction" });
const and = new Intl.ListFormat("fr", { type: "conjunction" });

/** Who holds the right, in French: "les administrateurs de l’organisation et les gestionnaires, sur leurs campagnes". */
function holders(rule: Rule): string[] {
  const who: string[] = [];
  for (const role of ROLES) {
    if (role.code === "super_admin") {
      if (rule.superAdmin && rule.id === "ROL-2") who.push(role.holders);
      continue;
    }
    const conditions = rule.cells[role.code].map((verdict) => ON[verdict]).filter(Boolean);
    const always = rule.cells[role.code].includes("yes");
    if (role.code === "campaign_manager" && !always && rule.cells.owner.length > 0)
      conditions.unshift("sur leurs campagnes");
    if (always || conditions.length > 0)
      who.push(conditions.length > 0 ? `${role.holders} (${or.format(conditions)})` : role.holders);
  }
  return who;
}

/** A right in words, and who holds it: "lire l’annuaire", "les administrateurs de l’organisation et …" [UIX-13]. */
export function rightInWords(code: PermissionCode): { label: string; holders: string } {
  const rule = byCode.get(code)!;
  return { label: rule.label, holders: and.format(holders(rule)) };
}

/** One sentence or two for the person who meets a closed or an open door: why, and who can [UIX-13]. */
export function explain(roles: readonly string[], code: string, relation: Relation = {}): string {
  const rule = byCode.get(code);
  if (!rule)
    return "Cette page n’est ouverte à personne : son droit n’est pas déclaré. Signalez-le à votre administrateur.";
  const yours = ROLES.filter((role) => roles.includes(role.code)).map((role) => role.label.toLowerCase());
  const mine =
    yours.length === 0 ? "sans rôle" : `avec ${yours.length > 1 ? "les rôles" : "le rôle"} ${and.format(yours)}`;
  if (allows(roles, code, relation)) return `Vous pouvez ${rule.label}, ${mine}.`;
  return `Vous ne pouvez pas ${rule.label}, ${mine}. Peuvent le faire : ${and.format(holders(rule))}.`;
}
