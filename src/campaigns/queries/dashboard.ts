import type { EntityManager } from "@mikro-orm/postgresql";
import { sql } from "kysely";
import type { Category } from "../../workflow/index.ts";
import { counted } from "./counts.ts";

/** Operations that are not over, counted by what holds them: what a dashboard says of a gap (DSH-5, DSH-6). */
export interface Held {
  category: Category;
  /** Why it was put off or is blocked; null of the others, and where nobody said. */
  reason: string | null;
  isUndated: boolean;
  isUnassigned: boolean;
  /** The baseline has them done by now. */
  isExpected: boolean;
  n: number;
}

/** Those of a campaign at the start of its day; asked by pages, which write nothing: see counted. */
export async function heldOperations(
  em: EntityManager,
  { id, tenantId, endsOn }: { id: string; tenantId: string; endsOn: string },
  { today }: { today: string },
): Promise<Held[]> {
  return counted(
    em,
    sql<Held>`
      select o.category, case when o.category in ('deferred', 'problem') then o.reason end as reason,
        o.planned_at is null as "isUndated", o.technician_id is null as "isUnassigned",
        coalesce(o.baseline_on, ${endsOn}::date) < ${today}::date as "isExpected", count(*)::int as n
      from operation o
      where o.campaign_id = ${id}::uuid and o.trashed_at is null and o.category not in ('success', 'cancelled')
      group by 1, 2, 3, 4, 5`,
    { tenantId },
  );
}
