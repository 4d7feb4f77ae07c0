import { absenceOn, minutesOn, type Technician } from "../../directory/index.ts";
import { fr, percentOf } from "../../platform/text/index.ts";
import { type Load, toldMinutes } from "../balance.ts";
import { COUNTER_LABELS, type Figures, type FiguresLine } from "../stats.ts";
import { COUNTED, lateWords, listed, segmentQuery, shortly, technicianQuery } from "./dashboard-words.ts";

/** The two tables of a dashboard: segments and technicians, each adding up to its total line (DSH-3, DSH-4, STA-10). */

/** What a table sorts by: the code its address carries, and what it reads of a line. */
interface Column {
  value: string;
  label: string;
  of(line: FiguresLine, rank: number): number;
  /** It spans the drawing and its figure. */
  isWide?: boolean;
}

const share = ({ progress: { part, of } }: FiguresLine) => (of === 0 ? 2 : part / of);
const FIRST = (_line: FiguresLine, rank: number) => rank;
const COUNTERS = {
  success: "realisees",
  running: "en-cours",
  planned: "planifiees",
  open: "a-planifier",
  deferred: "reportees",
  problem: "bloquees",
  cancelled: "annulees",
} as const;
const PROGRESS: Column = { value: "avancement", label: "Avancement", of: share, isWide: true };

export const SEGMENT_COLUMNS: readonly Column[] = [
  { value: "ordre", label: "Segment", of: FIRST },
  PROGRESS,
  { value: "total", label: "Total", of: ({ total }) => total },
  ...COUNTED.map((code) => ({
    value: COUNTERS[code],
    label: COUNTER_LABELS[code],
    of: ({ counters }: FiguresLine) => counters[code],
  })),
];
export const TEAM_COLUMNS: readonly Column[] = [
  { value: "nom", label: "Technicien", of: FIRST },
  { value: "affectees", label: "Affectées", of: ({ total }) => total },
  { value: "realisees", label: "Réalisées", of: ({ counters }) => counters.success },
  { ...PROGRESS, isWide: false },
  { value: "en-retard", label: "En retard", of: ({ late }) => late },
];

export interface Sort {
  by: string;
  isDescending: boolean;
}

/** By this column; those of none, which no name places, stay last (DSH-3, DSH-4). */
export function sortedBy(lines: readonly FiguresLine[], columns: readonly Column[], { by, isDescending }: Sort) {
  const column = columns.find(({ value }) => value === by) ?? columns[0]!;
  const ranked = lines.map((line, rank) => ({ line, key: column.of(line, rank) }));
  const way = isDescending ? -1 : 1;
  const named = ranked.filter(({ line }) => line.id !== null).toSorted((a, b) => way * (a.key - b.key));
  return [...named, ...ranked.filter(({ line }) => line.id === null)].map(({ line }) => line);
}

/** The heads one sorts by: again on the same turns it over. */
export const headsOf = (columns: readonly Column[], sort: Sort, hrefOf: (sort: Sort) => string) =>
  columns.map(({ value, label, isWide }, rank) => {
    const isHere = value === sort.by;
    return {
      ...{ label, num: rank > 0 && !isWide, span: isWide ? 2 : null },
      order: !isHere ? "none" : sort.isDescending ? "descending" : "ascending",
      href: hrefOf({ by: value, isDescending: isHere && !sort.isDescending }),
    };
  });

/** A line with its bar, its progress and its mark when it is late. */
export const lineOf = (line: Figures) => {
  const { counters, progress, expected } = line;
  return {
    late: lateWords(line),
    share: percentOf(progress),
    progress: fr.ratio(progress),
    expected: fr.ratio(expected),
    mark: percentOf(expected),
    total: line.total,
    overdue: line.late,
    remaining: line.remaining,
    counters,
  };
};

export const segmentLine = (line: FiguresLine, at: string) => ({
  ...lineOf(line),
  name: line.name ?? "Sans segment",
  href: line.id ? `${at}/segments/${line.id}` : listed(at, segmentQuery(null)),
});

export const totalLine = (line: Figures) => ({
  ...lineOf(line),
  name: "Total",
  href: null,
});

export const technicianLine = (line: FiguresLine, at: string, weeks: ReadonlyMap<string, Week>) => ({
  ...lineOf(line),
  name: line.name ?? "Non affectées",
  href: listed(at, technicianQuery(line.id)),
  lateAt: listed(at, `${technicianQuery(line.id)}&quand=en-retard`),
  isNobody: line.id === null,
  // Nothing is dealt to who has left.
  week: line.id === null ? null : (weeks.get(line.id) ?? null),
});

/** What somebody has to do on each of the days shown, drawn on one scale for all. */
export interface Week {
  /** For who does not see the bars. */
  said: string;
  bars: { height: number; capacity: number; isOver: boolean }[];
  /** Days that hold more than they can. */
  over: number;
}

const HEIGHT = 28;

/** Loads of these days against the hours of each (DSH-4). */
export function weeksOf({
  technicians,
  days,
  loads,
}: Record<"technicians", readonly Technician[]> & {
  days: readonly string[];
  loads: readonly Load[];
}) {
  const cells = technicians.map((technician) => ({
    technician,
    days: days.map((day) => {
      const found = loads.find((one) => one.technicianId === technician.id && one.day === day);
      const { minutes, operations } = found ?? { minutes: 0, operations: 0 };
      return {
        day,
        minutes,
        operations,
        hours: minutesOn(technician, day),
        isAway: absenceOn(technician, day) !== null,
      };
    }),
  }));
  const tallest = Math.max(1, ...cells.flatMap((one) => one.days.flatMap(({ minutes, hours }) => [minutes, hours])));
  const scaled = (minutes: number) => Math.round((10 * (HEIGHT - 2) * minutes) / tallest) / 10;
  const told = ({ day, minutes, operations, hours, isAway }: (typeof cells)[0]["days"][0]) => {
    const name = shortly(day);
    if (hours === 0 && operations === 0) return `${name}\u00a0: ${isAway ? "absence" : "ne travaille pas"}`;
    return `${name}\u00a0: ${fr.count(operations, "opération", "opérations")}, ${toldMinutes(minutes)} sur ${toldMinutes(hours)}`;
  };
  return new Map(
    cells.map(({ technician, days: own }): [string, Week] => [
      technician.id,
      {
        said: `${technician.name}, ${own.map(told).join("\u00a0; ")}`,
        bars: own.map(({ minutes, hours }) => ({
          height: scaled(minutes),
          capacity: scaled(hours),
          isOver: minutes > hours,
        })),
        over: own.filter(({ minutes, hours }) => minutes > hours).length,
      },
    ]),
  );
}
