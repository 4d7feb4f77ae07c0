import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { get, type Route } from "../../../src/platform/http/route.ts";
import { product } from "./app.ts";

const id = "0190a1b2-c3d4-7abc-8def-0123456789ab";
let reached = 0;
const reach: Route["handler"] = (_req, res) => {
  reached++;
  res.send("atteint");
};
const routes = [
  get("/notes", "public", reach),
  get("/notes/:id", "public", reach),
  get("/aide/:slug", "public", reach),
];
const browser = product({ routes }).browser();

test("l’adresse déclarée répond, et HEAD comme GET", async () => {
  for (const url of ["/notes", `/notes/${id}`, "/aide/premiers-pas", "/notes?x=1"]) {
    assert.equal((await browser.get(url)).status, 200, url);
    assert.equal((await browser.raw("head", url)).status, 200, url);
  }
});

test("aucune variante d’une adresse n’atteint son gestionnaire", async () => {
  reached = 0;
  const variants = [
    "/notes/",
    "//notes",
    "/./notes",
    "/x/../notes",
    "/%6eotes",
    "/notes%2f",
    "/notes%00",
    "/notes;v=1",
    "/NOTES",
    "/Notes",
    "/notes/.",
    "/notes%20",
    `/notes/${id}/`,
    `/notes//${id}`,
    `/notes/${id.toUpperCase()}`,
    `/notes/${id},${id}`,
    `/notes/${id}%2e`,
    `/notes/${id};a`,
    `/notes/1`,
    `/notes/%2e%2e`,
    "/notes/1,2",
    "/notes/[1]",
    "/notes/*",
    "/notes/%zz",
    "/notes\\",
    "/aide/é",
    "/aide/a%2fb",
    "/aide/..%2f",
    "/aide/__proto__/x",
    "/%e0%a4%a",
  ];
  for (const url of variants) assert.equal((await browser.get(url)).status, 404, url);
  assert.equal(reached, 0);
});

test("seuls GET, HEAD et POST existent ; _method et X-HTTP-Method-Override ne font rien", async () => {
  reached = 0;
  for (const method of ["put", "patch", "delete", "options"] as const) {
    assert.equal((await browser.raw(method, "/notes")).status, 404, method);
  }
  const answer = await browser.post("/notes", { _method: "GET" }, { headers: { "X-HTTP-Method-Override": "GET" } });
  assert.equal(answer.status, 404);
  assert.equal(reached, 0);
});

test("un autre Host est refusé (421), X-Forwarded-Host n’y change rien", async () => {
  for (const host of [
    "evil.example",
    "ops.example.fr.evil.example",
    "ops.example.fr:8443",
    "127.0.0.1:1",
    "localhost",
    "ops.example.fr@evil",
  ]) {
    const { status, text } = await browser.raw("get", "/notes", { Host: host });
    assert.equal(status, 421, host);
    assert.match(text, /https:\/\/ops\.example\.fr/);
    assert.ok(!text.includes(host.replace("ops.example.fr", "")) || host === "localhost", host);
  }
  assert.equal(
    (await browser.raw("get", "/notes", { Host: "evil.example", "X-Forwarded-Host": "ops.example.fr" })).status,
    421,
  );
  assert.equal((await browser.raw("get", "/notes", { Host: "OPS.example.fr:443" })).status, 200);
});

test("sur la machine même, localhost répond au port réellement écouté", async () => {
  const { app } = product({ routes });
  const server = app.listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    assert.equal((await fetch(`http://127.0.0.1:${port}/notes`)).status, 200);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("les sondes répondent même quand elles nomment la machine par son adresse", async () => {
  const { browser, db } = product();
  assert.deepEqual((await browser().raw("get", "/health/live", { Host: "10.0.0.7:3000" })).body, { status: "ok" });
  assert.equal((await browser().raw("get", "/health/ready", { Host: "10.0.0.7:3000" })).status, 200);
  db.trouble = new Error(`connect ECONNREFUSED ${randomUUID()}`);
  const { status, body, headers } = await browser().raw("get", "/health/ready");
  assert.deepEqual(
    [status, body, headers["retry-after"]],
    [503, { status: "unavailable", reason: "database unreachable" }, "5"],
  );
});

test("ni point-virgule, ni fichier caché, ni remontée dans les fichiers publics", async () => {
  for (const url of [
    "/assets/../package.json",
    "/assets/%2e%2e/package.json",
    "/assets/.gitignore",
    "/assets",
    "/assets/css",
    "/assets/vendor/htmx.min.js/x",
  ]) {
    assert.equal((await browser.get(url)).status, 404, url);
  }
  assert.equal((await browser.post("/assets/css/app.css")).status, 404);
});
