import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { joinedStylesheet } from "../../src/platform/http/stylesheet.ts";

const CSS = join(import.meta.dirname, "../../public/css");

test("la feuille jointe n’importe plus rien, garde l’ordre des couches et l’adresse des polices", () => {
  const sheet = joinedStylesheet(join(CSS, "app.css"));
  assert.doesNotMatch(sheet, /@import/u);
  assert.match(sheet, /@layer tokens, base, layout, components, utilities, print;/u);
  assert.match(sheet, /url\("\.\.\/fonts\/atkinson[^"]+\.woff2"\)/u);
  for (const rule of [".badge {", ".table-scroll {", "--paper:", "@page"]) assert.ok(sheet.includes(rule), rule);
});

test("une adresse écrite dans un sous-dossier est refaite depuis la première feuille", () => {
  const folder = mkdtempSync(join(tmpdir(), "opstracker-css-"));
  try {
    mkdirSync(join(folder, "parts"));
    writeFileSync(join(folder, "all.css"), '@import url("parts/a.css");\nb { color: red }\n');
    writeFileSync(join(folder, "parts/a.css"), 'a { background: url("x.svg"); mask: url("/y.svg") }\n');
    assert.equal(
      joinedStylesheet(join(folder, "all.css")),
      'a { background: url("parts/x.svg"); mask: url("/y.svg") }\nb { color: red }\n',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
