import { z } from "zod";

/** A workflow is data: statuses and the arrows between them, in a type of operation and copied in each campaign [WFL-1]. */

/** Every figure counts categories, which nobody can change [WFL-2]. */
export const CATEGORIES = {
  open: { label: "À planifier", tone: "neutral", icon: "clock", isFinal: false },
  planned: { label: "Planifiée", tone: "primary", icon: "calendar", isFinal: false },
  running: { label: "En cours", tone: "accent", icon: "play", isFinal: false },
  success: { label: "Réalisée", tone: "success", icon: "check-circle", isFinal: true },
  deferred: { label: "Reportée", tone: "warning", icon: "pause-circle", isFinal: false },
  problem: { label: "Bloquée", tone: "danger", icon: "alert-triangle", isFinal: false },
  cancelled: { label: "Annulée", tone: "muted", icon: "x-circle", isFinal: true },
} as const;
export type Category = keyof typeof CATEGORIES;
export const CATEGORY_CODES = Object.keys(CATEGORIES) as Category[];

export const TONES = {
  neutral: "Gris",
  primary: "Bleu clair",
  accent: "Bleu",
  success: "Vert",
  complete: "Sarcelle",
  warning: "Jaune",
  danger: "Rouge",
  muted: "Pâle",
} as const;
export type Tone = keyof typeof TONES;

/** Signs of the sprite that say something of work under way. */
export const ICONS = {
  clock: "Horloge",
  calendar: "Calendrier",
  "calendar-clock": "Calendrier et horloge",
  "calendar-check": "Calendrier coché",
  play: "Lecture",
  "play-circle": "Lecture cerclée",
  wrench: "Clé",
  settings: "Engrenage",
  hourglass: "Sablier",
  "pause-circle": "Pause",
  "alert-triangle": "Alerte",
  "check-circle": "Coche cerclée",
  check: "Coche",
  "list-check": "Liste cochée",
  flag: "Drapeau",
  "x-circle": "Croix cerclée",
  lock: "Cadenas",
  send: "Envoi",
  phone: "Téléphone",
  user: "Personne",
  users: "Personnes",
  "map-pin": "Lieu",
  briefcase: "Mallette",
  archive: "Archive",
  circle: "Cercle",
  "circle-half": "Cercle à moitié plein",
} as const;
export type Icon = keyof typeof ICONS;

/**
 * What an arrow does, by which booking, imports and the buttons of technicians call it [WFL-1]; and the categories it may
 * lead to, without which such a call would not do what it says.
 */
export const KINDS = {
  schedule: { label: "Planifier", to: ["planned"] },
  unschedule: { label: "Déplanifier", to: ["open"] },
  start: { label: "Démarrer", to: ["running"] },
  complete: { label: "Terminer", to: ["success"] },
  postpone: { label: "Reporter", to: ["deferred"] },
  flag_problem: { label: "Signaler un problème", to: ["problem"] },
  unblock: { label: "Débloquer", to: ["open", "planned", "running"] },
  reschedule: { label: "Replanifier", to: ["planned", "open"] },
  cancel: { label: "Annuler l’opération", to: ["cancelled"] },
  reopen: { label: "Rouvrir", to: ["open", "planned", "running"] },
  custom: { label: "Autre", to: CATEGORY_CODES },
} as const satisfies Record<string, { label: string; to: readonly Category[] }>;
export type Kind = keyof typeof KINDS;
export const KIND_CODES = Object.keys(KINDS) as Kind[];

/** Who may follow an arrow: as the operation's technician, by manager rights, or the booking engine. */
export const ROLES = { assignee: "technicien affecté", manager: "gestionnaire", booking: "rendez-vous" } as const;
export type ArrowRole = keyof typeof ROLES;
export const ROLE_CODES = Object.keys(ROLES) as ArrowRole[];

export const REASONS = { none: "aucun", optional: "facultatif", required: "obligatoire" } as const;
export const DATES = {
  none: "inchangée",
  optional: "facultative",
  required: "obligatoire",
  cleared: "effacée",
} as const;

export const MOST_STATUSES = 30;
export const MOST_ARROWS = 200;
const code = z.string().regex(/^[a-z][a-z0-9_]{0,49}$/);
const label = z.string().min(1).max(60);
const keys = <T extends object>(of: T) => Object.keys(of) as [keyof T & string, ...(keyof T & string)[]];

export const Status = z.strictObject({
  code,
  label,
  tone: z.enum(keys(TONES)),
  icon: z.enum(keys(ICONS)),
  category: z.enum(keys(CATEGORIES)),
  isFinal: z.boolean(),
  isInitial: z.boolean(),
});
export type Status = z.infer<typeof Status>;

export const Arrow = z.strictObject({
  kind: z.enum(keys(KINDS)),
  label,
  from: code,
  to: code,
  roles: z.array(z.enum(keys(ROLES))).max(3),
  reason: z.enum(keys(REASONS)),
  date: z.enum(keys(DATES)),
});
export type Arrow = z.infer<typeof Arrow>;

/** As stored: statuses in the order people read them. That it holds together is `refusals`' to say. */
export const Workflow = z.strictObject({
  statuses: z.array(Status).max(MOST_STATUSES),
  transitions: z.array(Arrow).max(MOST_ARROWS),
});
export type Workflow = z.infer<typeof Workflow>;

/** Where every new operation begins [OPS-2]; null in a workflow that `refusals` refuses. */
export const initialStatus = ({ statuses }: Workflow): Status | null =>
  statuses.find(({ isInitial }) => isInitial) ?? null;

export const statusOf = ({ statuses }: Workflow, status: string): Status | undefined =>
  statuses.find(({ code }) => code === status);
