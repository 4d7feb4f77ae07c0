import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { controlOf, type FieldDefinition, showValue } from "../../fields/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { ownOrigins } from "../../platform/http/origin.ts";
import { isPartial } from "../../platform/http/partial.ts";
import { ownPath, safePath } from "../../platform/http/safe-path.ts";
import { fr } from "../../platform/text/index.ts";
import { type Arrow, arrowLabel, arrowsFrom, takesDate } from "../../workflow/index.ts";
import {
  aboutOperation,
  assignOperation,
  editOperation,
  type Operation,
  placeOperation,
  planOperation,
  transition,
} from "../operation.ts";
import { type Column, columnsOf, everyColumn } from "../operation-column.ts";
import type { Plan } from "../plan.ts";
import { operationFor } from "../policy.ts";
import { begins, datesAskWhy, effectsOf, HELD_BACK, reasonToBegin, type Said, statusOf } from "../progress.ts";
import { listOperations, listTechnicians, operationsWhere } from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { holdStatuses } from "../queries/statuses.ts";
import { bulkOf } from "./bulk-selection.ts";
import {
  askedBy,
  Day,
  Hour,
  inputOf,
  inputsOf,
  isAtOnce,
  knowingPeople,
  Minutes,
  momentOf,
  named,
  Reason,
  segmentOf,
  valuesForm,
  valuesOf,
} from "./operation-form.ts";
import { cellAt, isEdited, lateBefore, lineOf, peopleNamed } from "./operation-row.ts";
import { frameOf, listAt, planOf } from "./shown.ts";

/** One cell of the list, edited where it stands; without script, on a page of its own (OPS-10). */

const VIEW = { page: "campaigns/cells/edit", part: "campaigns/cells/_form" };
const ROW = { page: "campaigns/cells/edit", part: "campaigns/operations/_row" };
const CARD = { page: "campaigns/cells/edit", part: "campaigns/operations/_card" };

type OfCell = Request<{ id: string; code: string }>;

const rightOf = (code: string) => (code === "statut" || code === "date" ? "operations.execute" : "operations.manage");

/** The operation, what it obeys, and the column this cell is of. */
async function cellOf(em: EntityManager, req: OfCell) {
  const standing = await operationFor(em, req.user!, req.params.id, rightOf(req.params.code));
  const obeyed = await planOf(em, req, standing.campaign);
  const plan = await knowingPeople(em, obeyed, req.body, standing.operation.values);
  const column = everyColumn(plan).find(({ code }) => code === req.params.code);
  if (!column || !isEdited(column, false)) throw new NotFound("Cette cellule ne se modifie pas. Revenez à la liste.");
  return { standing, plan, column };
}

/** Where the list is that this cell was opened from. */
function backTo(req: OfCell, campaign: { id: string }): string {
  const given = safePath(req.body?.retour, "") || ownPath(req.headers.referer, ownOrigins(req)) || "";
  const at = listAt(campaign);
  return given === at || given.startsWith(`${at}?`) ? given : at;
}

export const edit: RequestHandler<{ id: string; code: string }> = (req, res) =>
  req.query.renoncer ? giveUp(req, res) : show(req, res, { values: {} });

/** The row as it is now: to who gives up, in place. */
async function giveUp(req: OfCell, res: Response): Promise<void> {
  const { standing } = await read(req, (em) => cellOf(em, req));
  const back = backTo(req, standing.campaign);
  if (!isPartial(req)) return res.redirect(303, back);
  const { view, row } = await rowOf(req, back);
  res.show(view, row);
}

/** One row as the list it is in draws it. */
async function rowOf(req: OfCell, back: string) {
  const asked = Object.fromEntries(new URL(back, "http://list").searchParams);
  const { standing, plan, columns, line, people } = await read(req, async (em) => {
    const found = await cellOf(em, req);
    const columns = columnsOf(asked, found.plan);
    const where = operationsWhere(found.standing.campaign.id, { ids: [req.params.id] }, found.plan);
    const order = { by: "title" as const, descending: false, statuses: [] };
    const { rows } = await listOperations(em, where, { order, mark: null });
    return { ...found, columns, line: rows[0]!, people: await peopleNamed(em, columns, rows) };
  });
  const mayEdit = standing.may("operations.manage") && !standing.campaign.isArchived();
  const one = lineOf(line, plan, columns, {
    late: lateBefore(req.now, plan),
    names: people,
    mayEdit,
    mayPick: bulkOf(standing, { kept: {}, isFiltered: false }) !== null,
  });
  return { view: asked.forme === "cartes" ? CARD : ROW, row: { one } };
}

async function show(req: OfCell, res: Response, form: object): Promise<void> {
  const {
    standing,
    plan: obeyed,
    column,
    segments,
    technicians,
  } = await read(req, async (em) => {
    const found = await cellOf(em, req);
    const { code } = found.column;
    return {
      ...found,
      segments: code === "segment" ? await listSegments(em, found.standing.campaign.id) : [],
      technicians: code === "technicien" ? await listTechnicians(em) : [],
    };
  });
  const { operation, who, campaign, isHeldBack } = standing;
  const plan = isHeldBack ? reasonToBegin(obeyed, "required") : obeyed;
  const arrows = arrowsFrom(plan.workflow, operation.status, who);
  const at = cellAt(operation, column.code);
  const typed = (form as { values?: Record<string, string> }).values ?? {};
  const wanted = typed.arrow ?? req.query.par;
  const arrow =
    column.code === "statut" ? arrows.find((one) => nameOf(one) === wanted && !isAtOnce(plan, one)) : undefined;
  res.show(VIEW, {
    title: `${column.label} – ${operation.title}`,
    ...frameOf(req, standing, "operations", column.label),
    operation,
    cellAt: at,
    back: backTo(req, campaign),
    label: column.label,
    labels: { ...LABELS, ...(column.field && { [inputOf(column.field)]: column.label }) },
    kind: column.field ? "value" : column.code,
    status: statusOf(plan.workflow, operation.status),
    arrows: arrows.map((one) => ({
      ...arrowWords(plan, one, arrowLabel(plan.workflow, arrows, one)),
      name: nameOf(one),
      icon: statusOf(plan.workflow, one.to).icon,
      isAtOnce: isAtOnce(plan, one),
      href: `${at}?par=${nameOf(one)}`,
    })),
    arrow: arrow ? { ...arrow, name: nameOf(arrow), takesDate: takesDate(arrow), ...askedBy(plan, arrow) } : null,
    whyAsked: isHeldBack && arrow && begins(plan, arrow) ? HELD_BACK : null,
    planned: inputsOf(operation.plannedAt, plan.zone),
    asksWhy: datesAskWhy(plan.workflow, operation.status),
    defaultHour: campaign.defaultHour,
    choices:
      column.code === "segment"
        ? [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))]
        : [{ value: "", label: "Non affectée" }, ...technicians],
    chosen: (column.code === "segment" ? operation.segment?.id : operation.technician?.id) ?? "",
    name: column.field ? inputOf(column.field) : "",
    control: column.field ? cellControl(column.field, operation, plan, typed) : null,
    form,
  });
}

const cellControl = (
  field: FieldDefinition,
  { values }: Operation,
  { zone, people }: Plan,
  typed: Record<string, string | string[]>,
) => controlOf(field, values[field.code], { zone, people, typed: typed[inputOf(field)] });

const LABELS = {
  arrow: "Nouveau statut",
  reason: "Motif",
  minutes: "Temps passé, en minutes",
  plannedOn: "Date",
  plannedHour: "Heure",
  technician: "Technicien",
  segment: "Segment",
};

const nameOf = ({ to, kind }: Arrow) => `${to}.${kind}`;

function arrowWords(plan: Plan, arrow: Arrow, label: string): { label: string; note: string | null } {
  const asks = [
    arrow.reason === "required" ? "motif demandé" : arrow.reason === "optional" ? "motif facultatif" : null,
    arrow.date === "required" ? "date demandée" : takesDate(arrow) ? "date facultative" : null,
    arrow.date === "cleared" ? "la date sera effacée" : null,
    effectsOf(plan, arrow).asksMinutes ? "temps passé demandé" : null,
  ].filter(Boolean);
  return {
    label: isAtOnce(plan, arrow) ? label : `${label}…`,
    note: asks.length > 0 ? asks.join(", ") : null,
  };
}

const Choice = z.uuid().or(z.literal("")).default("");
const Back = z.string().max(2_000).default("");
const Planned = { plannedOn: Day.describe("Date"), plannedHour: Hour.describe("Heure") };

interface Cell {
  schema: z.ZodObject;
  act: string;
  words: string;
  verb(sent: Record<string, unknown>, operation: Operation, said: Said, em: EntityManager): unknown;
  /** What the stored operation says of it, under the names of the form. */
  told(operation: Operation): Record<string, string>;
}

/** What a cell sends and the verb it is: the same verbs, and so the same rules, as every other way in (FLD-5, WFL-3). */
function cellFor({ code, field }: Column, plan: Plan, present: Operation): Cell {
  const day = ({ plannedAt }: Operation) => (plannedAt ? fr.dateTime(plannedAt, plan.zone) : "Sans date");
  if (field) {
    const own = { ...plan, fields: [field] };
    return {
      schema: valuesForm(own, present.values),
      act: "operation.edited",
      words: field.label,
      verb: (sent, operation, { by }, em) => {
        const values = valuesOf(own, sent, operation.values);
        return named(plan, editOperation(em, plan, operation, { values, notes: operation.notes }, { by }));
      },
      told: ({ values }) => ({ [inputOf(field)]: showValue(field, values[field.code], plan) || "—" }),
    };
  }
  if (code === "statut") {
    return {
      schema: z.object({
        arrow: z.string().max(120).describe("Nouveau statut"),
        reason: Reason,
        ...Planned,
        minutes: Minutes,
      }),
      act: "operation.transitioned",
      words: "Statut",
      verb: (sent, operation, said, em) => {
        const arrow = plan.workflow.transitions.find(
          (one) => one.from === operation.status && nameOf(one) === sent.arrow,
        );
        const [to, kind] = String(sent.arrow).split(".") as [string, Arrow["kind"]];
        const date = momentOf(plan, String(sent.plannedOn), String(sent.plannedHour));
        const step = arrow ? { arrow } : { to, kind };
        transition(
          em,
          plan,
          operation,
          { ...step, reason: String(sent.reason) || null, date, minutes: (sent.minutes as number | undefined) ?? null },
          said,
        );
      },
      told: (operation) => ({ arrow: statusOf(plan.workflow, operation.status).label, plannedOn: day(operation) }),
    };
  }
  if (code === "date") {
    return {
      schema: z.object({ ...Planned, reason: Reason }),
      act: "operation.planned",
      words: "Date",
      verb: (sent, operation, said, em) => {
        const date = momentOf(plan, String(sent.plannedOn), String(sent.plannedHour));
        planOperation(em, plan, operation, { date, reason: String(sent.reason) || null }, said);
      },
      told: (operation) => ({ plannedOn: day(operation) }),
    };
  }
  if (code === "technicien") {
    return {
      schema: z.object({ technician: Choice.describe("Technicien") }),
      act: "operation.assigned",
      words: "Technicien",
      verb: ({ technician }, operation, said, em) =>
        assignOperation(em, plan, operation, String(technician) || null, said),
      told: ({ technician }) => ({ technician: technician?.name() ?? "Non affectée" }),
    };
  }
  return {
    schema: z.object({ segment: Choice.describe("Segment") }),
    act: "operation.placed",
    words: "Segment",
    verb: async ({ segment }, operation, said, em) => {
      const found = segment ? await segmentOf(em, plan.campaign.id, String(segment)) : null;
      placeOperation(em, plan, operation, found, said);
    },
    told: ({ segment }) => ({ segment: segment?.name ?? "Sans segment" }),
  };
}

export const update: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const known = await read(req, (em) => cellOf(em, req));
  const back = backTo(req, known.standing.campaign);
  const cell = cellFor(known.column, known.plan, known.standing.operation);
  const act = {
    code: cell.act,
    label: (_sent: object, { title }: Operation) => `${title}\u00a0: ${cell.words.toLowerCase()}`,
    subject: () => aboutOperation(req.params),
    reason: (sent: object) => (sent as { reason?: string }).reason || undefined,
    at: back,
    current: async (em: EntityManager) => {
      const { standing } = await cellOf(em, req);
      const last = await lastChange(em, "operation", req.params.id);
      return { values: cell.told(standing.operation), version: standing.operation.version, ...last };
    },
  };
  const form = await submit(req, cell.schema.extend({ retour: Back }), act, async (sent, em, at) => {
    await holdStatuses(em, { operationId: req.params.id });
    const { standing, plan } = await cellOf(em, req);
    const { operation, who, isHeldBack } = standing;
    await atVersion(em, operation, at);
    const said = { by: { id: req.user!.id }, now: req.now, who, isHeldBack };
    await cellFor(known.column, plan, operation).verb(sent, operation, said, em);
    return operation;
  });
  if (form.errors) return show(req, res, form);
  const { title } = form.result;
  const notice = `${title}\u00a0: ${known.column.label.toLowerCase()} enregistré.`;
  if (!isPartial(req)) return res.saved(VIEW, {}, { at: back, notice, undo: true });
  const { view, row } = await rowOf(req, back);
  res.saved(view, row, { at: back, notice, undo: true });
};
