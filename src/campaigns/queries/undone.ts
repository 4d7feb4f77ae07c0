import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** The segments an act made. */
export async function segmentsMadeBy(em: EntityManager, actId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select h.row_id as id from change h where h.table_name = 'segment' and h.operation = 'create'
      and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

/** Those of these segments that hold operations, the trash aside. */
export async function stillUsed(em: EntityManager, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct o.segment_id as id from operation o
    where o.segment_id = any (${[...ids]}::uuid[]) and o.trashed_at is null`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** The same, but for operations that the undo of this act would take away: those it made or put there, untouched since. */
export async function usedBesides(em: EntityManager, actId: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with mine as materialized (
      select h.row_id, max(h.ordinal) as ordinal from change h
      where h.table_name = 'operation' and (h.operation = 'create' or h.after ? 'segment_id')
        and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid)) group by 1),
    moved as materialized (
      select distinct m.row_id from mine m join change n on n.table_name = 'operation' and n.row_id = m.row_id and n.ordinal > m.ordinal
      where n.ordinal > (select min(ordinal) from mine)
        and n.changeset_id <> all (array(select c.id from changeset c where c.act_id = ${actId}::uuid)))
    select distinct o.segment_id as id from operation o
    where o.segment_id = any (${[...ids]}::uuid[]) and o.trashed_at is null
      and (o.id not in (select row_id from mine) or o.id in (select row_id from moved))`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** Operations in the trash leave these segments, which leave too. */
export async function emptyTrashOf(em: EntityManager, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`update operation set segment_id = null, version = version + 1
    where segment_id = any (${[...ids]}::uuid[]) and trashed_at is not null`.execute(transaction(em));
}

/** The names of these operations say again the text of the field that names them, where it came back alone (FLD-2). */
export async function nameAnew(em: EntityManager, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`update operation o set title = left(o."values" ->> c.title_field, 255), version = o.version + 1
    from campaign c
    where o.id = any (${[...ids]}::uuid[]) and c.tenant_id = o.tenant_id and c.id = o.campaign_id
      and exists (select from campaign_field f where f.campaign_id = c.id and f.code = c.title_field and f.type = 'short_text' and f.removed_at is null)
      and left(o."values" ->> c.title_field, 255) <> o.title`.execute(transaction(em));
}
