import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { axeFindings, contextOf, domOf, listen, nuFindings, startChromium } from "../support/browser.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { expectedVerdict, OTHER_TYPES, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const chromium = await startChromium();
const documents = new Map<string, string>();

interface Place {
  who: string;
  page: string;
  action: string;
  /** Puts back what its page needs, which other pages need otherwise. */
  ready: () => Promise<string | null>;
}

/** What takes any text, however long: it is refused line by line, on a page of its own. */
const TAKES_ALL = new Set(["/imports/annuaire/collage"]);

/** Each form that has something to type, on the page that shows it, for the first person who may send it. */
async function typedForms(): Promise<Place[]> {
  const places = new Map<string, Place>();
  for (const persona of ["denis", "nadia", "anonymous"].map((who) => PERSONAS.find((one) => one.who === who)!)) {
    const browser = await sweep.browse(persona);
    for (const route of sweep.routes) {
      if (route.method !== "get" || OTHER_TYPES[route.path]) continue;
      if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
      // Signed in, these pages are somebody else's business.
      if (persona.who !== "anonymous" && /^\/(?:connexion|invitation)/.test(route.path)) continue;
      const page = (await sweep.address(route, persona, "own"))!;
      for (const { method, action, fields } of formsOf(parseHtml((await browser.get(page)).text), page)) {
        const typed = fields.some(({ type }) =>
          ["text", "email", "password", "search", "number", "textarea", "url", "tel"].includes(type),
        );
        const kind = action.replace(/[0-9a-f-]{36}|\d+\.\d+|[\w-]{43}/g, ":");
        if (method === "post" && typed && !places.has(kind) && !TAKES_ALL.has(action))
          places.set(kind, { who: persona.who, page, action, ready: () => sweep.address(route, persona, "own") });
      }
    }
  }
  return [...places.values()];
}

const form = (action: string) => `document.querySelector('form[method="post"][action="${action}"]')`;

/** Types in every field more than it takes, past what the browser itself would have stopped. */
const overfill = (page: Page, action: string) =>
  page.evaluate(`(() => {
    const form = ${form(action)};
    form.noValidate = true;
    for (const field of form.elements) {
      if (field.matches("textarea, input:not([type]), input[type=text], input[type=search], input[type=password], input[type=email], input[type=number]")) {
        const most = field.maxLength > 0 ? field.maxLength : 20_000;
        field.removeAttribute("maxlength");
        if (field.type === "number" || field.type === "email") field.type = "text";
        field.value = "trop long ".repeat(most / 10 + 2);
      }
    }
  })()`);

const places = await typedForms();

test("un formulaire refusé : le résumé prend le focus, ses liens mènent aux champs, rien de tapé n’est perdu, axe n’y trouve rien en clair ni à 320 px", async (t) => {
  assert.ok(places.length > 8, `${places.length} formulaires seulement`);
  for (const { who, page: address, action, ready } of places) {
    await t.test(
      `${address.replace(/[0-9a-f-]{36}|[\w-]{43}/g, ":id")} → ${action.replace(/[0-9a-f-]{36}|[\w-]{43}/g, ":id")}`,
      async () => {
        const context = await contextOf(chromium, world, who);
        const page = await context.newPage();
        const complaints = listen(page, world.origin);
        await ready();
        await page.goto(world.origin + address);
        await overfill(page, action);
        const swaps = await page.evaluate<boolean>(`${form(action)}.hasAttribute("hx-post")`);
        await page.evaluate(`void ${form(action)}.requestSubmit()`);
        await page.locator(".errors").first().waitFor();
        await page.locator(".errors:focus").waitFor();
        if (!swaps) assert.match(await page.title(), /^Erreur\s: .+ – OpsTracker$/);
        const links = await page.locator(".errors a").all();
        assert.ok(links.length > 0, "le résumé ne mène à aucun champ : donnez `labels` à /partials/errors");
        for (const link of links) {
          const id = (await link.getAttribute("href"))!.slice(1);
          await link.click();
          const field = await page.evaluate<{ focused: boolean; invalid: boolean; described: boolean } | null>(`(() => {
          const field = document.getElementById("${id}");
          const described = [field, field?.closest("fieldset")].flatMap((one) => (one?.getAttribute("aria-describedby") ?? "").split(" "));
          return field && {
            focused: document.activeElement === field,
            invalid: field.getAttribute("aria-invalid") === "true" || field.closest("[data-invalid]") !== null,
            described: described.some((one) => one && document.getElementById(one)?.matches(".problem")),
          };
        })()`);
          assert.deepEqual(field, { focused: true, invalid: true, described: true }, `#${id}`);
        }
        const kept = await page.evaluate<string[]>(
          `[...${form(action)}.elements].filter((field) => field.matches("textarea, input[type=text]") && field.value === "").map((field) => field.name)`,
        );
        assert.deepEqual(kept, [], "ces champs ont perdu ce qui était tapé");
        documents.set(`refus de ${action}`, await domOf(page));
        assert.deepEqual(complaints, []);
        const failures: string[] = [];
        for (const width of [1280, 320]) {
          await page.setViewportSize({ width, height: 900 });
          for (const finding of await axeFindings(page)) failures.push(`${width} px : ${finding}`);
        }
        report(failures, "Infractions relevées par axe");
        await context.close();
      },
    );
  }
  await sweep.calm();
});

test("après un remplacement par htmx, le focus n’est jamais sur body, et l’annonce est dite", async () => {
  const failures: string[] = [];
  for (const [who, address] of [
    ["denis", "/admin/utilisateurs"],
    ["denis", "/admin/historique"],
    ["denis", "/admin/journal-securite"],
    ["denis", "/aide"],
  ] as const) {
    const context = await contextOf(chromium, world, who);
    const page = await context.newPage();
    const complaints = listen(page, world.origin);
    await page.goto(world.origin + address);
    const filter = page.locator("main form[hx-get]");
    if ((await filter.count()) === 0) {
      failures.push(`${address} : la liste ne se filtre pas sur place (hx-get)`);
      continue;
    }
    const search = filter.locator("input[type=search]").first();
    const select = filter.locator("select").first();
    const answered = page.waitForResponse((response) => response.request().headers()["hx-request-type"] === "partial");
    if ((await search.count()) > 0) {
      await search.fill("nad");
      await search.press("Enter");
    } else {
      await select.focus();
      await select.selectOption({ index: 1 });
      await page.keyboard.press("Enter");
    }
    await answered;
    await page.waitForTimeout(150);
    const focus = await page.evaluate<string>("document.activeElement.localName + ' ' + document.activeElement.id");
    if (/^(?:body|html)/.test(focus)) failures.push(`${address} : focus sur ${focus}`);
    const said = await page.evaluate<string>(
      `[...document.querySelectorAll('[role="status"]')].map((one) => one.textContent.trim()).join(" ")`,
    );
    if (!/\d|aucun/i.test(said)) failures.push(`${address} : rien n’est annoncé (« ${said} »)`);
    documents.set(`filtre de ${address}`, await domOf(page));
    failures.push(...complaints.map((complaint) => `${address} : ${complaint}`));
    await context.close();
  }
  report(failures, "Remplacements à corriger");
});

test("un critère enregistré et un aperçu demandé sur place gardent le focus et l’arbre valide", async () => {
  const context = await contextOf(chromium, world, "nadia");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  await page.goto(`${world.origin}/instance/accessibilite?theme=3`);
  const card = page.locator("#critere-3-2");
  await card.locator("textarea").fill("Vérifié sur trois pages.");
  await card.locator("select, input[type=radio]").first().focus();
  if ((await card.locator("select").count()) > 0) await card.locator("select").selectOption("conforme");
  else await card.locator('input[value="conforme"]').check();
  await card.locator("button[type=submit]").click();
  await page.locator("#critere-3-2 >> text=Conforme").first().waitFor();
  await page.waitForTimeout(150);
  assert.notEqual(await page.evaluate("document.activeElement.localName"), "body");
  documents.set("critère enregistré", await domOf(page));

  await page.goto(`${world.origin}/instance/pages/contact`);
  await page.locator("textarea[name=body]").fill("## Nous écrire\n\n- par lettre");
  await page.locator("[hx-post$=apercu]").click();
  await page.locator("#apercu h2, #apercu h3, #apercu h4").getByText("Nous écrire").waitFor();
  await page.waitForTimeout(150);
  assert.notEqual(await page.evaluate("document.activeElement.localName"), "body");
  documents.set("aperçu d’une page publique", await domOf(page));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("le mot de passe redemandé garde le formulaire, sur une page sans infraction", async () => {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  await page.goto(`${world.origin}/admin/utilisateurs/nouveau`);
  await sweep.root.query(
    "update session set authenticated_at = authenticated_at - interval '20 minutes', payload = payload - 'authenticatedAt' where user_id = $1",
    [(await world.userOf("denis")).id],
  );
  await page.getByLabel("Prénom").fill("Irène");
  await page.getByLabel("Nom (obligatoire)", { exact: true }).fill("Garnier");
  await page.getByLabel(/^Adresse/).fill("irene.garnier@quais.example");
  await page.locator('input[name=roles][value="viewer"]').check();
  await page.locator("main form button[type=submit]").click();
  await page.locator("input[name=_password]").waitFor();
  assert.deepEqual(await axeFindings(page), []);
  documents.set("confirmation du mot de passe", await domOf(page));
  await page.locator("input[name=_password]").fill("ce n’est pas lui");
  await page.locator("main form button[type=submit]").click();
  await page.locator(".problem").waitFor();
  await page.locator("input[name=_password]").fill("quatre-mots-pour-essayer-7");
  await page.locator("main form button[type=submit]").click();
  await page.getByRole("heading", { level: 1, name: /Irène Garnier/ }).waitFor();
  await context.close();
});

test("le vérificateur Nu ne trouve aucune erreur après un refus ni après un remplacement", async () => {
  report(await nuFindings(documents), "Erreurs HTML");
});
