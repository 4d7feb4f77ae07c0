import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../../../src/platform/http/route.ts";
import { product } from "./app.ts";

const ALWAYS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
};

const routes = [
  get("/csv", "public", (_req, res) => void res.type("text/csv").send("a;b")),
  get("/casse", "public", () => {
    throw new Error("boum");
  }),
  get("/prive", "signed-in", (_req, res) => void res.send("x")),
  get("/invitation/:token", "public", (_req, res) => void res.send("x"), { secretPath: true }),
];

for (const [url, status, type] of [
  ["/connexion", 200, /^text\/html/],
  ["/csv", 200, /^text\/csv/],
  ["/prive", 303, /^text\/plain/],
  ["/rien", 404, /^text\/html/],
  ["/casse", 500, /^text\/html/],
  ["/assets/css/app.css", 200, /^text\/css/],
  ["/assets/vendor/htmx.min.js", 200, /^text\/javascript/],
  ["/assets/fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2", 200, /^font\/woff2/],
  ["/assets/rien.css", 404, /^text\/html/],
  ["/health/live", 200, /^application\/json/],
] as const) {
  test(`${url} (${status}) porte tous les en-têtes de sécurité`, async () => {
    const { headers, ...answer } = await product({ routes }).browser().get(url);
    assert.equal(answer.status, status);
    assert.match(headers["content-type"] ?? "", type);
    for (const [name, value] of Object.entries(ALWAYS)) assert.equal(headers[name], value, name);
    assert.match(headers["referrer-policy"] ?? "", /^same-origin$/);
    assert.match(headers["permissions-policy"] ?? "", /camera=\(\)/);
    const policy = headers["content-security-policy"] ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;/);
    for (const rule of [
      "form-action 'self'",
      "base-uri 'none'",
      "object-src 'none'",
      "frame-ancestors 'none'",
      "manifest-src 'self'",
    ]) {
      assert.ok(policy.includes(rule), rule);
    }
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    for (const absent of ["x-powered-by", "x-xss-protection", "access-control-allow-origin", "server"]) {
      assert.equal(headers[absent], undefined, absent);
    }
  });
}

test("une page ne se garde pas, un fichier versionné se garde un an", async () => {
  const browser = product().browser();
  const page = await browser.get("/connexion");
  assert.equal(page.headers["cache-control"], "no-store");
  const css = page.text.match(/\/assets\/css\/app\.css\?v=[\w-]+/)![0];
  assert.equal((await browser.get(css)).headers["cache-control"], "public, max-age=31536000, immutable");
  assert.equal((await browser.get("/assets/css/app.css")).headers["cache-control"], "no-cache");
  assert.equal((await browser.get("/assets/css/app.css?v=ancienne")).headers["cache-control"], "no-cache");
});

test("un lien secret ne part ni dans Referer, ni dans un index, ni dans le journal", async () => {
  const { browser, lines } = product({ routes });
  const secret = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
  const { headers } = await browser().get(`/invitation/${secret}`);
  assert.equal(headers["referrer-policy"], "no-referrer");
  assert.equal(headers["x-robots-tag"], "noindex, nofollow");
  await browser().get(`/invitation/${secret}/suite`);
  await browser().post(`/invitation/${secret}`);
  assert.equal(lines.length >= 3, true);
  assert.doesNotMatch(JSON.stringify(lines), /Zm9vYmFy/);
});

test("en http de développement, ni HSTS ni préfixe de cookie", async () => {
  const browser = product({ config: { publicUrl: "http://ops.example.fr", secure: false } }).browser();
  assert.equal((await browser.get("/rien")).headers["strict-transport-security"], undefined);
});
