import assert from "node:assert/strict";
import { test } from "node:test";
import { DriverException, NotFoundError, OptimisticLockError } from "@mikro-orm/core";
import { Conflict, Forbidden, NotFound, RuleBroken, TooMany, Unavailable } from "../../../src/platform/errors.ts";
import { explain } from "../../../src/platform/http/errors.ts";
import { get } from "../../../src/platform/http/route.ts";
import { product } from "./app.ts";

const pg = (code: string, message = "select secret from app_user") =>
  new DriverException(Object.assign(new Error(message), { code }));

const CASES: [string, unknown, number][] = [
  ["RuleBroken", new RuleBroken("Indiquez le motif."), 422],
  ["NotFound", new NotFound(), 404],
  ["Forbidden", new Forbidden("Seul un administrateur le peut."), 403],
  ["Conflict", new Conflict("La campagne est archivée."), 409],
  ["Unavailable", new Unavailable("La file est pleine."), 503],
  ["TooMany", new TooMany("Trop d’essais.", 30), 429],
  ["findOneOrFail", new NotFoundError("User not found ({ id: 'x' })"), 404],
  ["OptimisticLockError", new OptimisticLockError("The optimistic lock on entity User failed"), 409],
  ["paramètre illisible", new URIError("URI malformed"), 404],
  ["unicité", pg("23505"), 409],
  ["arrêt de PostgreSQL", pg("57P01"), 503],
  ["démarrage de PostgreSQL", pg("57P03"), 503],
  ["connexion rompue", pg("08006"), 503],
  ["trop de connexions", pg("53300"), 503],
  ["disque plein", pg("53100"), 503],
  ["verrou trop long", pg("55P03"), 503],
  ["requête trop longue", pg("57014"), 503],
  ["interblocage", pg("40P01"), 503],
  ["histoire interdite d’écriture", pg("42501", "permission denied for table change"), 503],
  ["ligne d’une autre organisation", pg("42501", 'new row violates row-level security policy for table "note"'), 500],
  ["ECONNREFUSED", Object.assign(new Error("connect"), { code: "ECONNREFUSED" }), 503],
  [
    "ECONNREFUSED sur deux adresses",
    new AggregateError([Object.assign(new Error("c"), { code: "ECONNREFUSED" })]),
    503,
  ],
  ["attente d’une connexion", new Error("timeout exceeded when trying to connect"), 503],
  ["connexion coupée", new Error("Connection terminated unexpectedly"), 503],
  ["cause plus profonde", new Error("query failed", { cause: pg("57P02") }), 503],
  ["colonne inconnue", pg("42703"), 500],
  ["TypeError", new TypeError("Cannot read properties of undefined"), 500],
  ["un texte", "boum", 500],
  ["rien", undefined, 500],
];

for (const [what, error, status] of CASES) {
  test(`${what} → ${status}`, () => {
    const said = explain(error);
    assert.equal(said.status, status);
    for (const words of [said.heading, said.sentence, said.remedy]) assert.match(words, /^[A-ZÀ-Ý].+[\p{L}.]$/u);
  });
  if (error === undefined) continue;
  test(`${what} : la page dit quoi faire, donne une référence, et rien du programme`, async () => {
    const { browser, lines } = product({
      routes: [
        get("/x", "public", () => {
          throw error;
        }),
      ],
    });
    const page = await browser().get("/x");
    assert.equal(page.status, status);
    assert.match(page.text, /Que faire maintenant/);
    const [, reference] = page.text.match(/Référence <strong>([0-9A-F]{4}-[0-9A-F]{3})<\/strong>/)!;
    assert.doesNotMatch(page.text, /\bat .+:\d+|select |app_user|node_modules|\/work|\.ts\b|undefined/i);
    if (status === 503 || status === 429) assert.match(page.headers["retry-after"] ?? "", /^\d+$/);
    assert.ok(lines.every(({ fields }) => fields.reference === reference));
    if (status >= 500) {
      const line = lines.find(({ level }) => level === "error")!;
      assert.equal(line.fields.path, "/x");
      assert.doesNotMatch(JSON.stringify(line), /app_user/);
    }

    const part = await browser().get("/x", { part: true });
    assert.equal(part.status, status);
    assert.match(part.text, /^<div id="alertes" hx-swap-oob="innerHTML">/);
    assert.doesNotMatch(part.text, /<html/);
  });
}

test("une vue cassée laisse une page nue, en français, avec sa référence", async () => {
  const views = {
    render: () => {
      throw new Error("gabarit cassé");
    },
  };
  const { browser, lines } = product({ views });
  const { status, text } = await browser().get("/x");
  assert.equal(status, 404);
  assert.match(text, /<html lang="fr">[\s\S]+<h1>Page introuvable<\/h1>[\s\S]+Référence/);
  assert.ok(lines.some(({ level, message }) => level === "error" && message === "error page failed"));
});

test("trop gros : 413 ; trop de champs : 413", async () => {
  const { browser } = product();
  assert.equal((await browser().post("/connexion", { person: "a".repeat(1_100_000) })).status, 413);
  const many = Object.fromEntries(Array.from({ length: 2_100 }, (_, n) => [`f${n}`, "1"]));
  assert.equal((await browser().post("/connexion", many)).status, 413);
});

test("une réponse commencée est coupée, sans page collée au bout", async () => {
  const { browser } = product({
    routes: [
      get("/x", "public", (_req, res) => {
        res.write("début");
        throw new Error("boum");
      }),
    ],
  });
  await assert.rejects(browser().get("/x"), /aborted|hang up/);
});
