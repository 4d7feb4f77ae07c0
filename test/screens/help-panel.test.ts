import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { findHelp, helpPart } from "../../src/instance/help.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { fr } from "../../src/platform/text/index.ts";
import { openBrowser } from "./browser.ts";
import { inLayout, pageContext, part } from "./page.ts";
import { serve } from "./server.ts";

const views = createViews({ debug: true, cache: true });
const field = (name: string, label: string, type: string, page: object) =>
  part("field", { form: { values: {} }, name, label, type }, page as never);

/** A page with a search field and something being typed, of somebody who has shortcuts or none. */
function screen(shortcuts: boolean): string {
  const page = pageContext({ shortcuts });
  const body = `<h1>Comptes</h1><form role="search" action="/">${field("q", "Nom", "search", page)}</form>${field("note", "Note", "text", page)}`;
  return inLayout("app", body, { title: "Comptes" }, page);
}

function panel(slug: string): string {
  const help = findHelp(slug)!;
  return views.render("/instance/help/_panel", { page: pageContext(), fr, help, part: helpPart(help), others: [] });
}

let browser: Browser;
let site: Awaited<ReturnType<typeof serve>>;

before(async () => {
  site = await serve((_method, { pathname }) => {
    if (pathname === "/") return { html: screen(true) };
    if (pathname === "/sans") return { html: screen(false) };
    if (pathname.startsWith("/aide/")) return { html: panel(pathname.slice("/aide/".length)) };
    return undefined;
  });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function on(path: string, width: number, use: (page: Page) => Promise<void>) {
  const context = await browser.newContext({ viewport: { width, height: 800 } });
  try {
    const page = await context.newPage();
    await page.goto(site.origin + path);
    await page.locator("help-panel:defined").waitFor({ state: "attached" });
    await use(page);
  } finally {
    await context.close();
  }
}

const open = async (page: Page) => {
  await page.locator("[data-help]").click();
  await page.locator("#aide-panneau h2:focus", { hasText: "Inviter un collègue" }).waitFor();
};
const isModal = (page: Page) => page.evaluate<boolean>("document.querySelector('#aide-panneau').matches(':modal')");
const isOpen = (page: Page) => page.evaluate<boolean>("document.querySelector('#aide-panneau').open");
const held = (page: Page) => page.evaluate<string>("document.activeElement.textContent.trim()");

test("UIX-12 : l’aide s’ouvre à côté de la page, qui garde ce qui y est saisi et reste utilisable", () =>
  on("/", 1440, async (page) => {
    await page.locator("#field-note").fill("en cours");
    await open(page);
    assert.equal(await isModal(page), false);
    assert.equal(await held(page), "Inviter un collègue");
    assert.equal(new URL(page.url()).pathname, "/");
    await page.locator("#field-note").press("End");
    await page.keyboard.type(" de saisie");
    assert.equal(await page.locator("#field-note").inputValue(), "en cours de saisie");
    await page.locator("[data-help]").click();
    assert.equal(await isOpen(page), false);
  }));

test("un lien vers une autre page d’aide s’ouvre dans le panneau ; Échap ferme et rend le focus", () =>
  on("/", 1440, async (page) => {
    await page.locator("[data-help]").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Inviter un collègue" }).waitFor();
    await page.locator("#aide-panneau a[href='/aide/les-roles']").first().click();
    await page.getByRole("heading", { name: "Les rôles", exact: true }).waitFor();
    await page.locator("#aide-panneau h2:focus", { hasText: "Les rôles" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/");
    await page.keyboard.press("Escape");
    assert.equal(await isOpen(page), false);
    assert.equal(await page.evaluate("document.activeElement.hasAttribute('data-help')"), true);
  }));

test("sans place à côté, l’aide passe dessus, garde le focus et se ferme par son bouton", () =>
  on("/", 320, async (page) => {
    await open(page);
    assert.ok(await isModal(page));
    assert.ok((await page.evaluate<number>("document.documentElement.scrollWidth")) <= 320);
    await page.getByRole("button", { name: "Fermer l’aide" }).click();
    assert.equal(await isOpen(page), false);
  }));

test("les raccourcis ouvrent l’aide et mènent à la recherche ; qui les a coupés n’en a aucun", async () => {
  await on("/", 1440, async (page) => {
    await page.keyboard.press("Control+k");
    assert.equal(await page.evaluate("document.activeElement.id"), "field-q");
    await page.keyboard.press("?");
    assert.equal(await isOpen(page), false, "un signe seul ne déclenche rien");
    await page.keyboard.press("Control+?");
    await page.locator("#aide-panneau[open]").waitFor();
    await page.keyboard.press("Control+?");
    assert.equal(await isOpen(page), false);
  });
  await on("/sans", 1440, async (page) => {
    await page.keyboard.press("Control+?");
    await page.waitForTimeout(200);
    assert.equal(await isOpen(page), false);
    assert.equal(await page.locator("[data-shortcut]").count(), 0);
  });
});

test("une aide qui ne vient pas se dit, et n’ouvre rien", () =>
  on("/", 1440, async (page) => {
    await page.route("**/aide/**", (route) => route.abort());
    await page.locator("[data-help]").click();
    await page.locator("#alertes").getByText("Le serveur n’a pas répondu").waitFor();
    assert.equal(await isOpen(page), false);
  }));
