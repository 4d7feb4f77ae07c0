import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant } from "../accounts/index.ts";
import type { Chart } from "../platform/charts/index.ts";
import type { Campaign } from "./campaign.ts";
import { blockages, burnUp, type DayByDay, plannedAndDone } from "./curves.ts";
import type { Course, Period } from "./pace.ts";
import {
  baselineByDay,
  completedByDay,
  courseOf,
  datedByDay,
  type House,
  plannedByDay,
  statsAndHeld,
  zoneOf,
} from "./queries/stats.ts";
import type { CampaignStats, Held } from "./stats.ts";

/** What the charts of a campaign are drawn from, read at one moment (STA-1). */
export interface Drawable {
  course: Course;
  stats: CampaignStats;
  days: DayByDay;
  held: readonly Held[];
}

/** What was done and planned on each day (STA-11, STA-12). */
export const daysOf = async (
  em: EntityManager,
  { id }: { id: string },
  { zone, today }: { zone: string; today: string },
): Promise<DayByDay> => {
  const dated = await datedByDay(em, id, { zone });
  const ahead = [...dated].filter(([day]) => day > today);
  return {
    completed: await completedByDay(em, id, { zone }),
    baseline: await baselineByDay(em, id),
    planned: new Map([...(await plannedByDay(em, id, { zone, today })), ...ahead]),
    dated,
  };
};

/** All of it at once, for who takes a chart away. */
export async function drawableOf(em: EntityManager, campaign: Campaign, { now }: { now: Date }): Promise<Drawable> {
  const { tenantId } = campaign;
  const tenant = (await em.findOneOrFail(Tenant, { tenantId, id: tenantId })) as House;
  const course = courseOf(campaign, { now, tenant });
  const { today } = course;
  return {
    course,
    ...(await statsAndHeld(em, campaign, { now, tenant, times: "none", from: "page" })),
    days: await daysOf(em, campaign, { zone: zoneOf(campaign, tenant), today }),
  };
}

/** The blocked ones by reason (OPS-20). */
export function reasonsOf(held: readonly Held[]): { reason: string | null; n: number }[] {
  const blocked = held.filter(({ category }) => category === "problem");
  return [...Map.groupBy(blocked, ({ reason }) => reason)].map(([reason, some]) => ({
    reason,
    n: some.reduce((sum, { n }) => sum + n, 0),
  }));
}

/** The charts of a dashboard by the name their addresses give them (DSH-5). */
export const CHARTS = {
  cumul: ({ days, stats, course }: Drawable, by: Period): Chart => burnUp(days, stats, course, by),
  prevues: ({ days, course }: Drawable, by: Period): Chart => plannedAndDone(days, course, by),
  blocages: ({ held }: Drawable): Chart => blockages(reasonsOf(held)),
} as const;
export type ChartName = keyof typeof CHARTS;
export const CHART_NAMES = Object.keys(CHARTS) as ChartName[];
