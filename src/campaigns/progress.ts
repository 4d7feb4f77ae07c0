import { dayOf, localOf } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { Arrow, ArrowRole, Category, Kind, Status, Workflow } from "../workflow/index.ts";
import { decide, statusOf as findStatus } from "../workflow/index.ts";
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
}

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
  | "minutes"
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

/** What a step changes of an operation, and the arrow it follows; refused as `transition` says (WFL-3, OPS-19 to OPS-21). */
export function stepped(plan: Rules, now: Progress, step: Step, said: Said): Decided<Arrow> {
  const { workflow } = plan;
  const arrow = decide(workflow, {
    from: now.status,
    to: step.arrow?.to ?? step.to,
    kind: step.arrow?.kind ?? step.kind,
    who: said.who,
    reason: step.reason,
    date: step.date,
  });
  const { code, category } = statusOf(workflow, arrow.to);
  const wasFinal = statusOf(workflow, now.status).isFinal;
  const changes: Changes = { status: code, category };
  if (step.reason !== null) changes.reason = step.reason;
  if (arrow.date === "cleared" || (category === "open" && wasFinal)) Object.assign(changes, dated(now, null));
  else if (category === "deferred" || step.date) Object.assign(changes, dated(now, step.date));
  if (category === "deferred") changes.postponeCount = now.postponeCount + 1;
  if (category === "running") changes.startedAt = now.startedAt ?? said.now;
  const isDone = category === "success";
  if (asksMinutes(plan, arrow)) changes.minutes = minutesSpent(step.minutes);
  Object.assign(changes, {
    completedAt: isDone ? said.now : null,
    completedById: isDone ? said.by.id : null,
    isCompletedByTechnician: isDone ? said.who.includes("assignee") : null,
  });
  return { arrow, changes };
}

/** What giving an operation this date, or none, changes of it, and by which arrow if one; null: it has it already. */
export function plannedAs(plan: Rules, now: Progress, date: Date | null, said: Said): Decided<Arrow | null> | null {
  if ((date?.getTime() ?? null) === (now.plannedAt?.getTime() ?? null)) return null;
  const { isFinal } = statusOf(plan.workflow, now.status);
  if (isFinal) throw new RuleBroken("Cette opération est close\u00a0: rouvrez-la pour changer sa date.", "plannedAt");
  const kind = kindForDate(now.category, date);
  const arrow = kind && plan.workflow.transitions.find((one) => one.kind === kind && one.from === now.status);
  return arrow ? stepped(plan, now, { arrow, reason: null, date }, said) : { arrow: null, changes: dated(now, date) };
}

/** What a date given or taken away does to an operation of this category (OPS-11). */
export function kindForDate(category: Category, date: Date | null): Kind | null {
  if (category === "open") return date ? "schedule" : null;
  if (category === "planned") return date ? null : "unschedule";
  return category === "deferred" || category === "problem" ? "reschedule" : null;
}

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

/** Whether this arrow asks how long it took (OPS-23). */
export const asksMinutes = ({ workflow, campaign }: Rules, { to }: Pick<Arrow, "to">): boolean =>
  campaign.isTimeTracked && statusOf(workflow, to).category === "success";

/** Who may say it took another time: who completed it, that day; manager rights (OPS-23). */
export const mayCorrectMinutes = (
  { zone }: Pick<Rules, "zone">,
  { completedById, completedAt }: Pick<Progress, "completedById" | "completedAt">,
  { by, now, who }: Said,
): boolean =>
  who.includes("manager") ||
  (completedById === by.id && completedAt != null && dayOf(localOf(completedAt, zone)) === dayOf(localOf(now, zone)));

const dated = ({ firstPlannedAt }: Progress, date: Date | null): Changes => ({
  plannedAt: date,
  firstPlannedAt: firstPlannedAt ?? date,
});
