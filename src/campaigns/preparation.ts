import type { CourseStep } from "../platform/sheets/profile.ts";
import type { Campaign } from "./campaign.ts";

/**
 * How a campaign is prepared: four steps and a summary, each saved when it is left and resumed from the draft (CAM-12). Where a
 * draft stands is told by what it holds; only what leaves nothing behind, settings looked at or no file wanted, is kept.
 */
export const STEPS = [
  { code: "outline", label: "Informations", path: "informations" },
  { code: "rows", label: "Données", path: "donnees" },
  { code: "mapping", label: "Correspondance", path: "correspondance" },
  { code: "settings", label: "Configuration", path: "configuration" },
  { code: "summary", label: "Récapitulatif", path: "publication" },
] as const;
export type Step = (typeof STEPS)[number]["code"];

export const rankOf = (step: Step): number => STEPS.findIndex(({ code }) => code === step);

/** What a draft holds that tells how far it is. */
export interface Held {
  hasFile: boolean;
  hasOperations: boolean;
}

/** How many steps are behind it. */
export const stepsBehind = ({ stepLeft }: Pick<Campaign, "stepLeft">, { hasFile, hasOperations }: Held): number =>
  Math.max(stepLeft, hasOperations ? 3 : hasFile ? 2 : 1);

/** The steps as their bar shows them: those behind lead back, the next one on, the others nowhere yet. */
export const stepsOf = (at: string, behind: number, here: Step | null): CourseStep[] =>
  STEPS.map(({ code, label, path }, rank) => ({
    code,
    label,
    href: rank <= behind ? `${at}/${path}` : null,
    isDone: rank < behind,
    isHere: code === here,
  }));

export const isDraft = ({ state }: Pick<Campaign, "state">): boolean => state === "draft";
