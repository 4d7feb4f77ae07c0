import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { LONGEST_REASON } from "./progress.ts";
import { insertBaseline, spreadBaseline } from "./queries/baselines.ts";

export const BaselineSchema = defineEntity({
  name: "Baseline",
  tableName: "baseline",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "campaign", "frozenAt"] }],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    frozenAt: p.datetime(),
    frozenById: p.uuid().nullable(),
    /** Null: the first one, frozen by the publication itself. */
    reason: p.text().nullable(),
    /** The dated operations, and the local day of each, in the same order; undated ones are in none. */
    operations: p.array().columnType("uuid[]"),
    days: p.array().columnType("date[]"),
    ...createdAt(),
  },
});

interface Freezing {
  by: By | null;
  now: Date;
  /** Of the campaign (GEN-3). */
  zone: string;
}

/** The planned dates of now become what progress is expected by; the former baselines stay (SNP-5). Writes at once. */
export async function freezeBaseline(
  em: EntityManager,
  { tenantId, id }: Pick<Campaign, "tenantId" | "id">,
  { by, now, zone }: Freezing,
  reason: string | null = null,
): Promise<void> {
  await insertBaseline(em, { tenantId, campaignId: id }, { byId: by?.id ?? null, now, zone, reason });
  await spreadBaseline(em, id);
}

const LEAST_REASON = 3;

/** A new baseline of a published campaign, with the reason it takes (SNP-5). Throws Conflict before it is published. */
export async function setBaseline(
  em: EntityManager,
  campaign: Campaign,
  reason: string,
  { by, ...rest }: Freezing & { by: By },
): Promise<void> {
  refuseArchived(campaign);
  if (campaign.state === "draft") {
    throw new Conflict("Le plan de référence se fige à la publication\u00a0: publiez d’abord la campagne.");
  }
  const tidy = reason.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidy.length < LEAST_REASON || tidy.length > LONGEST_REASON) {
    throw new RuleBroken(`Dites pourquoi, en ${LEAST_REASON} à ${LONGEST_REASON} caractères.`, "reason");
  }
  await freezeBaseline(em, campaign, { by, ...rest }, tidy);
  record(em, "campaign.baseline_set", aboutCampaign(campaign), { by: by.id });
}
