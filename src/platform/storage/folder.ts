import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, opendir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { NoRoom } from "../errors.ts";
import { checkKey, KEY, Meter, Missing, type Store, type Stored } from "./store.ts";

/** Bytes being written: on the same disk as the rest, so that a rename puts them in place at once. */
const DRAFTS = ".en-cours";
const LOOK_EVERY = 8_000_000;
/** Bytes that wait for the disk: it is asked less often, for more. */
const AHEAD = 1_048_576;
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Files of a folder nobody serves: written beside, forced to the disk, then renamed. `floor` bytes stay free (P41). */
export function folderStore(folder: string, { floor = 0 } = {}): Store {
  const place = (key: string) => path.join(folder, checkKey(key));
  const drafts = path.join(folder, DRAFTS);

  const checkRoom = async () => {
    const { bavail, bsize } = await statfs(drafts);
    if (bavail * bsize < floor) throw new NoRoom();
  };

  const write = async (key: string, bytes: Readable, most: number): Promise<Meter> => {
    // Cut before the pipeline reads it: the pipeline says so then.
    bytes.on("error", () => undefined);
    const draft = path.join(drafts, randomBytes(16).toString("hex"));
    await mkdir(drafts, { recursive: true, mode: 0o700 });
    let looked = 0;
    const meter = new Meter(most, (size) => {
      if (size - looked < LOOK_EVERY) return;
      looked = size;
      return checkRoom();
    });
    try {
      await checkRoom();
      await pipeline(
        bytes,
        meter,
        createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true, highWaterMark: AHEAD }),
      );
      await mkdir(path.dirname(place(key)), { recursive: true, mode: 0o700 });
      await rename(draft, place(key));
      await forceFolder(path.dirname(place(key)));
      return meter;
    } catch (error) {
      bytes.destroy();
      await rm(draft, { force: true });
      throw FULL.has((error as NodeJS.ErrnoException).code ?? "") ? new NoRoom() : error;
    }
  };

  return {
    name: `dossier ${folder}`,
    folder,
    async put(tenantId, bytes, { most }) {
      const name = randomBytes(16).toString("hex");
      const key = `${tenantId}/${name.slice(0, 2)}/${name}`;
      const meter = await write(key, bytes, most);
      return { key, size: meter.counted, sha256: meter.digest() };
    },
    async open(key, range) {
      const file = await open(place(key)).catch(missing(key));
      return createReadStream("", { fd: file, ...range });
    },
    whole: async (key) => readFile(place(key)).catch(missing(key)),
    remove: (key) => rm(place(key), { force: true }),
    async *list(tenantId = "") {
      for await (const one of filesUnder(path.join(folder, tenantId))) {
        const key = path.join(tenantId, one.key);
        if (KEY.test(key)) yield { ...one, key };
      }
    },
    async tidy(before) {
      for await (const { key, at } of filesUnder(drafts)) {
        if (at < before) await rm(path.join(drafts, key), { force: true });
      }
    },
    async restore(key, bytes) {
      await write(key, bytes, Number.POSITIVE_INFINITY);
    },
  };
}

const missing = (key: string) => (error: NodeJS.ErrnoException) => {
  throw error.code === "ENOENT" ? new Missing(key) : error;
};

async function* filesUnder(folder: string): AsyncIterable<Stored> {
  for await (const entry of await opendir(folder, { recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const facts = await stat(file).catch(() => null);
    if (facts) yield { key: path.relative(folder, file), size: facts.size, at: facts.mtime };
  }
}

/** A new name survives a power cut once its folder is on the disk too. */
async function forceFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
