import { cumulated, leading } from "../../platform/charts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { fr, type Ratio } from "../../platform/text/index.ts";
import { CATEGORIES, type Category } from "../../workflow/index.ts";
import { blockages } from "../curves.ts";
import { reasonsOf } from "../dashboard.ts";
import { localDay } from "../progress.ts";
import type { Oldest } from "../queries/dashboard.ts";
import { NO_REASON, NONE, SOMEBODY } from "../queries/operations.ts";
import { READINESS_LEVELS, type Readiness } from "../readiness.ts";
import { type CampaignStats, COUNTER_LABELS, type FiguresLine, type Held } from "../stats.ts";

/** What a dashboard says of figures: words and links, no figure of its own (STA-1, DSH-1 to DSH-7). */

export const inWords = (day: string) => fr.date(`${day}T12:00:00Z`, "UTC");
export const shortly = (day: string) => inWords(day).replace(/ \d{4}$/u, "");
const share = (part: number, of: number): Ratio => ({ part, of });

const part = (day: string, options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("fr", { timeZone: "UTC", ...options }).format(new Date(`${day}T12:00:00Z`));
/** "12 mars". */
const briefly = (day: string) => part(day, { day: "numeric", month: "long" });
/** "13 au 19 mars", "30 nov. au 4 déc.". */
export const spanWords = (from: string, to: string) =>
  from.slice(0, 7) === to.slice(0, 7)
    ? `${part(from, { day: "numeric" })} au ${briefly(to)}`
    : [from, to].map((day) => part(day, { day: "numeric", month: "short" })).join(" au ");

/** The widgets, in the order they are read; cancelled ones are said after (DSH-1, STA-4). */
export const WIDGETS = ["success", "running", "planned", "open", "deferred", "problem"] as const satisfies Category[];
/** The seven counters as tables show them: they add up to the total of their line (STA-4). */
export const COUNTED = [...WIDGETS, "cancelled"] as const satisfies Category[];
export const FILLS = {
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
  const { counters, progress, doneToday, postponedThisWeek, blockedDays, endedOn } = stats;
  const busy = stats.technicians.filter(({ id, counters: own }) => id !== null && own.running > 0).length;
  const unplaced = stats.segments.find(({ id }) => id === null)?.counters.open ?? 0;
  // Of what is over nothing is new, and nothing is asked.
  const news: Partial<Record<Category, string | false>> = {
    success: doneToday > 0 && `+${fr.number(doneToday)} aujourd’hui`,
    running: busy > 0 && fr.count(busy, "technicien", "techniciens"),
    open: unplaced > 0 && stats.segments.length > 1 && `${fr.number(unplaced)} sans segment`,
    deferred: postponedThisWeek > 0 && `+${fr.number(postponedThisWeek)} cette semaine`,
    problem:
      blockedDays !== null &&
      (blockedDays > 0
        ? `Action requise, depuis ${fr.count(blockedDays, "jour ouvré", "jours ouvrés")}`
        : "Action requise"),
  };
  return WIDGETS.map((code) => ({
    label: COUNTER_LABELS[code],
    icon: CATEGORIES[code].icon,
    tone: FILLS[code],
    value: fr.number(counters[code]),
    share: fr.ratio(share(counters[code], progress.of)),
    news: (endedOn === null && news[code]) || null,
    href: listed(at, `categorie=${code}`),
  }));
}

/** The parts of a bar of progress, in thousandths of its width, and where what was expected stands. */
export function barOf(stats: Pick<CampaignStats, "counters" | "progress" | "expected">) {
  const { counters, progress, expected } = stats;
  let from = 0;
  const parts = WIDGETS.flatMap((code) => {
    const width = progress.of === 0 ? 0 : (1_000 * counters[code]) / progress.of;
    const part = { fill: FILLS[code], from: rounded(from), width: rounded(width) };
    from += width;
    return counters[code] > 0 ? [part] : [];
  });
  const mark = expected.of === 0 ? null : rounded((1_000 * expected.part) / expected.of);
  // Its words stand on the side that has room.
  return { parts, mark, side: mark !== null && mark < 500 ? "start" : "end" };
}
const rounded = (n: number) => Math.round(n * 10) / 10;

/** Under the bar: what is left, how fast, until when (DSH-2, STA-8). */
export function paceOf(stats: CampaignStats) {
  const { remaining, progress, expected, hasBaseline, velocity, projection, interval, spread, endsOn, endedOn } = stats;
  const gap = hasBaseline ? expected.part - progress.part : 0;
  const [soonest, latest] = [interval.soonest?.on ?? null, interval.latest?.on ?? null];
  const isNothing = progress.of === 0;
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
    endedOn !== null
      ? { term: "Close le", value: shortly(endedOn), more: null }
      : {
          term: "Fin projetée",
          value: isNothing
            ? "—"
            : remaining === 0
              ? "Tout est fait"
              : projection?.on
                ? shortly(projection.on)
                : projection
                  ? "Dans très longtemps"
                  : "Projection impossible",
          more: isNothing
            ? "Aucune opération n’est à faire"
            : remaining === 0
              ? null
              : projection === null
                ? "Rien de réalisé ces derniers jours ouvrés"
                : soonest && latest && soonest !== latest
                  ? `entre le ${briefly(soonest)} et le ${briefly(latest)}`
                  : latest === null
                    ? "au rythme le plus lent, sans fin"
                    : null,
        },
    {
      term: "Fin prévue",
      value: endsOn === null ? "Non gardée par cet instantané" : shortly(endsOn),
      more: !spread
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
      : [`blocage de ${fr.count(lateMark.blockedDays, "jour ouvré", "jours ouvrés")}`]),
  ];
  return fr.list(said);
}

/** Where the rows of a segment, or of none, are listed. */
export const segmentQuery = (id: string | null) => `segment=${id ?? NONE}`;
export const technicianQuery = (id: string | null) => `technicien=${id ?? NONE}`;

/** What holds the operations that should be done by now, each in one cause, with its most frequent reason (DSH-6). */
export function causesOf(held: readonly Held[], at: string) {
  const late = held.filter(({ isExpected }) => isExpected);
  const sum = (some: readonly Held[]) => some.reduce((total, { n }) => total + n, 0);
  const of = (...codes: Category[]) => late.filter(({ category }) => codes.includes(category));
  const mostly = (some: readonly Held[]) => {
    const reasons = new Map<string, number>();
    for (const { reason, n } of some) if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + n);
    const [first] = [...reasons].toSorted(([, a], [, b]) => b - a);
    return first ? `surtout «\u00a0${first[0]}\u00a0» (${fr.number(first[1])})` : null;
  };
  const line = (cause: string, some: readonly Held[], query: string, more: string | null = null) => ({
    ...{ cause, n: sum(some), more },
    href: listed(at, `quand=attendue&${query}`),
  });
  const going = of("planned", "running");
  const GOING = "categorie=planned&categorie=running";
  const lines = [
    line("Reportées", of("deferred"), "categorie=deferred", mostly(of("deferred"))),
    line("Bloquées", of("problem"), "categorie=problem", mostly(of("problem"))),
    line("Non planifiées", of("open"), "categorie=open"),
    line(
      "Non affectées",
      going.filter(({ isUnassigned }) => isUnassigned),
      `${GOING}&technicien=${NONE}`,
    ),
    line(
      "Commencées, ou prévues plus tard",
      going.filter(({ isUnassigned }) => !isUnassigned),
      `${GOING}&technicien=${SOMEBODY}`,
    ),
  ];
  return { total: sum(late), lines: lines.filter(({ n }) => n > 0) };
}

const IN_WORDS = ["", "Un seul motif fait", "Deux motifs font", "Trois motifs font", "Quatre motifs font"];

/** Blocked operations by reason, drawn as bars: what to look at stands out, and is said (DSH-5, OPS-20). */
export function paretoOf(held: readonly Held[], at: string) {
  const reasons = reasonsOf(held);
  if (reasons.length === 0) return null;
  const chart = blockages(reasons);
  const ratios = cumulated(chart);
  const first = leading(chart);
  const named = chart.reasons.flat();
  const lines = chart.labels.map((label, rank) => ({
    label,
    n: chart.values[rank]!,
    width: rounded((100 * chart.values[rank]!) / chart.values[0]!),
    isMain: rank < first,
    share: fr.ratio(ratios[rank]!),
    href: withQuery(`${at}/operations`, {
      categorie: "problem",
      motif: chart.reasons[rank]!.map((reason) => reason ?? NO_REASON),
    }),
  }));
  const said = `${IN_WORDS[first] ?? `${first} motifs font`} ${fr.ratio(ratios[first - 1]!)} des blocages.`;
  return { total: fr.count(ratios[0]!.of, "opération", "opérations"), lines, said: named.length > 1 ? said : null };
}

const TARGET = 90;
const ACTIVE_TARGET = 80;
const targeted = (isMet: boolean) =>
  isMet ? ({ icon: "check", tone: "success" } as const) : ({ icon: "alert-triangle", tone: "warning" } as const);
/** Compared on the un-rounded fraction (STA-6, STA-7). */
const badgeAgainst = (ratio: Ratio) =>
  ratio.of === 0
    ? { label: "—, pas encore d’échéance passée", icon: "minus", tone: "neutral" }
    : {
        label: `${fr.ratio(ratio)}, cible ${TARGET}\u00a0%`,
        ...targeted(100 * ratio.part > TARGET * ratio.of),
      };

/** Whether the figures themselves are kept up to date, and the campaign ready for what comes (DSH-7, STA-6). */
export const healthOf = (
  { northStar, sameDay, reliability }: CampaignStats,
  { active, readiness }: { active: Ratio; readiness: Pick<Readiness, "level"> | null },
) => [
  { term: "Mise à jour par le technicien affecté", badge: badgeAgainst(northStar) },
  { term: "Mise à jour le jour même", badge: badgeAgainst(sameDay) },
  {
    term: "Techniciens actifs sur 7 jours",
    badge:
      active.of === 0
        ? { label: "—, personne n’est affecté", icon: "minus", tone: "neutral" }
        : {
            label: `${fr.number(active.part)} sur ${fr.number(active.of)}, cible ${ACTIVE_TARGET}\u00a0%`,
            ...targeted(100 * active.part >= ACTIVE_TARGET * active.of),
          },
  },
  { term: "Réalisées à leur première date", value: fr.ratio(reliability) },
  ...(readiness ? [{ term: "État de préparation", badge: READINESS_LEVELS[readiness.level] }] : []),
];

/** Above everything else, once it is over: when it ended, and what was left then (CAM-7). */
export function shownEnd({ endedOn, remaining }: CampaignStats, { isAbandoned }: { isAbandoned: boolean }) {
  if (endedOn === null) return null;
  const left = fr.count(remaining, "opération n’a pas été réalisée", "opérations n’ont pas été réalisées");
  return {
    icon: "flag",
    head: `Campagne ${isAbandoned ? "abandonnée" : "terminée"} le ${inWords(endedOn)}`,
    text: `Ses chiffres sont ceux de ce jour.${remaining > 0 ? ` ${left}.` : ""}`,
  };
}

/** Above everything else: what makes the campaign late, and where to begin (STA-9, DSH-2). */
export function shownLate(
  stats: CampaignStats,
  at: string,
  { oldest, mayAct }: { oldest: (Oldest & { day: string }) | null; mayAct: boolean },
) {
  const words = lateWords(stats);
  const { lateMark, counters, progress, expected } = stats;
  if (words === null || lateMark === null) return null;
  const head = `Campagne en retard\u00a0: ${words}`;
  if (lateMark.blockedDays === null) {
    return {
      head,
      text: `${fr.ratio(progress)} réalisé quand ${fr.ratio(expected)} était attendu. Le seuil est de 15 points.`,
      action: { href: listed(at, "quand=en-retard"), label: "Voir les opérations en retard" },
    };
  }
  const blocked = fr.count(counters.problem, "opération est bloquée", "opérations sont bloquées");
  const since =
    oldest &&
    `, ${counters.problem > 1 ? "la plus ancienne " : ""}depuis le ${shortly(oldest.day)} (${[oldest.title, oldest.reason].filter(Boolean).join(", ")})`;
  return {
    head,
    text: `${blocked}${since ?? ""}. Le seuil est de 2 jours ouvrés.`,
    action: {
      href: listed(at, "categorie=problem"),
      label: `${mayAct ? "Traiter" : "Voir"} ${counters.problem < 2 ? "le blocage" : `les ${fr.number(counters.problem)} blocages`}`,
    },
  };
}

/** "Données à 14:32:05, jeudi 12 mars 2026" (DSH-2). */
export const freshness = ({ generatedAt }: Pick<CampaignStats, "generatedAt">, zone: string) => ({
  time: fr.exactTime(generatedAt, zone),
  day: inWords(localDay(generatedAt, zone)),
});
