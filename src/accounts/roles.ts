/** The seven roles [ROL-1]: one for the instance, six that combine freely inside an organisation. */
export const ROLES = [
  {
    code: "super_admin",
    label: "Super-administrateur",
    holders: "les super-administrateurs de l’instance",
    opens: "Crée les organisations et leur premier administrateur, et règle l’instance, sans voir leurs données.",
  },
  {
    code: "admin",
    label: "Administrateur",
    holders: "les administrateurs de l’organisation",
    opens: "Gère les comptes, les réglages et l’historique de l’organisation, et peut tout faire sur ses campagnes.",
  },
  {
    code: "campaign_manager",
    label: "Gestionnaire",
    holders: "les gestionnaires",
    opens: "Crée et pilote ses campagnes, de la préparation au compte rendu.",
  },
  {
    code: "technician",
    label: "Technicien",
    holders: "les techniciens",
    opens: "Réalise les interventions qui lui sont confiées et répond à leurs checklists.",
  },
  {
    code: "team_manager",
    label: "Manager d’équipe",
    holders: "les managers d’équipe",
    opens: "Positionne les membres de son équipe sur les créneaux et suit leurs rendez-vous.",
  },
  {
    code: "coordinator",
    label: "Coordinateur",
    holders: "les coordinateurs",
    opens: "Positionne les personnes des services et des sites de son périmètre.",
  },
  {
    code: "viewer",
    label: "Lecteur",
    holders: "les lecteurs",
    opens: "Consulte les campagnes publiques et leurs tableaux de bord, sans rien modifier.",
  },
] as const;

export type Role = (typeof ROLES)[number]["code"];

/** The roles an organisation gives to its accounts; `super_admin` belongs to the instance alone. */
export const TENANT_ROLES = ROLES.filter((role) => role.code !== "super_admin");

const byCode = new Map<string, (typeof ROLES)[number]>(ROLES.map((role) => [role.code, role]));

export const isRole = (code: string): code is Role => byCode.has(code);

/** The French name of a role, as screens and history show it. */
export const roleLabel = (code: string): string => byCode.get(code)?.label ?? code;

/** The given codes in the order of the list above, each once, unknown ones left out. */
export const inOrder = (codes: readonly string[]): Role[] =>
  ROLES.filter((role) => codes.includes(role.code)).map((role) => role.code);
