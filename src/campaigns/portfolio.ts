import { z } from "zod";
import { bare } from "../fields/index.ts";
import { STATES } from "./campaign.ts";
import { NONE } from "./queries/operations.ts";
import type { PortfolioLine } from "./queries/portfolio.ts";

/** How the portfolio is laid out (DSH-11): pure, of the few hundred campaigns one person sees. */

export const PORTFOLIO_PAGE = 24;

/** In the order of the page; the first alone is unfolded, and the page each is at goes under its code. */
export const SECTIONS = [
  { code: "vives", title: "En préparation et en cours", states: ["draft", "upcoming", "active"] },
  { code: "terminees", title: "Terminées", states: ["finished"] },
  { code: "archivees", title: "Archivées", states: ["archived"] },
] as const satisfies { code: string; title: string; states: PortfolioLine["state"][] }[];
export type SectionCode = (typeof SECTIONS)[number]["code"];

export const SORTS = { fin: "Date de fin", nom: "Nom", avancement: "Avancement", activite: "Dernière activité" };
export type Sort = keyof typeof SORTS;

const rank = z.coerce.number().int().min(1).max(10_000).optional();

/** What its address says. */
export const PortfolioAddress = z.object({
  q: z.string().max(200).optional().describe("Nom"),
  etat: z
    .enum(STATES.map(({ code }) => code))
    .optional()
    .describe("État"),
  proprietaire: z.uuid().optional().describe("Propriétaire"),
  type: z.union([z.uuid(), z.literal(NONE)]).optional(),
  du: z.iso.date("Choisissez un jour.").optional().describe("Active à partir du"),
  au: z.iso.date("Choisissez un jour.").optional().describe("Active jusqu’au"),
  retard: z.literal("oui").optional().describe("En retard"),
  tri: z
    .enum(Object.keys(SORTS) as [Sort, ...Sort[]])
    .optional()
    .describe("Trier par"),
  ...(Object.fromEntries(SECTIONS.map(({ code }) => [code, rank])) as Record<SectionCode, typeof rank>),
});
export type Asked = z.output<typeof PortfolioAddress>;

/** Whether a campaign answers to these filters: its days cross the period, each word is in its name. */
export function answersTo(line: PortfolioLine, { q = "", etat, proprietaire, type, du, au }: Asked): boolean {
  const name = bare(line.name);
  return (
    q
      .split(/\s+/u)
      .filter(Boolean)
      .every((word) => name.includes(bare(word))) &&
    (etat === undefined || line.state === etat) &&
    (proprietaire === undefined || line.ownerId === proprietaire) &&
    (type === undefined || (line.type?.id ?? NONE) === type) &&
    (du === undefined || line.endsOn >= du) &&
    (au === undefined || line.startsOn <= au)
  );
}

export interface Section {
  code: SectionCode;
  title: string;
  total: number;
  /** Of the first one shown, from 1. */
  first: number;
  page: number;
  lines: PortfolioLine[];
  isLast: boolean;
}

const byName = new Intl.Collator("fr", { numeric: true, sensitivity: "base" }).compare;

/** The sections with the page of each that is asked: pinned ones first in their own order, then by the sort, ties by name (CAM-27, DSH-11). */
export function sectionsOf(
  lines: readonly PortfolioLine[],
  asked: Asked,
  progressOf: (line: PortfolioLine) => number | null,
): Section[] {
  const orders: Record<Sort, (a: PortfolioLine, b: PortfolioLine) => number> = {
    fin: (a, b) => a.endsOn.localeCompare(b.endsOn),
    nom: () => 0,
    // The least advanced first; one with nothing to do yet has no progress, and comes last.
    avancement: (a, b) => (progressOf(a) ?? 2) - (progressOf(b) ?? 2),
    activite: (a, b) => (b.activityAt?.getTime() ?? 0) - (a.activityAt?.getTime() ?? 0),
  };
  const sorted = lines.toSorted(
    (a, b) =>
      (a.pin ?? Number.MAX_SAFE_INTEGER) - (b.pin ?? Number.MAX_SAFE_INTEGER) ||
      orders[asked.tri ?? "fin"](a, b) ||
      byName(a.name, b.name) ||
      a.id.localeCompare(b.id),
  );
  return SECTIONS.map(({ code, title, states }) => {
    const all = sorted.filter(({ state }) => (states as readonly string[]).includes(state));
    const pages = Math.max(1, Math.ceil(all.length / PORTFOLIO_PAGE));
    const page = Math.min(asked[code] ?? 1, pages);
    const from = (page - 1) * PORTFOLIO_PAGE;
    const shown = all.slice(from, from + PORTFOLIO_PAGE);
    return { code, title, total: all.length, first: from + 1, page, lines: shown, isLast: page === pages };
  });
}
