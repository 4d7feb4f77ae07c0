import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** How many campaigns of the organisation took this type, whoever sees them (TYP-3). */
export async function campaignsOfType(em: EntityManager, typeId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from campaign where operation_type_id = ${typeId}::uuid`.execute(transaction(em));
  return rows[0]!.n;
}

/** The types a new campaign may take, by name: those that are not retired (TYP-3). */
export async function listOfferedTypes(em: EntityManager): Promise<{ value: string; label: string }[]> {
  const { rows } = await sql<{ value: string; label: string }>`
    select id as value, name as label from operation_type where retired_at is null order by folded(name), id`.execute(
    transaction(em),
  );
  return rows;
}
