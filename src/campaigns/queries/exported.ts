import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import type { FieldValues } from "../../fields/index.ts";
import { type OperationOrder, sortOf } from "./operations.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
const BUNDLE = 2_000;

/** An operation as a file tells it: moments are already days and hours of the campaign (EXP-3). */
export interface ExportedOperation {
  title: string;
  values: FieldValues;
  status: string;
  segment: string | null;
  technicianId: string | null;
  plannedOn: string | null;
  plannedHour: string | null;
  first: string | null;
  postponeCount: number;
  reason: string | null;
  started: string | null;
  completed: string | null;
  completedById: string | null;
  minutes: number | null;
  capacity: number;
  notes: string;
}

/**
 * The operations that answer, in their order, by bundles. The order is settled once: no page is sorted again, and none
 * moves while the others are read.
 */
export async function* exportedOperations(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  { order, zone }: { order: OperationOrder; zone: string },
): AsyncGenerator<ExportedOperation[]> {
  const run = transaction(em);
  const { rows: found } = await sql<{ id: string }>`
    select o.id from operation o where ${where} order by ${sortOf(order)}`.execute(run);
  const told = (column: RawBuilder<unknown>, form: string) => sql`to_char(${column} at time zone ${zone}, ${form})`;
  const DAY = "DD/MM/YYYY";
  const MOMENT = "DD/MM/YYYY HH24:MI";
  for (let at = 0; at < found.length; at += BUNDLE) {
    const ids = found.slice(at, at + BUNDLE).map(({ id }) => id);
    const { rows } = await sql<ExportedOperation>`
      select o.title, o."values", o.status, s.name as segment, o.technician_id as "technicianId",
        ${told(sql`o.planned_at`, DAY)} as "plannedOn", ${told(sql`o.planned_at`, "HH24:MI")} as "plannedHour",
        ${told(sql`o.first_planned_at`, DAY)} as first, o.postpone_count as "postponeCount", o.reason,
        ${told(sql`o.started_at`, MOMENT)} as started, ${told(sql`o.completed_at`, MOMENT)} as completed,
        o.completed_by_id as "completedById", o.minutes, o.capacity, o.notes
      from unnest(${ids}::uuid[]) with ordinality as wanted (id, rank)
      join operation o on o.id = wanted.id left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
      order by wanted.rank`.execute(run);
    yield rows;
  }
}

/** How a file names these people so that an import knows them again: by their name, by their address when two active technicians share it (IMP-26). */
export async function exportedPeople(em: EntityManager, ids: string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select u.id, case when exists (select from app_user v where v.tenant_id = u.tenant_id and v.id <> u.id
        and v.deactivated_at is null and v.roles @> '{technician}'
        and folded(v.given_name || ' ' || v.family_name) = folded(u.given_name || ' ' || u.family_name))
      then u.email else u.given_name || ' ' || u.family_name end as name
    from app_user u where u.id = any (${ids}::uuid[])`.execute(transaction(em));
  return new Map(rows.map(({ id, name }) => [id, name]));
}
