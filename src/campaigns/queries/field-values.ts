import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { FieldDefinition, FieldValue } from "../../fields/index.ts";
import { PLANNED_ANEW } from "../../platform/db/wire.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Each value that operations hold in a field, once, with how many hold it; `live`: those of the trash apart. */
export async function valuesOfField(
  em: EntityManager,
  campaignId: string,
  code: string,
): Promise<{ value: FieldValue; count: number; live: number }[]> {
  const { rows } = await sql<{ value: FieldValue; count: number; live: number }>`
    select "values" -> ${code}::text as value, count(*)::int as count, (count(*) filter (where trashed_at is null))::int as live
    from operation where campaign_id = ${campaignId}::uuid and "values" -> ${code}::text is not null
    group by 1 order by min(id::text)`.execute(transaction(em));
  return rows;
}

/** What a value becomes: null takes it off its rows; a title, when it names them, goes with it. */
export interface Rewriting {
  from: FieldValue;
  to: FieldValue | null;
  title: string | null;
}

/** Writes every value of a field as these say, in one statement; gives the ids of the operations that changed. */
export async function rewriteValues(
  em: EntityManager,
  campaignId: string,
  code: string,
  rewritings: readonly Rewriting[],
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update operation o set version = o.version + 1, title = coalesce(r.title, o.title),
      "values" = case when r."to" is null then o."values" - ${code}::text else jsonb_set(o."values", array[${code}::text], r."to") end
    from (select "from", nullif("to", 'null') as "to", title
      from jsonb_to_recordset(${JSON.stringify(rewritings)}::jsonb) as r ("from" jsonb, "to" jsonb, title text)) r
    where o.campaign_id = ${campaignId}::uuid and o."values" -> ${code}::text = r."from"
      and (r."to" is distinct from r."from" or r.title is distinct from o.title)
    returning o.id`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** The last change of a row that this transaction made. */
export async function lastChangeHere(em: EntityManager): Promise<string> {
  const { rows } = await sql<{ ordinal: string }>`
    select max(ordinal)::text as ordinal from change where changeset_id = current_setting('app.changeset_id')::uuid`.execute(
    transaction(em),
  );
  return rows[0]!.ordinal;
}

/**
 * The next values of a field to read again, their operations locked by id; those somebody else wrote after the change `since`
 * are of the new type already, and are passed over. `last` is where the next part begins; null after the last.
 */
export async function valuesToConvert(
  em: EntityManager,
  campaignId: string,
  code: string,
  { after, size, since, actId }: { after: string | null; size: number; since: string; actId: string },
): Promise<{ rows: { id: string; value: FieldValue }[]; last: string | null }> {
  const { rows } = await sql<{ id: string; value: FieldValue }>`${sql.raw(PLANNED_ANEW)}
    select o.id, o."values" -> ${code}::text as value from operation o
    where o.campaign_id = ${campaignId}::uuid and (${after}::uuid is null or o.id > ${after}::uuid) and o."values" -> ${code}::text is not null
    order by o.id limit ${size} for update`.execute(transaction(em));
  const last = rows.length < size ? null : rows.at(-1)!.id;
  const { rows: written } = await sql<{ id: string }>`
    select distinct h.row_id as id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
    where h.row_id = any (${rows.map(({ id }) => id)}::uuid[]) and h.ordinal > ${since}::bigint and c.act_id <> ${actId}::uuid
      and h.after -> 'values' -> ${code}::text is not null`.execute(transaction(em));
  const anew = new Set(written.map(({ id }) => id));
  return { rows: rows.filter(({ id }) => !anew.has(id)), last };
}

/** Writes each value as it was read again, none where there is none any more; gives the ids of the operations that changed. */
export async function writeConverted(
  em: EntityManager,
  code: string,
  told: readonly { id: string; value: FieldValue | null; title: string | null }[],
): Promise<string[]> {
  if (told.length === 0) return [];
  const { rows } = await sql<{ id: string }>`${sql.raw(PLANNED_ANEW)}
    update operation o set version = o.version + 1, title = coalesce(r.title, o.title),
      "values" = case when r.value is null then o."values" - ${code}::text else jsonb_set(o."values", array[${code}::text], r.value) end
    from (select id, nullif(value, 'null') as value, title
      from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as r (id uuid, value jsonb, title text)) r
    where o.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and o.id = r.id
      and (o."values" -> ${code}::text is distinct from r.value or coalesce(r.title, o.title) <> o.title)
    returning o.id`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** Forgets what was done for as long as it could be undone; gives how many. */
export async function purgeConversions(em: EntityManager): Promise<number> {
  const { rows } =
    await sql`delete from field_conversion where state <> 'running' and created_at < app_now() - interval '30 days' returning id`.execute(
      transaction(em),
    );
  return rows.length;
}

/** The conversions of a field that left values aside, the last first (FLD-6). */
export async function conversionsOf(
  em: EntityManager,
  campaignId: string,
  code: string,
): Promise<{ id: string; at: Date; refused: number }[]> {
  const { rows } = await sql<{ id: string; at: string; refused: number }>`
    select a.id, a.at, (e.payload ->> 'refused')::int as refused
    from event e join changeset c on c.tenant_id = e.tenant_id and c.id = e.changeset_id join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
    where e.name = 'campaign.field_converted' and e.subject_id = ${campaignId}::uuid and e.payload ->> 'field' = ${code}
      and (e.payload ->> 'refused')::int > 0 order by a.id desc limit 20`.execute(transaction(em));
  return rows.map(({ at, ...row }) => ({ ...row, at: new Date(at) }));
}

/** The type and the rules a field had before an act changed them; null when it did not, or nobody remembers (FLD-6). */
export async function fieldBefore(
  em: EntityManager,
  { id, actId }: { id: string; actId: string },
): Promise<Pick<FieldDefinition, "type" | "rules"> | null> {
  // What one is before a change is what the next change that says it found.
  const then = (column: string) => sql`(
    select n.before -> ${sql.lit(column)} from change n
    where n.row_id = h.row_id and n.ordinal >= h.ordinal and n.before ? ${sql.lit(column)} order by n.ordinal limit 1)`;
  const { rows } = await sql<Pick<FieldDefinition, "type" | "rules">>`
    select coalesce(${then("type")}, to_jsonb(f.type)) #>> '{}' as type, coalesce(${then("rules")}, f.rules) as rules
    from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
    join campaign_field f on f.tenant_id = h.tenant_id and f.id = h.row_id
    where h.row_id = ${id}::uuid and c.act_id = ${actId}::uuid and h.before ? 'type' order by h.ordinal limit 1`.execute(
    transaction(em),
  );
  return rows[0] ?? null;
}

/** The values an act took off a field, with the name of their operation, by keyset (FLD-6). */
export async function valuesAside(
  em: EntityManager,
  { campaignId, code, actId }: { campaignId: string; code: string; actId: string },
  { after, size }: { after: string; size: number },
): Promise<{ ordinal: string; title: string; value: FieldValue }[]> {
  const { rows } = await sql<{ ordinal: string; title: string; value: FieldValue }>`
    select h.ordinal::text as ordinal, o.title, h.before -> 'values' -> ${code}::text as value
    from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
    join operation o on o.tenant_id = h.tenant_id and o.id = h.row_id
    where c.act_id = ${actId}::uuid and h.table_name = 'operation' and o.campaign_id = ${campaignId}::uuid and h.ordinal > ${after}::bigint
      and coalesce(h.before -> 'values' -> ${code}::text, 'null') <> 'null' and coalesce(h.after -> 'values' -> ${code}::text, 'null') = 'null'
    order by h.ordinal limit ${size}`.execute(transaction(em));
  return rows;
}

/** Takes off their rows the values of fields removed for so long, then those fields; gives the campaign of each (FLD-7). */
export async function deleteRemovedFields(em: EntityManager, before: Date): Promise<string[]> {
  const gone = sql`select campaign_id, array_agg(code) as codes from campaign_field where removed_at < ${before} group by 1`;
  await sql`update operation o set "values" = o."values" - g.codes, version = o.version + 1 from (${gone}) g
    where o.campaign_id = g.campaign_id and o."values" ?| g.codes`.execute(transaction(em));
  const { rows } = await sql<{
    campaignId: string;
  }>`delete from campaign_field where removed_at < ${before} returning campaign_id as "campaignId"`.execute(
    transaction(em),
  );
  return rows.map(({ campaignId }) => campaignId);
}
