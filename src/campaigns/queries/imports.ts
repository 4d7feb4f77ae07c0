import type { EntityManager } from "@mikro-orm/postgresql";
import { type SqlBool, sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { bare } from "../../fields/index.ts";
import type { LineRule } from "../../platform/sheets/profile.ts";
import { visibleCampaigns } from "./campaigns.ts";

/** What lines of a file do to operations, in SQL over `s`, the line, and `t`, the operation it is about. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export const DATE = "prevue_le";
export const STATUS = "statut";
export const MINUTES = "minutes";
export const SEGMENT = "segment";
export const TITLE = "@titre";
export const SEARCH = "@recherche";

/** A value of a unique field that another operation of the campaign has (FLD-3). */
export const sharedValueRule = (campaignId: string, { code, label }: { code: string; label: string }): LineRule => {
  const other = sql`from operation u where u.campaign_id = ${campaignId}::uuid and u.trashed_at is null
    and u."values" @> jsonb_build_object(${sql.lit(code)}, s."values" -> ${sql.lit(code)}) and u.id is distinct from t.id`;
  return {
    when: sql<SqlBool>`s."values" -> ${sql.lit(code)} <> 'null' and exists (select ${other})`,
    column: code,
    why: sql<string>`(select '«\u00a0' || u.title || '\u00a0» a déjà cette valeur, et «\u00a0' || ${label}::text || '\u00a0» est unique.' ${other} limit 1)`,
    cause: `Une autre opération a déjà cette valeur, et «\u00a0${label}\u00a0» est unique.`,
  };
};

export const handSet = sql<SqlBool>`t.is_segment_set_by_hand`;
export const liveIn = (campaignId: string) =>
  sql<SqlBool>`t.campaign_id = ${campaignId}::uuid and t.trashed_at is null`;
export const newIn = (campaignId: string) => ({
  campaign_id: sql`${campaignId}::uuid`,
  search: sql`coalesce(s."values" ->> ${sql.lit(SEARCH)}, '')`,
});
export const nextVersion = sql`t.version + 1`;

/** Operations that the lines of this part have just changed. */
export async function changedOperations(em: EntityManager): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select row_id as id from import_outcome where outcome = 'update'`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

/** Segments that lines to be written ask for, by the id their reader gave them, in the order of the file; not those of operations placed by hand. */
export async function segmentsAsked(em: EntityManager, code: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select s."values" ->> ${sql.lit(code)} as id from import_staging s join import_outcome o on o.line = s.line
    left join operation t on o.outcome = 'update' and t.id = o.row_id
    where o.outcome in ('create', 'update') and s."values" ->> ${sql.lit(code)} is not null and t.is_segment_set_by_hand is not true
    group by 1 order by min(s.line)`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** Sends lines to the segments made for what they say. */
export async function sendToSegments(em: EntityManager, code: string, ids: Record<string, string>): Promise<void> {
  const asked = sql`s."values" ->> ${sql.lit(code)}`;
  await sql`update import_staging s set "values" = s."values" || jsonb_build_object(${sql.lit(code)}, ${JSON.stringify(ids)}::jsonb -> (${asked}))
    where ${JSON.stringify(ids)}::jsonb ? (${asked})`.execute(transaction(em));
}

/** The active technicians, by what a file may call them [IMP-26]. */
export async function techniciansCalled(em: EntityManager): Promise<Map<string, string | null>> {
  const { rows } = await sql<{ id: string; email: string; given: string; family: string }>`
    select id, email, given_name as given, family_name as family from app_user
    where deactivated_at is null and support_of is null and roles @> '{technician}'`.execute(transaction(em));
  const called = new Map<string, string | null>();
  for (const { id, email, given, family } of rows) {
    called.set(email.toLowerCase(), id);
    for (const name of new Set([bare(`${given} ${family}`), bare(`${family} ${given}`)])) {
      called.set(name, called.has(name) ? null : id);
    }
  }
  return called;
}

/** Remembers the names of the operations a check would create, to look for them elsewhere once it is over [CAM-21]. */
export async function rememberNames(em: EntityManager): Promise<void> {
  await sql`create temp table if not exists import_names (name text collate "C" not null) on commit drop`.execute(
    transaction(em),
  );
  await sql`insert into import_names select folded(s."values" ->> ${sql.lit(TITLE)}) from import_staging s join import_outcome o on o.line = s.line
    where o.outcome = 'create' and s."values" ->> ${sql.lit(TITLE)} is not null`.execute(transaction(em));
}

/** How many of those names are targets of another live campaign, by campaign [CAM-21]. */
export async function knownElsewhere(em: EntityManager, campaignId: string): Promise<Record<string, number>> {
  // Operations written a moment ago are not in the planner's statistics: without an index on the names, it may fold
  // every title again for each name, a minute for five thousand of each.
  await sql`create index on import_names (name)`.execute(transaction(em));
  await sql`analyze import_names`.execute(transaction(em));
  const { rows } = await sql<{ id: string; n: number }>`
    select o.campaign_id as id, count(distinct n.name)::int as n from operation o
    join import_names n on n.name = folded(o.title) collate "C"
    join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id and c.state <> 'archived'
    where o.campaign_id <> ${campaignId}::uuid and o.trashed_at is null group by 1`.execute(transaction(em));
  return Object.fromEntries(rows.map(({ id, n }) => [id, n]));
}

/** Those of these campaigns this person sees, live, by name. */
export async function seenAmong(
  em: EntityManager,
  user: SignedIn,
  ids: string[],
): Promise<{ id: string; name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select c.id, c.name from campaign c where c.id = any (${ids}::uuid[]) and c.state <> 'archived' and ${visibleCampaigns(user)}
    order by c.name`.execute(transaction(em));
  return rows;
}
