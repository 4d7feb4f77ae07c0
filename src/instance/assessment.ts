import { CRITERIA, type Criterion } from "./criteria.ts";

/** What the assessor says of a criterion; nothing is taken as read before somebody has looked. */
export const STATUSES = {
  conforme: { label: "Conforme", icon: "check-circle", tone: "success" },
  non_conforme: { label: "Non conforme", icon: "x-circle", tone: "danger" },
  non_applicable: { label: "Non applicable", icon: "minus", tone: "muted" },
  non_evalue: { label: "Non évalué", icon: "circle", tone: "neutral" },
} as const;
export type Status = keyof typeof STATUSES;

export const isStatus = (text: string): text is Status => Object.hasOwn(STATUSES, text);

/** A recorded result, as the table or the public function gives it. */
export interface Recorded {
  criterion: string;
  status: Status;
  note?: string | null | undefined;
}

export interface Assessed extends Criterion {
  status: Status;
  note: string | null;
}

/** The whole grid: what was recorded, and « non évalué » for the rest. */
export function assess(recorded: readonly Recorded[]): Assessed[] {
  const known = new Map(recorded.map((one) => [one.criterion, one]));
  return CRITERIA.map((criterion) => ({
    ...criterion,
    status: known.get(criterion.number)?.status ?? "non_evalue",
    note: known.get(criterion.number)?.note ?? null,
  }));
}

export type Level = "non conforme" | "partiellement conforme" | "totalement conforme";

export interface Summary {
  counts: Record<Status, number>;
  total: number;
  /** Every criterion was looked at: before that no level but « non conforme » may be stated [UIX-10]. */
  complete: boolean;
  /** Share of applicable criteria that conform; null while the grid is not complete. */
  rate: number | null;
  level: Level;
}

export function summarise(grid: readonly Assessed[]): Summary {
  const counts: Record<Status, number> = { conforme: 0, non_conforme: 0, non_applicable: 0, non_evalue: 0 };
  for (const { status } of grid) counts[status]++;
  const complete = counts.non_evalue === 0;
  const applicable = counts.conforme + counts.non_conforme;
  const rate = complete && applicable > 0 ? counts.conforme / applicable : null;
  const level: Level =
    rate == null || rate < 0.5 ? "non conforme" : rate < 1 ? "partiellement conforme" : "totalement conforme";
  return { counts, total: grid.length, complete, rate, level };
}

/** How many criteria and tests of RGAA the automatic checks touch; a small part of the whole, and pages say so. */
export const AUTOMATIC = {
  tests: CRITERIA.reduce((sum, { axe }) => sum + axe.length, 0),
  criteria: CRITERIA.filter(({ axe, checked }) => axe.length > 0 || checked != null).length,
};
