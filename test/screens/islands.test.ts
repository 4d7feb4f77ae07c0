import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "./browser.ts";
import { errorPage, inLayout, pageContext, part } from "./page.ts";
import { type Answer, serve } from "./server.ts";

const ROOT = join(import.meta.dirname, "../..");
const form = { values: {} };
const rows = (ids: number[]) =>
  ids
    .map(
      (id) =>
        `<li id="ligne-${id}"><form action="/suppression" method="post" hx-post="/suppression/${id}" hx-target="#ligne-${id}" hx-swap="outerHTML"><button class="button" id="supprimer-${id}">Supprimer ${id}</button></form></li>`,
    )
    .join("");
const card = (value: string, error?: string) =>
  `<section id="carte" tabindex="-1">${part("errors", { form: { values: {}, errors: error ? { nom: error } : {} }, labels: { nom: "Nom" } })}
   <form id="carte-form" method="post" action="/carte" hx-post="/carte" hx-target="#carte" hx-swap="outerHTML" novalidate>${part("field", { form: { values: { nom: value }, errors: error ? { nom: error } : {} }, name: "nom", label: "Nom", required: true })}<button class="button" name="envoi" value="1">Enregistrer le nom</button></form></section>`;

const body = `<h1>Îlots</h1>${card("")}
  <section><h2>Liste</h2><ul id="liste">${rows([1, 2, 3])}</ul></section>
  ${part("filters", {
    id: "filtres",
    label: "Filtrer",
    action: "/resultats",
    target: "resultats",
    body: part("select", {
      form,
      name: "etat",
      label: "État",
      options: [
        { value: "", label: "Tous" },
        { value: "actif", label: "Actifs" },
      ],
    }),
  })}
  <div id="resultats"><p class="count" data-announce>4 comptes</p></div>
  <p><a href="/lent" hx-get="/lent" hx-target="#lent" id="lancer-lent">Lent</a> <a href="/panne" hx-get="/panne" hx-target="#lent" id="lancer-panne">Panne</a> <a href="/absent" hx-get="/absent" hx-target="#lent" id="lancer-absent">Absent</a> <a href="/coupe" hx-get="/coupe" hx-target="#lent" id="lancer-coupe">Coupé</a> <a href="/entiere" hx-get="/entiere" hx-target="#lent" id="lancer-entiere">Entière</a> <a href="/suite" hx-boost="true" id="lancer-suite">Suite</a></p><div id="lent">Rien encore</div>
  <dirty-guard><form id="brouillon" action="/ailleurs"><label>Note <input name="note" id="note"></label><label>Titre <input name="titre" value="Sur deux&#10;lignes"></label></form></dirty-guard><a href="/suite" id="partir">Partir</a>
  <check-all data-one="choisi" data-many="choisis"><label hidden><input type="checkbox" data-all>Tous</label><div class="pick"><input type="checkbox" aria-label="A" id="a"></div><div class="pick"><input type="checkbox" aria-label="B" id="b"></div><form class="bulk"><output></output><select aria-label="Action"><option>Affecter</option></select></form></check-all>
  ${part("password", { form, name: "secret", label: "Mot de passe", autocomplete: "current-password" })}
  <a href="/dialogue" data-dialog="boite" id="ouvrir">Ouvrir</a>${part("dialog", { id: "boite", title: "Boîte", body: "<p>Bonjour</p>" })}
  ${part("menu", { label: "Actions", entries: [{ label: "Voir", icon: "eye", href: "/voir" }] })}`;

let browser: Browser;
let site: Awaited<ReturnType<typeof serve>>;
let extended = 0;

/** A server that refuses, delays, fails and answers, as the product may. */
async function answer(method: string, url: URL): Promise<Answer | undefined> {
  const now = new Date();
  const context = (leftMs: number) => pageContext({ now, sessionEndsAt: new Date(now.getTime() + leftMs) });
  switch (`${method} ${url.pathname}`) {
    case "GET /":
      return { html: inLayout("app", body, { title: "Îlots" }, context(3_600_000)) };
    case "GET /bientot":
      return { html: inLayout("app", body, { title: "Bientôt" }, context(121_000)) };
    case "GET /fini":
      return { html: inLayout("app", body, { title: "Fini" }, context(1_000)) };
    case "GET /suite":
      return { html: inLayout("app", "<h1>Suite</h1>", { title: "Suite" }, context(3_600_000)) };
    case "POST /carte":
      return { status: 422, html: card("", "Écrivez votre nom.") };
    case "POST /suppression/1":
    case "POST /suppression/3":
      return { html: part("announce", { text: "Ligne supprimée." }), headers: { "hx-reswap": "delete" } };
    case "GET /resultats":
      return {
        html: `<div id="resultats"><p class="count" data-announce>2 comptes ${url.searchParams.get("etat")}</p></div>`,
      };
    case "GET /lent":
      await new Promise((resolve) => setTimeout(resolve, 1600));
      return { html: "<p>Enfin</p>" };
    case "GET /panne":
      return {
        status: 503,
        html: '<div id="alertes" hx-swap-oob="innerHTML"><div class="toast tone-danger"><p>Le service ne répond pas.</p><p class="ref">Référence 7F3A-21C</p></div></div>',
      };
    case "GET /absent":
      return { status: 404, html: errorPage(404) };
    case "GET /coupe":
      return { html: "<p>Revenu</p>" };
    case "GET /longue":
      return { html: inLayout("app", body, { title: "Longue" }, context(30 * 86_400_000)) };
    case "GET /entiere":
      return {
        html: inLayout(
          "app",
          "<h1>Page entière</h1>",
          { title: "Entière" },
          { ...context(3_600_000), notice: { text: "C’est fait.", tone: "success" } },
        ),
        headers: { "hx-retarget": "body", "hx-reswap": "innerHTML" },
      };
    case "POST /session/prolongation":
      extended += 1;
      return { json: { now: now.toISOString(), endsAt: new Date(now.getTime() + 3_600_000).toISOString() } };
    default:
      return undefined;
  }
}

before(async () => {
  site = await serve(answer);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function on(path: string, use: (page: Page) => Promise<void>) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(site.origin + path);
    await page.waitForFunction("customElements.get('session-watch')");
    await use(page);
  } finally {
    await context.close();
  }
}

const focused = (page: Page) =>
  page.evaluate<string>(
    "document.activeElement.id || document.activeElement.className || document.activeElement.tagName",
  );
const heard = (page: Page, region: "annonces" | "alertes") => page.locator(`#${region}`).innerText();

test("les îlots passent la vérification des types et tiennent en 80 lignes", () => {
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const flags =
    "--noEmit --ignoreConfig --allowJs --checkJs --strict --lib es2024,dom,dom.iterable --module esnext --moduleResolution bundler --target es2024";
  execFileSync(process.execPath, [tsc, ...flags.split(" "), "public/js/app.js"], { cwd: ROOT, encoding: "utf8" });
  for (const name of readdirSync(join(ROOT, "public/js"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  )) {
    const source = readFileSync(join(ROOT, "public/js", name), "utf8");
    assert.match(source, /^\/\/ @ts-check\n/, name);
    assert.ok(source.split("\n").length <= 81, `${name} is long`);
    assert.doesNotMatch(source, /\beval\(|innerHTML|insertAdjacentHTML|localStorage|document\.cookie/, name);
  }
});

test("un formulaire refusé revient en place : le résumé prend le focus et mène au champ", () =>
  on("/", async (page) => {
    await page.getByRole("button", { name: "Enregistrer le nom" }).click();
    await page.locator("#carte .errors").waitFor();
    assert.equal(await focused(page), "errors");
    await page.getByRole("link", { name: /^Nom\s: écrivez/u }).click();
    assert.equal(await focused(page), "field-nom");
    assert.equal(await page.locator("#field-nom").getAttribute("aria-describedby"), "field-nom-problem");
  }));

test("une ligne supprimée donne le focus à la voisine, et c’est annoncé", () =>
  on("/", async (page) => {
    await page.locator("#supprimer-1").click();
    await page.locator("#ligne-1").waitFor({ state: "detached" });
    await page.waitForFunction("document.activeElement !== document.body");
    assert.equal(await focused(page), "supprimer-2");
    assert.match(await heard(page, "annonces"), /Ligne supprimée\./u);
    await page.locator("#supprimer-3").click();
    await page.locator("#ligne-3").waitFor({ state: "detached" });
    await page.waitForFunction("document.activeElement !== document.body");
    assert.equal(await focused(page), "supprimer-2");
  }));

test("un filtre annonce le nombre sans déplacer le focus", () =>
  on("/", async (page) => {
    await page.locator("#field-etat").focus();
    await page.locator("#field-etat").selectOption("actif");
    await page.getByText("2 comptes actif").first().waitFor();
    assert.equal(await focused(page), "field-etat");
    assert.match(await heard(page, "annonces"), /2 comptes actif/u);
    assert.match(page.url(), /\/resultats\?etat=actif$/u);
    assert.equal(await page.getByRole("button", { name: "Filtrer", exact: true }).isVisible(), false);
  }));

test("une attente de plus d’une seconde se voit et s’entend", () =>
  on("/", async (page) => {
    await page.locator("#lancer-lent").click();
    await page.locator("#lent[aria-busy=true]").waitFor();
    assert.match(await heard(page, "annonces"), /Chargement/u);
    await page.getByText("Enfin").waitFor();
    await page.locator("#lent:not([aria-busy])").waitFor();
  }));

test("une panne se dit avec sa référence, rien n’est écrasé, on peut réessayer", () =>
  on("/", async (page) => {
    for (const [id, words] of [
      ["panne", /Le service ne répond pas[\s\S]*7F3A-21C/u],
      ["absent", /Cette page n’existe pas/u],
    ] as const) {
      await page.locator(`#lancer-${id}`).click();
      await page.locator("#alertes").getByText(words).waitFor();
      assert.equal(await page.locator("#lent").innerText(), "Rien encore");
      assert.equal(
        await page.locator("#alertes").getByRole("button", { name: "Réessayer" }).isVisible(),
        id === "panne",
      );
    }
    await page.locator("#alertes").getByRole("button", { name: "Fermer" }).click();
    assert.equal(await heard(page, "alertes"), "");
  }));

test("un réseau coupé se dit, et le même geste réussit au second essai", () =>
  on("/", async (page) => {
    await page.route("**/coupe", (route) => route.abort(), { times: 1 });
    await page.locator("#lancer-coupe").click();
    await page.locator("#alertes").getByText("Le serveur n’a pas répondu").waitFor();
    await page.locator("#alertes").getByRole("button", { name: "Réessayer" }).click();
    await page.getByText("Revenu").waitFor();
  }));

test("une navigation sans rechargement change le titre et met le focus sur le titre de la page", () =>
  on("/", async (page) => {
    await page.locator("#lancer-suite").click();
    await page.getByRole("heading", { name: "Suite" }).waitFor();
    await page.waitForFunction("document.title.startsWith('Suite')");
    assert.equal(await focused(page), "H1");
  }));

test("une page entière rendue à un fragment prend toute la place, et son avis s’entend", () =>
  on("/", async (page) => {
    await page.locator("#lancer-entiere").click();
    await page.getByRole("heading", { name: "Page entière" }).waitFor();
    assert.equal(await page.locator("h1").count(), 1);
    assert.equal(await focused(page), "H1");
    await page.locator("#annonces").getByText("C’est fait.").waitFor({ state: "attached" });
  }));

test("une session de 30 jours ne se dit pas finie à l’ouverture", () =>
  on("/longue", async (page) => {
    await page.waitForTimeout(300);
    assert.equal(await heard(page, "alertes"), "");
  }));

test("quitter avec une saisie non envoyée demande d’abord", () =>
  on("/", async (page) => {
    const asked: string[] = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await page.locator("#note").fill("en cours");
    await page.locator("#partir").click();
    await page.waitForTimeout(200);
    assert.deepEqual(asked, ["beforeunload"]);
    assert.equal(await page.locator("#note").inputValue(), "en cours");
    await page.locator("#note").fill("");
    await page.locator("#partir").click();
    await page.getByRole("heading", { name: "Suite" }).waitFor();
  }));

test("la case du haut coche les autres et dit combien", () =>
  on("/", async (page) => {
    await page.locator("#a").check();
    assert.equal(await page.evaluate("document.querySelector('[data-all]').indeterminate"), true);
    assert.equal(await page.locator("check-all output").innerText(), "1 choisi");
    await page.locator("[data-all]").check();
    assert.ok(await page.locator("#b").isChecked());
    assert.equal(await page.locator("check-all output").innerText(), "2 choisis");
    await page.locator("#b").press("Enter");
    assert.equal(await page.evaluate("document.activeElement.getAttribute('aria-label')"), "Action");
  }));

test("le mot de passe se montre et se recache", () =>
  on("/", async (page) => {
    const reveal = page.getByRole("button", { name: "Afficher\u00a0: Mot de passe" });
    await reveal.click();
    assert.equal(await page.locator("#field-secret").getAttribute("type"), "text");
    assert.equal(await reveal.getAttribute("aria-pressed"), "true");
    await reveal.click();
    assert.equal(await page.locator("#field-secret").getAttribute("type"), "password");
  }));

test("le dialogue garde le focus, se ferme par Échap et le rend", () =>
  on("/", async (page) => {
    await page.locator("#ouvrir").focus();
    await page.keyboard.press("Enter");
    assert.ok(await page.evaluate("document.querySelector('#boite').matches(':modal')"));
    for (let step = 0; step < 4; step += 1) {
      await page.keyboard.press("Tab");
      assert.ok(
        await page.evaluate(
          "document.activeElement === document.body || document.querySelector('#boite').contains(document.activeElement)",
        ),
      );
    }
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "ouvrir");
  }));

test("un menu se ferme par Échap, le focus revient à son bouton", () =>
  on("/", async (page) => {
    const menu = page.locator("main details.menu");
    await menu.locator("summary").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Escape");
    assert.equal(await menu.getAttribute("open"), null);
    assert.equal(await page.evaluate("document.activeElement.tagName"), "SUMMARY");
  }));

test("la fin de session s’annonce deux minutes avant, se prolonge, et la saisie reste", () =>
  on("/bientot", async (page) => {
    await page.locator("#note").fill("à garder");
    await page.locator("#alertes").getByText("se termine dans 2 minutes").waitFor({ timeout: 5000 });
    assert.equal(await focused(page), "note");
    await page.locator("#alertes").getByRole("button", { name: "Prolonger ma session" }).click();
    await page.locator("#alertes").getByText("Votre session est prolongée").waitFor();
    assert.equal(extended, 1);
    assert.equal(await page.locator("#note").inputValue(), "à garder");
  }));

test("une session finie le dit et garde la saisie à l’écran", () =>
  on("/fini", async (page) => {
    await page.locator("#note").fill("à garder");
    await page.locator("#alertes").getByText("Votre session est terminée").waitFor({ timeout: 5000 });
    assert.equal(await page.locator("#note").inputValue(), "à garder");
    assert.equal(await page.locator("#alertes").getByRole("link").getAttribute("href"), "/connexion");
  }));
