import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import {
  dayOf,
  type FieldDefinition,
  type FieldValues,
  hourOf,
  localOf,
  readerOf,
  readMoment,
  showValue,
  typedValue,
} from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Arrow, arrowsFrom, takesDate } from "../../workflow/index.ts";
import {
  aboutOperation,
  addOperation,
  assignOperation,
  editOperation,
  LONGEST_NOTES,
  type Operation,
  type Plan,
  placeOperation,
  planOperation,
  restoreOperation,
  type Said,
  statusOf,
  titleFieldOf,
  trashOperation,
} from "../operation.ts";
import { planFor } from "../plan.ts";
import { campaignFor, operationFor } from "../policy.ts";
import {
  countByStatus,
  countOperations,
  listOperations,
  listTechnicians,
  NONE,
  type OperationLine,
  type OperationOrder,
  operationsWhere,
} from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { Segment } from "../segment.ts";
import { addressOf, frameOf } from "./shown.ts";

const LIST = { page: "campaigns/operations/index", part: "campaigns/operations/_list" };
const CARD = { page: "campaigns/operations/show" };
const NEW = { page: "campaigns/operations/new" };
const EDIT = { page: "campaigns/operations/edit" };
const SIZES = [25, 50, 100];

type OfOne = Request<{ id: string }>;

const operationAt = ({ id }: { id: string }) => `/operations/${id}`;
const listAt = (campaign: { id: string }) => `${addressOf(campaign)}/operations`;

const ID = z.union([z.uuid(), z.literal(NONE)]).optional();
const Filters = z.object({
  q: z.string().max(200).optional(),
  statut: z.string().max(60).optional(),
  segment: ID,
  technicien: ID,
  du: z.iso.date().or(z.literal("")).optional(),
  au: z.iso.date().or(z.literal("")).optional(),
  quand: z.enum(["en-retard", "sans-date", ""]).optional(),
  tri: z.string().max(60).optional(),
  sens: z.enum(["croissant", "decroissant"]).optional(),
  lignes: z.coerce.number().optional(),
  page: z.string().max(900).optional(),
});

const ORDERS = {
  cible: "title",
  statut: "status",
  segment: "segment",
  technicien: "technician",
  date: "planned",
} as const;

function orderOf(tri: string | undefined, descending: boolean, { fields, workflow }: Plan): OperationOrder {
  const statuses = workflow.statuses.map(({ code }) => code);
  const field = fields.find(({ code }) => `c.${code}` === tri);
  const by = field
    ? { field: field.code, isNumber: field.type === "number" }
    : (ORDERS[tri as keyof typeof ORDERS] ?? "planned");
  return { by, descending, statuses };
}

export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const filters = query(req, Filters);
  const { q, statut, segment, technicien, du, au, quand, tri, sens, page } = filters;
  const size = SIZES.includes(filters.lignes ?? 0) ? filters.lignes! : 50;
  const descending = sens === "decroissant";
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.read");
    const plan = await planFor(em, standing.campaign, req.user!.tenant.zone);
    const where = operationsWhere(
      standing.campaign.id,
      {
        q,
        status: statut || undefined,
        segment,
        technician: technicien,
        from: du || undefined,
        to: au || undefined,
        when: quand === "en-retard" ? "late" : quand === "sans-date" ? "undated" : undefined,
      },
      { zone: plan.zone },
    );
    const counts = await countByStatus(em, standing.campaign.id);
    const found = await listOperations(em, where, {
      order: orderOf(tri, descending, plan),
      mark: readMark(page),
      size,
    });
    const isFiltered = [q, statut, segment, technicien, du, au, quand].some(Boolean);
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    return {
      standing,
      plan,
      counts,
      all,
      ...found,
      total: isFiltered ? await countOperations(em, where) : all,
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
    };
  });
  const { standing, plan, counts, total, all, segments, technicians } = shown;
  const at = listAt(standing.campaign);
  const kept = {
    q: q || undefined,
    statut: statut || undefined,
    segment,
    technicien,
    du: du || undefined,
    au: au || undefined,
    quand: quand || undefined,
  };
  const sorted = { ...kept, tri, sens, lignes: size === 50 ? undefined : String(size) };
  const columns = plan.fields.filter(
    ({ code, isListed }) => isListed && code !== titleFieldOf(standing.campaign, plan.fields)?.code,
  );
  const sortOf = (one: string) => {
    const isHere = (tri ?? "date") === one;
    return {
      order: !isHere ? "none" : descending ? "descending" : "ascending",
      href: withQuery(at, {
        ...sorted,
        tri: one,
        sens: isHere && !descending ? "decroissant" : undefined,
        page: undefined,
      }),
    };
  };
  const late = withQuery(at, { quand: "en-retard" });
  res.show(LIST, {
    title: "Opérations",
    ...frameOf(req, standing, "operations", "Opérations"),
    operations: shown.rows.map((line) => lineOf(line, plan, columns, req)),
    columns: columns.map(({ code, label }) => ({ label, ...sortOf(`c.${code}`) })),
    sorts: Object.fromEntries(Object.keys(ORDERS).map((one) => [one, sortOf(one)])),
    titleLabel: titleFieldOf(standing.campaign, plan.fields)?.label ?? "Cible",
    total,
    all,
    listAt: at,
    late,
    form: {
      values: {
        q: q ?? "",
        statut: statut ?? "",
        segment: segment ?? "",
        technicien: technicien ?? "",
        du: du ?? "",
        au: au ?? "",
        quand: quand ?? "",
      },
    },
    statuses: plan.workflow.statuses.map(({ code, label }) => ({
      value: code,
      label: `${label} (${fr.number(counts.get(code) ?? 0)})`,
    })),
    segments: [{ value: NONE, label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: NONE, label: "Non affectées" }, ...technicians],
    active: Object.values(kept).filter(Boolean).length,
    mayManage: standing.may("operations.manage") && !standing.campaign.isArchived(),
    previous: shown.before && withQuery(at, { ...sorted, page: writeMark(shown.before) }),
    next: shown.after && withQuery(at, { ...sorted, page: writeMark(shown.after) }),
    sizes: SIZES.map((one) => ({
      size: one,
      current: one === size,
      href: withQuery(at, { ...sorted, lignes: String(one) }),
    })),
  });
};

/** A row of the list: what each column prints. */
function lineOf(line: OperationLine, { workflow, zone }: Plan, columns: FieldDefinition[], req: Request) {
  const { label, icon, tone, isFinal } = statusOf(workflow, line.status);
  const day = (moment: Date) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(moment);
  return {
    ...line,
    href: operationAt(line),
    badge: { label, icon, tone },
    isLate: !isFinal && line.plannedAt !== null && day(line.plannedAt) < day(req.now),
    day: line.plannedAt && fr.shortDate(line.plannedAt, zone),
    hour: line.plannedAt && fr.time(line.plannedAt, zone),
    cells: columns.map((field) => {
      const value = line.values[field.code];
      return { label: field.label, text: value === undefined ? "" : showValue(field, value, { zone }) };
    }),
  };
}

/** The fields a form can fill: people and documents wait for their own pages. */
const typedFields = ({ fields }: Plan) => fields.filter(({ type }) => type !== "person" && type !== "attachment");
const inputOf = ({ code }: { code: string }) => `c_${code}`;

const Day = z.iso.date().or(z.literal("")).default("");
const Hour = z.string().trim().max(8).default("");

/** What the form of an operation sends: one text per field, read by the field itself (FLD-5). */
function valuesForm(plan: Plan, present: FieldValues = {}) {
  const fields = typedFields(plan);
  const shape = Object.fromEntries(
    fields.map((field) => [
      inputOf(field),
      field.type === "multiple_choice"
        ? z.array(z.string().max(100)).max(50).default([]).describe(field.label)
        : z.string().max(10_000).default("").describe(field.label),
    ]),
  );
  const Notes = z.string().max(LONGEST_NOTES, `Raccourcissez à ${LONGEST_NOTES} caractères.`).default("");
  return z.object({ ...shape, notes: Notes.describe("Notes") }).superRefine((sent, context) => {
    for (const field of fields) {
      const answer = readOne(plan, field, sent as Record<string, unknown>, present);
      if ("problem" in answer) context.addIssue({ code: "custom", path: [inputOf(field)], message: answer.problem });
    }
  });
}

function readOne(
  { campaign, zone }: Plan,
  field: FieldDefinition,
  sent: Record<string, unknown>,
  present: FieldValues,
) {
  const given = sent[inputOf(field)];
  const text = Array.isArray(given) ? given.join("|") : String(given ?? "");
  const reading = { zone, defaultHour: campaign.defaultHour, present: present[field.code] ?? null };
  return readerOf(field, reading)(text);
}

/** The values a form sent, beside those it could not fill. */
function valuesOf(plan: Plan, sent: Record<string, unknown>, present: FieldValues = {}): FieldValues {
  const values: FieldValues = { ...present };
  for (const field of typedFields(plan)) {
    const answer = readOne(plan, field, sent, present);
    if ("problem" in answer) throw new RuleBroken(answer.problem, inputOf(field));
    if (answer.value === null) delete values[field.code];
    else values[field.code] = answer.value;
  }
  return values;
}

/** The moment two inputs say; null when both are empty (IMP-15, TIM-2). */
function momentOf({ campaign, zone }: Plan, day: string, hour: string): Date | null {
  const answer = readMoment(day, hour, { zone, defaultHour: campaign.defaultHour });
  if ("problem" in answer) throw new RuleBroken(answer.problem, "plannedOn");
  return answer.value === null ? null : new Date(answer.value);
}

/** Each field as its control needs it. */
function controlsOf(plan: Plan, values: FieldValues) {
  return typedFields(plan).map((field) => ({
    name: inputOf(field),
    type: field.type,
    label: field.label,
    hint: field.help,
    required: field.isMandatory,
    value: field.type === "multiple_choice" ? (values[field.code] ?? []) : typedValue(field, values[field.code], plan),
    options: (field.rules.options ?? [])
      .filter(({ code, isRetired }) => !isRetired || [values[field.code]].flat().includes(code))
      .map(({ code, label }) => ({ value: code, label })),
  }));
}

const labelsOf = (plan: Plan) => ({
  ...Object.fromEntries(plan.fields.map((field) => [inputOf(field), field.label])),
  plannedOn: "Planifiée le",
  plannedHour: "Heure",
  technician: "Technicien",
  segment: "Segment",
  notes: "Notes",
});

const planOf = (em: EntityManager, req: Request, campaign: Plan["campaign"]) =>
  planFor(em, campaign, req.user!.tenant.zone);

/** A refusal of a verb names a field; the form calls it by its input. */
async function named<T>(plan: Plan, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof RuleBroken && plan.fields.some(({ code }) => code === error.field)) {
      throw new RuleBroken(error.message, `c_${error.field}`);
    }
    throw error;
  });
}

const MANAGE = "operations.manage";

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: OfOne, res: Response, form: object): Promise<void> {
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
    controls: controlsOf(plan, {}),
    labels: labelsOf(plan),
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: "", label: "Non affectée" }, ...technicians],
    defaultHour: standing.campaign.defaultHour,
    form,
  });
}

const Choice = z.uuid().or(z.literal("")).default("");

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.user!;
  const draft = await read(req, async (em) =>
    planOf(em, req, (await campaignFor(em, req.user!, req.params.id, MANAGE)).campaign),
  );
  const Schema = valuesForm(draft).extend({
    plannedOn: Day.describe("Planifiée le"),
    plannedHour: Hour.describe("Heure"),
    technician: Choice.describe("Technicien"),
    segment: Choice.describe("Segment"),
  });
  const act = {
    code: "operation.added",
    label: (_values: object, { title }: Operation) => `Ajout de l’opération «\u00a0${title}\u00a0»`,
    subject: (_values: object, operation: Operation) => aboutOperation(operation),
    at: (_values: object, operation: Operation) => operationAt(operation),
  };
  const form = await submit(req, Schema, act, async (sent, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, MANAGE);
    const plan = await planOf(em, req, campaign);
    const values = valuesOf(plan, sent);
    const segment = sent.segment ? await segmentOf(em, campaign.id, sent.segment) : null;
    const wanted = {
      values,
      plannedAt: momentOf(plan, sent.plannedOn, sent.plannedHour),
      segment,
      technicianId: sent.technician || null,
      notes: sent.notes,
    };
    return named(plan, addOperation(em, plan, wanted, { by: { id }, now: req.now, who: ["manager"] }));
  });
  if (form.errors) return showNew(req, res, form);
  res.saved(
    LIST,
    {},
    { at: operationAt(form.result), notice: `L’opération ${form.result.title} est ajoutée.`, undo: true },
  );
};

async function segmentOf(em: EntityManager, campaignId: string, id: string): Promise<Segment> {
  const segment = await em.findOne(Segment, { id, campaign: { id: campaignId } } as never);
  if (!segment) throw new RuleBroken("Ce segment n’existe plus\u00a0: choisissez-en un autre.", "segment");
  return segment as Segment;
}

/** The day and the hour of a moment, as two inputs hold them. */
function inputsOf(moment: Date | null | undefined, zone: string): { plannedOn: string; plannedHour: string } {
  if (!moment) return { plannedOn: "", plannedHour: "" };
  const local = localOf(moment, zone);
  return { plannedOn: dayOf(local), plannedHour: hourOf(local) };
}

interface Forms {
  assignment: object;
  planning: object;
  placing: object;
}

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, {});

async function showCard(req: OfOne, res: Response, forms: Partial<Forms>): Promise<void> {
  const shown = await read(req, async (em) => {
    const standing = await operationFor(em, req.user!, req.params.id);
    return {
      standing,
      plan: await planOf(em, req, standing.campaign),
      segments: await listSegments(em, standing.campaign.id),
      technicians: standing.may(MANAGE) ? await listTechnicians(em) : [],
    };
  });
  const { standing, plan, segments, technicians } = shown;
  const { operation, campaign, may, who } = standing;
  const { label, icon, tone, isFinal } = statusOf(plan.workflow, operation.status);
  const isOpen = !campaign.isArchived() && !operation.isTrashed();
  const titleField = titleFieldOf(campaign, plan.fields);
  const moment = (at: Date | null | undefined) => (at ? fr.dateTime(at, plan.zone) : "—");
  const empty = { values: {} };
  res.show(CARD, {
    title: operation.title,
    ...frameOf(req, standing, "operations", operation.title),
    operation,
    operationAt: operationAt(operation),
    status: { label, icon, tone },
    facts: plan.fields
      .filter(({ code }) => code !== titleField?.code)
      .map((field) => ({ term: field.label, value: showValue(field, operation.values[field.code], plan) || "—" })),
    moments: [
      { term: "Planifiée le", value: moment(operation.plannedAt) },
      { term: "Première date prévue", value: moment(operation.firstPlannedAt) },
      { term: "Reports", value: fr.number(operation.postponeCount) },
      { term: "Démarrée le", value: moment(operation.startedAt) },
      { term: "Réalisée le", value: moment(operation.completedAt) },
      { term: "Technicien", value: operation.technician?.name() ?? "Non affectée" },
      { term: "Segment", value: operation.segment?.name ?? "Sans segment" },
      ...(operation.reason ? [{ term: "Dernier motif", value: operation.reason }] : []),
    ],
    arrows: isOpen
      ? arrowsFrom(plan.workflow, operation.status, who).map((arrow) => arrowOf(arrow, operation, plan))
      : [],
    mayManage: isOpen && may(MANAGE),
    mayDelete: may("operations.delete") && !campaign.isArchived(),
    // A date is changed by its own form while the operation is open to it (OPS-11).
    mayPlan: isOpen && !isFinal && who.length > 0,
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: "", label: "Non affectée" }, ...technicians],
    planned: inputsOf(operation.plannedAt, plan.zone),
    form: forms.assignment ?? forms.planning ?? forms.placing ?? empty,
    forms: { assignment: empty, planning: empty, placing: empty, ...forms },
  });
}

/** A transition as its button says it: at once, or by a page that asks what it needs (OPS-10). */
function arrowOf(arrow: Arrow, { id }: { id: string }, { workflow }: Plan) {
  const { icon } = statusOf(workflow, arrow.to);
  return {
    ...arrow,
    icon,
    isAtOnce: arrow.reason === "none" && !takesDate(arrow),
    href: withQuery(`${operationAt({ id })}/statut`, { vers: arrow.to, par: arrow.kind }),
  };
}

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: OfOne, res: Response, form: object): Promise<void> {
  const { standing, plan } = await read(req, async (em) => {
    const found = await operationFor(em, req.user!, req.params.id, MANAGE);
    return { standing: found, plan: await planOf(em, req, found.campaign) };
  });
  const { operation } = standing;
  res.show(EDIT, {
    title: `Modifier ${operation.title}`,
    ...frameOf(req, standing, "operations", operation.title),
    operation,
    operationAt: operationAt(operation),
    controls: controlsOf(plan, operation.values),
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
    return { plan: await planOf(em, req, campaign), values: operation.values };
  });
  const act = {
    ...acting(req, "operation.edited", "Modification de l’opération"),
    current: async (em: EntityManager) => {
      const { campaign, operation } = await operationFor(em, req.user!, req.params.id, MANAGE);
      const plan = await planOf(em, req, campaign);
      const values = Object.fromEntries(
        typedFields(plan).map((field) => [inputOf(field), showValue(field, operation.values[field.code], plan)]),
      );
      const last = await lastChange(em, "operation", operation.id);
      return { values: { ...values, notes: operation.notes }, version: operation.version, ...last };
    },
  };
  const form = await submit(req, valuesForm(known.plan, known.values), act, async (sent, em, { version }) => {
    const { campaign, operation } = await operationFor(em, req.user!, req.params.id, MANAGE);
    await atVersion(em, operation, { version });
    const plan = await planOf(em, req, campaign);
    const values = valuesOf(plan, sent, operation.values);
    await named(plan, editOperation(em, plan, operation, { values, notes: sent.notes }, { by: { id: req.user!.id } }));
    return operation;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(CARD, {}, { at: operationAt(req.params), notice: "L’opération est modifiée.", undo: true });
};

/** One act on one operation: found, at the version its form was drawn from, then the verb. */
async function onOperation(
  req: OfOne,
  right: "operations.manage" | "operations.execute" | "operations.delete",
  em: EntityManager,
  verb: (operation: Operation, plan: Plan, said: Said) => unknown,
): Promise<Operation> {
  const { campaign, operation, who } = await operationFor(em, req.user!, req.params.id, right);
  await verb(operation, await planOf(em, req, campaign), { by: { id: req.user!.id }, now: req.now, who });
  return operation;
}

const AssignmentForm = z.object({ technician: Choice.describe("Technicien") });

export const assign: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "operation.assigned", "Affectation de l’opération");
  const form = await submit(req, AssignmentForm, act, ({ technician }, em) =>
    onOperation(req, MANAGE, em, (operation, plan, said) =>
      assignOperation(em, plan, operation, technician || null, said),
    ),
  );
  if (form.errors) return showCard(req, res, { assignment: form });
  const { technician } = form.result;
  const notice = technician ? `L’opération est affectée à ${technician.name()}.` : "L’opération n’est plus affectée.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const PlanningForm = z.object({ plannedOn: Day.describe("Planifiée le"), plannedHour: Hour.describe("Heure") });

export const plan: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "operation.planned", "Date de l’opération");
  const form = await submit(req, PlanningForm, act, ({ plannedOn, plannedHour }, em) =>
    onOperation(req, "operations.execute", em, (operation, obeyed, said) =>
      planOperation(em, obeyed, operation, momentOf(obeyed, plannedOn, plannedHour), said),
    ),
  );
  if (form.errors) return showCard(req, res, { planning: form });
  const notice = form.result.plannedAt ? "La date est enregistrée." : "L’opération n’a plus de date.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

const PlacingForm = z.object({ segment: Choice.describe("Segment") });

export const place: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "operation.placed", "Segment de l’opération");
  const form = await submit(req, PlacingForm, act, ({ segment }, em) =>
    onOperation(req, MANAGE, em, async (operation, obeyed, said) => {
      const found = segment ? await segmentOf(em, obeyed.campaign.id, segment) : null;
      placeOperation(em, obeyed, operation, found, said);
    }),
  );
  if (form.errors) return showCard(req, res, { placing: form });
  const notice = "Le segment est enregistré\u00a0; aucun import ne le changera.";
  res.saved(CARD, {}, { at: operationAt(req.params), notice, undo: true });
};

export const trash: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "operation.trashed", "Mise à la corbeille de l’opération");
  const form = await submit(req, z.object({}), act, (_values, em) =>
    onOperation(req, "operations.delete", em, (operation, obeyed, said) => trashOperation(em, obeyed, operation, said)),
  );
  if (form.errors) return showCard(req, res, {});
  const notice = `L’opération ${form.result.title} est à la corbeille pour trente jours.`;
  res.saved(CARD, {}, { at: listAt(form.result.campaign), notice, undo: true });
};

export const restore: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "operation.restored", "Sortie de la corbeille de l’opération");
  const form = await submit(req, z.object({}), act, (_values, em) =>
    onOperation(req, "operations.delete", em, (operation, obeyed, said) =>
      restoreOperation(em, obeyed, operation, said),
    ),
  );
  if (form.errors) return showCard(req, res, {});
  res.saved(CARD, {}, { at: operationAt(req.params), notice: "L’opération est de nouveau dans la liste.", undo: true });
};

export const trashed: RequestHandler<{ id: string }> = async (req, res) => {
  const { page } = query(req, z.object({ page: z.string().max(900).optional() }));
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.delete");
    const obeyed = await planOf(em, req, standing.campaign);
    const where = operationsWhere(standing.campaign.id, { isTrashed: true }, obeyed);
    const order: OperationOrder = { by: "title", descending: false, statuses: [] };
    const found = await listOperations(em, where, { order, mark: readMark(page) });
    return { standing, obeyed, ...found, total: await countOperations(em, where) };
  });
  const at = `${listAt(req.params)}/corbeille`;
  res.show(
    { page: "campaigns/operations/trash" },
    {
      title: "Corbeille des opérations",
      ...frameOf(req, shown.standing, "operations", "Corbeille"),
      operations: shown.rows.map((line) => lineOf(line, shown.obeyed, [], req)),
      total: shown.total,
      previous: shown.before && withQuery(at, { page: writeMark(shown.before) }),
      next: shown.after && withQuery(at, { page: writeMark(shown.after) }),
    },
  );
};
