import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { get, post } from "../../../src/platform/http/route.ts";
import { ANY_PAGE, product } from "./app.ts";

const { app, lines } = product({
  routes: [
    get("/notes", "public", (_req, res) => res.show(ANY_PAGE, { status: 404, sentence: null, todo: null }), {
      rate: false,
    }),
    post("/contact", "public", (_req, res) => void res.send("ok"), { publicForm: true, rate: false }),
  ],
});
const server = app.listen(0, "127.0.0.1");
let port = 0;
before(async () => {
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
after(() => {
  server.close();
  server.closeAllConnections();
});

/** Writes bytes on a socket and reads what comes back, until the server closes or `patienceMs` pass without a word. */
async function send(bytes: Buffer, patienceMs = 2_000): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.on("error", () => {});
  socket.on("data", (piece) => {
    text += piece.toString("latin1");
  });
  socket.end(bytes);
  await once(socket, "close");
  return text;
}

// The same numbers at each run: a failure can be played again.
let seed = 20261120;
const random = (below: number) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed % below;
};
const one = <T>(choices: T[]) => choices[random(choices.length)]!;
const noise = (length: number) => Array.from({ length }, () => String.fromCharCode(random(256))).join("");
const header = (name: string, value: string) => `${name}: ${value}\r\n`;

const PATHS = [
  "/notes",
  "/contact",
  "/assets/css/app.css",
  "/assets/vendor/htmx.min.js",
  "/health/ready",
  "/",
  "*",
  "http://evil/",
  "/notes?%",
  "/%",
  "/\u00e9",
  "/notes?a[b]=1&__proto__=1",
  `/${"a".repeat(9000)}`,
];
const HEADERS = (): string =>
  one([
    header("Cookie", `__Host-opstracker=${one(["s:", "s:a.b", "%E0%A4%A", noise(20)])}`),
    header("Cookie", "__Host-opstracker-avis=e30.AAAA; __Host-opstracker-visite=x; ;=;"),
    header(
      "Content-Type",
      one([
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=x",
        "text/plain",
        "multipart/form-data",
        noise(5),
      ]),
    ),
    header("Content-Encoding", one(["gzip", "br", "identity", "x"])),
    header("Origin", one(["null", "https://ops.example.fr", "https://evil", noise(4)])),
    header("Referer", one(["https://ops.example.fr/%%", "::", noise(6)])),
    header("Sec-Fetch-Site", one(["same-origin", "cross-site", "none", "x"])),
    header("HX-Request-Type", one(["partial", "full", "x"])),
    header("Range", one(["bytes=0-1", "bytes=99999999-", "bytes=9-1", "x"])),
    header("If-Match", one(["*", '"x"', ","])),
    header("If-None-Match", "*"),
    header("X-CSRF-Token", noise(8)),
    header("X-Forwarded-For", noise(8)),
    header("Transfer-Encoding", one(["chunked", "x"])),
    header("Content-Length", one(["0", "5", "-1", "99999999", "x"])),
  ]);
const BODIES = [
  "",
  "_csrf=1",
  "_csrf=a&_csrf=b",
  "%",
  "a=%FF%ED%A0%80",
  "&&&=",
  "__proto__[x]=1&constructor[prototype][x]=1",
  "5\r\nabcde\r\n0\r\n\r\n",
  "a[".repeat(400),
];

test("300 requêtes mal faites : jamais de 5xx, jamais un mot du programme, et le serveur répond encore", async () => {
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => {
      const host = one(["ops.example.fr", "ops.example.fr", "ops.example.fr", "evil", ""]);
      const start = `${one(["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "get", "BREW"])} ${one(PATHS)} HTTP/1.1\r\n`;
      const headers = Array.from({ length: random(5) }, HEADERS).join("");
      return send(Buffer.from(`${start}Host: ${host}\r\n${headers}Connection: close\r\n\r\n${one(BODIES)}`, "latin1"));
    }),
  );
  const statuses = new Set(answers.map((answer) => Number(answer.match(/^HTTP\/1\.1 (\d{3})/)?.[1] ?? 0)));
  assert.deepEqual(
    [...statuses].filter((status) => status >= 500),
    [],
  );
  assert.ok(statuses.has(200) && statuses.has(404) && statuses.has(421), [...statuses].join());
  const pages = answers.filter((answer) => /^content-type: text\/html/im.test(answer));
  const talkative = /node_modules|\bat .+\.[jt]s:\d+|TypeError|\bexpress\b/i;
  assert.deepEqual(
    pages.filter((page) => talkative.test(page)),
    [],
  );
  assert.deepEqual(
    lines.filter(({ level }) => level === "error"),
    [],
  );
  assert.equal(({} as Record<string, unknown>).x, undefined);
  assert.match(
    await send(Buffer.from("GET /notes HTTP/1.1\r\nHost: ops.example.fr\r\nConnection: close\r\n\r\n"), 30_000),
    /^HTTP\/1\.1 200/,
  );
});
