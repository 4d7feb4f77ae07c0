import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { serve } from "../../../src/platform/http/server.ts";

const SERVER = new URL("../../../src/platform/http/server.ts", import.meta.url).href;
const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const start = (app: RequestListener, more = {}) => {
  const order: string[] = [];
  return serve(app, {
    port: 0,
    host: "127.0.0.1",
    log: silent,
    close: async () => void order.push("closed"),
    onStopping: () => void order.push("stopping"),
    exit: () => {},
    ...more,
  }).then((listening) => ({ ...listening, order }));
};
const ask = (port: number, agent?: Agent) =>
  new Promise<{ status: number | undefined; text: string; connection: string | undefined }>((resolve, reject) => {
    get({ port, host: "127.0.0.1", agent }, async (res: IncomingMessage) => {
      let text = "";
      for await (const piece of res) text += piece;
      resolve({ status: res.statusCode, text, connection: res.headers.connection });
    }).on("error", reject);
  });

/** The program of an instance, as small as can be: it prints its port. */
const PROGRAM = (port: number) => `
  import { serve } from ${JSON.stringify(SERVER)};
  const log = { debug() {}, info() {}, warn() {}, error() {}, with: () => log };
  const app = (req, res) => setTimeout(() => res.end("fini"), 300);
  const close = () => new Promise((done) => setTimeout(() => process.stdout.write("fermé", done), 50));
  const { port } = await serve(app, { port: ${port}, host: "127.0.0.1", log, close });
  process.stdout.write(port + "\\n");`;
const run = (port: number) => execFile(process.execPath, ["--input-type=module", "-e", PROGRAM(port)]);

test("l’arrêt laisse finir la requête en cours, n’en prend plus, puis ferme la base", async () => {
  let entered!: () => void;
  let leave!: () => void;
  const inside = new Promise<void>((resolve) => (entered = resolve));
  const gate = new Promise<void>((resolve) => (leave = resolve));
  const { port, stop, order } = await start(async (_req, res) => {
    entered();
    await gate;
    res.end("fini");
  });
  const running = ask(port);
  await inside;
  const stopped = stop();
  assert.equal(stop(), stopped);
  await assert.rejects(ask(port), /ECONNREFUSED/);
  assert.deepEqual(order, ["stopping"]);
  leave();
  assert.deepEqual(await running, { status: 200, text: "fini", connection: "close" });
  await stopped;
  assert.deepEqual(order, ["stopping", "closed"]);
});

test("une connexion gardée ouverte ne retient pas l’arrêt", async () => {
  const agent = new Agent({ keepAlive: true });
  const { port, stop } = await start((_req, res) => void res.end("ok"));
  assert.equal((await ask(port, agent)).text, "ok");
  await stop();
  agent.destroy();
});

test("une requête qui ne finit pas est coupée au bout du délai", async () => {
  const { port, stop, order } = await start(() => {}, { graceMs: 100 });
  const hung = ask(port);
  const cut = assert.rejects(hung, /hang up|ECONNRESET/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  await cut;
  assert.deepEqual(order, ["stopping", "closed"]);
});

test("SIGTERM : la réponse part, la base se ferme, le code est 0", { timeout: 20_000 }, async () => {
  const child = run(0);
  let out = "";
  child.stdout!.on("data", (piece) => (out += piece));
  while (!out.includes("\n")) await once(child.stdout!, "data");
  const running = ask(Number(out));
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill("SIGTERM");
  assert.equal((await running).text, "fini");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.match(out, /fermé/);
});

test("un signal reçu deux fois, pendant les demandes puis pendant la fermeture, ne coupe rien", {
  timeout: 20_000,
}, async () => {
  const child = run(0);
  let out = "";
  child.stdout!.on("data", (piece) => (out += piece));
  while (!out.includes("\n")) await once(child.stdout!, "data");
  const again = setInterval(() => child.kill("SIGTERM"), 5);
  const [code] = await once(child, "exit");
  clearInterval(again);
  assert.equal(code, 0);
  assert.match(out, /fermé/);
});

test("port occupé : une phrase qui donne la commande, et le code 1", { timeout: 20_000 }, async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const child = run(port);
  let said = "";
  child.stderr!.on("data", (piece) => (said += piece));
  const [code] = await once(child, "exit");
  other.close();
  assert.equal(code, 1);
  assert.equal(
    said.trim(),
    `Le port ${port} est déjà occupé : arrêtez l’autre programme, ou choisissez un autre port, par exemple « PORT=${port + 1} npm start ».`,
  );
});

test("des en-têtes qui n’arrivent pas ne gardent pas une place", async () => {
  const { server, port, stop } = await start((_req, res) => void res.end(), { graceMs: 200 });
  assert.ok(server.headersTimeout <= 15_000 && server.requestTimeout <= 60_000);
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
  socket.on("error", () => {});
  const closed = once(socket, "close");
  await stop();
  await closed;
});
