/** An open dashboard while others work: what moves, what stays, what is said (LIV-1, LIV-2, LIV-4, LIV-5, S19). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOf, listen, startChromium } from "../support/browser.ts";
import { addOperation, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const chromium = await startChromium();
const sophie = await world.as("sophie");
const karim = await world.as("karim");

async function underWay(n: number): Promise<{ at: string; operations: string[] }> {
  const at = await makeCampaign(sophie);
  const operations: string[] = [];
  for (let i = 1; i <= n; i++)
    operations.push(await addOperation(sophie, at, { c_cible: `PC-${i}`, technician: karim.id }));
  await sophie.get(`${at}/publication`);
  isAt(await sophie.post(`${at}/publication`));
  await world.sealer.sealAll();
  return { at, operations };
}
/** Karim does one, from his own session, and his act is sealed. */
async function complete(operation: string): Promise<void> {
  for (const [to, kind] of [
    ["in_progress", "start"],
    ["done", "complete"],
  ] as const) {
    await karim.get(operation);
    isAt(await karim.post(`${operation}/statut`, { to, kind }));
  }
  await world.sealer.sealAll();
}

test("S19, LIV-1, LIV-5 : l’acte de l’un arrive sur le tableau de bord ouvert de l’autre ; focus, pli et défilement restent ; suspendu, il attend", async () => {
  const { at, operations } = await underWay(4);
  const context = await contextOf(chromium, world, "sophie", { viewport: { width: 1280, height: 700 } });
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(world.origin + at);
  await stream;
  const done = (n: number) => page.locator("#tableau .pulse-number", { hasText: `${n} opérations réalisées sur 4` });
  await done(0).waitFor();
  const link = page.locator("#tableau").getByRole("link", { name: "Non affectées" });
  await link.focus();
  const table = page.locator("#courbe-cumul details").first();
  await table.locator("summary").click();
  await link.focus();
  await page.evaluate("scrollTo(0, 400)");

  await complete(operations[0]!);
  await done(1).waitFor();
  await page.locator("#activite", { hasText: "a terminé PC-1" }).waitFor();
  await page.locator("#annonces", { hasText: /1 réalisée, 25,0/ }).waitFor({ state: "attached" });
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Non affectées");
  assert.equal(await table.getAttribute("open"), "");
  assert.equal(await page.evaluate("scrollY"), 400);
  assert.equal((await page.locator("#courbe-cumul svg").count()) > 0, true, "la courbe reste");

  await page.getByRole("button", { name: "Suspendre l’actualisation" }).click();
  await page.getByRole("button", { name: "Reprendre l’actualisation" }).waitFor();
  await complete(operations[1]!);
  await page.reload();
  await done(2).waitFor();
  assert.equal(await page.locator("live-page[paused]").count(), 1, "le choix est gardé");
  await complete(operations[2]!);
  await done(2).waitFor();
  await page.getByRole("button", { name: "Reprendre l’actualisation" }).click();
  await done(3).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("S19, LIV-2 : le flux coupé, la page demande toutes les trente secondes ; ce qui change pendant qu’elle demande n’est pas manqué", async () => {
  const { at, operations } = await underWay(4);
  const context = await contextOf(chromium, world, "sophie");
  const page = await context.newPage();
  await page.clock.install();
  let asked = 0;
  await page.route("**/flux?*", () => void asked++); // taken, never answered
  await page.goto(world.origin + at);
  const done = (n: number) => page.locator("#tableau .pulse-number", { hasText: `${n} opérations réalisées sur 4` });
  while (asked < 1) await page.waitForTimeout(20);
  await complete(operations[0]!);
  await page.clock.fastForward(40_000);
  await done(1).waitFor();
  while (asked < 2) await page.waitForTimeout(20);

  // The answer is held while somebody acts: it was drawn before, and the page is told meanwhile.
  let held: (() => Promise<void>) | undefined;
  let fragments = 0;
  await page.route(`**${at}`, async (route) => {
    fragments += 1;
    if (fragments > 1) return route.continue();
    const answer = await route.fetch();
    held = () => route.fulfill({ response: answer });
  });
  await complete(operations[1]!);
  await page.clock.fastForward(30_000);
  while (!held) await page.waitForTimeout(20);
  await complete(operations[2]!);
  while (asked < 3) await page.waitForTimeout(20);
  await page.clock.fastForward(30_000);
  while (asked < 4) await page.waitForTimeout(20);
  await held();
  await done(3).waitFor();
  assert.ok(fragments >= 2);
  await context.close();
});

test("LIV-5 : les courbes ne se redessinent qu’une fois en trente secondes, et finissent exactes", async () => {
  const { at, operations } = await underWay(3);
  const context = await contextOf(chromium, world, "sophie");
  const page = await context.newPage();
  await page.clock.install();
  let curves = 0;
  page.on("request", (request) => void (request.url().includes("partie=courbes") && curves++));
  const stream = page.waitForResponse((response) => response.url().includes("/flux?"));
  await page.goto(world.origin + at);
  await stream;
  const done = (n: number) => page.locator("#tableau .pulse-number", { hasText: `${n} opérations réalisées sur 3` });
  await done(0).waitFor();
  const drawn = (n: number) => page.locator(`#courbe-cumul [aria-label*="${n} réalisées sur 3"]`).first();
  for (const [rank, operation] of operations.slice(0, 2).entries()) {
    await complete(operation);
    await done(rank + 1).waitFor();
  }
  await drawn(1).or(drawn(2)).waitFor();
  assert.equal(curves, 1);
  await page.clock.fastForward(30_000);
  await drawn(2).waitFor();
  assert.ok(curves <= 2, `${curves} dessins`);
  await context.close();
});
