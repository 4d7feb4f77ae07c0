import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cellText,
  checkFields,
  codeFor,
  convertValues,
  type FieldDefinition,
  type FieldValue,
  newField,
  proposeType,
  readValue,
  searchText,
  showValue,
  typedValue,
} from "../../src/fields/index.ts";
import { RuleBroken } from "../../src/platform/errors.ts";

const READING = { zone: "Europe/Paris", defaultHour: "09:00" };
const field = (
  type: FieldDefinition["type"],
  rules: FieldDefinition["rules"] = {},
  more: Partial<FieldDefinition> = {},
) => newField({ code: "essai", label: "Essai", type, rules, ...more });
const OPTIONS = [
  { code: "ecran", label: "Écran", isRetired: false },
  { code: "unite", label: "Unité centrale", isRetired: false },
  { code: "tour", label: "Tour", isRetired: true },
];

const VALUES: [FieldDefinition, FieldValue, shown: string][] = [
  [field("short_text"), "Poste 12", "Poste 12"],
  [field("long_text"), "a\nb", "a\nb"],
  [field("number", { unit: "W" }), 1234.5, "1\u202f234,5\u00a0W"],
  [field("number"), 0.000001, "0,000001"],
  [field("date"), "2026-03-12", "12/03/2026"],
  [field("datetime"), "2026-03-12T13:30:00.000Z", "12/03/2026 14:30"],
  // The second 02:15 of the autumn night: a form or a file sent back unchanged must not make it the first.
  [field("datetime"), "2026-10-25T01:15:00.000Z", "25/10/2026 02:15"],
  [field("boolean"), false, "Non"],
  [field("single_choice", { options: OPTIONS }), "unite", "Unité centrale"],
  [field("multiple_choice", { options: OPTIONS }), ["ecran", "unite"], "Écran, Unité centrale"],
  [field("email"), "a.b@ville.fr", "a.b@ville.fr"],
  [field("phone"), "+33102030405", "01\u00a002\u00a003\u00a004\u00a005"],
  [field("phone"), "+3221234567", "+32\u00a02\u00a0123\u00a045\u00a067"],
  [field("url"), "https://exemple.fr", "https://exemple.fr"],
];

test("une valeur relue de son contrôle, ou de la cellule d’un fichier, est la même", () => {
  for (const [one, value, shown] of VALUES) {
    assert.equal(showValue(one, value, READING), shown);
    assert.deepEqual(readValue(one, typedValue(one, value, READING), READING), { value }, `contrôle : ${shown}`);
    assert.deepEqual(readValue(one, cellText(one, value, READING), READING), { value }, `fichier : ${shown}`);
  }
  assert.equal(showValue(field("single_choice", { options: OPTIONS }), "tour", READING), "Tour");
  assert.equal(showValue(field("date"), undefined, READING), "");
});

test("OPS-6 : le texte cherché n’a que les champs cherchables, sans casse ni accents", () => {
  const fields = [
    field("short_text", {}, { code: "salle", isSearchable: true }),
    field("phone", {}, { code: "tel", isSearchable: true }),
    field("short_text", {}, { code: "secret" }),
  ];
  const text = searchText(fields, { salle: "Étage 2", tel: "+33102030405", secret: "Rien" }, { zone: "Europe/Paris" });
  assert.match(text, /^etage 2 /);
  assert.match(text, /0102030405/);
  assert.doesNotMatch(text, /rien/);
});

test("FLD-6 : ce qui se convertit, ce qui ne se convertit pas, et un échantillon des deux", () => {
  const values = ["12", "1 200,5", "douze", "12"].map((value, i) => ({ id: String(i), value }));
  const made = convertValues(field("short_text"), field("number"), values, READING);
  assert.deepEqual(made.converted, [
    { id: "0", value: 12 },
    { id: "1", value: 1200.5 },
    { id: "3", value: 12 },
  ]);
  assert.deepEqual(
    made.refused.map(({ id, text }) => [id, text]),
    [["2", "douze"]],
  );
  assert.deepEqual(made.samples.converted, [
    { before: "12", after: "12" },
    { before: "1 200,5", after: "1\u202f200,5" },
  ]);
  assert.match(made.samples.refused[0]!.problem, /n’est pas un nombre/);
});

test("FLD-6 : de chaque type vers chaque autre, rien ne se perd sans être dit", () => {
  const ids = new Map([["9f", "Amina Diallo"]]);
  const reading = { ...READING, names: ids, person: (text: string) => (text === "Amina Diallo" ? "9f" : null) };
  const all: [FieldDefinition, FieldValue][] = [
    ...VALUES.map(([one, value]) => [one, value] as [FieldDefinition, FieldValue]),
    [field("person"), "9f"],
  ];
  for (const [from, value] of all) {
    for (const [to] of all) {
      const made = convertValues(from, to, [{ id: "1", value }], reading);
      assert.equal(made.converted.length + made.refused.length, 1, `${from.type} → ${to.type}`);
      if (from.type === to.type) assert.equal(made.refused.length, 0, from.type);
      if (to.type === "long_text") assert.equal(made.converted.length, 1, `${from.type} → ${to.type}`);
    }
  }
  const one = (from: FieldDefinition, to: FieldDefinition, value: FieldValue) =>
    convertValues(from, to, [{ id: "1", value }], reading).converted[0]?.value;
  assert.equal(one(field("datetime"), field("date"), "2026-03-12T23:30:00.000Z"), "2026-03-13");
  assert.equal(one(field("date"), field("datetime"), "2026-03-12"), "2026-03-12T08:00:00.000Z");
  assert.deepEqual(
    one(field("single_choice", { options: OPTIONS }), field("multiple_choice", { options: OPTIONS }), "unite"),
    ["unite"],
  );
  assert.equal(one(field("person"), field("short_text"), "9f"), "Amina Diallo");
});

test("IMP-18 : le type proposé est le plus précis qui prenne la colonne, avec sa part", () => {
  const first = (...samples: string[]) => proposeType(samples, READING)[0]!;
  assert.equal(first("oui", "Non", "", "OUI").type, "boolean");
  assert.equal(first("31/12/2026", "01/01/2027").type, "date");
  assert.equal(first("31/12/2026 10:00", "01/01/2027 9h30").type, "datetime");
  assert.equal(first("12", "1 200,5", "3").type, "number");
  assert.equal(first("00421", "00422").type, "short_text");
  assert.equal(first("0102030405", "06 12 34 56 78").type, "phone");
  assert.equal(first("a@b.fr", "c@d.fr").type, "email");
  assert.equal(first("https://a.fr", "http://b.fr").type, "url");
  assert.equal(first("PC-1", "PC-2").type, "short_text");
  assert.equal(first("").type, "short_text");
  assert.deepEqual(
    proposeType(["12", "13", "14", "quinze"], READING).find(({ type }) => type === "number"),
    { type: "number", share: 0.75 },
  );
  assert.ok(
    proposeType(["Nord", "Sud", "Nord", "Sud", "Nord", "Nord"], READING).some(({ type }) => type === "single_choice"),
  );
});

test("FLD-3 : libellés et codes uniques, motif et options lisibles ; la phrase nomme le champ", () => {
  assert.equal(codeFor("Numéro d’inventaire", []), "numero_d_inventaire");
  assert.equal(codeFor("Numéro d’inventaire", ["numero_d_inventaire"]), "numero_d_inventaire_2");
  assert.equal(codeFor("2e étage", []), "champ_2e_etage");
  assert.match(codeFor("x".repeat(80), []), /^[a-z][a-z0-9_]{0,49}$/);
  const refused = (fields: FieldDefinition[], sentence: RegExp) =>
    assert.throws(
      () => checkFields(fields),
      (error) => error instanceof RuleBroken && sentence.test(error.message),
    );
  refused(
    [field("date", {}, { code: "a", label: "Étage" }), field("date", {}, { code: "b", label: "ETAGE" })],
    /« ETAGE ».*« Étage » existe déjà/,
  );
  refused([field("date", {}, { label: "A" }), field("date", {}, { label: "B" })], /[Ll]e code « essai »/);
  refused([field("short_text", { pattern: "(a" })], /ne se lit pas/);
  refused([field("short_text", { pattern: "(a)\\1" })], /ne se lit pas/);
  refused([field("single_choice", { options: [] })], /au moins une option/);
  refused(
    [field("single_choice", { options: [OPTIONS[0]!, { code: "x", label: "ECRAN", isRetired: false }] })],
    /se confondent/,
  );
  refused([field("boolean", {}, { isUnique: true })], /ne peut pas être unique/);
  refused([field("number", { min: 3, max: 2 })], /plus petit que le minimum/);
});
