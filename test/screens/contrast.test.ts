import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contrast } from "../../src/accounts/colour.ts";
import { brokenPairs, PAIRS, THEMES, TOKENS } from "../../src/accounts/tokens.ts";

const CSS = join(import.meta.dirname, "../../public/css");
const sheets = readdirSync(CSS, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".css"));
const source = (name: string) => readFileSync(join(CSS, name), "utf8");

test("le contraste se calcule comme dans WCAG", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#ffffff", "#767676").toFixed(2), "4.54");
  assert.equal(contrast("#123456", "#123456"), 1);
});

test("chaque paire de sens tient dans les deux thèmes", () => {
  assert.ok(PAIRS.length * THEMES.length >= 150, `only ${PAIRS.length * THEMES.length} pairs`);
  assert.deepEqual(
    brokenPairs(TOKENS).map(
      ({ theme, over, under, ratio, least }) => `${theme}: ${over} / ${under} = ${ratio.toFixed(2)} < ${least}`,
    ),
    [],
  );
});

test("les deux thèmes définissent les mêmes couleurs", () => {
  assert.deepEqual([...TOKENS.light.keys()], [...TOKENS.dark.keys()]);
  assert.ok(TOKENS.light.size > 80);
});

test("une couleur n’est écrite que dans la palette", () => {
  for (const name of sheets.filter((sheet) => sheet !== "tokens.css" && sheet !== "print.css")) {
    assert.doesNotMatch(source(name), /#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch)a?\(/iu, name);
  }
});

test("un composant ne nomme que des sens qui existent, jamais la palette", () => {
  const written = new Set([...source("tokens.css").matchAll(/--([\w-]+):/gu)].map((found) => found[1]!));
  const local = new Set(["tone", "tone-on", "tone-field", "tone-text", "row"]);
  const palette = /^(warm|blue|green|yellow|red|teal)-|^accent-\d|^on-field|^field-ink|^shade/u;
  for (const name of sheets.filter((sheet) => sheet !== "tokens.css")) {
    for (const [, used] of source(name).matchAll(/var\(--([\w-]+)/gu)) {
      assert.ok(written.has(used!) || local.has(used!), `${name}: --${used} is not a token`);
      assert.doesNotMatch(used!, palette, `${name} names the palette`);
    }
  }
});

test("chaque feuille est importée une fois et range ses règles dans une couche", () => {
  const entry = source("app.css");
  for (const name of sheets.filter((sheet) => sheet !== "app.css")) {
    assert.equal(entry.split(`url("${name}")`).length, 2, `${name} imported once`);
    assert.match(source(name), /^\s*(\/\*[\s\S]*?\*\/\s*)?@layer \w+ \{/u, name);
  }
  assert.ok(source("utilities.css").split("\n").length < 60);
});
