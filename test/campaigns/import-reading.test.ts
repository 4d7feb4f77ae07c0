import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addField, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { checkAsProposed, runImport, sendOperations } from "../support/imports.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const operations = (of: string) =>
  world.db.read(sophie.tenantId, (em) =>
    em.execute<{ title: string; values: Record<string, unknown>; planned: string }[]>(
      `select title, "values", to_char(planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned
       from operation where campaign_id = ? order by title`,
      [of],
    ),
  );

test("IMP-16, IMP-17 : le signe décimal et ce qui sépare les choix se disent colonne par colonne, d’après la colonne entière", async () => {
  const at = await makeCampaign(sophie);
  const of = idIn(at);
  for (const label of ["Poids", "Prix", "Taille"])
    await addField(sophie, at, label, { type: "number", "rules.decimals": "3" });
  for (const label of ["Outils", "Salles"]) {
    await addField(sophie, at, label, {
      type: "multiple_choice",
      options: label === "Outils" ? "Clé\nTournevis" : "Est\nOuest",
    });
  }
  const head = "Cible;Poids;Prix;Taille;Outils;Salles\r\n";
  // The first three lines say nothing of what is ambiguous.
  const calm = Array.from({ length: 4 }, (_, rank) => `PC-${rank};1;1;1;Clé;Est\r\n`).join("");
  const page = await sendOperations(
    world,
    sophie,
    of,
    `${head}${calm}PC-8;1.234;1,234;12,5;Clé, Tournevis;Est|Ouest\r\n`,
  );
  const { text } = await sophie.get(page);
  assert.deepEqual(judgePage(text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(text)), []);
  assert.deepEqual(
    [...text.matchAll(/Signe décimal de (\w+)</g)].map(([, name]) => name),
    ["Poids", "Prix"],
  );
  assert.deepEqual(
    [...text.matchAll(/name="separator" value="(\w+)"/g)].map(([, name]) => name),
    ["Outils"],
  );
  const said = { key: "Cible", decimal: [",Poids", ".Prix"], separator: "Outils" };
  isAt(await checkAsProposed(sophie, page, said));
  assert.equal(await runImport(world, sophie, page), "5 0 0 0 0");
  assert.deepEqual((await operations(of)).at(-1)!.values, {
    cible: "PC-8",
    poids: 1234,
    prix: 1234,
    taille: 12.5,
    outils: ["cle", "tournevis"],
    salles: ["est", "ouest"],
  });
  // What was said of each column is proposed for the next file.
  const next = await sendOperations(world, sophie, of, `${head}PC-9;5.678;1,5;1;Tournevis, Clé;Est\r\n`);
  isAt(await checkAsProposed(sophie, next));
  assert.equal(await runImport(world, sophie, next), "1 0 0 0 0");
  assert.deepEqual((await operations(of)).at(-1)!.values.poids, 5678);
});

test("IMP-17 : un nombre abîmé par le tableur n’entre ni en segment, ni en notes, ni en clé, ni en technicien", async () => {
  const of = idIn(await makeCampaign(sophie));
  const page = await sendOperations(
    world,
    sophie,
    of,
    "Cible;Segment;Notes;Technicien\r\nPC-1;1,23E+14;;\r\nPC-2;;1,23E+14;\r\n1,23E+14;;;\r\nPC-4;;;1,23E+14\r\n",
  );
  isAt(await checkAsProposed(sophie, page, { key: "Cible", threshold: "100" }));
  const shown = plain(await sophie.get(page));
  assert.match(shown, /« 1,23E\+14 » est un nombre abîmé par le tableur/);
  assert.doesNotMatch(shown, /Ce fichier ajoute un segment/);
  assert.equal(await runImport(world, sophie, page), "0 0 0 0 4");
});

test("IMP-23 : #VIDE dans l’heure, à côté d’une date, laisse l’heure par défaut", async () => {
  const of = idIn(await makeCampaign(sophie));
  const head = "Cible;Date prévue;Heure prévue\r\n";
  const page = await sendOperations(world, sophie, of, `${head}PC-1;12/01/2027;#VIDE\r\nPC-2;12/01/2027;14:30\r\n`);
  isAt(await checkAsProposed(sophie, page, { key: "Cible" }));
  assert.equal(await runImport(world, sophie, page), "2 0 0 0 0");
  assert.deepEqual(
    (await operations(of)).map(({ planned }) => planned),
    ["2027-01-12 09:00", "2027-01-12 14:30"],
  );
  // Without a date, there is no moment to take the hour from.
  const next = await sendOperations(world, sophie, of, `${head}PC-1;;#VIDE\r\nPC-2;12/01/2027;#VIDE\r\n`);
  isAt(await checkAsProposed(sophie, next, { key: "Cible" }));
  assert.equal(await runImport(world, sophie, next), "0 1 1 0 0");
  assert.deepEqual(
    (await operations(of)).map(({ planned }) => planned),
    ["2027-01-12 09:00", "2027-01-12 09:00"],
  );
});
