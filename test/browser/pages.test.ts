import assert from "node:assert/strict";
import { test } from "node:test";
import {
  axeFindings,
  contextOf,
  domOf,
  listen,
  nuFindings,
  overflowOf,
  smallTargets,
  startChromium,
  tabWalk,
  widest,
} from "../support/browser.ts";
import { expectedVerdict, nameOf, OTHER_TYPES, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const chromium = await startChromium();
const documents = new Map<string, string>();

/** Each page once, as the first of these who may open it: the frame around is the same for the others. */
const VISITORS = ["denis", "nadia", "anonymous"].map((who) => PERSONAS.find((persona) => persona.who === who)!);
/** In the dark nothing changes but colours, and on a narrow screen everything may but them. */
const VIEWS = [
  { name: "clair", colorScheme: "light", width: 1280, rules: "all" },
  { name: "sombre", colorScheme: "dark", width: 1280, rules: "colours" },
  { name: "320 px", colorScheme: "light", width: 320, rules: "all but colours" },
] as const;

const seen = new Set<string>();
for (const persona of VISITORS) {
  const todo: { name: string; address: string }[] = [];
  for (const route of sweep.routes) {
    if (route.method !== "get" || OTHER_TYPES[route.path] || seen.has(route.path)) continue;
    // What visitors see of the public pages has another frame than members do: both are looked at.
    if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
    if (persona.who === "denis" && ["/connexion", "/invitation/:token"].includes(route.path)) continue;
    seen.add(route.path);
    todo.push({ name: nameOf(route), address: (await sweep.address(route, persona, "own"))! });
  }
  if (persona.who === "anonymous") {
    todo.push({ name: "404", address: "/nulle-part" }, { name: "GET /contact (visiteur)", address: "/contact" });
  }
  if (persona.who === "denis") {
    todo.push(
      { name: "403", address: "/instance/pages" },
      { name: "compte invité", address: `/admin/utilisateurs/${sweep.ids.quais!.invited}` },
      { name: "compte fermé", address: `/admin/utilisateurs/${sweep.ids.quais!.gone}` },
      { name: "liste vide", address: "/admin/utilisateurs?q=personne-de-ce-nom" },
      { name: "historique vide", address: "/admin/historique?texte=rien-de-tel" },
      { name: "aide trouvée", address: "/aide?q=invitation" },
    );
  }

  test(`axe, toutes les règles, en clair, en sombre et à 320 px ; console muette, rien ne déborde, cibles de 44 px, Tab parcourt tout : pages de ${persona.title}`, async () => {
    const context = await contextOf(chromium, world, persona.who);
    const page = await context.newPage();
    const complaints = listen(page, world.origin);
    const failures: string[] = [];
    for (const { name, address } of todo) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(world.origin + address);
      documents.set(`${name} (${persona.who})`, await domOf(page));
      const walk = await tabWalk(page);
      for (const fault of walk.faults.slice(0, 5)) failures.push(`${name}, Tab : ${fault}`);
      if (!/href="#contenu"/.test(walk.first))
        failures.push(`${name} : le premier Tab n’est pas « Aller au contenu » mais ${walk.first}`);
      for (const small of await smallTargets(page)) failures.push(`${name}, cible de ${small}`);
      await page.evaluate('document.documentElement.style.setProperty("font-size", "200%")');
      const doubled = await overflowOf(page);
      if (doubled > 0) failures.push(`${name} déborde de ${doubled} px à 200 % : ${await widest(page)}`);
      await page.evaluate('document.documentElement.style.removeProperty("font-size")');
      await page.setViewportSize({ width: 320, height: 800 });
      for (const small of await smallTargets(page)) failures.push(`${name}, à 320 px, cible de ${small}`);
      const overflow = await overflowOf(page);
      if (overflow > 0) failures.push(`${name} déborde de ${overflow} px à 320 px : ${await widest(page)}`);
      for (const complaint of complaints.splice(0)) failures.push(`${name}, console : ${complaint}`);
      for (const view of VIEWS) {
        await page.emulateMedia({ colorScheme: view.colorScheme });
        await page.setViewportSize({ width: view.width, height: 900 });
        for (const finding of await axeFindings(page, view.rules)) failures.push(`${name}, ${view.name} : ${finding}`);
      }
      // It speaks to sandboxed frames, which refuse it.
      complaints.length = 0;
    }
    await context.close();
    report(failures, "À corriger dans un vrai navigateur");
  });
}

test("à 320 px, la touche Tab parcourt aussi l’accueil et la liste, menu plié", async () => {
  const context = await contextOf(chromium, world, "denis", { viewport: { width: 320, height: 800 } });
  const page = await context.newPage();
  for (const address of ["/campagnes", "/admin/utilisateurs", "/admin/historique"]) {
    await page.goto(world.origin + address);
    assert.deepEqual((await tabWalk(page)).faults, [], address);
  }
  await context.close();
});

test("le vérificateur Nu ne trouve aucune erreur dans l’arbre de chaque page", async () => {
  assert.ok(documents.size > 40, `${documents.size} pages seulement`);
  report(await nuFindings(documents), "Erreurs HTML");
});
