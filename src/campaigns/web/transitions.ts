import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { readMoment } from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { query, read, sinceVersion, submit } from "../../platform/http/forms.ts";
import { arrowsFrom, KIND_CODES, takesDate } from "../../workflow/index.ts";
import { aboutOperation, type Stepping, transition } from "../operation.ts";
import { rulesFor } from "../plan.ts";
import { operationFor, operationToStep } from "../policy.ts";
import { begins, HELD_BACK, reasonToBegin, statusOf } from "../progress.ts";
import { holdStatuses } from "../queries/statuses.ts";
import { writeStep } from "../queries/steps.ts";
import { askedBy, Minutes, presentOf, Reason } from "./operation-form.ts";
import { frameOf, planOf } from "./shown.ts";

const PAGE = { page: "campaigns/transitions/new" };

type OfOne = Request<{ id: string }>;

const Asked = z.object({ vers: z.string().max(60).optional(), par: z.enum(KIND_CODES).optional() });

const StepForm = z.object({
  to: z.string().min(1, "Choisissez où va l’opération.").max(60).describe("Nouveau statut"),
  kind: z.enum(KIND_CODES, "Choisissez où va l’opération.").describe("Transition"),
  reason: Reason,
  plannedOn: z.iso.date().or(z.literal("")).default("").describe("Nouvelle date"),
  plannedHour: z.string().trim().max(8).default("").describe("Heure"),
  minutes: Minutes,
});

export const new_: RequestHandler<{ id: string }> = (req, res) => {
  const { vers, par } = query(req, Asked);
  return show(req, res, { values: { to: vers ?? "", kind: par ?? "" } });
};

async function show(req: OfOne, res: Response, form: { values: object; stale?: unknown }): Promise<void> {
  const { to, kind } = form.values as { to?: string; kind?: string };
  const shown = await read(req, async (em) => {
    const standing = await operationFor(em, req.user!, req.params.id, "operations.execute");
    const plan = await planOf(em, req, standing.campaign);
    return { standing, plan: standing.isHeldBack ? reasonToBegin(plan, "required") : plan };
  });
  const { standing, plan } = shown;
  const { operation, who, isHeldBack } = standing;
  const arrows = arrowsFrom(plan.workflow, operation.status, who);
  // What was asked of a status it no longer has is not asked of another in its place.
  const other = form.stale ? undefined : arrows[0];
  const arrow = arrows.find((one) => one.to === to && one.kind === kind) ?? other ?? null;
  res.show(PAGE, {
    title: `${arrow?.label ?? "Changer le statut"} – ${operation.title}`,
    ...frameOf(req, standing, "operations", operation.title),
    operation,
    operationAt: `/operations/${operation.id}`,
    status: statusOf(plan.workflow, operation.status),
    arrow: arrow && {
      ...arrow,
      takesDate: takesDate(arrow),
      status: statusOf(plan.workflow, arrow.to),
      ...askedBy(plan, arrow),
      whyAsked: isHeldBack && begins(plan, arrow) ? HELD_BACK : null,
    },
    defaultHour: standing.campaign.defaultHour,
    form,
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `/operations/${req.params.id}`;
  const act = {
    code: "operation.transitioned",
    label: (_values: object, { operation, label }: { operation: Stepping; label: string }) =>
      `${operation.title}\u00a0: ${label}`,
    subject: () => aboutOperation(req.params),
    reason: ({ reason }: { reason: string }) => reason || undefined,
    at,
    current: (em: EntityManager) => presentOf(em, req),
  };
  const form = await submit(req, StepForm, act, async (sent, em, given) => {
    const { to, kind, reason, plannedOn, plannedHour, minutes } = sent;
    await holdStatuses(em, { operationId: req.params.id });
    const { campaign, operation, who, isHeldBack } = await operationToStep(em, req.user!, req.params.id);
    sinceVersion(operation, given);
    const plan = rulesFor(campaign, req.user!.tenant.zone);
    const read = readMoment(plannedOn, plannedHour, { zone: plan.zone, defaultHour: campaign.defaultHour });
    if ("problem" in read) throw new RuleBroken(read.problem, "plannedOn");
    const date = read.value === null ? null : new Date(read.value);
    transition(
      em,
      plan,
      operation,
      { to, kind, reason: reason || null, date, minutes: minutes ?? null },
      { by: { id: req.user!.id }, now: req.now, who, isHeldBack },
    );
    await writeStep(em, operation);
    return { operation, label: statusOf(plan.workflow, operation.status).label };
  });
  if (form.errors) return show(req, res, form);
  const { operation, label } = form.result;
  res.saved(PAGE, {}, { at, notice: `${operation.title}\u00a0: ${label}.`, undo: true });
};
