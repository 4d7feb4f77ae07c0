import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { Tenant } from "../../accounts/index.ts";
import { drawChart } from "../../platform/charts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { CATEGORIES } from "../../workflow/index.ts";
import type { Campaign } from "../campaign.ts";
import { blockages, burnUp, type DayByDay, PERIODS, plannedAndDone } from "../curves.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { type Held, heldOperations } from "../queries/dashboard.ts";
import {
  baselineByDay,
  campaignStats,
  completedByDay,
  courseOf,
  type House,
  plannedByDay,
  zoneOf as zoneIn,
} from "../queries/stats.ts";
import { type Readiness, readinessOf } from "../readiness.ts";
import { addUp, type CampaignStats, type FiguresLine } from "../stats.ts";
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
import { addressOf, frameOf, mayClone } from "./shown.ts";

const VIEW = { page: "campaigns/dashboards/show" };
const STILL_AHEAD: Campaign["state"][] = ["draft", "upcoming", "active"];

const SORTS = [
  { value: "ordre", label: "Segment" },
  { value: "avancement", label: "Avancement" },
  { value: "total", label: "Total" },
] as const;
const Asked = z.object({
  pas: z.enum(["jour", "semaine", "mois"]).default("semaine"),
  tri: z.enum(["ordre", "avancement", "total"]).default("ordre"),
});

interface Seen {
  standing: Standing;
  house: House;
  stats: CampaignStats;
  days: DayByDay;
  held: Held[];
  readiness: Readiness | null;
}

/** What a campaign comes to (DSH-1 to DSH-8). */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { pas, tri } = query(req, Asked);
  const seen = await read(req, (em) => look(em, req));
  const { standing, stats, readiness } = seen;
  const { campaign, may } = standing;
  const at = addressOf(campaign);
  res.show(VIEW, {
    title: campaign.name,
    ...frameOf(req, standing, "dashboard"),
    next: nextOf(standing),
    type: campaign.type,
    readiness: readiness && shownReadiness(readiness, may),
    isPinned: isPinned(req, campaign),
    mayClone: mayClone(req, standing),
    importAt:
      may("operations.manage") && !campaign.isArchived() ? `/imports/operations/nouveau?objet=${campaign.id}` : null,
    figures: stats.total === 0 ? null : await shownFigures(seen, { at, by: pas, sort: tri }),
  });
};

async function look(em: EntityManager, req: Request<{ id: string }>): Promise<Seen> {
  const standing = await campaignFor(em, req.user!, req.params.id);
  const { campaign, may } = standing;
  const house = (await em.findOneOrFail(Tenant, { tenantId: campaign.tenantId, id: campaign.tenantId })) as House;
  const times = may("operations.manage") ? "all" : { userId: req.user!.id };
  const stats = (await campaignStats(em, [campaign], { now: req.now, tenant: house, times, from: "page" })).get(
    campaign.id,
  )!;
  const zone = zoneIn(campaign, house);
  const { day: today } = stats;
  return {
    standing,
    house,
    stats,
    days: {
      completed: await completedByDay(em, campaign.id, { zone }),
      baseline: await baselineByDay(em, campaign.id),
      planned: await plannedByDay(em, campaign.id, { zone, today }),
    },
    held: await heldOperations(em, campaign, { today }),
    // Nothing is to be made ready any more of one that is over.
    readiness: STILL_AHEAD.includes(campaign.state)
      ? await readinessOf(em, campaign, { tenantId: campaign.tenantId, day: today })
      : null,
  };
}

type Drawn = { at: string; by: z.output<typeof Asked>["pas"]; sort: z.output<typeof Asked>["tri"] };

async function shownFigures({ standing, house, stats, days, held }: Seen, { at, by, sort }: Drawn) {
  const { campaign } = standing;
  const { calendar } = courseOf(campaign, { now: stats.generatedAt, tenant: house });
  const drawnDays = { startsOn: campaign.startsOn, endsOn: campaign.endsOn, calendar };
  const period = PERIODS.find(({ value }) => value === by)!.by;
  const problems = held.filter(({ category }) => category === "problem");
  const reasons = [...Map.groupBy(problems, ({ reason }) => reason)].map(([reason, some]) => ({
    reason,
    n: some.reduce((sum, { n }) => sum + n, 0),
  }));
  const here = (more: Partial<Drawn>) => {
    const { by: pas, sort: tri } = { by, sort, ...more };
    return withQuery(at, { pas: pas === "semaine" ? undefined : pas, tri: tri === "ordre" ? undefined : tri });
  };
  return {
    stamp: freshness(stats, zoneIn(campaign, house)),
    progress: fr.ratio(stats.progress),
    expected: fr.ratio(stats.expected),
    expectedCount: stats.hasBaseline ? fr.number(stats.expected.part) : null,
    done: fr.number(stats.counters.success),
    of: fr.number(stats.progress.of),
    total: fr.count(stats.total, "opération", "opérations"),
    cancelled: fr.count(stats.counters.cancelled, "annulée", "annulées"),
    cancelledAt: listed(at, "categorie=cancelled"),
    bar: barOf(stats),
    pace: paceOf(stats, campaign, calendar),
    widgets: widgetsOf(stats, at),
    late: shownLate(stats, at),
    columns: COLUMNS,
    segments: {
      sorts: SORTS.map((one) => ({ ...one, href: here({ sort: one.value }), isHere: one.value === sort })),
      lines: sorted(stats.segments, sort).map((line) =>
        lineOf(line, {
          name: line.name ?? "Sans segment",
          href: line.id ? `${at}/segments/${line.id}` : listed(at, segmentQuery(null)),
        }),
      ),
      whole: lineOf({ ...stats, id: null, name: null }, { name: "Total", href: null }),
      addsUp: addUp(stats.segments.map(({ counters }) => counters)),
    },
    team: {
      lines: stats.technicians.map((line) =>
        lineOf(line, { name: line.name ?? "Non affectées", href: listed(at, technicianQuery(line.id)) }),
      ),
      whole: lineOf({ ...stats, id: null, name: null }, { name: "Total", href: null }),
    },
    periods: PERIODS.map(({ value, label }) => ({ label, href: here({ by: value }), current: value === by })),
    burnUp: await drawChart(burnUp(days, stats, drawnDays, period)),
    planned: await drawChart(plannedAndDone(days, drawnDays, period)),
    blockages: reasons.length > 0 ? await drawChart(blockages(reasons)) : null,
    causes: causesOf(held, at),
    health: healthOf(stats),
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
