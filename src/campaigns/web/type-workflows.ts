import type { Request, RequestHandler, Response } from "express";
import { RuleBroken } from "../../platform/errors.ts";
import { atVersion, type Form, read, submit } from "../../platform/http/forms.ts";
import {
  CATEGORIES,
  DATES,
  ICONS,
  KINDS,
  REASONS,
  ROLES,
  refusals,
  rowsOf,
  rowsTyped,
  TONES,
  WorkflowForm,
  workflowFrom,
} from "../../workflow/index.ts";
import { aboutType, changeWorkflow, type OperationType } from "../operation-type.ts";
import { choicesOf, flowOf, HOME, presentRoles, said, TYPES, typeAt, typeOf } from "./operation-types.ts";

const EDIT = { page: "campaigns/operation-types/edit-workflow" };

const labelled = (of: Record<string, { label: string }>) =>
  Object.entries(of).map(([value, { label }]) => ({ value, label }));

/** What the editor of a workflow chooses from. */
export const WORDS = {
  categories: labelled(CATEGORIES),
  tones: choicesOf(TONES),
  icons: choicesOf(ICONS),
  kinds: labelled(KINDS),
  roles: choicesOf(ROLES),
  reasons: choicesOf(REASONS),
  dates: choicesOf(DATES),
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, null);

async function showEdit(req: Request<{ id: string }>, res: Response, form: Form<OperationType> | null): Promise<void> {
  const { type, present } = await read(req, async (em) => ({
    type: await typeOf(em, req.params.id),
    present: await presentRoles(em),
  }));
  res.show(EDIT, {
    title: `Flux de ${type.name}`,
    crumbs: [HOME, TYPES, { label: type.name, href: typeAt(type) }, { label: "Flux" }],
    type,
    form: form?.errors ? { ...form, errors: problemsOf(form) } : {},
    rows: form?.errors ? rowsTyped(form.values) : rowsOf(type.workflow),
    words: WORDS,
    flow: flowOf(type.workflow, { present }),
  });
}

/** Each broken rule on its own line of the summary [WFL-4]. */
export function problemsOf({ values, errors = {} }: Form<unknown>): Record<string, string> {
  if (!("workflow" in errors)) return errors;
  const typed = WorkflowForm.safeParse(
    Object.fromEntries(Object.keys(WorkflowForm.shape).map((name) => [name, [values[name] ?? []].flat()])),
  );
  if (!typed.success) return errors;
  return Object.fromEntries(refusals(workflowFrom(typed.data)).map((problem, rank) => [`rule-${rank + 1}`, problem]));
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "operation_type.workflow_edited",
    label: (_values: object, type: OperationType) => `Flux du type d’opération ${type.name} modifié`,
    subject: () => aboutType({ id }),
    at: typeAt({ id }),
  };
  const form = await submit(req, WorkflowForm, act, async (values, em, sent) => {
    const type = await typeOf(em, id);
    await atVersion(em, type, sent);
    const workflow = workflowFrom(values);
    if (workflow.statuses.length === 0)
      throw new RuleBroken("Ce flux n’a aucun statut. Rechargez la page, puis recommencez.");
    changeWorkflow(em, type, workflow, said(req));
    return type;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(
    EDIT,
    {},
    { at: `${typeAt({ id })}#flux`, notice: `Le flux de ${form.result.name} est enregistré.`, undo: true },
  );
};
