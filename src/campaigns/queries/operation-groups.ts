import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { Mark } from "../../platform/db/paging.ts";
import type { Tally } from "../stats.ts";
import { counted } from "./counts.ts";
import { listOperations, markOf, NONE, type OperationLine, type OperationOrder } from "./operations.ts";

export type GroupBy = "segment" | "status" | "technician" | "day";

/** The operations of a list that share a segment, a status, a technician or a planned day (OPS-7). */
export interface Group extends Tally {
  /** An id, a status code or a day; NONE: those that have none. */
  key: string;
}

const keyOf = (by: GroupBy, zone: string): RawBuilder<unknown> =>
  ({
    segment: sql`o.segment_id`,
    status: sql`o.status`,
    technician: sql`o.technician_id`,
    day: sql`(o.planned_at at time zone ${zone})::date`,
  })[by];

/** Each group of a list with its count and what is done of it, in no order. */
export async function countGroups(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  by: GroupBy,
  { zone, ...of }: { zone: string; tenantId: string; day?: string },
): Promise<Group[]> {
  const question = sql<Group>`
    select coalesce(g.key::text, ${NONE}) as key, total, done, cancelled from (
      select ${keyOf(by, zone)} as key, count(*)::int as total, count(*) filter (where o.category = 'success')::int as done,
        count(*) filter (where o.category = 'cancelled')::int as cancelled
      from operation o where ${where} group by 1) g`;
  return counted(em, question, of);
}

/** Groups as their keys follow one another, then those of no known key, then those that have none. To keep in step with `groupSort`. */
export function inOrder(groups: readonly Group[], keys: readonly string[]): Group[] {
  const rank = new Map(keys.map((key, i) => [key, i]));
  const rankOf = ({ key }: Group) => (key === NONE ? keys.length + 1 : (rank.get(key) ?? keys.length));
  return groups.toSorted((one, other) => rankOf(one) - rankOf(other) || (one.key < other.key ? -1 : 1));
}

/** SQL over `o`: the same order of groups, for rows written one after another. */
export function groupSort(by: GroupBy, zone: string, keys: readonly string[]): RawBuilder<unknown> {
  const key = sql`${keyOf(by, zone)}::text`;
  return sql`${key} is null, coalesce(array_position(${keys}::text[], ${key}), ${sql.lit(keys.length + 1)}), ${key}`;
}

/** SQL over `o`: in this group. A day is two bounds, so that the index of days serves it. */
function isIn(key: string, by: GroupBy, zone: string): RawBuilder<SqlBool> {
  if (by === "day") {
    if (key === NONE) return sql`o.planned_at is null`;
    return sql`o.planned_at >= ${key}::date::timestamp at time zone ${zone}
      and o.planned_at < (${key}::date + 1)::timestamp at time zone ${zone}`;
  }
  const column = keyOf(by, zone);
  if (key === NONE) return sql`${column} is null`;
  return by === "status" ? sql`${column} = ${key}` : sql`${column} = ${key}::uuid`;
}

export interface GroupedPage {
  /** The rows of the page in order, each with the key of its group. */
  rows: { key: string; row: OperationLine }[];
  before: { key: string; mark: Mark } | null;
  after: { key: string; mark: Mark } | null;
}

/**
 * One page of a list whose groups follow one another in the order given, those in `folded` without their rows (OPS-7).
 * Each group is asked apart, by keyset: its index serves it however many rows lie before.
 */
export async function listGrouped(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  groups: readonly Group[],
  {
    by,
    zone,
    order,
    at,
    size,
    folded,
  }: {
    by: GroupBy;
    zone: string;
    order: OperationOrder;
    at: { key: string; mark: Mark } | null;
    size: number;
    folded: ReadonlySet<string>;
  },
): Promise<GroupedPage> {
  const isBack = at?.mark.back ?? false;
  const open = groups.filter(({ key }) => !folded.has(key));
  const walk = isBack ? open.toReversed() : open;
  const start = walk.findIndex(({ key }) => key === at?.key);
  const found: { key: string; row: OperationLine }[] = [];
  for (const [i, { key }] of walk.slice(Math.max(0, start)).entries()) {
    if (found.length > size) break;
    const mark = i === 0 && start >= 0 ? at!.mark : null;
    const inGroup = sql<SqlBool>`${where} and ${isIn(key, by, zone)}`;
    const { rows } = await listOperations(em, inGroup, { order, mark, isBack, size: size + 1 - found.length });
    found.push(...(isBack ? rows.toReversed() : rows).map((row) => ({ key, row })));
  }
  const overflow = found.length > size;
  const rows = found.slice(0, size);
  if (isBack) rows.reverse();
  const neighbour = (one: { key: string; row: OperationLine } | undefined, back: boolean) =>
    one ? { key: one.key, mark: markOf(one.row, back) } : null;
  return {
    rows,
    before: (isBack ? overflow : start >= 0) ? neighbour(rows[0], true) : null,
    after: (isBack ? true : overflow) ? neighbour(rows.at(-1), false) : null,
  };
}
