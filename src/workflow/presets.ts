import {
  type Arrow,
  type ArrowRole,
  CATEGORIES,
  type Category,
  KINDS,
  type Kind,
  type Status,
  type Workflow,
} from "./workflow.ts";

/** The workflows one may start from [WFL-7, glossary §4]. */

const status = (code: string, category: Category, more: Partial<Status> = {}): Status => {
  const { label, tone, icon, isFinal } = CATEGORIES[category];
  return { code, label, tone, icon, category, isFinal, isInitial: category === "open", ...more };
};

const DONE_BY: ArrowRole[] = ["assignee", "manager"];
const ALL: ArrowRole[] = ["assignee", "manager", "booking"];

const arrows = (
  kind: Kind,
  from: string[],
  to: string,
  roles: ArrowRole[],
  reason: Arrow["reason"],
  date: Arrow["date"] = "none",
): Arrow[] => from.map((one) => ({ kind, label: KINDS[kind].label, from: one, to, roles, reason, date }));

const BLOCKED = status("blocked", "problem");

const STATUSES: Status[] = [
  status("to_schedule", "open"),
  status("scheduled", "planned"),
  status("in_progress", "running"),
  status("done", "success"),
  status("postponed", "deferred"),
  BLOCKED,
  status("cancelled", "cancelled"),
];

const STANDARD: Workflow = {
  statuses: STATUSES,
  transitions: [
    ...arrows("schedule", ["to_schedule"], "scheduled", ALL, "optional", "required"),
    ...arrows("unschedule", ["scheduled"], "to_schedule", ["manager", "booking"], "optional", "cleared"),
    ...arrows("start", ["to_schedule", "scheduled"], "in_progress", DONE_BY, "none"),
    ...arrows("complete", ["in_progress"], "done", DONE_BY, "none"),
    ...arrows(
      "postpone",
      ["to_schedule", "scheduled", "in_progress", "blocked"],
      "postponed",
      DONE_BY,
      "optional",
      "optional",
    ),
    ...arrows("flag_problem", ["to_schedule", "scheduled", "in_progress"], "blocked", DONE_BY, "required"),
    ...arrows("unblock", ["blocked"], "in_progress", DONE_BY, "optional"),
    // One action, two arrows: the date given, or its absence, says which.
    ...arrows("reschedule", ["postponed", "blocked"], "scheduled", ALL, "optional", "required"),
    ...arrows("reschedule", ["postponed", "blocked"], "to_schedule", ALL, "optional", "cleared"),
    ...arrows(
      "cancel",
      ["to_schedule", "scheduled", "in_progress", "postponed", "blocked"],
      "cancelled",
      ["manager"],
      "required",
    ),
    ...arrows("reopen", ["done", "cancelled"], "in_progress", ["manager"], "required"),
    ...arrows("reopen", ["done", "cancelled"], "to_schedule", ["manager"], "required", "cleared"),
  ],
};

const MINIMAL: Workflow = {
  statuses: STATUSES.filter(({ code }) => code !== "scheduled"),
  transitions: [
    ...arrows("start", ["to_schedule"], "in_progress", DONE_BY, "none"),
    ...arrows("complete", ["in_progress"], "done", DONE_BY, "none"),
    ...arrows("postpone", ["to_schedule", "in_progress", "blocked"], "postponed", DONE_BY, "optional", "optional"),
    ...arrows("flag_problem", ["to_schedule", "in_progress"], "blocked", DONE_BY, "required"),
    ...arrows("unblock", ["blocked"], "in_progress", DONE_BY, "optional"),
    // Without a planned status, a date is set on the operation and leaves its status alone (OPS-2).
    ...arrows("reschedule", ["postponed", "blocked"], "to_schedule", ALL, "optional", "optional"),
    ...arrows("cancel", ["to_schedule", "in_progress", "postponed", "blocked"], "cancelled", ["manager"], "required"),
    ...arrows("reopen", ["done", "cancelled"], "in_progress", ["manager"], "required"),
    ...arrows("reopen", ["done", "cancelled"], "to_schedule", ["manager"], "required", "cleared"),
  ],
};

export const PRESETS = {
  standard: {
    label: "Standard",
    hint: "Planifier, démarrer, terminer ; reporter, bloquer, annuler.",
    workflow: STANDARD,
  },
  remedy: {
    label: "Standard « À remédier »",
    hint: "Le même, où une opération bloquée se dit « À remédier ».",
    workflow: {
      ...STANDARD,
      statuses: STATUSES.map((one) => (one === BLOCKED ? { ...one, label: "À remédier" } : one)),
    },
  },
  minimal: {
    label: "Minimal",
    hint: "Sans statut « Planifiée » : une date se pose sans changer de statut.",
    workflow: MINIMAL,
  },
} as const satisfies Record<string, { label: string; hint: string; workflow: Workflow }>;
export type Preset = keyof typeof PRESETS;
