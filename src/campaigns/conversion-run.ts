import { randomUUIDv7 } from "node:crypto";
import { defineEntity, LockMode, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type FieldDefinition, showValue } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import type { ActInput } from "../platform/db/index.ts";
import { Conflict } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import { aboutCampaign, type By, Campaign, toCampaign } from "./campaign.ts";
import { fieldsOf } from "./field.ts";
import { titleFieldOf } from "./naming.ts";
import { presentAct } from "./queries/bulks.ts";
import { lastChangeHere, valuesToConvert, writeConverted } from "./queries/field-values.ts";
import { readAnew } from "./read-anew.ts";
import { isFoundOtherwise, searchAnew } from "./search.ts";
import { placeConverted } from "./segment.ts";

/** A change of type of many values, carried out by a job in parts, whose page may be left (FLD-6). */

/** Rows of one transaction: whoever works on one of them waits for it less than a second. */
const PART_ROWS = 2_000;

const schema = defineEntity({
  name: "FieldConversion",
  tableName: "field_conversion",
  ...tenantTable,
  indexes: [
    {
      name: "field_conversion_running",
      expression:
        'create unique index "field_conversion_running" on "field_conversion" ("tenant_id", "campaign_id", "code") where state = \'running\'',
    },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    code: p.text(),
    from: p.json<FieldDefinition>().columnType("jsonb"),
    to: p.json<FieldDefinition>().columnType("jsonb"),
    zone: p.text(),
    authorId: p.uuid(),
    actId: p.uuid(),
    /** The last change of any row when it began: a value written later is of the new type already. */
    since: p.bigint("string"),
    state: p.enum(["running", "completed"] as const).default("running"),
    total: p.integer(),
    done: p.integer().default(0),
    doneId: p.uuid().nullable(),
    converted: p.integer().default(0),
    refused: p.integer().default(0),
    finishedAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

export class FieldConversion extends schema.class {}
schema.setClass(FieldConversion);
export const FieldConversionSchema = schema;

/** The conversion of a field that is under way, of these or of any, or null. */
export const runningConversion = (
  em: EntityManager,
  campaignId: string,
  code?: string | string[],
): Promise<FieldConversion | null> =>
  em.findOne(FieldConversion, {
    campaign: { id: campaignId },
    state: "running",
    ...(code !== undefined && { code }),
  } as never) as Promise<FieldConversion | null>;

/** Stops what would meet values of two types at once, while those of a field are read again. */
export async function refuseConverting(em: EntityManager, campaignId: string, code?: string | string[]): Promise<void> {
  const running = await runningConversion(em, campaignId, code);
  if (!running) return;
  throw new Conflict(
    `Le champ «\u00a0${running.to.label}\u00a0» est en train de changer de type\u00a0: réessayez dans un instant.`,
  );
}

/** Has the values of a field read again by a job, whose parts join the act under way (FLD-6). The caller flushes. */
export async function startConversion(
  em: EntityManager,
  { campaign, zone }: { campaign: Campaign; zone: string },
  { from, to, total }: { from: FieldDefinition; to: FieldDefinition; total: number },
  { by }: { by: By },
): Promise<void> {
  // The field has its new type in history from here on.
  await em.flush();
  const one = em.create(FieldConversion, {
    tenantId: campaign.tenantId,
    id: randomUUIDv7(),
    campaign,
    code: from.code,
    from,
    to,
    zone,
    authorId: by.id,
    actId: await presentAct(em),
    since: await lastChangeHere(em),
    total,
    doneId: null,
    finishedAt: null,
  });
  em.persist(one);
  record(
    em,
    "campaign.field_conversion_started",
    { type: "field_conversion", id: one.id },
    {
      campaign: campaign.id,
      field: from.code,
      by: by.id,
    },
  );
}

/**
 * Carries a conversion out, or what is left of it: part by part, each in one transaction that says how far it went. It goes
 * on when the rights of its author are gone: the field has its new type already, and two types in one field would serve
 * nobody. Its campaign is not archived before its end (CAM-8). Does nothing when it is over.
 */
export async function runConversion(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<void> {
  const found = await db.read(tenantId, (em) => em.findOne(FieldConversion, { id } as never));
  if (found?.state !== "running") return;
  const said = {
    id: found.actId,
    isPart: true,
    tenantId,
    actorId: found.authorId,
    channel: "page",
    code: "campaign.fields_changed",
    label: "Changement de type",
  } as const satisfies Omit<ActInput, "now">;
  const next = () => {
    const now = clock.now();
    return db.patiently().act({ ...said, now }, async (em) => {
      const one = (await em.findOneOrFail(
        FieldConversion,
        { id } as never,
        {
          lockMode: LockMode.PESSIMISTIC_WRITE,
          refresh: true,
        } as never,
      )) as unknown as FieldConversion;
      if (one.state === "running") await convertPart(em, one, now);
      return one.state === "running";
    });
  };
  while (await next());
}

async function convertPart(em: EntityManager, one: FieldConversion, now: Date): Promise<void> {
  const { code, from, to, zone, actId, since } = one;
  const campaign = await em.findOneOrFail(Campaign, { id: one.campaign.id });
  const fields = (await fieldsOf(em, campaign)).map((field) => field.definition());
  const isTitle = titleFieldOf(campaign, fields)?.code === code;
  const options = { after: one.doneId ?? null, size: PART_ROWS, since, actId };
  const { rows, last } = await valuesToConvert(em, campaign.id, code, options);
  const { converted, refused } = await readAnew(
    em,
    { campaign, zone },
    from,
    to,
    rows.map(({ value }) => value),
  );
  const touched = await writeConverted(em, code, [
    ...converted.map(({ id, value }) => ({
      id: rows[Number(id)]!.id,
      value,
      title: isTitle ? showValue(to, value, { zone }).slice(0, 255) : null,
    })),
    ...refused.map(({ id }) => ({ id: rows[Number(id)]!.id, value: null, title: null })),
  ]);
  if (campaign.segmentField === code) await placeConverted(em, { campaign, zone }, to, touched);
  if (isFoundOtherwise(from, to) || isTitle) {
    await searchAnew(
      em,
      rows.map(({ id }) => id),
    );
  }
  Object.assign(one, {
    done: one.done + rows.length,
    doneId: last,
    converted: one.converted + converted.length,
    refused: one.refused + refused.length,
  });
  if (last !== null) return;
  Object.assign(one, { state: "completed", finishedAt: now });
  record(em, "campaign.field_converted", aboutCampaign(campaign), {
    field: code,
    converted: one.converted,
    refused: one.refused,
    by: one.authorId,
  });
}
