import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOf, listen, startChromium } from "../support/browser.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const chromium = await startChromium();
const THEMES = ["light", "dark"];
let themes = 0;

/** Another person acts, and their act is sealed. */
async function somebodyActs(): Promise<void> {
  const hugo = await world.as("hugo");
  const { status } = await hugo.post("/compte/preferences", { theme: THEMES[themes++ % 2]! });
  assert.equal(status, 303);
  await world.sealer.sealAll();
}

test("LIV-1, LIV-5 : l’historique suit l’acte d’une autre personne, garde le focus, l’annonce, et se suspend", async () => {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/admin/historique`);
  await stream;
  const rows = page.locator("#acts tbody tr");
  const before = await rows.count();
  const link = page.getByRole("link", { name: /Invitation de Sophie Marchand/ }).first();
  await link.focus();

  await somebodyActs();
  await page.locator("#acts tbody tr", { hasText: "Préférences d’Hugo" }).first().waitFor();
  assert.equal(await rows.count(), before + 1);
  assert.match(await page.evaluate<string>("document.activeElement.textContent"), /Invitation de Sophie Marchand/);
  await page.locator("#annonces", { hasText: "1 nouvel acte" }).waitFor({ state: "attached" });

  await page.getByRole("button", { name: "Suspendre l’actualisation" }).click();
  await page.getByRole("button", { name: "Reprendre l’actualisation" }).waitFor();
  await world.sealer.sealAll();
  await page.reload();
  const paused = await rows.count();
  await somebodyActs();
  assert.equal(await page.locator("live-page[paused]").count(), 1, "le choix est gardé");
  assert.equal(await rows.count(), paused);
  await page.getByRole("button", { name: "Reprendre l’actualisation" }).click();
  await page.locator(`#acts tbody tr:nth-child(${paused + 1})`).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("LIV-2 : un flux absent ou muet 40 secondes, la page demande toutes les 30 secondes, puis revient au flux", async () => {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  await page.clock.install();
  let asked = 0;
  await page.route("**/flux?*", () => void asked++); // taken, never answered
  await page.goto(`${world.origin}/admin/historique`);
  const rows = page.locator("#acts tbody tr");
  const before = await rows.count();
  while (asked < 1) await page.waitForTimeout(20);
  await somebodyActs();
  await page.clock.fastForward(39_000);
  assert.equal(await rows.count(), before);
  await page.clock.fastForward(1_000);
  await page.locator(`#acts tbody tr:nth-child(${before + 1})`).waitFor();
  while (asked < 2) await page.waitForTimeout(20);
  await somebodyActs();
  await page.clock.fastForward(30_000);
  await page.locator(`#acts tbody tr:nth-child(${before + 2})`).waitFor();
  while (asked < 3) await page.waitForTimeout(20);

  // Listened for first: what was held may be let go at once.
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.unroute("**/flux?*");
  await page.clock.fastForward(30_000);
  assert.equal((await stream).status(), 200);
  await somebodyActs();
  await page.locator(`#acts tbody tr:nth-child(${before + 3})`).waitFor();
  // Open, and mute: for this page forty seconds pass without a beat.
  const again = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.clock.fastForward(40_000);
  assert.equal((await again).status(), 200);
  await context.close();
});

test("LIV-1, LIV-4 : la page des tâches montre celle qui vient d’échouer, et ce que la personne a déplié le reste", async () => {
  const context = await contextOf(chromium, world, "nadia");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const fail = async () =>
    world.owner.query(
      `insert into pgboss.job (name, data, source_name, source_output)
       values ('history.verify_daily.dead', jsonb_build_object('tenantId', $1::text), 'history.verify_daily', '{"message": "ENOSPC: no space left"}')`,
      [(await world.userOf("denis")).tenantId],
    );
  await fail();
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/instance/taches`);
  await stream;
  await page.getByText("Abandonner…", { exact: false }).first().click();
  await page.getByRole("button", { name: "Abandonner cette tâche" }).waitFor();
  // The first look of the hub is where things stand: what fails until it is heard is news.
  const rows = page.locator("#echecs tbody tr");
  for (let count = 1; (await rows.count()) < 2; count++) {
    assert.ok(count < 20, "la page ne suit pas");
    await fail();
    await rows
      .nth(1)
      .waitFor({ timeout: 1_500 })
      .catch(() => undefined);
  }
  assert.equal(await page.getByRole("button", { name: "Abandonner cette tâche" }).isVisible(), true);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("LIV-1, ACT-5 : la cloche de toute page suit ce qu’une autre personne fait au compte", async () => {
  const context = await contextOf(chromium, world, "karim");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/aide`);
  await stream;
  assert.equal(await page.locator("#pastille .unread").count(), 0);
  const { id } = await world.userOf("karim");
  const denis = await world.as("denis");
  await denis.get(`/admin/utilisateurs/${id}/roles`);
  const version = /name="version" value="(\d+)"/.exec((await denis.get(`/admin/utilisateurs/${id}/roles`)).text)?.[1];
  await denis.post(`/admin/utilisateurs/${id}/roles`, { roles: ["technician", "viewer"], version: version ?? "" });
  await world.sealer.sealAll();
  await page.locator("#pastille .unread", { hasText: "1" }).waitFor();
  await page.getByRole("link", { name: /^Notifications\s?1 non lue$/ }).click();
  await page.getByRole("button", { name: /Denis Roussel a changé vos rôles/ }).click();
  await page.waitForURL(`${world.origin}/compte`);
  assert.equal(await page.locator("#pastille .unread").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("une page plus ancienne ne bouge pas : elle dit que de nouveaux actes sont arrivés", async () => {
  const denis = await world.as("denis");
  const [newest] = (await denis.get("/admin/historique")).text.match(/(?<=id="acte-)[0-9a-f-]{36}/) ?? [];
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/admin/historique?avant=${newest}`);
  await stream;
  const shown = await page.locator("#acts tbody").innerHTML();
  await somebodyActs();
  await page.getByRole("link", { name: "Revenir aux plus récents" }).waitFor();
  assert.equal(await page.locator("#acts tbody").innerHTML(), shown);
  await context.close();
});

test("sans JavaScript, l’historique est le même, et rien ne propose de le suspendre", async () => {
  const context = await contextOf(chromium, world, "denis", { javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${world.origin}/admin/historique`);
  assert.ok((await page.locator("#acts tbody tr").count()) > 5);
  assert.equal(await page.getByRole("button", { name: /actualisation/ }).count(), 0);
  await context.close();
});

test("LIV-4 : une ligne en cours de saisie n’est jamais remplacée, elle dit par qui et se recharge à la demande", async () => {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  await page.goto(`${world.origin}/aide`);
  const result = await page.evaluate<Record<string, unknown>>(`(async () => {
    const { repaint } = await import("/assets/js/live/repaint.js");
    const list = (rows) => '<ul id="lignes">' + rows.map(([id, text, by]) => '<li id="l' + id + '" data-by="' + by + '"><input value="' + text + '" aria-label="' + id + '"></li>').join("") + "</ul>";
    const main = document.querySelector("main");
    main.insertAdjacentHTML("beforeend", list([[1, "a", ""], [2, "b", ""], [3, "c", ""]]));
    const old = document.getElementById("lignes");
    const typed = document.querySelector("#l2 input");
    typed.focus();
    typed.value = "ma saisie";
    const draw = (rows) => repaint(old, new DOMParser().parseFromString(list(rows), "text/html").getElementById("lignes"));
    draw([[0, "z", "Awa"], [1, "A", "Awa"], [2, "B", "Awa"]]);
    const order = [...old.children].map(({ id }) => id);
    const during = { order, value: typed.value, focused: document.activeElement === typed, first: document.querySelector("#l1 input").value, said: document.querySelector("#l2").innerText };
    document.querySelector("#l2 [data-live-mark] button").click();
    return { ...during, after: document.querySelector("#l2 input").value, focusInRow: document.activeElement.closest("li")?.id };
  })()`);
  assert.deepEqual(result, {
    order: ["l0", "l1", "l2"],
    value: "ma saisie",
    focused: true,
    first: "A",
    said: result.said,
    after: "B",
    focusInRow: "l2",
  });
  assert.match(String(result.said), /modifiée par Awa – recharger/);
  await context.close();
});

test("LIV-5 : ce qui arrive est annoncé au plus toutes les trente secondes, tout compté", async () => {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  await page.clock.install();
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/admin/historique`);
  await stream;
  const rows = page.locator("#acts tbody tr");
  const before = await rows.count();
  const said = (words: string) => page.locator("#annonces", { hasText: words }).waitFor({ state: "attached" });
  for (let n = 1; n <= 3; n++) {
    await somebodyActs();
    await page.locator(`#acts tbody tr:nth-child(${before + n})`).waitFor();
    await page.clock.fastForward(n === 1 ? 1_000 : 5_000);
    await said("1 nouvel acte");
  }
  await page.clock.fastForward(25_000);
  await said("2 nouveaux actes");
  await context.close();
});

/** The page of history open in a browser whose clock is ours; its fragment is then answered as the test says, or as it is. */
async function refusing(answer: (asked: number) => { status?: number; behind?: boolean } | undefined) {
  const context = await contextOf(chromium, world, "denis");
  const page = await context.newPage();
  await page.clock.install();
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(`${world.origin}/admin/historique`);
  await stream;
  let asked = 0;
  await page.route("**/admin/historique", async (route) => {
    asked += 1;
    const { status, behind } = answer(asked) ?? {};
    if (status) return route.fulfill({ status });
    if (!behind) return route.continue();
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "live-behind": "1" } });
  });
  const first = await page.locator("#acts tbody tr").first().getAttribute("id");
  return {
    context,
    page,
    /** An act that was not there when the page opened. */
    fresh: page.locator(`#acts tbody tr:first-child:not([id="${first}"])`),
    asked: () => asked,
    /** So many seconds at most until it was asked that often. */
    async untilAsked(times: number, seconds: number) {
      for (let passed = 0; asked < times; passed++) {
        assert.ok(passed <= seconds, `demandé ${asked} fois en ${passed} s`);
        await page.waitForTimeout(50);
        await page.clock.fastForward(1_000);
      }
    },
  };
}

test("LIV-2 : un fragment refusé se redemande de lui-même, de moins en moins vite, jusqu’à venir", async () => {
  const { context, page, fresh, untilAsked, asked } = await refusing((n) => (n <= 4 ? { status: 503 } : undefined));
  await somebodyActs();
  while (asked() < 1) await page.waitForTimeout(20);
  for (const [rank, seconds] of [1, 2, 4, 8].entries()) await untilAsked(rank + 2, seconds + 1);
  await fresh.waitFor();
  await page.clock.fastForward(20_000);
  await page.waitForTimeout(50);
  assert.equal(asked(), 5, "une fois venu, plus rien ne se redemande");
  await context.close();
});

test("LIV-5 : une réponse en retard se redemande une seconde plus tard, sans que rien d’autre n’arrive", async () => {
  const { context, page, fresh, untilAsked, asked } = await refusing((n) => ({ behind: n <= 2 }));
  await somebodyActs();
  await fresh.waitFor();
  await untilAsked(3, 4);
  await page.clock.fastForward(20_000);
  await page.waitForTimeout(50);
  assert.equal(asked(), 3);
  await context.close();
});

test("LIV-3, LIV-6 : le droit retiré ou la session finie, la page le dit poliment et ne redemande plus", async () => {
  for (const { status, said } of [
    { status: 404, said: "ne suit plus ce qui change. Rechargez-la" },
    { status: 401, said: "Votre session est terminée" },
  ]) {
    const { context, page, asked } = await refusing(() => ({ status }));
    await somebodyActs();
    await page.locator("#annonces .toast", { hasText: said }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Suspendre l’actualisation" }).isVisible(), status !== 401);
    await somebodyActs();
    await page.clock.fastForward(20_000);
    await page.waitForTimeout(50);
    assert.equal(asked(), 1);
    await context.close();
  }
});
