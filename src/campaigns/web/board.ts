import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { type PermissionCode, Tenant } from "../../accounts/index.ts";
import { read } from "../../platform/http/forms.ts";
import { Changes, Shared } from "../../platform/live/shared.ts";
import { kindsFor } from "../activity.ts";
import { Campaign } from "../campaign.ts";
import type { DayByDay } from "../curves.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { type ActivityEvent, listActivity } from "../queries/activity.ts";
import { type Held, heldOperations } from "../queries/dashboard.ts";
import {
  baselineByDay,
  campaignStats,
  completedByDay,
  courseOf,
  type House,
  plannedByDay,
  zoneOf,
} from "../queries/stats.ts";
import { type Mark, touchedWithNext } from "../queries/touched.ts";
import { type Readiness, readinessOf } from "../readiness.ts";
import type { CampaignStats, Times } from "../stats.ts";

/**
 * What dashboards are made of, worked out once for all who read the same campaign with the same rights, and anew as soon as
 * an act touched it: three hundred open pages ask together at each change.
 */

const STILL_AHEAD: Campaign["state"][] = ["draft", "upcoming", "active"];

/** The rights on which what a board shows depends: readers who differ by one of them share nothing (STA-2). */
const TOLD_APART = [
  "operations.read",
  "operations.manage",
  "bookings.place",
  "grants.edit",
] as const satisfies PermissionCode[];
type ToldApart = (typeof TOLD_APART)[number];

export interface Board {
  campaign: Campaign;
  house: House;
  stats: CampaignStats;
  held: Held[];
  /** Null of a campaign that is over: nothing is to be made ready any more. */
  readiness: Readiness | null;
  /** Its five latest events (ACT-2). */
  activity: ActivityEvent[];
  /** Its text once drawn, by the order of its segments. */
  texts: Map<string, string>;
}

/** One reader before one campaign: how to be given its board and its days, as they were at this question or later. */
export interface Look {
  standing: Standing;
  /** What the board may know of its reader. */
  may(right: PermissionCode): boolean;
  board(): Promise<Board>;
  days(): Promise<DayByDay>;
}

/** Events of the feed of a dashboard (ACT-2). */
const LATEST = 5;

const changes = new Changes<Mark>();
const boards = new Shared<Board>();
const days = new Shared<DayByDay>();

/** Throws as campaignFor does. */
export async function lookAt(req: Request<{ id: string }>): Promise<Look> {
  const { id } = req.params;
  const asking = changes.asking(id);
  const { standing, touched } = await read(req, async (em) => {
    const mark = await touchedWithNext(em, id, asking.before);
    return { standing: await campaignFor(em, req.user!, id), touched: mark()[0]! };
  });
  const { isTouched, ...mark } = touched;
  const since = asking.told({ mark, isChanged: isTouched });

  const { tenantId } = standing.campaign;
  const { now, db, user } = req;
  const { today } = courseOf(standing.campaign, { now, tenant: { zone: user!.tenant.zone, holidayZone: "" } });
  const held = TOLD_APART.filter((right) => standing.may(right));
  // Times of work are shown to managers, and to each technician their own (STA-13).
  const times: Times = held.includes("operations.manage")
    ? "all"
    : standing.campaign.isTimeTracked
      ? { userId: user!.id }
      : "none";
  const may = (right: PermissionCode) => {
    if (right === "campaigns.see") return true;
    if (!TOLD_APART.includes(right as ToldApart))
      throw new Error(`A board does not tell its readers apart by ${right}.`);
    return held.includes(right as ToldApart);
  };
  const told = kindsFor(may).flatMap(({ names }) => names);
  const key = JSON.stringify([tenantId, id, today, held, times]);
  // Nothing read for this question serves the work: it may be given to whoever asked after it, for whom that is too old.
  const reading = <T>(work: (em: EntityManager, of: { campaign: Campaign; house: House }) => Promise<T>) =>
    db.read(tenantId, async (em) => {
      const house = (await em.findOneOrFail(Tenant, { tenantId, id: tenantId })) as House;
      return work(em, { campaign: await em.findOneOrFail(Campaign, { id }), house });
    });
  const board = () =>
    boards.get(key, since, () =>
      reading(async (em, { campaign, house }) => {
        const asked = { now, tenant: house, times, from: "page" } as const;
        const stats = (await campaignStats(em, [campaign], asked)).get(id)!;
        const of = { tenantId, day: stats.day };
        return {
          ...{ campaign, house, stats, texts: new Map() },
          held: await heldOperations(em, campaign, { today: stats.day }),
          activity: (await listActivity(em, id, told, { zone: zoneOf(campaign, house) }, { size: LATEST })).events,
          readiness: STILL_AHEAD.includes(campaign.state) ? await readinessOf(em, campaign, of) : null,
        };
      }),
    );
  return {
    standing,
    may,
    board,
    days: () =>
      days.get(key, since, () =>
        reading(async (em, { campaign, house }) => {
          const zone = zoneOf(campaign, house);
          const { today } = courseOf(campaign, { now, tenant: house });
          return {
            completed: await completedByDay(em, id, { zone }),
            baseline: await baselineByDay(em, id),
            planned: await plannedByDay(em, id, { zone, today }),
          };
        }),
      ),
  };
}
