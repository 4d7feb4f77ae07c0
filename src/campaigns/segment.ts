import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { bare } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { holdSegments, listSegments } from "./queries/segments.ts";

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
    tone: p.text().default("neutral"),
    position: p.integer(),
    /** The value of the segment field it stands for, folded; null of one made by hand (SEG-2). */
    value: p.text().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** A part of a campaign followed apart: a building, a site, a wave (SEG-1). */
export class Segment extends schema.class {}
schema.setClass(Segment);
export const SegmentSchema = schema;

const LONGEST_NAME = 100;

/** A segment after those there are. Refused under a name another has, whatever its case or accents (SEG-1). The caller flushes. */
export async function addSegment(
  em: EntityManager,
  campaign: Campaign,
  { name, value = null }: { name: string; value?: string | null },
  { by }: { by: By },
): Promise<Segment> {
  refuseArchived(campaign);
  const tidy = name.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidy.length < 2 || tidy.length > LONGEST_NAME) {
    throw new RuleBroken(`Écrivez un nom de 2 à ${LONGEST_NAME} caractères.`, "name");
  }
  await holdSegments(em, campaign.id);
  const known = await listSegments(em, campaign.id);
  if (known.some((one) => bare(one.name) === bare(tidy))) {
    throw new RuleBroken(`Un segment s’appelle déjà «\u00a0${tidy}\u00a0»\u00a0: donnez un autre nom.`, "name");
  }
  const segment = em.create(Segment, {
    tenantId: campaign.tenantId,
    id: randomUUIDv7(),
    campaign,
    name: tidy,
    position: Math.max(0, ...known.map(({ position }) => position)) + 1,
    value,
  });
  em.persist(segment);
  record(em, "campaign.segment_added", aboutCampaign(campaign), { segment: segment.id, by: by.id });
  return segment;
}
