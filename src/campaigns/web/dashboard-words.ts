import { fr, percentOf, type Ratio } from "../../platform/text/index.ts";
import { CATEGORIES, type Category } from "../../workflow/index.ts";
import type { Campaign } from "../campaign.ts";
import { workingDaysBetween } from "../pace.ts";
import type { Held } from "../queries/dashboard.ts";
import { NONE } from "../queries/operations.ts";
import type { CampaignStats, FiguresLine } from "../stats.ts";

/** What a dashboard says of figures: words and links, no figure of its own (STA-1, DSH-1 to DSH-7). */

const inWords = (day: string) => fr.date(`${day}T12:00:00Z`, "UTC");
const shortly = (day: string) => fr.date(`${day}T12:00:00Z`, "UTC").replace(/ \d{4}$/u, "");
const share = (part: number, of: number): Ratio => ({ part, of });

/** The widgets, in the order they are read; cancelled ones are said after (DSH-1, STA-4). */
const WIDGETS: readonly { code: Exclude<Category, "cancelled">; label: string }[] = [
  { code: "success", label: "Réalisées" },
  { code: "running", label: "En cours" },
  { code: "planned", label: "Planifiées" },
  { code: "open", label: "À planifier" },
  { code: "deferred", label: "Reportées" },
  { code: "problem", label: "Bloquées" },
];
const FILLS = {
  running: "running",
  success: "success",
  planned: "primary",
  open: "neutral",
  deferred: "warning",
  problem: "danger",
} as const;

export const listed = (at: string, query: string) => `${at}/operations?${query}`;

/** The six widgets of the work, each leading to its rows (DSH-1). */
export function widgetsOf(stats: CampaignStats, at: string) {
  const { counters, progress, doneToday, postponedThisWeek, blockedDays, late } = stats;
  const news: Partial<Record<Category, string | false>> = {
    success: doneToday > 0 && `+${fr.number(doneToday)} aujourd’hui`,
    deferred: postponedThisWeek > 0 && `+${fr.number(postponedThisWeek)} cette semaine`,
    problem:
      blockedDays !== null &&
      (blockedDays > 0
        ? `Action requise, depuis ${fr.count(blockedDays, "jour ouvré", "jours ouvrés")}`
        : "Action requise"),
    planned: late > 0 && `${fr.number(late)} en retard`,
  };
  return WIDGETS.map(({ code, label }) => ({
    label,
    icon: CATEGORIES[code].icon,
    tone: FILLS[code],
    value: fr.number(counters[code]),
    share: fr.ratio(share(counters[code], progress.of)),
    news: news[code] || null,
    href: listed(at, `categorie=${code}`),
  }));
}

/** The parts of a bar of progress, in thousandths of its width, and where what was expected stands. */
export function barOf(stats: Pick<CampaignStats, "counters" | "progress" | "expected">) {
  const { counters, progress, expected } = stats;
  let from = 0;
  const parts = WIDGETS.flatMap(({ code }) => {
    const width = progress.of === 0 ? 0 : (1_000 * counters[code]) / progress.of;
    const part = { fill: FILLS[code], from: rounded(from), width: rounded(width) };
    from += width;
    return counters[code] > 0 ? [part] : [];
  });
  return { parts, mark: expected.of === 0 ? null : rounded((1_000 * expected.part) / expected.of) };
}
const rounded = (n: number) => Math.round(n * 10) / 10;

/** Under the bar: what is left, how fast, until when (DSH-2, STA-8). */
export function paceOf(
  stats: CampaignStats,
  campaign: Pick<Campaign, "endsOn" | "holidayZone" | "closedDays">,
  calendar: Parameters<typeof workingDaysBetween>[2],
) {
  const { remaining, progress, expected, hasBaseline, velocity, projection, interval } = stats;
  const gap = hasBaseline ? expected.part - progress.part : 0;
  const [soonest, latest] = [interval.soonest?.on ?? null, interval.latest?.on ?? null];
  const spread = projection?.on ? workingDaysBetween(projection.on, campaign.endsOn, calendar) : 0;
  return [
    {
      term: "Reste à faire",
      value: fr.number(remaining),
      more: !hasBaseline
        ? null
        : gap > 0
          ? `${fr.number(gap)} de moins que prévu`
          : gap < 0
            ? `${fr.number(-gap)} de plus que prévu`
            : "Comme prévu",
    },
    {
      term: "Vitesse",
      value: `${fr.number(velocity.part / velocity.of, 1)} par jour`,
      more: velocity.of === 1 ? "Dernier jour ouvré" : `${velocity.of} derniers jours ouvrés`,
    },
    {
      term: "Fin projetée",
      value:
        remaining === 0
          ? "Tout est fait"
          : projection?.on
            ? shortly(projection.on)
            : projection
              ? "Dans très longtemps"
              : "Projection impossible",
      more:
        remaining === 0
          ? null
          : projection === null
            ? "Rien de réalisé ces derniers jours ouvrés"
            : soonest && latest && soonest !== latest
              ? `entre le ${shortly(soonest)} et le ${shortly(latest)}`
              : latest === null
                ? "au rythme le plus lent, sans fin"
                : null,
    },
    {
      term: "Fin prévue",
      value: shortly(campaign.endsOn),
      more:
        !projection?.on || remaining === 0 || spread === 0
          ? null
          : `${fr.count(Math.abs(spread), "jour ouvré", "jours ouvrés")} ${spread > 0 ? "d’avance" : "de retard"}`,
    },
  ];
}

/** Which of the two makes a campaign or a segment late, and how much (STA-9); null: neither. */
export function lateWords({ lateMark }: Pick<FiguresLine, "lateMark">): string | null {
  if (lateMark === null) return null;
  const said = [
    ...(lateMark.points === null ? [] : [`${fr.number(lateMark.points, 1)} points de retard`]),
    ...(lateMark.blockedDays === null
      ? []
      : [`un blocage dure depuis ${fr.count(lateMark.blockedDays, "jour ouvré", "jours ouvrés")}`]),
  ];
  return fr.list(said);
}

/** A line of the table of segments or of technicians, with its bar (DSH-3, DSH-4). */
export function lineOf(
  line: FiguresLine & Pick<FiguresLine, "expected">,
  { name, href }: { name: string; href: string | null },
) {
  const { counters, progress, expected } = line;
  return {
    name,
    href,
    late: lateWords(line),
    share: percentOf(progress),
    progress: fr.ratio(progress),
    expected: fr.ratio(expected),
    mark: percentOf(expected),
    total: line.total,
    overdue: line.late,
    counters,
  };
}

/** Where the rows of a segment, or of none, are listed. */
export const segmentQuery = (id: string | null) => `segment=${id ?? NONE}`;
export const technicianQuery = (id: string | null) => `technicien=${id ?? NONE}`;

/** What holds the operations that should be done by now, each cause with its most frequent reason (DSH-6). */
export function causesOf(held: readonly Held[], at: string) {
  const expected = held.filter(({ isExpected }) => isExpected);
  const sum = (some: readonly Held[]) => some.reduce((total, { n }) => total + n, 0);
  const [deferred, problem] = (["deferred", "problem"] as const).map((code) =>
    expected.filter(({ category }) => category === code),
  ) as [Held[], Held[]];
  const others = expected.filter(({ category }) => category !== "deferred" && category !== "problem");
  const undated = others.filter(({ isUndated }) => isUndated);
  const unassigned = others.filter(({ isUndated, isUnassigned }) => !isUndated && isUnassigned);
  const late = others.filter(({ isUndated, isUnassigned }) => !isUndated && !isUnassigned);
  const mostly = (some: readonly Held[]) => {
    const reasons = new Map<string, number>();
    for (const { reason, n } of some) if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + n);
    const [first] = [...reasons].toSorted(([, a], [, b]) => b - a);
    return first ? `surtout «\u00a0${first[0]}\u00a0» (${fr.number(first[1])})` : null;
  };
  const lines = [
    { cause: "Reportées", n: sum(deferred), more: mostly(deferred), href: listed(at, "categorie=deferred") },
    { cause: "Bloquées", n: sum(problem), more: mostly(problem), href: listed(at, "categorie=problem") },
    { cause: "Non planifiées", n: sum(undated), more: null, href: listed(at, "quand=sans-date&categorie=open") },
    {
      cause: "Non affectées",
      n: sum(unassigned),
      more: null,
      href: listed(at, `technicien=${NONE}&categorie=planned&categorie=running`),
    },
    {
      cause: "Planifiées plus tard ou en cours",
      n: sum(late),
      more: null,
      href: listed(at, "categorie=planned&categorie=running"),
    },
  ];
  return { total: sum(expected), lines: lines.filter(({ n }) => n > 0) };
}

const TARGET = 90;
/** Compared on the un-rounded fraction (STA-6, STA-7). */
const badgeAgainst = (ratio: Ratio) =>
  ratio.of === 0
    ? { label: "—, pas encore d’échéance passée", icon: "minus", tone: "neutral" }
    : 100 * ratio.part > TARGET * ratio.of
      ? { label: `${fr.ratio(ratio)}, cible ${TARGET}\u00a0%`, icon: "check", tone: "success" }
      : { label: `${fr.ratio(ratio)}, cible ${TARGET}\u00a0%`, icon: "alert-triangle", tone: "warning" };

/** Whether the figures themselves are kept up to date (DSH-7, STA-6). */
export const healthOf = ({ northStar, sameDay, reliability }: CampaignStats) => [
  { term: "Mise à jour par le technicien affecté", badge: badgeAgainst(northStar) },
  { term: "Mise à jour le jour même", badge: badgeAgainst(sameDay) },
  { term: "Réalisées à leur première date", value: fr.ratio(reliability) },
];

/** "Données à 14:32:05, jeudi 12 mars 2026" (DSH-2). */
export const freshness = (stats: CampaignStats, zone: string) => ({
  time: fr.exactTime(stats.generatedAt, zone),
  day: inWords(stats.day),
});
