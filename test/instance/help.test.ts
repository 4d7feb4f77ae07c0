import assert from "node:assert/strict";
import { test } from "node:test";
import { findHelp, HELP_SECTIONS, helpFor, helpHtml, helpPages, searchHelp } from "../../src/instance/help.ts";
import { deliveredText, KINDS, type Kind } from "../../src/instance/public-page.ts";
import { renderMarkdown } from "../../src/platform/text/markdown.ts";

test("chaque rubrique a ses pages, chacune avec un titre et un résumé à elle", () => {
  const pages = helpPages();
  assert.ok(pages.length >= 10);
  assert.equal(new Set(pages.map(({ title }) => title)).size, pages.length);
  for (const section of HELP_SECTIONS)
    assert.ok(
      pages.some((page) => page.section === section),
      section,
    );
  for (const page of pages) {
    assert.match(page.summary, /^\p{Lu}.+\.$/u, page.slug);
    assert.match(page.slug, /^[a-z-]+$/);
    assert.match(helpHtml(page), /<h2 id="texte-/, page.slug);
  }
});

test("les liens entre pages d’aide mènent quelque part", () => {
  const texts = [
    ...helpPages().map(helpHtml),
    ...(Object.keys(KINDS) as Kind[]).map((kind) => renderMarkdown(deliveredText(kind))),
  ];
  for (const [, slug = ""] of texts.join("").matchAll(/href="\/aide\/([^"#]*)/g)) assert.ok(findHelp(slug), slug);
});

test("l’aide d’une page est la plus proche de son adresse", () => {
  assert.equal(helpFor("/admin/utilisateurs/0198-7a")?.slug, "inviter-un-collegue");
  assert.equal(helpFor("/admin/historique/verification")?.slug, "historique");
  assert.equal(helpFor("/admin/historique/export")?.slug, "imprimer");
  assert.equal(helpFor("/")?.slug, "premiers-pas");
  assert.equal(helpFor("/compte/sessions")?.slug, "mon-compte");
  assert.equal(helpFor("/comptes"), null);
});

test("la recherche ignore accents et majuscules, et veut tous les mots", () => {
  assert.deepEqual(searchHelp("INVITER collegue").map(({ page }) => page.slug)[0], "inviter-un-collegue");
  assert.equal(searchHelp("verrouillé")[0]?.page.slug, "se-connecter");
  assert.match(searchHelp("argon")[0]?.excerpt ?? "rien", /rien/);
  assert.deepEqual(searchHelp("inviter girafe"), []);
  assert.deepEqual(searchHelp("  "), []);
  assert.match(searchHelp("sceau")[0]?.excerpt ?? "", /^… .*sceau/i);
});

test("les textes livrés sont complets et sans blanc à remplir", () => {
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const text = deliveredText(kind);
    assert.ok(text.length > 800, kind);
    assert.doesNotMatch(text, /\[à |XXX|TODO|lorem|_{3}|\{\{/i, kind);
  }
  const privacy = deliveredText("donnees-personnelles");
  for (const duty of [/responsable/, /Pourquoi/, /fondement/, /Durée/, /droits/, /Contact/, /CNIL/])
    assert.match(privacy, duty);
});
