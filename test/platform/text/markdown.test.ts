import assert from "node:assert/strict";
import { test } from "node:test";
import { plainText, renderMarkdown } from "../../../src/platform/text/markdown.ts";

test("les titres commencent au deuxième niveau et portent une ancre", () => {
  assert.match(
    renderMarkdown("# Durées\n\n###### Détail"),
    /<h2 id="texte-durees">Durées<\/h2>\s*<h4 id="texte-detail">Détail<\/h4>/,
  );
});

test("les tableaux ont un titre, des colonnes dites, et défilent dans leur cadre", () => {
  const html = renderMarkdown("## Les *durées*\n\n| Donnée | Durée |\n|---|---|\n| Compte | 2 ans |");
  assert.match(html, /<th scope="col">Donnée<\/th>/);
  assert.match(html, /role="region" aria-label="Tableau 1, défilant" tabindex="0"><table><caption[^>]*>Les durées</);
  assert.match(html, /<\/table><\/div>\s*$/);
});

test("deux titres pareils ont deux ancres", () => {
  assert.match(renderMarkdown("## Durée\n\n## Durée"), /id="texte-duree"[\s\S]+id="texte-duree-2"/);
});

test("la typographie française est rendue, les adresses restent entières", () => {
  const html = renderMarkdown("Écrivez-nous : <https://exemple.fr/a?b=1> ! L'aide répond.");
  assert.match(html, /Écrivez-nous\u00a0:/);
  assert.match(html, /href="https:\/\/exemple\.fr\/a\?b=1"/);
  assert.match(html, /L’aide/);
});

test("aucun code ne passe, quelle que soit la façon de l’écrire", () => {
  for (const source of [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[lien](javascript:alert(1))",
    "[lien](data:text/html,<script>alert(1)</script>)",
    "[lien](//ailleurs.example)",
    '<a href="https://exemple.fr" onclick="alert(1)">x</a>',
    '<div hx-get="/admin" data-hx-trigger="load">x</div>',
    '<p style="position:fixed" class="notice">x</p>',
    '<h2 id="contenu">x</h2>',
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=https://exemple.fr></iframe>",
    "<style>*{display:none}</style>",
    "# <img src=x onerror=alert(1)>",
    "```\n</code></pre><script>alert(1)</script>\n```",
  ]) {
    const html = renderMarkdown(source);
    assert.doesNotMatch(
      html,
      /<(script|img|iframe|svg|style|div)|\son\w+=|hx-|javascript:|data:|style=|class=|"\/\/|id="contenu"/i,
      source,
    );
  }
});

test("le texte seul sert à chercher", () => {
  assert.equal(plainText("# Titre\n\nUn **mot** & [un lien](/aide)."), "Titre Un mot & un lien.");
});
