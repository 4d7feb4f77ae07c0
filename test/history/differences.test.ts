import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, valuesAtCreation } from "../../src/history/differences.ts";
import type { Tracked } from "../../src/platform/db/tracking.ts";

const tracked: Tracked = {
  table: "essai",
  subject: "essai",
  undo: { never: "Un essai ne se restaure pas." },
  title: "r.nom",
  columns: {
    nom: { label: "Nom" },
    roles: { label: "Rôles", format: "list", values: { admin: "Administrateur", viewer: "Lecteur" } },
    actif: { label: "Actif", format: "yesNo" },
    quand: { label: "Le", format: "dateTime" },
    mot: { label: "Mot de passe", format: "secret" },
    par: { label: "Par", format: "user" },
    places: { label: "Places" },
  },
};
const reading = { zone: "Europe/Paris", names: new Map([["1", "Amina Diallo"]]) };
const told = (before: Record<string, unknown> | null, after: Record<string, unknown> | null) =>
  differences(tracked, { before, after }, reading).map(({ label, before: was, after: is }) => [label, was, is]);

test("chaque valeur se lit en français, dans l’ordre du manifeste", () => {
  assert.deepEqual(
    told(
      { places: 1200, nom: "A", roles: ["admin"], actif: true, mot: "2026", quand: null, par: null },
      {
        places: 1842.5,
        nom: "",
        roles: ["admin", "viewer"],
        actif: false,
        mot: "2027",
        quand: "2026-03-12T09:00:00Z",
        par: "1",
      },
    ),
    [
      ["Nom", "A", "(vide)"],
      ["Rôles", "Administrateur", "Administrateur et Lecteur"],
      ["Actif", "oui", "non"],
      ["Le", "(vide)", "jeudi 12 mars 2026, 10:00"],
      ["Mot de passe", "modifié", "modifié"],
      ["Par", "(vide)", "Amina Diallo"],
      ["Places", "1\u202f200", "1\u202f842,5"],
    ],
  );
});

test("ce qu’une ligne n’a jamais eu n’est pas une différence ; une colonne oubliée garde son nom", () => {
  assert.deepEqual(told(null, { nom: "A", quand: null, ancienne: "x" }), [
    ["Nom", null, "A"],
    ["ancienne", null, "x"],
  ]);
  assert.deepEqual(told({ nom: "A", par: null }, null), [["Nom", "A", null]]);
});

test("les valeurs de naissance se déduisent de ce qui a suivi", () => {
  const later = [{ before: { nom: "A" } }, { before: { nom: "B", places: 2 } }, { before: { nom: "C", places: 3 } }];
  assert.deepEqual(
    valuesAtCreation({ nom: {}, places: {}, actif: {}, mot: {} }, later, { nom: "D", places: 4, actif: true }),
    {
      nom: "A",
      places: 2,
      actif: true,
    },
  );
  assert.deepEqual(valuesAtCreation({ nom: {}, places: {} }, [{ before: { nom: "A", places: 1 } }], null), {
    nom: "A",
    places: 1,
  });
});

test("FLD-1 : un objet à clés libres se lit clé par clé, et son origine se remonte de changement en changement", () => {
  const tracked = { columns: { champs: { label: "Champs", isKeyed: true as const } } };
  const change = {
    before: { champs: { salle: null, poste: "PC-1" } },
    after: { champs: { salle: "B12", poste: null } },
  };
  assert.deepEqual(differences(tracked, change, { zone: "Europe/Paris", names: new Map() }), [
    { label: "salle", before: "(vide)", after: "B12" },
    { label: "poste", before: "PC-1", after: "(vide)" },
  ]);
  const later = [{ before: { champs: { salle: null } } }, { before: { champs: { salle: "B12", poste: "PC-1" } } }];
  assert.deepEqual(valuesAtCreation(tracked.columns, later, { champs: { salle: "C1", site: "Nord" } }), {
    champs: { site: "Nord", poste: "PC-1" },
  });
});
