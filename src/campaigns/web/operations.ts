import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { allows, lastChange, type PermissionCode } from "../../accounts/index.ts";
import { showValue } from "../../fields/index.ts";
import { latestActs, type ShownAct } from "../../history/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { atVersion, read, sinceVersion, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Arrow, arrowLabel, arrowsFrom } from "../../workflow/index.ts";
import { toldMinutes } from "../balance.ts";
import { titleFieldOf } from "../naming.ts";
import {
  aboutOperation,
  addOperation,
  assignOperation,
  correctMinutes,
  editOperation,
  type Operation,
  placeOperation,
  planOperation,
  releaseOperation,
  restoreOperation,
  trashOperation,
} from "../operation.ts";
import type { Plan } from "../plan.ts";
import { campaignFor, operationFor, operationToChange } from "../policy.ts";
import { datesAskWhy, mayCorrectMinutes, reasonToBegin, type Said, statusOf } from "../progress.ts";
import { listTechnicians } from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { holdStatuses } from "../queries/statuses.ts";
import { targetsElsewhere } from "../queries/tags.ts";
import {
  controlsOf,
  Day,
  Hour,
  inputOf,
  inputsOf,
  isAtOnce,
  knowingPeople,
  labelsOf,
  Minutes,
  momentOf,
  named,
  Places,
  presentOf,
  Reason,
  segmentOf,
  typedFields,
  valuesForm,
  valuesOf,
  waitingFields,
} from "./operation-form.ts";
import { frameOf, listAt, operationAt, planOf } from "./shown.ts";

const CARD = { page: "campaigns/operations/show" };
const NEW = { page: "campaigns/operations/new" };
const EDIT = { page: "campaigns/operations/edit" };
/** Lines of its history on the page of an operation. */
const LATEST = 5;
type OfOne = Request<{ id: string }>;

const MANAGE = "operations.manage";
const EXECUTE = "operations.execute";
const DELETE = "operations.delete";
type Typed = { values: Record<string, string | string[] | undefined> };

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: OfOne, res: Response, form: Typed): Promise<void> {
  const { standing, plan, segments, technicians } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, MANAGE);
    return {
      standing: found,
      plan: await planOf(em, req, found.campaign),
      segments: await listSegments(em, found.campaign.id),
      technicians: await listTechnicians(em),
    };
  });
  res.show(NEW, {
    title: "Ajouter une opération",
    ...frameOf(req, standing, "operations", "Ajouter une opération"),
    controls: controlsOf(plan, {}, form.values),
    waiting: waitingFields(plan),
    labels: labelsOf(plan),
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: "", label: "Non affectée" }, ...technicians],
    defaultHour: standing.campaign.defaultHour,
    form,
  });
}

interface Added {
  operation: Operation;
  /** The same target in other campaigns. */
  elsewhere: { campaign: string }[];
}

const Choice = z.uuid().or(z.literal("")).default("");

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.user!;
  const draft = await read(req, async (em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, MANAGE);
    return knowingPeople(em, await planOf(em, req, campaign), req.body);
  });
  const Schema = valuesForm(draft).extend({
    capacity: Places,
    plannedOn: Day.describe("Planifiée le"),
    plannedHour: Hour.describe("Heure"),
    technician: Choice.describe("Technicien"),
    segment: Choice.describe("Segment"),
  });
  const act = {
    code: "operation.added",
    label: (_values: object, { operation }: Added) => `Ajout de l’opération «\u00a0${operation.title}\u00a0»`,
    subject: (_values: object, { operation }: Added) => aboutOperation(operation),
    at: (_values: object, { operation }: Added) => operationAt(operation),
  };
  const form = await submit(req, Schema, act, async (sent, em) => {
    await holdStatuses(em, { campaignId: req.params.id });
    const { campaign } = await campaignFor(em, req.user!, req.params.id, MANAGE);
    const plan = await knowingPeople(em, await planOf(em, req, campaign), sent);
    const values = valuesOf(plan, sent);
    const segment = sent.segment ? await segmentOf(em, campaign.id, sent.segment) : null;
    const wanted = {
      values,
      plannedAt: momentOf(plan, sent.plannedOn, sent.plannedHour),
      segment,
      technicianId: sent.technician || null,
      notes: sent.notes,
      capacity: sent.capacity,
    };
    const operation = await named(plan, addOperation(em, plan, wanted, { by: { id }, now: req.now }));
    return { operation, elsewhere: await elsewhereOf(em, req, operation) };
  });
  if (form.errors) return showNew(req, res, form);
  const { operation, elsewhere } = form.result;
  const known = elsewhere.map((one) => `«\u00a0${one.campaign}\u00a0»`);
  const notice = `L’opération ${operation.title} est ajoutée.`;
  // A warning, no refusal: the page it leads to has the way to each of them (CAM-21).
  const warned = {
    tone: "warning",
    notice: `${notice} Elle porte le nom d’une opération de ${fr.list(known)}.`,
  } as const;
  res.saved(CARD, {}, { at: operationAt(operation), undo: true, ...(known.length > 0 ? warned : { notice }) });
};

interface Forms {
  assignment: object;
  planning: object;
  placing: object;
  timing: object;
  trashing: object;
}

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, {});

async function showCard(req: OfOne, res: Response, forms: Partial<Forms>): Promise<void> {
  const shown = await read(req, async (em) => {
    const standing = await operationFor(em, req.user!, req.params.id);
    const rules = await planOf(em, req, standing.campaign);
    const obeyed = standing.isHeldBack ? reasonToBegin(rules, "required") : rules;
    return {
      standing,
      plan: await knowingPeople(em, obeyed, {}, standing.operation.values),
      segments: await listSegments(em, standing.campaign.id),
      technicians: standing.may(MANAGE) ? await listTechnicians(em) : [],
      elsewhere: standing.may(MANAGE) ? await elsewhereOf(em, req, standing.operation) : [],
      latest: await latestActs(em, aboutOperation(req.params), { size: LATEST, registry: req.app.locals.registry }),
    };
  });
  const { standing, plan, segments, technicians, elsewhere, latest } = shown;
  const { operation, campaign, may, who } = standing;
  const { label, icon, tone, isFinal } = statusOf(plan.workflow, operation.status);
  const isOpen = !campaign.isArchived() && !operation.isTrashed();
  const offered = isOpen ? arrowsFrom(plan.workflow, operation.status, who) : [];
  const titleField = titleFieldOf(campaign, plan.fields);
  // Whoever does not see the campaign is shown what is for technicians (FLD-3).
  const told = plan.fields.filter(({ isForTechnicians }) => isForTechnicians || may("campaigns.see"));
  const moment = (at: Date | null | undefined) => (at ? fr.dateTime(at, plan.zone) : "—");
  const empty = { values: {} };
  res.show(CARD, {
    title: operation.title,
    ...frameOf(req, standing, "operations", operation.title),
    operation,
    operationAt: operationAt(operation),
    status: { label, icon, tone },
    subtitle: campaign.subtitleFields
      .flatMap((code) => told.filter((field) => field.code === code))
      .map((field) => showValue(field, operation.values[field.code], plan))
      .filter(Boolean)
      .join(", "),
    facts: told
      .filter(({ code }) => code !== titleField?.code)
      .map((field) => ({ term: field.label, value: showValue(field, operation.values[field.code], plan) || "—" })),
    moments: [
      { term: "Planifiée le", value: moment(operation.plannedAt) },
      { term: "Première date prévue", value: moment(operation.firstPlannedAt) },
      { term: "Reports", value: fr.number(operation.postponeCount) },
      { term: "Démarrée le", value: moment(operation.startedAt) },
      { term: "Réalisée le", value: moment(operation.completedAt) },
      { term: "Technicien", value: operation.technician?.name() ?? "Non affectée" },
      {
        term: "Segment",
        value: `${operation.segment?.name ?? "Sans segment"}${operation.isSegmentSetByHand ? " (manuel)" : ""}`,
      },
      ...(campaign.isTimeTracked || operation.minutes != null
        ? [{ term: "Temps passé", value: operation.minutes == null ? "—" : toldMinutes(operation.minutes) }]
        : []),
      { term: "Places", value: fr.number(operation.capacity) },
      ...(operation.reason ? [{ term: "Dernier motif", value: operation.reason }] : []),
    ],
    elsewhere: elsewhere.map(({ id, campaign: name }) => ({
      term: name,
      value: operation.title,
      href: operationAt({ id }),
    })),
    latest: latest.map((one) => toldAct(one, plan.zone, allows(req.user!.roles, "history.read"))),
    arrows: offered.map((arrow) => ({
      ...arrowOf(arrow, operation, plan),
      label: arrowLabel(plan.workflow, offered, arrow),
    })),
    mayManage: isOpen && may(MANAGE),
    mayDelete: may(DELETE) && !campaign.isArchived(),
    mayCorrect:
      isOpen &&
      campaign.isTimeTracked &&
      operation.category === "success" &&
      mayCorrectMinutes(plan, operation, { by: { id: req.user!.id }, now: req.now, who }),
    // A date is changed by its own form while the operation is open to it (OPS-11).
    mayPlan: isOpen && !isFinal && who.length > 0,
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: "", label: "Non affectée" }, ...technicians],
    planned: inputsOf(operation.plannedAt, plan.zone),
    asksWhy: datesAskWhy(plan.workflow, operation.status),
    form: forms.assignment ?? forms.planning ?? forms.placing ?? forms.timing ?? forms.trashing ?? empty,
    forms: { assignment: empty, planning: empty, placing: empty, timing: empty, trashing: empty, ...forms },
  });
}

/** A line of its history, which leads to the act for who reads all of history. */
const toldAct = ({ id, actor, what, at, reason, undone }: ShownAct, zone: string, mayRead: boolean) => ({
  actor,
  text: what,
  at,
  when: `${fr.shortDate(at, zone)} ${fr.time(at, zone)}`,
  ...(mayRead && { href: `/admin/historique/${id}` }),
  detail: [reason && `motif\u00a0: ${reason}`, undone && `annulé par ${undone.by}`].filter(Boolean).join(", "),
});

const elsewhereOf = (em: EntityManager, req: Request, { title, campaign }: Operation) =>
  targetsElsewhere(em, req.user!, { title, campaignId: campaign.id });

/** A transition as its button says it: at once, or by a page that asks what it needs (OPS-10). */
function arrowOf(arrow: Arrow, { id }: { id: string }, plan: Plan) {
  const { icon } = statusOf(plan.workflow, arrow.to);
  return {
    ...arrow,
    icon,
    isAtOnce: isAtOnce(plan, arrow),
    href: withQuery(`${operationAt({ id })}/statut`, { vers: arrow.to, par: arrow.kind }),
  };
}

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: OfOne, res: Response, form: Typed): Promise<void> {
  const { standing, plan } = await read(req, async (em) => {
    const found = await operationFor(em, req.user!, req.params.id, MANAGE);
    const obeyed = await planOf(em, req, found.campaign);
    return { standing: found, plan: await knowingPeople(em, obeyed, {}, found.operation.values) };
  });
  const { operation } = standing;
  res.show(EDIT, {
    title: `Modifier ${operation.title}`,
    ...frameOf(req, standing, "operations", operation.title),
    operation,
    operationAt: operationAt(operation),
    controls: controlsOf(plan, operation.values, form.values),
    waiting: waitingFields(plan),
    labels: labelsOf(plan),
    form,
  });
}

/** What history says of an act on this operation. */
const acting = (req: OfOne, code: string, words: string) => ({
  code,
  label: (_values: object, { title }: Operation) => `${words} «\u00a0${title}\u00a0»`,
  subject: () => aboutOperation(req.params),
  at: operationAt(req.params),
});

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const known = await read(req, async (em) => {
    const { campaign, operation } = await operationFor(em, req.user!, req.params.id, MANAGE);
    const obeyed = await planOf(em, req, campaign);
    return { plan: await knowingPeople(em, obeyed, req.body, operation.values), values: operation.values };
  });
  const act = {
    ...acting(req, "operation.edited", "Modification de l’opération"),
    current: async (em: EntityManager) => {
      const { campaign, operation } = await operationFor(em, req.user!, req.params.id, MANAGE);
      const plan = await knowingPeople(em, await planOf(em, req, campaign), {}, operation.values);
      const values = Object.fromEntries(
        typedFields(plan).map((field) => [inputOf(field), showValue(field, operation.values[field.code], plan)]),
      );
      const last = await lastChange(em, "operation", operation.id);
      const own = { notes: operation.notes, capacity: fr.number(operation.capacity) };
      return { values: { ...values, ...own }, version: operation.version, ...last };
    },
  };
  const Schema = valuesForm(known.plan, known.values).extend({
    capacity: Places.refine((places) => places !== null, "Écrivez le nombre de places."),
  });
  const form = await submit(req, Schema, act, async (sent, em, { version }) => {
    await holdStatuses(em, { operationId: req.params.id });
    const { campaign, operation } = await operationToChange(em, req.user!, req.params.id, MANAGE);
    await atVersion(em, operation, { version });
    const plan = await knowingPeople(em, await planOf(em, req, campaign), sent, operation.values);
    const values = valuesOf(plan, sent, operation.values);
    const wanted = { values, notes: sent.notes, capacity: sent.capacity ?? undefined };
    await named(plan, editOperation(em, plan, operation, wanted, { by: { id: req.user!.id } }));
    return operation;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(CARD, {}, { at: operationAt(req.params), notice: "L’opération est modifiée.", undo: true });
};

/** What an act on one operation is given beside what was sent: the operation as it is, and who acts on it. */
interface On {
  em: EntityManager;
  operation: Operation;
  plan: Plan;
  said: Said;
}

/** One act on one operation: found, at the version its form was drawn from (GEN-8), then the verb. */
function actOn<S extends z.ZodObject>(
  req: OfOne,
  { right, code, words }: { right: PermissionCode; code: string; words: string },
  schema: S,
  verb: (sent: z.output<S>, on: On) => unknown,
) {
  const act = {
    ...acting(req, code, words),
    reason: (sent: object) => (sent as { reason?: string }).reason || undefined,
    current: (em: EntityManager) => presentOf(em, req),
  };
  return submit(req, schema, act, async (sent, em, at) => {
    await holdStatuses(em, { operationId: req.params.id });
    const { campaign, operation, who } = await operationToChange(em, req.user!, req.params.id, right);
    sinceVersion(operation, at);
    const said = { by: { id: req.user!.id }, now: req.now, who };
    await verb(sent, { em, operation, plan: await planOf(em, req, campaign), said });
    return operation;
  });
}

const AssignmentForm = z.object({ technician: Choice.describe("Technicien") });
const ASSIGNED = { right: MANAGE, code: "operation.assigned", words: "Affectation de l’opération" } as const;

export const assign: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, ASSIGNED, AssignmentForm, (sent, { em, operation, plan, said }) =>
    assignOperation(em, plan, operation, sent.technician || null, said),
  );
  if (form.errors) return showCard(req, res, { assignment: form });
  const { technician } = form.result;
  const notice = technician ? `L’opération est affectée à ${technician.name()}.` : "L’opération n’est plus affectée.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const PlanningForm = z.object({
  plannedOn: Day.describe("Planifiée le"),
  plannedHour: Hour.describe("Heure"),
  reason: Reason,
});
const PLANNED = { right: EXECUTE, code: "operation.planned", words: "Date de l’opération" } as const;

export const plan: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, PLANNED, PlanningForm, (sent, { em, operation, plan, said }) => {
    const date = momentOf(plan, sent.plannedOn, sent.plannedHour);
    planOperation(em, plan, operation, { date, reason: sent.reason || null }, said);
  });
  if (form.errors) return showCard(req, res, { planning: form });
  const notice = form.result.plannedAt ? "La date est enregistrée." : "L’opération n’a plus de date.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const PlacingForm = z.object({ segment: Choice.describe("Segment") });
const PLACED = { right: MANAGE, code: "operation.placed", words: "Segment de l’opération" } as const;

export const place: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, PLACED, PlacingForm, async (sent, { em, operation, plan, said }) => {
    const found = sent.segment ? await segmentOf(em, plan.campaign.id, sent.segment) : null;
    placeOperation(em, plan, operation, found, said);
  });
  if (form.errors) return showCard(req, res, { placing: form });
  const notice = "Le segment est enregistré\u00a0; aucun import ne le changera.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

/** The segment set by hand is given back to the segment field (SEG-3). */
export const release: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, PLACED, z.object({}), (_sent, { em, operation, plan, said }) =>
    releaseOperation(em, plan, operation, said),
  );
  if (form.errors) return showCard(req, res, { placing: form });
  const notice = "Le segment suit de nouveau le champ de segment de la campagne.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const TimingForm = z.object({ minutes: Minutes });
const TIMED = { right: EXECUTE, code: "operation.time_corrected", words: "Temps passé de l’opération" } as const;

/** Says that a done operation took another time (OPS-23). */
export const correct: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, TIMED, TimingForm, ({ minutes }, { em, operation, plan, said }) =>
    correctMinutes(em, plan, operation, minutes ?? null, said),
  );
  if (form.errors) return showCard(req, res, { timing: form });
  const notice = `Le temps passé est de ${toldMinutes(form.result.minutes!)}.`;
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const TrashingForm = z.object({ sure: z.enum(["oui"]).optional().describe("Confirmation") });
const TRASHED = { right: DELETE, code: "operation.trashed", words: "Mise à la corbeille de l’opération" } as const;

export const trash: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, TRASHED, TrashingForm, ({ sure }, { em, operation, plan, said }) =>
    trashOperation(em, plan, operation, { ...said, isSure: sure === "oui" }),
  );
  if (form.errors) return showCard(req, res, { trashing: form });
  const notice = `L’opération ${form.result.title} est à la corbeille pour trente jours.`;
  res.saved(CARD, {}, { at: listAt(form.result.campaign), notice, undo: true });
};

const RESTORED = { right: DELETE, code: "operation.restored", words: "Sortie de la corbeille de l’opération" } as const;

/** Its form gives no version: nothing else changes what is in the trash. */
export const restore: RequestHandler<{ id: string }> = async (req, res) => {
  const form = await actOn(req, RESTORED, z.object({}), (_sent, { em, operation, plan, said }) =>
    restoreOperation(em, plan, operation, said),
  );
  if (form.errors) return showCard(req, res, { trashing: form });
  res.saved(CARD, {}, { at: operationAt(req.params), notice: "L’opération est de nouveau dans la liste.", undo: true });
};
