export { changed, workflowWords } from "./changed.ts";
export { arrowLabel, arrowsFrom, decide, takesDate, type Wish, whoWords } from "./decide.ts";
export { diagram } from "./diagram.ts";
export { type Rows, rowsOf, rowsTyped, WorkflowForm, workflowFrom } from "./form.ts";
export { PRESETS, type Preset } from "./presets.ts";
export { refusals, warnings } from "./soundness.ts";
export { type ActionLine, actionLines } from "./table.ts";
export {
  Arrow,
  type ArrowRole,
  CATEGORIES,
  CATEGORY_CODES,
  type Category,
  DATES,
  ICONS,
  type Icon,
  initialStatus,
  KIND_CODES,
  KINDS,
  type Kind,
  REASONS,
  ROLE_CODES,
  ROLES,
  Status,
  statusOf,
  TONES,
  type Tone,
  Workflow,
} from "./workflow.ts";
