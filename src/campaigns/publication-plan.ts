import type { Status } from "../workflow/index.ts";
import type { Crossing } from "./queries/preparation.ts";

/** Operations per segment and status, before a publication is applied (CAM-17). */
export interface CrossTable {
  /** The statuses that hold some, in the order of the workflow. */
  statuses: Status[];
  lines: CrossLine[];
  whole: CrossLine;
}

export interface CrossLine {
  /** Null: *Sans segment* (SEG-5), or the whole. */
  id: string | null;
  name: string;
  /** One a status, in their order. */
  counts: number[];
  total: number;
}

/** Every segment has its line, empty or not, and *Sans segment* where there is some or no other; the lines add up to the whole. */
export function crossTable(
  crossings: readonly Crossing[],
  segments: readonly { id: string; name: string }[],
  { statuses: all }: { statuses: readonly Status[] },
): CrossTable {
  const statuses = all.filter(({ code }) => crossings.some(({ status }) => status === code));
  const lineOf = (name: string, id: string | null, mine: readonly Crossing[]): CrossLine => {
    const counts = statuses.map(({ code }) => sum(mine.filter(({ status }) => status === code)));
    return { id, name, counts, total: sum(mine) };
  };
  const lines = [
    ...segments.map(({ id, name }) =>
      lineOf(
        name,
        id,
        crossings.filter(({ segmentId }) => segmentId === id),
      ),
    ),
    lineOf(
      "Sans segment",
      null,
      crossings.filter(({ segmentId }) => segmentId === null),
    ),
  ].filter(({ id, total }) => id !== null || total > 0);
  return { statuses, lines, whole: lineOf("Total", null, crossings) };
}

const sum = (some: readonly Pick<Crossing, "n">[]): number => some.reduce((all, { n }) => all + n, 0);
