import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  BackupRefused,
  checkPart,
  flush,
  type Part,
  partKey,
  readPart,
  writePart,
  writeWholePart,
} from "../../../src/platform/backup/parts.ts";

const folder = await mkdtemp(path.join(tmpdir(), "opstracker-parts-"));
after(() => rm(folder, { recursive: true }));
const KEY = partKey("une phrase assez longue pour une clé", "00112233445566778899aabbccddeeff");
const TEXT = Buffer.from("Une ligne de texte, bien plus longue qu’un échantillon.\n".repeat(500));
const PHOTO = randomBytes(60_000);

async function readBack(part: Part, key: Buffer | null): Promise<Buffer> {
  await checkPart(folder, part);
  const target = new PassThrough();
  const [read] = await Promise.all([buffer(target), readPart(folder, part, key, target)]);
  return read;
}

test("d’un flux ou de la mémoire, en clair ou chiffré, chaque contenu revient au bit près et son empreinte est celle du disque", async () => {
  let n = 0;
  for (const key of [null, KEY]) {
    for (const bytes of [Buffer.alloc(0), Buffer.from("court"), TEXT, PHOTO]) {
      const parts = [
        await writeWholePart(folder, `entier-${++n}`, bytes, key),
        await writePart(folder, `flux-${n}`, Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]), key),
      ];
      for (const part of parts) {
        assert.ok((await readBack(part, key)).equals(bytes));
        const onDisk = await readFile(path.join(folder, part.file));
        assert.equal(createHash("sha256").update(onDisk).digest("hex"), part.sha256);
        assert.equal(key !== null, part.iv !== undefined);
      }
    }
  }
  await flush(folder, ["entier-1", "flux-1"]);
});

test("une photo n’est pas compressée une seconde fois, un texte l’est", async () => {
  const [photo, text] = [
    await writeWholePart(folder, "photo", PHOTO, null),
    await writeWholePart(folder, "texte", TEXT, null),
  ];
  assert.deepEqual([photo.packing, photo.bytes], ["none", PHOTO.length]);
  assert.equal(text.packing, "zstd");
  assert.ok(text.bytes < TEXT.length / 10);
});

test("ce que gzip a compressé, dans une sauvegarde d’avant, se lit encore", async () => {
  const bytes = gzipSync(TEXT);
  await writeFile(path.join(folder, "ancien.gz"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assert.ok((await readBack({ file: "ancien.gz", bytes: bytes.length, sha256 }, null)).equals(TEXT));
});

test("une autre clé, ou un octet changé avec son empreinte, n’ouvre rien", async () => {
  const part = await writeWholePart(folder, "secret", PHOTO, KEY);
  await assert.rejects(readBack(part, partKey("une autre phrase assez longue", "00112233445566778899aabbccddeeff")));
  const bytes = await readFile(path.join(folder, part.file));
  bytes[100]! ^= 1;
  await writeFile(path.join(folder, part.file), bytes);
  await assert.rejects(readBack(part, KEY), BackupRefused);
  await assert.rejects(readBack({ ...part, sha256: createHash("sha256").update(bytes).digest("hex") }, KEY));
});
