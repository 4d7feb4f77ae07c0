import type { RequestHandler } from "express";
import { z } from "zod";
import { drawChart } from "../../platform/charts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query } from "../../platform/http/forms.ts";
import { isPartial } from "../../platform/http/partial.ts";
import { fr } from "../../platform/text/index.ts";
import { CATEGORIES } from "../../workflow/index.ts";
import type { Campaign } from "../campaign.ts";
import { blockages, burnUp, type DayByDay, PERIODS, plannedAndDone } from "../curves.ts";
import { courseOf } from "../queries/stats.ts";
import { campaignTopic } from "../queries/touched.ts";
import { addUp, type CampaignStats, type FiguresLine } from "../stats.ts";
import { activityAt, shownActivity } from "./activity.ts";
import { type Board, type Look, lookAt } from "./board.ts";
import { nextOf, shownReadiness } from "./campaigns.ts";
import {
  barOf,
  causesOf,
  freshness,
  healthOf,
  lateWords,
  lineOf,
  listed,
  paceOf,
  segmentQuery,
  technicianQuery,
  widgetsOf,
} from "./dashboard-words.ts";
import { isPinned } from "./pins.ts";
import { addressOf, frameOf, mayClone, zoneOf } from "./shown.ts";

const VIEW = { page: "campaigns/dashboards/show", part: "campaigns/dashboards/_live" };
const CURVES = { ...VIEW, part: "campaigns/dashboards/_curves" };

/** Seconds between two drawings of the curves on an open page: they cost most to draw, and a point moves little. */
const CURVES_REST = 30;

const SORTS = [
  { value: "ordre", label: "Segment" },
  { value: "avancement", label: "Avancement" },
  { value: "total", label: "Total" },
] as const;
const Asked = z.object({
  partie: z.enum(["courbes"]).optional(),
  pas: z.enum(["jour", "semaine", "mois"]).default("semaine"),
  tri: z.enum(["ordre", "avancement", "total"]).default("ordre"),
});

/**
 * What a campaign comes to (DSH-1 to DSH-8), live (LIV-1). A page that follows asks for the board at each change, its text
 * drawn once for all its readers, and for the curves apart.
 */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { pas, tri, partie } = query(req, Asked);
  const look = await lookAt(req);
  const { standing } = look;
  const { campaign } = standing;
  const drawn = { at: addressOf(campaign), by: pas, sort: tri };
  const board = await look.board();
  const live = liveOf(campaign, drawn);
  if (isPartial(req) && partie === "courbes") {
    return res.show(CURVES, { live, curves: await shownCurves(board, await look.days(), drawn) });
  }
  const shown = {
    live,
    stamp: freshness({ ...board.stats, generatedAt: req.now }, zoneOf(req, campaign)),
    boardOf: () => shownBoard(board, look.may, drawn),
    latest: { activityAt: activityAt(campaign), entries: shownActivity(req, standing, board.activity) },
  };
  if (isPartial(req)) return res.show(VIEW, { ...shown, texts: board.texts });
  res.show(VIEW, {
    ...shown,
    title: campaign.name,
    ...frameOf(req, standing, "dashboard"),
    next: nextOf(standing),
    type: campaign.type,
    isPinned: isPinned(req, campaign),
    mayClone: mayClone(req, standing),
    curves: await shownCurves(board, await look.days(), drawn),
  });
};

/** How a reader has them drawn: the step of the curves, the order of the segments. */
interface Drawn {
  at: string;
  by: z.output<typeof Asked>["pas"];
  sort: z.output<typeof Asked>["tri"];
}

const hereWith = ({ at, ...drawn }: Drawn, more: Partial<Drawn> & { part?: "courbes" } = {}) => {
  const { by: pas, sort: tri, part: partie } = { part: undefined, ...drawn, ...more };
  return withQuery(at, { pas: pas === "semaine" ? undefined : pas, tri: tri === "ordre" ? undefined : tri, partie });
};

/** What an open page follows, and where it asks for its board and its curves anew (LIV-3). */
const liveOf = ({ id }: Campaign, drawn: Drawn) => ({
  topic: campaignTopic(id),
  at: hereWith(drawn),
  curvesAt: hereWith(drawn, { part: "courbes" }),
  rest: CURVES_REST,
});

/** Everything but the curves; nothing of who reads it but what `may` says. */
function shownBoard({ campaign, house, stats, held, readiness }: Board, may: Look["may"], drawn: Drawn) {
  const { at } = drawn;
  const { counters, progress, expected, total } = stats;
  const { calendar } = courseOf(campaign, { now: stats.generatedAt, tenant: house });
  const whole = lineOf({ ...stats, id: null, name: null }, { name: "Total", href: null });
  return {
    at,
    readiness: readiness && shownReadiness(readiness, may),
    importAt:
      may("operations.manage") && !campaign.isArchived() ? `/imports/operations/nouveau?objet=${campaign.id}` : null,
    // Said aloud to who does not see it move (LIV-5).
    said: `${fr.count(counters.success, "réalisée", "réalisées")}, ${fr.ratio(progress)}`,
    figures: total > 0 && {
      progress: fr.ratio(progress),
      expected: fr.ratio(expected),
      expectedCount: stats.hasBaseline ? fr.number(expected.part) : null,
      done: fr.number(counters.success),
      of: fr.number(progress.of),
      total: fr.count(total, "opération", "opérations"),
      cancelled: fr.count(counters.cancelled, "annulée", "annulées"),
      cancelledAt: listed(at, "categorie=cancelled"),
      bar: barOf(stats),
      pace: paceOf(stats, campaign, calendar),
      widgets: widgetsOf(stats, at),
      late: shownLate(stats, at),
      columns: COLUMNS,
      segments: {
        sorts: SORTS.map((one) => ({
          ...one,
          href: hereWith(drawn, { sort: one.value }),
          isHere: one.value === drawn.sort,
        })),
        lines: sorted(stats.segments, drawn.sort).map((line) =>
          lineOf(line, {
            name: line.name ?? "Sans segment",
            href: line.id ? `${at}/segments/${line.id}` : listed(at, segmentQuery(null)),
          }),
        ),
        whole,
        addsUp: addUp(stats.segments.map(({ counters }) => counters)),
      },
      team: {
        lines: stats.technicians.map((line) =>
          lineOf(line, { name: line.name ?? "Non affectées", href: listed(at, technicianQuery(line.id)) }),
        ),
        whole,
      },
      periods: PERIODS.map(({ value, label }) => ({
        label,
        href: hereWith(drawn, { by: value }),
        current: value === drawn.by,
      })),
      causes: causesOf(held, at),
      health: healthOf(stats),
    },
  };
}

/** The curves, drawn; null where there is nothing to draw yet. */
async function shownCurves({ campaign, house, stats, held }: Board, days: DayByDay, { by }: Drawn) {
  if (stats.total === 0) return null;
  const { calendar } = courseOf(campaign, { now: stats.generatedAt, tenant: house });
  const drawnDays = { startsOn: campaign.startsOn, endsOn: campaign.endsOn, calendar };
  const period = PERIODS.find(({ value }) => value === by)!.by;
  const problems = held.filter(({ category }) => category === "problem");
  const reasons = [...Map.groupBy(problems, ({ reason }) => reason)].map(([reason, some]) => ({
    reason,
    n: some.reduce((sum, { n }) => sum + n, 0),
  }));
  return {
    burnUp: await drawChart(burnUp(days, stats, drawnDays, period)),
    planned: await drawChart(plannedAndDone(days, drawnDays, period)),
    blockages: reasons.length > 0 ? await drawChart(blockages(reasons)) : null,
  };
}

const COLUMNS = (["success", "running", "planned", "open", "deferred", "problem"] as const).map((code) => ({
  code,
  label: {
    success: "Réalisées",
    running: "En cours",
    planned: "Planifiées",
    open: "À planifier",
    deferred: "Reportées",
    problem: "Bloquées",
  }[code],
  icon: CATEGORIES[code].icon,
}));

/** In their order, or the least advanced, or the largest first; *Sans segment* stays last (DSH-3). */
function sorted(lines: readonly FiguresLine[], sort: Drawn["sort"]): FiguresLine[] {
  const [named, none] = [lines.filter(({ id }) => id !== null), lines.filter(({ id }) => id === null)];
  const share = ({ progress: { part, of } }: FiguresLine) => (of === 0 ? 2 : part / of);
  if (sort === "avancement") named.sort((a, b) => share(a) - share(b));
  if (sort === "total") named.sort((a, b) => b.total - a.total);
  return [...named, ...none];
}

/** Above everything else: what makes the campaign late, and where to begin (STA-9, DSH-2). */
function shownLate(stats: CampaignStats, at: string) {
  const words = lateWords(stats);
  const { lateMark, counters, progress, expected } = stats;
  if (words === null || lateMark === null) return null;
  const blocked = fr.count(counters.problem, "opération est bloquée", "opérations sont bloquées");
  return {
    head: `Campagne en retard\u00a0: ${words}`,
    text:
      lateMark.blockedDays === null
        ? `${fr.ratio(progress)} réalisé quand ${fr.ratio(expected)} était attendu. Le seuil est de 15 points.`
        : `${blocked}. Le seuil est de 2 jours ouvrés.`,
    action:
      lateMark.blockedDays === null
        ? { href: listed(at, "quand=en-retard"), label: "Voir les opérations en retard" }
        : {
            href: listed(at, "categorie=problem"),
            label: `Traiter ${counters.problem < 2 ? "le blocage" : `les ${fr.number(counters.problem)} blocages`}`,
          },
  };
}
