import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant } from "../accounts/index.ts";
import { shiftDay, startOfDay } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import type { Reaction } from "../platform/events/catalogue.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";
import { freezeBaseline } from "./baseline.ts";
import { Campaign, toCampaign } from "./campaign.ts";
import { localDay } from "./progress.ts";
import {
  campaignAsOf,
  campaignsToFreeze,
  closePlan,
  type DayOfPlan,
  daysToFreeze,
  type Night,
  openPlan,
  openPlans,
  type Reading,
  recountPlans,
  type ToFreeze,
} from "./queries/past.ts";
import { insertSnapshot, lastSnapshots } from "./queries/snapshots.ts";
import { type Counting, campaignStats, type House, zoneOf } from "./queries/stats.ts";
import { type Readiness, type ReadinessRule, readinessOf } from "./readiness.ts";
import type { CampaignStats } from "./stats.ts";

/** What made a snapshot: the night, or the end of its campaign (SNP-1). */
export const SNAPSHOT_CAUSES = ["day", "finish", "archive"] as const;
export type SnapshotCause = (typeof SNAPSHOT_CAUSES)[number];

export const CampaignSnapshotSchema = defineEntity({
  name: "CampaignSnapshot",
  tableName: "campaign_snapshot",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "campaign", "day"] },
    {
      name: "campaign_snapshot_of_day",
      expression:
        'create unique index "campaign_snapshot_of_day" on "campaign_snapshot" ("tenant_id", "campaign_id", "day") where cause = \'day\'',
    },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    /** The local day it is of. */
    day: p.date(),
    cause: p.enum(SNAPSHOT_CAUSES),
    takenAt: p.datetime(),
    /** *Reconstitué*: told from history, after its night was missed (SNP-6). */
    isRebuilt: p.boolean().default(false),
    formulaVersion: p.integer(),
    figures: p.json<Frozen>().columnType("jsonb"),
    /** Null of a night told from history, which does not say how ready it was (SNP-6). */
    readiness: p.json<FrozenReadiness>().columnType("jsonb").nullable(),
    ...createdAt(),
  },
});

export const DayPlanSchema = defineEntity({
  name: "DayPlan",
  tableName: "day_plan",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "campaign", "day"] }],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    day: p.date(),
    operations: p.array().columnType("uuid[]"),
    planned: p.integer(),
    /** Those that moved on that very day; null as long as the day runs. */
    updated: p.integer().nullable(),
    ...createdAt(),
  },
});

/** Figures as a snapshot keeps them: names of segments, and of nobody (SNP-3). */
export type Frozen = Omit<CampaignStats, "technicians" | "times" | Told> & Partial<Pick<CampaignStats, Told>>;
/** What its sentences take besides figures: snapshots of before did not keep it. */
type Told = "endsOn" | "endedOn" | "spread";

/** What each rule of readiness said, without where its rows are listed (PRE-6). */
export type FrozenReadiness = Pick<Readiness, "level"> & { rules: Pick<ReadinessRule, "code" | "result" | "text">[] };

const frozen = ({ technicians: _, times: __, ...figures }: CampaignStats): Frozen => figures;

const frozenReadiness = ({ level, rules }: Readiness): FrozenReadiness => ({
  level,
  rules: rules.map(({ code, result, text }) => ({ code, result, text })),
});

/** Freezes where a campaign stands, as it finishes or is archived, in that very act (SNP-1). */
const freezes = (cause: Exclude<SnapshotCause, "day">): Reaction["run"] =>
  async function freeze(em, { tenantId, subject, at: now }) {
    const campaign = await em.findOneOrFail(Campaign, { id: subject.id });
    const tenant = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
    const asked = { now, tenant, times: "none", from: "act" } as const;
    // It is over at this very moment, whoever wrote it so.
    const ended = { ...campaign, closedAt: campaign.closedAt ?? now };
    const stats = (await campaignStats(em, [ended], asked)).get(campaign.id)!;
    const day = localDay(now, zoneOf(campaign, tenant));
    const readiness = frozenReadiness(await readinessOf(em, campaign, { on: day }));
    const about = { cause, day, takenAt: now, isRebuilt: false, readiness };
    await insertSnapshot(em, campaign, { ...about, figures: frozen(stats) });
  };

/** What follows, in the same transaction: the baseline with the publication, a snapshot with each end (SNP-1, SNP-5). */
export const freezing: Reaction[] = [
  {
    on: "campaign.published",
    async run(em, { tenantId, subject, payload, at: now }) {
      const campaign = await em.findOneOrFail(Campaign, { id: subject.id });
      const tenant = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
      const by = { id: payload.by as string };
      await freezeBaseline(em, campaign, { by, now, zone: zoneOf(campaign, tenant) });
    },
  },
  { on: "campaign.finished", run: freezes("finish") },
  { on: "campaign.archived", run: freezes("archive") },
  { on: "act.undone", run: (em, { subject }) => recountPlans(em, subject.id) },
];

export const SNAPSHOTS = "Instantané de chaque campagne pour la veille";
const OPENS_AT_MS = 5 * 60_000;
/** A run later than this after its hour was missed: what it tells comes from history (SNP-6). */
const ON_TIME_MS = 3_600_000;
/** No night is rebuilt beyond what history lets be undone. */
const MOST_NIGHTS = 30;
const DAY_MS = 86_400_000;

/** The first and the last instant of a local day, and when its plan is kept (STA-11); on clock changes too. */
export function dayOfPlan(day: string, zone: string): DayOfPlan {
  const from = startOfDay(day, zone);
  return {
    ...{ day, from, until: startOfDay(shiftDay(day, 1), zone) },
    opensAt: new Date(from.getTime() + OPENS_AT_MS),
  };
}

/** Freezes the figures of the last instant of a day that is over, once its plan is closed; once (SNP-1). */
export async function freezeDay(
  em: EntityManager,
  campaign: Counting,
  { day, until }: DayOfPlan,
  { tenant, now, from }: { tenant: House; now: Date; from: Reading },
): Promise<void> {
  const asked = { now: new Date(until.getTime() - 1), tenant, times: "none", from } as const;
  const stats = (await campaignStats(em, [campaign], asked)).get(campaign.id)!;
  const isRebuilt = now.getTime() - until.getTime() > ON_TIME_MS;
  await insertSnapshot(em, campaign, {
    ...{ cause: "day", day, takenAt: now, isRebuilt, figures: frozen(stats) },
    // Told by what is true now: of a day that has just ended, and as of that day.
    readiness: isRebuilt || from === "act" ? null : frozenReadiness(await readinessOf(em, campaign, { on: day })),
  });
}

const later = (one: string, other: string) => (one > other ? one : other);

/**
 * Freezes every day that is over of each campaign to come or under way, its plan with it, and opens the plan of today;
 * each night once, those missed told from history (SNP-1, SNP-6, STA-11). One transaction a campaign and day: a killed
 * job takes up where it was. Gives what was done, in French.
 */
export async function freezeDays(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId }: { tenantId: string },
): Promise<string> {
  const now = clock.now();
  const { tenant, campaigns, days, open } = await db.read(tenantId, async (em) => {
    const tenant = (await em.findOneOrFail(Tenant, { tenantId, id: tenantId })) as House;
    const found = await campaignsToFreeze(em, new Date(now.getTime() - (MOST_NIGHTS + 1) * DAY_MS));
    const last = await lastSnapshots(
      em,
      found.map(({ id }) => id),
    );
    const nights = found.flatMap((one) => nightsSince(last.get(one.id), one, { now, zone: zoneOf(one, tenant) }));
    return { tenant, campaigns: found, open: await openPlans(em), days: await daysToFreeze(em, nights) };
  });
  // Whatever became of their campaigns since.
  for (const { campaign, day } of open) {
    const zone = zoneOf(campaign, tenant);
    if (day >= localDay(now, zone)) continue;
    await db.note(tenantId, (em) => closePlan(em, campaign, dayOfPlan(day, zone)));
  }
  const zones = new Map(campaigns.map((one) => [one.id, zoneOf(one, tenant)]));
  for (const { id, day, isFrozen } of days) {
    const zone = zones.get(id)!;
    const about = dayOfPlan(day, zone);
    await db.note(tenantId, async (em) => {
      const campaign = { tenantId, id };
      await openPlan(em, campaign, about);
      await closePlan(em, campaign, about);
      if (!isFrozen) return;
      const was = { ...(await campaignAsOf(em, id, closesAt(about))), zone };
      await freezeDay(em, was, about, { tenant, now, from: "past" });
    });
  }
  for (const { id } of campaigns.filter(({ isLive }) => isLive)) {
    const zone = zones.get(id)!;
    const about = dayOfPlan(localDay(now, zone), zone);
    if (now >= about.opensAt) await db.note(tenantId, (em) => openPlan(em, { tenantId, id }, about));
  }
  return fr.count(days.filter(({ isFrozen }) => isFrozen).length, "instantané", "instantanés");
}

/** The night of a day comes as the plan of the next one opens. */
const closesAt = ({ until }: DayOfPlan) => new Date(until.getTime() + OPENS_AT_MS);

/** The days of a campaign that are over and not frozen yet, from its birth, or from the eve where nothing was ever frozen. */
function nightsSince(
  last: string | undefined,
  { id, createdAt }: ToFreeze,
  { now, zone }: { now: Date; zone: string },
) {
  const today = localDay(now, zone);
  const first = last ? shiftDay(last, 1) : later(localDay(createdAt, zone), shiftDay(today, -1));
  const nights: Night[] = [];
  for (let day = later(first, shiftDay(today, -MOST_NIGHTS)); day < today; day = shiftDay(day, 1)) {
    const about = dayOfPlan(day, zone);
    if (closesAt(about) <= now) nights.push({ id, day, opensAt: about.opensAt, closesAt: closesAt(about) });
  }
  return nights;
}
