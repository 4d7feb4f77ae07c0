import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { folderStore } from "../../src/platform/storage/folder.ts";
import { multipart, multipartHeaders, sendForm, tokenOf } from "../support/multipart.ts";
import { fromOurPage, send } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const NEW = "/documents/nouveau";
const fields = { title: "Notice", kind: "other" };
const isLong = process.env.FAULTS === "long";

const disk = mkdtempSync(path.join(tmpdir(), "disque-"));
after(() => rmSync(disk, { recursive: true, force: true }));
world.files.store = folderStore(disk);
const drafts = () => {
  const folder = path.join(disk, ".en-cours");
  return existsSync(folder) ? readdirSync(folder) : [];
};
const keys = async () => {
  const found: string[] = [];
  for await (const { key } of world.files.store.list()) found.push(key);
  return found.sort();
};
const rows = () =>
  world.db.read(sophie.tenantId, (em) => em.execute("select id from file union all select id from upload"));
const text = (bytes: number) => Buffer.from(randomBytes(bytes).toString("base64").slice(0, bytes));

test("F18 : disque plein, l’envoi est refusé en le disant (507), rien ne traîne, et tout repart avec la place", async (t) => {
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]);
  if (mounted.status !== 0) return t.skip("il faut être root, et pouvoir monter un tmpfs, pour remplir un disque");
  try {
    const small = text(500_000);
    const kept = await sendForm(world, sophie, NEW, { name: "petit.txt", content: small }, fields);
    assert.equal(kept.status, 303);
    const [before, known] = [await keys(), await rows()];
    const full = await sendForm(world, sophie, NEW, { name: "gros.txt", content: text(5_000_000) }, fields);
    assert.equal(full.status, 507);
    assert.match(full.text, /Il ne reste plus assez de place sur le serveur/);
    assert.match(full.text, /value="Notice"/, "ce qui était tapé est gardé");

    const announced = { purpose: "document.file", name: "gros.txt", size: "4000000", mark: randomUUID() };
    const at = (await sophie.post("/envois", announced, { part: true })).headers.get("location")!;
    const token = await tokenOf(sophie, NEW);
    const statuses: number[] = [];
    for (let offset = 0; offset < 4_000_000 && statuses.at(-1) !== 507; offset += 1_000_000) {
      const body = text(1_000_000);
      const headers = {
        ...fromOurPage(world, sophie),
        "x-csrf-token": token,
        "content-type": "application/partial-upload",
        "upload-offset": String(offset),
        "content-digest": `sha-256=:${createHash("sha256").update(body).digest("base64")}:`,
      };
      statuses.push((await send(world.origin, { method: "POST", path: `${at}/morceaux`, headers, body })).status);
    }
    assert.equal(statuses.at(-1), 507, "par morceaux aussi");
    assert.deepEqual(drafts(), []);
    await world.db.note(sophie.tenantId, (em) => em.execute("delete from upload"));
    assert.deepEqual(await rows(), known);
    assert.equal((await sophie.get(`${kept.location}/versions/1/fichier`)).text, small.toString(), "l’existant se lit");
    assert.ok((await keys()).length >= before.length);

    spawnSync("mount", ["-o", "remount,size=30m", disk]);
    const again = await sendForm(world, sophie, NEW, { name: "gros.txt", content: text(5_000_000) }, fields);
    assert.equal(again.status, 303, "la place revenue, tout repart");
  } finally {
    spawnSync("umount", [disk]);
  }
});

test("F25 : un document coupé à dix endroits ne laisse ni ligne, ni octets, ni brouillon", async () => {
  const [known, before] = [await rows(), await keys()];
  const file = { name: "notice.txt", content: text(2_000_000) };
  const whole = multipart({ _csrf: await tokenOf(sophie, NEW), _key: randomUUID(), ...fields }, file);
  const { hostname, port } = new URL(world.origin);
  for (let part = 0; part < 10; part++) {
    await new Promise<void>((resolve) => {
      const headers = { ...multipartHeaders(world, sophie), "content-length": String(whole.length) };
      const cut = request({ hostname, port, method: "POST", path: NEW, headers, agent: false });
      cut.on("error", () => undefined);
      cut.on("close", () => resolve());
      cut.write(whole.subarray(0, Math.floor((whole.length * part) / 10) + 1), () => setImmediate(() => cut.destroy()));
    });
  }
  // What was cut is over once the process has answered others.
  for (let tries = 0; tries < 300 && (drafts().length > 0 || (await keys()).length > before.length); tries++) {
    await sophie.get(NEW);
  }
  assert.deepEqual(drafts(), []);
  assert.deepEqual(await keys(), before);
  assert.deepEqual(await rows(), known);
  assert.equal((await sendForm(world, sophie, NEW, file, fields)).status, 303);
});

test("F19 : deux cents envois au goutte-à-goutte : la mémoire tient, les autres sont servis, les prises se ferment", async () => {
  // As the product's own server, at another pace: server.test.ts reads the delays it has.
  const requestTimeout = isLong ? 60_000 : 6_000;
  const server = createServer({ headersTimeout: 3_000, requestTimeout, connectionsCheckingInterval: 500 }, world.app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const token = await tokenOf(sophie, NEW);
  const known = await rows();
  const body = multipart(
    { _csrf: token, _key: randomUUID(), ...fields },
    { name: "lent.txt", content: text(1_000_000) },
  );
  const head = [
    `POST ${NEW} HTTP/1.1`,
    ...Object.entries({ host: new URL(world.origin).host, ...multipartHeaders(world, sophie) }).map((pair) =>
      pair.join(": "),
    ),
    `content-length: ${body.length}`,
    "\r\n",
  ].join("\r\n");

  globalThis.gc?.();
  const rss = process.memoryUsage.rss();
  let most = 0;
  const clients: Socket[] = [];
  let closed = 0;
  try {
    for (let i = 0; i < 200; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.once("close", () => {
        closed += 1;
      });
      socket.resume();
      socket.write(head);
      socket.write(body.subarray(0, 100_000));
      clients.push(socket);
    }
    let sent = 100_000;
    const limit = performance.now() + requestTimeout * 4;
    while (closed < clients.length && performance.now() < limit) {
      for (const socket of clients) if (!socket.destroyed) socket.write(body.subarray(sent, sent + 1));
      sent += 1;
      most = Math.max(most, process.memoryUsage.rss() - rss);
      const { status } = await sophie.get("/documents");
      assert.equal(status, 200);
      await pause(100);
    }
    assert.equal(closed, clients.length, "chaque prise est fermée");
    assert.ok(most < 100e6, `${Math.round(most / 1e6)} Mo`);
    for (let tries = 0; tries < 100 && drafts().length > 0; tries++) await pause(50);
    assert.deepEqual(drafts(), []);
    assert.deepEqual(await rows(), known);
  } finally {
    for (const socket of clients) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
