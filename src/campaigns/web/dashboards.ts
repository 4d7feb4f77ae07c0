import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { shiftDay } from "../../fields/index.ts";
import { drawChart } from "../../platform/charts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query } from "../../platform/http/forms.ts";
import { isPartial } from "../../platform/http/partial.ts";
import { fr } from "../../platform/text/index.ts";
import { CATEGORIES } from "../../workflow/index.ts";
import type { Campaign } from "../campaign.ts";
import { type DayByDay, datedOf, PERIODS } from "../curves.ts";
import { CHARTS, type ChartName } from "../dashboard.ts";
import {
  burnUpFormulas,
  causeFormulas,
  type Formula,
  healthFormulas,
  plannedFormulas,
  pulseFormulas,
  segmentFormulas,
  teamFormulas,
} from "../formulas.ts";
import { courseOf } from "../queries/stats.ts";
import { campaignTopic } from "../queries/touched.ts";
import { COUNTER_LABELS } from "../stats.ts";
import { activityAt, shownActivity } from "./activity.ts";
import { type Board, type Look, lookAgain, lookAt } from "./board.ts";
import { nextOf, shownReadiness } from "./campaigns.ts";
import {
  headsOf,
  SEGMENT_COLUMNS,
  type Sort,
  segmentLine,
  sortedBy,
  TEAM_COLUMNS,
  technicianLine,
  totalLine,
  weeksOf,
} from "./dashboard-tables.ts";
import {
  barOf,
  COUNTED,
  causesOf,
  freshness,
  healthOf,
  listed,
  paceOf,
  paretoOf,
  shownEnd,
  shownLate,
  spanWords,
  widgetsOf,
} from "./dashboard-words.ts";
import { isPinned } from "./pins.ts";
import { addressOf, frameOf, mayClone, zoneOf } from "./shown.ts";

const VIEW = { page: "campaigns/dashboards/show", part: "campaigns/dashboards/_live" };
const CURVES = { ...VIEW, part: "campaigns/dashboards/_curves" };

/** Seconds between two drawings of the curves on an open page: they cost most to draw, and a point moves little. */
const CURVES_REST = 30;

const values = <T extends { value: string }>(columns: readonly T[]) =>
  columns.map(({ value }) => value) as [string, ...string[]];
const Way = z.enum(["decroissant"]).optional();
const Asked = z.object({
  partie: z.enum(["courbes"]).optional(),
  pas: z.enum(values(PERIODS)).default("semaine"),
  tri: z.enum(values(SEGMENT_COLUMNS)).default("ordre"),
  sens: Way,
  equipe: z.enum(values(TEAM_COLUMNS)).default("nom"),
  sens_equipe: Way,
});

/**
 * What a campaign comes to (DSH-1 to DSH-8), live (LIV-1). A page that follows asks for the board at each change, its text
 * drawn once for all its readers, and for the curves apart.
 */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { partie, ...asked } = query(req, Asked);
  const drawn = { at: addressOf(req.params), ...asked };
  if (isPartial(req)) {
    const look = await lookAgain(req);
    const { board, asOf, isBehind } = await look.board();
    // public/js/live/parts.js asks again while it is told so.
    if (isBehind) res.setHeader("Live-Behind", "1");
    if (partie === "courbes") {
      return res.show(CURVES, { live: liveOf(req.params, drawn), curves: await shownCurves(board, look, drawn) });
    }
    const data = () => ({ ...shown(req, look, { board, asOf }, drawn), texts: board.texts });
    return res.showOnce(VIEW, drawingOf(req, look, { board, asOf }, drawn), data);
  }
  const look = await lookAt(req);
  const { standing } = look;
  const { campaign } = standing;
  const { board, asOf } = await look.board();
  res.show(VIEW, {
    ...shown(req, look, { board, asOf }, drawn),
    title: campaign.name,
    ...frameOf(req, standing, "dashboard"),
    next: nextOf(standing),
    type: campaign.type,
    isPinned: isPinned(req, campaign),
    mayClone: mayClone(req, standing),
    exportAt: look.may("rows.export") && board.stats.total > 0 ? `/exports/operations/${campaign.id}/nouveau` : null,
    curves: await shownCurves(board, look, drawn),
  });
};

/** How a reader has them drawn: the step of the curves, the order of the tables. */
interface Drawn extends Omit<z.output<typeof Asked>, "partie"> {
  at: string;
}

/** An address says what differs from the page as it opens. */
const hereWith = ({ at, ...drawn }: Drawn, more: Partial<z.output<typeof Asked>> = {}) => {
  const { pas, tri, sens, equipe, sens_equipe, partie } = { partie: undefined, ...drawn, ...more };
  return withQuery(at, {
    pas: pas === "semaine" ? undefined : pas,
    tri: tri === "ordre" ? undefined : tri,
    sens,
    equipe: equipe === "nom" ? undefined : equipe,
    sens_equipe,
    partie,
  });
};

/** What the page and its fragment both show. */
const shown = (req: Request, { standing, may }: Look, { board, asOf }: { board: Board; asOf: Date }, drawn: Drawn) => ({
  live: liveOf(standing.campaign, drawn),
  stamp: freshness({ generatedAt: asOf }, zoneOf(req, standing.campaign)),
  boardOf: () => shownBoard(board, may, drawn),
  latest: {
    activityAt: activityAt(standing.campaign),
    entries: shownActivity(req, standing, board.activity),
  },
});

/** All that the drawing of a part depends on: who reads, what they may, and to the second what time it is. */
function drawingOf(req: Request, { standing }: Look, { board, asOf }: { board: Board; asOf: Date }, drawn: Drawn) {
  const { id, roles } = req.user!;
  const seconds = [asOf, req.now].map((at) => Math.floor(at.getTime() / 1_000));
  const rights = [standing.may("operations.manage"), standing.may("campaigns.undo")];
  return JSON.stringify([board.number, drawn, zoneOf(req, standing.campaign), id, roles, rights, seconds]);
}

/** What an open page follows, and where it asks for its board and its curves anew (LIV-3). */
const liveOf = ({ id }: { id: string }, drawn: Drawn) => ({
  topic: campaignTopic(id),
  at: hereWith(drawn),
  curvesAt: hereWith(drawn, { partie: "courbes" }),
  rest: CURVES_REST,
});

/** Everything but the curves; nothing of who reads it but what `may` says. */
function shownBoard(board: Board, may: Look["may"], drawn: Drawn) {
  const { campaign, house, stats, readiness } = board;
  const { counters, progress, total } = stats;
  return {
    at: drawn.at,
    readiness: readiness && shownReadiness(readiness, may),
    importAt:
      may("operations.manage") && !campaign.isArchived() ? `/imports/operations/nouveau?objet=${campaign.id}` : null,
    // Said aloud to who does not see it move (LIV-5).
    said: `${fr.count(counters.success, "réalisée", "réalisées")}, ${fr.ratio(progress)}`,
    figures:
      total > 0 && shownFigures(board, may, drawn, courseOf(campaign, { now: stats.generatedAt, tenant: house })),
  };
}

function shownFigures(board: Board, may: Look["may"], drawn: Drawn, course: ReturnType<typeof courseOf>) {
  const { campaign, stats, held, ahead } = board;
  const { at, tri, sens, equipe, sens_equipe } = drawn;
  const { counters, progress, expected, total, late } = stats;
  const segmentSort = { by: tri, isDescending: sens !== undefined };
  const teamSort = { by: equipe, isDescending: sens_equipe !== undefined };
  const weeks = weeksOf(ahead);
  const causes = causesOf(held, at);
  return {
    progress: fr.ratio(progress),
    expected: fr.ratio(expected),
    expectedCount: stats.hasBaseline ? fr.number(expected.part) : null,
    done: fr.number(counters.success),
    of: fr.number(progress.of),
    total: fr.count(total, "opération", "opérations"),
    cancelled: { n: fr.count(counters.cancelled, "annulée", "annulées"), href: listed(at, "categorie=cancelled") },
    overdue: late === 0 ? null : { n: `${fr.number(late)} en retard`, href: listed(at, "quand=en-retard") },
    bar: barOf(stats),
    pace: paceOf(stats),
    widgets: widgetsOf(stats, at),
    ended: shownEnd(stats, { isAbandoned: (campaign.stateBefore ?? campaign.state) !== "finished" }),
    late: shownLate(stats, at, {
      oldest: may("operations.read") ? board.oldest : null,
      mayAct: may("operations.manage") && !campaign.isArchived(),
    }),
    columns: COUNTED.map((code) => ({ code, label: COUNTER_LABELS[code], icon: CATEGORIES[code].icon })),
    how: toldAt(pulseFormulas(stats, course), at),
    segments: {
      heads: headsOf(SEGMENT_COLUMNS, segmentSort, ({ by, ...sort }) =>
        hereWith(drawn, { tri: by, sens: wayOf(sort) }),
      ),
      lines: sortedBy(stats.segments, SEGMENT_COLUMNS, segmentSort).map((line) => segmentLine(line, at)),
      whole: totalLine(stats),
      how: toldAt(segmentFormulas(stats), at),
    },
    team: {
      heads: headsOf(TEAM_COLUMNS, teamSort, ({ by, ...sort }) =>
        hereWith(drawn, { equipe: by, sens_equipe: wayOf(sort) }),
      ),
      lines: sortedBy(stats.technicians, TEAM_COLUMNS, teamSort).map((line) => technicianLine(line, at, weeks)),
      whole: totalLine(stats),
      daysAhead: spanWords(ahead.days[0]!, ahead.days.at(-1)!),
      mayAssign: may("operations.manage") && !campaign.isArchived(),
      how: toldAt(teamFormulas(stats), at),
    },
    periods: PERIODS.map(({ value, label }) => ({
      label,
      href: hereWith(drawn, { pas: value }),
      current: value === drawn.pas,
    })),
    pareto: paretoOf(held, at),
    paretoFiles: filesOf("blocages", drawn, may("rows.export") ? campaign : null),
    // Of what is over nothing is late any more (STA-9).
    causes: stats.endedOn === null ? { ...causes, how: toldAt(causeFormulas(causes.total), at) } : null,
    health: {
      facts: healthOf(stats, board),
      how: toldAt(healthFormulas(stats, { ...board, yesterday: shiftDay(stats.day, -1) }), at),
    },
  };
}

const wayOf = ({ isDescending }: Pick<Sort, "isDescending">) => (isDescending ? "decroissant" : undefined);

const toldAt = (formulas: Formula[], at: string) =>
  formulas.map((one) => ({
    ...one,
    parts: one.parts.map(({ query: rows, ...part }) => ({ ...part, href: rows === null ? null : listed(at, rows) })),
  }));

/** Where the figures of a chart, and its drawing, are taken away from; to who may export alone (DSH-5, PRM-19). */
function filesOf(graphique: ChartName, { pas }: Pick<Drawn, "pas">, campaign: Campaign | null) {
  if (campaign === null) return { csvAt: null, pngAt: null };
  const liste = new URLSearchParams({ graphique, pas }).toString();
  const at = `/exports/graphiques/${campaign.id}/nouveau`;
  return { csvAt: withQuery(at, { liste }), pngAt: withQuery(at, { liste, format: "png" }) };
}

/** The curves, drawn; null where there is nothing to draw yet. */
async function shownCurves({ campaign, house, stats, held }: Board, look: Look, drawn: Drawn) {
  if (stats.total === 0) return null;
  const course = courseOf(campaign, { now: stats.generatedAt, tenant: house });
  const days: DayByDay = await look.days();
  const { by } = PERIODS.find(({ value }) => value === drawn.pas)!;
  const one = async (name: ChartName, how: Formula[]) => ({
    chart: await drawChart(CHARTS[name]({ stats, held, course, days }, by)),
    ...filesOf(name, drawn, look.may("rows.export") ? campaign : null),
    how: toldAt(how, drawn.at),
  });
  return {
    burnUp: await one("cumul", burnUpFormulas(stats, datedOf(days))),
    planned: await one("prevues", plannedFormulas(by)),
  };
}
