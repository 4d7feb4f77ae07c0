import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import { type Grant, groupIdsOf } from "../../accounts/index.ts";
import { WITH_NEXT } from "../../platform/db/wire.ts";
import type { Campaign } from "../campaign.ts";
import type { Stepping } from "../operation.ts";
import { heldBack } from "./prerequisites.ts";

/**
 * One change of status, which technicians make all day long: read in one trip, written with the commit, by hand since the
 * ORM takes longer to hold a row than PostgreSQL to change it.
 */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

type Row = Omit<Stepping, "isTrashed" | Moment> & Record<Moment | "trashedAt", string | null>;
type Moment = "plannedAt" | "firstPlannedAt" | "startedAt" | "completedAt" | "enteredAt";

type Read = Row & {
  technicianId: string | null;
  campaignId: string;
  ownerId: string;
  letters: Grant[] | null;
  isHeldBack: boolean;
} & Pick<Campaign, "state" | "visibility" | "zone" | "defaultHour" | "isTimeTracked" | "workflow">;

/** What a change of its status is decided on, and what this person holds on its campaign; null when there is none. */
export async function readForStep(em: EntityManager, id: string, userId: string) {
  const { rows } = await sql<Read>`
    select o.id, o.title, o.status, o.category, o.planned_at as "plannedAt", o.first_planned_at as "firstPlannedAt",
      o.postpone_count as "postponeCount", o.reason, o.started_at as "startedAt", o.completed_at as "completedAt",
      o.completed_by_id as "completedById", o.is_completed_by_technician as "isCompletedByTechnician", o.is_on_first_date as "isOnFirstDate", o.minutes, o.version,
      o.entered_at as "enteredAt", o.stepped_on as "steppedOn", o.postponed_on as "postponedOn", o.joined_on::text as "joinedOn",
      o.trashed_at as "trashedAt", o.technician_id as "technicianId", c.id as "campaignId", c.state, c.visibility,
      c.owner_id as "ownerId", c.zone, c.default_hour as "defaultHour", c.is_time_tracked as "isTimeTracked", c.workflow,
      ${heldBack(sql`o.segment_id`)} as "isHeldBack",
      (select array_agg(distinct l.letter) from campaign_grant g, unnest(g.letters) as l (letter)
        where g.campaign_id = c.id and (g.user_id = ${userId}::uuid or g.group_id in (${groupIdsOf(userId)}))) as letters
    from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
    where o.id = ${id}::uuid and c.trashed_at is null`.execute(transaction(em));
  const [row] = rows;
  if (!row) return null;
  const { technicianId, campaignId, ownerId, letters, state, visibility, zone, defaultHour, ...rest } = row;
  const { isTimeTracked, workflow, trashedAt, isHeldBack, ...operation } = rest;
  const [plannedAt, firstPlannedAt] = [momentOf(operation.plannedAt), momentOf(operation.firstPlannedAt)];
  const [startedAt, completedAt] = [momentOf(operation.startedAt), momentOf(operation.completedAt)];
  return {
    operation: {
      ...operation,
      ...{ plannedAt, firstPlannedAt, startedAt, completedAt, enteredAt: momentOf(operation.enteredAt) },
      isTrashed: () => trashedAt !== null,
    },
    technicianId,
    isHeldBack,
    campaign: {
      ...{ id: campaignId, owner: { id: ownerId }, state, visibility, zone, defaultHour, isTimeTracked, workflow },
      isArchived: () => state === "archived",
    },
    letters: new Set(letters),
  };
}

const momentOf = (text: string | null) => (text === null ? null : new Date(text));

/** As it was when it is the same to the millisecond: JavaScript read no finer, and history would tell of a change. */
const kept = (column: string, value: Date | null | undefined) => {
  const at = sql`${value ?? null}::timestamptz`;
  return sql`case when date_trunc('milliseconds', ${sql.ref(column)}) is not distinct from ${at} then ${sql.ref(column)} else ${at} end`;
};

/** Leaves with what follows, and fails with it if somebody changed the row meanwhile (GEN-8). */
export async function writeStep(em: EntityManager, one: Stepping): Promise<void> {
  await sql`${sql.raw(WITH_NEXT)}with written as (
    update operation set status = ${one.status}, category = ${one.category}, postpone_count = ${one.postponeCount}::int,
      planned_at = ${kept("planned_at", one.plannedAt)}, first_planned_at = ${kept("first_planned_at", one.firstPlannedAt)},
      started_at = ${kept("started_at", one.startedAt)}, completed_at = ${kept("completed_at", one.completedAt)}, reason = ${one.reason ?? null},
      completed_by_id = ${one.completedById ?? null}::uuid, is_completed_by_technician = ${one.isCompletedByTechnician ?? null}::boolean,
      is_on_first_date = ${one.isOnFirstDate ?? null}::boolean,
      minutes = ${one.minutes ?? null}::int, entered_at = ${kept("entered_at", one.enteredAt)}, joined_on = ${one.joinedOn ?? null}::date,
      stepped_on = ${JSON.stringify(one.steppedOn)}::jsonb, postponed_on = ${JSON.stringify(one.postponedOn)}::jsonb, version = version + 1
    where id = ${one.id}::uuid and version = ${one.version}::int returning id) select only_row(count(*)) from written`.execute(
    transaction(em),
  );
}
