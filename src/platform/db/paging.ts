export const PAGE_SIZE = 50;

/** Where a page begins: the order's value and the id of its neighbour. */
export interface Mark {
  value: string;
  id: string;
  back: boolean;
}

export interface Paged<T> {
  rows: T[];
  total: number;
  before: Mark | null;
  after: Mark | null;
}

/** Turns the rows of one side of a mark, one too many, into a page with its neighbours. */
export function paged<Row extends { id: string }, Line>(
  found: Row[],
  {
    backwards,
    size,
    more,
    total,
    markOf,
    line,
  }: {
    backwards: boolean;
    size: number;
    more: boolean;
    total: number;
    markOf: (row: Row) => string;
    line: (row: Row) => Line;
  },
): Paged<Line> {
  const overflow = found.length > size;
  const rows = found.slice(0, size);
  if (backwards) rows.reverse();
  const first = rows[0];
  const last = rows.at(-1);
  const hasBefore = backwards ? overflow : more;
  const hasAfter = backwards ? true : overflow;
  return {
    rows: rows.map(line),
    total,
    before: hasBefore && first ? { value: markOf(first), id: first.id, back: true } : null,
    after: hasAfter && last ? { value: markOf(last), id: last.id, back: false } : null,
  };
}
