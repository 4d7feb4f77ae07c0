import type { RequestHandler, Response } from "express";
import { z } from "zod";
import { controlOf, readMoment } from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Kind, statusOf as statusIn, takesDate } from "../../workflow/index.ts";
import { USUAL_MINUTES } from "../balance.ts";
import { BULK_ACTIONS, type BulkAction, BulkWish, MOST_SHIFT, MOST_TECHNICIANS } from "../bulk-wish.ts";
import { MOST_CAPACITY } from "../operation.ts";
import { MAX_MINUTES, MIN_MINUTES } from "../operation-type.ts";
import type { Plan } from "../plan.ts";
import { datesAskWhy, effectsOf, minutesSpent, reasonToBegin } from "../progress.ts";
import { countOperations, listTechnicians } from "../queries/operations.ts";
import { blockingPrerequisites } from "../queries/prerequisites.ts";
import { listSegments } from "../queries/segments.ts";
import { bulkAt, bulkFor, freeze, type OfOne, VIEW, whereOf } from "./one-bulk.ts";
import { askedBy, Minutes, Reason, typedFields } from "./operation-form.ts";
import { frameOf, listAt, planOf } from "./shown.ts";

/** What a bulk action asks before its preview. */

const SETTINGS = { page: "campaigns/bulks/edit" };
const Settings = z.object({
  choice: z.string().max(120).default("").describe("Choix"),
  technician: z.uuid("Choisissez un technicien.").or(z.literal("")).default("").describe("Technicien"),
  day: z.iso.date().or(z.literal("")).default("").describe("Date"),
  hour: z.string().trim().max(8).default("").describe("Heure"),
  days: z.number().int().min(-MOST_SHIFT).max(MOST_SHIFT).optional().describe("Jours ouvrés"),
  reason: Reason,
  segment: z.uuid().or(z.literal("")).default("").describe("Segment"),
  value: z.string().max(10_000).default("").describe("Valeur"),
  values: z.array(z.string().max(100)).max(50).default([]).describe("Valeur"),
  capacity: z.number().int().min(1).max(MOST_CAPACITY).optional().describe("Places"),
  technicians: z.array(z.uuid()).max(MOST_TECHNICIANS).default([]).describe("Techniciens"),
  spent: Minutes,
  minutes: z.number().int().min(MIN_MINUTES).max(MAX_MINUTES).optional().describe("Durée standard, en minutes"),
});

/** The wish a settings form says. Throws RuleBroken, on its field. */
function wishOf(action: BulkAction, plan: Plan, sent: z.output<typeof Settings>): BulkWish {
  switch (action) {
    case "assign":
      if (sent.technician === "") throw new RuleBroken("Choisissez un technicien.", "technician");
      return { action, technician: sent.technician };
    case "balance":
      if (sent.technicians.length === 0) throw new RuleBroken("Cochez au moins un technicien.", "technicians");
      if (!sent.minutes) throw new RuleBroken("Donnez la durée d’une opération.", "minutes");
      return { action, technicians: sent.technicians, minutes: sent.minutes };
    case "date": {
      if (sent.day === "") throw new RuleBroken("Donnez la date.", "day");
      return { action, day: sent.day, hour: sent.hour, reason: sent.reason || null };
    }
    case "shift":
      if (!sent.days) throw new RuleBroken("Donnez un nombre de jours, négatif pour avancer.", "days");
      return { action, days: sent.days, reason: sent.reason || null };
    case "undate":
      return { action, reason: sent.reason || null };
    case "step": {
      const arrow = arrowsOf(plan).find(({ value }) => value === sent.choice);
      if (!arrow) throw new RuleBroken("Choisissez ce que deviennent ces opérations.", "choice");
      const moment = readMoment(sent.day, sent.hour, { zone: plan.zone, defaultHour: plan.campaign.defaultHour });
      if ("problem" in moment) throw new RuleBroken(moment.problem, "day");
      if (arrow.date === "required" && moment.value === null) throw new RuleBroken("Donnez la date.", "day");
      if (arrow.reason === "required" && sent.reason === "") throw new RuleBroken("Donnez le motif.", "reason");
      const minutes = arrow.takesMinutes ? spentBy(sent) : null;
      const { to, kind, label } = arrow;
      return { action, to, kind, label, reason: sent.reason || null, date: moment.value, minutes };
    }
    case "segment":
      return { action, segment: sent.segment || null };
    case "field": {
      const field = fillable(plan).find(({ code }) => code === sent.choice);
      if (!field) throw new RuleBroken("Choisissez un champ.", "choice");
      return { action, code: field.code, text: field.type === "multiple_choice" ? sent.values.join("|") : sent.value };
    }
    case "capacity":
      if (!sent.capacity) throw new RuleBroken("Donnez un nombre de places.", "capacity");
      return { action, capacity: sent.capacity };
    default:
      return BulkWish.parse({ action });
  }
}

function spentBy({ spent }: z.output<typeof Settings>): number {
  try {
    return minutesSpent(spent);
  } catch (error) {
    throw error instanceof RuleBroken ? new RuleBroken(error.message, "spent") : error;
  }
}

/** A value of a unique field is of one operation: it is not filled for many. */
const fillable = (plan: Plan) => typedFields(plan).filter(({ isUnique }) => !isUnique);

/** What operations can become, each once, with where they can come from: the strictest of what its arrows ask. */
function arrowsOf(plan: Plan) {
  const { transitions, ...workflow } = plan.workflow;
  const labelOfStatus = (code: string) => statusIn({ transitions, ...workflow }, code)?.label ?? code;
  const strictest = (words: string[]) => ["required", "optional"].find((word) => words.includes(word)) ?? "none";
  return [...Map.groupBy(transitions, ({ kind, to }) => `${kind}:${to}`)].map(([value, arrows]) => {
    const [{ kind, to, label }] = arrows as [(typeof arrows)[number]];
    return {
      value,
      kind: kind as Kind,
      to,
      label,
      hint: `${fr.list(arrows.map(({ from }) => `«\u00a0${labelOfStatus(from)}\u00a0»`))} → «\u00a0${labelOfStatus(to)}\u00a0»`,
      reason: strictest(arrows.map((one) => one.reason)),
      date: arrows.some(takesDate) ? strictest(arrows.map((one) => one.date)) : "none",
      ...askedBy(plan, arrows[0]!),
      takesMinutes: arrows.some((one) => effectsOf(plan, one).asksMinutes),
    };
  });
}

export async function showSettings(
  req: OfOne,
  res: Response,
  form: { values: Record<string, unknown> },
): Promise<void> {
  const { choix } = query(
    req,
    z.object({ reglages: z.literal("oui").optional(), choix: z.string().max(120).optional() }),
  );
  const shown = await read(req, async (em) => {
    const { bulk, standing } = await bulkFor(em, req);
    const obeyed = await planOf(em, req, standing.campaign);
    const blocking = await blockingPrerequisites(em, standing.campaign);
    const isHeldBack = blocking.some(({ segment }) => segment !== null);
    return {
      bulk,
      standing,
      // Where a segment is not ready, some of those that begin ask why (PRE-3).
      plan: isHeldBack ? reasonToBegin(obeyed, "optional") : obeyed,
      total: await countOperations(em, whereOf(obeyed, bulk.selection, req)),
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
    };
  });
  const { bulk, standing, plan, total, segments, technicians } = shown;
  const choice = (form.values.choice as string | undefined) ?? choix ?? "";
  const field = bulk.action === "field" ? fillable(plan).find(({ code }) => code === choice) : undefined;
  const arrow = bulk.action === "step" ? arrowsOf(plan).find(({ value }) => value === choice) : undefined;
  const { label } = BULK_ACTIONS[bulk.action];
  res.show(SETTINGS, {
    title: label,
    ...frameOf(req, standing, "operations", label),
    action: bulk.action,
    asksWhy: datesAskWhy(plan.workflow),
    icon: BULK_ACTIONS[bulk.action].icon,
    at: bulkAt(req.params),
    listAt: listAt(req.params),
    total,
    choices:
      bulk.action === "step"
        ? arrowsOf(plan)
        : fillable(plan).map(({ code, label: name, help }) => ({ value: code, label: name, hint: help })),
    choice: field || arrow ? choice : "",
    field: field && { ...field, control: controlOf({ ...field, isMandatory: false }, undefined, plan) },
    arrow,
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians,
    defaultHour: standing.campaign.defaultHour,
    minutes: standing.campaign.durationMinutes ?? USUAL_MINUTES,
    choiceAt: (value: string) => withQuery(bulkAt(req.params), { reglages: "oui", choix: value }),
    form,
  });
}

/** Freezes what was selected and says what would come of it (OPS-14). */
export const preview: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const at = bulkAt(req.params);
  await read(req, (em) => bulkFor(em, req));
  const act = { code: "bulk.previewed", label: "Aperçu d’une action groupée", at, isLong: true as const };
  const form = await submit(req, Settings, act, async (sent, em) => {
    const { bulk, standing } = await bulkFor(em, req);
    const wish = wishOf(bulk.action, await planOf(em, req, standing.campaign), sent);
    await freeze(em, req, standing, bulk, wish);
  });
  if (form.errors) return showSettings(req, res, form);
  res.saved(VIEW, {}, { at, notice: "Voici ce qui changerait. Rien n’est encore changé." });
};
