import type { EntityManager } from "@mikro-orm/postgresql";
import { holdTenant } from "../accounts/index.ts";
import { type FieldDefinition, newField } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { PRESETS } from "../workflow/index.ts";
import { type By, type Campaign, refuseArchived, type TakenType } from "./campaign.ts";
import { addFields, everyFieldOf, fieldsOf, putBackField, removeField } from "./field.ts";
import type { OperationType } from "./operation-type.ts";
import { hasOperations } from "./queries/definitions.ts";

/** What names the operations of a campaign whose type has no short text to do it (FLD-2). */
const FIRST_FIELD = newField({ code: "cible", label: "Cible", isMandatory: true, isSearchable: true });

/** The one a campaign was made with, as it was made: it gives way to a field that names operations better (FLD-2). */
export const isFirstField = ({ code, label }: Pick<FieldDefinition, "code" | "label">): boolean =>
  code === FIRST_FIELD.code && label === FIRST_FIELD.label;

/** Fields and workflow of a type as they are now, apart from it (TYP-4). */
export const takenOf = ({ fields, workflow, durationMinutes }: OperationType): TakenType =>
  structuredClone({ fields, workflow, durationMinutes });

/**
 * What a new campaign starts from: a copy of the fields, workflow and standard duration of its type, or a target and the
 * standard workflow without one (CAM-13, TYP-4). Refused of a retired type (TYP-3). The caller flushes.
 */
export async function takeType(
  em: EntityManager,
  campaign: Campaign,
  type: OperationType | null,
  { by }: { by: By },
): Promise<void> {
  await addFields(em, campaign, await taken(em, campaign, type), { by });
}

/**
 * Another type, or none, of a draft without operations: what came with the former gives way to what the new one brings, fields
 * added by hand stay (CAM-13). Throws RuleBroken once there are operations. The caller flushes.
 */
export async function changeType(
  em: EntityManager,
  campaign: Campaign,
  type: OperationType | null,
  { by, now }: { by: By; now: Date },
): Promise<void> {
  refuseArchived(campaign);
  if ((campaign.type?.id ?? null) === (type?.id ?? null)) return;
  if (campaign.state !== "draft" || (await hasOperations(em, campaign))) {
    throw new RuleBroken("La campagne a déjà des opérations\u00a0: son type ne change plus.", "type");
  }
  const former = new Set((campaign.typeTaken?.fields ?? []).map(({ code }) => code));
  const { left = [], kept = [] } = Object.groupBy(await fieldsOf(em, campaign), (field) =>
    former.has(field.code) || isFirstField(field) ? "left" : "kept",
  );
  const isNamed = kept.some((field) => field.type === "short_text");
  const wanted = (await taken(em, campaign, type)).filter((field) => !(isNamed && isFirstField(field)));
  for (const field of left) {
    if (campaign.titleField === field.code) campaign.titleField = null;
    if (campaign.segmentField === field.code) campaign.segmentField = null;
    removeField(em, campaign, field, { isTitle: false, by, now });
  }
  await em.flush();
  const all = new Map((await everyFieldOf(em, campaign)).map((field) => [field.code, field]));
  const made: FieldDefinition[] = [];
  for (const definition of wanted) {
    const field = all.get(definition.code);
    if (!field) made.push(definition);
    else if (field.removedAt !== null) putBackField(em, campaign, field, definition, { by });
  }
  await em.flush();
  await addFields(em, campaign, made, { by });
}

/** Makes the campaign one of this type, or of none; gives the fields that come with it. */
async function taken(em: EntityManager, campaign: Campaign, type: OperationType | null): Promise<FieldDefinition[]> {
  if (type === null) {
    Object.assign(campaign, { ...WITHOUT_TYPE, workflow: structuredClone(PRESETS.standard.workflow) });
    return [FIRST_FIELD];
  }
  await holdTenant(em, campaign.tenantId);
  if (type.isRetired())
    throw new RuleBroken(`Le type «\u00a0${type.name}\u00a0» est retiré\u00a0: choisissez-en un autre.`, "type");
  const typeTaken = takenOf(type);
  const { fields, workflow, durationMinutes } = structuredClone(typeTaken);
  Object.assign(campaign, { type, typeTaken, typeRefused: null, workflow, durationMinutes });
  const isNamed = fields.some((field) => field.type === "short_text");
  const own = fields.some(({ code }) => code === FIRST_FIELD.code) ? [] : [FIRST_FIELD];
  return isNamed ? fields : [...own, ...fields];
}

const WITHOUT_TYPE = { type: null, typeTaken: null, typeRefused: null, durationMinutes: null };
