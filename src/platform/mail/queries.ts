import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Message } from "./kinds.ts";
import type { MailAnswer, MailState } from "./outbox.ts";

/** Minutes before the next attempt, by number of attempts made; then every four hours, during 24 hours [MSG-6]. */
const WAITS = [1, 5, 15, 60];
const LATER_MINUTES = 240;
const LONGEST_HOURS = 24;

/** A message taken by a sender that has said nothing since is anybody's again; lookup.due_mail says so too. */
export const LEASE_SECONDS = 60;

/** A row taken for one attempt. */
export interface Claimed extends Message {
  subject: string;
  messageId: string;
  /** Which attempt this is: what an earlier one has to say is late. */
  attempt: number;
  /** The act that caused it is undone: it must not leave [MSG-8]. */
  isUndone: boolean;
}

/** How one attempt ended. */
export interface Outcome {
  tenantId: string;
  id: string;
  attempt: number;
  result: MailAnswer["result"];
  answer: string;
}

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/**
 * Takes at most `room` messages that are due, and those a dead process left half-way, oldest first; a message waits for
 * the earlier ones of its recipient, so that their order is kept (F09). Two processes never take the same. Those of a
 * suspended organisation wait until it is open again, but for the kinds `despiteHold` [ROL-2].
 */
export async function claimDue(
  em: EntityManager,
  { tenantId, room, domain, despiteHold }: { tenantId: string; room: number; domain: string; despiteHold: string[] },
): Promise<Claimed[]> {
  const leaves = (alias: string) =>
    sql`((select suspended_at is null from tenant where id = ${tenantId}) or ${sql.ref(`${alias}.kind`)} = any(${despiteHold}::text[]))`;
  const { rows } = await sql<Row>`
    update outbox o set state = 'sending', claimed_at = app_now(), attempts = attempts + 1,
      first_attempt_at = coalesce(first_attempt_at, app_now()), message_id = coalesce(message_id, '<' || o.id || '@' || ${domain}::text || '>')
    where o.tenant_id = ${tenantId} and o.id in (
      select d.id from outbox d
      where d.tenant_id = ${tenantId} and d.state in ('pending', 'sending') and ${leaves("d")}
        and (d.state = 'pending' and d.next_attempt_at <= app_now()
          or d.state = 'sending' and d.claimed_at < app_now() - make_interval(secs => ${sql.lit(LEASE_SECONDS)}))
        and not exists (
          select from outbox e where e.tenant_id = d.tenant_id and e.address = d.address and e.id < d.id and e.state in ('pending', 'sending') and ${leaves("e")})
      order by d.id limit ${room} for update skip locked)
    returning o.id, o.kind, o.address, o.person_type, o.person_id, o.subject, o.payload, o.message_id, o.attempts, o.created_at,
      case when o.act_id is null then false else act_is_undone(o.tenant_id, o.act_id) end as is_undone`.execute(
    run(em),
  );
  return rows.map((row) => ({
    tenantId,
    id: row.id,
    kind: row.kind,
    address: row.address,
    person: row.person_type && row.person_id ? { type: row.person_type, id: row.person_id } : null,
    subject: row.subject,
    payload: row.payload,
    messageId: row.message_id,
    attempt: row.attempts,
    isUndone: row.is_undone,
    createdAt: new Date(row.created_at),
  }));
}

interface Row {
  id: string;
  kind: string;
  address: string;
  person_type: string | null;
  person_id: string | null;
  subject: string;
  payload: unknown;
  message_id: string;
  attempts: number;
  is_undone: boolean;
  created_at: string;
}

/** Says that these are still being sent by a living process: nobody else takes them for another minute. */
export async function keepClaims(em: EntityManager, ids: string[]): Promise<void> {
  await sql`update outbox set claimed_at = app_now() where id = any(${ids}::uuid[]) and state = 'sending'`.execute(
    run(em),
  );
}

/**
 * Writes how attempts ended, all those of one organisation at once; only of messages still being sent. Taken over since
 * by another process, a message listens to the first only if it says the message left. Gives how many failed for good.
 */
export async function settle(em: EntityManager, outcomes: Outcome[]): Promise<number> {
  const wait = sql.join(
    WAITS.map((minutes, i) => sql`when o.attempts = ${sql.lit(i + 1)} then ${sql.lit(minutes)}`),
    sql` `,
  );
  const { rows } = await sql<{ state: MailState }>`
    update outbox o set
      state = case
        when r.result = 'sent' then 'sent'
        when r.result = 'dropped' then 'dropped'
        when r.result = 'permanent' or o.first_attempt_at <= app_now() - make_interval(hours => ${sql.lit(LONGEST_HOURS)}) then 'failed'
        else 'pending' end,
      sent_at = case when r.result = 'sent' then app_now() end,
      unreachable = r.result = 'unreachable',
      next_attempt_at = app_now() + make_interval(mins => case ${wait} else ${sql.lit(LATER_MINUTES)} end),
      last_answer = left(r.answer, 1000), claimed_at = null,
      answers = o.answers || jsonb_build_array(jsonb_build_object('at', app_now(), 'result', r.result, 'answer', left(r.answer, 1000)))
    from jsonb_to_recordset(${JSON.stringify(outcomes)}::jsonb) as r (id uuid, attempt int, result text, answer text)
    where o.tenant_id = ${outcomes[0]!.tenantId} and o.id = r.id and o.state = 'sending' and (o.attempts = r.attempt or r.result = 'sent')
    returning o.state`.execute(run(em));
  return rows.filter(({ state }) => state === "failed").length;
}

/** The server is back: what met none leaves now, without waiting for its turn. */
export async function releaseUnreachable(em: EntityManager): Promise<void> {
  await sql`update outbox set next_attempt_at = app_now() where state = 'pending' and unreachable and next_attempt_at > app_now()`.execute(
    run(em),
  );
}

/** Without a server nothing waits: messages say so, and leave only if somebody sends them again [MSG-14]. */
export async function markUnsent(em: EntityManager): Promise<void> {
  await sql`update outbox set state = 'unsent', last_answer = 'Non envoyé\u00a0: aucun serveur de messagerie n’est réglé.' where state in ('pending', 'sending')`.execute(
    run(em),
  );
}

/** Forgets what is older than 90 days [MSG-13], save what is still to leave. Gives how many. */
export async function purgeMessages(em: EntityManager): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from outbox where created_at < app_now() - make_interval(days => 90) and state not in ('pending', 'sending')`.execute(
    run(em),
  );
  return Number(numAffectedRows ?? 0);
}

export interface MessageLine {
  id: string;
  kind: string;
  subject: string;
  address: string;
  personId: string | null;
  state: MailState;
  lastAnswer: string | null;
  createdAt: Date;
  sentAt: Date | null;
}

interface LineRow {
  id: string;
  kind: string;
  subject: string;
  address: string;
  person_id: string | null;
  state: MailState;
  last_answer: string | null;
  created_at: string;
  sent_at: string | null;
}

/** Columns of a line, for whoever selects from `outbox o`; `toMessageLine` reads them. */
export const LINE_COLUMNS =
  "o.id, o.kind, o.subject, o.address, o.person_id, o.state, o.last_answer, o.created_at, o.sent_at";

export const toMessageLine = (row: LineRow): MessageLine => ({
  id: row.id,
  kind: row.kind,
  subject: row.subject,
  address: row.address,
  personId: row.person_id,
  state: row.state,
  lastAnswer: row.last_answer,
  createdAt: new Date(row.created_at),
  sentAt: row.sent_at === null ? null : new Date(row.sent_at),
});

/** The last messages written to one person, newest first [MSG-5]. */
export async function messagesTo(
  em: EntityManager,
  person: { type: string; id: string },
  { size }: { size: number },
): Promise<MessageLine[]> {
  const { rows } = await sql<LineRow>`
    select ${sql.raw(LINE_COLUMNS)} from outbox o where o.person_id = ${person.id} and o.person_type = ${person.type}
    order by o.id desc limit ${size}`.execute(run(em));
  return rows.map(toMessageLine);
}

/** The messages an act caused, those that left first, and how many of each there are [HIS-13]. */
export async function messagesOfAct(
  em: EntityManager,
  actId: string,
  { size }: { size: number },
): Promise<{ lines: MessageLine[]; sent: number; waiting: number }> {
  const { rows } = await sql<LineRow>`
    select ${sql.raw(LINE_COLUMNS)} from outbox o where o.act_id = ${actId}
    order by (o.state = 'sent') desc, o.id limit ${size}`.execute(run(em));
  const counted = await sql<{ sent: number; waiting: number }>`
    select (count(*) filter (where state = 'sent'))::int as sent, (count(*) filter (where state in ('pending', 'sending')))::int as waiting
    from outbox where act_id = ${actId}`.execute(run(em));
  return { lines: rows.map(toMessageLine), ...counted.rows[0]! };
}

/** Gives up what waited at that instant, in one organisation; gives how many. */
export async function dropWaiting(em: EntityManager, { until, why }: { until: Date; why: string }): Promise<number> {
  const { numAffectedRows } = await sql`
    update outbox set state = 'dropped', last_answer = ${why} where state in ('pending', 'sending') and created_at <= ${until}`.execute(
    run(em),
  );
  return Number(numAffectedRows ?? 0);
}
