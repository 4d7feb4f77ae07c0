import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { bare } from "../../fields/index.ts";
import type { ImportAbout, LineRule, OpenImport } from "../../platform/sheets/profile.ts";
import { CATEGORIES, type Category, decide, initialStatus, type Workflow } from "../../workflow/index.ts";
import { kindForDate } from "../progress.ts";
import { visibleCampaigns } from "./campaigns.ts";

/**
 * What lines of a file do to operations, in SQL over `s`, the line, and `t`, the operation it is about: the answers are
 * those of the one function that chooses arrows, asked once for each status instead of once for each line (WFL-3).
 */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export const DATE = "prevue_le";
export const STATUS = "statut";
export const SEGMENT = "segment";
export const TITLE = "@titre";
export const SEARCH = "@recherche";

const WHO = ["manager"] as const;
const text = (code: string) => sql<string | null>`(s."values" ->> ${sql.lit(code)})`;
const isSaid = (code: string) => sql<SqlBool>`s."values" ? ${sql.lit(code)}`;
const moment = sql<Date | null>`${text(DATE)}::timestamptz`;
const isDateChanged = sql<SqlBool>`(${isSaid(DATE)} and ${moment} is distinct from t.planned_at)`;
const isStatusChanged = sql<SqlBool>`(${text(STATUS)} is not null and ${text(STATUS)} <> t.status)`;

/** SQL: the value of a map under a text, null where there is none. */
const among = (map: Record<string, string>, key: RawBuilder<unknown>) =>
  sql<string | null>`(${JSON.stringify(map)}::jsonb ->> (${key}))`;

const refusalOf = (work: () => unknown): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

/** What a step or a date would lead to from each status, or the sentence that refuses it. */
function stepsOf(workflow: Workflow) {
  const refused: Record<string, string> = {};
  const cleared: Record<string, string> = {};
  const dated: Record<string, string> = {};
  const datedRefused: Record<string, string> = {};
  for (const { code: from, category, isFinal } of workflow.statuses) {
    for (const { code: to } of workflow.statuses) {
      if (to === from) continue;
      for (const date of [null, "1"]) {
        const key = `${from}>${to}>${date ?? ""}`;
        const why = refusalOf(() => {
          const arrow = decide(workflow, { from, to, who: WHO, reason: null, date });
          const isOpenAgain = isFinal && workflow.statuses.find(({ code }) => code === to)!.category === "open";
          if (arrow.date === "cleared" || isOpenAgain) cleared[key] = "1";
        });
        if (why) refused[key] = why;
      }
    }
    for (const date of [null, "1"]) {
      const key = `${from}>${date ?? ""}`;
      const kind = kindForDate(category, date === null ? null : new Date(0));
      const arrow = kind && workflow.transitions.find((one) => one.kind === kind && one.from === from);
      if (isFinal) datedRefused[key] = "Cette opération est close\u00a0: rouvrez-la pour changer sa date.";
      else if (arrow) {
        dated[key] = arrow.to;
        const why = refusalOf(() =>
          decide(workflow, { from, to: arrow.to, kind: arrow.kind, who: WHO, reason: null, date }),
        );
        if (why) datedRefused[key] = why;
      }
    }
  }
  return { refused, cleared, dated, datedRefused };
}

/** Columns and refusals that statuses and dates bring, for new rows and for changed ones [IMP-25, IMP-26, OPS-2, OPS-11]. */
export function stepSql(
  workflow: Workflow,
  { author, now }: Pick<ImportAbout, "author" | "now">,
): { created: Record<string, RawBuilder<unknown>>; touched: Record<string, RawBuilder<unknown>>; rules: LineRule[] } {
  const initial = initialStatus(workflow)!.code;
  const planned =
    workflow.transitions.find(
      ({ kind, from, roles }) => kind === "schedule" && from === initial && roles.includes("manager"),
    )?.to ?? initial;
  const categories = Object.fromEntries(workflow.statuses.map(({ code, category }) => [code, category]));
  const { refused, cleared, dated, datedRefused } = stepsOf(workflow);
  const born = sql<string>`coalesce(${text(STATUS)}, case when ${text(DATE)} is null then ${initial} else ${planned} end)`;
  const dateMark = sql`case when ${moment} is null then '' else '1' end`;
  const stepKey = sql`t.status || '>' || ${text(STATUS)} || '>' || case when ${isDateChanged} then ${dateMark} else '' end`;
  const dateKey = sql`t.status || '>' || ${dateMark}`;
  const to = sql<string>`case when ${isStatusChanged} then ${text(STATUS)} when ${isDateChanged} then coalesce(${among(dated, dateKey)}, t.status) else t.status end`;
  const toCategory = among(categories, to);
  const isMoved = sql<SqlBool>`(${to} <> t.status)`;
  const enters = (category: Category) => sql<SqlBool>`(${isMoved} and ${toCategory} = ${category})`;
  const givenDate = sql`case when ${isSaid(DATE)} then ${moment} else t.planned_at end`;
  const date = sql<Date | null>`case when ${isStatusChanged} and ${among(cleared, stepKey)} is not null then null
    when ${isStatusChanged} and ${toCategory} = 'deferred' then case when ${isDateChanged} then ${moment} end else ${givenDate} end`;
  return {
    created: {
      status: born,
      category: among(categories, born),
      planned_at: moment,
      first_planned_at: moment,
    },
    touched: {
      status: to,
      category: toCategory,
      planned_at: date,
      first_planned_at: sql`coalesce(t.first_planned_at, ${date})`,
      postpone_count: sql`t.postpone_count + case when ${enters("deferred")} then 1 else 0 end`,
      started_at: sql`case when ${enters("running")} then coalesce(t.started_at, ${now.toISOString()}::timestamptz) else t.started_at end`,
      completed_at: sql`case when ${enters("success")} then ${now.toISOString()}::timestamptz when ${isMoved} then null else t.completed_at end`,
      completed_by_id: sql`case when ${enters("success")} then ${author.id}::uuid when ${isMoved} then null else t.completed_by_id end`,
      is_completed_by_technician: sql`case when ${isMoved} then null else t.is_completed_by_technician end`,
    },
    rules: [
      {
        when: sql<SqlBool>`t.id is not null and ${isStatusChanged} and ${among(refused, stepKey)} is not null`,
        column: STATUS,
        why: sql<string>`${among(refused, stepKey)}`,
        reads: [DATE],
      },
      {
        when: sql<SqlBool>`t.id is not null and not ${isStatusChanged} and ${isDateChanged} and ${among(datedRefused, dateKey)} is not null`,
        column: DATE,
        why: sql<string>`${among(datedRefused, dateKey)}`,
        reads: [STATUS],
      },
    ],
  };
}

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
  search: sql`coalesce(${text(SEARCH)}, '')`,
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
  await sql`create temp table if not exists import_names (name text not null) on commit drop`.execute(transaction(em));
  await sql`insert into import_names select s."values" ->> ${sql.lit(TITLE)} from import_staging s join import_outcome o on o.line = s.line
    where o.outcome = 'create' and s."values" ->> ${sql.lit(TITLE)} is not null`.execute(transaction(em));
}

/** How many of those names are targets of another live campaign, by campaign [CAM-21]. */
export async function knownElsewhere(em: EntityManager, campaignId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ id: string; n: number }>`
    select o.campaign_id as id, count(distinct n.name)::int as n from import_names n
    join operation o on folded(o.title) = folded(n.name) and o.trashed_at is null
    join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id and c.state <> 'archived'
    where o.campaign_id <> ${campaignId}::uuid group by 1`.execute(transaction(em));
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

const FINAL = Object.entries(CATEGORIES)
  .filter(([, { isFinal }]) => isFinal)
  .map(([code]) => code);
const ABSENT = "absente du fichier";

/** What may be done to operations a file does not hold [IMP-24]. */
export function missingSql(workflow: Workflow): NonNullable<OpenImport["missing"]> {
  const cancels: Record<string, string> = {};
  const clears: Record<string, string> = {};
  for (const { code: from, isFinal } of workflow.statuses) {
    if (isFinal) continue;
    refusalOf(() => {
      const { to, date } = decide(workflow, { from, kind: "cancel", who: WHO, reason: ABSENT });
      cancels[from] = to;
      if (date === "cleared") clears[from] = "1";
    });
  }
  const status = sql`t.status`;
  const touches = (choice: string) =>
    choice === "flag"
      ? sql<SqlBool>`not t.is_missing`
      : sql<SqlBool>`(t.category <> all (${FINAL}::text[]) and ${among(cancels, status)} is not null)`;
  return {
    choices: [
      { value: "flag", label: "Les marquer absentes du fichier", hint: "Leur statut ne change pas." },
      {
        value: "cancel",
        label: "Annuler celles qui ne sont pas closes",
        hint: "Avec le motif «\u00a0absente du fichier\u00a0».",
      },
    ],
    touches,
    async apply(em, choice, { absent, present }) {
      if (choice === "flag") {
        await sql`update operation t set is_missing = true, version = version + 1 where ${absent} and ${touches(choice)}`.execute(
          transaction(em),
        );
        await sql`update operation t set is_missing = false, version = version + 1 where ${present} and t.is_missing`.execute(
          transaction(em),
        );
        return;
      }
      await sql`update operation t set status = ${among(cancels, status)}, category = 'cancelled', reason = ${ABSENT}, completed_at = null,
        completed_by_id = null, is_completed_by_technician = null, planned_at = case when ${among(clears, status)} is null then t.planned_at end, version = version + 1
        where ${absent} and ${touches(choice)}`.execute(transaction(em));
    },
  };
}
