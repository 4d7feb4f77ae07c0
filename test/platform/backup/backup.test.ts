import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { sql, type Transaction } from "kysely";
import pg from "pg";
import { User } from "../../../src/accounts/user.ts";
import { openHeads, startSealer, verifyHistory } from "../../../src/history/index.ts";
import { BackupRefused, openBackup, restoreBackup, writeBackup } from "../../../src/platform/backup/index.ts";
import { openDatabase } from "../../../src/platform/db/index.ts";
import { migrate } from "../../../src/platform/db/migrate.ts";
import { NoRoom } from "../../../src/platform/errors.ts";
import { StoredFile } from "../../../src/platform/storage/file.ts";
import { folderStore } from "../../../src/platform/storage/folder.ts";
import { openFiles } from "../../../src/platform/storage/index.ts";
import { emptyDatabase } from "../../support/cluster.ts";
import { actOf, testDatabase } from "../../support/database.ts";
import { giveFile } from "../../support/files.ts";

const KEY = "une phrase assez longue pour une clé";
const KARIM = { email: "karim.daoudi@quais.example" };
const source = await testDatabase({ world: true });
const work = await mkdtemp(path.join(tmpdir(), "opstracker-backup-"));
after(() => rm(work, { recursive: true, force: true }));

const historyKey = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const varDir = path.join(work, "var");
await mkdir(varDir);
await writeFile(path.join(varDir, "secrets.json"), '{"secret":"canari-du-secret"}');
const sealer = startSealer(source.db, {
  heads: openHeads({ varDir, historyKey }),
  clock: source.clock,
  onError: (error) => {
    throw error;
  },
  everyMs: Number.POSITIVE_INFINITY,
});
await sealer.sealAll();
after(() => sealer.stop());

const store = folderStore(path.join(varDir, "fichiers"));
const storeAt = (folder: string) => folderStore(path.join(folder, "fichiers"));

const request = (hour: string, key?: string) => ({
  databaseUrl: source.databaseUrl,
  ownerUrl: source.ownerUrl,
  varDir,
  store,
  paths: ["heads"],
  into: path.join(work, "sauvegardes"),
  version: "0.0.0",
  now: new Date(`2026-11-21T${hour}:00:00Z`),
  key,
});

const restored = async () => {
  const empty = await emptyDatabase();
  after(() => empty.drop());
  return empty;
};

/** Each table's number of rows and the fingerprint of all of them. */
async function fingerprints(superUrl: string): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: superUrl });
  await client.connect();
  const { rows } = await client.query(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  const found: Record<string, string> = {};
  for (const { name } of rows) {
    const { rows: marks } = await client.query(
      `select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') as mark from "${name}" t`,
    );
    found[name] = marks[0].mark;
  }
  await client.end();
  return found;
}

const tenants = await source.db.lookup<{ id: string; name: string }>("tenants");
const tenantId = tenants.find(({ name }) => name.includes("Quais"))!.id;

test("une base vide reçoit toutes les lignes, les têtes signées et les secrets ; la chaîne se vérifie (F21)", async () => {
  const { folder, manifest } = await writeBackup(request("02", KEY));
  assert.ok(manifest.tables.find(({ table }) => table === "change")!.rows > 0);

  const empty = await restored();
  const elsewhere = path.join(work, "ailleurs");
  await restoreBackup({
    ...empty,
    folder,
    varDir: elsewhere,
    store: storeAt(elsewhere),
    key: KEY,
    registry: source.registry,
  });

  const [before, now] = [await fingerprints(source.superUrl), await fingerprints(empty.superUrl)];
  for (const name of Object.keys(manifest.leftOut)) {
    delete before[name];
    delete now[name];
  }
  assert.deepEqual(now, before);
  assert.match(await readFile(path.join(elsewhere, "secrets.json"), "utf8"), /canari-du-secret/);

  const db = await openDatabase(empty.databaseUrl, source.registry);
  try {
    const { firstBreak, verified } = await verifyHistory(db, openHeads({ varDir: elsewhere, historyKey }), tenantId);
    assert.deepEqual([firstBreak, verified > 0], [null, true]);
    // Its triggers, sequences and isolation are back: it is written to as before.
    await db.act(actOf(tenantId), async (em) => {
      (await em.findOneOrFail(User, KARIM)).givenName = "Kamel";
    });
    const rows = await db.read(tenantId, async (em) => {
      const run = em.getTransactionContext<Transaction<unknown>>()!;
      return (await sql`select after from change order by ordinal desc limit 1`.execute(run)).rows;
    });
    assert.deepEqual(rows, [{ after: { given_name: "Kamel" } }]);
  } finally {
    await db.close();
  }
});

test("prise pendant qu’on écrit, elle est un seul instant : chaque acte y est entier", async () => {
  const write = async (i: number) => {
    await source.db.act(actOf(tenantId), async (em) => {
      (await em.findOneOrFail(User, KARIM)).givenName = `Karim ${i}`;
    });
    await sealer.sealAll();
  };
  await write(0);
  let writing = true;
  const writer = (async () => {
    for (let i = 1; writing; i++) await write(i);
  })();
  const { folder } = await writeBackup(request("03"));
  writing = false;
  await writer;

  const empty = await restored();
  const elsewhere = path.join(work, "pendant");
  const onto = { ...empty, folder, varDir: elsewhere, store: storeAt(elsewhere), registry: source.registry };
  await assert.rejects(restoreBackup(onto), /en clair.*Remettez d’abord son secrets\.json[\s\S]*--sans-secrets/);
  await mkdir(elsewhere, { recursive: true });
  await copyFile(path.join(varDir, "secrets.json"), path.join(elsewhere, "secrets.json"));
  await restoreBackup(onto);
  const db = await openDatabase(empty.databaseUrl, source.registry);
  try {
    assert.equal((await verifyHistory(db, openHeads({ varDir: elsewhere, historyKey }), tenantId)).firstBreak, null);
    const [name, told] = await db.read(tenantId, async (em) => {
      const user = await em.findOneOrFail(User, KARIM);
      const { rows } = await sql<{ name: string }>`
        select after ->> 'given_name' as name from change where row_id = ${user.id} and after ->> 'given_name' is not null
        order by ordinal desc limit 1`.execute(em.getTransactionContext<Transaction<unknown>>()!);
      return [user.givenName, rows[0]!.name];
    });
    assert.equal(name, told);
  } finally {
    await db.close();
  }
});

test("S35 : chaque fichier envoyé est dans la sauvegarde, et se retrouve au bit près après la restauration (DOC-9)", async () => {
  const settings = { folder: "", s3Url: undefined, floor: 0, quotas: { tenant: 1e9, person: 1e9 } };
  const files = { ...(await openFiles(settings, source.registry.files)), store };
  const [karim] = await source.db.read(tenantId, (em) => em.find(User, KARIM));
  const world = { db: source.db, files };
  for (const name of ["un.png", "deux.png"]) await giveFile(world, { tenantId, id: karim!.id }, { name });
  const { folder } = await writeBackup(request("09", KEY));

  const empty = await restored();
  const elsewhere = path.join(work, "fichiers-ailleurs");
  const there = storeAt(elsewhere);
  const onto = { ...empty, folder, varDir: elsewhere, store: there, key: KEY, registry: source.registry };
  await restoreBackup(onto);
  const db = await openDatabase(empty.databaseUrl, source.registry);
  try {
    const rows = await db.read(tenantId, (em) => em.find(StoredFile, {}));
    assert.equal(rows.length, 2);
    for (const { blob, sha256, size } of rows) {
      const bytes = await buffer(await there.open(blob));
      assert.equal(bytes.length, size);
      assert.ok(createHash("sha256").update(bytes).digest().equals(sha256));
    }
  } finally {
    await db.close();
  }
  const again = await restored();
  await assert.rejects(restoreBackup({ ...onto, ...again }), /stockage des fichiers .* n’est pas vide/);
});

test("un octet changé, un fichier perdu, une mauvaise clé, un manifeste retouché : refusés en les nommant", async () => {
  const { folder } = await writeBackup(request("04", KEY));
  await assert.rejects(openBackup(folder, undefined), /chiffrée : donnez sa clé/);
  await assert.rejects(openBackup(folder, "une autre phrase, tout aussi longue"), /n’est pas la clé/);

  const file = path.join(folder, "public.act.zst");
  const bytes = await readFile(file);
  bytes[40]! ^= 1;
  await writeFile(file, bytes);
  await assert.rejects(openBackup(folder, KEY), /public\.act\.zst .* a changé/);
  await rm(file);
  await assert.rejects(openBackup(folder, KEY), /public\.act\.zst .* ne se lit pas \(ENOENT\)/);

  const manifest = path.join(folder, "manifeste.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"rows": 0', '"rows": 1'));
  await assert.rejects(openBackup(folder, KEY), /manifeste a été modifié/);
  await assert.rejects(openBackup(path.join(work, "rien"), KEY), BackupRefused);
});

test("une base habitée n’est jamais écrasée, et une sauvegarde plus récente que le programme est refusée", async () => {
  const { folder } = await writeBackup(request("05"));
  const before = await fingerprints(source.superUrl);
  const { databaseUrl, ownerUrl, registry } = source;
  const onto = { folder, databaseUrl, ownerUrl, registry, varDir: path.join(work, "habitée"), store: storeAt(work) };
  await assert.rejects(restoreBackup(onto), /contient déjà des organisations/);
  assert.deepEqual(await fingerprints(source.superUrl), before);

  const manifest = path.join(folder, "manifeste.json");
  const text = await readFile(manifest, "utf8");
  await writeFile(manifest, text.replace('"migrations": [', '"migrations": [ "Migration29991231000000_future",'));
  await assert.rejects(restoreBackup(onto), /plus récente que celle-ci/);
});

test("une seule à la fois ; les restes d’une sauvegarde tuée et celles de plus de 30 jours partent (GDP-8)", async () => {
  const into = path.join(work, "sauvegardes");
  await mkdir(path.join(into, "2026-11-20T02-00-00Z.partiel"));
  await mkdir(path.join(into, "2026-10-21T02-00-00Z"));
  await mkdir(path.join(into, "à moi"));
  const outcomes = await Promise.allSettled([writeBackup(request("07")), writeBackup(request("08"))]);
  const refused = outcomes.filter((one) => one.status === "rejected");
  assert.equal(refused.length, 1);
  assert.match(String(refused[0]!.reason), /déjà en cours/);
  const left = await readdir(into);
  assert.ok(left.includes("à moi"));
  assert.deepEqual(
    left.filter((name) => name.startsWith("2026-1") && !name.startsWith("2026-11-21")),
    [],
  );
});

test("sans clé, aucun secret de l’instance n’y entre ; le manifeste dit ce qui est laissé, et pourquoi", async () => {
  const { manifest } = await writeBackup(request("06"));
  assert.ok(manifest.files.length > 0);
  assert.ok(manifest.files.every((file) => /^(heads|stockage)\//.test(file.path)));
  assert.match(manifest.leftOut.session!, /se reconnectent/);
});

test("tout ou rien : un fichier qui ne revient pas, et la base reste vide, l’ancien secrets.json à sa place ; relancée, elle passe (F21)", async () => {
  const { folder } = await writeBackup(request("10", KEY));
  const empty = await restored();
  const elsewhere = path.join(work, "tout-ou-rien");
  await mkdir(elsewhere);
  await writeFile(path.join(elsewhere, "secrets.json"), "celui d’avant");
  const there = storeAt(elsewhere);
  let given = 0;
  const full = {
    ...there,
    async restore(...one: Parameters<typeof there.restore>) {
      given += 1;
      if (given > 1) throw new NoRoom();
      await there.restore(...one);
    },
  };
  const onto = { ...empty, folder, varDir: elsewhere, key: KEY, registry: source.registry };
  await assert.rejects(restoreBackup({ ...onto, store: full }), NoRoom);
  assert.equal(given, 2, "le second fichier a manqué");
  for await (const { key } of there.list()) assert.fail(`${key} est resté`);
  assert.equal(await readFile(path.join(elsewhere, "secrets.json"), "utf8"), "celui d’avant");
  await restoreBackup({ ...onto, store: there });
  const db = await openDatabase(empty.databaseUrl, source.registry);
  const names = (await db.lookup<{ name: string }>("tenants")).map(({ name }) => name);
  await db.close();
  assert.deepEqual(names.toSorted(), tenants.map(({ name }) => name).toSorted());
});

test("les envois sont retenus dans la transaction qui rend les lignes : rien ne part, où que la restauration soit coupée (F21)", async () => {
  const { folder } = await writeBackup(request("11", KEY));
  const empty = await restored();
  const elsewhere = path.join(work, "retenus");
  const onto = { ...empty, folder, varDir: elsewhere, store: storeAt(elsewhere), key: KEY, registry: source.registry };
  await restoreBackup(onto);
  const root = new pg.Client({ connectionString: empty.superUrl });
  await root.connect();
  const { rows } = await root.query(
    "select distinct xmin::text from (select xmin from mail_hold where released_at is null union all select xmin from tenant) one",
  );
  await root.end();
  assert.equal(rows.length, 1);
});

test("une base vide, mais migrée plus loin que la sauvegarde, est refusée : ses migrations ne verraient jamais ces lignes", async () => {
  const { folder, manifest } = await writeBackup(request("12"));
  const file = path.join(folder, "manifeste.json");
  const last = manifest.migrations.at(-1)!;
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(new RegExp(`,\\s*"${last}"`), ""));
  const empty = await restored();
  await migrate(empty.ownerUrl, source.registry);
  const elsewhere = path.join(work, "trop-loin");
  const onto = { ...empty, folder, varDir: elsewhere, store: storeAt(elsewhere), registry: source.registry };
  await assert.rejects(restoreBackup(onto), /vide, mais déjà au schéma d’une version plus récente[\s\S]*npm run reset/);
});

test("sous le plancher du disque, rien n’est gardé et la phrase dit quoi faire ; une base qui n’a jamais servi n’a rien à garder", async () => {
  const into = path.join(work, "plein");
  const low = { ...request("13"), into, floor: Number.MAX_SAFE_INTEGER };
  await assert.rejects(writeBackup(low), /Il reste moins de .* Mo .*DISK_FLOOR.*BACKUP_DIR/);
  assert.deepEqual(await readdir(into), []);
  const empty = await restored();
  await assert.rejects(writeBackup({ ...request("14"), ...empty, into }), /jamais servi/);
  assert.deepEqual(await readdir(into), []);
});

test("ce qui remplit le disque pendant la sauvegarde l’arrête au plancher, sans reste (F18)", async (t) => {
  const into = path.join(work, "petit-disque");
  await mkdir(into);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", into]).status !== 0)
    return t.skip("il faut être root, et pouvoir monter un tmpfs, pour remplir un disque");
  try {
    const heavy = storeAt(path.join(work, "lourd"));
    await heavy.put(tenantId, Readable.from([randomBytes(9_000_000)]), { most: 1e8 });
    await assert.rejects(
      writeBackup({ ...request("15"), into, store: heavy, floor: 6_000_000 }),
      /Il reste moins de 6 Mo/,
    );
    assert.deepEqual(await readdir(into), []);
  } finally {
    spawnSync("umount", [into]);
  }
});

test("GDP-8 : des sauvegardes de plus de 30 jours qui remplissent le disque partent d’abord, sauf la dernière tant qu’elle est seule", async () => {
  const into = path.join(work, "vieilles");
  for (const day of ["2026-09-01", "2026-09-02"]) await mkdir(path.join(into, `${day}T02-00-00Z`), { recursive: true });
  await assert.rejects(writeBackup({ ...request("16"), into, floor: Number.MAX_SAFE_INTEGER }));
  assert.deepEqual(await readdir(into), ["2026-09-02T02-00-00Z"]);
  await writeBackup({ ...request("16"), into });
  assert.deepEqual(await readdir(into), ["2026-11-21T16-00-00Z"]);
});
