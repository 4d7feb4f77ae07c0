import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { bare, type FieldDefinition, type FieldValues, showValue } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import type { Tone } from "../workflow/index.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { countInSegment, dropPrerequisites, movePrerequisites } from "./queries/prerequisites.ts";
import {
  emptySegment,
  holdSegments,
  insertSegments,
  leadToSegments,
  listSegments,
  type NewSegment,
  placeByValue,
  placesByValue,
  type SegmentLine,
  writeSegmentKeys,
} from "./queries/segments.ts";

const schema = defineEntity({
  name: "Segment",
  tableName: "segment",
  ...tenantTable,
  indexes: [
    {
      name: "segment_name_free",
      expression: 'create unique index "segment_name_free" on "segment" ("tenant_id", "campaign_id", folded(name))',
    },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    name: p.text(),
    tone: p.text().$type<Tone>().default("neutral"),
    position: p.integer(),
    /** The values of the segment field that lead to it, by their keys: several once merged, none of one made by hand (SEG-2). */
    values: p.array().columnType("text[]").default([]),
    ...createdAt(),
    ...versioned(),
  },
});

/** A part of a campaign followed apart: a building, a site, a wave (SEG-1). */
export class Segment extends schema.class {}
schema.setClass(Segment);
export const SegmentSchema = schema;

const SHORTEST_NAME = 2;
const LONGEST_NAME = 100;
/** Past it a field tells targets apart, and no longer groups them (SEG-2, rulings 31). */
export const MOST_SEGMENTS = 200;

/** What two spellings of a value share, by which it leads to one segment (SEG-2). */
export const segmentKey = bare;

/** A segment after those there are. Refused under a name another has, whatever its case or accents (SEG-1). The caller flushes. */
export async function addSegment(
  em: EntityManager,
  campaign: Campaign,
  { name }: { name: string },
  { by }: { by: By },
): Promise<Segment> {
  refuseArchived(campaign);
  await holdSegments(em, campaign.id);
  const known = await listSegments(em, campaign.id);
  const segment = em.create(Segment, {
    tenantId: campaign.tenantId,
    id: randomUUIDv7(),
    campaign,
    name: freeName(name, known),
    position: Math.max(0, ...known.map(({ position }) => position)) + 1,
  });
  em.persist(segment);
  record(em, "campaign.segment_added", aboutCampaign(campaign), { segment: segment.id, by: by.id });
  return segment;
}

function freeName(typed: string, others: readonly { name: string }[]): string {
  const name = typed.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (name.length < SHORTEST_NAME || name.length > LONGEST_NAME) {
    throw new RuleBroken(`Écrivez un nom de ${SHORTEST_NAME} à ${LONGEST_NAME} caractères.`, "name");
  }
  const twin = others.find((one) => bare(one.name) === bare(name));
  if (twin) {
    throw new RuleBroken(`Un segment s’appelle déjà «\u00a0${twin.name}\u00a0»\u00a0: donnez un autre nom.`, "name");
  }
  return name;
}

/** Another name, under the rules of its creation, or another tone; the values that lead to it still do (SEG-5). The caller flushes. */
export async function editSegment(
  em: EntityManager,
  campaign: Campaign,
  segment: Segment,
  { name, tone }: { name: string; tone: Tone },
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  await holdSegments(em, campaign.id);
  const others = (await listSegments(em, campaign.id)).filter(({ id }) => id !== segment.id);
  Object.assign(segment, { name: freeName(name, others), tone });
  record(em, "campaign.segment_edited", aboutCampaign(campaign), { segment: segment.id, by: by.id });
}

/** One place up or down among the segments; at the end it stays (SEG-5). The caller flushes. */
export async function moveSegment(
  em: EntityManager,
  campaign: Campaign,
  segment: Segment,
  way: "up" | "down",
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  await holdSegments(em, campaign.id);
  const order = (await listSegments(em, campaign.id)).map(({ id }) => id);
  const from = order.indexOf(segment.id);
  const to = from + (way === "up" ? -1 : 1);
  if (to < 0 || to >= order.length) throw new RuleBroken("Ce segment est déjà au bout de la liste.");
  order.splice(to, 0, ...order.splice(from, 1));
  const all = await em.find(Segment, { campaign: { id: campaign.id } } as never);
  for (const one of all) one.position = order.indexOf(one.id) + 1;
  record(em, "campaign.segment_edited", aboutCampaign(campaign), { segment: segment.id, by: by.id });
}

/**
 * Its operations, its prerequisites and the values that lead to it go to another, and it is no more (SEG-5). The caller flushes.
 * Gives how many operations moved.
 */
export async function mergeSegment(
  em: EntityManager,
  campaign: Campaign,
  segment: Segment,
  into: Segment,
  { by }: { by: By },
): Promise<number> {
  refuseArchived(campaign);
  if (segment.id === into.id) throw new RuleBroken("Choisissez un autre segment.", "into");
  await holdSegments(em, campaign.id);
  const count = await emptySegment(em, segment.id, into.id);
  await movePrerequisites(em, segment.id, into.id);
  // Its name too leads there from now on: a file that still says it makes no new segment of it.
  into.values = [...new Set([...into.values, ...segment.values, segmentKey(segment.name)])];
  em.remove(segment);
  record(em, "campaign.segment_merged", aboutCampaign(campaign), { segment: segment.id, into: into.id, by: by.id });
  return count;
}

/** What becomes of the prerequisites of a segment that is deleted: the whole campaign has them, or nobody (PRE-5). */
export type PrerequisitesLeft = "campaign" | "nobody";

/**
 * Its operations are left without segment (SEG-5). Refused as long as nobody says what becomes of its prerequisites (PRE-5).
 * The caller flushes. Gives how many operations there were.
 */
export async function deleteSegment(
  em: EntityManager,
  campaign: Campaign,
  segment: Segment,
  { by, prerequisites }: { by: By; prerequisites?: PrerequisitesLeft | undefined },
): Promise<number> {
  refuseArchived(campaign);
  await holdSegments(em, campaign.id);
  if (prerequisites === "campaign") await movePrerequisites(em, segment.id, null);
  else if (prerequisites === "nobody") await dropPrerequisites(em, segment.id);
  else if ((await countInSegment(em, segment.id)) > 0) {
    throw new RuleBroken("Dites ce que deviennent les prérequis de ce segment.", "prerequisites");
  }
  const count = await emptySegment(em, segment.id, null);
  em.remove(segment);
  record(em, "campaign.segment_deleted", aboutCampaign(campaign), { segment: segment.id, by: by.id });
  return count;
}

/**
 * The segment of each of these values of the segment field, by segmentKey, as people read them (showValue): the one their
 * key leads to, else the one of that name, else a new one under its first spelling (SEG-2). Those made are written at once,
 * in one statement, so that rows may point to them in the same transaction. Throws RuleBroken past 200 segments (rulings 31).
 */
export async function segmentsOfValues(
  em: EntityManager,
  campaign: Campaign,
  spellings: Iterable<string>,
  { by }: { by: By },
): Promise<Map<string, string>> {
  refuseArchived(campaign);
  await holdSegments(em, campaign.id);
  const known = await listSegments(em, campaign.id);
  const { found, missing, named } = segmentsFor(known, spellings);
  if (missing.length > 0 && known.length + missing.length > MOST_SEGMENTS)
    throw new RuleBroken(tooMany(missing.length));
  if (named.length > 0) await leadToSegments(em, named);
  if (missing.length > 0) {
    await insertSegments(em, campaign, missing);
    record(em, "campaign.segments_made", aboutCampaign(campaign), { count: missing.length, by: by.id });
  }
  return found;
}

/**
 * Values of the segment field are read otherwise from now on, each `from` one text `to` another: what led somewhere leads there
 * still, so that nothing moves and no segment is made twice (SEG-2). Of two values read alike now, the first decides.
 */
export async function leadAgain(
  em: EntityManager,
  campaign: Campaign,
  told: readonly { from: string; to: string }[],
): Promise<void> {
  await holdSegments(em, campaign.id);
  const known = await listSegments(em, campaign.id);
  const { found } = segmentsFor(
    known,
    told.map(({ from }) => from),
    { isKnownOnly: true },
  );
  const moved = told.flatMap(({ from, to }) => {
    const [was, key] = [segmentKey(from), segmentKey(to)];
    const id = found.get(was);
    return was === key || id === undefined || key === "" ? [] : { was, key, id };
  });
  const leads = new Map(moved.toReversed().map(({ key, id }) => [key, id]));
  const still = new Set(told.map(({ to }) => segmentKey(to)));
  const gone = new Set(moved.flatMap(({ was }) => (still.has(was) ? [] : was)));
  const changed = known.flatMap(({ id, values }) => {
    const kept = values.filter((key) => !gone.has(key) && !leads.has(key));
    const now = [...kept, ...[...leads].flatMap(([key, to]) => (to === id ? key : []))];
    return now.toSorted().join("\n") === values.toSorted().join("\n") ? [] : { id, values: now };
  });
  await writeSegmentKeys(em, changed);
}

/**
 * These operations, whose values have just been read again, go where those lead, and nowhere without one; no segment is made.
 * Those placed by hand stay (SEG-3).
 */
export async function placeConverted(
  em: EntityManager,
  { campaign, zone }: { campaign: Campaign; zone: string },
  field: FieldDefinition,
  ids: readonly string[],
): Promise<void> {
  const known = await listSegments(em, campaign.id);
  const places = await placesByValue(em, campaign.id, field.code, ids);
  const texts = places.map(({ value }) => showValue(field, value, { zone }));
  const { found } = segmentsFor(known, texts, { isKnownOnly: true });
  const wanted = places.flatMap(({ value }, rank) => {
    const segmentId = value === null ? null : found.get(segmentKey(texts[rank]!));
    return segmentId === undefined ? [] : { value, segmentId };
  });
  await placeByValue(em, campaign.id, field.code, wanted, ids);
}

const tooMany = (count: number) =>
  `Ce champ donnerait ${fr.count(count, "segment nouveau", "segments nouveaux")}, pour ${MOST_SEGMENTS}\u00a0au plus. Choisissez un champ qui regroupe les opérations, comme un bâtiment ou un service.`;

/** The segment where its value puts an operation; none without a segment field, or without a value (SEG-2). */
export async function segmentByField(
  em: EntityManager,
  { campaign, fields, zone }: { campaign: Campaign; fields: readonly FieldDefinition[]; zone: string },
  values: FieldValues,
  said: { by: By },
): Promise<Segment | null> {
  const field = fields.find(({ code }) => code === campaign.segmentField);
  const text = field ? showValue(field, values[field.code], { zone }) : "";
  if (text === "") return null;
  const id = (await segmentsOfValues(em, campaign, [text], said)).get(segmentKey(text));
  return id === undefined ? null : em.getReference(Segment, [campaign.tenantId, id] as never);
}

/**
 * What values lead to, before anything is written: segments by key, those to make unless `isKnownOnly`, and those whose name
 * alone says so.
 */
export function segmentsFor(
  known: readonly SegmentLine[],
  spellings: Iterable<string>,
  { isKnownOnly = false }: { isKnownOnly?: boolean } = {},
) {
  const byKey = new Map(known.flatMap(({ id, values }) => values.map((key) => [key, id] as const)));
  const byName = new Map(known.map(({ id, name }) => [segmentKey(name), id]));
  const found = new Map<string, string>();
  const missing: NewSegment[] = [];
  const named: { id: string; key: string }[] = [];
  let position = Math.max(0, ...known.map((one) => one.position));
  for (const spelling of spellings) {
    const key = segmentKey(spelling);
    if (key === "" || found.has(key)) continue;
    const name = nameFor(spelling, byName);
    const id = byKey.get(key) ?? byName.get(key) ?? byName.get(segmentKey(name));
    if (id !== undefined) {
      found.set(key, id);
      if (!byKey.has(key)) named.push({ id, key });
      continue;
    }
    if (isKnownOnly) continue;
    const made = { id: randomUUIDv7() as string, name, key, position: ++position };
    missing.push(made);
    byName.set(segmentKey(name), made.id);
    found.set(key, made.id);
  }
  return { found, missing, named };
}

/** A name the rules of segments accept: a letter alone says what it is of, a long text is cut (SEG-1). */
function nameFor(spelling: string, taken: ReadonlyMap<string, string>): string {
  const text = spelling.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (text.length < SHORTEST_NAME) return `Segment ${text}`;
  if (text.length <= LONGEST_NAME) return text;
  const stem = text.slice(0, LONGEST_NAME - 5).trim();
  let name = `${stem}…`;
  for (let n = 2; taken.has(segmentKey(name)); n++) name = `${stem}… ${n}`;
  return name;
}
