import type { Transaction } from "kysely";
import { sql } from "kysely";
import { saltedDigest } from "../platform/db/digest.ts";
import type { Database } from "../platform/db/index.ts";
import {
  type ActContent,
  addChange,
  addEvent,
  type ChangeContent,
  type EventContent,
  GENESIS,
  openContent,
  sealHash,
} from "./digest.ts";
import type { Heads } from "./heads.ts";

/** The first thing wrong: `number` is the seal's, null when the row bears none. */
export interface Break {
  number: number | null;
  reason: string;
}

export interface Verdict {
  tenantId: string;
  /** Seals read and found right before the first break. */
  verified: number;
  /** The last number under a signature outside the database. */
  signedUpTo: number;
  /** The last number retention erased, under a signed checkpoint; 0 when none (HIS-17). */
  erasedUpTo: number;
  firstBreak: Break | null;
}

const PAGE = 500;

interface SealRow {
  sequence: string;
  changeset_id: string;
  digest: Buffer;
  previous_hash: Buffer;
  hash: Buffer;
  // The driver leaves dates of raw queries as PostgreSQL writes them.
  created_at: string;
}

/**
 * Recomputes a tenant's chain by pages and names the first break (HIS-7): numbers, links, contents, erasable texts,
 * signed heads, rows that no seal covers. It begins where a signed checkpoint says the rest was erased. `progress` is told the number of seals read.
 */
export async function verifyHistory(
  db: Database,
  heads: Heads,
  tenantId: string,
  progress?: (verified: number) => void | Promise<void>,
): Promise<Verdict> {
  const hashes = new Map<number, string>();
  const { upTo: erasedUpTo, hash } = await beginning(db, heads, tenantId);
  let verified = 0;
  let previous = hash;
  let firstBreak: Break | null = null;
  while (!firstBreak) {
    const after = erasedUpTo + verified;
    const page = await db.read(tenantId, async (em) => {
      const run = em.getTransactionContext<Transaction<unknown>>()!;
      const { rows } = await sql<SealRow>`
        select sequence, changeset_id, digest, previous_hash, hash, created_at from seal
        where sequence > ${after} order by sequence limit ${PAGE}`.execute(run);
      return checkPage(run, tenantId, rows, after, previous, hashes);
    });
    firstBreak = page.firstBreak;
    verified += page.verified;
    previous = page.previous;
    await progress?.(verified);
    if (page.read < PAGE) break;
  }

  const read = { from: erasedUpTo, to: erasedUpTo + verified };
  const signatures = await checkHeads(heads, tenantId, hashes, read, firstBreak);
  if (signatures.firstBreak && (!firstBreak?.number || signatures.firstBreak.number! < firstBreak.number)) {
    firstBreak = signatures.firstBreak;
  }
  firstBreak ??= await findUncovered(db, tenantId);
  return { tenantId, verified, signedUpTo: signatures.signedUpTo, erasedUpTo, firstBreak };
}

/** Where the chain begins: at its first seal, or after the last checkpoint that comes before the first seal there is. */
async function beginning(db: Database, heads: Heads, tenantId: string): Promise<{ upTo: number; hash: Buffer }> {
  const first = await db.read(tenantId, async (em) => {
    const run = em.getTransactionContext<Transaction<unknown>>()!;
    const { rows } = await sql<{ sequence: string }>`select sequence from seal order by sequence limit 1`.execute(run);
    return Number(rows[0]?.sequence ?? 1);
  });
  const before = (await heads.checkpoints(tenantId)).filter(({ upTo }) => upTo < first);
  const last = before.toSorted((a, b) => a.upTo - b.upTo).at(-1);
  return last ? { upTo: last.upTo, hash: Buffer.from(last.hash, "hex") } : { upTo: 0, hash: GENESIS };
}

async function checkPage(
  run: Transaction<unknown>,
  tenantId: string,
  rows: SealRow[],
  after: number,
  start: Buffer,
  hashes: Map<number, string>,
): Promise<{ read: number; verified: number; previous: Buffer; firstBreak: Break | null }> {
  let previous = start;
  let verified = 0;
  const ids = rows.map((row) => row.changeset_id);
  const acts = await actsOf(run, ids);
  const contents = await contentsOf(run, ids, acts);
  for (const row of rows) {
    const number = after + verified + 1;
    const broken = (reason: string) => ({ read: rows.length, verified, previous, firstBreak: { number, reason } });
    if (Number(row.sequence) !== number)
      return broken(`le sceau n° ${number} manque (le suivant porte le n° ${row.sequence}).`);
    if (!row.previous_hash.equals(previous)) return broken("son lien avec le sceau précédent est rompu.");
    const expected = sealHash(previous, {
      tenantId,
      sequence: number,
      changesetId: row.changeset_id,
      at: new Date(row.created_at),
      digest: row.digest,
    });
    if (!row.hash.equals(expected)) return broken("son empreinte ne correspond pas à son sceau.");
    const act = acts.get(row.changeset_id);
    if (!act) return broken("l’acte scellé n’existe plus.");
    const { digest, altered } = contents.get(row.changeset_id)!;
    const wrong = textsAltered(act) ?? altered;
    if (wrong) return broken(wrong);
    if (!digest.equals(row.digest)) return broken("son contenu a été modifié, complété ou amputé.");
    hashes.set(number, row.hash.toString("hex"));
    previous = row.hash;
    verified += 1;
  }
  return { read: rows.length, verified, previous, firstBreak: null };
}

function textsAltered({ salt, label, reason, digest }: ActContent): string | null {
  if (salt === null) return label === null && reason === null ? null : "un texte effacé a été réécrit.";
  return saltedDigest(salt, [label, reason]).equals(digest) ? null : "son libellé ou son motif a été modifié.";
}

/** Recomputes the content digest of each changeset in one pass over their changes, which may be many. */
async function contentsOf(
  run: Transaction<unknown>,
  ids: string[],
  acts: Map<string, ActContent>,
): Promise<Map<string, { digest: Buffer; altered: string | null }>> {
  const open = new Map([...acts].map(([id, act]) => [id, { hash: openContent(act), altered: null as string | null }]));
  for (const event of await eventsOf(run, ids)) {
    const content = open.get(event.changeset_id);
    if (content) addEvent(content.hash, event);
  }
  for await (const change of changesOf(run, ids)) {
    const content = open.get(change.changeset_id);
    if (!content) continue;
    if (valuesAltered(change))
      content.altered ??= `la modification ${change.ordinal} (${change.table_name}) a été altérée.`;
    addChange(content.hash, change);
  }
  return new Map([...open].map(([id, { hash, altered }]) => [id, { digest: hash.digest(), altered }]));
}

function valuesAltered({ salt, title, before, after, digest }: ChangeContent): boolean {
  const values = [title, before, after];
  if (salt === null) return values.some((value) => value !== null);
  return !saltedDigest(salt, values).equals(digest);
}

async function actsOf(run: Transaction<unknown>, ids: string[]): Promise<Map<string, ActContent>> {
  const { rows } = await sql<ActContent>`
    select a.tenant_id, c.id as changeset_id, a.id as act_id, history_moment(a.at) as at, a.actor_id, a.on_behalf_of_id, a.channel, a.code,
      a.subject_type, a.subject_id, a.label, a.reason, a.salt, a.digest, a.request_id, history_moment(a.client_at) as client_at, a.undoes_id
    from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id where c.id = any (${ids}::uuid[])`.execute(
    run,
  );
  return new Map(rows.map((row) => [row.changeset_id, row]));
}

async function eventsOf(
  run: Transaction<unknown>,
  ids: string[],
): Promise<(EventContent & { changeset_id: string })[]> {
  const { rows } = await sql<EventContent & { changeset_id: string }>`
    select changeset_id, id, name, subject_type, subject_id, payload::text from event
    where changeset_id = any (${ids}::uuid[]) order by changeset_id, id`.execute(run);
  return rows;
}

async function* changesOf(
  run: Transaction<unknown>,
  ids: string[],
): AsyncGenerator<ChangeContent & { changeset_id: string }> {
  let last = { changeset_id: "00000000-0000-0000-0000-000000000000", ordinal: "0" };
  for (let full = true; full; ) {
    const { rows } = await sql<ChangeContent & { changeset_id: string }>`
      select changeset_id, ordinal, table_name, row_id, subject_type, subject_id, operation, title, before::text, after::text, salt, digest
      from change where changeset_id = any (${ids}::uuid[]) and (changeset_id, ordinal) > (${last.changeset_id}::uuid, ${last.ordinal}::bigint)
      order by changeset_id, ordinal limit 5000`.execute(run);
    yield* rows;
    full = rows.length === 5_000;
    last = rows.at(-1) ?? last;
  }
}

async function checkHeads(
  heads: Heads,
  tenantId: string,
  hashes: Map<number, string>,
  read: { from: number; to: number },
  found: Break | null,
): Promise<{ signedUpTo: number; firstBreak: Break | null }> {
  let signedUpTo = 0;
  let first: Break | null = null;
  for await (const head of heads.read(tenantId)) {
    if (!head) continue;
    for (const [i, hash] of head.hashes.entries()) {
      const number = head.from + i;
      signedUpTo = Math.max(signedUpTo, number);
      // Past the first break, and before what retention erased, nothing was read to be compared with the head.
      if (number <= read.from || (number > read.to && found)) continue;
      if (hashes.get(number) === hash) continue;
      const reason = hashes.has(number)
        ? "sa chaîne a été recalculée : elle ne correspond plus à la signature gardée hors de la base."
        : "il a été supprimé : une signature gardée hors de la base l’atteste.";
      if (!first || number < first.number!) first = { number, reason };
    }
  }
  return { signedUpTo, firstBreak: first };
}

async function findUncovered(db: Database, tenantId: string): Promise<Break | null> {
  return db.read(tenantId, async (em) => {
    const run = em.getTransactionContext<Transaction<unknown>>()!;
    const { rows } = await sql<{ id: string }>`
      select c.id from changeset c
      where not exists (select from seal s where s.tenant_id = c.tenant_id and s.changeset_id = c.id)
        and not exists (select from unsealed u where u.tenant_id = c.tenant_id and u.id = c.id)
      union all
      select distinct h.changeset_id from change h
      where not exists (select from changeset c where c.tenant_id = h.tenant_id and c.id = h.changeset_id) limit 1`.execute(
      run,
    );
    return rows[0]
      ? { number: null, reason: `des lignes d’historique ne sont couvertes par aucun sceau (${rows[0].id}).` }
      : null;
  });
}
