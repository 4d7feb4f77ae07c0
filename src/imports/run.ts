import { createHash, randomUUIDv7 } from "node:crypto";
import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../accounts/index.ts";
import type { Clock } from "../platform/db/clock.ts";
import type { ActInput, Database } from "../platform/db/index.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import type { ImportAbout, ImportProfile, ImportTarget } from "../platform/sheets/profile.ts";
import type { SheetSource } from "../platform/sheets/source.ts";
import { readTable } from "../platform/sheets/table.ts";
import type { Files } from "../platform/storage/index.ts";
import { sourceOfImport } from "./file-purpose.ts";
import { type Counts, Import, NO_COUNTS } from "./import.ts";
import { type LineError, LineReader, type ReadLine } from "./lines.ts";
import { importFinished } from "./mails.ts";
import { digestOfCheck, forgetOutcomes, holdImport, keepErrors, settledLines } from "./queries/outcomes.ts";
import { countMissing, heldBy, markOfRows, passLines, type Staging } from "./queries/staging.ts";

/** What carries imports out. */
export interface Engine {
  db: Database;
  files: Pick<Files, "store">;
  profiles: ReadonlyMap<string, ImportProfile>;
  clock: Clock;
}

/** Up to so many lines run while the person waits [IMP-32]. */
export const INLINE_LINES = 2_000;
/** Lines of one transaction: people who work on the same rows wait for it at most a second. */
export const PART_LINES = 5_000;
/** From so many lines read on, an import most of whose lines are in error stops by itself [IMP-30]. */
const JUDGED_LINES = 500;

interface Part {
  lines: ReadLine[];
  errors: LineError[];
  /** Lines of the file, right or wrong. */
  read: number;
  wrong: number;
  lastLine: number;
}

interface Prepared {
  one: Import;
  staging: Staging;
  parts(after: number, size?: number): AsyncGenerator<Part>;
}

/** Somebody asked for the run to stop. */
class Stopped extends Error {
  override name = "Stopped";
}

/** Another process carries this run out: what is left is its affair. */
class Overtaken extends Error {
  override name = "Overtaken";
}

/** Throws RuleBroken when the file has left, or the mapping holds no more. */
async function prepare(
  { db, files, profiles, clock }: Engine,
  tenantId: string,
  id: string,
  isWritten: boolean,
): Promise<Prepared> {
  const { one, source, open, about } = await db.read(tenantId, async (em) => {
    const one = await em.findOneOrFail(Import, { id });
    const profile = profileOf(profiles, one);
    await profile.admit?.(em, one.scopeId ?? null);
    const about: ImportAbout = {
      tenantId,
      scopeId: one.scopeId ?? null,
      author: { id: one.authorId },
      importId: id,
      now: clock.now(),
    };
    const open = await profile.open(em, about, one.mapping);
    return { one, about, open, source: await sourceOfImport(em, files, one) };
  });
  const { mapping, options, survey, headerLine } = one;
  const { targets } = open;
  refuseMapping(one, targets);
  const mapped = mapping.columns.flatMap((chosen) => targets.find(({ code }) => code === chosen?.code) ?? []);
  const staging: Staging = {
    profile: profileOf(profiles, one),
    open,
    about,
    mapped,
    derived: open.derived ?? [],
    key: mapping.key,
    mode: options.mode,
    followsMissing: options.missing !== "keep" && mapping.key.length > 0,
    columnOf: (code) => survey.columns[mapping.columns.findIndex((chosen) => chosen?.code === code)] ?? null,
  };
  return {
    one,
    staging,
    parts: (after, size = PART_LINES) => partsOf(source, one, staging, { after, size, headerLine, isWritten }),
  };
}

export function profileOf(profiles: ReadonlyMap<string, ImportProfile>, { kind }: { kind: string }): ImportProfile {
  const profile = profiles.get(kind);
  if (!profile) throw new Error(`No module imports "${kind}": declare it in a manifest.`);
  return profile;
}

/** Why lines cannot be read with this mapping, as a refusal of the form. Throws RuleBroken. */
export function refuseMapping(
  { mapping, options }: Pick<Import, "mapping" | "options">,
  targets: readonly ImportTarget[],
): void {
  const codes = mapping.columns.flatMap((chosen) => chosen?.code ?? []);
  const known = codes.filter((code) => targets.some((target) => target.code === code));
  if (known.length === 0) throw new RuleBroken("Dites où va au moins une colonne du fichier.", "mapping");
  const besides = new Map(targets.flatMap((main) => (main.beside ? [[main.beside, main] as const] : [])));
  const alone = targets.find(({ code }) => known.includes(code) && besides.has(code));
  if (alone && !known.includes(besides.get(alone.code)!.code)) {
    const main = besides.get(alone.code)!;
    throw new RuleBroken(
      `«\u00a0${alone.label}\u00a0» se lit avec «\u00a0${main.label}\u00a0»\u00a0: dites aussi quelle colonne y va.`,
      "mapping",
    );
  }
  const twice = known.find((code, rank) => known.indexOf(code) !== rank);
  if (twice !== undefined) {
    const { label } = targets.find(({ code }) => code === twice)!;
    throw new RuleBroken(`Deux colonnes vont à «\u00a0${label}\u00a0»\u00a0: gardez-en une.`, "mapping");
  }
  if (mapping.key.length > 3) throw new RuleBroken("La clé tient en trois colonnes au plus.", "key");
  if (mapping.key.some((code) => !known.includes(code))) {
    throw new RuleBroken("La clé doit être parmi les colonnes que vous importez.", "key");
  }
  if (mapping.key.length === 0 && options.mode === "update") {
    throw new RuleBroken("Sans clé, rien ne dit quelles lignes modifier\u00a0: choisissez-en une.", "key");
  }
  if (mapping.key.length === 0 && options.missing !== "keep") {
    throw new RuleBroken("Sans clé, rien ne dit quelles lignes manquent au fichier\u00a0: choisissez-en une.", "key");
  }
  const missing = targets.filter(({ code, isRequired }) => isRequired && !known.includes(code));
  if (options.mode === "create" && missing.length > 0) {
    const names = missing.map(({ label }) => `«\u00a0${label}\u00a0»`).join(", ");
    throw new RuleBroken(
      `Une ligne nouvelle ne peut pas se passer de ${names}\u00a0: dites quelle colonne y va.`,
      "mapping",
    );
  }
}

/** The lines of a file by parts, those up to `after` being read for their keys alone [IMP-22]. */
async function* partsOf(
  source: SheetSource,
  { mapping, options, survey, shape }: Import,
  { open, followsMissing }: Staging,
  { after, size, headerLine, isWritten }: { after: number; size: number; headerLine: number; isWritten: boolean },
): AsyncGenerator<Part> {
  const { derive, targets } = open;
  const reader = new LineReader({
    mapping,
    options,
    columns: survey.columns,
    targets,
    isText: shape.kind === "text",
    ...(derive && { derive: (values) => derive(values, isWritten) }),
  });
  let part: Part = { lines: [], errors: [], read: 0, wrong: 0, lastLine: 0 };
  for await (const rows of readTable(source, shape, { headerLine, columns: survey.columns.length })) {
    for (const row of rows) {
      const found = reader.read(row);
      if (row.line <= after) continue;
      part.read++;
      part.lastLine = row.line;
      if (found.errors) {
        part.wrong++;
        part.errors.push(...found.errors);
        if (followsMissing && found.read) part.lines.push(found.read);
      } else part.lines.push(found.read);
      if (part.read < size) continue;
      yield part;
      part = { lines: [], errors: [], read: 0, wrong: 0, lastLine: 0 };
    }
  }
  if (part.read > 0) yield part;
}

function added(a: Counts, { read, wrong }: Part, passed: Omit<Counts, "read" | "missing">): Counts {
  return {
    read: a.read + read,
    create: a.create + passed.create,
    update: a.update + passed.update,
    unchanged: a.unchanged + passed.unchanged,
    ignored: a.ignored + passed.ignored,
    error: a.error + wrong + passed.error,
    cells: a.cells + passed.cells,
    missing: a.missing,
  };
}

/** Whether so many of its lines are in error that the file itself is wrong [IMP-30]. */
export const isHopeless = ({ read, error }: Counts, threshold: number) =>
  read >= JUDGED_LINES && error * 100 > read * threshold;

/**
 * What the run would do, line by line, nothing of it written but its outcome [IMP-28]: the same passes over the same
 * parts, without the last step.
 */
export async function checkImport(engine: Engine, { tenantId, id }: { tenantId: string; id: string }): Promise<Counts> {
  const { staging, parts, one } = await prepare(engine, tenantId, id, false);
  const { open } = staging;
  return engine.db.patiently().note(tenantId, async (em) => {
    await holdImport(em, id);
    const now = await em.findOneOrFail(Import, { id }, { refresh: true });
    // Started meanwhile: what came of it is not to be forgotten.
    if (now.state !== "analysed" && now.state !== "checked") return now.counts ?? NO_COUNTS;
    await forgetOutcomes(em, id);
    const basis = await basisOf(em, staging);
    let counts = NO_COUNTS;
    for await (const part of parts(0)) {
      const passed = await passLines(em, staging, part.lines, { writes: false, shown: counts.update });
      await keepErrors(em, { tenantId, importId: id }, [...part.errors, ...passed.errors]);
      counts = added(counts, part, passed.counts);
      await open.look?.(em);
      if (isHopeless(counts, one.options.threshold)) break;
    }
    if (staging.followsMissing) counts = { ...counts, missing: await countMissing(em, staging, one.options.missing) };
    counts = await settle(em, staging, counts, false);
    const notices = (await open.noticed?.(em)) ?? {};
    const found = { counts, notices, basis, earlier: null };
    await em.nativeUpdate(Import, { tenantId, id }, { ...found, state: "checked", done: 0, doneLine: 0 });
    return counts;
  });
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
  const { db } = engine;
  const { tenantId, id } = about;
  const { one, staging } = await prepare(engine, tenantId, id, false);
  if (one.state !== "checked" || one.basis == null) return false;
  const seen = () => db.read(tenantId, (em) => digestOfCheck(em, id));
  if ((await db.read(tenantId, (em) => basisOf(em, staging))) === one.basis) return false;
  const before = await seen();
  const counts = await checkImport(engine, about);
  const isSame = before === (await seen()) && sameCounts(one.counts ?? NO_COUNTS, counts);
  if (!isSame) {
    await db.note(tenantId, (em) =>
      em.nativeUpdate(Import, { tenantId, id, state: "checked" }, { earlier: one.counts ?? NO_COUNTS }),
    );
  }
  return !isSame;
}

const sameCounts = (a: Counts, b: Counts): boolean =>
  (Object.keys(NO_COUNTS) as (keyof Counts)[]).every((figure) => (a[figure] ?? 0) === (b[figure] ?? 0));

/** What all lines together tell, once they are read: what is wrong is kept with the rest, and counted. */
async function settle(em: EntityManager, staging: Staging, counts: Counts, writes: boolean): Promise<Counts> {
  const { open, about, columnOf } = staging;
  if (!open.settled) return counts;
  const { faults, changed } = await open.settled.settle(em, await settledLines(em, about.importId), writes);
  const { tenantId, importId } = about;
  await keepErrors(
    em,
    { tenantId, importId },
    faults.map(({ code, ...fault }) => ({ ...fault, column: columnOf(code) })),
  );
  const { update, unchanged } = counts;
  const moved = { update: update + changed, unchanged: unchanged - changed };
  return { ...counts, ...moved, error: counts.error + new Set(faults.map(({ line }) => line)).size };
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
  await holdImport(em, `${one.kind} ${one.scopeId ?? one.tenantId}`);
  const running = await em.count(Import, { kind: one.kind, scopeId: one.scopeId ?? null, state: "running" });
  Object.assign(one, {
    state: running > 0 ? "waiting" : "running",
    actId: randomUUIDv7(),
    startedAt: now,
    cancelAskedAt: null,
    counts: null,
    done: 0,
    doneLine: 0,
  });
  await forgetOutcomes(em, one.id);
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
  if (one.state === "waiting") Object.assign(one, { state: "cancelled", finishedAt: now });
}

/**
 * Carries a started import out, or what is left of it: part by part, each in one transaction that says how far it went,
 * so that whatever stops it no line is applied twice nor left out [IMP-35]. Does nothing when it is over or waits.
 */
export async function runImport(engine: Engine, about: { tenantId: string; id: string }): Promise<void> {
  const { db } = engine;
  const { tenantId, id } = about;
  const found = await db.read(tenantId, (em) => em.findOne(Import, { id }));
  if (found?.state !== "running") return;
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
    const prepared = await prepare(engine, tenantId, id, true);
    if (found.options.errors === "none") await runWhole(engine, prepared, said);
    else await runByParts(engine, prepared, said);
    await finish(engine, about, said, {
      state: "completed",
      staging: prepared.staging,
      missing: prepared.one.options.missing,
    });
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

export const MOSTLY_WRONG = (threshold: number) =>
  `Plus de ${threshold}\u00a0% des lignes lues sont en erreur\u00a0: l’import s’est arrêté de lui-même. Corrigez le fichier, ou relevez ce seuil.`;

async function runByParts({ db, clock }: Engine, { one, staging, parts }: Prepared, said: Said): Promise<void> {
  const { tenantId, id } = one;
  for await (const part of parts(one.doneLine)) {
    const counts = await db.patiently().act({ ...said, now: clock.now() }, async (em) => {
      await holdImport(em, id);
      const now = await em.findOneOrFail(Import, { id }, { refresh: true });
      if (now.state !== "running" || now.doneLine >= part.lastLine) throw new Overtaken();
      if (now.cancelAskedAt) throw new Stopped();
      await staging.open.hold?.(em);
      if (now.doneLine === 0) await staging.open.begin?.(em);
      const passed = await passLines(em, staging, part.lines, { writes: true, shown: 0 });
      await keepErrors(em, { tenantId, importId: id }, [...part.errors, ...passed.errors]);
      const counts = added(now.counts ?? NO_COUNTS, part, passed.counts);
      await em.nativeUpdate(Import, { tenantId, id }, { counts, done: counts.read, doneLine: part.lastLine });
      return counts;
    });
    if (isHopeless(counts, one.options.threshold)) throw new RuleBroken(MOSTLY_WRONG(one.options.threshold));
  }
}

/** All or nothing: one transaction, which a line in error undoes [IMP-30]. */
async function runWhole({ db, clock }: Engine, { one, staging, parts }: Prepared, said: Said): Promise<void> {
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
      const passed = await passLines(em, staging, part.lines, { writes: true, shown: 0 });
      counts = added(counts, part, passed.counts);
      lastLine = part.lastLine;
      await tellProgress(db, { tenantId, id }, counts);
      if (counts.error > 0) {
        const [first] = [...part.errors, ...passed.errors];
        throw new RuleBroken(`Rien n’est importé\u00a0: la ligne ${first!.line} est en erreur. ${first!.reason}`);
      }
    }
    await em.nativeUpdate(Import, { tenantId, id }, { counts, done: counts.read, doneLine: lastLine });
  });
}

/** Beside the one transaction of all lines, so that its page has something to say meanwhile [IMP-33]. */
const tellProgress = (db: Database, { tenantId, id }: { tenantId: string; id: string }, { read }: Counts) =>
  db.note(tenantId, (em) => em.nativeUpdate(Import, { tenantId, id }, { done: read }));

/** Says it is over, once; the next one of the same place begins [IMP-36]. */
async function finish(
  { db, clock }: Engine,
  { tenantId, id }: { tenantId: string; id: string },
  said: Said,
  {
    state,
    failure = null,
    staging,
    missing = "keep",
  }: {
    state: "completed" | "cancelled" | "failed";
    failure?: string | null;
    staging?: Staging;
    missing?: string;
  },
): Promise<void> {
  const now = clock.now();
  // What all lines together tell, and the rows they leave out, may be as long as a part.
  await db.patiently().act({ ...said, now }, async (em) => {
    await holdImport(em, id);
    const one = await em.findOneOrFail(Import, { id });
    if (one.state !== "running") return;
    await staging?.open.hold?.(em);
    if (staging) one.counts = await settle(em, staging, one.counts ?? NO_COUNTS, true);
    if (staging?.followsMissing) {
      const touched = await countMissing(em, staging, missing);
      await staging.open.missing?.apply(em, missing, heldBy(staging));
      one.counts = { ...(one.counts ?? NO_COUNTS), missing: touched };
    }
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
        file: one.fileName,
        by: one.authorId,
        isLong: one.survey.lines > INLINE_LINES,
        read,
        create,
        update,
        error,
      },
    );
    await holdImport(em, `${one.kind} ${one.scopeId ?? tenantId}`);
    const next = await em.findOne(
      Import,
      { kind: one.kind, scopeId: one.scopeId ?? null, state: "waiting" },
      { orderBy: { startedAt: "asc" } },
    );
    if (!next) return;
    Object.assign(next, { state: "running", startedAt: now });
    record(em, "import.started", { type: "import", id: next.id });
  });
}
