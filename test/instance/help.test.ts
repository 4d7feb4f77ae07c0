import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
  covers,
  findHelp,
  HELP_SECTIONS,
  helpFor,
  helpHtml,
  helpPages,
  helpPart,
  searchHelp,
} from "../../src/instance/help.ts";
import { deliveredText, KINDS, type Kind } from "../../src/instance/public-page.ts";
import { modules } from "../../src/modules.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { renderMarkdown } from "../../src/platform/text/markdown.ts";
import { OTHER_TYPES } from "../support/sweep.ts";

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

/** Help itself, and a picture the sweeps find absent. */
const NO_SCREEN = /^\/aide(?:\/|$)|^\/connexion\/logo\//;
/** What shows in place of a page that failed. */
const ERROR = "/erreur";

const screens = createRegistry(modules)
  .routes.filter(({ method, path }) => method === "get" && !OTHER_TYPES[path] && !NO_SCREEN.test(path))
  .map(({ path }) => path);

test("UIX-12 : chaque écran a sa page d’aide, choisie par l’adresse de sa route", () => {
  assert.ok(screens.length > 90, `${screens.length} écrans seulement`);
  assert.deepEqual(
    screens.filter((screen) => !helpFor(screen)),
    [],
    "Écrivez l’aide de ces écrans dans src/instance/help, ou nommez-les dans « paths » de la page qui les explique.",
  );
  assert.equal(helpFor("/admin/utilisateurs/:id/roles")?.slug, "les-roles");
  assert.equal(helpFor("/admin/utilisateurs/:id/modifier")?.slug, "inviter-un-collegue");
  assert.equal(helpFor("/campagnes/:id/operations/lots/:lot")?.slug, "agir-sur-plusieurs-operations");
  assert.equal(helpFor(ERROR)?.slug, "en-cas-d-erreur");
  assert.equal(helpFor("/comptes"), null);
});

test("chaque page d’aide sert : un écran la montre, ou une autre page y mène", () => {
  const linked = new Set(
    helpPages().flatMap((page) => [...helpHtml(page).matchAll(/\/aide\/([a-z-]+)/g)].map(([, slug]) => slug)),
  );
  const named = helpPages().flatMap(({ paths, slug }) => paths.map((path) => ({ path, slug })));
  for (const { path, slug } of named)
    assert.ok(
      [ERROR, ...screens].some((screen) => covers(path, screen)),
      `${slug} nomme ${path}, qui n’est plus un écran`,
    );
  for (const { slug } of helpPages()) {
    const shown = [ERROR, ...screens].some((screen) => helpFor(screen)?.slug === slug);
    assert.ok(shown || linked.has(slug), slug);
  }
  const paths = named.map(({ path }) => path);
  assert.deepEqual(paths, [...new Set(paths)], "un écran n’a qu’une page d’aide");
});

test("dans le panneau, les titres descendent d’un degré et ne prennent aucun identifiant de la page", () => {
  const part = helpPart(findHelp("les-roles")!);
  assert.match(part, /<h3>Quand un acte/);
  assert.doesNotMatch(part, /<h2|\bid="/);
});

test("l’aide du clavier liste les raccourcis qui existent, tous avec une touche de commande", () => {
  const listed = [...findHelp("accessibilite-et-clavier")!.body.matchAll(/^\| <kbd>Ctrl<\/kbd> \+ <kbd>(.)<\/kbd>/gm)];
  const bound = globSync("views/**/*.eta").flatMap((file) => [
    ...readFileSync(file, "utf8").matchAll(/data-shortcut=\\?"(.)/g),
  ]);
  assert.deepEqual(listed.map(([, key]) => key!.toLowerCase()).sort(), bound.map(([, key]) => key!).sort());
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
