import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { accentStylesheet } from "../../src/accounts/accent.ts";
import { openBrowser } from "./browser.ts";
import { entryPage, galleryPage } from "./gallery.ts";
import { errorPage, pageContext } from "./page.ts";
import { serve } from "./server.ts";

const require = createRequire(import.meta.url);
const ACCENT = "#7a1fa2";
const tenant = { name: "Mutuelle des Quais", accent: ACCENT, zone: "Europe/Paris" };

const PAGES: Record<string, () => string> = {
  "/galerie": () => galleryPage(),
  "/galerie-dialogue": () => galleryPage({ dialogShown: true }),
  "/galerie-compacte": () =>
    galleryPage({ page: { density: "compact", theme: "dark", tenant, demo: false, notice: null } }),
  "/entree": () => entryPage(),
  "/erreur": () => errorPage(409),
  "/erreur-dehors": () => errorPage(500, pageContext({ user: null, tenant: null, sessionEndsAt: null })),
};

let browser: Browser;
let site: Awaited<ReturnType<typeof serve>>;
let axe: string;

before(async () => {
  axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  site = await serve((_method, url) => {
    if (url.pathname === "/organisation/accent.css") return { css: accentStylesheet(ACCENT) };
    const page = PAGES[url.pathname];
    return page && { html: page() };
  });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

interface View {
  scheme?: "light" | "dark";
  width?: number;
  script?: boolean;
  /** axe measures with style attributes of its own, which our policy rightly refuses. */
  relaxed?: boolean;
}

/** Opens a page; what the browser's console complains of (a refused style, a missing file) fails the test. */
async function visit(
  path: string,
  { scheme = "light", width = 1440, script = true, relaxed = false }: View,
  look: (page: Page) => Promise<void>,
) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    javaScriptEnabled: script,
    reducedMotion: "reduce",
    bypassCSP: relaxed,
  });
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("console", (said) => ["error", "warning"].includes(said.type()) && complaints.push(said.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(request.url()));
  page.on(
    "response",
    (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`),
  );
  try {
    await page.goto(site.origin + path);
    await look(page);
    if (!relaxed) assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** Every rule of axe, the experimental and AAA ones too. Run as text: the test program has no DOM types. */
async function axeFindings(page: Page, part = "html"): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(`(async () => {
    const rules = Object.fromEntries(axe.getRules().map(({ ruleId }) => [ruleId, { enabled: true }]));
    const { violations, passes } = await axe.run("${part}", { rules });
    if ("${part}" === "html" && passes.length < 20) throw new Error("axe looked at too little: " + passes.length + " rules");
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 160) + " — " + failureSummary.replace(/\\s+/g, " ")));
  })()`);
}

const overflow = (page: Page) =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

for (const path of Object.keys(PAGES)) {
  for (const view of [{ scheme: "light" }, { scheme: "dark" }, { width: 320 }] as const) {
    test(`${path} ${JSON.stringify(view)} : aucune infraction, aucun défilement horizontal`, async () => {
      await visit(path, { ...view, relaxed: true }, async (page) => {
        assert.deepEqual(await axeFindings(page), []);
        assert.ok((await overflow(page)) <= 0, `overflows by ${await overflow(page)} px`);
      });
    });
  }
}

test("chaque page vit sous la politique stricte, sans une plainte du navigateur", async () => {
  for (const path of Object.keys(PAGES)) {
    await visit(path, {}, async (page) => {
      await page.waitForLoadState("networkidle");
      assert.equal(await page.locator("h1").count(), 1, path);
    });
  }
});

test("menus ouverts : aucune infraction, et rien ne déborde à 320 px", async () => {
  for (const view of [{ scheme: "dark" }, { width: 320 }] as const) {
    await visit("/galerie", { ...view, relaxed: true }, async (page) => {
      await page.locator(".account > summary").click();
      // Nobody aims at what an open menu covers: only the menu is judged.
      assert.deepEqual(await axeFindings(page, ".account"), []);
      assert.ok((await overflow(page)) <= 0);
    });
  }
  for (const fold of [".side", ".tabs", ".filters"]) {
    await visit("/galerie", { width: 320, relaxed: true }, async (page) => {
      await page.locator(`${fold} .fold-open`).click();
      assert.ok(await page.locator(`${fold} .fold`).isVisible());
      assert.deepEqual(await axeFindings(page), []);
      assert.ok((await overflow(page)) <= 0);
    });
  }
});

test("à 200 % de texte rien ne déborde", async () => {
  await visit("/galerie", { width: 1280 }, async (page) => {
    await page.evaluate('document.documentElement.style.setProperty("font-size", "200%")');
    assert.ok((await overflow(page)) <= 0, `overflows by ${await overflow(page)} px`);
  });
});

test("les cibles mesurent au moins 44 px", async () => {
  for (const width of [1440, 320]) {
    await visit("/galerie", { width }, async (page) => {
      // A link inside a sentence is exempt; a box counts with its label.
      const small = await page.evaluate(`
        [...document.querySelectorAll("a, button, summary, select, input:not([type=hidden]), textarea")]
          .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0)
          .filter((element) => !element.closest(".skips, .timeline p") && !(getComputedStyle(element).display === "inline" && element.closest("p, dd")))
          .map((element) => (element.matches("[type=checkbox], [type=radio]") ? (element.closest("label") ?? element) : element))
          .map((element) => ({ html: element.outerHTML.slice(0, 120), box: element.getBoundingClientRect() }))
          .filter(({ box }) => box.width < 43.5 || box.height < 43.5)
          .map(({ html, box }) => html + " " + box.width + " × " + box.height)`);
      assert.deepEqual(small, []);
    });
  }
});

test("sans script : le menu plié s’ouvre, la page est entière, les boutons sans effet sont absents", async () => {
  await visit("/galerie", { width: 320, script: false }, async (page) => {
    const panel = page.locator("#menu-panneau");
    assert.equal(await panel.isVisible(), false);
    await page.locator(".side .fold-open").click();
    assert.ok(await panel.isVisible());
    await page.locator("#menu-panneau .fold-close").click();
    for (const island of ["print-page", "copy-text", "password-reveal"]) {
      assert.equal(await page.locator(`${island} button`).isVisible(), false, island);
    }
    assert.equal(await page.locator("[data-all]").isVisible(), false);
  });
});

test("l’accent de l’organisation remplace le bleu, dans le thème choisi par la personne", async () => {
  await visit("/galerie-compacte", {}, async (page) => {
    const colour = await page.evaluate(`getComputedStyle(document.querySelector(".button.primary")).backgroundColor`);
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.notEqual(colour, "rgb(28, 67, 180)");
    assert.equal(ground, "rgb(21, 20, 15)");
  });
});

test("à l’impression, les commandes partent et le contenu reste", async () => {
  await visit("/galerie", {}, async (page) => {
    await page.emulateMedia({ media: "print" });
    for (const gone of [".side", ".foot", ".account", ".filters", ".live", ".pager ul"]) {
      assert.equal(await page.locator(gone).first().isVisible(), false, gone);
    }
    for (const kept of ["h1", ".table tbody tr", ".brand", ".org", ".field-diff", ".timeline", ".pager p"]) {
      assert.ok(await page.locator(kept).first().isVisible(), kept);
    }
  });
});

test("le vérificateur Nu ne trouve rien, ni dans le source ni dans l’arbre après les îlots", async () => {
  const folder = await mkdtemp(join(tmpdir(), "opstracker-nu-"));
  try {
    const files: string[] = [];
    for (const [path, html] of Object.entries(PAGES)) {
      const file = join(folder, `${path.slice(1)}.html`);
      await writeFile(file, html());
      files.push(file);
    }
    await visit("/galerie-dialogue", {}, async (page) => {
      const file = join(folder, "arbre.html");
      await writeFile(file, `<!doctype html>${await page.evaluate("document.documentElement.outerHTML")}`);
      files.push(file);
    });
    const jar = require.resolve("vnu-jar/build/dist/vnu.jar");
    const { stderr } = await promisify(execFile)("java", ["-jar", jar, "--errors-only", ...files]).catch(
      (error) => error,
    );
    assert.equal(stderr.replaceAll(folder, ""), "");
  } finally {
    await rm(folder, { recursive: true });
  }
});
