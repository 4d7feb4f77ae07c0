import type { Bars, Curves, Ranking } from "../../../src/platform/charts/index.ts";

/** The charts of a campaign as the reference dashboard shows them. */

export const WEEKS: Bars = {
  kind: "bars",
  title: "Prévu et réalisé, par semaine",
  sentence:
    "Prévu et réalisé de la semaine du 12 janvier à celle du 9 mars\u00a0: 659 opérations prévues, 619 réalisées.",
  axis: "Semaine du",
  labels: ["12 janv.", "19 janv.", "26 janv.", "2 févr.", "9 févr.", "16 févr.", "23 févr.", "2 mars", "9 mars"],
  series: [
    { name: "Prévues", ink: "planned", values: [24, 48, 82, 90, 88, 96, 92, 87, 52] },
    { name: "Réalisées", ink: "done", values: [22, 45, 70, 88, 84, 90, 95, 80, 45] },
  ],
};

const days = Array.from({ length: 62 }, (_, rank) => {
  const day = new Date(Date.UTC(2026, 0, 12));
  // Working days alone: five, then two that do not count.
  day.setUTCDate(day.getUTCDate() + rank + 2 * Math.floor(rank / 5));
  return day;
});
const said = new Intl.DateTimeFormat("fr-FR", { day: "numeric", month: "short", timeZone: "UTC" });
const TODAY = 43;
const upTo = (last: number, value: (rank: number) => number) =>
  days.map((_, rank) => (rank <= last ? value(rank) : null));
const from = <T>(first: number, value: (rank: number) => T) =>
  days.map((_, rank) => (rank >= first ? value(rank) : null));

export const BURN_UP: Curves = {
  kind: "curves",
  title: "Cumul et projection",
  sentence:
    "Au 12 mars, 619 opérations réalisées sur 847, pour 659 attendues par le plan initial. À 15,2 par jour, la fin est projetée au 2 avril, entre le 31 mars et le 9 avril.",
  axis: "Jour",
  labels: days.map((day) => said.format(day)),
  series: [
    {
      name: "Intervalle",
      ink: "interval",
      values: from(
        TODAY,
        (rank) => [Math.min(847, 619 + (rank - TODAY) * 12), Math.min(847, 619 + (rank - TODAY) * 18)] as const,
      ),
    },
    { name: "Plan initial", ink: "baseline", values: days.map((_, rank) => Math.min(847, Math.round(rank * 15.3))) },
    { name: "Plan actuel", ink: "plan", values: from(TODAY, (rank) => Math.min(721, 619 + (rank - TODAY) * 8)) },
    { name: "Réalisées", ink: "done", values: upTo(TODAY, (rank) => Math.round((rank * 619) / TODAY)) },
    {
      name: "Projection",
      ink: "projection",
      values: from(TODAY, (rank) => Math.min(847, Math.round(619 + (rank - TODAY) * 15.2))),
    },
  ],
  marks: [
    { at: TODAY, label: "Aujourd’hui" },
    { at: 60, label: "Fin prévue" },
  ],
};

export const BLOCKED: Ranking = {
  kind: "ranking",
  title: "Pareto des blocages",
  sentence:
    "34 opérations bloquées. Prise réseau absente en fait 13, application métier incompatible 8, disque défaillant 6\u00a0: ces trois motifs font 79,4\u00a0% des blocages.",
  axis: "Motif",
  name: "Bloquées",
  labels: [
    "Prise réseau absente",
    "Application métier incompatible",
    "Disque défaillant",
    "Compte verrouillé",
    "Poste introuvable",
    "Autre motif",
  ],
  values: [13, 8, 6, 4, 2, 1],
};

export const CHARTS = [WEEKS, BURN_UP, BLOCKED] as const;
