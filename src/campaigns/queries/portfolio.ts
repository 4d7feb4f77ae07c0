import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Grant, groupIdsOf, type SignedIn } from "../../accounts/index.ts";
import type { Category, Icon, Tone } from "../../workflow/index.ts";
import type { CampaignState, Visibility } from "../campaign.ts";
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
  const { rows } = await sql<Row>`
    with granted as (
      select campaign_id, array_agg(distinct letter) as letters from campaign_grant g cross join unnest(g.letters) letter
      where g.user_id = ${user.id}::uuid or g.group_id in (${groupIdsOf(user.id)}) group by campaign_id)
    select c.id, c.name, c.state, c.starts_on::text as "startsOn", c.ends_on::text as "endsOn", c.closed_at as "closedAt", c.visibility,
      c.owner_id as "ownerId", u.given_name || ' ' || u.family_name as "ownerName",
      case when t.id is not null then json_build_object('id', t.id, 'name', t.name, 'icon', t.icon, 'tone', t.tone) end as type,
      array_position(p.campaign_ids, c.id) as pin, coalesce(g.letters, '{}') as letters,
      ${withActivity ? ACTIVITY : sql`null::timestamptz`} as "activityAt"
    from campaign c join app_user u on u.tenant_id = c.tenant_id and u.id = c.owner_id
    left join operation_type t on t.tenant_id = c.tenant_id and t.id = c.operation_type_id
    left join campaign_pins p on p.tenant_id = c.tenant_id and p.id = ${user.id}::uuid
    left join granted g on g.campaign_id = c.id
    where ${visibleCampaigns(user)}`.execute(transaction(em));
  const dated = (text: string | null) => (text === null ? null : new Date(text));
  return rows.map((row) => ({ ...row, closedAt: dated(row.closedAt), activityAt: dated(row.activityAt) }));
}

export interface PortfolioCount {
  campaignId: string;
  /** Category and number, a category as many times as needed. */
  counted: [Category, number][];
  technicians: number;
}

/** What the operations of these campaigns come to, and how many technicians have some: one question whatever their number (DSH-18). */
export async function countPortfolio(
  em: EntityManager,
  ids: readonly string[],
  of: { tenantId: string },
): Promise<Map<string, PortfolioCount>> {
  const question = sql<PortfolioCount>`
    with part as (
      select campaign_id, category, technician_id, count(*)::int as n from operation
      where campaign_id = any (${[...ids]}::uuid[]) and trashed_at is null group by 1, 2, 3)
    select campaign_id as "campaignId", json_agg(json_build_array(category, n)) as counted,
      count(distinct technician_id)::int as technicians
    from part group by campaign_id`;
  return new Map((await counted(em, question, of)).map((one) => [one.campaignId, one]));
}
