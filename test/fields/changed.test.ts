import assert from "node:assert/strict";
import { test } from "node:test";
import { changedField, newField } from "../../src/fields/index.ts";

const option = (label: string, isRetired = false) => ({ code: label.toLowerCase(), label, isRetired });
const field = newField({ code: "modele", label: "Modèle", type: "single_choice" });
const of = (...options: ReturnType<typeof option>[]) => ({ ...field, rules: { options } });

test("TYP-4 : ce qui change d’un champ se dit en mots, et rien quand rien ne change", () => {
  assert.deepEqual(changedField(field, structuredClone(field)), []);
  const now = { ...field, label: "Gamme", help: "Au dos", isMandatory: true, isListed: false };
  assert.deepEqual(changedField(field, now), [
    "renommé «\u00a0Gamme\u00a0»",
    "autre aide",
    "«\u00a0Obligatoire\u00a0»\u00a0: oui",
    "«\u00a0Dans la liste\u00a0»\u00a0: non",
  ]);
});

test("TYP-4 : type, bornes et options d’un champ qui changent se disent aussi", () => {
  const number = newField({ code: "poids", label: "Poids", type: "number", rules: { max: 10, unit: "kg" } });
  const bounded = { ...number, rules: { min: 0.5, max: 10, takesScientific: true } };
  assert.deepEqual(changedField(number, bounded), [
    "minimum\u00a0: 0,5",
    "unité\u00a0: rien",
    "notation scientifique acceptée",
  ]);
  assert.deepEqual(
    changedField(number, { ...number, type: "short_text", rules: {} })[0],
    "«\u00a0Nombre\u00a0» devient «\u00a0Texte court\u00a0»",
  );
  const renamed = { ...option("Fixe"), label: "Poste fixe" };
  assert.deepEqual(
    changedField(of(option("Fixe"), option("Léger")), of(renamed, option("Léger", true), option("Lourd"))),
    [
      "option «\u00a0Fixe\u00a0» renommée «\u00a0Poste fixe\u00a0»",
      "option «\u00a0Léger\u00a0» retirée",
      "option «\u00a0Lourd\u00a0» ajoutée",
    ],
  );
});
