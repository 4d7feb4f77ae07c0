import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import type { RawBuilder, SqlBool } from "kysely";
import { z } from "zod";
import { Tenant } from "../../accounts/index.ts";
import { absenceOn, minutesOn, listTechnicians as techniciansFrom } from "../../directory/index.ts";
import { controlOf, dayOf, localOf, readMoment } from "../../fields/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { queryOf, withQuery } from "../../platform/http/addresses.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Kind, statusOf as statusIn, takesDate, type Workflow } from "../../workflow/index.ts";
import { type Load, toldMinutes } from "../balance.ts";
import {
  aboutBulk,
  Bulk,
  type BulkSelection,
  cancelBulk,
  chooseBulk,
  freezeBulk,
  holdBulk,
  INLINE_ROWS,
  MOST_TICKED,
  rightFor,
  startBulk,
} from "../bulk.ts";
import { decisionOf } from "../bulk-decision.ts";
import {
  BULK_ACTIONS,
  BULK_CODES,
  type BulkAction,
  BulkWish,
  buttonOf,
  MOST_CAPACITY,
  MOST_SHIFT,
  MOST_TECHNICIANS,
} from "../bulk-wish.ts";
import { aboutCampaign } from "../campaign.ts";
import { LONGEST_REASON, type Plan } from "../operation.ts";
import { filtersOf, type OperationFilters } from "../operation-filter.ts";
import { MAX_MINUTES, MIN_MINUTES } from "../operation-type.ts";
import { campaignFor, type Standing, whoOn } from "../policy.ts";
import { amongWhere, causesOf, doneTargets, listBulks } from "../queries/bulks.ts";
import { dealtBy, frozenIn, loadsOf } from "../queries/loads.ts";
import { countOperations, listTechnicians } from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { holdStatuses } from "../queries/statuses.ts";
import { typedFields } from "./operation-form.ts";
import { frameOf, listAt, operationAt, planOf } from "./shown.ts";

const VIEW = { page: "campaigns/bulks/show", part: "campaigns/bulks/_progress" };
const SETTINGS = { page: "campaigns/bulks/edit" };
const MANAGE = "operations.manage";
type OfOne = Request<{ id: string; lot: string }>;

const LONGEST_MESSAGE = 200;
const MOST_LISTED = 50;
const LONGEST_FILTER = 8_000;
/** Proposed for a campaign that says no duration. */
const USUAL_MINUTES = 30;
/** Days whose load is shown one by one. */
const MOST_DAYS = 31;
/** Of each cause, so many operations are named. */
const NAMED = 20;
const bulkAt = ({ id, lot }: { id: string; lot: string }) => `${listAt({ id })}/lots/${lot}`;
/** Actions that ask nothing: previewed at once. */
const ASKING_NOTHING: readonly BulkAction[] = ["unassign", "undate", "trash"];

/** What a list offers this person to do with its rows, and its filter as a form repeats it; null for nothing (OPS-13). */
export function bulkOf(
  { campaign, may }: Standing,
  { kept, isFiltered }: Pick<OperationFilters, "kept" | "isFiltered">,
) {
  const open = campaign.isArchived() ? [] : BULK_CODES.filter((action) => may(rightFor(action)));
  if (open.length === 0) return null;
  const filter = new URLSearchParams();
  for (const [name, texts] of Object.entries(kept)) for (const text of texts) filter.append(name, text);
  return {
    actions: open.map((value) => ({ value, label: BULK_ACTIONS[value].label })),
    filter: filter.toString(),
    isFiltered,
  };
}

const Selected = z.object({
  action: z.enum(BULK_CODES, "Choisissez une action.").describe("Action"),
  scope: z.enum(["ticked", "shown", "filter"]).default("ticked").describe("Opérations"),
  filter: z.string().max(LONGEST_FILTER).default("").describe("Filtre"),
  row: z
    .array(z.uuid("Une des «\u00a0opérations cochées\u00a0» n’existe pas\u00a0: rechargez la liste."))
    .max(MOST_TICKED)
    .default([])
    .describe("Opérations cochées"),
  shown: z
    .string()
    .max(MOST_TICKED * 40)
    .default("")
    .describe("Opérations affichées"),
});

/** What the list sends: which operations, and what to do with them (OPS-13). */
export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "bulk.chosen",
    label: "Sélection d’opérations",
    at: (_values: object, bulk: Bulk) => bulkAt({ id, lot: bulk.id }),
  };
  // Before its form is read: what does not exist for this person has nothing to refuse.
  await read(req, (em) => campaignFor(em, req.user!, id, MANAGE));
  const form = await submit(req, Selected, act, async ({ action, scope, row, shown, filter }, em) => {
    const standing = await campaignFor(em, req.user!, id, rightFor(action));
    const selection = scope === "filter" ? { filter } : { ids: scope === "shown" ? idsIn(shown) : row };
    const bulk = chooseBulk(em, standing.campaign, { action, selection }, { by: { id: req.user!.id } });
    if (ASKING_NOTHING.includes(action)) await freeze(em, req, standing, bulk, BulkWish.parse({ action }));
    return bulk;
  });
  res.saved(
    VIEW,
    {},
    { at: form.result ? bulkAt({ id, lot: form.result.id }) : listAt({ id }), notice: "Rien n’est encore changé." },
  );
};

const STATES: Record<string, { label: string; icon: string; tone: string }> = {
  frozen: { label: "À confirmer", icon: "eye", tone: "neutral" },
  running: { label: "En cours", icon: "play-circle", tone: "primary" },
  completed: { label: "Terminée", icon: "check-circle", tone: "success" },
  cancelled: { label: "Arrêtée", icon: "pause-circle", tone: "warning" },
  failed: { label: "Interrompue", icon: "alert-triangle", tone: "danger" },
};

/** The last bulk actions of a campaign: one under way is found again here. */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, bulks } = await read(req, async (em) => ({
    standing: await campaignFor(em, req.user!, req.params.id, MANAGE),
    bulks: await listBulks(em, req.params.id, MOST_LISTED),
  }));
  res.show(
    { page: "campaigns/bulks/index" },
    {
      title: "Actions groupées",
      ...frameOf(req, standing, "operations", "Actions groupées"),
      listAt: listAt(req.params),
      bulks: bulks.map(({ id: lot, action, state, counts, changed, ...bulk }) => ({
        ...bulk,
        label: BULK_ACTIONS[action].label,
        href: bulkAt({ id: req.params.id, lot }),
        badge: STATES[state],
        told: state === "frozen" ? counts.change : changed,
      })),
    },
  );
};

function idsIn(shown: string): string[] {
  const read = z.array(z.uuid()).max(MOST_TICKED).safeParse(shown.split(",").filter(Boolean));
  if (!read.success) throw new RuleBroken("Rechargez la liste, puis recommencez.", "shown");
  return read.data;
}

/** The rows selected; a filter is read as the list reads its address. */
function whereOf(plan: Plan, selection: BulkSelection, now: { now: Date }): RawBuilder<SqlBool> {
  if ("ids" in selection) return amongWhere(plan.campaign.id, selection.ids);
  return filtersOf(queryOf(selection.filter), plan, now).where;
}

const decidingOf = async (em: EntityManager, req: Request, standing: Standing) => {
  const { tenantId } = req.user!;
  const { holidayZone } = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
  return { plan: await planOf(em, req, standing.campaign), standing, user: req.user!, holidayZone, now: req.now };
};

async function freeze(em: EntityManager, req: Request, standing: Standing, bulk: Bulk, wish: BulkWish): Promise<void> {
  const deciding = await decidingOf(em, req, standing);
  await freezeBulk(em, bulk, wish, whereOf(deciding.plan, bulk.selection, req), deciding);
}

/** One bulk action of a campaign this person may change. Throws NotFound, or Forbidden. */
async function bulkFor(em: EntityManager, req: OfOne): Promise<{ bulk: Bulk; standing: Standing }> {
  const { id, lot } = req.params;
  const seen = await campaignFor(em, req.user!, id);
  const bulk = (await em.findOne(Bulk, { id: lot, campaign: { id } } as never)) as Bulk | null;
  if (!bulk) throw new NotFound("Cette action groupée n’existe plus. Revenez à la liste des opérations.");
  return {
    bulk,
    standing: seen.may(rightFor(bulk.action)) ? seen : await campaignFor(em, req.user!, id, rightFor(bulk.action)),
  };
}

export const show: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const { reglages } = query(
    req,
    z.object({ reglages: z.literal("oui").optional(), choix: z.string().max(120).optional() }),
  );
  const { bulk } = await read(req, (em) => bulkFor(em, req));
  if (bulk.state === "chosen" || (bulk.state === "frozen" && reglages)) return showSettings(req, res, { values: {} });
  return showBulk(req, res, { values: {} });
};

async function showBulk(req: OfOne, res: Response, form: object): Promise<void> {
  const shown = await read(req, async (em) => {
    const { bulk, standing } = await bulkFor(em, req);
    const deciding = await decidingOf(em, req, standing);
    return {
      bulk,
      standing,
      causes: await causesOf(em, bulk.id, NAMED),
      done: bulk.action === "trash" && bulk.state === "frozen" ? await doneTargets(em, bulk.id, NAMED) : null,
      said: await saidOf(em, bulk, deciding),
      loads:
        bulk.state === "frozen" && bulk.wish?.action === "balance"
          ? await loadTable(em, bulk.id, bulk.wish, deciding)
          : null,
    };
  });
  const { bulk, standing, causes, done, said, loads } = shown;
  const at = bulkAt(req.params);
  const counts = bulk.counts ?? { change: 0, same: 0, refused: 0 };
  const isOver = bulk.isOver();
  const title = isOver
    ? "Résultat de l’action"
    : bulk.state === "running"
      ? "Action en cours"
      : "Vérifier avant d’appliquer";
  res.show(VIEW, {
    title,
    ...frameOf(req, standing, "operations", title),
    at,
    listAt: listAt(req.params),
    said,
    bulk: {
      state: bulk.state,
      version: bulk.version,
      done: bulk.done,
      changed: bulk.changed,
      left: counts.change - bulk.changed,
      isOver,
      isStopping: bulk.cancelAskedAt != null && !isOver,
      failure: bulk.failure ?? null,
      actId: bulk.actId ?? null,
      asks: !ASKING_NOTHING.includes(bulk.action),
    },
    counts,
    isLong: counts.change > INLINE_ROWS,
    button: buttonOf(bulk, counts.change),
    icon: BULK_ACTIONS[bulk.action].icon,
    causes: causes.map((cause) => ({
      ...cause,
      rows: cause.rows.map((row) => ({ ...row, href: operationAt(row) })),
    })),
    done,
    loads,
    form,
  });
}

/** What each technician would have to do, day after day, with what they have already (OPS-3). */
async function loadTable(
  em: EntityManager,
  bulkId: string,
  { technicians: chosen, minutes }: Extract<BulkWish, { action: "balance" }>,
  { plan: { zone }, now }: Awaited<ReturnType<typeof decidingOf>>,
) {
  const dealt = await dealtBy(em, bulkId, { zone, minutes });
  const present = await loadsOf(em, chosen, { zone, minutes, except: frozenIn(bulkId) });
  const technicians = (await techniciansFrom(em, { from: dayOf(localOf(now, zone)) })).filter(({ id }) =>
    chosen.includes(id),
  );
  const of = (loads: Load[], id: string, day: string | null) =>
    loads.find((one) => one.technicianId === id && one.day === day) ?? { minutes: 0, operations: 0 };
  const days = [...new Set(dealt.map(({ day }) => day))].sort((a, b) => ((a ?? "9") < (b ?? "9") ? -1 : 1));
  return {
    technicians: technicians.map(({ id, name }) => ({
      name,
      operations: dealt.filter((one) => one.technicianId === id).reduce((sum, one) => sum + one.operations, 0),
    })),
    more: Math.max(0, days.length - MOST_DAYS),
    days: days.slice(0, MOST_DAYS).map((day) => ({
      label: day === null ? "Sans date" : fr.date(`${day}T12:00:00Z`, "UTC"),
      cells: technicians.map((technician) => {
        const [added, before] = [of(dealt, technician.id, day), of(present, technician.id, day)];
        const hours = day === null ? 0 : minutesOn(technician, day);
        const total = added.minutes + before.minutes;
        return {
          name: technician.name,
          absence: (day !== null && absenceOn(technician, day)?.reason) || null,
          isOff: day !== null && hours === 0,
          operations: added.operations,
          told: day === null ? toldMinutes(total) : `${toldMinutes(total)} sur ${toldMinutes(hours)}`,
          before: before.operations,
          minutes: total,
          hours,
        };
      }),
    })),
  };
}

/** In a few words, what was asked; a wish that holds no more is told by its action alone. */
async function saidOf(
  em: EntityManager,
  bulk: Bulk,
  deciding: Awaited<ReturnType<typeof decidingOf>>,
): Promise<string> {
  const { label } = BULK_ACTIONS[bulk.action];
  if (!bulk.wish) return label;
  return labelOf(em, bulk, deciding, bulk.isOver() ? bulk.changed : (bulk.counts?.change ?? 0)).catch(
    (error: unknown) => {
      if (error instanceof RuleBroken) return label;
      throw error;
    },
  );
}

async function labelOf(
  em: EntityManager,
  { wish }: Bulk,
  { plan, standing, user, holidayZone, now }: Awaited<ReturnType<typeof decidingOf>>,
  n: number,
): Promise<string> {
  const who = (technicianId: string | null) => whoOn(standing, user, technicianId);
  return (await decisionOf(em, plan, wish!, { by: user, now, holidayZone, who, isWriting: false })).label(n);
}

const Settings = z.object({
  choice: z.string().max(120).default("").describe("Choix"),
  technician: z.uuid("Choisissez un technicien.").or(z.literal("")).default("").describe("Technicien"),
  day: z.iso.date().or(z.literal("")).default("").describe("Date"),
  hour: z.string().trim().max(8).default("").describe("Heure"),
  days: z.number().int().min(-MOST_SHIFT).max(MOST_SHIFT).optional().describe("Jours ouvrés"),
  reason: z
    .string()
    .trim()
    .max(LONGEST_REASON, `Raccourcissez à ${LONGEST_REASON} caractères.`)
    .default("")
    .describe("Motif"),
  segment: z.uuid().or(z.literal("")).default("").describe("Segment"),
  value: z.string().max(10_000).default("").describe("Valeur"),
  values: z.array(z.string().max(100)).max(50).default([]).describe("Valeur"),
  capacity: z.number().int().min(1).max(MOST_CAPACITY).optional().describe("Places"),
  technicians: z.array(z.uuid()).max(MOST_TECHNICIANS).default([]).describe("Techniciens"),
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
      return { action, day: sent.day, hour: sent.hour };
    }
    case "shift":
      if (!sent.days) throw new RuleBroken("Donnez un nombre de jours, négatif pour avancer.", "days");
      return { action, days: sent.days };
    case "step": {
      const arrow = arrowsOf(plan.workflow).find(({ value }) => value === sent.choice);
      if (!arrow) throw new RuleBroken("Choisissez ce que deviennent ces opérations.", "choice");
      const moment = readMoment(sent.day, sent.hour, { zone: plan.zone, defaultHour: plan.campaign.defaultHour });
      if ("problem" in moment) throw new RuleBroken(moment.problem, "day");
      if (arrow.date === "required" && moment.value === null) throw new RuleBroken("Donnez la date.", "day");
      if (arrow.reason === "required" && sent.reason === "") throw new RuleBroken("Donnez le motif.", "reason");
      const { to, kind, label } = arrow;
      return { action, to, kind, label, reason: sent.reason || null, date: moment.value };
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

/** A value of a unique field is of one operation: it is not filled for many. */
const fillable = (plan: Plan) => typedFields(plan).filter(({ isUnique }) => !isUnique);

/** What operations can become, each once, with where they can come from: the strictest of what its arrows ask. */
function arrowsOf({ transitions, ...workflow }: Workflow) {
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
    };
  });
}

async function showSettings(req: OfOne, res: Response, form: { values: Record<string, unknown> }): Promise<void> {
  const { choix } = query(
    req,
    z.object({ reglages: z.literal("oui").optional(), choix: z.string().max(120).optional() }),
  );
  const shown = await read(req, async (em) => {
    const { bulk, standing } = await bulkFor(em, req);
    const obeyed = await planOf(em, req, standing.campaign);
    return {
      bulk,
      standing,
      plan: obeyed,
      total: await countOperations(em, whereOf(obeyed, bulk.selection, req)),
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
    };
  });
  const { bulk, standing, plan, total, segments, technicians } = shown;
  const choice = (form.values.choice as string | undefined) ?? choix ?? "";
  const field = bulk.action === "field" ? fillable(plan).find(({ code }) => code === choice) : undefined;
  const arrow = bulk.action === "step" ? arrowsOf(plan.workflow).find(({ value }) => value === choice) : undefined;
  const { label } = BULK_ACTIONS[bulk.action];
  res.show(SETTINGS, {
    title: label,
    ...frameOf(req, standing, "operations", label),
    action: bulk.action,
    icon: BULK_ACTIONS[bulk.action].icon,
    at: bulkAt(req.params),
    listAt: listAt(req.params),
    total,
    choices:
      bulk.action === "step"
        ? arrowsOf(plan.workflow)
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

const Confirmation = z.object({
  message: z
    .string()
    .trim()
    .max(LONGEST_MESSAGE, `Raccourcissez à ${LONGEST_MESSAGE} caractères.`)
    .default("")
    .describe("Message"),
  done: z.literal("oui").optional().describe("Confirmation"),
});

/** Applies it: at once, or by a job whose page may be left (OPS-15). */
export const apply: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const { id } = req.params;
  const at = bulkAt(req.params);
  await read(req, (em) => bulkFor(em, req));
  const act = {
    code: "operations.changed",
    label: (_values: object, { label }: { label: string }) => label,
    subject: () => aboutCampaign({ id }),
    reason: ({ message }: { message: string }) => message || undefined,
    at,
  };
  const form = await submit(req, Confirmation, act, async ({ done }, em) => {
    await holdStatuses(em, { campaignId: id });
    const { standing } = await bulkFor(em, req);
    const bulk = await holdBulk(em, req.params.lot);
    if (bulk.action === "trash" && !done) {
      const named = await doneTargets(em, bulk.id, 1);
      if (named.n > 0) {
        throw new RuleBroken(
          `Confirmez aussi pour ${named.n < 2 ? "celle qui est réalisée" : `les ${fr.number(named.n)} réalisées`}.`,
          "done",
        );
      }
    }
    const deciding = await decidingOf(em, req, standing);
    const isDone = await startBulk(em, bulk, deciding);
    const n = isDone ? bulk.changed : bulk.counts!.change;
    return { label: await labelOf(em, bulk, deciding, n), isDone, n };
  });
  if (form.errors) return showBulk(req, res, form);
  const { isDone, n } = form.result;
  const notice = isDone
    ? `${fr.count(n, "opération changée", "opérations changées")}.`
    : "L’action a commencé. Vous pouvez quitter cette page.";
  res.saved(VIEW, {}, { at, notice, undo: isDone });
};

export const cancel: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const at = bulkAt(req.params);
  await read(req, (em) => bulkFor(em, req));
  const act = {
    code: "bulk.cancelled",
    label: "Arrêt demandé d’une action groupée",
    subject: () => aboutBulk({ id: req.params.lot }),
    at,
  };
  await submit(req, z.object({}), act, async (_values, em) => {
    await bulkFor(em, req);
    cancelBulk(await holdBulk(em, req.params.lot), { now: req.now });
  });
  res.saved(VIEW, {}, { at, notice: "L’action s’arrête." });
};
