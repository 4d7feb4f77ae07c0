import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { visibleCampaigns } from "./campaigns.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Time spent on operations, those of the trash apart (OPS-23). */
export interface TimeSpent {
  /** Null: in no segment, or of nobody. */
  id: string | null;
  name: string | null;
  minutes: number;
  /** Operations that say their time. */
  operations: number;
}

const SPENT = sql`coalesce(sum(o.minutes), 0)::int as minutes, count(o.minutes)::int as operations`;

/** In each segment in their order, then in none. */
export async function timeBySegment(em: EntityManager, campaignId: string): Promise<TimeSpent[]> {
  const { rows } = await sql<TimeSpent>`
    select o.segment_id as id, s.name, ${SPENT} from operation o
    left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
    where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and o.minutes is not null
    group by o.segment_id, s.name, s.position order by s.position nulls last, s.name`.execute(transaction(em));
  return rows;
}

/** Of each technician, by name, then of nobody's. */
export async function timeByTechnician(em: EntityManager, campaignId: string): Promise<TimeSpent[]> {
  const { rows } = await sql<TimeSpent>`
    select o.technician_id as id, u.given_name || ' ' || u.family_name as name, ${SPENT} from operation o
    left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
    where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and o.minutes is not null
    group by o.technician_id, u.given_name, u.family_name
    order by u.family_name nulls last, u.given_name, o.technician_id`.execute(transaction(em));
  return rows;
}

/** In each segment, each technician apart when they may be told. */
export async function timeByBoth(
  em: EntityManager,
  campaignId: string,
  { withTechnicians }: { withTechnicians: boolean },
): Promise<{ segment: string | null; technician: string | null; minutes: number; operations: number }[]> {
  const who = withTechnicians ? sql`o.technician_id` : sql`null::uuid`;
  const { rows } = await sql<{
    segment: string | null;
    technician: string | null;
    minutes: number;
    operations: number;
  }>`
    select s.name as segment, u.given_name || ' ' || u.family_name as technician, ${SPENT} from operation o
    left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
    left join app_user u on u.tenant_id = o.tenant_id and u.id = ${who}
    where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null and o.minutes is not null
    group by s.id, s.name, s.position, u.id, u.given_name, u.family_name
    order by s.position nulls last, s.name, u.family_name nulls last, u.given_name, u.id`.execute(transaction(em));
  return rows;
}

/** Of a type, over the campaigns of it that this person sees (CAM-26). */
export async function timeOfType(em: EntityManager, user: SignedIn, typeId: string): Promise<TimeSpent> {
  const { rows } = await sql<TimeSpent>`
    select null as id, null as name, ${SPENT} from campaign c
    join operation o on o.tenant_id = c.tenant_id and o.campaign_id = c.id and o.trashed_at is null and o.minutes is not null
    where c.operation_type_id = ${typeId}::uuid and ${visibleCampaigns(user)}`.execute(transaction(em));
  return rows[0]!;
}
