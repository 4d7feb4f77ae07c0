import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, createCampaign, LONGEST_NAME, type Outline } from "./campaign.ts";
import { addFields, fieldsOf } from "./field.ts";
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

/**
 * A draft of whoever asks, made like another campaign, an archived one too: its type as it took it, fields, workflow, segments
 * and settings; no operation, person or grant (CAM-19). The caller flushes.
 */
export async function cloneCampaign(
  em: EntityManager,
  source: Campaign,
  outline: Outline,
  { by }: { by: By },
): Promise<Campaign> {
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
  const segments = (await em.find(Segment, { campaign: { id: source.id } } as never)) as Segment[];
  for (const { name, tone, position, values } of segments) {
    em.persist(
      em.create(Segment, {
        tenantId,
        id: randomUUIDv7(),
        campaign: clone,
        name,
        tone,
        position,
        values: [...values],
      }),
    );
  }
  record(em, "campaign.cloned", aboutCampaign(clone), { from: source.id, by: by.id });
  return clone;
}
