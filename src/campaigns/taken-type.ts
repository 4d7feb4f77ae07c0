import type { EntityManager } from "@mikro-orm/postgresql";
import { holdTenant } from "../accounts/index.ts";
import { type FieldDefinition, newField } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { By, Campaign, TakenType } from "./campaign.ts";
import { addFields } from "./field.ts";
import type { OperationType } from "./operation-type.ts";

/** What names the operations of a campaign whose type has no short text to do it (FLD-2). */
const FIRST_FIELD = newField({ code: "cible", label: "Cible", isMandatory: true, isSearchable: true });

/** The one a campaign was made with, as it was made: it gives way to a field that names operations better (FLD-2). */
export const isFirstField = ({ code, label }: FieldDefinition): boolean =>
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
  if (type === null) {
    await addFields(em, campaign, [FIRST_FIELD], { by });
    return;
  }
  await holdTenant(em, campaign.tenantId);
  if (type.isRetired())
    throw new RuleBroken(`Le type «\u00a0${type.name}\u00a0» est retiré\u00a0: choisissez-en un autre.`, "type");
  const taken = takenOf(type);
  const { workflow, durationMinutes } = structuredClone(taken);
  Object.assign(campaign, { type, typeTaken: taken, workflow, durationMinutes });
  const isNamed = taken.fields.some((field) => field.type === "short_text");
  const own = taken.fields.some(({ code }) => code === FIRST_FIELD.code) ? [] : [FIRST_FIELD];
  await addFields(em, campaign, isNamed ? taken.fields : [...own, ...taken.fields], { by });
}
