import { randomBytes } from "node:crypto";
import { createReadStream, statfsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { ranMigrations } from "../db/migrate.ts";
import type { Store } from "../storage/store.ts";
import { fr } from "../text/index.ts";
import { type FilePart, type Manifest, STORED, type TablePart, writeManifest } from "./manifest.ts";
import { BackupRefused, flush, type Part, partKey, writePart, writeWholePart } from "./parts.ts";

/** Tables whose rows are better lost than restored. */
const LEFT_OUT: Record<string, string> = {
  session: "les personnes se reconnectent : une sauvegarde ne rouvre aucune session",
  rate_hit: "des compteurs d’une heure",
  mail_hold: "une restauration suspend elle-même les envois",
  mikro_orm_migrations: "le manifeste tient la liste",
};

export interface BackupRequest {
  /** The application's own address: each organisation is read under its isolation (rulings 3). */
  databaseUrl: string;
  ownerUrl: string;
  varDir: string;
  /** Folders and files under VAR_DIR to take along. */
  paths: string[];
  /** Where the files people sent are. */
  store: Store;
  /** Where the backup's folder is made; its name is the instant. */
  into: string;
  /** BACKUP_KEY; without it the backup is in clear, and holds no secret of the instance. */
  key?: string | undefined;
  version: string;
  now: Date;
  /** Bytes that stay free on the disk of `into`: a backup never takes the room the application writes in. */
  floor?: number;
}

const SECRETS = "secrets.json";
const DRAFT = ".partiel";
/** Nothing of an erased person stays longer (GDP-8). */
const KEPT_DAYS = 30;
const NAME = /^(\d{4}-\d\d-\d\d)T\d\d-\d\d-\d\dZ$/;
/** One backup at a time over all the processes; any number nobody else uses. */
const BACKUP_LOCK = 7_236_002;
const nameOf = (at: Date) => at.toISOString().slice(0, 19).replaceAll(":", "-").concat("Z");

/**
 * Writes a whole backup and returns its folder: the files, then every table in one snapshot, tenant after tenant, each
 * with its SHA-256. A folder that bears its final name is whole: it is filled under another one. Backups of more than
 * 30 days leave. Throws BackupRefused while another one is being written.
 */
export async function writeBackup(request: BackupRequest): Promise<{ folder: string; manifest: Manifest }> {
  const client = new pg.Client({ connectionString: request.databaseUrl, application_name: "opstracker backup" });
  await client.connect();
  try {
    const { rows } = await client.query("select pg_try_advisory_lock($1) as mine", [BACKUP_LOCK]);
    if (!rows[0].mine) throw new BackupRefused("Une sauvegarde est déjà en cours : attendez qu’elle finisse.");
    await mkdir(request.into, { recursive: true, mode: 0o700 });
    await sweep(request.into, (name) => name.endsWith(DRAFT) && NAME.test(name.slice(0, -DRAFT.length))); // of a killed process
    const limit = new Date(request.now.getTime() - KEPT_DAYS * 86_400_000).toISOString().slice(0, 10);
    const isOld = (name: string) => (NAME.exec(name)?.[1] ?? limit) < limit;
    // The old ones first, or a disk they fill would never take another; the last one once it has a successor.
    const newest = (await readdir(request.into))
      .filter((name) => NAME.test(name))
      .sort()
      .at(-1);
    await sweep(request.into, (name) => isOld(name) && name !== newest);
    const written = await writeWhole(client, request);
    await sweep(request.into, isOld);
    return written;
  } finally {
    await client.end();
  }
}

/** Called with what is about to be written: looks at the disk now and then, and throws BackupRefused under the floor. */
type Took = (bytes: number) => void;
const LOOK_EVERY = 4_000_000;

function watchRoom({ into, floor = 0 }: BackupRequest): Took {
  let since = LOOK_EVERY;
  return (bytes) => {
    since += bytes;
    if (since < LOOK_EVERY) return;
    since = 0;
    const { bavail, bsize } = statfsSync(into);
    if (bavail * bsize >= floor) return;
    throw new BackupRefused(
      `Il reste moins de ${fr.number(floor / 1e6)} Mo sur le disque de ${into} (réglage DISK_FLOOR) : libérez-y de la place, ou donnez un BACKUP_DIR d’un autre disque. Rien n’a été gardé.`,
    );
  };
}

async function sweep(folder: string, leaves: (name: string) => boolean): Promise<void> {
  for (const name of (await readdir(folder)).filter(leaves)) await rm(path.join(folder, name), { recursive: true });
}

async function writeWhole(client: pg.Client, request: BackupRequest): Promise<{ folder: string; manifest: Manifest }> {
  const folder = path.join(request.into, nameOf(request.now));
  const draft = folder + DRAFT;
  const took = watchRoom(request);
  took(0);
  await mkdir(draft, { mode: 0o700 });
  try {
    const salt = request.key ? randomBytes(16).toString("hex") : null;
    const key = salt ? partKey(request.key!, salt) : null;
    // Heads before the snapshot: they are signed after their seals, so none speaks of a row the snapshot misses.
    const files = await writeFiles(draft, request, key, took);
    const migrations = await ranMigrations(request.ownerUrl);
    if (migrations.length === 0) {
      throw new BackupRefused("Cette base n’a encore jamais servi : il n’y a rien à sauvegarder.");
    }
    await client.query("begin isolation level repeatable read read only");
    const { rows: tenants } = await client.query<{ id: string }>("select id from lookup.tenants() order by id");
    // Once the snapshot is taken: a row's bytes are there before it, and outlive it by a day.
    const stored = writeStored(draft, request.store, key, files.length, took);
    const [tables, kept] = await bothEnded(writeTables(client, draft, tenants, key, took), stored);
    files.push(...kept);
    // None of them waited for the disk; all of them do now, before the manifest says they are there.
    await flush(
      draft,
      [...tables, ...files].map(({ file }) => file),
    );
    const at = request.now.toISOString();
    const { version } = request;
    const manifest = await writeManifest(
      draft,
      { version, at, migrations, salt, tables, files, leftOut: LEFT_OUT },
      key,
    );
    await rename(draft, folder);
    await flush(request.into, []);
    return { folder, manifest };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Both, whatever becomes of the other: nothing writes any more in a draft that is taken away. */
async function bothEnded<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

async function writeFiles(
  draft: string,
  { varDir, paths }: BackupRequest,
  key: Buffer | null,
  took: Took,
): Promise<FilePart[]> {
  const wanted = key ? [...paths, SECRETS] : paths;
  const found = (await Promise.all(wanted.map((one) => filesUnder(varDir, one)))).flat();
  return writeEach(draft, found, 0, key, took, async (file) => {
    const source = path.join(varDir, file);
    // No more than what is there now: a log that grows meanwhile ends where the reading ends.
    const { size } = await stat(source);
    return { path: file, bytes: size <= SMALL ? await readFile(source) : createReadStream(source) };
  });
}

async function writeStored(
  draft: string,
  store: Store,
  key: Buffer | null,
  before: number,
  took: Took,
): Promise<FilePart[]> {
  return writeEach(draft, store.list(), before, key, took, async ({ key: name, size }) => {
    return { path: STORED + name, bytes: size <= SMALL ? await store.whole(name) : await store.open(name) };
  });
}

/** Held whole in memory, by so many at a time. */
const SMALL = 1_000_000;
const AT_ONCE = 4;

/** Numbered in the order they come, a few at a time. */
async function writeEach<T>(
  draft: string,
  all: Iterable<T> | AsyncIterable<T>,
  before: number,
  key: Buffer | null,
  took: Took,
  read: (one: T) => Promise<{ path: string; bytes: Buffer | Readable }>,
): Promise<FilePart[]> {
  const parts: FilePart[] = [];
  const left = numbered(all);
  const work = async () => {
    for await (const [i, one] of left) {
      const { path: from, bytes } = await read(one);
      const file = `fichier-${before + i + 1}`;
      if (Buffer.isBuffer(bytes)) took(bytes.length);
      const part: Part = Buffer.isBuffer(bytes)
        ? await writeWholePart(draft, file, bytes, key)
        : await writePart(draft, file, bytes, key, ({ length }) => took(length));
      parts[i] = { ...part, path: from };
    }
  };
  // The first that fails ends the list for all.
  const workers = Array.from({ length: AT_ONCE }, work);
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return parts;
}

async function* numbered<T>(all: Iterable<T> | AsyncIterable<T>): AsyncGenerator<[number, T]> {
  let i = 0;
  for await (const one of all) yield [i++, one];
}

async function filesUnder(varDir: string, relative: string): Promise<string[]> {
  const entries = await readdir(path.join(varDir, relative), { withFileTypes: true, recursive: true }).catch(
    (error) => {
      if (error.code === "ENOENT") return [];
      if (error.code === "ENOTDIR") return null;
      throw error;
    },
  );
  if (!entries) return [relative];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(varDir, path.join(entry.parentPath, entry.name)))
    .sort();
}

async function writeTables(
  client: pg.Client,
  draft: string,
  tenants: { id: string }[],
  key: Buffer | null,
  took: Took,
): Promise<TablePart[]> {
  const parts: TablePart[] = [];
  for (const { schema, table, columns, condition } of await tablesOf(client)) {
    const list = columns.map(pg.escapeIdentifier).join(", ");
    const question = `copy (select ${list} from ${schema}.${pg.escapeIdentifier(table)}${condition}) to stdout`;
    let rows = 0;
    const source =
      schema === "public" ? Readable.from(byTenant(client, tenants, question)) : client.query(copyTo(question));
    const part = await writePart(draft, `${schema}.${table}.zst`, source, key, (chunk) => {
      took(chunk.length);
      // Each row of COPY's text ends with the only line feeds in it.
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) rows += 1;
    });
    parts.push({ ...part, schema, table, columns, rows });
  }
  await client.query("commit");
  return parts;
}

async function* byTenant(client: pg.Client, tenants: { id: string }[], question: string): AsyncGenerator<Buffer> {
  for (const { id } of tenants) {
    await client.query("select set_config('app.tenant_id', $1, true)", [id]);
    yield* client.query(copyTo(question)) as AsyncIterable<Buffer>;
  }
}

interface TableToRead {
  schema: string;
  table: string;
  columns: string[];
  condition: string;
}

/** Every table of the catalogue, so that a new one cannot be forgotten, and the work pg-boss has not ended. */
async function tablesOf(client: pg.Client): Promise<TableToRead[]> {
  const { rows } = await client.query<{ schema: string; table: string; columns: string[] }>(`
    select n.nspname as schema, c.relname as table,
      array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where (n.nspname = 'public' and c.relkind = 'r') or (n.nspname = 'pgboss' and c.relname = 'job')
    group by 1, 2 order by 1, 2`);
  return rows
    .filter(({ schema, table }) => schema !== "public" || !(table in LEFT_OUT))
    .map((one) => ({ ...one, condition: one.schema === "pgboss" ? " where state < 'completed'" : "" }));
}
