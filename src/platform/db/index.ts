import { randomUUID, randomUUIDv7 } from "node:crypto";
import type { Readable } from "node:stream";
import { type EntityManager, type EntitySchema, type MikroORM, OptimisticLockError } from "@mikro-orm/postgresql";
import { CompiledQuery, type RawBuilder, sql, type Transaction } from "kysely";
import type { DomainEvent, EventCatalogue, Reaction, Subscription } from "../events/catalogue.ts";
import { openRecorder, react } from "../events/record.ts";
import type { Channel } from "./changeset.ts";
import { saltedDigest } from "./digest.ts";
import { createOrm, PATIENCE, POOLING, type Pooling, poolOf, STALE, writeWithNext } from "./orm.ts";
import { ANSWERED_WITH_NEXT, COPIED, isAnswered, PLAN_OUTDATED, WITH_COMMIT, WITH_NEXT } from "./wire.ts";

export type { Channel } from "./changeset.ts";

/** What history will say of an act (HIS-1). `label`, `subject` and `reason` may wait for the verb's result. */
export interface ActInput {
  /** Its own id, for a caller that will speak of it; else one is made. */
  id?: string;
  tenantId: string;
  actorId: string | null;
  onBehalfOfId?: string;
  channel: Channel;
  /** `noun.past_participle`, as the event. */
  code: string;
  label: string | (() => string);
  subject?: { type: string; id: string } | (() => { type: string; id: string } | undefined);
  reason?: string | undefined | (() => string | undefined);
  requestId?: string;
  clientAt?: Date;
  undoesId?: string;
  /** One transaction of several of this act, which the first of them that changes something writes (rulings 8). */
  isPart?: true;
  now: Date;
  idempotency?: IdempotentRequest;
}

/** A request that may be sent twice (GEN-6): claimed before the verb, answered again when it comes back. */
export interface IdempotentRequest {
  key: string;
  route: string;
  /** Of the content: the same key with another one is refused. */
  digest: Buffer;
  result: Outcome | (() => Outcome);
}

/** What was answered. Given as a value when it does not wait for the verb. */
export interface Outcome {
  status: number;
  location: string | null;
}

/** The same request was carried out before: answer what was answered then. */
export class AlreadyDone extends Error {
  override name = "AlreadyDone";
  readonly status: number;
  readonly location: string | null;
  constructor(status: number, location: string | null) {
    super("This request was carried out before.");
    this.status = status;
    this.location = location;
  }
}

/** The key of another request came with this content (422). */
export class KeyReused extends Error {
  override name = "KeyReused";
}

/** What a job is given: never a secret, since queues are shown (P13, P57). */
export type JobContent = { tenantId: string } & ({ event: DomainEvent } | { day: string; zone?: string });

/** Sends a job in the transaction it is given. */
export type Enqueue = (transaction: Transaction<unknown>, job: string, content: JobContent) => Promise<void>;

export interface DomainParts {
  entities: EntitySchema[];
  events: EventCatalogue;
  reactions: Reaction[];
  subscriptions: Subscription[];
}

export interface Database {
  readonly orm: MikroORM;
  /**
   * Reads of one tenant in its own read-only transaction, of which nothing may be kept open across a stream: each question
   * leaves with the settings, so that nothing a question sets lasts beyond it.
   */
  read<T>(tenantId: string, questions: (em: EntityManager) => Promise<T>): Promise<T>;
  /**
   * One act in one transaction, which is one changeset: verb, flush, reactions, act, events, jobs. All or nothing.
   * An act that changes nothing and records nothing leaves no trace. Throws AlreadyDone, KeyReused, and what the verb throws.
   */
  act<T>(act: ActInput, verb: (em: EntityManager) => Promise<T> | T): Promise<T>;
  /**
   * Acts in another organisation, in the transaction of the act of this `em`: both are written, or neither. The first has
   * written nothing of its own yet. A transaction beside it would wait for a second connection while holding the first,
   * and would outlive a refusal of the first, as that of a form sent twice (F15).
   */
  within(em: EntityManager): Pick<Database, "act">;
  /** Rows out of history (sessions, guards, logs): the triggers of tracked tables refuse it. */
  note<T>(tenantId: string, writes: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Calls a function of schema `lookup`, before the tenant is known (rulings 3). */
  lookup<T>(name: string, args?: unknown[]): Promise<T[]>;
  /** Where pg-boss is given to write in our transactions; without it events with subscriptions are refused. */
  sendJobsWith(enqueue: Enqueue): void;
  /** Sends a job in the transaction of this act or note. */
  enqueue(em: EntityManager, job: string, content: JobContent): Promise<void>;
  /** The same base, for work nobody waits for or that is known to be long: its transactions may last longer than a page's. */
  patiently(): Database;
  /** Tells the planner what these tables hold now: of rows written a moment ago it knows nothing, and guesses badly. */
  refreshStatistics(...tables: string[]): Promise<void>;
  /** Connections open, idle, and requests that wait for one, at this instant. */
  pool(): { open: number; idle: number; waiting: number };
  ping(): Promise<void>;
  /** The time of the database, as its functions and defaults know it. */
  now(): Promise<Date>;
  close(): Promise<void>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Opens the application's own connection. Refuses a role that could see other tenants or own tables (P01). */
export async function openDatabase(url: string, parts: DomainParts, pooling: Partial<Pooling> = {}): Promise<Database> {
  const orm = createOrm(url, parts.entities, { ...POOLING, ...pooling });
  await orm.connect();
  try {
    await refusePowerfulRole(orm);
  } catch (error) {
    await orm.close(true);
    throw error;
  }
  let enqueue: Enqueue | undefined;

  const carryOut = async <T>(
    act: ActInput,
    { act_id: actId, changeset_id: changesetId }: ActSettings,
    em: EntityManager,
    verb: (em: EntityManager) => Promise<T> | T,
  ): Promise<T> => {
    const run = runOf(em);
    const events = openRecorder(em, { tenantId: act.tenantId, actId, now: act.now, catalogue: parts.events });
    const result = await verb(em);
    await writeWithNext(run, () => em.flush());
    await react(em, events, parts.reactions);
    for (const event of events) {
      for (const { job } of parts.subscriptions.filter(({ on }) => on === event.name)) {
        if (!enqueue) throw new Error(`"${job}" waits for ${event.name}, and jobs were not started.`);
        await enqueue(run, job, { tenantId: act.tenantId, event });
      }
    }
    await writeAct(run, act, actId, changesetId, events);
    return result;
  };

  const opened = ({ isPatient }: { isPatient: boolean }): Database => ({
    orm,
    patiently: () => patient,
    read: (tenantId, questions) => transaction(orm, { tenant_id: tenantId }, questions, { readOnly: true, isPatient }),
    note: (tenantId, writes) =>
      transaction(
        orm,
        { tenant_id: tenantId },
        async (em) => {
          const result = await writes(em);
          await em.flush();
          return result;
        },
        { isPatient },
      ),
    async act(act, verb) {
      const work = async (em: EntityManager, run: Transaction<unknown>, settings: ActSettings) => {
        if (act.idempotency) await claim(run, act, act.idempotency);
        return carryOut(act, settings, em, verb);
      };
      return transaction(orm, settingsOf(act), work, { isPatient }).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === STALE) throw OptimisticLockError.lockFailed(act.code);
        if (!act.idempotency || !isClaimed(error)) throw error;
        const { idempotency } = act;
        return transaction(orm, { tenant_id: act.tenantId }, (_em, run) => answerAgain(run, act, idempotency));
      });
    },
    within: (outer) => ({
      async act(act, verb) {
        const run = runOf(outer);
        const settings = settingsOf(act);
        await outer.flush();
        await run.executeQuery(setting(settings));
        const result = await carryOut(act, settings, forkIn(orm, run), verb);
        // What waits for the commit, as the digest, is of this organisation: it is done while its rows are seen.
        await run.executeQuery(CompiledQuery.raw("set constraints all immediate"));
        await run.executeQuery(CompiledQuery.raw("set constraints all deferred"));
        await run.executeQuery(setting(SETTINGS.get(outer)!));
        return result;
      },
    }),
    async lookup<T>(name: string, args: unknown[] = []) {
      if (!/^[a-z_]+$/.test(name)) throw new Error(`Not a lookup function: ${name}`);
      const places = args.map((_, i) => `$${i + 1}`).join(", ");
      const question = CompiledQuery.raw(`select * from lookup.${name}(${places})`, args);
      const { rows } = await onPresentPlans(() => client(orm).executeQuery<T>(question));
      return rows;
    },
    sendJobsWith(given) {
      enqueue = given;
    },
    async enqueue(em, job, content) {
      if (!enqueue) throw new Error(`"${job}" cannot be sent: jobs were not started.`);
      await enqueue(runOf(em), job, content);
    },
    async refreshStatistics(...tables) {
      const question = CompiledQuery.raw("select refresh_statistics(variadic $1::text[]::regclass[])", [tables]);
      await client(orm).executeQuery(question);
    },
    pool: () => poolOf(orm),
    async ping() {
      await client(orm).executeQuery(CompiledQuery.raw("select 1"));
    },
    async now() {
      const { rows } = await client(orm).executeQuery<{ now: Date }>(CompiledQuery.raw("select app_now() as now"));
      return new Date(rows[0]!.now);
    },
    close: () => orm.close(true),
  });
  const patient = opened({ isPatient: true });
  return opened({ isPatient: false });
}

/**
 * One transaction, its settings (`app.…`, for policies and triggers) and an entity manager that writes and reads in it.
 * Kysely holds the connection: whatever happens it goes back to the pool, and nothing can use it afterwards.
 */
function transaction<T, S extends Settings>(
  orm: MikroORM,
  settings: S,
  work: (em: EntityManager, run: Transaction<unknown>, settings: S) => Promise<T>,
  { readOnly = false, isPatient = false } = {},
): Promise<T> {
  // Read-only is said with the settings: a transaction of reads may be made of several of PostgreSQL (wire.ts).
  const set = setting(settings, [readOnly ? READ_ONLY : "", isPatient ? PATIENCE : ""]);
  const begin = client(orm).transaction();
  return onPresentPlans(() =>
    (readOnly ? begin.setAccessMode("read only") : begin).execute(async (run) => {
      await run.executeQuery(set);
      const em = forkIn(orm, run);
      SETTINGS.set(em, settings);
      return work(em, run, settings);
    }),
  );
}

type Settings = { tenant_id: string };
type ActSettings = Settings & { act_id: string; changeset_id: string };

/** Of each transaction under way, to come back to them. */
const SETTINGS = new WeakMap<EntityManager, Settings>();

const settingsOf = (act: ActInput): ActSettings => ({
  tenant_id: act.tenantId,
  act_id: act.id ?? randomUUIDv7(),
  changeset_id: randomUUIDv7(),
});

const READ_ONLY = "set_config('transaction_read_only', 'on', true)";

function setting(settings: Settings, more: string[] = []): CompiledQuery {
  const values = Object.values(settings);
  const wrong = values.find((value) => !UUID.test(value));
  if (wrong !== undefined) throw new Error(`Not an identifier: ${wrong}`);
  const set = Object.keys(settings).map((name, i) => `set_config('app.${name}', $${i + 1}, true)`);
  return CompiledQuery.raw(`select ${[...set, ...more.filter(Boolean)].join(", ")}`, values);
}

function forkIn(orm: MikroORM, run: Transaction<unknown>): EntityManager {
  const em = orm.em.fork();
  em.setTransactionContext(run);
  return em;
}

const runOf = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** The rows of a question asked along with the next one. */
export interface Answer<T> {
  /** Throws as long as that next one is not answered. */
  (): T[];
  isThere(): boolean;
}

/**
 * Asks along with the next question of the transaction: one trip for both. What it gives has the rows once that next one
 * is answered; of a transaction of reads that asks nothing more, once it is over.
 */
export async function askWithNext<T>(em: EntityManager, question: RawBuilder<T>): Promise<Answer<T>> {
  const { rows } = await sql<T>`${sql.raw(ANSWERED_WITH_NEXT)}${question}`.execute(runOf(em));
  const isThere = () => isAnswered(rows);
  const answer = () => {
    if (!isThere()) throw new Error("The next question of this transaction was not answered.");
    return rows;
  };
  return Object.assign(answer, { isThere });
}

/** Copies these lines, as COPY reads them, into a table without isolation by row: one of this transaction's own. */
export async function copyInto(em: EntityManager, into: string, lines: Readable): Promise<void> {
  await runOf(em).executeQuery(CompiledQuery.raw(`${COPIED}copy ${into} from stdin`, [lines]));
}

const MOST_TRIES = 3;

/** Again, whole, when a next version changed a table under a statement planned before: nothing of it was written (F22). */
async function onPresentPlans<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries >= MOST_TRIES || (error as { code?: unknown }).code !== PLAN_OUTDATED) throw error;
    }
  }
}

const client = (orm: MikroORM) => orm.em.getConnection().getClient();

async function refusePowerfulRole(orm: MikroORM): Promise<void> {
  const { rows } = await client(orm).executeQuery<{ name: string; power: string | null }>(
    CompiledQuery.raw(`
      select r.rolname as name, case
        when r.rolsuper then 'superutilisateur'
        when r.rolbypassrls then 'BYPASSRLS'
        when exists (select from pg_database d where d.datname = current_database() and d.datdba = r.oid) then 'propriétaire de la base'
        when exists (select from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p', 'v', 'm')) then 'propriétaire de tables'
      end as power from pg_roles r where r.rolname = current_user`),
  );
  const { name, power } = rows[0]!;
  if (power) {
    throw new Error(
      `DATABASE_URL se connecte sous « ${name} », qui est ${power} : l’isolation des organisations ne s’appliquerait pas. ` +
        "Donnez-lui le rôle applicatif opstracker_app (voir « Serveur PostgreSQL externe » dans README.md).",
    );
  }
}

/** Leaves with the verb's first query. A twin request waits there for the first to commit, then fails on its key (F15). */
async function claim(run: Transaction<unknown>, act: ActInput, { key, route, digest, result }: IdempotentRequest) {
  if (!UUID.test(key)) throw new KeyReused("The idempotency key is not a UUID.");
  const known = typeof result === "function" ? null : result;
  await sql`${sql.raw(WITH_NEXT)}insert into idempotency_key (tenant_id, id, user_id, route, digest, status, location)
    values (${act.tenantId}, ${key}, ${act.actorId}, ${route}, ${digest}, ${known?.status ?? null}, ${known?.location ?? null})`.execute(
    run,
  );
}

/** True of the error a request meets whose key was claimed before. */
const isClaimed = (error: unknown) =>
  error instanceof Error && "constraint" in error && error.constraint === "idempotency_key_pkey";

/** What was answered to the request that holds this key: thrown as AlreadyDone, or KeyReused when it was another one. */
async function answerAgain(
  run: Transaction<unknown>,
  act: ActInput,
  { key, route, digest }: IdempotentRequest,
): Promise<never> {
  const { rows } = await sql<{
    user_id: string | null;
    route: string;
    digest: Buffer;
    status: number;
    location: string | null;
  }>`
    select user_id, route, digest, status, location from idempotency_key
    where tenant_id = ${act.tenantId} and id = ${key}`.execute(run);
  const first = rows[0];
  if (!first || first.route !== route || first.user_id !== act.actorId || !first.digest.equals(digest)) {
    throw new KeyReused("This idempotency key belongs to another request.");
  }
  throw new AlreadyDone(first.status, first.location);
}

const given = <T>(value: T | (() => T)): T => (typeof value === "function" ? (value as () => T)() : value);

async function writeAct(
  run: Transaction<unknown>,
  act: ActInput,
  actId: string,
  changesetId: string,
  events: DomainEvent[],
): Promise<void> {
  const { tenantId, idempotency } = act;
  const label = given(act.label);
  const reason = given(act.reason) ?? null;
  const subject = given(act.subject);
  const salt = randomUUID();
  const insertAct = sql`
    insert into act (tenant_id, id, at, actor_id, on_behalf_of_id, channel, code, subject_type, subject_id, label, reason, salt, digest, request_id, client_at, undoes_id)
    select ${tenantId}::uuid, ${actId}::uuid, ${act.now}::timestamptz, ${act.actorId}::uuid, ${act.onBehalfOfId ?? null}::uuid, ${act.channel}, ${act.code},
      ${subject?.type ?? null}, ${subject?.id ?? null}::uuid, ${label}, ${reason}, ${salt}::uuid, ${saltedDigest(salt, [label, reason])}::bytea,
      ${act.requestId ?? null}, ${act.clientAt ?? null}::timestamptz, ${act.undoesId ?? null}::uuid`;
  const once = act.isPart ? sql` on conflict (tenant_id, id) do nothing` : sql``;
  const beside: RawBuilder<unknown>[] = [];
  if (typeof idempotency?.result === "function") {
    const { status, location } = idempotency.result();
    beside.push(sql`answered as (
      update idempotency_key set status = ${status}, location = ${location} where tenant_id = ${tenantId} and id = ${idempotency.key})`);
  }
  let last: RawBuilder<unknown>;
  if (events.length === 0) {
    // The first traced write made the changeset row: without one and without events, nothing happened.
    last = sql`${insertAct} where exists (select from changeset where tenant_id = ${tenantId} and id = ${changesetId})${once}`;
  } else {
    const rows = events.map(({ id, name, subject: { type, id: subjectId }, payload }) => {
      return { id, name, type, subjectId, payload };
    });
    beside.push(
      sql`acted as (${insertAct}${once})`,
      sql`held as (
        insert into changeset (tenant_id, id, act_id) values (${tenantId}, ${changesetId}, ${actId}) on conflict do nothing)`,
    );
    last = sql`
      insert into event (tenant_id, id, changeset_id, name, subject_type, subject_id, payload)
      select ${tenantId}::uuid, e.id, ${changesetId}::uuid, e.name, e.type, e."subjectId", e.payload
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as e (id uuid, name text, type text, "subjectId" uuid, payload jsonb)`;
  }
  const first = beside.length > 0 ? sql`with ${sql.join(beside)} ` : sql``;
  await sql`${sql.raw(WITH_COMMIT)}${first}${last}`.execute(run);
}
