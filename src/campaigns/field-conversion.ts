import type { EntityManager } from "@mikro-orm/postgresql";
import { type Conversion, type FieldDefinition, type FieldValue, showValue } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived } from "./campaign.ts";
import { refuseConverting, startConversion } from "./conversion-run.ts";
import { type CampaignField, editField, fieldsOf } from "./field.ts";
import { titleFieldOf } from "./naming.ts";
import { rewriteValues, valuesOfField } from "./queries/field-values.ts";
import { holdWorkflow } from "./queries/statuses.ts";
import { readAnew } from "./read-anew.ts";
import { isFoundOtherwise, searchAnew, searchWholeAnew } from "./search.ts";
import { leadAgain, placeConverted } from "./segment.ts";
import { canSegment } from "./segment-sync.ts";

/** What becomes of the values of a field under another definition, before anything changes (FLD-6). */
export interface ConversionPreview {
  converted: number;
  refused: number;
  samples: Conversion["samples"];
  /** What was seen, to be sent back: the same preview gives the same. */
  mark: string;
}

interface Obeyed {
  campaign: Campaign;
  zone: string;
}

async function converted(em: EntityManager, obeyed: Obeyed, from: FieldDefinition, to: FieldDefinition) {
  const held = await valuesOfField(em, obeyed.campaign.id, from.code);
  // Each value once, whatever the number of rows that hold it.
  const made = await readAnew(
    em,
    obeyed,
    from,
    to,
    held.map(({ value }) => value),
  );
  const sum = (list: { id: string }[]) => list.reduce((total, { id }) => total + held[Number(id)]!.count, 0);
  const preview: ConversionPreview = {
    converted: sum(made.converted),
    refused: sum(made.refused),
    samples: made.samples,
    mark: `${to.type}.${sum(made.converted)}.${sum(made.refused)}`,
  };
  return { held, made, preview };
}

/** How many values another type keeps, how many it does not, and some of both (FLD-6). */
export const previewConversion = async (
  em: EntityManager,
  obeyed: Obeyed,
  from: FieldDefinition,
  to: FieldDefinition,
): Promise<ConversionPreview> => (await converted(em, obeyed, from, to)).preview;

/** What a change of type did, or, of many values, has a job do. */
export type Converted = ConversionPreview & { isLater: boolean };

/** Up to so many values are read again while the person waits. */
const INLINE_VALUES = 500;

/**
 * Another type for a field: its values are read again, at once in one statement, or by a job past 500 of them; those it does
 * not take leave their rows, and history keeps them (FLD-6). Refused when what would happen is not what was seen, when two
 * operations would share a unique value, of a field that groups operations for a type that does not, and while an earlier
 * change of its type goes on. The caller flushes.
 */
export async function convertField(
  em: EntityManager,
  obeyed: Obeyed,
  field: CampaignField,
  to: FieldDefinition,
  { seen, by }: { seen: string | undefined; by: By },
): Promise<Converted> {
  const { campaign, zone } = obeyed;
  // Whoever read the field under its present type writes before its values are read, or reads its new one.
  await holdWorkflow(em, campaign.id);
  await em.refreshOrFail(campaign);
  refuseArchived(campaign);
  await refuseConverting(em, campaign.id, field.code);
  const from = field.definition();
  const { held, made, preview } = await converted(em, obeyed, from, to);
  const isTitle =
    titleFieldOf(
      campaign,
      (await fieldsOf(em, campaign)).map((one) => one.definition()),
    )?.code === field.code;
  const problem = conversionProblem(campaign, to, preview, isTitle);
  if (problem !== null) throw new RuleBroken(problem, "type");
  if (held.length > 0 && preview.mark !== seen) {
    throw new RuleBroken("Lisez plus bas ce que deviennent les valeurs, puis confirmez.", "type");
  }
  refuseShared(
    to,
    made.converted.map(({ id, value }) => ({ value, count: held[Number(id)]!.live })),
  );
  editField(em, campaign, field, to, { by });
  const isSegment = campaign.segmentField === field.code;
  if (isSegment) {
    const told = made.converted.map(({ id, value }) => ({
      from: showValue(from, held[Number(id)]!.value, { zone }),
      to: showValue(to, value, { zone }),
    }));
    await leadAgain(em, campaign, told);
  }
  const total = preview.converted + preview.refused;
  if (total > INLINE_VALUES) {
    await startConversion(em, obeyed, { from, to, total }, { by });
    return { ...preview, isLater: true };
  }
  const rewritings = [
    ...made.converted.map(({ id, value }) => ({
      from: held[Number(id)]!.value,
      to: value as FieldValue | null,
      title: isTitle ? showValue(to, value, { zone }).slice(0, 255) : null,
    })),
    ...made.refused.map(({ value }) => ({ from: value, to: null, title: null })),
  ];
  const touched = rewritings.length > 0 ? await rewriteValues(em, campaign.id, field.code, rewritings) : [];
  if (isSegment) await placeConverted(em, { campaign, zone }, to, touched);
  if (isFoundOtherwise(from, to) || isTitle) await searchWholeAnew(em, campaign);
  record(em, "campaign.field_converted", aboutCampaign(campaign), {
    field: field.code,
    converted: preview.converted,
    refused: preview.refused,
    by: by.id,
  });
  return { ...preview, isLater: false };
}

/** What keeps a field from that type, whatever its values become: it groups operations, or names them. */
export function conversionProblem(
  { segmentField }: Campaign,
  to: FieldDefinition,
  { refused }: ConversionPreview,
  isTitle: boolean,
): string | null {
  if (segmentField === to.code && !canSegment(to)) {
    return "Ce champ fait les segments\u00a0: dites d’abord qu’ils ne le suivent plus.";
  }
  return isTitle && (refused > 0 || !canName(to))
    ? "Ce champ nomme les opérations\u00a0: choisissez-en d’abord un autre, ou un type qui nomme et garde toutes ses valeurs."
    : null;
}

/** Refuses a unique field whose values would be shared by several live operations (FLD-3). */
export function refuseShared(
  { isUnique }: FieldDefinition,
  values: readonly { value: FieldValue; count: number }[],
): void {
  if (!isUnique) return;
  const counts = new Map<string, number>();
  for (const { value, count } of values) {
    const key = JSON.stringify(value);
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  const shared = [...counts.values()].filter((count) => count > 1);
  if (shared.length === 0) return;
  throw new RuleBroken(
    `${fr.count(shared.length, "valeur serait portée", "valeurs seraient portées")} par plusieurs opérations\u00a0: décochez «\u00a0Unique\u00a0», ou corrigez-les d’abord.`,
    "isUnique",
  );
}

/**
 * The field that names operations and those beside it (FLD-2): every operation that has a value in it takes it for its name,
 * in one statement; the others keep theirs. The caller flushes. Gives how many were named anew.
 */
export async function setTitleField(
  em: EntityManager,
  { campaign, zone }: Obeyed,
  { title, subtitles }: { title: string; subtitles: readonly string[] },
  { by }: { by: By },
): Promise<number> {
  refuseArchived(campaign);
  await refuseConverting(em, campaign.id, title);
  const fields = (await fieldsOf(em, campaign)).map((one) => one.definition());
  const field = fields.find(({ code }) => code === title);
  if (!field || !canName(field)) throw new RuleBroken("Choisissez un champ de la liste.", "title");
  const known = subtitles.filter((code) => code !== title && fields.some((one) => one.code === code));
  const isSame = titleFieldOf(campaign, fields)?.code === title;
  Object.assign(campaign, { titleField: title, subtitleFields: known });
  record(em, "campaign.fields_changed", aboutCampaign(campaign), { count: 1, by: by.id });
  if (isSame) return 0;
  const touched = await nameByField(em, { campaign, zone }, field);
  await searchAnew(em, touched);
  return touched.length;
}

/** Every operation that has a value in this field takes it for its name, in one statement; gives those whose name changed. */
export async function nameByField(
  em: EntityManager,
  { campaign, zone }: Obeyed,
  field: FieldDefinition,
): Promise<string[]> {
  const held = await valuesOfField(em, campaign.id, field.code);
  const rewritings = held.map(({ value }) => ({
    from: value,
    to: value,
    title: showValue(field, value, { zone }).slice(0, 255),
  }));
  return rewritings.length > 0 ? rewriteValues(em, campaign.id, field.code, rewritings) : [];
}

/** Types short enough to name an operation. */
export const canName = ({ type }: FieldDefinition) =>
  ["short_text", "number", "email", "phone", "date", "single_choice"].includes(type);
