import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Channel } from "../../platform/db/changeset.ts";
import { EVENT_CAMPAIGN } from "../../platform/db/changeset.ts";
import { NONE } from "./operations.ts";

/** What happened in a campaign, read from the events of history (ACT-1). */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** What a list of activity may be narrowed to (ACT-2). */
export interface ActivityFilter {
  actorId?: string | undefined;
  /** Of an operation as it is now; NONE for those in none. */
  segmentId?: string | undefined;
  channel?: Channel | undefined;
  /** First and last local days, in `zone`. */
  from?: string | undefined;
  to?: string | undefined;
  zone: string;
}

/** The names of events one reader is told of, and of those kept from them: an undo goes with what it took back. */
export interface Told {
  names: readonly string[];
  kept: readonly string[];
}

/** One event, with what its line says of it. */
export interface ActivityEvent {
  id: string;
  name: string;
  subjectId: string;
  at: Date;
  actId: string;
  channel: Channel;
  actor: string | null;
  behalf: string | null;
  /** What the act was called, for events without words of their own. */
  label: string | null;
  reason: string | null;
  payload: Record<string, unknown>;
  operation: { id: string; title: string; isTrashed: boolean; segment: string | null } | null;
  /** Who an operation was given to. */
  technician: string | null;
  /** Rows the act changed. */
  changes: number;
}

interface ActivityRow extends Omit<ActivityEvent, "at" | "operation"> {
  at: string;
  operationId: string | null;
  title: string | null;
  isTrashed: boolean | null;
  segment: string | null;
}

/** SQL: the campaign of an event `e`. */
const campaignOfEvent = sql.raw(EVENT_CAMPAIGN.replaceAll(/payload|subject_(?:type|id)/g, "e.$&"));

const isTold = ({ names, kept }: Told) => sql`
  (e.name = any (${[...names]}::text[]) or e.name = 'campaign.act_undone'
    and e.payload -> 'of' ?| ${[...names]}::text[] and not e.payload -> 'of' ?| ${[...kept]}::text[])`;

function conditions({ actorId, segmentId, channel, from, to, zone }: ActivityFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (actorId) all.push(sql`a.actor_id = ${actorId}::uuid`);
  if (channel) all.push(sql`a.channel = ${channel}`);
  if (segmentId === NONE) all.push(sql`o.id is not null and o.segment_id is null`);
  else if (segmentId) all.push(sql`o.segment_id = ${segmentId}::uuid`);
  if (from) all.push(sql`a.at >= ${from}::date::timestamp at time zone ${zone}`);
  if (to) all.push(sql`a.at < (${to}::date + 1)::timestamp at time zone ${zone}`);
  return sql.join(all, sql` and `);
}

export interface ActivityPage {
  events: ActivityEvent[];
  /** Id to come back to the page before, or to go on after this one; null at the ends. */
  newer: string | null;
  older: string | null;
}

/**
 * The last events one is told of in a campaign, newest first, one page by keyset. One line each whatever they changed: a
 * bulk act and an import are one event (ACT-3). All names are joined: the same few questions for five lines or fifty.
 */
export async function listActivity(
  em: EntityManager,
  campaignId: string,
  told: Told,
  filter: ActivityFilter,
  { before, after, size }: { before?: string | undefined; after?: string | undefined; size: number },
): Promise<ActivityPage> {
  const bound = after ? sql`e.id > ${after}::uuid` : before ? sql`e.id < ${before}::uuid` : sql`true`;
  const { rows } = await sql<ActivityRow>`
    with l as materialized (
      select e.id, e.name, e.subject_id, e.payload, a.at, a.id as act_id, a.channel, a.actor_id, a.on_behalf_of_id, a.label, a.reason,
        c.id as changeset_id, o.id as operation_id, o.title, o.trashed_at is not null as is_trashed, o.segment_id
      from event e join changeset c on c.tenant_id = e.tenant_id and c.id = e.changeset_id
      join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
      left join operation o on e.subject_type = 'operation' and o.tenant_id = e.tenant_id and o.id = e.subject_id
      where ${campaignOfEvent} = ${campaignId} and ${isTold(told)} and ${conditions(filter)} and ${bound}
      order by e.id ${after ? sql`asc` : sql`desc`} limit ${sql.lit(size + 1)})
    select l.id, l.name, l.subject_id as "subjectId", l.payload, l.at, l.act_id as "actId", l.channel, l.label, l.reason, l.operation_id as "operationId",
      l.title, l.is_trashed as "isTrashed", s.name as segment, u.given_name || ' ' || u.family_name as actor,
      b.given_name || ' ' || b.family_name as behalf, t.given_name || ' ' || t.family_name as technician, coalesce(i.changes, 0) as changes
    from l left join segment s on s.id = l.segment_id left join app_user u on u.id = l.actor_id
    left join app_user b on b.id = l.on_behalf_of_id left join app_user t on t.id::text = l.payload ->> 'technician'
    left join imprint i on i.id = l.changeset_id
    order by l.id desc`.execute(transaction(em));
  const more = rows.length > size;
  const shown = after ? rows.slice(-size) : rows.slice(0, size);
  const events = shown.map(({ at, operationId, title, isTrashed, segment, ...one }) => ({
    ...one,
    at: new Date(at),
    operation: operationId ? { id: operationId, title: title!, isTrashed: isTrashed!, segment } : null,
  }));
  const [newest, oldest] = [events.at(0)?.id ?? null, events.at(-1)?.id ?? null];
  return {
    events,
    newer: after ? (more ? newest : null) : before ? newest : null,
    older: after || more ? oldest : null,
  };
}

/** People are looked for among this many: those of long ago are found by the day. */
const LAST_EVENTS = 5_000;

/** Who did of late, by name, what one is told of in a campaign: the people its activity may be narrowed to (ACT-2, ACT-4). */
export async function listActors(
  em: EntityManager,
  campaignId: string,
  told: Told,
): Promise<{ value: string; label: string }[]> {
  const { rows } = await sql<{ value: string; label: string }>`
    select id as value, family_name || ' ' || given_name as label from app_user where id in (
      select a.actor_id from (
        select tenant_id, changeset_id from event e where ${campaignOfEvent} = ${campaignId} and ${isTold(told)}
        order by id desc limit ${sql.lit(LAST_EVENTS)}) e
      join changeset c on c.tenant_id = e.tenant_id and c.id = e.changeset_id
      join act a on a.tenant_id = c.tenant_id and a.id = c.act_id)
    order by folded(family_name), folded(given_name), id`.execute(transaction(em));
  return rows;
}

/** The names of what an act recorded; of an undo, also of what it had taken back. */
export async function namesOfAct(em: EntityManager, actId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct n.name from changeset c join event e on e.tenant_id = c.tenant_id and e.changeset_id = c.id
    cross join lateral (
      select e.name union all select jsonb_array_elements_text(e.payload -> 'of') where e.name = 'campaign.act_undone') n
    where c.act_id = ${actId}::uuid and n.name <> all ('{act.undone,campaign.act_undone}') order by 1`.execute(
    transaction(em),
  );
  return rows.map(({ name }) => name);
}
