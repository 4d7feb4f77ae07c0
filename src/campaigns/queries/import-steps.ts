import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { shiftDay, startOfDay } from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import type { ImportAbout, OpenImport } from "../../platform/sheets/profile.ts";
import type { Arrow, Status } from "../../workflow/index.ts";
import { refusalOf } from "../bulk-decision.ts";
import type { Plan } from "../plan.ts";
import { whoOn } from "../policy.ts";
import {
  birthStatus,
  type Effects,
  effectsOf,
  localDay,
  type Progress,
  plannedAs,
  type Said,
  stepped,
} from "../progress.ts";
import { DATE, MINUTES, STATUS } from "./imports.ts";

/**
 * Where lines of a file lead operations, in SQL over `s`, the line, and `t`, the operation it is about. Nothing is decided
 * here: the functions that decide for every page are asked once for each case there is, instead of once for each line (WFL-3).
 */

type About = Pick<ImportAbout, "author" | "now">;

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

const text = (code: string) => sql<string | null>`(s."values" ->> ${sql.lit(code)})`;
const isSaid = (code: string) => sql<SqlBool>`s."values" ? ${sql.lit(code)}`;
const moment = sql<Date | null>`${text(DATE)}::timestamptz`;
const isDateChanged = sql<SqlBool>`(${isSaid(DATE)} and ${moment} is distinct from t.planned_at)`;
const isStatusChanged = sql<SqlBool>`(${text(STATUS)} is not null and ${text(STATUS)} <> t.status)`;
/** Another date, the one it has said again beside another status, none any more; or nothing of a date. */
const dateMark = sql`case when ${isDateChanged} and ${moment} is not null then '1' when ${isStatusChanged} and ${moment} is not null then '='
  when ${isDateChanged} and not ${isStatusChanged} then '0' else '' end`;

/** Cases by their key, SQL: what each does, or the sentence that refuses it. */
class Cases {
  readonly #does: Record<string, Effects> = {};
  readonly #refused: Record<string, string> = {};
  readonly #key: RawBuilder<unknown>;
  constructor(key: RawBuilder<unknown>) {
    this.#key = key;
  }

  /** The first of these that is not refused; null does nothing besides what the line says. */
  put(key: string, plan: Plan, ...tries: (() => Arrow | null)[]): void {
    for (const decided of tries) {
      try {
        const arrow = decided();
        if (arrow) this.#does[key] = effectsOf(plan, arrow);
        delete this.#refused[key];
        return;
      } catch (error) {
        this.#refused[key] = sentenceOf(error);
      }
    }
  }

  #of(told: Record<string, unknown>): RawBuilder<string | null> {
    return sql<string | null>`(${JSON.stringify(told)}::jsonb ->> (${this.#key}))`;
  }

  get refusal(): RawBuilder<string | null> {
    return this.#of(this.#refused);
  }

  told(name: "status" | "category"): RawBuilder<string | null> {
    return this.#of(Object.fromEntries(Object.entries(this.#does).map(([key, does]) => [key, does[name]])));
  }

  where(holds: (does: Effects) => boolean): RawBuilder<SqlBool> {
    const held = Object.entries(this.#does).flatMap(([key, does]) => (holds(does) ? [[key, 1]] : []));
    return sql<SqlBool>`(${this.#of(Object.fromEntries(held))} is not null)`;
  }
}

/** A file gives no reason: what asks one is done elsewhere. */
const sentenceOf = (error: unknown) =>
  error instanceof RuleBroken && error.field === "reason"
    ? `${error.message} Un fichier n’en porte pas\u00a0: passez par l’opération, ou par une action groupée.`
    : refusalOf(error);

/** As what the author acts on an operation, by the mark of whether they are its technician; `mark` is SQL over `t`. */
function whoFor({ campaign }: Plan, { author, now }: About) {
  const of = (technicianId: string | null): Said => ({
    by: author,
    now,
    who: whoOn({ campaign, may: () => true }, author, technicianId),
  });
  const isTechnician = of(author.id).who.includes("assignee")
    ? sql<SqlBool>`(t.technician_id is not distinct from ${author.id}::uuid)`
    : sql<SqlBool>`false`;
  return {
    said: { "": of(null), a: of(author.id) },
    mark: sql`case when ${isTechnician} then 'a' else '' end`,
  };
}

const ANY = new Date(0);
/** An operation in this status, of which nothing else matters to what is decided. */
const probe = ({ code, category }: Status, plannedAt: Date | null = null): Progress => ({
  status: code,
  category,
  plannedAt,
  firstPlannedAt: null,
  postponeCount: 0,
  reason: null,
  startedAt: null,
  completedAt: null,
  completedById: null,
  isCompletedByTechnician: null,
  isOnFirstDate: null,
  minutes: null,
  enteredAt: null,
  steppedOn: [],
  postponedOn: [],
  joinedOn: null,
});

/** Whether minutes are asked is judged of each line. */
const SOME = 1;

const caseOf = (who: RawBuilder<unknown>) =>
  sql<string | null>`case when ${isStatusChanged} or ${isDateChanged} then
    t.status || '>' || case when ${isStatusChanged} then ${text(STATUS)} else '' end || '>' || ${dateMark} || '>' || ${who} end`;

function casesOf(plan: Plan, { said }: ReturnType<typeof whoFor>): Cases {
  // Of an operation that somebody moved since its line was judged, the line says nothing any more.
  const cases = new Cases(sql`case when o.once ^@ (t.status || '>') then o.once end`);
  const { statuses } = plan.workflow;
  for (const [who, one] of Object.entries(said)) {
    for (const from of statuses) {
      for (const { code: to } of statuses) {
        if (to === from.code) continue;
        const step = (date: Date | null) => () =>
          stepped(plan, probe(from), { to, reason: null, date, minutes: SOME }, one).arrow;
        cases.put(`${from.code}>${to}>1>${who}`, plan, step(ANY));
        cases.put(`${from.code}>${to}>=>${who}`, plan, step(ANY), step(null));
        cases.put(`${from.code}>${to}>>${who}`, plan, step(null));
      }
      const dated = (now: Date | null, date: Date | null) => () =>
        plannedAs(plan, probe(from, now), { date, reason: null }, one)!.arrow;
      cases.put(`${from.code}>>1>${who}`, plan, dated(null, ANY));
      cases.put(`${from.code}>>0>${who}`, plan, dated(ANY, null));
    }
  }
  return cases;
}

/** What the columns of an operation become: by its case, else as the line says, or as they are (OPS-19 to OPS-21). */
function columnsBy(
  cases: Cases,
  { date, postponedTo }: { date: RawBuilder<unknown>; postponedTo: RawBuilder<unknown> },
  { author, now }: About,
  zone: string,
): Record<string, RawBuilder<unknown>> {
  const planned = sql`case when ${cases.where((does) => does.isUndated)} then null when ${cases.where((does) => does.isPostponed)} then ${postponedTo} else ${date} end`;
  const at = sql`${now.toISOString()}::timestamptz`;
  const completed = (value: RawBuilder<unknown>, column: string) =>
    sql`case when ${cases.where((does) => does.isCompleted)} then ${value} when ${cases.where(({ category }) => category !== "success")} then null else t.${sql.id(column)} end`;
  const today = localDay(now, zone);
  const added = (column: string) => sql`t.${sql.id(column)} || ${JSON.stringify(today)}::jsonb`;
  return {
    status: sql`coalesce(${cases.told("status")}, t.status)`,
    category: sql`coalesce(${cases.told("category")}, t.category)`,
    // A file gives none, and that of an earlier step explains nothing of where this one leads (OPS-20).
    reason: sql`case when ${cases.where(() => true)} then null else t.reason end`,
    planned_at: planned,
    first_planned_at: sql`coalesce(t.first_planned_at, ${planned})`,
    postpone_count: sql`t.postpone_count + case when ${cases.where((does) => does.isPostponed)} then 1 else 0 end`,
    started_at: sql`case when ${cases.where((does) => does.isStarted)} then coalesce(t.started_at, ${at}) else t.started_at end`,
    completed_at: completed(at, "completed_at"),
    completed_by_id: completed(sql`${author.id}::uuid`, "completed_by_id"),
    // Whoever brings the file: what it says is done, nobody said on the day (STA-6).
    is_completed_by_technician: completed(sql`false`, "is_completed_by_technician"),
    is_on_first_date: completed(
      sql`${dayJoinedSql(sql`coalesce(t.first_planned_at, ${planned})`, zone, now)} is not null`,
      "is_on_first_date",
    ),
    entered_at: sql`case when ${cases.where((does) => does.isEntered)} then ${at} else t.entered_at end`,
    stepped_on: sql`case when ${cases.where(() => true)} and not t.stepped_on ? ${today} then ${added("stepped_on")} else t.stepped_on end`,
    postponed_on: sql`case when ${cases.where((does) => does.isPostponed)} then ${added("postponed_on")} else t.postponed_on end`,
    joined_on: sql`case when ${planned} is distinct from t.planned_at then coalesce(${dayJoinedSql(planned, zone, now)}, t.joined_on) else t.joined_on end`,
  };
}

/** Columns and refusals that statuses and dates bring, for new rows and for changed ones [IMP-25, IMP-26, OPS-2, OPS-11, OPS-23]. */
export function stepSql(
  plan: Plan,
  about: About,
): Required<Pick<OpenImport, "once" | "created" | "touched" | "rules">> {
  const { workflow } = plan;
  const who = whoFor(plan, about);
  const cases = casesOf(plan, who);
  const categories = JSON.stringify(
    Object.fromEntries(workflow.statuses.map(({ code, category }) => [code, category])),
  );
  const [undated, dated] = [birthStatus(workflow, false).code, birthStatus(workflow, true).code];
  const born = sql<string>`coalesce(${text(STATUS)}, case when ${text(DATE)} is null then ${undated} else ${dated} end)`;
  const date = sql`case when ${isSaid(DATE)} then ${moment} else t.planned_at end`;
  return {
    once: caseOf(who.mark),
    created: {
      status: born,
      category: sql`${categories}::jsonb ->> (${born})`,
      planned_at: moment,
      first_planned_at: moment,
      entered_at: sql`${about.now.toISOString()}::timestamptz`,
      joined_on: dayJoinedSql(moment, plan.zone, about.now),
    },
    touched: columnsBy(cases, { date, postponedTo: moment }, about, plan.zone),
    rules: [
      {
        when: sql<SqlBool>`${isStatusChanged} and ${cases.refusal} is not null`,
        column: STATUS,
        why: cases.refusal as RawBuilder<string>,
        reads: [DATE],
      },
      {
        when: sql<SqlBool>`not ${isStatusChanged} and ${cases.refusal} is not null`,
        column: DATE,
        why: cases.refusal as RawBuilder<string>,
        reads: [STATUS],
      },
      {
        when: sql<SqlBool>`${cases.where((does) => does.asksMinutes)} and ${text(MINUTES)} is null`,
        column: MINUTES,
        why: "Cette campagne suit le temps passé\u00a0: donnez-le, en minutes entières de 1 à 1\u202f440, dans une colonne «\u00a0Durée en minutes\u00a0».",
        reads: [STATUS, DATE],
      },
    ],
  };
}

/** SQL: see `dayJoined`, of one date or of a hundred thousand. */
function dayJoinedSql(planned: RawBuilder<unknown>, zone: string, now: Date): RawBuilder<unknown> {
  const today = localDay(now, zone);
  const [from, until] = [startOfDay(today, zone), startOfDay(shiftDay(today, 1), zone)];
  return sql`case when ${planned} >= ${from.toISOString()}::timestamptz and ${planned} < ${until.toISOString()}::timestamptz then ${today}::date end`;
}

const ABSENT = "absente du fichier";

/** What may be done to operations a file does not hold [IMP-24]. */
export function missingSql(plan: Plan, about: About): NonNullable<OpenImport["missing"]> {
  const who = whoFor(plan, about);
  const cancels = new Cases(sql`t.status || '>' || ${who.mark}`);
  for (const [mark, one] of Object.entries(who.said)) {
    for (const from of plan.workflow.statuses) {
      if (from.isFinal) continue;
      const step = { kind: "cancel" as const, reason: ABSENT, date: null };
      cancels.put(`${from.code}>${mark}`, plan, () => stepped(plan, probe(from), step, one).arrow);
    }
  }
  const touches = (choice: string) =>
    choice === "flag" ? sql<SqlBool>`not t.is_missing` : sql<SqlBool>`(${cancels.told("status")} is not null)`;
  const kept = { date: sql`t.planned_at`, postponedTo: sql`null` };
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
      const set = Object.entries({ ...columnsBy(cancels, kept, about, plan.zone), reason: sql`${ABSENT}` });
      await sql`update operation t set ${sql.join(set.map(([column, value]) => sql`${sql.id(column)} = ${value}`))}, version = version + 1
        where ${absent} and ${touches(choice)}`.execute(transaction(em));
    },
  };
}
