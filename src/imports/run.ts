import { createHash, randomUUIDv7 } from "node:crypto";
import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../accounts/index.ts";
import type { ActInput, Database } from "../platform/db/index.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { announce } from "../platform/live/news.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { type Counts, Import, NO_COUNTS } from "./import.ts";
import { importFinished } from "./mails.ts";
import { type Engine, isHopeless, lastOf, MOSTLY_WRONG, type Prepared, passPart, prepare, settle } from "./prepared.ts";
import { importFollowers } from "./queries/followed.ts";
import { digestOfCheck, forgetOutcomes, holdImport } from "./queries/outcomes.ts";
import { countMissing, heldBy, markOfRows, type Staging } from "./queries/staging.ts";

/** Up to so many lines run while the person waits [IMP-32]. */
export const INLINE_LINES = 2_000;
/** Somebody asked for the run to stop. */
class Stopped extends Error {
  override name = "Stopped";
}

/** Another process carries this run out: what is left is its affair. */
class Overtaken extends Error {
  override name = "Overtaken";
}

/**
 * What the run would do, line by line, nothing of it written but its outcome [IMP-28]: the same passes over the same
 * parts, without the last step.
 */
export async function checkImport(engine: Engine, { tenantId, id }: { tenantId: string; id: string }): Promise<Counts> {
  const prepared = await prepare(engine, tenantId, id, false);
  return engine.db.patiently().note(tenantId, async (em) => {
    await holdImport(em, id);
    const { state, counts } = await em.findOneOrFail(Import, { id }, { refresh: true });
    // Started meanwhile: what came of it is not to be forgotten.
    if (state !== "analysed" && state !== "checked") return counts ?? NO_COUNTS;
    const found = await judgeAll(em, prepared);
    await em.nativeUpdate(
      Import,
      { tenantId, id },
      { ...found, earlier: null, state: "checked", done: 0, doneLine: 0 },
    );
    return found.counts;
  });
}

/** Every line judged anew, what came of it kept in place of what was. */
async function judgeAll(em: EntityManager, prepared: Prepared) {
  const { staging, parts, one } = prepared;
  const { open } = staging;
  await forgetOutcomes(em, one.id);
  const basis = await basisOf(em, staging);
  let counts = NO_COUNTS;
  for await (const part of parts(0)) {
    ({ counts } = await passPart(em, prepared, part, counts, { writes: false }));
    await open.look?.(em);
    if (isHopeless(counts, one.options.threshold)) break;
  }
  if (staging.followsMissing) counts = { ...counts, missing: await countMissing(em, staging, one.options.missing) };
  counts = await settle(em, prepared, counts, false);
  return { counts, basis, notices: (await open.noticed?.(em)) ?? {} };
}

/** Everything a check depends on besides its file, mapping and options, in short [IMP-31]. */
const basisOf = async (em: EntityManager, staging: Staging): Promise<string> =>
  createHash("sha256")
    .update(`${await markOfRows(em, staging)} ${staging.open.basis ?? ""}`)
    .digest("hex");

/**
 * Makes the check again when what it was made on changed since; tells whether it finds otherwise, and keeps what it found
 * before to be shown [IMP-31]. Does nothing to an import that is not checked.
 */
export async function refreshCheck(engine: Engine, about: { tenantId: string; id: string }): Promise<boolean> {
  const patient = engine.db.patiently();
  return refresh(engine, about, (verb) => patient.note(about.tenantId, verb));
}

/** The same of one that waits, too: it is checked again, and no more waits, when it would do otherwise. */
async function refresh(
  engine: Engine,
  { tenantId, id }: { tenantId: string; id: string },
  write: (verb: (em: EntityManager) => Promise<boolean>) => Promise<boolean>,
  returned?: (em: EntityManager, one: Import) => Promise<void>,
): Promise<boolean> {
  const isReady = ({ state }: Import) => state === "checked" || (state === "waiting" && returned !== undefined);
  const prepared = await prepare(engine, tenantId, id, false);
  const { basis } = prepared.one;
  if (!isReady(prepared.one) || basis == null) return false;
  if ((await engine.db.read(tenantId, (em) => basisOf(em, prepared.staging))) === basis) return false;
  return write(async (em) => {
    await holdImport(em, id);
    const one = await em.findOneOrFail(Import, { id }, { refresh: true });
    if (!isReady(one)) return false;
    const before = { counts: one.counts ?? one.earlier ?? NO_COUNTS, digest: await digestOfCheck(em, id) };
    const found = await judgeAll(em, prepared);
    const isSame = sameCounts(before.counts, found.counts) && before.digest === (await digestOfCheck(em, id));
    const kept = isSame ? { ...found, earlier: null } : { ...found, earlier: before.counts, state: "checked" as const };
    await em.nativeUpdate(Import, { tenantId, id }, kept);
    if (!isSame) await returned?.(em, one);
    return !isSame;
  });
}

const sameCounts = (a: Counts, b: Counts): boolean =>
  (Object.keys(NO_COUNTS) as (keyof Counts)[]).every((figure) => (a[figure] ?? 0) === (b[figure] ?? 0));

type Place = Pick<Import, "tenantId" | "kind" | "scopeId">;
const placeOf = ({ tenantId, kind, scopeId }: Place) => `${kind} ${scopeId ?? tenantId}`;

/** Whether an import runs in this place: one at a time does [IMP-36]. */
const isBusy = async (em: EntityManager, { kind, scopeId }: Place): Promise<boolean> =>
  (await em.count(Import, { kind, scopeId: scopeId ?? null, state: "running" })) > 0;

/** Calls the one that has waited longest in this place: it begins if none runs there [IMP-36]. */
async function callNext(em: EntityManager, { kind, scopeId }: Place): Promise<void> {
  const waiting = { kind, scopeId: scopeId ?? null, state: "waiting" } as const;
  const next = await em.findOne(Import, waiting, { orderBy: { startedAt: "asc" } });
  if (next) record(em, "import.started", { type: "import", id: next.id });
}

/** Marks it as to be run: at once, or after the one under way in the same place [IMP-36]. The caller flushes. */
export async function startImport(em: EntityManager, one: Import, { now }: { now: Date }): Promise<void> {
  if (one.state !== "checked") throw new Conflict("Cet import a déjà été lancé. Sa page dit où il en est.");
  if (!one.fileId) throw new RuleBroken("Le fichier de cet import n’est plus gardé\u00a0: envoyez-le de nouveau.");
  const { counts } = one;
  if (counts && one.options.errors === "none" && counts.error > 0) {
    throw new RuleBroken(
      "Des lignes sont en erreur, et vous avez choisi «\u00a0tout ou rien\u00a0»\u00a0: corrigez-les, ou importez les lignes valides.",
      "errors",
    );
  }
  if (counts && isHopeless(counts, one.options.threshold)) {
    throw new RuleBroken(MOSTLY_WRONG(one.options.threshold), "errors");
  }
  // A check under way ends first.
  await holdImport(em, one.id);
  await holdImport(em, placeOf(one));
  const isWaiting = await isBusy(em, one);
  Object.assign(one, {
    state: isWaiting ? "waiting" : "running",
    actId: randomUUIDv7(),
    startedAt: now,
    cancelAskedAt: null,
    counts: null,
    // What it is compared with when its turn comes.
    earlier: isWaiting ? counts : null,
    done: 0,
    doneLine: 0,
  });
  if (!isWaiting) await forgetOutcomes(em, one.id);
  record(em, "import.started", { type: "import", id: one.id });
}

/**
 * Asks a run to stop: within the part under way [IMP-34]. It is read again as it is once its row is free: each part moves
 * it, and nobody is told that somebody else did. Throws Conflict once it is over.
 */
export async function cancelImport(em: EntityManager, { id }: { id: string }, { now }: { now: Date }): Promise<void> {
  const one = await em.findOneOrFail(Import, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  if (!one.isUnderWay())
    throw new Conflict("Cet import est fini\u00a0: il n’y a plus rien à arrêter. Il peut encore être annulé.");
  one.cancelAskedAt = now;
  if (one.state !== "waiting") return;
  Object.assign(one, { state: "cancelled", finishedAt: now });
  await em.flush();
  await forgetOutcomes(em, id);
  await callNext(em, one);
}

/**
 * Carries a started import out, or what is left of it: part by part, each in one transaction that says how far it went,
 * so that whatever stops it no line is applied twice nor left out [IMP-35]. Does nothing when it is over, or has to wait.
 */
export async function runImport(engine: Engine, about: { tenantId: string; id: string }): Promise<void> {
  const { db } = engine;
  const { tenantId, id } = about;
  const found = await db.read(tenantId, (em) => em.findOne(Import, { id }));
  if (!found?.isUnderWay()) return;
  const said = {
    id: found.actId!,
    isPart: true,
    tenantId,
    actorId: found.authorId,
    channel: "import",
    code: "import.run",
    label: `Import de «\u00a0${found.fileName}\u00a0»`,
    subject: { type: "import", id },
  } as const satisfies Omit<ActInput, "now">;
  try {
    if (found.state === "waiting" && !(await takeTurn(engine, found, said))) return;
    const prepared = await prepare(engine, tenantId, id, true);
    if (found.options.errors === "none") await runWhole(engine, prepared, said);
    else await runByParts(engine, prepared, said);
    if (found.survey.lines > INLINE_LINES) await db.refreshStatistics(prepared.staging.profile.table, "change");
    await finish(engine, about, said, { state: "completed", prepared });
  } catch (error) {
    if (error instanceof Overtaken) return;
    if (error instanceof Stopped) await finish(engine, about, said, { state: "cancelled" });
    else if (error instanceof RuleBroken || error instanceof Conflict)
      await finish(engine, about, said, { state: "failed", failure: error.message });
    else if (isRefusedByBase(error)) {
      await finish(engine, about, said, { state: "failed", failure: AGAINST_RULES });
    } else throw error;
  }
}

const AGAINST_RULES =
  "Une ligne va contre une règle de la base, une valeur unique déjà prise par exemple. Vérifiez de nouveau le fichier, puis relancez l’import.";

/** Unique, foreign key, check, not null. */
const isRefusedByBase = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["23505", "23503", "23514", "23502"].includes(String(error.code));

type Said = Omit<ActInput, "now">;

/**
 * One that waited begins, once none runs in its place. Those before it may have changed what it would do: it then goes back
 * to its author, who is told, and the next one is called [IMP-31, IMP-36].
 */
async function takeTurn(engine: Engine, waiting: Import, said: Said): Promise<boolean> {
  const { tenantId, id, authorId, fileName } = waiting;
  const { db, clock } = engine;
  if (await db.read(tenantId, (em) => isBusy(em, waiting))) return false;
  const isReturned = await refresh(
    engine,
    waiting,
    (verb) => db.patiently().act({ ...said, now: clock.now() }, verb),
    async (em) => {
      record(em, "import.returned", { type: "import", id }, { by: authorId, file: fileName });
      await callNext(em, waiting);
    },
  );
  if (isReturned) return false;
  return db.note(tenantId, async (em) => {
    await holdImport(em, id);
    await holdImport(em, placeOf(waiting));
    const one = await em.findOneOrFail(Import, { id });
    if (one.state !== "waiting" || (await isBusy(em, one))) return one.state === "running";
    await forgetOutcomes(em, id);
    Object.assign(one, { state: "running", startedAt: clock.now(), counts: null, earlier: null });
    return true;
  });
}

async function runByParts({ db, clock }: Engine, prepared: Prepared, said: Said): Promise<void> {
  const { one, staging, parts } = prepared;
  const { tenantId, id } = one;
  for await (const part of parts(one.doneLine)) {
    const counts = await db.patiently().act({ ...said, now: clock.now() }, async (em) => {
      await holdImport(em, id);
      const now = await em.findOneOrFail(Import, { id }, { refresh: true });
      if (now.state !== "running" || now.doneLine >= lastOf(part)) throw new Overtaken();
      if (now.cancelAskedAt) throw new Stopped();
      await staging.open.hold?.(em);
      if (now.doneLine === 0) await staging.open.begin?.(em);
      const passed = await passPart(em, prepared, part, now.counts ?? NO_COUNTS, { writes: true });
      const { counts } = passed;
      await em.nativeUpdate(Import, { tenantId, id }, { counts, done: counts.read, doneLine: lastOf(passed.part) });
      return counts;
    });
    if (isHopeless(counts, one.options.threshold)) throw new RuleBroken(MOSTLY_WRONG(one.options.threshold));
  }
}

/** All or nothing: one transaction, which a line in error undoes [IMP-30]. */
async function runWhole({ db, clock }: Engine, prepared: Prepared, said: Said): Promise<void> {
  const { one, staging, parts } = prepared;
  const { tenantId, id } = one;
  const isCancelled = () => db.read(tenantId, async (em) => (await em.findOne(Import, { id }))?.cancelAskedAt != null);
  await db.patiently().act({ ...said, now: clock.now() }, async (em) => {
    await holdImport(em, id);
    const now = await em.findOneOrFail(Import, { id });
    if (now.state !== "running") throw new Overtaken();
    // Committed before a death: what is left is to say so.
    if (now.doneLine > 0) return;
    let counts = NO_COUNTS;
    let lastLine = 0;
    await staging.open.hold?.(em);
    await staging.open.begin?.(em);
    for await (const part of parts(0)) {
      if (await isCancelled()) throw new Stopped();
      const passed = await passPart(em, prepared, part, counts, { writes: true });
      counts = passed.counts;
      lastLine = lastOf(part);
      await tellProgress(db, one, counts);
      if (counts.error > 0) {
        const first = passed.errors.reduce((a, b) => (b.line < a.line ? b : a));
        throw new RuleBroken(`Rien n’est importé\u00a0: la ligne ${first.line} est en erreur. ${first.reason}`);
      }
    }
    await em.nativeUpdate(Import, { tenantId, id }, { counts, done: counts.read, doneLine: lastLine });
  });
}

/** Beside the one transaction of all lines, so that its page has something to say meanwhile [IMP-33]. */
const tellProgress = (db: Database, { tenantId, id, authorId }: Import, { read }: Counts) =>
  db.note(tenantId, async (em) => {
    await em.nativeUpdate(Import, { tenantId, id }, { done: read });
    await announce(em, tenantId, importFollowers(authorId));
  });

/** Once all lines are written: what they tell together, then the rows the file does not hold [IMP-24, IMP-47]. */
async function settleAll(em: EntityManager, prepared: Prepared, counts: Counts): Promise<Counts> {
  const { staging, one } = prepared;
  await staging.open.hold?.(em);
  const settled = await settle(em, prepared, counts, true);
  if (!staging.followsMissing) return settled;
  const { missing } = one.options;
  const touched = await countMissing(em, staging, missing);
  await staging.open.missing?.apply(em, missing, heldBy(staging));
  return { ...settled, missing: touched };
}

/** Says it is over, once; the next one of the same place begins [IMP-36]. */
async function finish(
  { db, clock }: Engine,
  { tenantId, id }: { tenantId: string; id: string },
  said: Said,
  {
    state,
    failure = null,
    prepared,
  }: {
    state: "completed" | "cancelled" | "failed";
    failure?: string | null;
    /** Of one whose lines are all written. */
    prepared?: Prepared;
  },
): Promise<void> {
  const now = clock.now();
  // What all lines together tell, and the rows they leave out, may be as long as a part.
  await db.patiently().act({ ...said, now }, async (em) => {
    await holdImport(em, id);
    const one = await em.findOneOrFail(Import, { id });
    if (!one.isUnderWay()) return;
    // It never began: what its check found is not what came of it.
    if (one.state === "waiting") {
      Object.assign(one, { counts: null, earlier: null });
      await forgetOutcomes(em, id);
    }
    if (prepared) one.counts = await settleAll(em, prepared, one.counts ?? NO_COUNTS);
    Object.assign(one, { state, failure, finishedAt: now });
    await em.flush();
    const { read, create, update, error } = one.counts ?? NO_COUNTS;
    if (one.options.mails) {
      const author = await em.findOneOrFail(User, { id: one.authorId });
      await sendMail(em, importFinished, {
        tenantId,
        to: { address: author.email, person: { type: "user", id: author.id } },
        payload: { id, file: one.fileName, state, create, update, error },
      });
    }
    record(
      em,
      "import.finished",
      { type: "import", id },
      {
        state,
        kind: one.kind,
        scope: one.scopeId ?? null,
        file: one.fileName,
        by: one.authorId,
        isLong: one.survey.lines > INLINE_LINES,
        read,
        create,
        update,
        error,
      },
    );
    await holdImport(em, placeOf(one));
    await callNext(em, one);
  });
}
