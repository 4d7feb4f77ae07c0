import assert from "node:assert/strict";
import { test } from "node:test";
import axe from "axe-core";
import { AUTOMATIC, assess, type Recorded, summarise } from "../../src/instance/assessment.ts";
import { CRITERIA, findCriterion, THEMES } from "../../src/instance/criteria.ts";

test("la grille a 106 critères en 13 thèmes, numérotés sans trou", () => {
  assert.equal(CRITERIA.length, 106);
  const byTheme = THEMES.map((_, i) => CRITERIA.filter(({ theme }) => theme === i + 1));
  assert.deepEqual(
    byTheme.map((criteria) => criteria.length),
    [9, 2, 3, 13, 8, 2, 5, 10, 4, 14, 13, 11, 12],
  );
  byTheme.forEach((criteria, i) => {
    assert.deepEqual(
      criteria.map(({ number }) => number),
      criteria.map((_, j) => `${i + 1}.${j + 1}`),
    );
  });
});

test("chaque critère a un titre à lui, d’une ligne, sans point final", () => {
  assert.equal(new Set(CRITERIA.filter(({ number }) => !/^(4|13)\./.test(number)).map(({ title }) => title)).size, 81);
  for (const { title } of CRITERIA) assert.match(title, /^\p{Lu}.{10,80}[^.]$/u);
});

test("vingt et un critères sont de niveau AA", () => {
  assert.deepEqual(
    CRITERIA.filter(({ level }) => level === "AA").map(({ number }) => number),
    "1.8 3.2 3.3 7.5 8.7 8.8 10.4 10.5 10.11 10.12 10.13 11.3 11.11 11.12 11.13 12.1 12.2 12.3 12.4 12.5 13.9".split(
      " ",
    ),
  );
});

test("les tests automatiques annoncés sont ceux de l’axe-core installé", () => {
  const tags = new Set(
    axe
      .getRules()
      .flatMap(({ tags }) => tags)
      .flatMap((tag) => /^RGAA-(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? []),
  );
  const named = CRITERIA.flatMap((criterion) => criterion.axe);
  assert.deepEqual(new Set(named), tags);
  assert.equal(AUTOMATIC.tests, tags.size);
  assert.ok(AUTOMATIC.criteria < 106 / 2, "la déclaration ne doit pas laisser croire à un audit");
});

test("rien n’est évalué d’avance : la déclaration dit « non conforme »", () => {
  const grid = assess([]);
  assert.ok(grid.every(({ status }) => status === "non_evalue"));
  const { level, rate, complete, counts } = summarise(grid);
  assert.deepEqual(
    { level, rate, complete, left: counts.non_evalue },
    { level: "non conforme", rate: null, complete: false, left: 106 },
  );
});

const all = (status: (i: number) => Recorded["status"]): Recorded[] =>
  CRITERIA.map(({ number }, i) => ({ criterion: number, status: status(i), note: null }));

test("le niveau vient de la grille, et seulement quand elle est complète", () => {
  const level = (recorded: Recorded[]) => summarise(assess(recorded)).level;
  assert.equal(level(all(() => "conforme")), "totalement conforme");
  assert.equal(level(all(() => "conforme").slice(1)), "non conforme");
  assert.equal(level(all((i) => (i < 53 ? "conforme" : "non_conforme"))), "partiellement conforme");
  assert.equal(level(all((i) => (i < 52 ? "conforme" : "non_conforme"))), "non conforme");
  assert.equal(level(all((i) => (i === 0 ? "conforme" : "non_applicable"))), "totalement conforme");
  assert.equal(level(all(() => "non_applicable")), "non conforme");
});

test("un résultat d’un critère disparu est ignoré", () => {
  assert.equal(summarise(assess([{ criterion: "14.1", status: "conforme", note: null }])).counts.conforme, 0);
  assert.equal(findCriterion("14.1"), undefined);
  assert.equal(findCriterion("12.11")?.theme, 12);
});
