import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post, type Route } from "../../../src/platform/http/route.ts";
import { ORIGIN, product } from "./app.ts";

const show: Route["handler"] = (_req, res) =>
  res.show({ page: "/errors/error" }, { status: 404, sentence: null, todo: null });
let written = 0;
const write: Route["handler"] = (_req, res) => {
  written++;
  res.send("écrit");
};
const routes = [
  get("/", "signed-in", show),
  post("/notes", "signed-in", write),
  post("/contact", "public", write, { publicForm: true }),
];

async function signedIn() {
  const { browser } = product({ routes });
  const one = await browser().signIn("Bruno");
  await one.get("/");
  assert.ok(one.csrf);
  return one;
}

test("avec le jeton de la session, l’écriture passe", async () => {
  const one = await signedIn();
  written = 0;
  assert.equal((await one.post("/notes")).status, 200);
  assert.equal((await one.post("/notes", { _csrf: "" }, { headers: { "X-CSRF-Token": one.csrf } })).status, 200);
  assert.equal(written, 2);
});

for (const [what, fields, headers, status] of [
  ["sans jeton", { _csrf: "" }, {}, 403],
  ["avec un jeton inventé", { _csrf: "abcdefgh-AAAAAAAAAAAAAAAAAAAAAAAAAAA" }, {}, 403],
  ["avec deux jetons", { _csrf: ["a", "b"] }, {}, 403],
  ["venue d’un autre site, jeton valide", {}, { "Sec-Fetch-Site": "cross-site" }, 403],
  ["venue d’un sous-domaine, jeton valide", {}, { "Sec-Fetch-Site": "same-site" }, 403],
  ["avec une Origin étrangère", {}, { Origin: "https://evil.example" }, 403],
  ["avec une Origin proche", {}, { Origin: "https://ops.example.fr.evil.example" }, 403],
  ["avec une Origin en http", {}, { Origin: "http://ops.example.fr" }, 403],
  ["avec Origin null venue d’ailleurs", {}, { Origin: "null", "Sec-Fetch-Site": "cross-site" }, 403],
  ["en text/plain", {}, { "Content-Type": "text/plain" }, 415],
  ["en JSON", {}, { "Content-Type": "application/json" }, 415],
  ["en multipart", {}, { "Content-Type": "multipart/form-data; boundary=x" }, 415],
  ["compressée", {}, { "Content-Encoding": "gzip" }, 415],
  [
    "dans un jeu de caractères inconnu",
    {},
    { "Content-Type": "application/x-www-form-urlencoded; charset=utf-7" },
    415,
  ],
] as const) {
  test(`une écriture ${what} est refusée (${status})`, async () => {
    const one = await signedIn();
    written = 0;
    const { status: got, text } = await one.post("/notes", fields as Record<string, string>, {
      headers: { ...headers } as Record<string, string>,
    });
    assert.equal(got, status);
    assert.match(text, /Que faire maintenant/);
    assert.equal(written, 0);
  });
}

test("le jeton d’une autre session, ou d’avant la connexion, est refusé", async () => {
  const one = await signedIn();
  const other = await signedIn();
  written = 0;
  assert.equal((await one.post("/notes", { _csrf: other.csrf })).status, 403);
  const before = one.csrf;
  await one.post("/connexion", { person: "Bruno" });
  assert.equal((await one.post("/notes", { _csrf: before })).status, 403);
  assert.equal(written, 0);
});

test("un jeton dans l’adresse ne vaut rien", async () => {
  const one = await signedIn();
  written = 0;
  assert.equal((await one.post(`/notes?_csrf=${encodeURIComponent(one.csrf)}`, { _csrf: "" })).status, 403);
  assert.equal(written, 0);
});

test("sans Sec-Fetch-Site, il faut Origin ou Referer de chez nous", async () => {
  const one = await signedIn();
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const send = (headers: Record<string, string>) =>
    one.raw("post", "/notes", { ...form, ...headers }, `_csrf=${encodeURIComponent(one.csrf)}`);
  written = 0;
  assert.equal((await send({})).status, 403);
  assert.equal((await send({ Origin: "null" })).status, 403);
  assert.equal((await send({ Referer: "https://evil.example/" })).status, 403);
  assert.equal(written, 0);
  assert.equal((await send({ Origin: ORIGIN })).status, 200);
  assert.equal((await send({ Referer: `${ORIGIN}/notes` })).status, 200);
  // A page under no-referrer posts a null origin, and the browser vouches for it.
  assert.equal((await send({ Origin: "null", "Sec-Fetch-Site": "same-origin" })).status, 200);
});

test("avant la connexion : jeton signé, lié au cookie de visite, valable douze heures", async () => {
  const forms = product({ routes });
  const one = forms.browser();
  await one.get("/formulaire");
  assert.match([...one.cookies.keys()].join(), /__Host-opstracker-visite/);
  const { csrf } = one;
  written = 0;
  assert.equal((await one.post("/contact", { _csrf: csrf })).status, 200);
  assert.equal((await one.post("/contact", { _csrf: "" })).status, 403);
  assert.equal((await one.post("/contact", { _csrf: `${csrf}A` })).status, 403);
  assert.equal((await one.post("/contact", { _csrf: `zzzzzzzzzz.${csrf.split(".")[1]}` })).status, 403);

  const other = forms.browser();
  await other.get("/formulaire");
  assert.equal((await other.post("/contact", { _csrf: csrf })).status, 403);
  assert.equal((await forms.browser().post("/contact", { _csrf: csrf })).status, 403);

  forms.clock.time = new Date(forms.clock.time.getTime() + 13 * 3_600_000);
  assert.equal((await one.post("/contact", { _csrf: csrf })).status, 403);
  assert.equal(written, 1);
});

test("lire une page publique n’ouvre pas de session", async () => {
  const { browser, rows } = product({ routes });
  const one = browser();
  await one.get("/connexion");
  assert.deepEqual([...one.cookies.keys()], []);
  assert.deepEqual(rows.calls, []);
});
