import { createWriteStream, existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { knownMigrations, migrate } from "../db/migrate.ts";
import { holdMessages } from "../mail/hold.ts";
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
  registry: Registry;
}

/**
 * Restores a backup on an empty base, whole or not at all: checks every file, brings the schema to what it was, loads
 * every table in one transaction, then brings the schema to this version. Throws BackupRefused; nothing is erased ever.
 */
export async function restoreBackup(request: RestoreRequest): Promise<Manifest> {
  const { folder, ownerUrl, varDir, registry } = request;
  const { manifest, key } = await openBackup(folder, request.key);
  const known = await knownMigrations();
  const foreign = manifest.migrations.find((name) => !known.includes(name));
  if (foreign) {
    throw new BackupRefused(
      `Cette sauvegarde vient de la version ${manifest.version}, plus récente que celle-ci (migration ${foreign}) : installez cette version, puis relancez.`,
    );
  }
  await refuseInhabited(request, manifest);
  await migrate(ownerUrl, registry, { upTo: manifest.migrations.at(-1) });
  await loadTables(ownerUrl, manifest, (part, target) => readPart(folder, part, key, target));
  await migrate(ownerUrl, registry);
  // What waited then may have left since, from the base this one replaces or beside it.
  await holdMessages(
    request.databaseUrl,
    `Restauration de la sauvegarde du ${fr.dateTime(manifest.at, "Europe/Paris")}`,
  );
  for (const part of manifest.files) {
    if (part.path.startsWith(STORED)) {
      const bytes = new PassThrough();
      const [read, kept] = [
        readPart(folder, part, key, bytes),
        request.store.restore(part.path.slice(STORED.length), bytes),
      ];
      await Promise.all([read, kept]);
      continue;
    }
    const target = path.join(varDir, part.path);
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    if (existsSync(target)) await rename(target, `${target}.avant-restauration`);
    await readPart(folder, part, key, createWriteStream(target, { flags: "wx", mode: 0o600 }));
    await chmod(target, 0o600);
  }
  return manifest;
}

async function refuseInhabited(
  { databaseUrl, ownerUrl, varDir, store }: RestoreRequest,
  { files }: Manifest,
): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  const { rows } = await owner
    .query("select to_regclass('public.tenant') is not null as migrated")
    .finally(() => owner.end());
  if (rows[0].migrated) {
    const app = new pg.Client({ connectionString: databaseUrl });
    await app.connect();
    const { rowCount } = await app.query("select from lookup.tenants()").finally(() => app.end());
    if (rowCount) {
      throw new BackupRefused(
        `La base contient déjà des organisations (${rowCount}) : une restauration n’efface rien. Restaurez dans une base neuve, ou videz la base fournie par « npm run reset ».`,
      );
    }
  }
  for await (const { key } of store.list()) {
    throw new BackupRefused(
      `Le stockage des fichiers (${store.name}) n’est pas vide, on y trouve ${key} : il appartient à une autre base. Donnez-en un autre, ou déplacez-le.`,
    );
  }
  const beside = files.filter((file) => !file.path.startsWith(STORED));
  for (const folder of new Set(beside.map((file) => path.dirname(file.path)).filter((one) => one !== "."))) {
    const inside = await readdir(path.join(varDir, folder)).catch(() => []);
    if (inside.length > 0) {
      throw new BackupRefused(
        `Le dossier ${path.join(varDir, folder)} n’est pas vide : il appartient à une autre base. Donnez un autre VAR_DIR, ou déplacez-le.`,
      );
    }
  }
}

type Load = (part: TablePart, target: NodeJS.WritableStream) => Promise<void>;

async function loadTables(ownerUrl: string, { tables }: Manifest, load: Load): Promise<void> {
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
