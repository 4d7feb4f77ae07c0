import { Readable } from "node:stream";
import { User } from "../accounts/index.ts";
import { Unavailable } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import type { Services } from "../platform/services.ts";
import { StoredFile } from "../platform/storage/file.ts";
import { redraw } from "../platform/storage/image.ts";
import type { FilePurpose } from "../platform/storage/purpose.ts";
import { fileQuarantined } from "./mails.ts";
import { markClean, markInfected } from "./queries.ts";

/** A scanner that does not answer is asked again after this long. */
const AWAY_MS = 30_000;
/** So is it of a file it would not look into, while the others go on. */
const RETRY_MS = 5 * 60_000;

export interface Scanning {
  /** Looks into every file that waits; the process calls it every other second. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** Files wait for the scanner, however long it is away, and leave as clean or as quarantined (DOC-4, P40). */
export function startScanning(
  services: Pick<Services, "db" | "files" | "clock">,
  { everyMs = 2_000, onError }: { everyMs?: number; onError(error: unknown): void },
): Scanning {
  const { db, files } = services;
  let stopped = false;
  let awayUntil = 0;
  const later = new Map<string, number>();
  const sweep = async () => {
    for (const { tenant_id: tenantId, id } of await db.lookup<{ tenant_id: string; id: string }>("pending_files")) {
      if (stopped) return;
      if ((later.get(id) ?? 0) > performance.now()) continue;
      later.delete(id);
      try {
        await scanFile(services, tenantId, id);
      } catch (error) {
        // A scanner that is there and hangs up on one file, too large for it or unreadable, still serves the next.
        if (error instanceof Unavailable && files.scanner && (await scannerAnswers(files)) === null) throw error;
        later.set(id, performance.now() + RETRY_MS);
        onError(error);
      }
    }
  };
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    if (performance.now() < awayUntil) return;
    running = running.then(sweep).catch((error: unknown) => {
      awayUntil = performance.now() + AWAY_MS;
      onError(error);
    });
  }, everyMs);
  timer.unref();
  return {
    sweep,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function scanFile(
  { db, files, clock }: Pick<Services, "db" | "files" | "clock">,
  tenantId: string,
  id: string,
): Promise<void> {
  const { store, scanner, purposes } = files;
  const file = await db.read(tenantId, (em) => em.findOne(StoredFile, { id, state: "pending" }));
  if (!file) return;
  const found = scanner ? await scanner.scan(await store.open(file.blob)) : null;
  const purpose = purposes.get(file.purpose);
  if (found !== null) return quarantine({ db, clock }, file, purpose, found.slice(0, 100));

  if (!purpose) throw new Error(`No module declares files of "${file.purpose}" any more.`);
  if (!purpose.picture) return release({ db, clock }, file, purpose);
  const drawn = await redraw(await store.whole(file.blob), purpose.picture);
  const kept = await store.put(tenantId, Readable.from([drawn]), { most: drawn.length });
  const type = `image/${purpose.picture.format}`;
  const isDone = await db.note(tenantId, (em) => markClean(em, file, { ...kept, type }));
  // Another process may have been faster: one of the two copies is nobody's.
  await store.remove(isDone ? file.blob : kept.key);
}

type Deciding = Pick<Services, "db" | "clock">;

/** An act, so that the pages that wait for it follow. */
async function release({ db, clock }: Deciding, file: StoredFile, purpose: FilePurpose): Promise<void> {
  const { tenantId, id, name, blob: key, size, sha256, type } = file;
  const shownBy = await db.read(tenantId, async (em) => purpose.shownBy?.(em, id));
  const subject = shownBy ?? { type: "user", id: file.ownerId };
  const label = `Fichier vérifié par l’antivirus\u00a0: ${name}`;
  await db.act({ ...byJob(tenantId, clock), code: "file.cleared", label, subject }, async (em) => {
    if (await markClean(em, file, { key, size, sha256, type })) record(em, "file.cleared", subject, { file: id });
  });
}

const byJob = (tenantId: string, clock: Services["clock"]) => ({
  tenantId,
  actorId: null,
  channel: "job" as const,
  now: clock.now(),
});

/** Told to its sender, and to history: nobody else had it. */
async function quarantine(
  { db, clock }: Deciding,
  { tenantId, id, name, ownerId }: StoredFile,
  purpose: FilePurpose | undefined,
  found: string,
): Promise<void> {
  const sender = { type: "user", id: ownerId };
  const shownBy = await db.read(tenantId, async (em) => purpose?.shownBy?.(em, id));
  const label = `Fichier mis en quarantaine par l’antivirus\u00a0: ${name}`;
  const act = { ...byJob(tenantId, clock), code: "file.quarantined", label, subject: shownBy ?? sender };
  await db.act(act, async (em) => {
    if (!(await markInfected(em, id))) return;
    record(em, "file.quarantined", sender, { file: id, name, found, path: shownBy?.path ?? null });
    const owner = await em.findOne(User, { id: ownerId });
    if (!owner) return;
    await sendMail(em, fileQuarantined, {
      tenantId,
      to: { address: owner.email, person: sender },
      payload: { name, found },
      once: `file-quarantined ${id}`,
    });
  });
}

/** What the page of the instance says of the scanner. */
export const scannerAnswers = async ({ scanner }: Services["files"]): Promise<string | null> =>
  scanner
    ? scanner.version().catch((error: unknown) => {
        if (error instanceof Unavailable) return null;
        throw error;
      })
    : null;
