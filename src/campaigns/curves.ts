import { type Calendar, countWorkingDays } from "../directory/index.ts";
import { shiftDay } from "../fields/index.ts";
import type { Bars, Curves, Ranking } from "../platform/charts/index.ts";
import { fr } from "../platform/text/index.ts";
import { byPeriod, type DayCounts, type Period, type Projection } from "./pace.ts";
import type { CampaignStats } from "./stats.ts";

/** The charts of a campaign in the words of the product: pure, made of counts by local day (DSH-5, STA-12). */

export interface DayByDay {
  completed: DayCounts;
  /** The baseline that holds, empty without one. */
  baseline: DayCounts;
  /** Plans of past days as frozen, of days to come as they are (STA-11). */
  planned: DayCounts;
  /** Operations that are not over, by the day they are dated: what the present plan still holds, late ones too. */
  dated: DayCounts;
}

type Days = { startsOn: string; endsOn: string; calendar: Calendar };

/** Beyond it a chart is drawn by longer periods: no eye tells more points apart. */
const MOST_POINTS = 400;
/** A projection further away than this is said, and not drawn. */
const FARTHEST_DAYS = 120;

const PERIOD_WORDS = { day: "Jour", week: "Semaine", month: "Mois" } as const;

/** "12 mars", for a mark. */
const shortDay = (day: string) => labelOf(day, "day", false);

const worded = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("fr", { timeZone: "UTC", month: "short", ...options });
const LABELS = {
  short: worded({ day: "numeric" }),
  long: worded({ day: "numeric", year: "numeric" }),
  month: worded({ year: "numeric" }),
};

/** "12 mars", with its year where several are drawn; a month has its own words. */
const labelOf = (start: string, by: Period, isLong: boolean): string =>
  LABELS[by === "month" ? by : isLong ? "long" : "short"].format(new Date(start)).replaceAll(" ", "\u00a0");

const firstOf = (counts: DayCounts): string | undefined => [...counts.keys()].toSorted()[0];

function spanOf({ completed, baseline, planned }: DayByDay, { startsOn, endsOn }: Days, farthest: string | null) {
  const froms = [startsOn, firstOf(completed), firstOf(baseline), firstOf(planned)].flatMap((day) => day ?? []);
  const limit = shiftDay(endsOn, FARTHEST_DAYS);
  const last = [...planned.keys()].toSorted().at(-1);
  const tos = [endsOn, last, farthest].flatMap((day) => day ?? []).map((day) => (day > limit ? limit : day));
  return { from: froms.toSorted()[0]!, to: tos.toSorted().at(-1)! };
}

/** The period asked, or the shortest that can still be read over so many days. */
export function readablePeriod(by: Period, { from, to }: { from: string; to: string }): Period {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000;
  if (days > 7 * MOST_POINTS) return "month";
  return by === "day" && days > MOST_POINTS ? "week" : by;
}

const cumulated = (counts: DayCounts) => {
  const days = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  /** What was counted up to this day, itself included. */
  return (day: string): number => days.reduce((sum, [one, n]) => (one <= day ? sum + n : sum), 0);
};

/** What the present plan still dates: late ones, those of today and of days to come (DSH-5). */
export const datedOf = ({ dated }: Pick<DayByDay, "dated">): number =>
  [...dated.values()].reduce((sum, n) => sum + n, 0);

/** Done, baseline, present plan, projection and its interval, cumulated to the end of each period (DSH-5, STA-8). */
export function burnUp(days: DayByDay, stats: CampaignStats, campaign: Days, asked: Period): Curves {
  const { counters, progress, projection, interval, hasBaseline, day: today } = stats;
  const target = progress.of;
  const done = counters.success;
  const span = spanOf(days, campaign, projection?.on ?? null);
  const by = readablePeriod(asked, span);
  const starts = byPeriod(new Map(), { ...span, by }).map(({ start }) => start);
  const ends = starts.map((_, rank) => (starts[rank + 1] ? shiftDay(starts[rank + 1]!, -1) : span.to));
  const isLong = span.from.slice(0, 4) !== span.to.slice(0, 4);
  const [completedTo, baselineTo] = [cumulated(days.completed), cumulated(days.baseline)];
  const datedTo = cumulated(days.dated);
  // Done before anybody said when: by a file that gave no date.
  const undated = done - completedTo(today);
  const now = starts.findLastIndex((start) => start <= today);
  const ahead = (value: (end: string) => number | null) => ends.map((end, rank) => (rank < now ? null : value(end)));
  const at = (one: Projection) => (end: string) => {
    if (one === null || one.days === 0) return done;
    const worked = end <= today ? 0 : countWorkingDays(shiftDay(today, 1), end, campaign.calendar);
    return Math.min(target, done + Math.round(((target - done) * worked) / one.days));
  };
  const isUnderWay = target > done && now >= 0 && projection !== null;
  const end = projection?.on ? starts.findLastIndex((start) => start <= projection.on!) : -1;
  const dot = isUnderWay && end > now && projection.on! <= span.to && { at: end, label: shortDay(projection.on!) };
  return {
    kind: "curves",
    title: "Cumul et projection",
    sentence: burnUpWords(stats),
    axis: PERIOD_WORDS[by],
    labels: starts.map((start) => labelOf(start, by, isLong)),
    series: [
      {
        name: "Réalisées",
        said: fr.number(done),
        ink: "done",
        values: ends.map((end, rank) => (rank > now ? null : undated + completedTo(end < today ? end : today))),
      },
      ...(hasBaseline
        ? [
            {
              name: "Plan de référence",
              said: fr.count(stats.expected.part, "attendue", "attendues"),
              ink: "baseline" as const,
              values: ends.map(baselineTo),
            },
          ]
        : []),
      {
        name: "Plan actuel",
        said: fr.count(datedOf(days), "datée", "datées"),
        ink: "plan",
        // What is late is still planned: it is on the curve from today on.
        values: ahead((end) => Math.min(target, done + datedTo(end))),
      },
      ...(isUnderWay
        ? [
            {
              name: "Projection",
              said: `${fr.number(stats.velocity.part / stats.velocity.of, 1)} par jour`,
              ink: "projection" as const,
              values: ahead(at(projection)),
              ...(dot && { dot }),
            },
            {
              name: "Entre le plus lent et le plus rapide",
              ink: "interval" as const,
              values: ends.map((end, rank) =>
                rank < now ? null : ([at(interval.latest)(end), at(interval.soonest)(end)] as const),
              ),
            },
          ]
        : []),
    ],
    marks: [
      ...(now >= 0 ? [{ at: now, label: `${stats.endedOn ? "Clôture" : "Aujourd’hui"}, ${shortDay(today)}` }] : []),
      {
        at: starts.findLastIndex((start) => start <= campaign.endsOn),
        label: `Fin prévue, ${shortDay(campaign.endsOn)}`,
        isEnd: true,
      },
    ],
  };
}

const inWords = (day: string) => fr.date(`${day}T12:00:00Z`, "UTC");

/** What the curves show, for who does not see them. */
const burnUpWords = (stats: CampaignStats): string => {
  const { counters, progress, expected, hasBaseline, day } = stats;
  const awaited = hasBaseline ? `, ${fr.number(expected.part)} attendues` : "";
  return `Au ${inWords(day)}\u00a0: ${fr.number(counters.success)} réalisées sur ${fr.number(progress.of)}${awaited}. ${endWords(stats)}`;
};

/** Where they lead, or why nowhere (STA-8). */
function endWords({ progress, velocity, projection, interval, endedOn }: CampaignStats): string {
  if (endedOn !== null) return `Close le ${inWords(endedOn)}.`;
  if (progress.of === 0) return "La fin ne se projette pas\u00a0: aucune opération n’est à faire.";
  if (projection === null) {
    const days = velocity.of === 1 ? "le dernier jour ouvré" : `ces ${velocity.of} derniers jours ouvrés`;
    return `La fin ne se projette pas\u00a0: rien n’a été réalisé ${days}.`;
  }
  if (projection.days === 0) return "Tout est fait.";
  const pace = `À ${fr.number(velocity.part / velocity.of, 1)} par jour ouvré`;
  if (projection.on === null) {
    return `${pace}, la fin est trop loin pour avoir une date\u00a0: ${fr.count(projection.days, "jour ouvré", "jours ouvrés")}.`;
  }
  const [soonest, latest] = [interval.soonest?.on, interval.latest?.on];
  const between =
    soonest && latest && soonest !== latest ? `, entre le ${inWords(soonest)} et le ${inWords(latest)}` : "";
  return `${pace}, la fin est projetée au ${inWords(projection.on)}${between}.`;
}

/** Operations of the plan of each period, and those completed in it (DSH-5, STA-11, STA-12). */
export function plannedAndDone(days: DayByDay, campaign: Days, asked: Period): Bars {
  const span = spanOf(days, campaign, null);
  const by = readablePeriod(asked, span);
  const isLong = span.from.slice(0, 4) !== span.to.slice(0, 4);
  const done = byPeriod(days.completed, { ...span, by });
  const planned = byPeriod(days.planned, { ...span, by });
  const sum = (all: readonly { n: number }[]) => all.reduce((total, { n }) => total + n, 0);
  return {
    kind: "bars",
    title: "Prévues et réalisées",
    sentence: `Du ${inWords(span.from)} au ${inWords(span.to)}\u00a0: ${fr.number(sum(planned))} prévues au plan du jour, ${fr.number(sum(done))} réalisées.`,
    axis: PERIOD_WORDS[by],
    labels: done.map(({ start }) => labelOf(start, by, isLong)),
    series: [
      { name: "Prévues", ink: "planned", values: planned.map(({ n }) => n) },
      { name: "Réalisées", ink: "done", values: done.map(({ n }) => n) },
    ],
  };
}

/** Reasons drawn one by one; the rest is one line. */
const MOST_REASONS = 8;

/** Blocked operations by reason, the most frequent first, with the reasons each line stands for (DSH-5, OPS-20). */
export function blockages(
  reasons: readonly { reason: string | null; n: number }[],
): Ranking & { reasons: (string | null)[][] } {
  const sorted = reasons.toSorted((a, b) => b.n - a.n || (a.reason ?? "").localeCompare(b.reason ?? "", "fr"));
  const shown = sorted.slice(0, MOST_REASONS);
  const rest = sorted.slice(MOST_REASONS);
  const lines = [
    ...shown.map(({ reason, n }) => ({ label: reason ?? "Sans motif", n, of: [reason] })),
    ...(rest.length > 0
      ? [
          {
            label: "Autres motifs",
            n: rest.reduce((sum, { n }) => sum + n, 0),
            of: rest.map(({ reason }) => reason),
          },
        ]
      : []),
  ];
  const whole = lines.reduce((sum, { n }) => sum + n, 0);
  return {
    kind: "ranking",
    title: "Pareto des blocages",
    sentence: `${fr.count(whole, "opération bloquée", "opérations bloquées")}\u00a0: ${lines.map(({ label, n }) => `${label}, ${fr.number(n)}`).join("\u00a0; ")}.`,
    axis: "Motif",
    name: "Bloquées",
    labels: lines.map(({ label }) => label),
    values: lines.map(({ n }) => n),
    reasons: lines.map(({ of }) => of),
  };
}

/** The period an address asks for, in French words. */
export const PERIODS = [
  { value: "jour", label: "Jour", by: "day" },
  { value: "semaine", label: "Semaine", by: "week" },
  { value: "mois", label: "Mois", by: "month" },
] as const satisfies readonly { value: string; label: string; by: Period }[];
