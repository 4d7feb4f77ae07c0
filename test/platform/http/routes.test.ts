import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post, type Route } from "../../../src/platform/http/route.ts";
import { ANY_PAGE, product } from "./app.ts";

const ok: Route["handler"] = (_req, res) => void res.send("ok");

test("une route sans droit, ou publique qui écrit sans jeton, ne se construit pas", () => {
  assert.throws(() => get("/x", "", ok), /n’a pas de droit/);
  assert.throws(() => get("/x", undefined as never, ok), /n’a pas de droit/);
  assert.throws(() => post("/x", "public", ok), /publicForm/);
  assert.throws(() => post("/x", "signed-in", ok, { publicForm: true }), /retirez publicForm/);
  assert.throws(() => get("/x", "signed-in", ok, { recent: true }), /redemander le mot de passe/);
  assert.throws(() => get("/x", "public", undefined as never), /gestionnaire/);
});

test("une adresse déclarée deux fois arrête le démarrage", () => {
  assert.throws(() => product({ routes: [get("/x", "public", ok), get("/x", "public", ok)] }), /déclarée deux fois/);
});

const routes = [
  get("/", "signed-in", (_req, res) => res.show(ANY_PAGE, { status: 404, sentence: null, todo: null })),
  get("/notes", "notes.read", ok, { sitemap: "Notes" }),
  get("/admin", "accounts.manage", ok),
  post("/admin", "accounts.manage", ok),
];

test("toutes les routes montées s’énumèrent avec leur droit", () => {
  const { app } = product({ routes });
  const listed = (app.locals.routes as Route[]).map(({ method, path, right }) => `${method} ${path} ${right}`);
  assert.ok(listed.includes("get /notes notes.read"));
  assert.ok(listed.includes("post /connexion public"));
  assert.equal(listed.length, routes.length + 4);
});

test("sans être connecté : vers la connexion, et retour où l’on était", async () => {
  const one = product({ routes }).browser();
  const page = await one.get("/notes?page=2");
  assert.deepEqual([page.status, page.headers.location], [303, "/connexion?retour=%2Fnotes%3Fpage%3D2"]);
  assert.equal((await one.get("/")).headers.location, "/connexion");
  const form = await one.post("/admin", {}, { headers: { Referer: "https://ops.example.fr/notes" } });
  assert.deepEqual([form.status, form.headers.location], [303, "/connexion?retour=%2Fnotes"]);
  const foreign = await one.get("/notes", { part: true, headers: { Referer: "https://evil.example/notes" } });
  assert.deepEqual([foreign.status, foreign.headers["hx-redirect"], foreign.text], [401, "/connexion", ""]);
});

test("connecté sans le droit : 403 et la phrase qui dit qui peut ; avec, la page", async () => {
  const { browser, lines } = product({ routes });
  const amina = await browser().signIn("Amina");
  await amina.get("/");
  const refused = await amina.get("/admin");
  assert.equal(refused.status, 403);
  assert.match(refused.text, /Seule une personne qui administre peut le faire\./);
  assert.equal((await amina.post("/admin")).status, 403);
  assert.equal((await amina.get("/notes")).status, 200);
  assert.ok(lines.some(({ level, fields }) => level === "warn" && fields.status === 403 && fields.path === "/admin"));
  const bruno = await browser().signIn("Bruno");
  assert.equal((await bruno.get("/admin")).status, 200);
});

test("un paramètre n’a que la forme déclarée", async () => {
  const one = product({
    routes: [
      get("/objets/:type/:id", "public", ok),
      get("/jours/:day", "public", ok, { params: { day: /^\d{4}-\d\d-\d\d$/ } }),
    ],
  }).browser();
  const id = "0190a1b2-c3d4-7abc-8def-0123456789ab";
  assert.equal((await one.get(`/objets/campagne/${id}`)).status, 200);
  assert.equal((await one.get("/objets/campagne/1")).status, 404);
  assert.equal((await one.get(`/objets/a.b/${id}`)).status, 404);
  assert.equal((await one.get("/jours/2026-11-20")).status, 200);
  assert.equal((await one.get("/jours/demain")).status, 404);
});
