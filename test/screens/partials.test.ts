import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createViews } from "../../src/platform/http/views.ts";
import { fr } from "../../src/platform/text/index.ts";
import { entryPage, galleryPage } from "./gallery.ts";
import { errorPage, inLayout, pageContext, part } from "./page.ts";

const VIEWS = join(import.meta.dirname, "../../views");
const templates = readdirSync(VIEWS, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".eta"));
const blank = { values: {} };
const refused = { values: { name: "Mi" }, errors: { name: "Écrivez 3 caractères au moins." } };
const XSS = `"><script>alert(1)</script>'&`;

test("une valeur oubliée nomme le gabarit et l’expression", () => {
  for (const debug of [true, false]) {
    const views = createViews({ debug, cache: true });
    assert.throws(
      () => views.render("/partials/badge", { page: pageContext(), fr, tone: "success", icon: "check" }),
      /\/partials\/badge\.eta[\s\S]*it\.label/u,
    );
  }
});

test("null ne s’imprime pas ; une date, un objet ou NaN sont refusés", () => {
  assert.match(part("notice", { tone: "success", text: null }), /<p><\/p>/);
  for (const text of [new Date(), {}, [], Number.NaN, () => 1])
    assert.throws(() => part("notice", { tone: "success", text }), /cannot be printed/u);
});

test("un partiel ne voit que ce qu’on lui donne, plus page et fr", () => {
  assert.throws(
    () => part("facts", { facts: [{ term: "État", badge: { tone: "success", icon: "check" } }], label: "fuite" }),
    /badge\.eta/u,
  );
});

test("tout ce qui vient d’ailleurs est échappé", () => {
  const rendered = [
    part("notice", { tone: "danger", head: XSS, text: XSS, action: { href: XSS, label: XSS } }),
    part("field", { form: { values: { name: XSS }, errors: { name: XSS } }, name: "name", label: XSS, hint: XSS }),
    part("field", { form: { values: { name: `</textarea>${XSS}` } }, name: "name", label: XSS, rows: 3 }),
    part("select", { form: blank, name: "x", label: XSS, options: [{ value: XSS, label: XSS }] }),
    part("choices", {
      form: blank,
      name: "x",
      legend: XSS,
      type: "radio",
      value: XSS,
      options: [{ value: XSS, label: XSS, hint: XSS }],
    }),
    part("diff", { before: XSS, after: XSS }),
    part("timeline", { entries: [{ actor: XSS, text: XSS, when: XSS, at: new Date(), href: XSS, detail: XSS }] }),
    part("facts", { facts: [{ term: XSS, value: XSS, href: XSS }] }),
    inLayout(
      "app",
      "<h1>x</h1>",
      { title: XSS, crumbs: [{ label: XSS }] },
      pageContext({ tenant: { name: XSS, accent: null }, user: { name: XSS, email: XSS } }),
    ),
  ];
  for (const html of rendered) assert.doesNotMatch(html, /<script>alert|<\/textarea>"/u);
});

/** Raw output beyond includes, captured parts and the layout's body: HTML already sanitised by its handler. */
const SANITISED = new Set([
  "campaigns/dashboards/_live.eta texts.get(live.at)",
  "instance/_prose.eta it.html",
  "documents/versions/preview.eta it.html",
  "partials/chart.eta chart.wide",
  "partials/chart.eta chart.narrow",
  'workflow/_show.eta it.draw(it.page.asset("/icons.svg"))',
]);

test("le seul affichage brut est une inclusion, une capture, un corps ou un texte assaini", () => {
  for (const name of templates) {
    const source = readFileSync(join(VIEWS, name), "utf8");
    for (const [, raw] of source.matchAll(/<%~\s*([\s\S]*?)\s*%>/gu)) {
      assert.ok(
        /^(?:include\(|(?:it\.body|attributes|body|head)$)/u.test(raw!) || SANITISED.has(`${name} ${raw}`),
        `${name}: <%~ ${raw} %>`,
      );
    }
    assert.doesNotMatch(source, /\sstyle="|\son[a-z]+="|<script(?![^>]*src=)|hx-on/u, name);
  }
});

test("les signes doubles ont leur espace insécable, les apostrophes sont courbes", () => {
  const pages = [galleryPage(), entryPage(), ...[403, 404, 500, 503].map((status) => errorPage(status))];
  for (const html of pages) {
    const text = html.replace(/<input[^>]*>|<[^>]+>/gu, "\n").replaceAll("&#39;", "'");
    assert.doesNotMatch(
      text,
      /.{0,20}[\p{L}\p{N}»] [:;!?»%](?=\s|$).{0,20}|.{0,20}« .{0,20}|.{0,20}\p{L}'\p{L}.{0,20}/u,
    );
  }
});

test("un champ : étiquette, obligation dite, aide puis problème avant le contrôle, liens de description", () => {
  const html = part("field", {
    form: refused,
    name: "name",
    label: "Nom",
    required: true,
    hint: "3 caractères",
    autocomplete: "name",
    maxlength: 80,
  });
  assert.match(
    html,
    /<label for="field-name">Nom <span class="must">\(obligatoire\)<\/span>[\s\S]+id="field-name-hint"[\s\S]+id="field-name-problem"[\s\S]+<input/u,
  );
  assert.match(
    html,
    /<input type="text" id="field-name" name="name" required aria-invalid="true" aria-describedby="field-name-hint field-name-problem" autocomplete="name" maxlength="80" value="Mi">/u,
  );
});

test("un champ sans histoire ne porte ni erreur ni description", () => {
  const html = part("field", { form: blank, name: "name", label: "Nom", value: "Awa" });
  assert.doesNotMatch(html, /aria-|required|obligatoire/u);
  assert.match(html, /value="Awa"/);
});

test("une zone de texte garde ses lignes, la première vide comprise", () => {
  assert.match(
    part("field", { form: blank, name: "t", label: "T", rows: 2, value: "\nb" }),
    /<textarea id="field-t" name="t" rows="2">\n\nb<\/textarea>/u,
  );
});

test("ce qui a été saisi passe avant la valeur connue", () => {
  assert.match(part("field", { form: { values: { name: "" } }, name: "name", label: "Nom", value: "Awa" }), /value=""/);
  assert.match(
    part("select", {
      form: { values: { e: "b" } },
      name: "e",
      label: "E",
      value: "a",
      options: [
        { value: "a", label: "A" },
        { value: "b", label: "B" },
      ],
    }),
    /<option value="b" selected>/u,
  );
});

test("un mot de passe n’est jamais renvoyé, se colle et se complète", () => {
  const html = part("password", {
    form: { values: { secret: "en clair" } },
    name: "secret",
    label: "Mot de passe",
    autocomplete: "new-password",
  });
  assert.doesNotMatch(html, /en clair|onpaste/u);
  assert.match(html, /autocomplete="new-password"/);
  assert.match(html, /<button[^>]+hidden>/u);
});

test("le résumé d’erreurs prend le focus, mène aux champs et donne une référence", () => {
  const html = part("errors", {
    form: { errors: { name: "Écrivez 3 caractères.", form: "Ce compte a changé." } },
    labels: { name: "Nom" },
  });
  assert.match(html, /tabindex="-1" autofocus/);
  assert.match(html, /<a href="#field-name">Nom\u00a0: écrivez 3 caractères\.<\/a>/u);
  assert.match(html, /<strong>Ce compte a changé\.<\/strong>/u);
  assert.match(html, /7F3A-21C/);
  assert.equal(part("errors", { form: blank, labels: {} }).trim(), "");
});

test("deux formulaires d’une même page ne partagent pas d’identifiant grâce à scope", () => {
  const html =
    part("field", { form: refused, name: "name", label: "Nom", scope: "b" }) +
    part("errors", { form: refused, labels: { name: "Nom" }, scope: "b" });
  assert.match(html, /href="#b-name"/);
  assert.doesNotMatch(html, /field-/);
});

test("des choix : légende, description, valeurs cochées, choix fermé", () => {
  const html = part("choices", {
    form: { values: {}, errors: { r: "Choisissez." } },
    name: "r",
    legend: "Rôles",
    type: "checkbox",
    value: ["a"],
    options: [
      { value: "a", label: "A" },
      { value: "b", label: "B", hint: "b", disabled: true },
    ],
  });
  assert.match(html, /<fieldset[^>]+aria-describedby="field-r-problem"[^>]*>\s*<legend>Rôles<\/legend>/u);
  assert.match(html, /id="field-r" name="r" value="a" checked>/);
  assert.match(html, /id="field-r-2" name="r" value="b" disabled aria-describedby="field-r-2-note">/);
});

test("une case seule se souvient d’avoir été décochée", () => {
  assert.match(part("check", { form: blank, name: "k", label: "K", checked: true }), / checked/);
  assert.doesNotMatch(
    part("check", { form: { values: {}, errors: { x: "." } }, name: "k", label: "K", checked: true }),
    / checked/,
  );
  assert.match(
    part("check", { form: { values: { k: "oui" }, errors: { x: "." } }, name: "k", label: "K" }),
    / checked/,
  );
});

test("les clés d’un formulaire : jeton, clé neuve, version si l’objet en a une", () => {
  const page = pageContext();
  const [one, two] = [part("form-keys", { version: 0 }, page), part("form-keys", {}, page)];
  assert.match(
    one,
    /name="_csrf" value="jeton"><input type="hidden" name="_key" value="cle-1"><input type="hidden" name="version" value="0">/u,
  );
  assert.match(two, /cle-2/);
  assert.doesNotMatch(two, /version/);
});

test("une annonce hors bande remplit la région polie du premier envoi", () => {
  assert.match(
    part("announce", { text: "Compte modifié." }),
    /<div id="annonces" hx-swap-oob="innerHTML"><div class="toast tone-success"><p>Compte modifié\.<\/p>/u,
  );
  const first = inLayout("app", "<h1>x</h1>", { title: "x" });
  assert.ok(first.indexOf('role="status" id="annonces"') < first.indexOf("<main"));
  assert.ok(first.indexOf('role="alert" id="alertes"') < first.indexOf("<main"));
});

test("le titre suit la forme convenue, avec Erreur devant un formulaire refusé", () => {
  assert.match(inLayout("app", "", { title: "Comptes" }), /<title>Comptes – OpsTracker<\/title>/u);
  assert.match(
    inLayout("public", "", { title: "Se connecter" }, pageContext({ refused: true, user: null })),
    /<title>Erreur\u00a0: Se connecter – OpsTracker<\/title>/u,
  );
});

test("le thème choisi est posé sur la page, celui du système ne l’est pas", () => {
  assert.match(
    inLayout("app", "", { title: "x" }, pageContext({ theme: "dark" })),
    /<html lang="fr" data-theme="dark">/u,
  );
  assert.match(inLayout("app", "", { title: "x" }), /<html lang="fr">/u);
});

test("l’accent n’est demandé que s’il y en a un, et change d’adresse avec lui", () => {
  assert.match(
    inLayout("app", "", { title: "x" }, pageContext({ tenant: { name: "A", accent: "#7a1fa2" } })),
    /href="\/organisation\/accent\.css\?v=7a1fa2"/u,
  );
  assert.doesNotMatch(inLayout("app", "", { title: "x" }), /accent\.css/u);
});

test("le pied de page mène aux six pages de chaque instance", () => {
  for (const layout of ["app", "public"]) {
    const html = inLayout(layout, "", { title: "x" });
    for (const href of [
      "/accessibilite",
      "/donnees-personnelles",
      "/mentions-legales",
      "/plan-du-site",
      "/contact",
      "/aide",
    ])
      assert.match(html, new RegExp(`<footer[\\s\\S]+href="${href}"`, "u"));
  }
});

test("la page d’erreur : titre, phrase, que faire, référence, selon l’état", () => {
  const titles = new Set<string>();
  for (const status of [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]) {
    const html = errorPage(status);
    titles.add(/<h1>([^<]+)<\/h1>/u.exec(html)![1]!);
    assert.match(html, /id="failure-sentence">[^<]+<[\s\S]+Que faire maintenant<[\s\S]+Référence <strong>7F3A-21C/u);
  }
  assert.equal(titles.size, 11);
  assert.match(errorPage(418), /<h1>Demande illisible/u);
  assert.match(errorPage(502, pageContext({ user: null })), /<h1>Panne de notre côté[\s\S]+href="\/connexion"/u);
  assert.match(
    errorPage(403, pageContext(), { sentence: "Demandez à votre administratrice." }),
    /Demandez à votre administratrice\./u,
  );
});

test("un pager sans voisin ni résumé n’existe pas", () => {
  assert.equal(part("pager", { label: "Pages" }).trim(), "");
  assert.match(
    part("pager", { label: "Pages", next: "?apres=1" }),
    /<nav class="pager" aria-label="Pages">[\s\S]+rel="next">Page suivante/u,
  );
});

test("chaque symbole demandé par un gabarit existe dans la planche, dessiné pareil", () => {
  const sprite = readFileSync(join(VIEWS, "../public/icons.svg"), "utf8");
  const ids = [...sprite.matchAll(/<symbol id="([^"]+)"/gu)].map((found) => found[1]!);
  assert.equal(new Set(ids).size, ids.length);
  const used = new Set<string>();
  for (const name of readdirSync(VIEWS, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".eta"),
  )) {
    const source = readFileSync(join(VIEWS, name), "utf8");
    for (const [, icon] of source.matchAll(/\/partials\/icon", \{ name: "([^"]+)"/gu)) used.add(icon!);
    for (const [, icon] of source.matchAll(/\bicon: "([^"]+)"/gu)) used.add(icon!);
  }
  assert.deepEqual(
    [...used].filter((icon) => !ids.includes(icon)),
    [],
  );
  assert.equal(sprite.split('stroke-linecap="square"').length - 1, ids.length);
});
