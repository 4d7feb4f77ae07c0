import type { DeadLetter, QueueState } from "../platform/jobs/queries.ts";
import { reasonOf } from "../platform/jobs/reason.ts";
import type { RunState } from "../platform/jobs/run.ts";
import { nextRun, type Schedule, timeOf } from "../platform/jobs/tick.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";

/** The last run of a scheduled job in one organisation, as the ledger tells it. */
export interface Run {
  tenant_id: string;
  tenant_name: string;
  job: string;
  on_day: string;
  state: RunState;
  started_at: string | null;
  finished_at: string | null;
  outcome: string | null;
  failure: string | null;
}

export interface Failure {
  where: string;
  reason: string;
  detail: string;
}

export interface TaskLine {
  label: string;
  when: string;
  last: Date | null;
  next: Date | null;
  nextSaid: string | null;
  badge: { label: string; icon: string; tone: string };
  duration: string | null;
  outcome: string | null;
  failures: Failure[];
}

const DAYS = ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"];
const FAILURES_SHOWN = 10;

const BADGES = {
  failed: { label: "En échec", icon: "x-circle", tone: "danger" },
  running: { label: "En cours", icon: "hourglass", tone: "primary" },
  retrying: { label: "À reprendre", icon: "alert-triangle", tone: "warning" },
  waiting: { label: "En attente", icon: "clock", tone: "neutral" },
  done: { label: "Faite", icon: "check-circle", tone: "success" },
  never: { label: "Jamais encore", icon: "circle", tone: "neutral" },
} as const;

/** "340 ms", "3,2 s", "4 min". */
export function duration(ms: number): string {
  if (ms < 1_000) return `${fr.number(Math.max(0, ms), 0)}\u00a0ms`;
  if (ms < 60_000) return `${fr.number(ms / 1_000, 1)}\u00a0s`;
  return `${fr.number(ms / 60_000, 0)}\u00a0min`;
}

/** One line for a schedule: its runs in every organisation, told together, the worst state first. */
export function scheduleLine(
  schedule: Schedule,
  runs: Run[],
  { now, zone, services, queue }: { now: Date; zone: string; services: Services; queue?: QueueState | undefined },
): TaskLine {
  const retryAt = queue?.retryAt ?? null;
  const at = timeOf(schedule, services);
  const state = (["failed", "running", "waiting", "done"] as const).find((one) =>
    runs.some((run) => run.state === one),
  );
  const finished = runs.filter((run) => run.started_at && run.finished_at);
  const times = finished.map((run) => Date.parse(run.finished_at!) - Date.parse(run.started_at!));
  const failed = runs.filter((run) => run.state === "failed");
  const last = Math.max(...runs.map((run) => (run.started_at ? Date.parse(run.started_at) : 0)), 0);
  const told = runs.filter((run) => run.state === "done" && run.outcome);
  return {
    label: schedule.label,
    when:
      at === null
        ? "n’est pas réglée"
        : `${schedule.weekday === undefined ? "chaque jour" : `chaque ${DAYS[schedule.weekday]}`} à ${at}${schedule.ofInstance ? "" : ", pour chaque organisation"}`,
    last: last > 0 ? new Date(last) : null,
    next: retryAt ?? (at === null ? null : nextRun({ ...schedule, at }, now, zone)),
    nextSaid: "jamais",
    // Failed, and soon tried again: nobody has to decide yet.
    badge: BADGES[state === "failed" && retryAt ? "retrying" : (state ?? "never")],
    duration: times.length > 0 ? duration(Math.max(...times)) : null,
    outcome: told.length === 1 ? told[0]!.outcome : told.length > 1 ? `faite dans ${told.length} organisations` : null,
    failures: failed
      .slice(0, FAILURES_SHOWN)
      .map(({ tenant_name: where, failure }) => ({ where, reason: reasonOf(failure ?? ""), detail: failure ?? "" })),
  };
}

/** One line for the jobs that follow an act. */
export function queueLine(label: string, state: QueueState | undefined): TaskLine {
  const { waiting = 0, running = 0, retrying = 0, dead = 0 } = state ?? {};
  const kind =
    dead > 0 ? "failed" : retrying > 0 ? "retrying" : running > 0 ? "running" : waiting > 0 ? "waiting" : null;
  return {
    label,
    when: "à la suite d’un acte",
    last: state?.lastAt ?? null,
    next: state?.retryAt ?? null,
    nextSaid: retrying > 0 ? null : "au prochain acte qui la demande",
    badge: BADGES[kind ?? (state?.lastAt ? "done" : "never")],
    duration: state?.lastMs === null || state?.lastMs === undefined ? null : duration(state.lastMs),
    outcome:
      waiting + running + retrying + dead > 0
        ? fr.list(
            [
              running > 0 ? `${fr.number(running)} en cours` : "",
              waiting > 0 ? `${fr.number(waiting)} en attente` : "",
              retrying > 0 ? `${fr.number(retrying)} à reprendre` : "",
              dead > 0 ? `${fr.number(dead)} en échec définitif` : "",
            ].filter(Boolean),
          )
        : null,
    failures: state?.retryReason
      ? [{ where: "dernier essai", reason: reasonOf(state.retryReason), detail: state.retryReason }]
      : [],
  };
}

export interface DeadLine {
  id: string;
  label: string;
  where: string;
  at: Date;
  reason: string;
  detail: string;
  /** Without its organisation it would die again. */
  canRetry: boolean;
}

export function deadLine(letter: DeadLetter, labels: Map<string, string>, tenants: Map<string, string>): DeadLine {
  const { id, queue, tenantId, at, reason } = letter;
  return {
    id,
    label: labels.get(queue) ?? queue,
    where: tenantId ? (tenants.get(tenantId) ?? "Organisation inconnue") : "Aucune",
    at,
    reason: reasonOf(reason ?? ""),
    detail: reason ?? "Aucun détail n’a été laissé.",
    canRetry: tenantId !== null,
  };
}
