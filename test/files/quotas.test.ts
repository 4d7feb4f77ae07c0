import assert from "node:assert/strict";
import { test } from "node:test";
import { sweepFiles } from "../../src/files/sweep.ts";
import { StoredFile } from "../../src/platform/storage/file.ts";
import { giveFile, giveUpload, picture } from "../support/files.ts";
import { sendForm } from "../support/multipart.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld({ quotas: { person: 30_000, tenant: 50_000 } });
const AT = "/compte/photo";

const count = async (tenantId: string) => world.db.read(tenantId, (em) => em.count(StoredFile, {}));
const blobs = async () => {
  let n = 0;
  for await (const _ of world.files.store.list()) n += 1;
  return n;
};

test("P41 : la place d’une personne, puis celle de l’organisation : 413, avec ce qu’il reste et quoi faire", async () => {
  const karim = await world.as("karim");
  for (let i = 0; i < 7; i++) await giveFile(world, karim).catch(() => undefined);
  const full = { purpose: "user.picture", name: "a.png", size: "29000", mark: "" };
  const refused = await karim.post("/envois", full, { part: true });
  assert.equal(refused.status, 413);
  assert.match(refused.text, /il vous reste .*ko sur 30\sko/);

  const held = await blobs();
  const form = await sendForm(world, karim, AT, { name: "moi.png", content: await picture(300, 300) });
  assert.equal(form.status, 413, "sans script aussi");
  assert.match(form.text, /id="field-file-problem">[\s\S]*il vous reste .*ko sur 30\sko/);
  assert.match(form.text, /<title>Erreur/);
  assert.equal(await blobs(), held, "rien n’en reste");

  const sophie = await world.as("sophie");
  for (let i = 0; i < 7; i++) await giveFile(world, sophie).catch(() => undefined);
  const hugo = await world.as("hugo");
  await giveFile(world, hugo).catch(() => undefined);
  await giveFile(world, hugo).catch(() => undefined);
  const before = await blobs();
  const last = await hugo.post("/envois", { ...full, mark: "2" }, { part: true });
  assert.equal(last.status, 413);
  assert.match(last.text, /reste .*ko à votre organisation sur 50\sko/);
  assert.equal(await blobs(), before);
});

test("la nuit efface ce que plus rien ne montre ni ne peut ramener, et les restes d’envois coupés", async () => {
  const nathalie = await world.as("nathalie");
  const { tenantId } = nathalie;
  const services = { db: world.db, files: world.files };
  const sweep = () => sweepFiles(services, { tenantId, now: world.clock.now() });
  const upload = await giveUpload(world, nathalie, "user.picture");
  assert.equal((await nathalie.post(AT, { upload })).status, 303);
  assert.equal((await nathalie.post(`${AT}/retrait`)).status, 303);
  const orphan = await giveFile(world, nathalie);
  await world.db.note(tenantId, (em) => em.nativeDelete(StoredFile, { id: orphan.id }));
  await giveUpload(world, nathalie, "user.picture");
  assert.deepEqual(await sweep(), { files: 0, orphans: 0 }, "rien n’a un jour");

  await world.clock.advanceMinutes(25 * 60);
  assert.deepEqual(await sweep(), { files: 0, orphans: 2 }, "l’orphelin et le morceau d’un envoi abandonné");
  assert.equal(await count(tenantId), 1);
  await world.clock.advanceMinutes(32 * 24 * 60);
  assert.deepEqual(await sweep(), { files: 1, orphans: 1 }, "la photo retirée, que rien ne peut plus ramener");
  assert.equal(await count(tenantId), 0);
});
