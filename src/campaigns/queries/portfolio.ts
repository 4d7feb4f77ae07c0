import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Grant, groupIdsOf, type SignedIn } from "../../accounts/index.ts";
import { WITH_NEXT } from "../../platform/db/wire.ts";
import type { Category, Icon, Tone } from "../../workflow/index.ts";
import type { CampaignState, Visibility } from "../campaign.ts";
import { localDay } from "../progress.ts";
import { type Outline, outlineOf } from "../stats.ts";
import { visibleCampaigns } from "./campaigns.ts";
import { counted } from "./counts.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export interface PortfolioLine {
  id: string;
  name: string;
  state: CampaignState;
  startsOn: string;
  endsOn: string;
  closedAt: Date | null;
  visibility: Visibility;
  ownerId: string;
  ownerName: string;
  type: { id: string; name: string; icon: Icon; tone: Tone } | null;
  /** Its place among the pins of whoever reads. */
  pin: number | null;
  /** What was granted to them on it. */
  letters: Grant[];
  /** Null unless it was asked for. */
  activityAt: Date | null;
  /** Its own, or those of the organisation (GEN-3, GEN-4). */
  zone: string;
  holidayZone: string;
  closedDays: string[];
  hasBaseline: boolean;
}

type Row = Omit<PortfolioLine, "closedAt" | "activityAt"> & { closedAt: string | null; activityAt: string | null };

/** The last act on a campaign itself, or the last moment one of its operations was added, started or done. */
const ACTIVITY = sql`greatest(c.created_at,
  (select max(a.at) from act a where a.tenant_id = c.tenant_id and a.subject_type = 'campaign' and a.subject_id = c.id),
  (select max(greatest(o.created_at, o.started_at, o.completed_at)) from operation o where o.tenant_id = c.tenant_id and o.campaign_id = c.id))`;

/** Every campaign this person sees (CAM-26), with what its card says of it alone: one question whatever their number (DSH-18). */
export async function listPortfolio(
  em: EntityManager,
  user: SignedIn,
  { withActivity }: { withActivity: boolean },
): Promise<PortfolioLine[]> {
  // It depends on nothing of what it is given: planning it anew takes as long as answering.
  await sql`${sql.raw(WITH_NEXT)}select set_config('plan_cache_mode', 'force_generic_plan', true)`.execute(
    transaction(em),
  );
  const { rows } = await sql<Row>`
    with granted as (
      select campaign_id, array_agg(distinct letter) as letters from campaign_grant g cross join unnest(g.letters) letter
      where g.user_id = ${user.id}::uuid or g.group_id in (${groupIdsOf(user.id)}) group by campaign_id)
    select c.id, c.name, c.state, c.starts_on::text as "startsOn", c.ends_on::text as "endsOn", c.closed_at as "closedAt", c.visibility,
      c.owner_id as "ownerId", u.given_name || ' ' || u.family_name as "ownerName",
      case when t.id is not null then json_build_object('id', t.id, 'name', t.name, 'icon', t.icon, 'tone', t.tone) end as type,
      array_position(p.campaign_ids, c.id) as pin, coalesce(g.letters, '{}') as letters,
      ${withActivity ? ACTIVITY : sql`null::timestamptz`} as "activityAt",
      coalesce(c.zone, n.zone) as zone, coalesce(c.holiday_zone, n.holiday_zone) as "holidayZone", c.closed_days as "closedDays",
      exists (select from baseline b where b.campaign_id = c.id) as "hasBaseline"
    from campaign c join tenant n on n.tenant_id = c.tenant_id join app_user u on u.tenant_id = c.tenant_id and u.id = c.owner_id
    left join operation_type t on t.tenant_id = c.tenant_id and t.id = c.operation_type_id
    left join campaign_pins p on p.tenant_id = c.tenant_id and p.id = ${user.id}::uuid
    left join granted g on g.campaign_id = c.id
    where ${visibleCampaigns(user)}`.execute(transaction(em));
  const dated = (text: string | null) => (text === null ? null : new Date(text));
  return rows.map((row) => ({ ...row, closedAt: dated(row.closedAt), activityAt: dated(row.activityAt) }));
}

export interface PortfolioCount extends Outline {
  technicians: number;
}

type Counting = Pick<
  PortfolioLine,
  "id" | "startsOn" | "endsOn" | "closedAt" | "zone" | "holidayZone" | "closedDays" | "hasBaseline"
>;

interface Counted {
  campaignId: string;
  technicians: number;
  cells: { category: Category; isExpected: boolean; n: number; blockedSince: string | null }[];
}

/** Where each of these campaigns stands, and how many technicians have work in it: one question whatever their number (DSH-18). */
export async function countPortfolio(
  em: EntityManager,
  lines: readonly Counting[],
  { tenantId, now }: { tenantId: string; now: Date },
): Promise<Map<string, PortfolioCount>> {
  // As of the day it ended, of one that is over (STA-9).
  const todayOf = ({ closedAt, zone }: Counting) => localDay(closedAt ?? now, zone);
  const asked = lines.map((line) => ({ id: line.id, endsOn: line.endsOn, today: todayOf(line) }));
  const question = sql<Counted>`
    with part as materialized (
      select o.campaign_id, o.category, o.technician_id, coalesce(o.baseline_on, c."endsOn") < c.today as expected,
        count(*)::int as n, min(o.entered_at) filter (where o.category = 'problem') as since
      from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as c (id uuid, "endsOn" date, today date)
      join operation o on o.campaign_id = c.id and o.trashed_at is null
      where o.campaign_id = any (${asked.map(({ id }) => id)}::uuid[])
      group by 1, 2, 3, 4),
    cell as (select campaign_id, category, expected, sum(n)::int as n, min(since) as since from part group by 1, 2, 3)
    select campaign_id as "campaignId",
      json_agg(json_build_object('category', category, 'isExpected', expected, 'n', n, 'blockedSince', since)) as cells,
      (select count(distinct p.technician_id)::int from part p where p.campaign_id = cell.campaign_id) as technicians
    from cell group by campaign_id`;
  const rows = await counted(em, question, { tenantId });
  const known = outlines.get(rows) ?? new Map<string, PortfolioCount>();
  outlines.set(rows, known);
  const found = new Map(rows.map((one) => [one.campaignId, one]));
  return new Map(
    lines.map((line) => {
      const { id, startsOn, endsOn, closedAt, zone, holidayZone, closedDays, hasBaseline } = line;
      const today = todayOf(line);
      const key = JSON.stringify([id, startsOn, endsOn, closedAt, zone, holidayZone, closedDays, hasBaseline, today]);
      if (!known.has(key)) known.set(key, outlined(line, today, found.get(id)));
      return [id, known.get(key)!];
    }),
  );
}

/** What was made of the same counts for the same days: they are the same rows as long as nothing is written. */
const outlines = new WeakMap<object, Map<string, PortfolioCount>>();

function outlined(
  line: Counting,
  today: string,
  { cells = [], technicians = 0 }: Partial<Counted> = {},
): PortfolioCount {
  const { startsOn, endsOn, closedAt, zone, holidayZone, closedDays, hasBaseline } = line;
  const course = { startsOn, endsOn, today, calendar: { zone: holidayZone, closedDays: new Set(closedDays) } };
  const told = cells.map(({ blockedSince, ...cell }) => ({
    ...cell,
    blockedSince: blockedSince && localDay(new Date(blockedSince), zone),
  }));
  return { ...outlineOf(told, { course, hasBaseline, isOver: closedAt !== null }), technicians };
}
