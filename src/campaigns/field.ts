import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { bare, type FieldDefinition, type FieldType } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";

const schema = defineEntity({
  name: "CampaignField",
  tableName: "campaign_field",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "campaign", "code"] }],
  indexes: [
    {
      name: "campaign_field_label_free",
      expression:
        'create unique index "campaign_field_label_free" on "campaign_field" ("tenant_id", "campaign_id", folded(label)) where removed_at is null',
    },
  ],
  checks: [{ name: "campaign_field_code_form", expression: "code ~ '^[a-z][a-z0-9_]{0,49}$'::text" }],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    code: p.text(),
    label: p.text(),
    help: p.text().default(""),
    type: p.text().$type<FieldType>(),
    isMandatory: p.boolean().default(false),
    isUnique: p.boolean().default(false),
    isPersonal: p.boolean().default(false),
    isListed: p.boolean().default(true),
    isForTechnicians: p.boolean().default(true),
    isTechnicianEditable: p.boolean().default(false),
    isSearchable: p.boolean().default(true),
    rules: p.json<FieldDefinition["rules"]>().columnType("jsonb").defaultRaw("'{}'::jsonb"),
    position: p.integer(),
    removedAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** A typed column of one campaign; its code never changes, so that values stay where they are (FLD-3). */
export class CampaignField extends schema.class {
  definition(): FieldDefinition {
    const { code, label, help, type, rules, isMandatory, isUnique, isPersonal } = this;
    const { isListed, isForTechnicians, isTechnicianEditable, isSearchable } = this;
    const switches = {
      isMandatory,
      isUnique,
      isPersonal,
      isListed,
      isForTechnicians,
      isTechnicianEditable,
      isSearchable,
    };
    return { code, label, help, type, rules, ...switches };
  }
}
schema.setClass(CampaignField);
export const CampaignFieldSchema = schema;

/** The fields of a campaign in their order, without those removed (FLD-7). */
export async function fieldsOf(em: EntityManager, campaign: Pick<Campaign, "id">): Promise<CampaignField[]> {
  return em.find(CampaignField, { campaign: { id: campaign.id }, removedAt: null } as never, {
    orderBy: { position: "asc", id: "asc" } as never,
  });
}

/** All the fields of a campaign, those removed and not purged yet too (FLD-7), in no order. */
export const everyFieldOf = (em: EntityManager, { id }: Pick<Campaign, "id">): Promise<CampaignField[]> =>
  em.find(CampaignField, { campaign: { id } } as never);

/** Adds fields after those there are (FLD-3). Refused under a code or a label another has. The caller flushes. */
export async function addFields(
  em: EntityManager,
  campaign: Campaign,
  definitions: readonly FieldDefinition[],
  { by }: { by: By },
): Promise<CampaignField[]> {
  refuseArchived(campaign);
  const known = await everyFieldOf(em, campaign);
  const codes = new Set(known.map(({ code }) => code));
  const labels = new Set(known.filter(({ removedAt }) => removedAt === null).map(({ label }) => bare(label)));
  let position = Math.max(0, ...known.map((field) => field.position));
  const added = definitions.map((definition) => {
    if (codes.has(definition.code)) {
      throw new RuleBroken(`Un champ a déjà le code «\u00a0${definition.code}\u00a0».`, "code");
    }
    if (labels.has(bare(definition.label))) {
      throw new RuleBroken(`Un champ s’appelle déjà «\u00a0${definition.label}\u00a0».`, "label");
    }
    codes.add(definition.code);
    labels.add(bare(definition.label));
    position += 1;
    const { tenantId } = campaign;
    const field = em.create(CampaignField, {
      tenantId,
      id: randomUUIDv7(),
      campaign,
      ...definition,
      position,
      removedAt: null,
    });
    em.persist(field);
    return field;
  });
  if (added.length > 0) fieldsChanged(em, campaign, added.length, by);
  return added;
}

/** Says that fields of a campaign changed. */
const fieldsChanged = (em: EntityManager, campaign: Campaign, count: number, by: By) =>
  record(em, "campaign.fields_changed", aboutCampaign(campaign), { count, by: by.id });

/**
 * The same field otherwise, under its code; its values are not read again here (see convertField for another type). Refused
 * when it breaks its own rules or takes another's label (FLD-3, FLD-4). The caller flushes.
 */
export function editField(
  em: EntityManager,
  campaign: Campaign,
  field: CampaignField,
  definition: FieldDefinition,
  { by }: { by: By },
): void {
  refuseArchived(campaign);
  const { code: _same, ...rest } = definition;
  Object.assign(field, rest);
  fieldsChanged(em, campaign, 1, by);
}

/** One that was removed is there again, with the values it had and this definition (FLD-7). The caller flushes. */
export function putBackField(
  em: EntityManager,
  campaign: Campaign,
  field: CampaignField,
  definition: FieldDefinition,
  { by }: { by: By },
): void {
  field.removedAt = null;
  editField(em, campaign, field, definition, { by });
}

/** One place up or down among the fields; at the end it stays. The caller flushes. */
export async function moveField(
  em: EntityManager,
  campaign: Campaign,
  field: CampaignField,
  way: "up" | "down",
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const fields = await fieldsOf(em, campaign);
  const from = fields.findIndex(({ id }) => id === field.id);
  const to = from + (way === "up" ? -1 : 1);
  if (from < 0 || to < 0 || to >= fields.length) throw new RuleBroken("Ce champ est déjà au bout de la liste.");
  fields.splice(to, 0, ...fields.splice(from, 1));
  for (const [rank, one] of fields.entries()) one.position = rank + 1;
  fieldsChanged(em, campaign, 1, by);
}

/** Hidden with its values, which a purge takes thirty days later (FLD-7). Refused of one that names or groups operations. The caller flushes. */
export function removeField(
  em: EntityManager,
  campaign: Campaign,
  field: CampaignField,
  { isTitle, by, now }: { isTitle: boolean; by: By; now: Date },
): void {
  refuseArchived(campaign);
  const { code, label } = field;
  if (isTitle) {
    throw new RuleBroken(
      `«\u00a0${label}\u00a0» nomme les opérations\u00a0: choisissez d’abord un autre champ pour le faire.`,
    );
  }
  if (campaign.segmentField === code) {
    throw new RuleBroken(`«\u00a0${label}\u00a0» fait les segments\u00a0: dites d’abord qu’ils ne le suivent plus.`);
  }
  field.removedAt = now;
  campaign.subtitleFields = campaign.subtitleFields.filter((one) => one !== code);
  fieldsChanged(em, campaign, 1, by);
}
