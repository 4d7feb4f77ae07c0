import { defineConfig, type EntitySchema, isRaw, MikroORM, NullCacheAdapter } from "@mikro-orm/postgresql";
import { CompiledQuery, type Transaction } from "kysely";
import { JobRunRow } from "../jobs/run.ts";
import { MailHoldSchema } from "../mail/hold.ts";
import { OutboxSchema } from "../mail/outbox.ts";
import { FileSchema } from "../storage/file.ts";
import { UploadSchema } from "../storage/upload.ts";
import { changesetEntities } from "./changeset.ts";
import { saveTrips, WITH_NEXT } from "./wire.ts";

/** Entity schemas of the platform itself; modules bring theirs in their manifests. */
export const platformEntities: EntitySchema[] = [
  ...changesetEntities,
  JobRunRow,
  OutboxSchema,
  MailHoldSchema,
  FileSchema,
  UploadSchema,
] as unknown as EntitySchema[];

/** A statement that lasts longer is a mistake of ours: twice what the longest takes, a hundred thousand values taken back. */
const WORK_MS = 60_000;
/** The same on a page: its person waits, and has gone if PostgreSQL has not answered by then (F07). */
export const PAGE_MS = 8_000;
/** How much longer than a statement PostgreSQL may leave a question without a word. */
const MORE_MS = 1_500;

/** Settings of a transaction that is given the time of work, whatever its connection gives to others. */
export const PATIENCE = `set_config('statement_timeout', '${WORK_MS}', true), set_config('idle_in_transaction_session_timeout', '${WORK_MS}', true)`;

export interface Pooling {
  /** Connections it may hold. */
  pool: number;
  /** How long a statement may last, and a transaction stay idle, unless it asks for patience. */
  statementMs: number;
  /** After this long without a word of an answer, PostgreSQL is taken for lost. */
  silentMs?: number;
}
export const POOLING: Pooling = { pool: 10, statementMs: WORK_MS };

/** The ORM over one connection string. */
export function createOrm(
  url: string,
  entities: EntitySchema[],
  { pool, statementMs, silentMs = statementMs + MORE_MS }: Pooling,
): MikroORM {
  let opened: Parameters<typeof saveTrips>[0] | undefined;
  const orm = new MikroORM(
    defineConfig({
      clientUrl: url,
      entities: [...platformEntities, ...entities],
      preferTs: true,
      pool: { min: 0, max: pool },
      forceUtcTimezone: true,
      metadataCache: { adapter: NullCacheAdapter },
      schemaGenerator: { ignoreSchema: ["pgboss", "lookup", "test"], skipTables: ["rate_hit"] },
      driverOptions: {
        application_name: "opstracker",
        // F07: a black-holed server must not hold a request: give up, answer 503, try another connection.
        connectionTimeoutMillis: 5_000,
        statement_timeout: statementMs,
        idle_in_transaction_session_timeout: statementMs,
        keepAlive: true,
        onPoolCreated(made: Parameters<typeof saveTrips>[0]) {
          opened = made;
          saveTrips(made, { silentMs, patientMs: Math.max(silentMs, WORK_MS + MORE_MS) });
        },
      },
    }),
  );
  bindValues(orm.em.getConnection());
  POOLS.set(orm, () => opened);
  return orm;
}

const POOLS = new WeakMap<MikroORM, () => Parameters<typeof saveTrips>[0] | undefined>();

/** How its connections are used at this instant. */
export function poolOf(orm: MikroORM): { open: number; idle: number; waiting: number } {
  const pool = POOLS.get(orm)?.();
  return { open: pool?.totalCount ?? 0, idle: pool?.idleCount ?? 0, waiting: pool?.waitingCount ?? 0 };
}

type Execute = ReturnType<MikroORM["em"]["getConnection"]>["execute"];

/** What the ORM writes by itself, as opposed to SQL written by hand. */
const WRITTEN_BY_ORM = /^(?:select|update|insert into|delete from) "/;
const isPlain = (value: unknown) =>
  value === null ||
  ["string", "number", "boolean"].includes(typeof value) ||
  value instanceof Date ||
  Buffer.isBuffer(value);

/**
 * The ORM writes values into its SQL, so that PostgreSQL reads and plans each query anew; sent beside it, they leave one
 * text for all, planned once (wire.ts). A query with a value only the ORM knows how to write (a list) stays with it.
 */
function bindValues(connection: ReturnType<MikroORM["em"]["getConnection"]>): void {
  const execute = connection.execute.bind(connection) as (...args: unknown[]) => Promise<unknown>;
  const transform = connection as unknown as { transformRawResult(result: unknown, method: string): unknown };
  connection.execute = (async (
    query: unknown,
    values: unknown,
    method = "all",
    run?: Transaction<unknown>,
    ...rest: unknown[]
  ) => {
    const bound = run && typeof query === "string" && Array.isArray(values) && withPlaces(query, values);
    if (!bound) return execute(query, values, method, run, ...rest);
    const late = LAST_WRITES.has(run) && atVersion(bound);
    if (late) {
      await run.executeQuery(late.update);
      return transform.transformRawResult({ rows: [{ version: late.version + 1 }] }, method);
    }
    return transform.transformRawResult(await run.executeQuery(bound), method);
  }) as Execute;
}

const LAST_WRITES = new WeakSet<Transaction<unknown>>();

/**
 * Writes what the ORM has to write in this transaction without waiting for what PostgreSQL says of rows at a known version:
 * they leave with what follows, the commit at the latest, which fails as STALE if one was changed meanwhile (GEN-8).
 */
export async function writeWithNext(run: Transaction<unknown>, write: () => Promise<void>): Promise<void> {
  LAST_WRITES.add(run);
  try {
    await write();
  } finally {
    LAST_WRITES.delete(run);
  }
}

/** What PostgreSQL says of a row that is not at the version it was read at any more (`only_row`). */
export const STALE = "OP409";

const UPDATE_AT_VERSION = /^update "[^"]+" set .* and "version" = \$(\d+) returning "version"$/;

/** The update of one row at a known version, which fails rather than tell how many rows it found; null: it is not one. */
function atVersion({ sql, parameters }: CompiledQuery): { update: CompiledQuery; version: number } | null {
  const [, place] = UPDATE_AT_VERSION.exec(sql) ?? [];
  const version = place && parameters[Number(place) - 1];
  if (typeof version !== "number") return null;
  const update = `${WITH_NEXT}with written as (${sql}) select only_row(count(*)) from written`;
  return { update: CompiledQuery.raw(update, [...parameters]), version };
}

/** The same query with `$1`, `$2`… for its `?`, or null when one of them could be something else than a plain value. */
function withPlaces(query: string, values: unknown[]): CompiledQuery | null {
  if (!WRITTEN_BY_ORM.test(query) || /['\\]|\?\?/.test(query)) return null;
  const parts = query.split("?");
  if (parts.length !== values.length + 1) return null;
  const beside: unknown[] = [];
  let text = parts[0]!;
  for (const [i, value] of values.entries()) {
    if (isRaw(value) && value.params.length === 0) text += value.sql;
    else if (isPlain(value)) text += `$${beside.push(value)}`;
    else return null;
    text += parts[i + 1];
  }
  return CompiledQuery.raw(text, beside);
}
