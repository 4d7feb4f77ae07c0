import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { OptimisticLockError } from "@mikro-orm/core";
import { z } from "zod";
import { RuleBroken } from "../../../src/platform/errors.ts";
import { atVersion, query, read, submit } from "../../../src/platform/http/forms.ts";
import { get, post, type Route } from "../../../src/platform/http/route.ts";
import { ANY_PAGE, PASSWORD, PEOPLE, product, TENANT } from "./app.ts";

const Note = z.object({ title: z.string().trim().min(1).describe("Titre") });
let done: string[] = [];

const create: Route["handler"] = async (req, res) => {
  const form = await submit(
    req,
    Note,
    {
      code: "note.created",
      label: ({ title }, id: string) => `Note « ${title} » créée (${id})`,
      subject: (_values, id: string) => ({ type: "note", id }),
      at: (_values, id: string) => `/notes/${id}`,
      current: async () => ({ values: { title: "Autre" }, version: 4, by: "Chloé" }),
    },
    async ({ title }, em, sent) => {
      if (title === "vieille") await atVersion(em, {}, sent);
      if (title === "interdit") throw new RuleBroken("Ce titre est réservé.", "title");
      if (title === "fermé") throw new RuleBroken("La campagne est archivée.");
      if (title === "panne") throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
      done.push(title);
      return "n1";
    },
  );
  if (form.errors) return res.show(ANY_PAGE, { status: 0, sentence: JSON.stringify(form), todo: null, form });
  res.saved(ANY_PAGE, {}, { at: `/notes/${form.result}`, notice: "Note créée." });
};

const routes = [
  get("/", "signed-in", (_req, res) => res.show(ANY_PAGE, { status: 404, sentence: null, todo: null })),
  post("/notes", "signed-in", create),
  post("/bouton", "signed-in", async (req, res) => {
    await submit(req, z.object({}), { code: "note.pressed", label: "Bouton" }, () => {
      throw new RuleBroken("Le bouton est bloqué.");
    });
    res.saved(ANY_PAGE, {}, { at: "/", notice: "Fait." });
  }),
  post("/roles", "accounts.manage", create, { recent: true }),
  get("/liste", "signed-in", async (req, res) => {
    const { q } = query(req, z.object({ q: z.string().optional().describe("Recherche") }));
    res.json({ q, tenant: await read(req, async () => TENANT) });
  }),
];

async function open(name: "Amina" | "Bruno" = "Amina") {
  const one = product({ routes });
  const browser = await one.browser().signIn(name);
  await browser.get("/");
  done = [];
  return { ...one, one: browser };
}
const told = (text: string) => text.replace(/&quot;/g, '"').replace(/&#39;/g, "'");

test("un envoi est un acte, nommé, dans l’organisation de la personne", async () => {
  const { one, db } = await open();
  const { status, headers } = await one.post("/notes", { title: "Bonjour", tenantId: "autre", id: "autre" });
  assert.deepEqual([status, headers.location], [303, "/notes/n1"]);
  const [act] = db.acts;
  assert.deepEqual(
    [act!.tenantId, act!.actorId, act!.channel, act!.code, act!.label, act!.subject],
    [TENANT, PEOPLE.Amina!.id, "page", "note.created", "Note « Bonjour » créée (n1)", { type: "note", id: "n1" }],
  );
  assert.match(act!.requestId ?? "", /^[0-9a-f-]{36}$/);
});

test("le même envoi deux fois agit une fois et répond pareil", async () => {
  const { one } = await open();
  const _key = randomUUID();
  const first = await one.post("/notes", { title: "Une", _key });
  const second = await one.post("/notes", { title: "Une", _key });
  const part = await one.post("/notes", { title: "Une", _key }, { part: true });
  assert.deepEqual([second.status, second.headers.location], [first.status, first.headers.location]);
  assert.equal(part.headers["hx-redirect"], "/notes/n1");
  assert.deepEqual(done, ["Une"]);
});

test("la même clé avec un autre contenu est refusée, les valeurs gardées", async () => {
  const { one } = await open();
  const _key = randomUUID();
  await one.post("/notes", { title: "Une", _key });
  const { status, text } = await one.post("/notes", { title: "Deux", _key });
  assert.equal(status, 422);
  assert.match(told(text), /"title":"Deux"[\s\S]+déjà été envoyé/);
  assert.deepEqual(done, ["Une"]);
});

test("sans clé, ou avec une clé qui n’en est pas une, rien ne se fait", async () => {
  const { one } = await open();
  for (const _key of ["", "abc", "../../x", randomUUID().toUpperCase()]) {
    assert.equal((await one.post("/notes", { title: "x", _key })).status, 422, _key);
  }
  assert.deepEqual(done, []);
});

test("l’empreinte d’un envoi ne laisse pas retrouver ce qu’il contenait", async () => {
  const [a, b] = [await open(), await open()];
  await a.one.post("/notes", { title: "x" });
  await b.one.post("/notes", { title: "x" });
  assert.equal(a.db.acts[0]!.idempotency!.digest.length, 32);
  assert.deepEqual(a.db.acts[0]!.idempotency!.digest, b.db.acts[0]!.idempotency!.digest);
});

test("une règle enfreinte ou un champ vide revient dans le formulaire (422), avec « Erreur : » au titre", async () => {
  const { one, db } = await open();
  for (const [title, said] of [
    ["", /"errors":\{"title":"Indiquez une valeur\."\}/],
    ["interdit", /"errors":\{"title":"Ce titre est réservé\."\}/],
    ["fermé", /"errors":\{"form":"La campagne est archivée\."\}/],
    ["a\u0000b", /"title":"« Titre » : ce texte contient/],
  ] as const) {
    const { status, text } = await one.post("/notes", { title });
    assert.equal(status, 422);
    assert.match(told(text), said);
    assert.match(text, /<title>Erreur/);
  }
  assert.deepEqual(db.acts, []);
});

test("deux valeurs pour un champ : 422 qui le nomme", async () => {
  const { one } = await open();
  const { status, text } = await one.post("/notes", { title: ["a", "b"] });
  assert.equal(status, 422);
  assert.match(told(text), /« Titre » : une seule valeur/);
});

test("une version dépassée : 409, les valeurs typées, les actuelles, et qui", async () => {
  const { one, db } = await open();
  db.em.lock = async () => {
    throw new OptimisticLockError("stale");
  };
  const { status, text } = await one.post("/notes", { title: "vieille", version: "3" });
  assert.equal(status, 409);
  assert.match(told(text), /Chloé a modifié ces données/);
  assert.match(told(text), /"stale":\{"values":\{"title":"Autre"\},"version":4,"by":"Chloé"\}/);
  assert.match(told(text), /"values":\{"title":"vieille"\}/);
  assert.equal((await one.post("/notes", { title: "vieille" })).status, 422);
});

test("un bouton refusé ne dit jamais « Fait »", async () => {
  const { one } = await open();
  const { status, text } = await one.post("/bouton");
  assert.equal(status, 422);
  assert.match(text, /Le bouton est bloqué\./);
});

test("base absente : 503 et Retry-After, jamais 500", async () => {
  const { one } = await open();
  const { status, headers } = await one.post("/notes", { title: "panne" });
  assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
});

test("un filtre d’adresse est lu aussi strictement", async () => {
  const { one } = await open();
  assert.equal((await one.get("/liste?q=abc")).body.q, "abc");
  assert.equal((await one.get("/liste?q=a&q=b")).status, 422);
  assert.equal((await one.get("/liste?q=%00")).status, 422);
  assert.equal((await one.get("/liste?q[$or][]=1")).body.q, undefined);
});

test("acte sensible après 15 minutes : le mot de passe est redemandé, le formulaire et sa clé gardés", async () => {
  const { one, db, clock } = await open("Bruno");
  const _key = randomUUID();
  const asked = await one.post("/roles", { title: 'a"<b>\nc', _key });
  assert.equal(asked.status, 403);
  assert.match(asked.text, /<form method="post" action="\/roles"/);
  assert.match(asked.text, new RegExp(`name="_key" value="${_key}"`));
  assert.match(asked.text, /name="title" value="a&quot;&lt;b&gt;\nc"/);
  assert.match(asked.text, /type="password"[^>]+name="_password"/);
  assert.deepEqual(db.acts, []);

  const wrong = await one.post("/roles", { title: "t", _key, _password: "non", _back: "/fiche?de=1" });
  assert.equal(wrong.status, 403);
  assert.match(wrong.text, /aria-invalid="true"/);
  assert.doesNotMatch(wrong.text, /value="non"/);
  assert.match(wrong.text, /name="_back" value="\/fiche\?de=1"/);
  assert.match(wrong.text, /href="\/fiche\?de=1">Renoncer et revenir à la page/, "renoncer ne mène pas ailleurs");
  const abroad = await one.post("/roles", { title: "t", _key, _back: "https://ailleurs.example/" });
  assert.match(abroad.text, /href="\/">Renoncer et revenir à l’accueil/);

  assert.equal((await one.post("/roles", { title: "t", _key, _password: PASSWORD })).status, 303);
  assert.equal((await one.post("/roles", { title: "t", _key })).status, 303);
  assert.deepEqual(done, ["t"]);

  clock.time = new Date(clock.time.getTime() + 16 * 60_000);
  const part = await one.post("/roles", { title: "t" }, { part: true });
  assert.deepEqual([part.status, part.headers["hx-retarget"]], [403, "body"]);
});
