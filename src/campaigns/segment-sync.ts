import type { EntityManager } from "@mikro-orm/postgresql";
import { type FieldDefinition, type FieldType, showValue } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived } from "./campaign.ts";
import { refuseConverting } from "./conversion-run.ts";
import { holdSegments, listSegments, placeByValue, placesByValue, sizesOfSegments } from "./queries/segments.ts";
import { MOST_SEGMENTS, segmentKey, segmentsFor, segmentsOfValues } from "./segment.ts";

/** Types whose values group operations rather than tell them apart (SEG-2). */
const GROUPING: readonly FieldType[] = ["short_text", "single_choice", "boolean", "number", "date"];

export const canSegment = ({ type, isUnique }: FieldDefinition) => !isUnique && GROUPING.includes(type);

/** One line of a preview; a null name is "Sans segment". */
export interface SyncLine {
  id: string | null;
  name: string | null;
  entering: number;
  leaving: number;
  isNew: boolean;
  /** Had operations, and would have none. */
  isEmptied: boolean;
}

/** What following a field would do, before it does (SEG-4). */
export interface SyncPreview {
  lines: SyncLine[];
  moved: number;
  made: number;
  emptied: number;
  /** More than there may be: it is refused (rulings 31). */
  isTooMany: boolean;
  /** What was seen, to be sent back: the same preview gives the same. */
  mark: string;
}

interface Plan {
  campaign: Campaign;
  zone: string;
}

/** Who would enter and leave each segment, and which would be made or emptied, if the operations no hand placed followed this field. */
export async function previewSync(
  em: EntityManager,
  { campaign, zone }: Plan,
  field: FieldDefinition,
): Promise<SyncPreview> {
  const known = await listSegments(em, campaign.id);
  const places = await placesByValue(em, campaign.id, field.code);
  const texts = places.map(({ value }) => showValue(field, value, { zone }));
  const { found, missing } = segmentsFor(known, texts);
  const flow = new Map<string | null, { entering: number; leaving: number }>();
  const of = (id: string | null) => {
    const line = flow.get(id) ?? { entering: 0, leaving: 0 };
    flow.set(id, line);
    return line;
  };
  let moved = 0;
  for (const [rank, { segmentId, count }] of places.entries()) {
    const target = found.get(segmentKey(texts[rank]!)) ?? null;
    if (target === segmentId) continue;
    moved += count;
    of(target).entering += count;
    of(segmentId).leaving += count;
  }
  const totals = await sizesOfSegments(em, campaign.id);
  const all = [...known.map(({ id, name }) => ({ id, name })), ...missing, { id: null, name: null }];
  const lines = all.flatMap(({ id, name }) => {
    const { entering, leaving } = flow.get(id) ?? { entering: 0, leaving: 0 };
    const isNew = missing.some((one) => one.id === id);
    if (entering === 0 && leaving === 0 && !isNew) return [];
    const total = totals.get(id) ?? 0;
    const isEmptied = id !== null && total > 0 && total + entering - leaving === 0;
    return [{ id: isNew ? null : id, name, entering, leaving, isNew, isEmptied }];
  });
  const made = missing.length;
  return {
    lines,
    moved,
    made,
    emptied: lines.filter(({ isEmptied }) => isEmptied).length,
    isTooMany: made > 0 && known.length + made > MOST_SEGMENTS,
    mark: [moved, made, ...lines.map(({ entering, leaving }) => `${entering}-${leaving}`)].join("."),
  };
}

/**
 * From now on this field makes the segments, and every operation that no hand placed goes where its value leads (SEG-2 to
 * SEG-4). Refused when what would happen is no longer what was seen. The caller flushes. Gives how many moved.
 */
export async function followField(
  em: EntityManager,
  plan: Plan,
  field: FieldDefinition,
  { seen, by }: { seen: string; by: By },
): Promise<number> {
  const { campaign, zone } = plan;
  refuseArchived(campaign);
  if (!canSegment(field))
    throw new RuleBroken(
      `«\u00a0${field.label}\u00a0» ne regroupe pas les opérations\u00a0: choisissez un autre champ.`,
    );
  await refuseConverting(em, campaign.id, field.code);
  await holdSegments(em, campaign.id);
  const preview = await previewSync(em, plan, field);
  if (preview.mark !== seen) {
    throw new RuleBroken("des opérations ont changé depuis\u202f; relisez-le, puis confirmez de nouveau.", "seen");
  }
  const places = await placesByValue(em, campaign.id, field.code);
  const texts = places.map(({ value }) => showValue(field, value, { zone }));
  const found = await segmentsOfValues(em, campaign, texts, { by });
  const wanted = new Map(
    places.map(({ value }, rank) => [
      JSON.stringify(value),
      { value, segmentId: found.get(segmentKey(texts[rank]!)) ?? null },
    ]),
  );
  await placeByValue(em, campaign.id, field.code, [...wanted.values()]);
  campaign.segmentField = field.code;
  record(em, "campaign.segments_synced", aboutCampaign(campaign), { count: preview.moved, by: by.id });
  return preview.moved;
}

/** No field makes the segments any more; operations stay where they are. The caller flushes. */
export function followNothing(em: EntityManager, campaign: Campaign, { by }: { by: By }): void {
  refuseArchived(campaign);
  campaign.segmentField = null;
  record(em, "campaign.edited", aboutCampaign(campaign), { by: by.id });
}
