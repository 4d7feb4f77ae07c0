import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { Tenant } from "../../accounts/index.ts";
import { dayOf, localOf, shiftDay, startOfDay } from "../../fields/index.ts";
import { askWithNext } from "../../platform/db/index.ts";
import type { Campaign } from "../campaign.ts";
import { type Course, periodOf, recentFrom } from "../pace.ts";
import { localDay } from "../progress.ts";
import { type CampaignStats, type Cell, type Held, heldAmong, statsOf, type Times } from "../stats.ts";
import { counted, withRoom } from "./counts.ts";
import { baselineAsOf, isAwaited, operationsAsOf, segmentsAsOf } from "./past.ts";

/** The counts figures are made of: as many questions for one campaign as for fifty (DSH-18). */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What the figures of a campaign need to know of it. */
export type Counting = Pick<
  Campaign,
  "tenantId" | "id" | "startsOn" | "endsOn" | "zone" | "holidayZone" | "closedDays" | "isTimeTracked"
> & {
  /** When it ended: its figures are those of that day; none of a day of the past that is told while it ran (STA-9). */
  closedAt?: Date | null;
};

/** Its zone and its holidays where a campaign says none (GEN-3, GEN-4). */
export interface House {
  zone: string;
  holidayZone: string;
}

/** When, for whom. */
export interface Asked {
  now: Date;
  tenant: House;
  times: Times;
  /** Asked by a page, which writes nothing; in an act, with what it wrote; of a moment that is over, as all then stood (SNP-6). */
  from: "page" | "act" | "past";
}

export const zoneOf = ({ zone }: Pick<Counting, "zone">, tenant: Pick<House, "zone">): string => zone ?? tenant.zone;

/** The days of a campaign as its own calendar has them (GEN-3, GEN-4). */
export const courseOf = (campaign: Counting, { now, tenant }: Pick<Asked, "now" | "tenant">) => ({
  startsOn: campaign.startsOn,
  endsOn: campaign.endsOn,
  today: localDay(campaign.closedAt ?? now, zoneOf(campaign, tenant)),
  calendar: { zone: campaign.holidayZone ?? tenant.holidayZone, closedDays: new Set(campaign.closedDays) },
});

interface Line {
  id: string;
  zone: string;
  today: string;
  endsOn: string;
  monday: string;
  /** The instants each recent day begins, tomorrow the last; today, and the first of them. */
  midnights: string[];
  midnight: string;
  recent: string;
}

function lineOf(campaign: Counting, asked: Asked): Line {
  const zone = zoneOf(campaign, asked.tenant);
  const course = courseOf(campaign, asked);
  const midnightOf = (day: string) => startOfDay(day, zone).toISOString();
  const days = recentDays(course);
  return {
    ...{ id: campaign.id, zone, today: course.today, endsOn: course.endsOn },
    monday: periodOf(course.today, "week"),
    ...{ midnight: midnightOf(course.today), recent: midnightOf(days[0]!) },
    midnights: [...days, shiftDay(course.today, 1)].map(midnightOf),
  };
}

/** From the first day that velocities look at, up to today. */
function recentDays(course: Course): string[] {
  const days: string[] = [];
  for (let day = recentFrom(course); day <= course.today; day = shiftDay(day, 1)) days.push(day);
  return days;
}

const linesOf = (lines: readonly Line[]) => sql`jsonb_to_recordset(${JSON.stringify(lines)}::jsonb)
  as c (id uuid, zone text, today date, "endsOn" date, monday date, midnights timestamptz[], midnight timestamptz, recent timestamptz)`;

type CellRow = Omit<Cell, "completedOn"> & { campaignId: string; completedRank: number | null };

/** Where operations are read, the day each has in the baseline, and why it waits where figures tell. */
interface Source {
  operations: RawBuilder<unknown>;
  baselineOn: RawBuilder<unknown>;
  reason?: RawBuilder<unknown>;
}

const PRESENT: Source = { operations: sql`operation o`, baselineOn: sql`o.baseline_on` };
const WITH_REASONS: Source = {
  ...PRESENT,
  reason: sql`case when o.category in ('deferred', 'problem') then nullif(o.reason, '') end`,
};
const asOf = (ids: readonly string[], at: Date): Source => ({
  operations: sql`(${operationsAsOf(ids, at)} o left join ${baselineAsOf(ids, at)} b on b.id = o.id)`,
  baselineOn: sql`b.day`,
});

/** `o` grouped by all that figures tell apart: what is added up of it afterwards is added up once (STA-1). */
const cellsOf = (lines: readonly Line[], { operations, baselineOn, reason = sql`null::text` }: Source) => sql<CellRow>`
  select o.campaign_id as "campaignId", o.segment_id as "segmentId", o.technician_id as "technicianId", o.category,
    coalesce(o.planned_at < c.midnight, false) as "isDue",
    coalesce(${baselineOn}, c."endsOn") < c.today as "isExpected",
    o.category = 'success' and o.is_completed_by_technician is true as "isByTechnician",
    o.is_on_first_date is true as "isOnFirstDate",
    o.completed_at is not null as "isCompleted",
    case when o.completed_at >= c.recent then width_bucket(o.completed_at, c.midnights) end as "completedRank",
    ${reason} as reason,
    count(*)::int as n, coalesce(sum(o.minutes), 0)::int as minutes,
    coalesce(sum((select count(*) from jsonb_array_elements_text(o.postponed_on) d where d >= c.monday::text))
      filter (where o.postpone_count > 0), 0)::int as postponed,
    min(o.entered_at) filter (where o.category = 'problem') as "blockedSince"
  from ${linesOf(lines)} join ${operations} on o.campaign_id = c.id and o.trashed_at is null
  where o.campaign_id = any (${lines.map(({ id }) => id)}::uuid[])
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11`;

async function atOnce<Row>(em: EntityManager, question: RawBuilder<Row>): Promise<Row[]> {
  await withRoom(em);
  return (await question.execute(transaction(em))).rows;
}

interface Around {
  campaignId: string;
  id: string;
  name: string;
}

/** Every figure of these campaigns, each in its own zone and calendar (STA-1, GEN-3, GEN-4). */
export async function campaignStats(
  em: EntityManager,
  campaigns: readonly Counting[],
  asked: Asked,
): Promise<Map<string, CampaignStats>> {
  const source =
    asked.from === "past"
      ? asOf(
          campaigns.map(({ id }) => id),
          asked.now,
        )
      : PRESENT;
  const told = await statsAndCells(em, campaigns, asked, source);
  return new Map([...told].map(([id, { stats }]) => [id, stats]));
}

/** Those of one campaign now, and what holds its operations, from the same count. */
export async function statsAndHeld(
  em: EntityManager,
  campaign: Counting,
  asked: Asked & { from: "page" },
): Promise<{ stats: CampaignStats; held: Held[] }> {
  const { stats, cells } = (await statsAndCells(em, [campaign], asked, WITH_REASONS)).get(campaign.id)!;
  return { stats, held: heldAmong(cells) };
}

async function statsAndCells(
  em: EntityManager,
  campaigns: readonly Counting[],
  asked: Asked,
  source: Source,
): Promise<Map<string, { stats: CampaignStats; cells: Cell[] }>> {
  const { now, times, from } = asked;
  const lines = campaigns.map((one) => lineOf(one, asked));
  const ids = campaigns.map(({ id }) => id);
  const segments = await askWithNext(
    em,
    sql<Around>`select campaign_id as "campaignId", id, name from ${from === "past" ? segmentsAsOf(ids, now) : sql`segment`} s
      where campaign_id = any (${ids}::uuid[]) order by position, name`,
  );
  const plans = await askWithNext(
    em,
    sql<{ campaignId: string; part: number; of: number; hasBaseline: boolean }>`
      select c.id as "campaignId", coalesce(sum(p.updated), 0)::int as part, coalesce(sum(p.planned), 0)::int as of,
        exists (select from baseline b where b.campaign_id = c.id and b.frozen_at <= ${now.toISOString()}::timestamptz) as "hasBaseline"
      from ${linesOf(lines)} left join day_plan p on p.campaign_id = c.id and p.day < c.today and p.updated is not null
      group by c.id`,
  );
  const question = cellsOf(lines, source);
  const tenantId = campaigns[0]?.tenantId ?? "";
  const rows = from === "page" ? await counted(em, question, { tenantId }) : await atOnce(em, question);
  const cells = Map.groupBy(rows, ({ campaignId }) => campaignId);
  const { rows: names } = await sql<{ id: string; name: string }>`
    select id, given_name || ' ' || family_name as name from app_user
    where id = any (${[...new Set(rows.flatMap(({ technicianId }) => technicianId ?? []))]}::uuid[])
    order by family_name, given_name, id`.execute(transaction(em));
  // Read after a question that always leaves: counts that are known already ask nothing.
  const planned = new Map(plans().map((one) => [one.campaignId, one]));
  const around = Map.groupBy(segments(), ({ campaignId }) => campaignId);
  return new Map(
    campaigns.map((campaign) => {
      const { id } = campaign;
      const zone = zoneOf(campaign, asked.tenant);
      const { part, of, hasBaseline } = planned.get(id)!;
      const course = courseOf(campaign, asked);
      const days = recentDays(course);
      const own = (cells.get(id) ?? []).map(({ blockedSince, completedRank, ...cell }) => ({
        ...cell,
        completedOn: days[(completedRank ?? 0) - 1] ?? null,
        blockedSince: blockedSince && dayOf(localOf(new Date(blockedSince), zone)),
      }));
      const present = new Set(own.map(({ technicianId }) => technicianId));
      const made = {
        ...{ campaignId: id, cells: own, course, isOver: campaign.closedAt != null },
        ...{ hasBaseline, isTimeTracked: campaign.isTimeTracked, sameDay: { part, of } },
        segments: around.get(id) ?? [],
        technicians: names.filter((one) => present.has(one.id)),
      };
      return [id, { stats: statsOf(made, { now, times }), cells: own }] as const;
    }),
  );
}

/** Those of one campaign, by its organisation's zone and holidays; nobody's times told. */
export async function statsOfCampaign(
  em: EntityManager,
  campaign: Counting,
  { now }: { now: Date },
): Promise<CampaignStats> {
  const { tenantId, id } = campaign;
  const tenant = (await em.findOneOrFail(Tenant, { tenantId, id: tenantId })) as House;
  return (await campaignStats(em, [campaign], { now, tenant, times: "none", from: "page" })).get(id)!;
}

/** How many operations of a campaign were completed on each local day, those of the trash apart (STA-5). */
export async function completedByDay(
  em: EntityManager,
  campaignId: string,
  { zone }: { zone: string },
): Promise<Map<string, number>> {
  return daysOf(
    em,
    sql`select (completed_at at time zone ${zone})::date::text as day, count(*)::int as n from operation
      where campaign_id = ${campaignId}::uuid and trashed_at is null and completed_at is not null group by 1`,
  );
}

/** How many operations the baseline that holds puts on each day; none without one (SNP-5). */
export async function baselineByDay(em: EntityManager, campaignId: string): Promise<Map<string, number>> {
  return daysOf(
    em,
    sql`select d::text as day, count(*)::int as n
      from (select days from baseline where campaign_id = ${campaignId}::uuid order by frozen_at desc, id desc limit 1) b, unnest(b.days) d
      group by d`,
  );
}

/** How many operations that are not over are dated of each day, past days too (DSH-5). */
export async function datedByDay(
  em: EntityManager,
  campaignId: string,
  { zone }: { zone: string },
): Promise<Map<string, number>> {
  return daysOf(
    em,
    sql`select (planned_at at time zone ${zone})::date::text as day, count(*)::int as n from operation
      where campaign_id = ${campaignId}::uuid and trashed_at is null and planned_at is not null
        and category not in ('success', 'cancelled') group by 1`,
  );
}

/** How many operations the plan of each day held, up to today: as frozen, and with those that joined it since of today (STA-11). */
export async function plannedByDay(
  em: EntityManager,
  campaignId: string,
  { zone, today }: { zone: string; today: string },
): Promise<Map<string, number>> {
  const tomorrow = startOfDay(shiftDay(today, 1), zone).toISOString();
  const midnight = startOfDay(today, zone).toISOString();
  return daysOf(
    em,
    sql`select day::text, planned as n from day_plan where campaign_id = ${campaignId}::uuid and day < ${today}::date
      union all select ${today}, count(*)::int from (
        select unnest(operations) as id from day_plan where campaign_id = ${campaignId}::uuid and day = ${today}::date
        union select id from operation o where campaign_id = ${campaignId}::uuid and trashed_at is null and ${isAwaited(today)}
          and (joined_on = ${today}::date or planned_at >= ${midnight}::timestamptz and planned_at < ${tomorrow}::timestamptz)) t`,
  );
}

async function daysOf(em: EntityManager, question: RawBuilder<unknown>): Promise<Map<string, number>> {
  const { rows } = await (question as RawBuilder<{ day: string; n: number }>).execute(transaction(em));
  return new Map(rows.filter(({ n }) => n > 0).map(({ day, n }) => [day, n]));
}
