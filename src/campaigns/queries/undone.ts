import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { VALUES_HELD } from "./operations.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * Those of the fields an import made that other operations fill: all in place but, before it is taken back, those it wrote
 * that nobody touched since, which go with it or lose its values.
 */
export async function importedFieldsFilled(
  em: EntityManager,
  actId: string,
  { isApplied }: { isApplied: boolean },
): Promise<string[]> {
  const changesets = sql`any (array(select c.id from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
    where c.act_id = ${actId}::uuid and a.code = 'import.run'))`;
  const { rows: made } = await sql<{ id: string }>`
    select h.row_id as id from change h
    where h.table_name = 'campaign_field' and h.operation = 'create' and h.changeset_id = ${changesets}`.execute(
    transaction(em),
  );
  if (made.length === 0) return [];
  const others = isApplied
    ? sql<SqlBool>`true`
    : sql<SqlBool>`(o.id not in (select row_id from mine) or o.id in (select row_id from moved))`;
  const { rows } = await sql<{ id: string }>`
    with mine as materialized (
      select h.row_id, max(h.ordinal) as ordinal from change h
      where h.table_name = 'operation' and h.changeset_id = ${changesets} group by 1),
    moved as materialized (
      select distinct m.row_id from mine m join change n on n.table_name = 'operation' and n.row_id = m.row_id and n.ordinal > m.ordinal
      where n.ordinal > (select min(ordinal) from mine) and n.changeset_id <> all (array(select c.id from changeset c where c.act_id = ${actId}::uuid)))
    select distinct f.id from campaign_field f
    join operation o on o.tenant_id = f.tenant_id and o.campaign_id = f.campaign_id and o."values" ? f.code
    where f.id = any (${made.map(({ id }) => id)}::uuid[]) and o.trashed_at is null and ${others}`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

/** The segments, or the baselines, an act made. */
export async function madeBy(em: EntityManager, actId: string, table: "segment" | "baseline"): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select h.row_id as id from change h where h.table_name = ${table} and h.operation = 'create'
      and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

/** Those of these segments that hold operations, the trash aside, people or prerequisites. */
export async function stillUsed(em: EntityManager, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct o.segment_id as id from operation o
    where o.segment_id = any (${[...ids]}::uuid[]) and o.trashed_at is null
    union select e.segment_id from eligible_person e where e.segment_id = any (${[...ids]}::uuid[])
    union select p.segment_id from prerequisite p where p.segment_id = any (${[...ids]}::uuid[])`.execute(
    transaction(em),
  );
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
      and (o.id not in (select row_id from mine) or o.id in (select row_id from moved))
    union select e.segment_id from eligible_person e where e.segment_id = any (${[...ids]}::uuid[])
    union select p.segment_id from prerequisite p where p.segment_id = any (${[...ids]}::uuid[])`.execute(
    transaction(em),
  );
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

/** SQL: what an act did to the values of operations, or to their being in the trash, as `mine`. */
const valuesChangedBy = (actId: string) => sql`mine as materialized (
  select h.row_id, h.ordinal, h.operation, h.before, h.after from change h
  where h.table_name = 'operation' and h.changeset_id = any (array(select c.id from changeset c where c.act_id = ${actId}::uuid))
    and (h.operation = 'create' or h.before ?| '{values,trashed_at}'))`;

/** SQL: the unique fields of the campaigns of these operations, as `f`. */
const uniqueFields = (ids: RawBuilder<unknown>) => sql`f as materialized (
  select campaign_id, code, label from campaign_field where is_unique and removed_at is null
    and campaign_id = any (array(select distinct o.campaign_id from operation o where o.id = any (${ids}))))`;

/** Nobody else writes unique values of the campaigns whose operations this act changed, until the end of the transaction. */
export async function holdValuesOfAct(em: EntityManager, actId: string): Promise<void> {
  await sql`with ${valuesChangedBy(actId)}, ${uniqueFields(sql`array(select row_id from mine)`)}
    select ${VALUES_HELD(sql`campaign_id`)} from (select distinct campaign_id from f order by 1) s`.execute(
    transaction(em),
  );
}

/**
 * The operations to which the undo of this act would give back a unique value that another would have, with the label of its
 * field (FLD-3): one that took it since, or that keeps the one the act gave it. Read whole and sorted, never joined row by row:
 * an act may have changed a hundred thousand.
 */
export async function takenSince(
  em: EntityManager,
  actId: string,
  except: readonly string[],
): Promise<{ id: string; label: string }[]> {
  const { rows } = await sql<{ id: string; label: string }>`
    with ${valuesChangedBy(actId)}, ${uniqueFields(sql`array(select row_id from mine)`)},
    seen as (
      select f.campaign_id, f.code, f.label, o.id, true as is_row, o."values" -> f.code as present, o.trashed_at is not null as is_out,
        null::bigint as ordinal, false as is_made, null::jsonb as before, null::jsonb as after, null::jsonb as trashed
      from f join operation o on o.campaign_id = f.campaign_id
      union all
      select f.campaign_id, f.code, f.label, m.row_id, false, null, null, m.ordinal, m.operation = 'create',
        m.before -> 'values' -> f.code, m.after -> 'values' -> f.code, m.before -> 'trashed_at'
      from mine m cross join f where m.row_id <> all (${[...except]}::uuid[])),
    told as (
      select campaign_id, code, label, id, bool_or(is_made) as is_made,
        (array_agg(nullif(present, 'null')) filter (where is_row))[1] as present, bool_or(is_out) as is_out,
        (array_agg(before order by ordinal) filter (where before is not null))[1] as before,
        (array_agg(after order by ordinal desc) filter (where before is not null))[1] as after,
        (array_agg(trashed order by ordinal) filter (where trashed is not null))[1] as trashed
      from seen group by 1, 2, 3, 4 having bool_or(is_row)),
    then_ as (
      select t.*, case when before is null then present else nullif(before, 'null') end as wanted,
        is_made or case when trashed is null then is_out else trashed <> 'null' end as will_be_out,
        coalesce(nullif(after, 'null') is not distinct from present, false) as is_still
      from told t),
    held as (
      select campaign_id, code, label, id, case when before is null or not is_still then present else wanted end as value, false as asks
      from then_ where not will_be_out
      union all
      select campaign_id, code, label, id, wanted, true from then_
      where not will_be_out and (is_out or wanted is distinct from present))
    select distinct id, label from (
      select h.*, min(id::text) over twins <> max(id::text) over twins as is_shared from held h where value is not null
      window twins as (partition by campaign_id, code, value)) s
    where asks and is_shared`.execute(transaction(em));
  return rows;
}

/** The label of a unique field in which one of these operations shares its value with another, or null (FLD-3). */
export async function sharedAmong(em: EntityManager, ids: readonly string[]): Promise<string | null> {
  const given = sql`${[...ids]}::uuid[]`;
  const { rows } = await sql<{ label: string }>`
    with ${uniqueFields(given)}
    select f.label from f join operation o on o.campaign_id = f.campaign_id and o.trashed_at is null and o."values" ? f.code
    group by f.campaign_id, f.code, f.label, o."values" -> f.code having count(*) > 1 and bool_or(o.id = any (${given})) limit 1`.execute(
    transaction(em),
  );
  return rows[0]?.label ?? null;
}
