import type { EntityManager } from "@mikro-orm/postgresql";
import { LINE_COLUMNS, type MessageLine, toMessageLine } from "../platform/mail/queries.ts";

export interface MessageFilter {
  kind?: string | undefined;
  state?: string | undefined;
  personId?: string | undefined;
  /** Local days of the organisation's zone, both included. */
  from?: string | undefined;
  to?: string | undefined;
  zone: string;
}

/** Who received a message of this act, each once, and the act's own label; null when this organisation has no such act. */
export async function recipientsOfAct(
  em: EntityManager,
  actId: string,
): Promise<{ label: string | null; recipients: Recipient[] } | null> {
  const [act] = await em.execute<{ label: string | null }[]>("select label from act where id = ?", [actId]);
  if (!act) return null;
  const rows = await em.execute<{ address: string; person_type: string | null; person_id: string | null }[]>(
    "select distinct on (address) address, person_type, person_id from outbox where act_id = ? and state = 'sent' order by address",
    [actId],
  );
  const recipients = rows.map(({ address, person_type: type, person_id: id }) => ({
    address,
    ...(type && id && { person: { type, id } }),
  }));
  return { label: act.label, recipients };
}

export interface Recipient {
  address: string;
  person?: { type: string; id: string };
}

export interface MessagePage {
  lines: MessageLine[];
  total: number;
  /** Ids at which the neighbouring pages begin. */
  newer: string | null;
  older: string | null;
}

function conditionsOf({ kind, state, personId, from, to, zone }: MessageFilter) {
  const conditions = ["true"];
  const values: unknown[] = [];
  const add = (condition: string, ...given: unknown[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (kind) add("o.kind = ?", kind);
  if (state) add("o.state = ?", state);
  if (personId) add("o.person_id = ?", personId);
  if (from) add("o.created_at >= (?::date)::timestamp at time zone ?", from, zone);
  if (to) add("o.created_at < (?::date + 1)::timestamp at time zone ?", to, zone);
  return { conditions, values, add };
}

/** Failed for good, or left here for want of a server. */
const STOPPED = "o.state in ('failed', 'unsent')";

/** How many messages of a filter stopped before leaving. */
export async function countStopped(em: EntityManager, filter: MessageFilter): Promise<number> {
  const { conditions, values } = conditionsOf(filter);
  const [row] = await em.execute<{ count: number }[]>(
    `select count(*)::int as count from outbox o where ${STOPPED} and ${conditions.join(" and ")}`,
    values,
  );
  return row!.count;
}

/** Puts them back in line, from their first attempt. Gives how many. */
export async function requeueStopped(em: EntityManager, filter: MessageFilter, now: Date): Promise<number> {
  const { conditions, values } = conditionsOf(filter);
  const rows = await em.execute<{ id: string }[]>(
    `update outbox o set state = 'pending', attempts = 0, first_attempt_at = null, next_attempt_at = ?, claimed_at = null, unreachable = false
     where ${STOPPED} and ${conditions.join(" and ")} returning o.id`,
    [now, ...values],
  );
  return rows.length;
}

/** One page of the outbox by keyset, newest first [MSG-5]; `before` and `after` are ids of the neighbours. */
export async function listMessages(
  em: EntityManager,
  filter: MessageFilter,
  { before, after, size }: { before?: string | undefined; after?: string | undefined; size: number },
): Promise<MessagePage> {
  const { conditions, values, add } = conditionsOf(filter);
  const [{ total }] = (await em.execute<{ total: number }[]>(
    `select count(*)::int as total from outbox o where ${conditions.join(" and ")}`,
    values,
  )) as [{ total: number }];
  const backwards = !before && after !== undefined;
  if (before) add("o.id < ?::uuid", before);
  else if (after) add("o.id > ?::uuid", after);
  const rows = await em.execute<Parameters<typeof toMessageLine>[0][]>(
    `select ${LINE_COLUMNS} from outbox o where ${conditions.join(" and ")} order by o.id ${backwards ? "asc" : "desc"} limit ?`,
    [...values, size + 1],
  );
  const overflow = rows.length > size;
  const kept = rows.slice(0, size);
  if (backwards) kept.reverse();
  return {
    lines: kept.map(toMessageLine),
    total,
    newer: (backwards ? overflow : before !== undefined) ? (kept[0]?.id ?? null) : null,
    older: backwards || overflow ? (kept.at(-1)?.id ?? null) : null,
  };
}

/** How many messages failed for good since midnight, where the organisation is. */
export async function failedToday(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ count: number }[]>(
    `select count(*)::int as count from outbox o join tenant t on t.id = o.tenant_id
     where o.state = 'failed' and (o.answers -> -1 ->> 'at')::timestamptz >= date_trunc('day', app_now(), t.zone)`,
  );
  return row!.count;
}
