import type { EntityManager } from "@mikro-orm/postgresql";
import { type FieldDefinition, type FieldValue, showValue } from "../fields/index.ts";
import { type By, type Campaign, refuseArchived } from "./campaign.ts";
import { type CampaignField, editField, fieldsOf, removeField } from "./field.ts";
import { type Converted, convertField, nameByField, refuseShared } from "./field-conversion.ts";
import { titleFieldOf } from "./naming.ts";
import { deleteRemovedFields, valuesOfField } from "./queries/field-values.ts";
import { holdWorkflow } from "./queries/statuses.ts";
import { isFoundOtherwise, searchWholeAnew } from "./search.ts";
import { leadAgain } from "./segment.ts";

/** A field of a campaign otherwise, with all that follows: names, segments, what a search finds. */

interface Obeyed {
  campaign: Campaign;
  zone: string;
}

/** Another definition for a field, its type included (see convertField): gives what became of its values then. The caller flushes. */
export async function changeField(
  em: EntityManager,
  obeyed: Obeyed,
  field: CampaignField,
  to: FieldDefinition,
  { seen, by }: { seen: string | undefined; by: By },
): Promise<Converted | null> {
  const from = field.definition();
  if (to.type !== from.type) return convertField(em, obeyed, field, to, { seen, by });
  await redefineField(em, obeyed, field, to, { by });
  if (isFoundOtherwise(from, to)) await searchWholeAnew(em, obeyed.campaign);
  return null;
}

/**
 * The same field otherwise, of the same type. Where its values read differently, the operations it names take their new name
 * (FLD-2), and those it groups stay where they are (SEG-2). Refused when it becomes unique and operations share a value
 * (FLD-3). What a search finds is told by the caller, who flushes.
 */
export async function redefineField(
  em: EntityManager,
  { campaign, zone }: Obeyed,
  field: CampaignField,
  to: FieldDefinition,
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const from = field.definition();
  const isMadeUnique = to.isUnique && !from.isUnique;
  // Whoever read the field as it was writes before its values are compared and told again.
  if (isMadeUnique || isReadOtherwise(from, to) || isFoundOtherwise(from, to)) await holdWorkflow(em, campaign.id);
  const isTitle =
    titleFieldOf(
      campaign,
      (await fieldsOf(em, campaign)).map((one) => one.definition()),
    )?.code === to.code;
  const isSegment = campaign.segmentField === to.code;
  const held =
    isMadeUnique || (isReadOtherwise(from, to) && isSegment) ? await valuesOfField(em, campaign.id, to.code) : [];
  if (isMadeUnique) {
    refuseShared(
      to,
      held.map(({ value, live }) => ({ value, count: live })),
    );
  }
  editField(em, campaign, field, to, { by });
  if (!isReadOtherwise(from, to)) return;
  const told = (one: FieldDefinition, value: FieldValue) => showValue(one, value, { zone });
  if (isSegment)
    await leadAgain(
      em,
      campaign,
      held.map(({ value }) => ({ from: told(from, value), to: told(to, value) })),
    );
  if (isTitle) await nameByField(em, { campaign, zone }, to);
}

/** Hidden with its values (see removeField), which a search finds no more (FLD-7, OPS-6). The caller flushes. */
export async function takeFieldOff(
  em: EntityManager,
  campaign: Campaign,
  field: CampaignField,
  said: { isTitle: boolean; by: By; now: Date },
): Promise<void> {
  removeField(em, campaign, field, said);
  if (!field.isSearchable) return;
  await holdWorkflow(em, campaign.id);
  await searchWholeAnew(em, campaign);
}

/** Fields removed for so long go for good, with their values and whatever a search kept of them (FLD-7). Gives how many. */
export async function purgeRemovedFields(em: EntityManager, before: Date): Promise<number> {
  const purged = await deleteRemovedFields(em, before);
  for (const id of new Set(purged)) await searchWholeAnew(em, { id });
  return purged.length;
}

const isReadOtherwise = (from: FieldDefinition, to: FieldDefinition) =>
  isFoundOtherwise({ ...from, isSearchable: true }, { ...to, isSearchable: true });
