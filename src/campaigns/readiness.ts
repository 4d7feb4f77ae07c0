import type { EntityManager } from "@mikro-orm/postgresql";
import type { PermissionCode } from "../accounts/index.ts";
import { fr } from "../platform/text/index.ts";
import { CATEGORIES, CATEGORY_CODES } from "../workflow/index.ts";
import { NONE } from "./queries/operations.ts";
import { type ReadinessAsked, type ReadinessFigures, readinessFigures } from "./queries/readiness.ts";

/** Whether a campaign is ready: rules worked out at each display, never stored (PRE-6). */

/** Red: a blocking rule fails; amber: another does; green: none (PRE-6). */
export const READINESS_LEVELS = {
  green: { label: "Prête", icon: "check-circle", tone: "success" },
  amber: { label: "À compléter", icon: "alert-triangle", tone: "warning" },
  red: { label: "Non prête", icon: "x-circle", tone: "danger" },
} as const;
/** What one rule comes to, in the same tones. */
export const RULE_WORDS = {
  green: { label: "Prêt", icon: "check", tone: "success" },
  amber: { label: "À compléter", icon: "alert-triangle", tone: "warning" },
  red: { label: "Bloquant", icon: "lock", tone: "danger" },
} as const;
export type ReadinessLevel = keyof typeof READINESS_LEVELS;

/** What one rule says of a campaign. */
export interface ReadinessRule {
  code: keyof ReadinessFigures;
  result: ReadinessLevel;
  /** Rows concerned: none where it holds. */
  count: number;
  /** "12 opérations sans date". */
  text: string;
  /** Where these rows are listed, and the right it takes. */
  path: string;
  right: PermissionCode;
}

export interface Readiness {
  level: ReadinessLevel;
  rules: ReadinessRule[];
}

interface Rule {
  code: keyof ReadinessFigures;
  /** Turns the campaign red when it fails. */
  isBlocking?: true;
  /** When it holds. */
  holds: string;
  one: string;
  many: string;
  right: PermissionCode;
  page: "operations" | "personnes" | "prerequis";
  /** What its address asks of that page. */
  query: string;
}

const TO_DO = CATEGORY_CODES.filter((code) => !CATEGORIES[code].isFinal)
  .map((code) => `categorie=${code}`)
  .join("&");
const ofOperations = { right: "operations.read", page: "operations" } as const;
const ofPrerequisites = { right: "campaigns.see", page: "prerequis" } as const;

const RULES: readonly Rule[] = [
  {
    code: "blocking",
    isBlocking: true,
    holds: "Aucun prérequis bloquant ne reste à faire",
    one: "prérequis bloquant reste à faire",
    many: "prérequis bloquants restent à faire",
    ...ofPrerequisites,
    query: "voir=bloquants",
  },
  {
    code: "late",
    holds: "Aucun prérequis n’est en retard",
    one: "prérequis est en retard",
    many: "prérequis sont en retard",
    ...ofPrerequisites,
    query: "voir=en-retard",
  },
  {
    code: "undated",
    holds: "Chaque opération à faire a une date",
    one: "opération à faire est sans date",
    many: "opérations à faire sont sans date",
    ...ofOperations,
    query: `quand=sans-date&${TO_DO}`,
  },
  {
    code: "unassigned",
    holds: "Chaque opération à faire a un technicien",
    one: "opération à faire est sans technicien",
    many: "opérations à faire sont sans technicien",
    ...ofOperations,
    query: `technicien=${NONE}&${TO_DO}`,
  },
  {
    code: "unplaced",
    holds: "Chaque opération à faire a un segment",
    one: "opération à faire est sans segment",
    many: "opérations à faire sont sans segment",
    ...ofOperations,
    query: `segment=${NONE}&${TO_DO}`,
  },
  {
    code: "unavailable",
    holds: "Aucun technicien affecté n’est absent ni inactif",
    one: "opération à faire a un technicien absent ou inactif",
    many: "opérations à faire ont un technicien absent ou inactif",
    ...ofOperations,
    query: "quand=technicien-absent",
  },
  {
    code: "unreachable",
    holds: "Chaque personne concernée a un e-mail",
    one: "personne concernée est sans e-mail",
    many: "personnes concernées sont sans e-mail",
    right: "bookings.place",
    page: "personnes",
    query: "adresse=sans",
  },
];

/** What each rule says of a campaign, and what they come to together (PRE-6). */
export async function readinessOf(
  em: EntityManager,
  campaign: { id: string },
  asked?: ReadinessAsked,
): Promise<Readiness> {
  return (await readinessOfEach(em, [campaign], asked)).get(campaign.id)!;
}

/** The same of several campaigns, in one question. */
export async function readinessOfEach(
  em: EntityManager,
  campaigns: readonly { id: string }[],
  asked?: ReadinessAsked,
): Promise<Map<string, Readiness>> {
  const figures = await readinessFigures(
    em,
    campaigns.map(({ id }) => id),
    asked,
  );
  return new Map([...figures].map(([id, found]) => [id, judged(id, found)]));
}

function judged(campaignId: string, figures: ReadinessFigures): Readiness {
  const rules = RULES.flatMap(({ code, isBlocking, holds, one, many, right, page, query }): ReadinessRule[] => {
    const count = figures[code];
    if (count === null) return [];
    return [
      {
        code,
        result: count === 0 ? "green" : isBlocking ? "red" : "amber",
        count,
        text: count === 0 ? holds : fr.count(count, one, many),
        path: `/campagnes/${campaignId}/${page}?${query}`,
        right,
      },
    ];
  });
  const worst = (["red", "amber"] as const).find((level) => rules.some(({ result }) => result === level));
  return { level: worst ?? "green", rules };
}
