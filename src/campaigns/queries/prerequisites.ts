import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { PrerequisiteStatus } from "../prerequisite.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** The prerequisites of a segment, or of the whole campaign, in their order. */
export async function listPlaces(
  em: EntityManager,
  campaignId: string,
  segmentId: string | null,
): Promise<{ id: string; position: number }[]> {
  const { rows } = await sql<{ id: string; position: number }>`
    select id, position from prerequisite where campaign_id = ${campaignId}::uuid and segment_id is not distinct from ${segmentId}::uuid
    order by position, id`.execute(transaction(em));
  return rows;
}

export interface PrerequisiteLine {
  id: string;
  label: string;
  segmentId: string | null;
  segment: string | null;
  responsible: string;
  /** Theirs, when they have one. */
  accountId: string | null;
  isClosed: boolean;
  dueOn: string | null;
  /** Due before today, where the campaign is, and not done (PRE-2). */
  isLate: boolean;
  status: PrerequisiteStatus;
  isBlocking: boolean;
  version: number;
}

/** SQL: the day it is in this zone. */
export const presentDay = (zone: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(app_now() at time zone ${zone})::date`;

/** SQL over `p`: due before this day, and not done (PRE-2). */
export const isLate = (day: RawBuilder<unknown>) => sql`(p.due_on < ${day} and p.status <> 'done')`;

const lines = (where: RawBuilder<unknown>, zone: string) => sql<PrerequisiteLine>`
  select p.id, p.label, p.segment_id as "segmentId", s.name as segment, coalesce(u.given_name || ' ' || u.family_name, p.responsible_name) as responsible,
    u.id as "accountId", u.deactivated_at is not null as "isClosed", p.due_on::text as "dueOn", coalesce(${isLate(presentDay(sql`${zone}`))}, false) as "isLate",
    p.status, p.is_blocking as "isBlocking", p.version
  from prerequisite p
  left join segment s on s.tenant_id = p.tenant_id and s.id = p.segment_id
  left join app_user u on u.tenant_id = p.tenant_id and u.id = p.responsible_id
  where ${where} order by s.position nulls first, s.name, p.position, p.id`;

/** The prerequisites of a campaign, its own first, then those of each segment (PRE-1); `segmentId`: of that one alone. */
export async function listPrerequisites(
  em: EntityManager,
  campaignId: string,
  { zone, segmentId }: { zone: string; segmentId?: string },
): Promise<PrerequisiteLine[]> {
  const where = segmentId
    ? sql`p.campaign_id = ${campaignId}::uuid and p.segment_id = ${segmentId}::uuid`
    : sql`p.campaign_id = ${campaignId}::uuid`;
  return (await lines(where, zone).execute(transaction(em))).rows;
}

/**
 * Those marked blocking that are not done, of a campaign or of one segment of it: while there are any, publishing, and
 * starting operations of that segment, ask for a reason (PRE-3).
 */
export async function blockingPrerequisites(
  em: EntityManager,
  { id }: { id: string },
  segment?: { id: string },
): Promise<{ id: string; label: string; segment: string | null }[]> {
  const ofSegment = segment ? sql`and p.segment_id = ${segment.id}::uuid` : sql``;
  const { rows } = await sql<{ id: string; label: string; segment: string | null }>`
    select p.id, p.label, s.name as segment from prerequisite p left join segment s on s.tenant_id = p.tenant_id and s.id = p.segment_id
    where p.campaign_id = ${id}::uuid and p.is_blocking and p.status <> 'done' ${ofSegment}
    order by s.position nulls first, s.name, p.position, p.id`.execute(transaction(em));
  return rows;
}

/** SQL: whether a blocking prerequisite of this segment is not done (PRE-3). */
export const heldBack = (segmentId: RawBuilder<unknown>) =>
  sql`exists (select from prerequisite p where p.segment_id = ${segmentId} and p.is_blocking and p.status <> 'done')`;

/** How many there are in a segment. */
export async function countInSegment(em: EntityManager, segmentId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from prerequisite where segment_id = ${segmentId}::uuid`.execute(transaction(em));
  return rows[0]!.n;
}

/** Those of a segment go after those of another, or of the whole campaign (PRE-5, SEG-5). */
export async function movePrerequisites(em: EntityManager, from: string, to: string | null): Promise<void> {
  await sql`update prerequisite p set segment_id = ${to}::uuid, version = p.version + 1, position = p.position + coalesce((
      select max(o.position) from prerequisite o where o.campaign_id = p.campaign_id and o.segment_id is not distinct from ${to}::uuid), 0)
    where p.segment_id = ${from}::uuid`.execute(transaction(em));
}

/** Those of a segment are no more (PRE-5). */
export async function dropPrerequisites(em: EntityManager, segmentId: string): Promise<void> {
  await sql`delete from prerequisite where segment_id = ${segmentId}::uuid`.execute(transaction(em));
}

/** A responsible to be told, and of what. */
export interface Reminder {
  id: string;
  when: "before" | "after";
  label: string;
  dueOn: string;
  campaignId: string;
  campaign: string;
  isDraft: boolean;
  responsible: { id: string; email: string; roles: string[] };
}

export const DAYS_BEFORE = 3;

/**
 * SQL over `p`: a responsible with an account has not been told, three days before this due day or the day after it, as the
 * campaign counts days (PRE-2). Whatever its day was, what no run told yet is told by the next, as long as it is true.
 */
const TODAY = presentDay(sql`coalesce(c.zone, n.zone)`);
const WHEN = sql`case
  when p.due_on < ${TODAY} and p.told_after is distinct from p.due_on then 'after'
  when p.due_on between ${TODAY} and ${TODAY} + ${sql.lit(DAYS_BEFORE)} and p.told_before is distinct from p.due_on then 'before' end`;
const TO_TELL = sql`from prerequisite p
  join campaign c on c.tenant_id = p.tenant_id and c.id = p.campaign_id and c.state in ('draft', 'upcoming', 'active') and c.trashed_at is null
  join tenant n on n.tenant_id = p.tenant_id
  join app_user u on u.tenant_id = p.tenant_id and u.id = p.responsible_id and u.deactivated_at is null
  where p.status <> 'done' and ${WHEN} is not null`;

/** Zones of their own that campaigns with prerequisites to do have: their days begin by themselves (GEN-3). */
export async function zonesToRemind(em: EntityManager): Promise<string[]> {
  const { rows } = await sql<{ zone: string }>`
    select distinct c.zone from prerequisite p join campaign c on c.tenant_id = p.tenant_id and c.id = p.campaign_id
    where p.status <> 'done' and p.due_on is not null and p.responsible_id is not null and c.zone is not null`.execute(
    transaction(em),
  );
  return rows.map(({ zone }) => zone);
}

/** The prerequisites whose responsible is to be told today. */
export async function prerequisitesToTell(em: EntityManager): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select p.id ${TO_TELL} order by p.due_on, p.id`.execute(transaction(em));
  return rows.map(({ id }) => id);
}

/** Notes that this one is told, and says to whom; null once another run has, or when there is nothing to tell any more. */
export async function takeReminder(em: EntityManager, id: string): Promise<Reminder | null> {
  const { rows } = await sql<Reminder>`
    with due as (
      select p.tenant_id, p.id, ${WHEN} as told, c.id as campaign_id, c.name, c.state = 'draft' as is_draft,
        json_build_object('id', u.id, 'email', u.email, 'roles', u.roles) as responsible
      ${TO_TELL} and p.id = ${id}::uuid for update of p)
    update prerequisite p set told_before = case when d.told = 'before' then p.due_on else p.told_before end,
      told_after = case when d.told = 'after' then p.due_on else p.told_after end
    from due d where p.tenant_id = d.tenant_id and p.id = d.id
    returning p.id, d.told as when, p.label, p.due_on::text as "dueOn", d.campaign_id as "campaignId", d.name as campaign,
      d.is_draft as "isDraft", d.responsible`.execute(transaction(em));
  return rows[0] ?? null;
}

/** Whether this reminder is still true: the same due day, the same responsible, not done (MSG-8). */
export async function isStillDue(
  em: EntityManager,
  { id, dueOn, userId }: { id: string; dueOn: string; userId: string | undefined },
): Promise<boolean> {
  const { rows } = await sql`
    select from prerequisite p join campaign c on c.tenant_id = p.tenant_id and c.id = p.campaign_id and c.state <> 'archived' and c.trashed_at is null
    where p.id = ${id}::uuid and p.due_on = ${dueOn}::date and p.responsible_id = ${userId ?? null}::uuid and p.status <> 'done'`.execute(
    transaction(em),
  );
  return rows.length > 0;
}
