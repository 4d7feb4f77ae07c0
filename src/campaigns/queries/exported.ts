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
  isMissing: boolean;
}

/**
 * The operations that answer, in their order and group after group, by bundles of one reading: no page is sorted again, and none moves while the
 * others are written. Nothing else can be asked in this transaction meanwhile.
 */
export async function* exportedOperations(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  { order, groups, zone }: { order: OperationOrder; groups: RawBuilder<unknown> | null; zone: string },
): AsyncGenerator<ExportedOperation[]> {
  const run = transaction(em);
  const told = (column: RawBuilder<unknown>, form: string) => sql`to_char(${column} at time zone ${zone}, ${form})`;
  const DAY = "DD/MM/YYYY";
  const MOMENT = "DD/MM/YYYY HH24:MI";
  const reading = sql<ExportedOperation>`
    select o.title, o."values", o.status, s.name as segment, o.technician_id as "technicianId",
      ${told(sql`o.planned_at`, DAY)} as "plannedOn", ${told(sql`o.planned_at`, "HH24:MI")} as "plannedHour",
      ${told(sql`o.first_planned_at`, DAY)} as first, o.postpone_count as "postponeCount", o.reason,
      ${told(sql`o.started_at`, MOMENT)} as started, ${told(sql`o.completed_at`, MOMENT)} as completed,
      o.completed_by_id as "completedById", o.minutes, o.capacity, o.notes,
      o.is_missing as "isMissing"
    from operation o left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
    where ${where} order by ${groups ? sql`${groups}, ` : sql``}${sortOf(order)}`.compile(run);
  for await (const { rows } of run.getExecutor().stream<ExportedOperation>(reading, BUNDLE)) yield rows;
}

/**
 * How a file names the accounts of the organisation so that an import knows them again: by their name, by their address
 * when two active technicians share it (IMP-26).
 */
export async function exportedAccounts(em: EntityManager): Promise<[id: string, name: string][]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, case when namesakes > 1 then email else name end as name from (
      select id, email, given_name || ' ' || family_name as name,
        count(*) filter (where deactivated_at is null and roles @> '{technician}')
          over (partition by folded(given_name || ' ' || family_name)) as namesakes
      from app_user) u`.execute(transaction(em));
  return rows.map(({ id, name }) => [id, name]);
}

/** Who the fields of people of these operations name. */
export async function exportedPeople(
  em: EntityManager,
  where: RawBuilder<SqlBool>,
  codes: readonly string[],
): Promise<string[]> {
  if (codes.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select distinct o."values" ->> code as id from operation o, unnest(${codes}::text[]) code
    where ${where} and o."values" ? code`.execute(transaction(em));
  return rows.map(({ id }) => id);
}
