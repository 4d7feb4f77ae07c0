import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { FieldDefinition } from "../../fields/index.ts";
import { askWithNext } from "../../platform/db/index.ts";

const definitions = (campaignId: string) => sql<FieldDefinition>`
  select code, label, help, type, rules, is_mandatory as "isMandatory", is_unique as "isUnique", is_personal as "isPersonal",
    is_listed as "isListed", is_for_technicians as "isForTechnicians", is_technician_editable as "isTechnicianEditable",
    is_searchable as "isSearchable"
  from campaign_field where campaign_id = ${campaignId}::uuid and removed_at is null order by position, id`;

/** The fields of a campaign in their order, as the database has them: for pages, before any act changes them. */
export const definitionsOf = async (em: EntityManager, { id }: { id: string }): Promise<FieldDefinition[]> =>
  (await definitions(id).execute(em.getTransactionContext<Transaction<unknown>>()!)).rows;

/** Whether a campaign has operations, in the trash or not: what names them is chosen until then (FLD-2). */
export async function hasOperations(em: EntityManager, { id }: { id: string }): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from operation where campaign_id = ${id}::uuid) as has`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  return rows[0]!.has;
}

/** The same definitions, which nobody changes until the end of the transaction; who was about to, waits (FLD-6). */
export const holdFields = async (em: EntityManager, { id }: { id: string }): Promise<FieldDefinition[]> =>
  (await sql<FieldDefinition>`${definitions(id)} for share`.execute(em.getTransactionContext<Transaction<unknown>>()!))
    .rows;

/** The same definitions, asked along with the next question. */
export const definitionsWithNext = (em: EntityManager, { id }: { id: string }) => askWithNext(em, definitions(id));
