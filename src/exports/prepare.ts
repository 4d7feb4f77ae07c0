import { Readable } from "node:stream";
import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant, User } from "../accounts/index.ts";
import type { Clock } from "../platform/db/clock.ts";
import type { ActInput, Database } from "../platform/db/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import { CSV_MARK, csvLine } from "../platform/sheets/csv.ts";
import type { ExportAsked, ExportPlan, ExportProfile } from "../platform/sheets/export.ts";
import type { Files } from "../platform/storage/index.ts";
import type { Kept } from "../platform/storage/store.ts";
import { aboutExport, Export, type ExportState } from "./export.ts";
import { advance, dropExpired } from "./queries.ts";

/** What carries exports out. */
export interface Engine {
  db: Database;
  files: Pick<Files, "store">;
  profiles: ReadonlyMap<string, ExportProfile>;
  clock: Clock;
}

export const engineOf = ({ db, files, clock, exports = new Map() }: Services): Engine => ({
  db,
  files,
  clock,
  profiles: exports,
});

/** A file of rows is text; beyond this it serves nobody, and a disk is finite. */
const MOST_BYTES = 2_000_000_000;

/** Somebody asked for the preparation to stop, or another process carries it out. */
class Stopped extends Error {
  override name = "Stopped";
}

/** The file, a bundle of rows at a time (EXP-3). */
export async function* linesOf(plan: ExportPlan, behind: (rows: number) => Promise<void> = async () => {}) {
  yield CSV_MARK + csvLine(plan.heads);
  let done = 0;
  for await (const rows of plan.rows()) {
    let text = "";
    for (const row of rows) text += csvLine(row);
    yield text;
    done += rows.length;
    await behind(done);
  }
}

/** What an export of this person reads, with their rights of now (EXP-13). Throws NotFound, Forbidden. */
export async function planOf(
  profiles: Engine["profiles"],
  em: EntityManager,
  kind: string,
  asked: ExportAsked,
): Promise<ExportPlan> {
  const profile = profiles.get(kind);
  if (!profile) throw new NotFound();
  return profile.open(em, asked);
}

/** Prepares the file of an export that was asked, from its first row; does nothing when it is over. */
export async function prepareExport(engine: Engine, about: { tenantId: string; id: string }): Promise<void> {
  const { db, files, profiles } = engine;
  const { tenantId, id } = about;
  const found = await db.read(tenantId, (em) => em.findOne(Export, { id }));
  if (found?.state !== "running") return;
  try {
    let done = 0;
    const kept = await db.patiently().read(tenantId, async (em) => {
      const asked = await askedBy(em, found, engine.clock.now());
      const plan = await planOf(profiles, em, found.kind, asked);
      const text = linesOf(plan, async (rows) => {
        done = rows;
        if (!(await db.note(tenantId, (own) => advance(own, id, rows)))) throw new Stopped();
      });
      return files.store.put(tenantId, Readable.from(text, { objectMode: false }), { most: MOST_BYTES });
    });
    await finish(engine, found, { state: "completed", done, kept });
  } catch (error) {
    if (error instanceof Stopped) await finish(engine, found, { state: "cancelled" });
    else if (error instanceof Forbidden || error instanceof NotFound) {
      await finish(engine, found, { state: "failed", failure: error.message });
    } else throw error;
  }
}

async function askedBy(em: EntityManager, one: Export, now: Date): Promise<ExportAsked> {
  const author = await em.findOne(User, { id: one.authorId });
  if (!author || author.deactivatedAt) throw new Forbidden("Le compte qui a demandé cet export est désactivé.");
  const { zone } = await em.findOneOrFail(Tenant, { id: one.tenantId });
  return {
    user: { id: author.id, roles: author.roles },
    scopeId: one.scopeId ?? null,
    query: one.query,
    isWhole: one.isWhole,
    zone,
    now,
  };
}

interface End {
  state: Exclude<ExportState, "running">;
  done?: number;
  kept?: Kept;
  failure?: string;
}

async function finish({ db, clock, files }: Engine, one: Export, { state, done, kept, failure }: End): Promise<void> {
  const now = clock.now();
  const said = {
    tenantId: one.tenantId,
    actorId: null,
    channel: "job",
    code: "export.finished",
    label: `Export «\u00a0${one.fileName}\u00a0»\u00a0: fin`,
    subject: aboutExport(one),
    now,
  } as const satisfies ActInput;
  const isFirst = await db.act(said, async (em) => {
    const row = await em.findOne(Export, { id: one.id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (row?.state !== "running") return false;
    Object.assign(row, {
      state,
      failure: failure ?? null,
      finishedAt: now,
      ...(done !== undefined && { done, total: done }),
      ...(kept && { blob: kept.key, size: kept.size, sha256: kept.sha256.toString("hex") }),
    });
    record(em, "export.finished", aboutExport(row), { state, file: row.fileName, rows: row.done, by: row.authorId });
    return true;
  });
  // Another process was first, or the export was thrown away meanwhile.
  if (!isFirst && kept) await files.store.remove(kept.key);
}

/** Forgets what is a day old, rows then bytes; gives how many files left (EXP-11). */
export async function purgeExports({ db, files }: Pick<Engine, "db" | "files">, tenantId: string): Promise<number> {
  const keys = await db.note(tenantId, dropExpired);
  for (const key of keys) await files.store.remove(key);
  return keys.length;
}
