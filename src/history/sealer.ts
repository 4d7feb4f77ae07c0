import type { EntityManager } from "@mikro-orm/postgresql";
import type { Transaction } from "kysely";
import { sql } from "kysely";
import type { Clock } from "../platform/db/clock.ts";
import type { Database } from "../platform/db/index.ts";
import { LIVE_CHANNEL } from "../platform/live/news.ts";
import { GENESIS, sealHash } from "./digest.ts";
import type { Heads } from "./heads.ts";

const BATCH = 1_000;

export interface Sealer {
  /** Seals what waits, all tenants; returns how many changesets were sealed. */
  sealAll(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Chains new changesets of each tenant every `everyMs` and signs their heads outside the database (rulings 10). Several
 * processes may run it: one at a time seals a tenant. An act altered within that interval, before its seal, goes unseen.
 */
export function startSealer(
  db: Database,
  {
    heads,
    clock,
    everyMs = 200,
    onError,
  }: { heads: Heads; clock: Clock; everyMs?: number; onError(error: unknown): void },
): Sealer {
  const signed = new Map<string, number>();
  let running: Promise<number> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function sealTenant(tenantId: string): Promise<number> {
    const sealed = await db.note(tenantId, (em) => sealBatch(em, tenantId, clock.now()));
    const from = signed.get(tenantId) ?? (await heads.last(tenantId));
    signed.set(tenantId, from);
    const unsigned = await db.read(tenantId, (em) => sealsAfter(em, from));
    if (unsigned.length > 0) {
      await heads.append(tenantId, from + 1, unsigned, clock.now());
      signed.set(tenantId, from + unsigned.length);
    }
    return sealed;
  }

  async function round(tenants: { tenant_id: string }[]): Promise<number> {
    let total = 0;
    for (const { tenant_id } of tenants) {
      for (let sealed = BATCH; sealed === BATCH; total += sealed) sealed = await sealTenant(tenant_id);
    }
    return total;
  }

  const sealWaiting = () => db.lookup<{ tenant_id: string }>("unsealed").then(round);
  // A crash between the seal and its signature is mended at the next start.
  const sealEverybody = async () =>
    round((await db.lookup<{ id: string }>("tenants")).map(({ id }) => ({ tenant_id: id })));

  const loop = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = (running ?? Promise.resolve(0))
        .then(sealWaiting)
        .catch((error) => {
          onError(error);
          return 0;
        })
        .finally(loop);
    }, everyMs);
    timer.unref();
  };
  running = sealEverybody().catch((error) => {
    onError(error);
    return 0;
  });
  if (Number.isFinite(everyMs)) running.finally(loop);

  return {
    async sealAll() {
      await running;
      return sealWaiting();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

async function sealBatch(em: EntityManager, tenantId: string, at: Date): Promise<number> {
  const run = em.getTransactionContext<Transaction<unknown>>()!;
  const lock = await sql<{ mine: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('seal:' || ${tenantId}, 0)) as mine`.execute(run);
  if (!lock.rows[0]!.mine) return 0;
  // By the key of each: the queue's size is never known to the planner, which would rather read every imprint.
  const waiting = await sql<{ id: string; digest: Buffer }>`
    select u.id, (select i.digest from imprint i where i.tenant_id = u.tenant_id and i.id = u.id) as digest
    from unsealed u order by u.position limit ${BATCH}`.execute(run);
  if (waiting.rows.length === 0) return 0;
  const last = await sql<{ sequence: string; hash: Buffer }>`
    select sequence, hash from seal order by sequence desc limit 1`.execute(run);

  let sequence = Number(last.rows[0]?.sequence ?? 0);
  let previousHash = last.rows[0]?.hash ?? GENESIS;
  const rows = waiting.rows.map(({ id, digest }) => {
    sequence += 1;
    const hash = sealHash(previousHash, { tenantId, sequence, changesetId: id, at, digest });
    const row = {
      sequence,
      id,
      digest: digest.toString("hex"),
      previous: previousHash.toString("hex"),
      hash: hash.toString("hex"),
    };
    previousHash = hash;
    return row;
  });
  await sql`
    with sealed as (
      insert into seal (tenant_id, sequence, changeset_id, digest, previous_hash, hash, created_at)
      select ${tenantId}::uuid, s.sequence, s.id, decode(s.digest, 'hex'), decode(s.previous, 'hex'), decode(s.hash, 'hex'), ${at}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as s (sequence bigint, id uuid, digest text, previous text, hash text)
      returning changeset_id
    ) delete from unsealed u using sealed where u.tenant_id = ${tenantId} and u.id = sealed.changeset_id`.execute(run);
  // Heard at commit by the hub of each process, which reads in the seals what there is to tell (rulings 14).
  await sql`select pg_notify(${LIVE_CHANNEL}, ${tenantId})`.execute(run);
  return rows.length;
}

async function sealsAfter(em: EntityManager, sequence: number): Promise<Buffer[]> {
  const run = em.getTransactionContext<Transaction<unknown>>()!;
  const { rows } = await sql<{ hash: Buffer }>`
    select hash from seal where sequence > ${sequence} order by sequence`.execute(run);
  return rows.map(({ hash }) => hash);
}
