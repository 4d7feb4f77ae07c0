import { whoWords } from "./decide.ts";
import { DATES, REASONS, statusOf, type Workflow } from "./workflow.ts";

/** What the drawing shows, in words: one line for each action of each arrival, as glossary §4 writes it [WFL-7]. */
export interface ActionLine {
  label: string;
  from: string[];
  to: string;
  who: string;
  reason: string;
  date: string;
}

export function actionLines(workflow: Workflow): ActionLine[] {
  const name = (code: string) => statusOf(workflow, code)?.label ?? code;
  const lines = new Map<string, ActionLine>();
  for (const { label, from, to, roles, reason, date } of workflow.transitions) {
    const key = JSON.stringify([label, to, roles, reason, date]);
    const line = lines.get(key) ?? {
      label,
      from: [],
      to: name(to),
      who: whoWords(roles),
      reason: REASONS[reason],
      date: DATES[date],
    };
    line.from.push(name(from));
    lines.set(key, line);
  }
  return [...lines.values()];
}
