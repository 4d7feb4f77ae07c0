import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, describe, test } from "node:test";
import S3rver from "s3rver";
import { NoRoom, TooLarge, Unavailable } from "../../../src/platform/errors.ts";
import { folderStore } from "../../../src/platform/storage/folder.ts";
import { s3Store } from "../../../src/platform/storage/s3.ts";
import { KEY, Missing, type Store } from "../../../src/platform/storage/store.ts";

const work = await mkdtemp(path.join(tmpdir(), "opstracker-store-"));
after(() => rm(work, { recursive: true, force: true }));
const tenantId = randomUUID();
const other = randomUUID();
const folder = path.join(work, "fichiers");

const s3 = new S3rver({
  port: 0,
  address: "127.0.0.1",
  silent: true,
  directory: path.join(work, "s3"),
  configureBuckets: [{ name: "fichiers", configs: [] }],
});
const { port } = (await s3.run()) as AddressInfo;
after(() => s3.close());

const MAKES: Record<string, Store> = {
  "un dossier": folderStore(folder),
  "un compartiment S3": s3Store(`http://S3RVER:S3RVER@127.0.0.1:${port}/fichiers?region=us-east-1`),
};

const all = async (store: Store, of?: string) => {
  const keys: string[] = [];
  for await (const { key } of store.list(of)) keys.push(key);
  return keys;
};

for (const [make, store] of Object.entries(MAKES)) {
  describe(`Stockage dans ${make}`, () => {
    test("ce qui est gardé se relit au bit près, entier ou par un bout, sous un nom tiré au sort", async () => {
      for (const length of [0, 1, 70_000, 6_000_000]) {
        const content = randomBytes(length);
        const kept = await store.put(tenantId, Readable.from(content.length > 0 ? [content] : []), {
          most: 10_000_000,
        });
        assert.match(kept.key, KEY);
        assert.ok(kept.key.startsWith(`${tenantId}/`));
        assert.equal(kept.size, length);
        assert.ok(kept.sha256.equals(createHash("sha256").update(content).digest()));
        assert.ok((await buffer(await store.open(kept.key))).equals(content));
        if (length < 100) continue;
        const piece = await buffer(await store.open(kept.key, { start: 10, end: 99 }));
        assert.ok(piece.equals(content.subarray(10, 100)));
      }
    });

    test("un octet de trop, une coupure : rien ne reste", async () => {
      const before = await all(store);
      const tooMuch = store.put(tenantId, Readable.from([randomBytes(1000), randomBytes(1000)]), { most: 1999 });
      await assert.rejects(tooMuch, TooLarge);
      const cut = new Readable({ read() {} });
      const putting = store.put(tenantId, cut, { most: 10_000_000 });
      cut.push(randomBytes(200_000));
      setImmediate(() => cut.destroy(new Error("cut")));
      await assert.rejects(putting);
      assert.deepEqual(await all(store), before);
    });

    test("chaque organisation a son préfixe ; ce qui est retiré n’est plus là", async () => {
      const { key } = await store.put(other, Readable.from(["a"]), { most: 10 });
      assert.deepEqual(await all(store, other), [key]);
      assert.ok((await all(store)).includes(key));
      assert.equal((await store.whole(key)).toString(), "a");
      await store.remove(key);
      await store.remove(key);
      await assert.rejects(store.open(key), Missing);
      await assert.rejects(store.whole(key), Missing);
      assert.deepEqual(await all(store, other), []);
    });

    test("une sauvegarde rend ses octets sous la même clé ; une clé qui n’en est pas une n’ouvre rien", async () => {
      const { key } = await store.put(other, Readable.from(["abc"]), { most: 10 });
      const before = await buffer(await store.open(key));
      await store.remove(key);
      await store.restore(key, Readable.from([before]));
      assert.equal(String(await buffer(await store.open(key))), "abc");
      await store.tidy(new Date(Date.now() + 1000));
      for (const wrong of ["../../etc/passwd", `${other}/../x`, "/etc/passwd", `${key}/..`]) {
        await assert.rejects(store.open(wrong), /Not a key/);
        await assert.rejects(async () => store.restore(wrong, Readable.from(["x"])), /Not a key/);
      }
      await store.remove(key);
    });
  });
}

test("F18 : sous le plancher, un fichier est refusé en le disant, sans reste, et les autres se lisent", async () => {
  const { key } = await MAKES["un dossier"]!.put(tenantId, Readable.from(["déjà là"]), { most: 100 });
  const low = folderStore(folder, { floor: Number.MAX_SAFE_INTEGER });
  await assert.rejects(low.put(tenantId, Readable.from(["x"]), { most: 10 }), (error: Error) => {
    assert.ok(error instanceof NoRoom);
    assert.match(error.message, /plus assez de place sur le serveur/);
    return true;
  });
  assert.deepEqual(await readdir(path.join(folder, ".en-cours")), []);
  assert.equal(String(await buffer(await low.open(key))), "déjà là");
});

test("F18 : disque plein pendant l’écriture : refusé, rien à moitié, le reste intact, et tout repart quand la place revient", async (t) => {
  const disk = path.join(work, "petit-disque");
  await mkdir(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  if (mounted.status !== 0) return t.skip("il faut être root, et pouvoir monter un tmpfs, pour remplir un disque");
  after(() => void spawnSync("umount", [disk]));
  const store = folderStore(path.join(disk, "fichiers"));
  const small = await store.put(tenantId, Readable.from([randomBytes(400_000)]), { most: 1e7 });
  await assert.rejects(store.put(tenantId, Readable.from([randomBytes(900_000)]), { most: 1e7 }), NoRoom);
  assert.deepEqual(await readdir(path.join(disk, "fichiers/.en-cours")), []);
  assert.equal((await buffer(await store.open(small.key))).length, 400_000);
  await store.remove(small.key);
  await store.put(tenantId, Readable.from([randomBytes(900_000)]), { most: 1e7 });
});

test("un compartiment qui ne répond pas ne perd rien en silence : 503, puis tout repart", async () => {
  const silent = createServer((_req, res) => res.writeHead(503).end());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  after(() => silent.close());
  const lost = s3Store(`http://a:b@127.0.0.1:${(silent.address() as AddressInfo).port}/fichiers`);
  await assert.rejects(lost.put(tenantId, Readable.from(["x"]), { most: 10 }), Unavailable);
});
