import assert from "node:assert/strict";
import { test } from "node:test";
import {
  controlOf,
  FIELD_TYPES,
  type FieldDefinition,
  type FieldValue,
  newField,
  readValue,
} from "../../src/fields/index.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { fr } from "../../src/platform/text/index.ts";
import { formsOf, parseHtml } from "../support/html.ts";

const views = createViews({ debug: true, cache: true });
const page = { asset: (path: string) => path };
const OPTIONS = ["Nord", "Sud", "Est"].map((label, rank) => ({
  code: label.toLowerCase(),
  label,
  isRetired: rank === 2,
}));
const READING = {
  zone: "Europe/Paris",
  defaultHour: "09:00",
  person: (id: string) => id,
  attachment: (id: string) => id,
};
const VALUES: Record<FieldDefinition["type"], FieldValue> = {
  short_text: "Poste",
  long_text: "a\nb",
  number: 12.5,
  date: "2026-03-12",
  datetime: "2026-03-12T08:30:00.000Z",
  boolean: true,
  single_choice: "nord",
  multiple_choice: ["nord", "sud"],
  email: "a@b.fr",
  phone: "+33102030405",
  url: "https://a.fr",
  person: "9f",
  attachment: "7c",
};
const draw = (
  field: FieldDefinition,
  value: FieldValue | null,
  more: { errors?: Record<string, string>; typed?: string } = {},
) => {
  const control = controlOf(field, value, { zone: READING.zone, typed: more.typed });
  return views.render("/fields/_control", { page, fr, form: { errors: more.errors }, name: "champ_essai", control });
};
const fieldOf = (type: FieldDefinition["type"]) =>
  newField({
    code: "essai",
    label: "Essai",
    type,
    isMandatory: true,
    rules: /choice/.test(type) ? { options: OPTIONS } : {},
  });

for (const type of FIELD_TYPES) {
  test(`FLD-4, UIX-6 : le contrôle de ${type} est nommé, dit ce qu’il attend, et renvoie la valeur qu’il tient`, () => {
    const field = fieldOf(type);
    const html = draw(field, VALUES[type]);
    assert.match(html, /<(?:label for|legend)[\s\S]*Essai[\s\S]*\(obligatoire\)/);
    const [form] = formsOf(parseHtml(`<form>${html}</form>`), "/");
    const sent = form!.fields.find(({ name }) => name === "champ_essai")!.values.join("|");
    assert.deepEqual(readValue(field, sent, READING), { value: VALUES[type] }, sent);
    const refused = draw(field, VALUES[type], { errors: { champ_essai: "Corrigez." } });
    assert.ok(
      refused.indexOf("Corrigez.") < refused.search(/<(?:input|select|textarea)/),
      "l’erreur vient avant le contrôle",
    );
  });
}

test("FLD-7 : une option retirée n’est offerte qu’à la ligne qui la tient ; une date refusée reste lisible", () => {
  const field = fieldOf("single_choice");
  assert.doesNotMatch(draw(field, "nord"), /Est/);
  assert.match(draw(field, "est"), /Est \(retirée\)/);
  const date = draw(fieldOf("date"), null, { typed: "31/02/2026" });
  assert.match(date, /type="text"[^>]*value="31\/02\/2026"/);
});
