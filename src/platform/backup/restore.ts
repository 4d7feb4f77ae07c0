import { createWriteStream, existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { knownMigrations, migrate, ranMigrations } from "../db/migrate.ts";
import { holdMessages, holdRestored } from "../mail/hold.ts";
import type { Registry } from "../registry.ts";
import type { Store } from "../storage/store.ts";
import { fr } from "../text/index.ts";
import { type Manifest, openBackup, STORED, type TablePart } from "./manifest.ts";
import { BackupRefused, readPart } from "./parts.ts";

export interface RestoreRequest {
  folder: string;
  databaseUrl: string;
  ownerUrl: string;
  varDir: string;
  /** Where the files people sent go back to; empty. */
  store: Store;
  key?: string | undefined;
  /** The keys of the instance are lost, and who restores knows what it costs. */
  forgetsSecrets?: boolean;
  registry: Registry;
}

/**
 * Restores a backup on an empty base, whole or not at all: checks every file, brings the schema to what it was, puts the
 * files back, loads every table in one transaction that also holds all messages, then brings the schema to this version.
 * Throws BackupRefused; nothing is erased ever.
 */
export async function restoreBackup(request: RestoreRequest): Promise<Manifest> {
  const { folder, ownerUrl, registry } = request;
  const { manifest, key } = await openBackup(folder, request.key);
  const known = await knownMigrations();
  const foreign = manifest.migrations.find((name) => !known.includes(name));
  if (foreign) {
    throw new BackupRefused(
      `Cette sauvegarde vient de la version ${manifest.version}, plus récente que celle-ci (migration ${foreign}) : installez cette version, puis relancez.`,
    );
  }
  await refuseInhabited(request, manifest);
  refuseWithoutSecrets(request, manifest);
  // Before the rows: a base without its files would look whole, files without their base do not.
  const takeBack = await placeFiles(request, manifest, key);
  // What waited then may have left since, from the base this one replaces or beside it.
  const why = `Restauration de la sauvegarde du ${fr.dateTime(manifest.at, "Europe/Paris")}`;
  let isHeld = false;
  try {
    await migrate(ownerUrl, registry, { upTo: manifest.migrations.at(-1) });
    await loadTables(
      ownerUrl,
      manifest,
      (part, target) => readPart(folder, part, key, target),
      async (owner) => {
        isHeld = await holdRestored(owner, why);
      },
    );
  } catch (error) {
    await takeBack();
    throw error;
  }
  await migrate(ownerUrl, registry);
  if (!isHeld) await holdMessages(request.databaseUrl, why);
  return manifest;
}

const SECRETS = "secrets.json";

/** Without the keys of then, no telephone opens any more and no signed head is anybody's. */
function refuseWithoutSecrets({ varDir, forgetsSecrets }: RestoreRequest, { files }: Manifest): void {
  const file = path.join(varDir, SECRETS);
  if (forgetsSecrets || existsSync(file) || files.some((one) => one.path === SECRETS)) return;
  throw new BackupRefused(
    `Cette sauvegarde est en clair : elle ne contient pas les clés de l’instance. Remettez d’abord son ${SECRETS} en place (${file}). Sans lui, les téléphones ne se liraient plus et l’historique d’alors ne serait plus prouvé ; s’il est perdu, ajoutez « --sans-secrets ».`,
  );
}

/** Puts each file back, or none; gives what takes them all away again. */
async function placeFiles(
  { folder, varDir, store }: RestoreRequest,
  { files }: Manifest,
  key: Buffer | null,
): Promise<() => Promise<void>> {
  const undo: (() => Promise<unknown>)[] = [];
  const takeBack = async () => {
    for (const one of undo.reverse()) await one();
  };
  try {
    for (const part of files) {
      if (part.path.startsWith(STORED)) {
        const bytes = new PassThrough();
        const name = part.path.slice(STORED.length);
        undo.push(() => store.remove(name));
        await Promise.all([readPart(folder, part, key, bytes), store.restore(name, bytes)]);
        continue;
      }
      const target = path.join(varDir, part.path);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      if (existsSync(target)) {
        const aside = `${target}.avant-restauration`;
        await rename(target, aside);
        undo.push(() => rename(aside, target));
      }
      undo.push(() => rm(target, { force: true }));
      await readPart(folder, part, key, createWriteStream(target, { flags: "wx", mode: 0o600 }));
      await chmod(target, 0o600);
    }
  } catch (error) {
    await takeBack();
    throw error;
  }
  return takeBack;
}

async function refuseInhabited(
  { databaseUrl, ownerUrl, varDir, store }: RestoreRequest,
  { files, migrations, version }: Manifest,
): Promise<void> {
  const ran = await ranMigrations(ownerUrl);
  const later = ran.find((name) => !migrations.includes(name));
  if (ran.length > 0) {
    const app = new pg.Client({ connectionString: databaseUrl });
    await app.connect();
    const { rowCount } = await app.query("select from lookup.tenants()").finally(() => app.end());
    if (rowCount) {
      throw new BackupRefused(
        `La base contient déjà des organisations (${rowCount}) : une restauration n’efface rien. Restaurez dans une base neuve, ou videz la base fournie par « npm run reset ».`,
      );
    }
  }
  if (later) {
    throw new BackupRefused(
      `La base est vide, mais déjà au schéma d’une version plus récente que la sauvegarde (${version}) : restaurez dans une base neuve, sans la migrer d’abord. La base fournie se vide par « npm run reset ».`,
    );
  }
  for await (const { key } of store.list()) {
    throw new BackupRefused(
      `Le stockage des fichiers (${store.name}) n’est pas vide, on y trouve ${key} : il appartient à une autre base, ou à une restauration interrompue. Donnez-en un autre, ou déplacez-le.`,
    );
  }
  const beside = files.filter((file) => !file.path.startsWith(STORED));
  for (const folder of new Set(beside.map((file) => path.dirname(file.path)).filter((one) => one !== "."))) {
    const inside = await readdir(path.join(varDir, folder)).catch(() => []);
    if (inside.length > 0) {
      throw new BackupRefused(
        `Le dossier ${path.join(varDir, folder)} n’est pas vide : il appartient à une autre base, ou à une restauration interrompue. Donnez un autre VAR_DIR, ou déplacez-le.`,
      );
    }
  }
}

type Load = (part: TablePart, target: NodeJS.WritableStream) => Promise<void>;

async function loadTables(
  ownerUrl: string,
  { tables }: Manifest,
  load: Load,
  beforeCommit: (owner: pg.Client) => Promise<void>,
): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl, application_name: "opstracker restore" });
  await owner.connect();
  try {
    await owner.query("begin; set constraints all immediate"); // a table with checks pending cannot be given its triggers back
    const order = await referencesFirst(owner);
    const business = tables
      .filter(({ schema }) => schema === "public")
      .toSorted((a, b) => order.indexOf(a.table) - order.indexOf(b.table));
    for (const part of business) await loadTable(owner, part, load);
    for (const part of tables.filter(({ schema }) => schema === "pgboss")) await loadJobs(owner, part, load);
    await beforeCommit(owner);
    await owner.query("commit");
  } catch (error) {
    await owner.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    await owner.end();
  }
}

/** As they were: no trigger writes history anew. COPY is refused under isolation, which is lifted for the owner meanwhile. */
async function loadTable(owner: pg.Client, part: TablePart, load: Load): Promise<void> {
  const name = pg.escapeIdentifier(part.table);
  await owner.query(`alter table ${name} no force row level security; alter table ${name} disable trigger user`);
  const list = part.columns.map(pg.escapeIdentifier).join(", ");
  await load(part, owner.query(copyFrom(`copy ${name} (${list}) from stdin`)));
  const { rows } = await owner.query(`select count(*)::int as loaded from ${name}`);
  if (rows[0].loaded !== part.rows) {
    throw new BackupRefused(`La table ${part.table} a reçu ${rows[0].loaded} lignes au lieu de ${part.rows}.`);
  }
  const { rows: counted } = await owner.query<{ column: string; sequence: string }>(
    `select c as column, pg_get_serial_sequence($1, c) as sequence from unnest($2::text[]) c
     where pg_get_serial_sequence($1, c) is not null`,
    [part.table, part.columns],
  );
  for (const { column, sequence } of counted) {
    await owner.query(
      `select setval($1, last) from (select max(${pg.escapeIdentifier(column)}) as last from ${name}) m where last is not null`,
      [sequence],
    );
  }
  await owner.query(`alter table ${name} enable trigger user`);
  await owner.query(
    `do $$ begin if exists (select from pg_class where oid = '${part.table}'::regclass and relrowsecurity) then
       alter table ${name} force row level security; end if; end $$`,
  );
}

/** Work left waiting, for the queues this version has. */
async function loadJobs(owner: pg.Client, part: TablePart, load: Load): Promise<void> {
  const list = part.columns.map(pg.escapeIdentifier).join(", ");
  await owner.query(`create temporary table waiting on commit drop as select ${list} from pgboss.job with no data`);
  await load(part, owner.query(copyFrom(`copy waiting (${list}) from stdin`)));
  await owner.query(
    `insert into pgboss.job (${list}) select ${list} from waiting where name in (select name from pgboss.queue)`,
  );
}

/** Tables, those that are referred to before those that refer to them. */
async function referencesFirst(owner: pg.Client): Promise<string[]> {
  const { rows } = await owner.query<{ name: string; needs: string[] }>(`
    select c.relname as name, array_remove(array_agg(distinct r.relname::text), null) as needs
    from pg_class c
    left join pg_constraint f on f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid
    left join pg_class r on r.oid = f.confrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1 order by 1`);
  const order: string[] = [];
  const visit = (name: string, path: string[] = []) => {
    if (order.includes(name) || path.includes(name)) return;
    for (const need of rows.find((row) => row.name === name)?.needs ?? []) visit(need, [...path, name]);
    order.push(name);
  };
  for (const { name } of rows) visit(name);
  return order;
}
