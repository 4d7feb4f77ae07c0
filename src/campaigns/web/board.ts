import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { type PermissionCode, type SignedIn, Tenant } from "../../accounts/index.ts";
import { addWorkingDays, listTechnicians, type Technician } from "../../directory/index.ts";
import { dayOf, localOf, shiftDay, startOfDay } from "../../fields/index.ts";
import { read } from "../../platform/http/forms.ts";
import { Changes, Shared } from "../../platform/live/shared.ts";
import type { Ratio } from "../../platform/text/index.ts";
import { toldTo } from "../activity.ts";
import { type Load, USUAL_MINUTES } from "../balance.ts";
import { Campaign } from "../campaign.ts";
import type { DayByDay } from "../curves.ts";
import { daysOf } from "../dashboard.ts";
import type { Course } from "../pace.ts";
import { campaignFor, campaignGlimpsed, type Standing } from "../policy.ts";
import { localDay } from "../progress.ts";
import { type ActivityEvent, listActivity } from "../queries/activity.ts";
import { activeSince, type Oldest, oldestBlocked } from "../queries/dashboard.ts";
import { loadsOf } from "../queries/loads.ts";
import type { Glimpsed } from "../queries/standing.ts";
import { courseOf, type House, statsAndHeld, zoneOf } from "../queries/stats.ts";
import { type Mark, touchedWithNext } from "../queries/touched.ts";
import { type Readiness, readinessOf } from "../readiness.ts";
import type { CampaignStats, Held } from "../stats.ts";

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
  "rows.export",
] as const satisfies PermissionCode[];
type ToldApart = (typeof TOLD_APART)[number];

export interface Board {
  /** Its own, of all that this process works out. */
  number: number;
  campaign: Campaign;
  house: House;
  stats: CampaignStats;
  held: Held[];
  /** Null of a campaign that is over: nothing is to be made ready any more. */
  readiness: Readiness | null;
  /** Technicians who acted in it these seven days, of those who have operations (DSH-7). */
  active: Ratio;
  /** What has been blocked for too long, and since which day; null when that makes nothing late (STA-9). */
  oldest: (Oldest & { day: string }) | null;
  ahead: Ahead;
  /** Its five latest events (ACT-2). */
  activity: ActivityEvent[];
  /** Its text once drawn, by the order of its segments. */
  texts: Map<string, string>;
}

/** One reader before one campaign: how to be given its board and its days, as they were at this question or later. */
export interface Look<C extends Glimpsed = Glimpsed> {
  standing: Standing<C>;
  /** What the board may know of its reader. */
  may(right: PermissionCode): boolean;
  /** With the moment its figures are true of (DSH-2); behind, its reader is to ask again (LIV-5). */
  board(): Promise<{ board: Board; asOf: Date; isBehind: boolean }>;
  days(): Promise<DayByDay>;
}

/** Events of the feed of a dashboard (ACT-2). */
const LATEST = 5;
const ACTIVE_DAYS = 7;
const DAY_MS = 24 * 3_600_000;

let made = 0;
const changes = new Changes<Mark>();
const boards = new Shared<Board>();
const days = new Shared<DayByDay>();
const glances = new Shared<Seen<Glimpsed>>();

/** Throws as campaignFor does. */
export const lookAt = async (req: OfOne): Promise<Look<Campaign>> => lookFrom(req, await seen(req, campaignFor));

/** The same for a part that open pages ask anew: one person's pages ask it together. */
export async function lookAgain(req: OfOne): Promise<Look> {
  const { tenantId, id, roles } = req.user!;
  const key = JSON.stringify([tenantId, id, roles, req.params.id]);
  return lookFrom(req, await glances.fresh(key, () => seen(req, campaignGlimpsed)));
}

type OfOne = Request<{ id: string }>;

interface Seen<C extends Glimpsed> {
  standing: Standing<C>;
  /** The instant from which work begun has all that could be seen then: see Changes. */
  since: number;
}

async function seen<C extends Glimpsed>(
  req: OfOne,
  standingOf: (em: EntityManager, user: SignedIn, id: string) => Promise<Standing<C>>,
): Promise<Seen<C>> {
  const { id } = req.params;
  const asking = changes.asking(id);
  const { standing, touched } = await read(req, async (em) => {
    const mark = await touchedWithNext(em, id, asking.before);
    return { standing: await standingOf(em, req.user!, id), touched: mark()[0]! };
  });
  const { isTouched, ...mark } = touched;
  return { standing, since: asking.told({ mark, isChanged: isTouched }) };
}

function lookFrom<C extends Glimpsed>(req: OfOne, { standing, since }: Seen<C>): Look<C> {
  const { id } = req.params;
  const { tenantId } = standing.campaign;
  const { now, db, user } = req;
  const today = localDay(now, zoneOf(standing.campaign, user!.tenant));
  const held = TOLD_APART.filter((right) => standing.may(right));
  const may = (right: PermissionCode) => {
    if (right === "campaigns.see") return true;
    if (!TOLD_APART.includes(right as ToldApart))
      throw new Error(`A board does not tell its readers apart by ${right}.`);
    return held.includes(right as ToldApart);
  };
  const told = toldTo(may);
  const key = JSON.stringify([tenantId, id, today, held]);
  // Nothing read for this question serves the work: it may be given to whoever asked after it, for whom that is too old.
  const reading = <T>(work: (em: EntityManager, of: { campaign: Campaign; house: House }) => Promise<T>) =>
    db.read(tenantId, async (em) => {
      const house = (await em.findOneOrFail(Tenant, { tenantId, id: tenantId })) as House;
      return work(em, { campaign: await em.findOneOrFail(Campaign, { id }), house });
    });
  const drawBoard = () =>
    reading(async (em, { campaign, house }) => {
      // Times spent have their own page (STA-13): with them, each reader would need a board apart.
      const asked = { now, tenant: house, times: "none", from: "page" } as const;
      const { stats, held } = await statsAndHeld(em, campaign, asked);
      const of = { tenantId, day: stats.day };
      const technicians = stats.technicians.flatMap(({ id: one }) => one ?? []);
      const since = new Date(now.getTime() - ACTIVE_DAYS * DAY_MS);
      return {
        ...{ number: ++made, campaign, house, stats, held, texts: new Map() },
        active: { part: (await activeSince(em, id, { technicians, since })).length, of: technicians.length },
        oldest: stats.lateMark?.blockedDays ? await longestBlocked(em, campaign, house) : null,
        ahead: await aheadOf(em, campaign, { now, house, technicians }),
        activity: (await listActivity(em, id, told, { zone: zoneOf(campaign, house) }, { size: LATEST })).events,
        readiness: STILL_AHEAD.includes(campaign.state) ? await readinessOf(em, campaign, { of }) : null,
      };
    });
  const board = async () => {
    // A page that follows asks again by itself: in a burst it is given what is there.
    const { answer, isBehind } =
      req.headers["live-refresh"] === "1"
        ? await boards.recent(key, since, drawBoard)
        : { answer: await boards.get(key, since, drawBoard), isBehind: false };
    return { board: answer, asOf: isBehind ? answer.stats.generatedAt : now, isBehind };
  };
  return {
    standing,
    may,
    board,
    days: () =>
      days.get(key, since, () =>
        reading(async (em, { campaign, house }) => {
          const zone = zoneOf(campaign, house);
          const { today } = courseOf(campaign, { now, tenant: house });
          return daysOf(em, campaign, { zone, today });
        }),
      ),
  };
}

async function longestBlocked(em: EntityManager, campaign: Campaign, house: House) {
  const oldest = await oldestBlocked(em, campaign.id);
  return oldest && { ...oldest, day: dayOf(localOf(oldest.since, zoneOf(campaign, house))) };
}

/** Working days of load shown, today apart (DSH-4). */
const DAYS_AHEAD = 5;

interface Ahead {
  days: string[];
  technicians: Technician[];
  loads: Load[];
}

/** What each has to do in this campaign these next working days, and the hours they work (DSH-4). */
async function aheadOf(
  em: EntityManager,
  campaign: Campaign,
  { now, house, technicians: ids }: { now: Date; house: House; technicians: readonly string[] },
): Promise<Ahead> {
  const zone = zoneOf(campaign, house);
  // Ahead of now, whenever it ended.
  const days = nextDays({ ...courseOf(campaign, { now, tenant: house }), today: localDay(now, zone) });
  const [first, last] = [days[0]!, days.at(-1)!];
  const loads = await loadsOf(em, ids, {
    ...{ zone, campaignId: campaign.id, minutes: USUAL_MINUTES },
    between: [startOfDay(first, zone), startOfDay(shiftDay(last, 1), zone)],
  });
  const technicians = await listTechnicians(em, { from: first, to: last });
  return { days, loads, technicians: technicians.filter(({ id }) => ids.includes(id)) };
}

/** The working days after today; of a calendar that closes a whole year, those of the organisation. */
function nextDays({ today, calendar }: Course): string[] {
  const ranks = Array.from({ length: DAYS_AHEAD }, (_, rank) => rank + 1);
  try {
    return ranks.map((rank) => addWorkingDays(today, rank, calendar));
  } catch (error) {
    if (error instanceof RangeError) return ranks.map((rank) => addWorkingDays(today, rank, { zone: calendar.zone }));
    throw error;
  }
}
