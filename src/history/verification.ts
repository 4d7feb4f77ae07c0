import { defineEntity, type EntityManager, LockMode, p } from "@mikro-orm/postgresql";
import { ActRow } from "../platform/db/changeset.ts";
import { createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import type { Database } from "../platform/db/index.ts";
import { record } from "../platform/events/record.ts";
import { subjectsInHand } from "../platform/jobs/queries.ts";
import { verifyHistory } from "./chain.ts";
import type { Heads } from "./heads.ts";

const schema = defineEntity({
  name: "Verification",
  tableName: "verification",
  ...lookedUpTable,
  properties: {
    ...tenantKey(),
    // Null when the daily job asked.
    askedById: p.uuid().nullable(),
    verified: p.integer().default(0),
    signedUpTo: p.integer().default(0),
    finishedAt: p.datetime().nullable(),
    brokenNumber: p.integer().nullable(),
    brokenReason: p.text().nullable(),
    ...createdAt(),
  },
});

/** One recomputation of the chain and what it found (HIS-7). */
export class Verification extends schema.class {
  isRunning() {
    return this.finishedAt == null;
  }
  isIntact() {
    return this.finishedAt != null && this.brokenReason == null;
  }
}
schema.setClass(Verification);
export const VerificationSchema = schema;

/** The queue that recomputes chains. */
export const VERIFY_CHAIN = "history.verify_chain";
/** Between the act that asks and the job in its queue nothing is amiss. */
const SOON_MS = 60_000;

/** Those begun and not finished that nobody works on any more: all their tries failed, or somebody dropped them. */
export async function stoppedAmong(em: EntityManager, found: Verification[], now: Date): Promise<Set<string>> {
  const old = found.filter((one) => one.isRunning() && now.getTime() - one.createdAt.getTime() > SOON_MS);
  const inHand = await subjectsInHand(
    em,
    VERIFY_CHAIN,
    old.map(({ id }) => id),
  );
  return new Set(old.flatMap(({ id }) => (inHand.has(id) ? [] : id)));
}

/** Asks for the chain to be recomputed by a job; the caller flushes. */
export function askVerification(
  em: EntityManager,
  { tenantId, by }: { tenantId: string; by: string | null },
): Verification {
  const verification = em.create(Verification, { tenantId, askedById: by });
  record(em, "history.verification_asked", { type: "verification", id: verification.id });
  return verification;
}

/** The daily job's own act: asks, and leaves the work to the queue. */
export async function verifyTonight(db: Database, { tenantId, now }: { tenantId: string; now: Date }): Promise<void> {
  let id = "";
  await db.act(
    {
      tenantId,
      actorId: null,
      channel: "job",
      code: "history.verification_asked",
      label: "Vérification quotidienne de l’historique",
      subject: () => ({ type: "verification", id }),
      now,
    },
    (em) => {
      id = askVerification(em, { tenantId, by: null }).id;
    },
  );
}

/** Recomputes the chain and keeps the verdict; done twice, it only tells the later one. */
export async function runVerification(
  db: Database,
  heads: Heads,
  { tenantId, id, now }: { tenantId: string; id: string; now: () => Date },
): Promise<void> {
  const note = (values: Partial<Verification>) =>
    db.note(tenantId, (em) => em.nativeUpdate(Verification, { tenantId, id }, values));
  let told = 0;
  const verdict = await verifyHistory(db, heads, tenantId, async (verified) => {
    if (verified - told < 10_000) return;
    told = verified;
    await note({ verified });
  });
  const found = {
    verified: verdict.verified,
    signedUpTo: verdict.signedUpTo,
    brokenNumber: verdict.firstBreak?.number ?? null,
    brokenReason: verdict.firstBreak?.reason ?? null,
    finishedAt: now(),
  };
  const asked = await db.read(tenantId, (em) => em.findOne(Verification, { tenantId, id }));
  if (!asked?.askedById || !asked.isRunning()) return void (await note(found));
  const askedBy = asked.askedById;
  // Somebody waits for it: its end is an event, of which they are told.
  const subject = { type: "verification", id };
  await db.act(
    {
      tenantId,
      actorId: null,
      channel: "job",
      code: "history.verified",
      label: "Vérification de l’historique terminée",
      subject,
      now: found.finishedAt,
    },
    async (em) => {
      await em.nativeUpdate(Verification, { tenantId, id }, found);
      const { verified, firstBreak } = verdict;
      record(em, "history.verified", subject, { intact: !firstBreak, verified, askedBy });
    },
  );
}

/** Tells who asked, once, that it stopped and nothing is concluded: an event, as its end would be. */
export async function tellStopped(
  db: Database,
  { tenantId, id, now }: { tenantId: string; id: string; now: Date },
): Promise<void> {
  const code = "history.verification_stopped";
  const subject = { type: "verification", id };
  const label = "Vérification de l’historique interrompue";
  await db.act({ tenantId, actorId: null, channel: "job", code, label, subject, now }, async (em) => {
    // Its row is held: another process may be telling it.
    const asked = await em.findOne(Verification, { tenantId, id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!asked?.askedById || !asked.isRunning()) return;
    const told = await em.count(ActRow, { code, subjectType: subject.type, subjectId: id });
    if (told === 0) record(em, code, subject, { askedBy: asked.askedById });
  });
}

export const recentVerifications = (em: EntityManager) =>
  em.find(Verification, {}, { orderBy: { id: "desc" }, limit: 10 });
