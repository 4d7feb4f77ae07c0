import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import express, { type RequestHandler } from "express";
import { asDownload } from "../../../src/platform/http/download.ts";
import { sendFile } from "../../../src/platform/http/send-file.ts";
import { folderStore } from "../../../src/platform/storage/folder.ts";

const STALL_MS = 1_000;
/** More than the system keeps between two sockets for a reader who takes nothing. */
const SIZE = 64 * 1024 * 1024;

const folder = await mkdtemp(path.join(tmpdir(), "stalled-"));
const store = folderStore(folder, { floor: 1 });
const bytes = Buffer.alloc(SIZE, "octets ");
const { key } = await store.put("aaaaaaaa-0000-7000-8000-000000000000", Readable.from([bytes]), { most: SIZE });
/** Streams of files given and not yet closed, descriptor included. */
const open = new Set<Readable>();
let opened = 0;
const watched = {
  ...store,
  async open(...asked: Parameters<typeof store.open>) {
    const stream = await store.open(...asked);
    opened++;
    open.add(stream);
    stream.once("close", () => open.delete(stream));
    return stream;
  },
};
const app = express();
Object.defineProperties(app.request, {
  files: { value: { store: watched } },
  config: { value: { stallMs: STALL_MS } },
});
const ended: Promise<unknown>[] = [];
const file: RequestHandler = (req, res) => {
  const given = sendFile(
    req,
    res,
    { blob: key, name: "plan.pdf", type: "application/pdf", size: SIZE, sha256: createHash("sha256").digest() },
    { as: "attachment" },
  );
  ended.push(given);
};
/** As the exports: lines written as they are read, waiting for the reader. */
const sheet: RequestHandler = async (_req, res) => {
  asDownload(res, "export.csv").status(200);
  let goOn = () => {};
  res.on("drain", () => goOn()).on("close", () => goOn());
  while (!res.destroyed) if (!res.write("a;b;c\r\n".repeat(10_000))) await new Promise<void>((go) => (goOn = go));
};
/** Reads for longer than the limit before it writes anything: nobody stalls, it works. */
const slow: RequestHandler = async (_req, res) => {
  await pause(STALL_MS * 1.5);
  res.send("fini");
};
app.get("/fichier", file).get("/export", sheet).get("/long", slow);
const server = createServer(app);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});
const connections = () =>
  new Promise<number>((resolve, reject) => server.getConnections((error, n) => (error ? reject(error) : resolve(n))));

async function ask(at: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(`GET ${at} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}
/** Waits for it, without end but that of the run of tests. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

test("F19 : qui ne prend plus rien de son téléchargement est coupé, et le fichier refermé ; d’un export aussi", {
  timeout: 20_000,
}, async () => {
  const stalled = await Promise.all(["/fichier", "/fichier", "/export"].map(ask));
  for (const socket of stalled) {
    await once(socket, "data");
    socket.pause();
  }
  assert.equal(opened, 2);
  await until(async () => (await connections()) === 0);
  await until(() => open.size === 0);
  await Promise.all(ended);
  for (const socket of stalled) socket.destroy();
});

test("F19 : qui prend lentement, mais prend, a son fichier entier ; une page longue à préparer n’est pas coupée", {
  timeout: 30_000,
}, async () => {
  const socket = await ask("/fichier");
  let got = 0;
  socket.on("data", (piece: Buffer) => (got += piece.length));
  // Rests shorter than the limit, several times over: longer in all than the limit.
  for (let rest = 0; rest < 4; rest++) {
    const before = got;
    await until(() => got > before + SIZE / 16);
    socket.pause();
    await pause(STALL_MS * 0.3);
    socket.resume();
  }
  await until(() => got > SIZE);
  socket.destroy();
  // On the connection of a download that ended well.
  await fetch(`http://127.0.0.1:${port}/fichier`, { method: "HEAD" });
  const answer = await fetch(`http://127.0.0.1:${port}/long`);
  assert.equal(await answer.text(), "fini");
});
