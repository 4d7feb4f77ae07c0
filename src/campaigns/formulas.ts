import { fr, type Ratio } from "../platform/text/index.ts";
import { CATEGORY_CODES } from "../workflow/index.ts";
import { type Course, type Period, periodOf, velocityDays } from "./pace.ts";
import { NONE } from "./queries/operations.ts";
import type { CampaignStats } from "./stats.ts";

/**
 * *Comment c’est calculé ?* (DSH-8): of each figure of stats.ts its formula in words, what it is made of today, and which
 * rows of the list those are. The help page "Comment les chiffres sont calculés" says the same without numbers: keep both
 * in step.
 */

/** A part of a figure: how many, of what, and the query of the list that shows exactly these; null: no list does. */
export interface Part {
  n: number | string;
  words: string;
  query: string | null;
}

export interface Formula {
  term: string;
  value: string;
  formula: string;
  /** In the order of the formula: numerator, then denominator. */
  parts: Part[];
}

const categories = (holds: (code: (typeof CATEGORY_CODES)[number]) => boolean) =>
  CATEGORY_CODES.filter(holds)
    .map((code) => `categorie=${code}`)
    .join("&");
/** The work, what is cancelled apart (STA-4). */
const ASKED = categories((code) => code !== "cancelled");
const LEFT = categories((code) => code !== "cancelled" && code !== "success");
const EVERYTHING = "vue=toutes";

const part = (n: number | string, words: string, query: string | null = null): Part => ({ n, words, query });
const day = (text: string) => fr.date(`${text}T12:00:00Z`, "UTC");
const rate = ({ part: done, of }: Ratio) => `${fr.number(done / of, 1)} par jour ouvré`;

/** Of the figures at the top of a dashboard. */
export function pulseFormulas(stats: CampaignStats, course: Course): Formula[] {
  const { counters, progress, expected, hasBaseline, remaining, velocity, total } = stats;
  const { from, to } = velocityDays(course);
  const asked = part(progress.of, "opérations, les annulées à part", ASKED);
  return [
    {
      term: "Avancement",
      value: fr.ratio(progress),
      formula: "Opérations réalisées ÷ (total − annulées).",
      parts: [part(counters.success, "réalisées", "categorie=success"), asked],
    },
    hasBaseline
      ? {
          term: "Avancement attendu",
          value: fr.ratio(expected),
          formula:
            "Opérations dont le jour du plan de référence est passé ÷ (total − annulées). Celles que ce plan ne date pas sont attendues après la fin de la campagne.",
          parts: [part(expected.part, "attendues à ce jour", "quand=attendue"), asked],
        }
      : {
          term: "Avancement attendu",
          value: fr.ratio(expected),
          formula: "Sans plan de référence\u00a0: jours ouvrés écoulés ÷ jours ouvrés entre le début et la fin.",
          parts: [part(expected.part, "jours ouvrés écoulés"), part(expected.of, "jours ouvrés en tout")],
        },
    {
      term: "Reste à faire",
      value: fr.number(remaining),
      formula: "(Total − annulées) − réalisées.",
      parts: [part(remaining, "opérations ni réalisées ni annulées", LEFT)],
    },
    {
      term: "Vitesse",
      value: rate(velocity),
      formula:
        "Opérations réalisées ces dix derniers jours ouvrés complets ÷ 10, ou ÷ les jours ouvrés depuis le début, ou depuis la première réalisée si elle l’a devancé, s’il y en a moins.",
      parts: [
        part(velocity.part, `réalisées du ${day(from)} au ${day(to)}`, `realisee_du=${from}&realisee_au=${to}`),
        part(velocity.of, "jours ouvrés"),
      ],
    },
    ...(stats.endedOn === null ? ofToday(stats, course) : []),
    {
      term: "Bloquées, la plus ancienne",
      value: stats.blockedDays === null ? "—" : fr.count(stats.blockedDays, "jour ouvré", "jours ouvrés"),
      formula: "Jours ouvrés depuis que la plus ancienne des opérations bloquées l’est.",
      parts: [part(counters.problem, "bloquées", "categorie=problem")],
    },
    {
      term: "Total",
      value: fr.number(total),
      formula:
        "Chaque opération est dans un seul des sept compteurs, selon son statut\u00a0; la part d’un compteur est sur le total sans les annulées.",
      parts: [part(total, "opérations", EVERYTHING)],
    },
  ];
}

/** What only a campaign that is not over tells (STA-9). */
function ofToday(stats: CampaignStats, { today }: Course): Formula[] {
  const { remaining, projection, velocity } = stats;
  const monday = periodOf(today, "week");
  return [
    {
      term: "Fin projetée",
      value: projection?.days === 0 ? "Tout est fait" : projection?.on ? day(projection.on) : "—",
      formula:
        "Reste à faire ÷ vitesse, en jours ouvrés après aujourd’hui. L’intervalle va de la vitesse la plus haute à la plus basse des quatre dernières périodes de cinq jours ouvrés.",
      parts: [
        part(remaining, "opérations à faire", LEFT),
        part(fr.number(velocity.part / velocity.of, 1), "par jour ouvré"),
      ],
    },
    {
      term: "Réalisées aujourd’hui",
      value: fr.number(stats.doneToday),
      formula: "Opérations passées à «\u00a0réalisée\u00a0» depuis minuit, et qui le sont encore.",
      parts: [part(stats.doneToday, "réalisées aujourd’hui", `realisee_du=${today}&realisee_au=${today}`)],
    },
    {
      term: "Reportées cette semaine",
      value: fr.number(stats.postponedThisWeek),
      formula: "Reports faits depuis lundi\u00a0: une opération reportée deux fois compte deux fois.",
      parts: [part(fr.count(stats.postponedThisWeek, "report", "reports"), "depuis lundi", `reportee_du=${monday}`)],
    },
    {
      term: "En retard",
      value: fr.number(stats.late),
      formula: "Opérations dont le jour prévu est passé et dont le statut n’est pas final.",
      parts: [part(stats.late, "en retard", "quand=en-retard")],
    },
  ];
}

/** Of the table of segments (STA-9, STA-10). */
export const segmentFormulas = ({ segments }: CampaignStats): Formula[] => [
  {
    term: "Chaque ligne",
    value: "la même formule",
    formula:
      "L’avancement d’un segment est celui de ses opérations. Il est en retard quand il a plus de 15 points de moins que l’attendu, ou quand une de ses opérations est bloquée depuis plus de deux jours ouvrés. Avec «\u00a0Sans segment\u00a0», les lignes font le total.",
    parts: segments.filter(({ id }) => id === null).map(({ total }) => part(total, "sans segment", `segment=${NONE}`)),
  },
];

/** Of the cumulated curves (DSH-5, STA-8); `dated`: what the present plan still dates. */
export const burnUpFormulas = (stats: CampaignStats, dated: number): Formula[] => [
  {
    term: "Réalisées",
    value: fr.number(stats.counters.success),
    formula: "Opérations réalisées jusqu’à la fin de chaque période.",
    parts: [part(stats.counters.success, "réalisées", "categorie=success")],
  },
  ...(stats.hasBaseline
    ? [
        {
          term: "Plan de référence",
          value: fr.number(stats.expected.part),
          formula: "Opérations que le plan gardé à la publication date jusqu’à ce jour.",
          parts: [part(stats.expected.part, "attendues à ce jour", "quand=attendue")],
        },
      ]
    : []),
  {
    term: "Plan actuel",
    value: fr.number(dated),
    formula:
      "Les réalisées, puis chacune des autres au jour qu’elle a aujourd’hui\u00a0; celles en retard comptent dès aujourd’hui, les annulées jamais.",
    parts: [
      part(stats.counters.success, "réalisées", "categorie=success"),
      part(dated, "datées, ni réalisées ni annulées", `quand=datee&${LEFT}`),
    ],
  },
  {
    term: "Projection",
    value: rate(stats.velocity),
    formula:
      "Les réalisées, puis la vitesse par jour ouvré\u00a0; la bande va de la plus lente à la plus rapide des quatre dernières semaines.",
    parts: [part(stats.remaining, "opérations à faire", LEFT)],
  },
];

/** Of what was planned and done, period by period (STA-11, STA-12). */
export const plannedFormulas = (by: Period): Formula[] => [
  {
    term: "Prévues",
    value: { day: "par jour", week: "par semaine", month: "par mois" }[by],
    formula:
      "Les opérations du plan de chaque jour\u00a0: celles prévues ce jour-là à 00:05, et celles qu’on y a mises dans la journée, sans celles qui étaient déjà réalisées ou annulées. Ce plan ne change plus une fois le jour passé.",
    parts: [],
  },
  { term: "Réalisées", value: "", formula: "Les opérations réalisées ce jour-là, et qui le sont encore.", parts: [] },
];

/** Of blockages and of what holds the rest (DSH-5, DSH-6). */
export const causeFormulas = (expected: number): Formula[] => [
  {
    term: "Opérations attendues et non réalisées",
    value: fr.number(expected),
    formula:
      "Opérations dont le jour du plan de référence est passé et qui ne sont pas réalisées, chacune dans une seule cause\u00a0: reportée, bloquée, à planifier, sans technicien, ou prévue plus tard.",
    parts: [part(expected, "attendues et non réalisées", `quand=attendue&${LEFT}`)],
  },
];

/** Of the table of technicians (DSH-4). */
export const teamFormulas = ({ technicians }: CampaignStats): Formula[] => [
  {
    term: "Affectées, réalisées, en retard",
    value: "par technicien",
    formula:
      "Les opérations affectées aujourd’hui à chacun. Avec «\u00a0Non affectées\u00a0», les lignes font le total.",
    parts: technicians
      .filter(({ id }) => id === null)
      .map(({ total }) => part(total, "non affectées", `technicien=${NONE}`)),
  },
  {
    term: "Charge",
    value: "par jour",
    formula:
      "Durée standard des opérations de chaque jour dans cette campagne, sur les heures que la personne travaille ce jour-là\u00a0: ses horaires, sans les jours fériés ni ses absences.",
    parts: [],
  },
];

/** Of how well the figures are kept up to date (DSH-7, STA-6). */
export function healthFormulas(
  { northStar, sameDay, reliability, day: today }: CampaignStats,
  { yesterday, active }: { yesterday: string; active: Ratio },
): Formula[] {
  const due = `au=${yesterday}`;
  return [
    {
      term: "Mise à jour par le technicien affecté",
      value: fr.ratio(northStar),
      formula:
        "Opérations échues que la personne affectée a elle-même terminées ÷ opérations échues\u00a0: celles dont le jour prévu est passé, sauf les annulées. Objectif\u00a0: plus de 90\u00a0%.",
      parts: [
        part(northStar.part, "terminées par elle", `categorie=success&${due}&realisation=par-son-technicien`),
        part(northStar.of, "échues", `${due}&${ASKED}`),
      ],
    },
    {
      term: "Mise à jour le jour même",
      value: fr.ratio(sameDay),
      formula:
        "Opérations des plans des jours passés qui ont changé de statut le jour dit ÷ opérations de ces plans. Une opération prévue deux jours compte deux fois\u00a0: le tableau de «\u00a0Prévues et réalisées\u00a0» donne ces plans. Objectif\u00a0: plus de 90\u00a0%.",
      parts: [part(sameDay.part, "mises à jour le jour dit"), part(sameDay.of, "prévues, jour par jour")],
    },
    {
      term: "Techniciens actifs sur 7 jours",
      value: fr.ratio(active),
      formula:
        "Techniciens affectés qui ont agi sur une opération de la campagne ces sept derniers jours ÷ techniciens affectés. Objectif\u00a0: 80\u00a0%.",
      parts: [part(active.part, "actifs"), part(active.of, "affectés")],
    },
    {
      term: "Réalisées à leur première date",
      value: fr.ratio(reliability),
      formula: "Opérations réalisées le jour prévu la première fois ÷ opérations réalisées.",
      parts: [
        part(reliability.part, "à leur première date", "realisation=premiere-date"),
        part(reliability.of, "réalisées", `realisee_au=${today}`),
      ],
    },
  ];
}
