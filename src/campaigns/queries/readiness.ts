import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { counted } from "./counts.ts";
import { unattended } from "./operations.ts";
import { isLate, presentDay } from "./prerequisites.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** How many rows each rule of readiness is about (PRE-6). */
export interface ReadinessFigures {
  undated: number;
  unassigned: number;
  /** Null: the campaign has no segment. */
  unplaced: number | null;
  unavailable: number;
  unreachable: number;
  blocking: number;
  late: number;
}

/** How it is asked. */
export interface ReadinessAsked {
  /** Given by pages, which only read: see counted. */
  of?: { tenantId: string; day: string };
  /** The day they are of; without one, today where each campaign is (GEN-3). */
  on?: string;
}

const count = (where: RawBuilder<unknown>) => sql`(count(*) filter (where ${where}))::int`;

/**
 * The figures of these campaigns, by id, all in one question: of their operations, only what indexes say of those to be
 * dated, assigned or placed is read.
 */
export async function readinessFigures(
  em: EntityManager,
  ids: readonly string[],
  { of, on }: ReadinessAsked = {},
): Promise<Map<string, ReadinessFigures>> {
  const zone = sql`z.zone`;
  const today = on === undefined ? presentDay(zone) : sql`${on}::date`;
  const question = sql<ReadinessFigures & { id: string }>`
    select c.id, f.undated, f.unassigned, g.unplaced, u.unavailable, e.unreachable, q.blocking, q.late
    from campaign c join tenant n on n.tenant_id = c.tenant_id
    cross join lateral (select coalesce(c.zone, n.zone) as zone) z
    cross join lateral (
      select ${count(sql`o.planned_at is null`)} as undated, ${count(sql`o.technician_id is null`)} as unassigned
      from operation o where o.campaign_id = c.id and o.trashed_at is null and o.category not in ('success', 'cancelled')
        and (o.planned_at is null or o.technician_id is null)) f
    cross join lateral (
      select case when exists (select from segment s where s.campaign_id = c.id) then (
        select count(o.status)::int from jsonb_array_elements(c.workflow -> 'statuses') s
        left join operation o on o.campaign_id = c.id and o.trashed_at is null and o.status = s ->> 'code' and o.segment_id is null
        where not (s ->> 'isFinal')::boolean) end as unplaced) g
    cross join lateral (select count(*)::int as unavailable from (${unattended(sql`c.id`, zone, today)}) w) u
    cross join lateral (
      select count(*)::int as unreachable from eligible_person r left join staff_member s on s.tenant_id = r.tenant_id and s.id = r.staff_member_id
      where r.campaign_id = c.id and coalesce(s.email, r.email) is null) e
    cross join lateral (
      select ${count(sql`p.is_blocking and p.status <> 'done'`)} as blocking, ${count(isLate(today))} as late
      from prerequisite p where p.campaign_id = c.id) q
    where c.id = any (${[...ids]}::uuid[])`;
  const rows = of ? await counted(em, question, of) : (await question.execute(transaction(em))).rows;
  return new Map(rows.map(({ id, ...figures }) => [id, figures]));
}
