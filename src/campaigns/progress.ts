import { dayOf, localOf } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { Arrow, ArrowRole, Category, Kind, Status, Workflow } from "../workflow/index.ts";
import { decide, statusOf as findStatus, initialStatus, ROLE_CODES, takesDate } from "../workflow/index.ts";
import type { By } from "./campaign.ts";
import type { Operation } from "./operation.ts";
import type { Rules } from "./plan.ts";

/** How operations go from a status to another: pure decisions, of one row as of ten thousand; what is written is written by others. */

export const LONGEST_REASON = 500;

export interface Said {
  by: By;
  now: Date;
  /** As what they act on this operation: decides which arrows are theirs (WFL-3). */
  who: readonly ArrowRole[];
  /** A blocking prerequisite of its segment is not done: beginning it asks for a reason (PRE-3). */
  isHeldBack?: boolean | undefined;
}

export const HELD_BACK =
  "Un prérequis bloquant de son segment reste à faire\u00a0: donnez un motif pour la démarrer quand même.";

/** What an operation enters as it starts (CAM-3): the day it first did stays with it, and leaves with an undone step. */
const STARTED: readonly Category[] = ["running", "success"];
const WAITING: readonly Category[] = ["open", "planned", "deferred"];

/** Whether an arrow begins an operation that waited (PRE-3). */
export const begins = ({ workflow }: Pick<Rules, "workflow">, { from, to }: Pick<Arrow, "from" | "to">): boolean =>
  statusOf(workflow, to).category === "running" && WAITING.includes(statusOf(workflow, from).category);

/** The same rules where beginning an operation takes a reason: what forms ask of one that is held back (PRE-3). */
export const reasonToBegin = <R extends Rules>(plan: R, reason: "optional" | "required"): R => ({
  ...plan,
  workflow: {
    ...plan.workflow,
    transitions: plan.workflow.transitions.map((arrow) =>
      arrow.reason !== "required" && begins(plan, arrow) ? { ...arrow, reason } : arrow,
    ),
  },
});

/** Where an operation stands: what a step is decided on, of one row as of ten thousand. */
export type Progress = Pick<
  Operation,
  | "status"
  | "category"
  | "plannedAt"
  | "firstPlannedAt"
  | "postponeCount"
  | "reason"
  | "startedAt"
  | "completedAt"
  | "completedById"
  | "isCompletedByTechnician"
  | "isOnFirstDate"
  | "minutes"
  | "enteredAt"
  | "steppedOn"
  | "postponedOn"
  | "joinedOn"
>;
export type Changes = Partial<Progress>;

/** What was decided of one operation, before anything is written of it. */
export interface Decided<A> {
  arrow: A;
  changes: Changes;
}

export const statusOf = (workflow: Workflow, code: string): Status => {
  const found = findStatus(workflow, code);
  if (!found) throw new Error(`No status "${code}" in this workflow.`);
  return found;
};

/** What following an arrow does to an operation besides its status: of a row in hand, and in SQL of the lines of a file (WFL-3). */
export interface Effects {
  status: string;
  category: Category;
  isUndated: boolean;
  /** Its category becomes another one. */
  isEntered: boolean;
  /** One more time, to the date of the step or to none (OPS-19). */
  isPostponed: boolean;
  /** Under way for the first time, or done without. */
  isStarted: boolean;
  /** Signed and dated (OPS-21). */
  isCompleted: boolean;
  /** Asks how long it took (OPS-23). */
  asksMinutes: boolean;
}

/** Of an arrow of this workflow; from a status to another of its category, nothing is entered anew (OPS-19, OPS-21). */
export function effectsOf(
  { workflow, campaign }: Rules,
  { from, to, date }: Pick<Arrow, "from" | "to" | "date">,
): Effects {
  const [left, { code, category }] = [statusOf(workflow, from), statusOf(workflow, to)];
  const isEntered = category !== left.category;
  const isCompleted = isEntered && category === "success";
  return {
    status: code,
    category,
    isEntered,
    isUndated: date === "cleared" || (category === "open" && left.isFinal),
    isPostponed: isEntered && category === "deferred",
    isStarted: isEntered && STARTED.includes(category),
    isCompleted,
    asksMinutes: isCompleted && campaign.isTimeTracked,
  };
}

/** What a step changes of an operation, and the arrow it follows; refused as `transition` says (WFL-3, OPS-19 to OPS-21). */
export function stepped(plan: Rules, now: Progress, step: Step, said: Said): Decided<Arrow> {
  const arrow = decide(plan.workflow, {
    from: now.status,
    to: step.arrow?.to ?? step.to,
    kind: step.arrow?.kind ?? step.kind,
    who: said.who,
    reason: step.reason,
    date: step.date,
  });
  if (said.isHeldBack && !step.reason?.trim() && begins(plan, arrow)) throw new RuleBroken(HELD_BACK, "reason");
  const does = effectsOf(plan, arrow);
  const today = localDay(said.now, plan.zone);
  // That of an earlier step explains nothing of where it stands now; history keeps it (OPS-20).
  const changes: Changes = { status: does.status, category: does.category, reason: step.reason?.trim() || null };
  if (!now.steppedOn.includes(today)) changes.steppedOn = [...now.steppedOn, today];
  if (does.isEntered) changes.enteredAt = said.now;
  if (does.isUndated) Object.assign(changes, dated(plan, now, null, said));
  else if (does.isPostponed || step.date) Object.assign(changes, dated(plan, now, step.date, said));
  if (does.isPostponed) {
    Object.assign(changes, { postponeCount: now.postponeCount + 1, postponedOn: [...now.postponedOn, today] });
  }
  if (does.isStarted) changes.startedAt = now.startedAt ?? said.now;
  if (does.asksMinutes) changes.minutes = minutesSpent(step.minutes);
  if (does.isCompleted) {
    const isCompletedByTechnician = said.who.includes("assignee");
    const first = changes.firstPlannedAt ?? now.firstPlannedAt ?? null;
    const isOnFirstDate = dayJoined(first, plan.zone, said.now) !== null;
    Object.assign(changes, {
      completedAt: said.now,
      completedById: said.by.id,
      isCompletedByTechnician,
      isOnFirstDate,
    });
  } else if (does.category !== "success") {
    Object.assign(changes, UNCOMPLETED);
  }
  return { arrow, changes };
}

/** What giving an operation this date, or none, changes of it, and by which arrow if one; null: it has it already. */
export function plannedAs(
  plan: Rules,
  now: Progress,
  { date, reason }: Pick<Step, "date" | "reason">,
  said: Said,
): Decided<Arrow | null> | null {
  if ((date?.getTime() ?? null) === (now.plannedAt?.getTime() ?? null)) return null;
  const arrow = arrowForDate(plan.workflow, now.status, date !== null, said.who);
  const changes = dated(plan, now, date, said);
  if (!arrow) return { arrow, changes };
  const step = stepped(plan, now, { arrow, reason, date: takesDate(arrow) ? date : null }, said);
  return { arrow, changes: { ...step.changes, ...changes } };
}

/**
 * The arrow that a date given or taken away follows (OPS-11, rulings 31): of those of its kind, one whose policy fits, theirs
 * first; null where the date changes alone. Throws RuleBroken of a final status, whose date is fixed until it is reopened.
 */
export function arrowForDate(
  workflow: Workflow,
  from: string,
  isDated: boolean,
  who: readonly ArrowRole[],
): Arrow | null {
  const { category, isFinal } = statusOf(workflow, from);
  if (isFinal) throw new RuleBroken("Cette opération est close\u00a0: rouvrez-la pour changer sa date.", "plannedAt");
  const kind = kindForDate(category, isDated);
  const fitting = workflow.transitions.filter(
    (one) => one.kind === kind && one.from === from && one.date !== (isDated ? "cleared" : "required"),
  );
  const theirs = fitting.filter(({ roles }) => roles.some((role) => who.includes(role)));
  return theirs.find(({ date }) => date !== "none") ?? theirs[0] ?? fitting[0] ?? null;
}

/** The status a new operation takes: the initial one or, given a date, the one `schedule` reaches, whatever the way in (OPS-2). */
export function birthStatus(workflow: Workflow, isDated: boolean): Status {
  const initial = initialStatus(workflow)!;
  const arrow = arrowForDate(workflow, initial.code, isDated, ROLE_CODES);
  return arrow ? statusOf(workflow, arrow.to) : initial;
}

const DATED: readonly Kind[] = ["schedule", "unschedule", "reschedule"];

/** What a date given or taken away does to an operation of this category (OPS-11). */
function kindForDate(category: Category, isDated: boolean): Kind | null {
  if (category === "open") return isDated ? "schedule" : null;
  if (category === "planned") return isDated ? null : "unschedule";
  return category === "deferred" || category === "problem" ? "reschedule" : null;
}

/** Whether a date given or taken away may ask why: from this status, or from any. */
export const datesAskWhy = ({ transitions }: Workflow, status?: string): boolean =>
  transitions.some(
    ({ kind, from, reason }) =>
      DATED.includes(kind) && reason === "required" && (status === undefined || from === status),
  );

export interface Step {
  /** Where to, or by which arrow. */
  to?: string;
  kind?: Kind;
  arrow?: Arrow;
  reason: string | null;
  date: Date | null;
  /** How long it took: asked where time is tracked of what completes (OPS-23). */
  minutes?: number | null;
}

export const LEAST_SPENT = 1;
export const MOST_SPENT = 1_440;

/** Whole minutes of one day at most. Throws RuleBroken, on its field (OPS-23). */
export function minutesSpent(minutes: number | null | undefined): number {
  if (minutes != null && Number.isInteger(minutes) && minutes >= LEAST_SPENT && minutes <= MOST_SPENT) return minutes;
  throw new RuleBroken("Donnez le temps passé en minutes entières, de 1 à 1\u202f440.", "minutes");
}

/** Who may say it took another time: who completed it, that day; manager rights (OPS-23). */
export const mayCorrectMinutes = (
  { zone }: Pick<Rules, "zone">,
  { completedById, completedAt }: Pick<Progress, "completedById" | "completedAt">,
  { by, now, who }: Said,
): boolean =>
  who.includes("manager") ||
  (completedById === by.id && completedAt != null && dayOf(localOf(completedAt, zone)) === dayOf(localOf(now, zone)));

const UNCOMPLETED = { completedAt: null, completedById: null, isCompletedByTechnician: null, isOnFirstDate: null };

const dated = (
  { zone }: Pick<Rules, "zone">,
  { firstPlannedAt, joinedOn }: Progress,
  date: Date | null,
  { now }: Pick<Said, "now">,
): Changes => ({
  plannedAt: date,
  firstPlannedAt: firstPlannedAt ?? date,
  joinedOn: dayJoined(date, zone, now) ?? joinedOn ?? null,
});

const DAY_MS = 86_400_000;

/** Today if this date is of today; else null: of a date given now, the plan it joins while its day runs (STA-11). */
export function dayJoined(date: Date | null, zone: string, now: Date): string | null {
  if (date === null || Math.abs(date.getTime() - now.getTime()) > 2 * DAY_MS) return null;
  const today = localDay(now, zone);
  return dayOf(localOf(date, zone)) === today ? today : null;
}

let told = { at: Number.NaN, zone: "", day: "" };

/** The day it is in a zone; told once for the ten thousand rows of one act. */
export function localDay(now: Date, zone: string): string {
  if (told.at !== now.getTime() || told.zone !== zone) {
    told = { at: now.getTime(), zone, day: dayOf(localOf(now, zone)) };
  }
  return told.day;
}
