import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readFields } from "../../../src/platform/http/fields.ts";
import { frenchProblem } from "../../../src/platform/http/problems.ts";

const Note = z.object({
  title: z.string().trim().min(1).max(20).describe("Titre"),
  email: z.email().optional(),
  count: z.number().int().min(1).max(9).optional(),
  urgent: z.boolean(),
  roles: z.array(z.enum(["admin", "viewer"])),
  accent: z.string().nullable(),
  choice: z.enum(["a", "b"]).default("a"),
  password: z.string().optional(),
});

const parse = (sent: unknown) => {
  const { input, problems, typed } = readFields(Note, sent);
  const parsed = Note.safeParse(input, { error: frenchProblem });
  const issues = Object.fromEntries(
    (parsed.error?.issues ?? []).map(({ path, message }) => [String(path[0]), message]),
  );
  return { data: parsed.data, errors: { ...issues, ...problems }, typed };
};

test("un formulaire HTML se lit selon le schéma : case, liste, nombre français, champ vidé", () => {
  const sent = {
    title: " Titre ",
    email: "",
    count: "3",
    urgent: "oui",
    roles: ["admin", "viewer"],
    accent: "",
    choice: "",
    password: "secret",
  };
  const { data, errors, typed } = parse(sent);
  assert.deepEqual(errors, {});
  assert.deepEqual(data, {
    title: "Titre",
    count: 3,
    urgent: true,
    roles: ["admin", "viewer"],
    accent: null,
    choice: "a",
    password: "secret",
  });
  assert.equal(typed.title, " Titre ");
  assert.equal("password" in typed, false);
  assert.deepEqual(parse({ title: "x", accent: "a", roles: "admin" }).data, {
    title: "x",
    urgent: false,
    roles: ["admin"],
    accent: "a",
    choice: "a",
  });
});

test("les fins de ligne d’un texte sont unifiées", () => {
  assert.equal(parse({ title: "a\r\nb\rc", accent: "" }).data?.title, "a\nb\nc");
});

for (const [what, title] of [
  ["deux valeurs", ["a", "b"]],
  ["un objet", { $ne: null }],
  ["un objet dans une liste", [{ $gt: "" }]],
  ["un nombre", 12],
  ["un caractère NUL", "a\u0000b"],
  ["un caractère de contrôle", "a\u001bb"],
  ["un demi-caractère", "a\ud800b"],
  ["un texte démesuré", "a".repeat(30_000)],
] as const) {
  test(`${what} là où un texte est attendu : refus qui nomme le champ`, () => {
    const { errors } = parse({ title, accent: "" });
    assert.match(errors.title ?? "", /^« Titre » : [a-zé]/);
    assert.doesNotMatch(errors.title ?? "", /string|expected|invalid/i);
  });
}

test("ce que le schéma ne déclare pas n’entre pas, prototype compris", () => {
  const sent = JSON.parse(
    '{"title":"x","accent":"","tenantId":"t","id":"1","role":"admin","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  );
  const { data } = parse(sent);
  assert.deepEqual(Object.keys(data ?? {}).sort(), ["accent", "choice", "roles", "title", "urgent"]);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  const inherited = Object.create({ title: "hérité" });
  assert.match(parse(inherited).errors.title ?? "", /Indiquez/);
});

test("chaque refus dit en français quoi faire", () => {
  const { errors } = parse({
    title: "a".repeat(21),
    email: "x",
    count: "1e3",
    roles: ["chef"],
    accent: "",
    choice: "z",
  });
  assert.deepEqual(errors, {
    title: "20 caractères au plus\u202f; vous en avez saisi 21. Raccourcissez le texte.",
    email: "Indiquez une adresse électronique complète, par exemple prenom.nom@exemple.fr.",
    count: "Indiquez un nombre, en chiffres.",
    roles: "Choisissez une des valeurs proposées.",
    choice: "Choisissez une des valeurs proposées.",
  });
  assert.equal(parse({}).errors.title, "Indiquez une valeur.");
  assert.equal(parse({ title: "", accent: "" }).errors.title, "Indiquez une valeur.");
  assert.equal(parse({ title: "a", accent: "", count: "12" }).errors.count, "Indiquez 9 ou moins.");
});

test("un nombre s’écrit en chiffres, virgule admise, rien d’autre", () => {
  const Price = z.object({ price: z.number() });
  const price = (text: string) => Price.safeParse(readFields(Price, { price: text }).input).data?.price;
  assert.equal(price("12,5"), 12.5);
  assert.equal(price("-3"), -3);
  for (const text of ["", " ", "1e3", "0x10", "Infinity", "NaN", "1 000", "١٢", "9".repeat(30)])
    assert.equal(price(text), undefined, text);
});
