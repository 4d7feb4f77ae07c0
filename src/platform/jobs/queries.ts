import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database, JobContent } from "../db/index.ts";
import type { DomainEvent } from "../events/catalogue.ts";

export interface QueueState {
  queue: string;
  waiting: number;
  running: number;
  /** Failed once at least, and tried again at `retryAt`. */
  retrying: number;
  dead: number;
  oldest: Date | null;
  retryAt: Date | null;
  retryReason: string | null;
  lastAt: Date | null;
  lastMs: number | null;
}

const DEAD = ".dead";

/** What a job threw, or what the queue says of one whose process gave no sign of life. */
const reasonIn = (column: string) => `coalesce(${column} ->> 'message', ${column} -> 'value' ->> 'message')`;

/** Each queue with what waits, runs, failed and was done last; one row a queue, its dead letters counted with it. */
export async function queueStates(em: EntityManager): Promise<QueueState[]> {
  const rows = await em.execute<
    (Omit<QueueState, "oldest" | "retryAt" | "lastAt"> & Record<"oldest" | "retryAt" | "lastAt", string | null>)[]
  >(
    `select q.name as queue,
       count(j.id) filter (where j.name = q.name and j.state = 'created')::int as waiting,
       count(j.id) filter (where j.name = q.name and j.state = 'active')::int as running,
       count(j.id) filter (where j.name = q.name and j.state = 'retry')::int as retrying,
       count(j.id) filter (where j.name = q.dead_letter)::int as dead,
       min(j.created_on) filter (where j.name = q.name and j.state = 'created') as oldest,
       min(j.start_after) filter (where j.name = q.name and j.state = 'retry') as "retryAt",
       (array_agg(${reasonIn("j.output")}) filter (where j.name = q.name and j.state = 'retry'))[1] as "retryReason",
       max(j.completed_on) filter (where j.name = q.name and j.state = 'completed') as "lastAt",
       ((array_agg(extract(epoch from j.completed_on - j.started_on) * 1000 order by j.completed_on desc)
         filter (where j.name = q.name and j.state = 'completed'))[1])::float8 as "lastMs"
     from pgboss.queue q left join pgboss.job j on j.name in (q.name, q.dead_letter)
     where q.dead_letter is not null group by q.name order by q.name`,
  );
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return rows.map((row) => ({
    ...row,
    oldest: date(row.oldest),
    retryAt: date(row.retryAt),
    lastAt: date(row.lastAt),
  }));
}

/** Which of these subjects have a job of this queue still to come, or under way. */
export async function subjectsInHand(em: EntityManager, queue: string, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await em.execute<{ id: string }[]>(
    `select data #>> '{event,subject,id}' as id from pgboss.job
     where name = ? and state < 'completed' and data #>> '{event,subject,id}' in (${ids.map(() => "?").join(", ")})`,
    [queue, ...ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Another one as soon as a job waits, begins, ends or is put aside. */
export async function queuesMark(em: EntityManager): Promise<string> {
  const [row] = await em.execute<{ mark: string | null }[]>(
    `select md5(string_agg(concat_ws(' ', name, state, n, last), ',' order by name, state)) as mark from (
       select name, state, count(*) as n, max(greatest(created_on, started_on, completed_on)) as last
       from pgboss.job group by name, state) as by_state`,
  );
  return row?.mark ?? "";
}

export interface DeadLetter {
  id: string;
  queue: string;
  tenantId: string | null;
  at: Date;
  reason: string | null;
}

/** The jobs whose every try failed, newest first; what they carried is left out. */
export async function deadLetters(
  em: EntityManager,
  { shown, id = null }: { shown: number; id?: string | null },
): Promise<DeadLetter[]> {
  const rows = await em.execute<(Omit<DeadLetter, "at"> & { at: string })[]>(
    `select id, left(name, -${DEAD.length}) as queue, data ->> 'tenantId' as "tenantId", created_on as at,
       ${reasonIn("source_output")} as reason
     from pgboss.job where name like '%${DEAD}' and (?::uuid is null or id = ?::uuid) order by created_on desc, id limit ?`,
    [id, id, shown],
  );
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

/** One of them, or null when it is gone: tried again or dropped by somebody else. */
export async function findDeadLetter(em: EntityManager, id: string): Promise<DeadLetter | null> {
  return (await deadLetters(em, { shown: 1, id }))[0] ?? null;
}

const MOST_HEARD = 100;

/** The events whose job in this queue failed at every try, newest first. */
export async function deadEvents(em: EntityManager, queue: string): Promise<DomainEvent[]> {
  const rows = await em.execute<{ event: Omit<DomainEvent, "at"> & { at: string } }[]>(
    `select data -> 'event' as event from pgboss.job
     where name = ? and data ->> 'tenantId' is not null and data -> 'event' is not null order by created_on desc limit ${MOST_HEARD}`,
    [`${queue}${DEAD}`],
  );
  return rows.map(({ event }) => ({ ...event, at: new Date(event.at) }));
}

/** More at once would hold the page, and the queue, for too long: the button takes the oldest, then the next. */
const MOST_AT_ONCE = 1_000;

interface Taken {
  queue: string;
  data: (Partial<JobContent> & object) | null;
}

async function take(em: EntityManager, id: string | null, { withTenant }: { withTenant: boolean }): Promise<Taken[]> {
  return em.execute<Taken[]>(
    `delete from pgboss.job where (name, id) in (
       select name, id from pgboss.job where name like '%${DEAD}' and (?::uuid is null or id = ?::uuid)
         and (not ? or data ->> 'tenantId' is not null)
       order by created_on limit ${MOST_AT_ONCE} for update skip locked)
     returning left(name, -${DEAD.length}) as queue, data`,
    [id, id, withTenant],
  );
}

/**
 * Sends dead letters again, one or all, in the transaction given, with all their tries before them. Those without
 * tenant stay: they would die again. Gives the queues, one for each job; none when somebody else was first.
 */
export async function retryDeadLetters(em: EntityManager, db: Database, id: string | null): Promise<string[]> {
  const taken = await take(em, id, { withTenant: true });
  for (const { queue, data } of taken) await db.enqueue(em, queue, data as JobContent);
  return taken.map(({ queue }) => queue);
}

/** Gives them up for good, one or all. */
export async function dropDeadLetters(em: EntityManager, id: string | null): Promise<string[]> {
  return (await take(em, id, { withTenant: false })).map(({ queue }) => queue);
}

/** Runs of scheduled jobs of this tenant older than 90 days leave the ledger; gives how many. */
export async function purgeRuns(em: EntityManager): Promise<number> {
  const gone = await em.execute<{ id: string }[]>(
    "delete from job_run where on_day < (app_now() - interval '90 days')::date returning id",
  );
  return gone.length;
}

/** Whether this organisation is on hold: what it has in the queue waits. */
export async function isSuspended(db: Database, tenantId: string): Promise<boolean> {
  const [row] = await db.read(tenantId, (em) =>
    em.execute<{ suspended: boolean }[]>("select suspended_at is not null as suspended from tenant where id = ?", [
      tenantId,
    ]),
  );
  return row?.suspended ?? false;
}
