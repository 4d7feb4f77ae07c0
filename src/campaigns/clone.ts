import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, createCampaign, LONGEST_NAME, type Outline } from "./campaign.ts";
import { addFields, fieldsOf } from "./field.ts";
import { NOBODY_YET, Prerequisite } from "./prerequisite.ts";
import { campaignNamed } from "./queries/campaigns.ts";
import { Segment } from "./segment.ts";

/** "X (copie)", or "X (copie 2)" beside a live campaign of that name, what is too long cut before it (CAM-2, CAM-19). */
export async function copyName(em: EntityManager, { name }: Pick<Campaign, "name">): Promise<string> {
  for (let n = 1; ; n++) {
    const end = n === 1 ? " (copie)" : ` (copie ${n})`;
    const stem = [...name].slice(0, LONGEST_NAME - end.length).join("");
    const proposed = `${stem.trim()}${end}`;
    if (!(await campaignNamed(em, proposed))) return proposed;
  }
}

/** The settings a copy takes over as they are; its name and days are its own, and nobody is let in (CAM-19, CAM-23). */
const settingsOf = (source: Campaign) =>
  structuredClone({
    zone: source.zone,
    holidayZone: source.holidayZone,
    closedDays: source.closedDays,
    defaultHour: source.defaultHour,
    durationMinutes: source.durationMinutes,
    workflow: source.workflow,
    typeTaken: source.typeTaken,
    typeRefused: source.typeRefused,
    isTimeTracked: source.isTimeTracked,
    problemReasons: source.problemReasons,
    titleField: source.titleField,
    subtitleFields: source.subtitleFields,
    segmentField: source.segmentField,
  });

/** A copy, and how many of its prerequisites wait for somebody to answer for them. */
export interface Cloned {
  clone: Campaign;
  unanswered: number;
}

/**
 * A draft of whoever asks, made like another campaign, an archived one too: its type as it took it, fields, workflow, segments,
 * prerequisites to do again and settings; no operation, person or grant (CAM-19). A type retired since stays, as it does on the
 * campaigns that have it (TYP-3). The caller flushes.
 */
export async function cloneCampaign(
  em: EntityManager,
  source: Campaign,
  outline: Outline,
  { by }: { by: By },
): Promise<Cloned> {
  const { tenantId } = source;
  const clone = await createCampaign(em, outline, { tenantId, by });
  Object.assign(clone, settingsOf(source), { type: source.type });
  const fields = await fieldsOf(em, source);
  await addFields(
    em,
    clone,
    fields.map((field) => structuredClone(field.definition())),
    { by },
  );
  const places = await copySegments(em, source, clone);
  const unanswered = await copyPrerequisites(em, source, clone, places);
  record(em, "campaign.cloned", aboutCampaign(clone), { from: source.id, by: by.id });
  return { clone, unanswered };
}

/** Its segments again, by the id of the one each is like. */
async function copySegments(em: EntityManager, source: Campaign, clone: Campaign): Promise<Map<string, Segment>> {
  const segments = (await em.find(Segment, { campaign: { id: source.id } } as never)) as Segment[];
  return new Map(
    segments.map(({ id, name, tone, position, values }) => {
      const own = { tenantId: clone.tenantId, id: randomUUIDv7(), campaign: clone };
      const like = em.create(Segment, { ...own, name, tone, position, values: [...values] });
      em.persist(like);
      return [id, like];
    }),
  );
}

/**
 * What was to be ready is to do again, as long before or after the first day as it was (CAM-19, PRE-1). Nobody can remind an
 * account that is closed: what it answered for waits for somebody else. Gives how many do.
 */
async function copyPrerequisites(
  em: EntityManager,
  source: Campaign,
  clone: Campaign,
  places: ReadonlyMap<string, Segment>,
): Promise<number> {
  const shift = Date.parse(clone.startsOn) - Date.parse(source.startsOn);
  const asked = (await em.find(Prerequisite, { campaign: { id: source.id } } as never, {
    populate: ["responsible"] as never,
  })) as Prerequisite[];
  let unanswered = 0;
  for (const { label, responsible, responsibleName, dueOn, isBlocking, position, segment } of asked) {
    const isGone = responsible != null && !responsible.isActive();
    if (isGone) unanswered += 1;
    em.persist(
      em.create(Prerequisite, {
        tenantId: clone.tenantId,
        id: randomUUIDv7(),
        campaign: clone,
        segment: segment ? (places.get(segment.id) ?? null) : null,
        label,
        responsible: isGone ? null : responsible,
        responsibleName: isGone ? NOBODY_YET : responsibleName,
        dueOn: dueOn && new Date(Date.parse(dueOn) + shift).toISOString().slice(0, 10),
        isBlocking,
        position,
        toldBefore: null,
        toldAfter: null,
      }),
    );
  }
  return unanswered;
}
