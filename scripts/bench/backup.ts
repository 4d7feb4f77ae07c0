import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { createTenant } from "../../src/accounts/index.ts";
import { modules } from "../../src/modules.ts";
import { type Manifest, writeBackup } from "../../src/platform/backup/index.ts";
import { type Database, openDatabase } from "../../src/platform/db/index.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { embeddedDatabase, withDatabase } from "../../src/platform/db/roles.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { folderStore } from "../../src/platform/storage/folder.ts";
import { alternate, type Figure, type Measure, peakRssMB, timed } from "./measure.ts";
import { withFolder } from "./servers.ts";

const MOST = 3;
const PEOPLE = 10_000;
const CHANGES = 100_000;
const FILES = 1_000;
const FILE_BYTES = 50_000;
/** Where the product keeps what people send, under VAR_DIR. */
const STORED = "fichiers";

/**
 * A whole backup of 100 000 rows of history and 1 000 files; the floor COPYs the same tables and copies the same files, and
 * neither is done before all of it is on the disk.
 */
export const backup: Measure = {
  name: "backup_100k",
  unit: "s",
  target: `au plus ${MOST} fois le plancher`,
  holds: ({ ratio }) => ratio <= MOST,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const registry = createRegistry(modules);
  const { server, databaseUrl, databaseOwnerUrl: ownerUrl } = await embeddedDatabase(folder);
  try {
    await migrate(ownerUrl, registry);
    const db = await openDatabase(databaseUrl, registry, { pool: 2 });
    await live(db).finally(() => db.close());
    await send(path.join(folder, STORED));

    const into = path.join(folder, "sauvegardes");
    let tables: Manifest["tables"] = [];
    let turn = 0;
    const ours = () =>
      timed(async () => {
        const now = new Date(Date.now() + ++turn * 1_000); // the name of a backup is its second
        const store = folderStore(path.join(folder, STORED));
        const request = { databaseUrl, ownerUrl, varDir: folder, paths: ["heads"], store, into, version: "0.0.0", now };
        const { manifest } = await writeBackup(request);
        ({ tables } = manifest);
        if (manifest.files.length < FILES)
          throw new Error(`La sauvegarde ne tient que ${manifest.files.length} fichiers.`);
      });
    const floor = () =>
      timed(() =>
        rawCopy(withDatabase(server.superUrl, "opstracker"), tables, {
          from: path.join(folder, STORED),
          to: path.join(folder, `brut-${++turn}`),
        }),
      );
    const times = await alternate(ours, floor, { warm: async () => [await ours(), await floor()] });
    const history = tables.find(({ table }) => table === "change")!.rows;
    if (history < CHANGES) throw new Error(`La sauvegarde ne tient que ${history} lignes d’historique.`);
    await rm(into, { recursive: true });
    return { ...times, peakRssMB: peakRssMB(process.pid) };
  } finally {
    await server.stop();
  }
}

/** Files as a browser sends them, already compressed, under the keys the product gives. */
async function send(folder: string): Promise<void> {
  const tenantId = randomUUID();
  for (let n = 0; n < FILES; n++) {
    const key = randomBytes(16).toString("hex");
    const into = path.join(folder, tenantId, key.slice(0, 2));
    await mkdir(into, { recursive: true });
    await writeFile(path.join(into, key), randomBytes(FILE_BYTES));
  }
}

/** People, then acts on all of them at once, until history holds what is asked. */
async function live(db: Database): Promise<void> {
  const tenantId = randomUUID();
  const said = { tenantId, actorId: null, channel: "import", code: "user.edited", label: "Reprise" } as const;
  await db.act({ ...said, now: new Date() }, async (em) => {
    createTenant(em, { id: tenantId, name: "Ville de Mesure", kind: "organisation" } as never, { now: new Date() });
    await em.flush();
    await em.execute(
      `insert into app_user (tenant_id, id, email, given_name, family_name, roles)
       select ?, uuidv7(), 'personne' || n || '@mesure.example', 'Personne', 'Nº ' || n, '{viewer}' from generate_series(1, ?::int) n`,
      [tenantId, PEOPLE],
    );
  });
  for (let act = 1; act < CHANGES / PEOPLE; act++) {
    await db.act({ ...said, now: new Date() }, (em) =>
      em.execute("update app_user set given_name = ?, version = version + 1 where tenant_id = ?", [
        `Tour ${act}`,
        tenantId,
      ]),
    );
  }
}

async function rawCopy(
  url: string,
  tables: Manifest["tables"],
  { from, to }: { from: string; to: string },
): Promise<void> {
  await mkdir(to);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const { schema, table } of tables) {
      const source = client.query(copyTo(`copy (select * from ${schema}.${pg.escapeIdentifier(table)}) to stdout`));
      await pipeline(source, createWriteStream(path.join(to, `${schema}.${table}`)));
    }
  } finally {
    await client.end();
  }
  await mkdir(path.join(to, "fichiers"));
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await copyFile(path.join(entry.parentPath, entry.name), path.join(to, "fichiers", entry.name));
  }
  await onDisk(to);
}

/** Each file, several at a time, which the disk answers together. */
async function onDisk(folder: string): Promise<void> {
  const left = (await readdir(folder, { recursive: true })).values();
  const work = async () => {
    for (const name of left) {
      const handle = await open(path.join(folder, name));
      await handle.sync().finally(() => handle.close());
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
}
