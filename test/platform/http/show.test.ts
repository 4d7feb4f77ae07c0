import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post } from "../../../src/platform/http/route.ts";
import { ANY_PAGE, product } from "./app.ts";

const VIEW = { ...ANY_PAGE, part: "/partials/badge" };
const BADGE = { icon: "check", label: "Fait", tone: "success", status: 404, sentence: null, todo: null };
const menu = [
  {
    section: "Administrer" as const,
    label: "Comptes",
    href: "/admin/comptes",
    icon: "users",
    right: "accounts.manage",
    order: 2,
  },
  { section: "Administrer" as const, label: "Notes", href: "/notes", icon: "list", right: "notes.read", order: 1 },
  { section: "Accueil" as const, label: "Accueil", href: "/", icon: "home", right: "signed-in", order: 0 },
];
const routes = [
  get("/", "signed-in", (_req, res) => res.show(VIEW, BADGE)),
  get("/notes/lues", "signed-in", (_req, res) => res.show(VIEW, BADGE)),
  get("/admin/comptes", "accounts.manage", (_req, res) => res.show(ANY_PAGE, BADGE)),
  post("/notes", "signed-in", (_req, res) => res.saved(VIEW, BADGE, { at: "/notes/lues", notice: "C’est <fait>." })),
  post("/loin", "signed-in", (_req, res) => res.saved(VIEW, BADGE, { at: "//evil.example", notice: "x" })),
];

test("la page entière, ou le seul fragment quand htmx le demande ; la réponse dit qu’elle en dépend", async () => {
  const one = await product({ routes }).browser().signIn("Amina");
  const page = await one.get("/");
  assert.match(page.text, /^\s*<!doctype html>/);
  assert.match(page.headers.vary ?? "", /HX-Request-Type/);
  const part = await one.get("/", { part: true });
  assert.doesNotMatch(part.text, /<html/);
  assert.match(part.text, /Fait/);
  assert.match((await one.get("/", { headers: { "HX-Request-Type": "full" } })).text, /<html/);
});

test("un fragment que beaucoup redemandent est dessiné une fois par nom, et n’est pas renvoyé à qui l’a ; la personne qui le demande le reçoit entier", async () => {
  let drawings = 0;
  const data = () => ({ ...BADGE, label: `Dessin ${++drawings}` });
  const many = get("/", "signed-in", (req, res) => res.showOnce(VIEW, req.user!.id, data));
  const { browser } = product({ routes: [many] });
  const [amina, bruno] = [await browser().signIn("Amina"), await browser().signIn("Bruno")];
  const again = { part: true, headers: { "live-refresh": "1" } };
  const first = await amina.get("/", again);
  assert.match(first.text, /Dessin 1/);
  assert.match((await bruno.get("/", again)).text, /Dessin 2/, "un autre nom, un autre dessin");
  const headers = { ...again.headers, "if-none-match": first.headers.etag! };
  assert.equal((await amina.get("/", { part: true, headers })).status, 304);
  const { "live-refresh": _, ...byHand } = headers;
  assert.match((await amina.get("/", { part: true, headers: byHand })).text, /Dessin 1/);
  assert.equal(drawings, 2);
});

test("après un changement : 303, et la phrase se lit une fois", async () => {
  const one = await product({ routes }).browser().signIn("Amina");
  await one.get("/");
  const { status, headers } = await one.post("/notes");
  assert.deepEqual([status, headers.location], [303, "/notes/lues"]);
  assert.match((await one.get("/notes/lues")).text, /C’est &lt;fait&gt;\./);
  assert.doesNotMatch((await one.get("/notes/lues")).text, /C’est/);
});

test("avec htmx, le fragment et l’annonce hors bande", async () => {
  const one = await product({ routes }).browser().signIn("Amina");
  await one.get("/");
  const { status, text } = await one.post("/notes", {}, { part: true });
  assert.equal(status, 200);
  assert.match(text, /Fait[\s\S]+id="annonces" hx-swap-oob="innerHTML"[\s\S]+C’est &lt;fait&gt;\./);
});

test("la phrase de bienvenue survit au changement de session", async () => {
  const one = await product({ routes }).browser().signIn("Amina");
  assert.match((await one.get("/")).text, /Bonjour\./);
});

test("une phrase laissée avant la connexion tient dans un cookie signé d’une minute", async () => {
  const { browser, clock } = product({
    routes: [
      ...routes,
      post(
        "/contact",
        "public",
        (_req, res) => res.saved(VIEW, BADGE, { at: "/connexion", notice: "Message envoyé." }),
        { publicForm: true },
      ),
    ],
  });
  const one = browser();
  const send = async () => {
    await one.get("/formulaire");
    assert.equal((await one.post("/contact")).status, 303);
  };
  await send();
  assert.match((await one.get("/connexion")).text, /Message envoyé\./);
  assert.doesNotMatch((await one.get("/connexion")).text, /Message envoyé\./);

  await send();
  one.cookies.set(
    "__Host-opstracker-avis",
    `${Buffer.from('{"text":"faux","tone":"danger","until":9e15}').toString("base64url")}.AAAA`,
  );
  assert.doesNotMatch((await one.get("/connexion")).text, /faux/);

  await send();
  clock.time = new Date(clock.time.getTime() + 61_000);
  assert.doesNotMatch((await one.get("/connexion")).text, /Message envoyé\./);
});

test("le menu ne montre que ce qui s’ouvre, dans l’ordre, l’endroit présent marqué", async () => {
  const { browser } = product({ routes, menu });
  const amina = (await (await browser().signIn("Amina")).get("/notes/lues")).text;
  assert.match(amina, /href="\/notes" aria-current="page"/);
  assert.doesNotMatch(amina, /admin\/comptes/);
  const bruno = (await (await browser().signIn("Bruno")).get("/admin/comptes")).text;
  assert.match(bruno, /href="\/notes">[\s\S]+href="\/admin\/comptes" aria-current="page"/);
});

test("res.saved refuse de mener ailleurs que chez nous", async () => {
  const one = await product({ routes }).browser().signIn("Amina");
  await one.get("/");
  const { status, headers } = await one.post("/loin");
  assert.equal(status, 500);
  assert.equal(headers.location, undefined);
});
