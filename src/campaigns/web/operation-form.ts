import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import {
  controlOf,
  dayOf,
  type FieldDefinition,
  type FieldValues,
  hourOf,
  localOf,
  readerOf,
  readMoment,
} from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import type { Current } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Arrow, takesDate } from "../../workflow/index.ts";
import { toldMinutes } from "../balance.ts";
import { LONGEST_NOTES } from "../operation.ts";
import { type Plan, rulesFor, withPeople } from "../plan.ts";
import { operationFor } from "../policy.ts";
import { effectsOf, LONGEST_REASON, statusOf } from "../progress.ts";
import { Segment } from "../segment.ts";

/** No staff number, e-mail or name is longer. */
const LONGEST_CALL = 255;

/** The fields a form can fill: documents wait for pages of their own. */
export const typedFields = ({ fields }: Plan) => fields.filter(({ type }) => type !== "attachment");
/** The labels of those it cannot. */
export const waitingFields = ({ fields }: Plan) =>
  fields.flatMap(({ type, label }) => (type === "attachment" ? `«\u00a0${label}\u00a0»` : []));
export const inputOf = ({ code }: { code: string }) => `c_${code}`;

/** What an arrow asks beside its reason and its date: how long it took, and among which reasons a problem is picked (OPS-20, OPS-23). */
export const askedBy = (plan: Plan, arrow: Arrow) => ({
  takesMinutes: effectsOf(plan, arrow).asksMinutes,
  reasons: statusOf(plan.workflow, arrow.to).category === "problem" ? plan.campaign.problemReasons : [],
});

/** Followed by its button alone, without a form that asks anything. */
export const isAtOnce = (plan: Plan, arrow: Arrow) =>
  arrow.reason === "none" && !takesDate(arrow) && !effectsOf(plan, arrow).asksMinutes;

export const Minutes = z.int("Écrivez un nombre entier de minutes.").optional().describe("Temps passé, en minutes");

/** Left out, they stay as they are; the verb says how many there may be. */
export const Places = z.int("Écrivez un nombre entier de places.").nullable().optional().describe("Places");

export const Reason = z
  .string()
  .trim()
  .max(LONGEST_REASON, `Raccourcissez à ${LONGEST_REASON} caractères.`)
  .default("")
  .describe("Motif");
export const Day = z.iso.date().or(z.literal("")).default("");
export const Hour = z.string().trim().max(8).default("");

/** The plan, knowing whom what is sent calls, and whom the operation names already (FLD-4). */
export function knowingPeople(
  em: EntityManager,
  plan: Plan,
  sent: Record<string, unknown> | undefined,
  present: FieldValues = {},
): Promise<Plan> {
  const texts = plan.fields.flatMap((field) => {
    const text = field.type === "person" ? sent?.[inputOf(field)] : undefined;
    return typeof text === "string" ? text.slice(0, LONGEST_CALL) : [];
  });
  return withPeople(em, plan, { values: [present], texts });
}

/** What the form of an operation sends: one text per field, read by the field itself (FLD-5). */
export function valuesForm(plan: Plan, present: FieldValues = {}) {
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
  { campaign, zone, person }: Plan,
  field: FieldDefinition,
  sent: Record<string, unknown>,
  present: FieldValues,
) {
  const given = sent[inputOf(field)];
  const text = Array.isArray(given) ? given.join("|") : String(given ?? "");
  const reading = {
    zone,
    defaultHour: campaign.defaultHour,
    present: present[field.code] ?? null,
    ...(person && { person }),
  };
  return readerOf(field, reading)(text);
}

/** The values a form sent, beside those it could not fill. */
export function valuesOf(plan: Plan, sent: Record<string, unknown>, present: FieldValues = {}): FieldValues {
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
export function momentOf({ campaign, zone }: Plan, day: string, hour: string): Date | null {
  const answer = readMoment(day, hour, { zone, defaultHour: campaign.defaultHour });
  if ("problem" in answer) throw new RuleBroken(answer.problem, "plannedOn");
  return answer.value === null ? null : new Date(answer.value);
}

/** Each field as its control needs it: what it holds, or what was typed and refused. */
export function controlsOf(plan: Plan, values: FieldValues, typed: Record<string, string | string[] | undefined> = {}) {
  return typedFields(plan).map((field) => ({
    name: inputOf(field),
    control: controlOf(field, values[field.code], {
      zone: plan.zone,
      typed: typed[inputOf(field)],
      people: plan.people,
    }),
  }));
}

export const labelsOf = (plan: Plan) => ({
  ...Object.fromEntries(plan.fields.map((field) => [inputOf(field), field.label])),
  plannedOn: "Planifiée le",
  plannedHour: "Heure",
  technician: "Technicien",
  segment: "Segment",
  notes: "Notes",
  capacity: "Places",
});

/** A refusal of a verb names a field; the form calls it by its input. */
export async function named<T>(plan: Plan, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof RuleBroken && plan.fields.some(({ code }) => code === error.field)) {
      throw new RuleBroken(error.message, `c_${error.field}`);
    }
    throw error;
  });
}

/** The day and the hour of a moment, as two inputs hold them. */
export function inputsOf(moment: Date | null | undefined, zone: string): { plannedOn: string; plannedHour: string } {
  if (!moment) return { plannedOn: "", plannedHour: "" };
  const local = localOf(moment, zone);
  return { plannedOn: dayOf(local), plannedHour: hourOf(local) };
}

/** A segment of this campaign, or a refusal said under its control. */
export async function segmentOf(em: EntityManager, campaignId: string, id: string): Promise<Segment> {
  const segment = await em.findOne(Segment, { id, campaign: { id: campaignId } } as never);
  if (!segment) throw new RuleBroken("Ce segment n’existe plus\u00a0: choisissez-en un autre.", "segment");
  return segment as Segment;
}

/** Where an operation stands, in the words of its page, for whom somebody else was faster (GEN-8). */
export async function presentOf(em: EntityManager, req: Request<{ id: string }>): Promise<Current> {
  const { operation, campaign } = await operationFor(em, req.user!, req.params.id);
  const { workflow, zone } = rulesFor(campaign, req.user!.tenant.zone);
  const { plannedAt, technician, segment, minutes, version } = operation;
  const values = {
    status: statusOf(workflow, operation.status).label,
    plannedOn: plannedAt ? fr.dateTime(plannedAt, zone) : "Sans date",
    technician: technician?.name() ?? "Non affectée",
    segment: segment?.name ?? "Sans segment",
    minutes: minutes == null ? "—" : toldMinutes(minutes),
  };
  return { values, version, ...(await lastChange(em, "operation", operation.id)) };
}
