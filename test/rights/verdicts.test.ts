import assert from "node:assert/strict";
import { test } from "node:test";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import {
  expectedVerdict,
  formOf,
  nameOf,
  PERSONAS,
  type Persona,
  report,
  sampleOf,
  startSweep,
  verdictOf,
  type Whose,
} from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root, ids } = sweep;
const WHOSE: Whose[] = ["own", "colleague", "other", "unknown"];

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
  handle?: { stack?: Layer[] };
}

test("P07 : chaque route du routeur d’Express est déclarée avec son droit, et a un exemple", () => {
  const walk = (stack: Layer[]): string[] =>
    stack.flatMap(({ route, handle }) => {
      // The files under /assets: no session, no right, the same for everybody.
      if (route?.path.startsWith("/css/") || route?.path.startsWith("/vendor/")) return [];
      if (route) return Object.keys(route.methods).map((method) => `${method} ${route.path}`);
      return walk(handle?.stack ?? []);
    });
  const mounted = walk((world.app as unknown as { router: { stack: Layer[] } }).router.stack);
  const declared = routes.map(({ method, path }) => `${method} ${path}`);
  // The probes answer before any session, to machines: they know nobody.
  const probes = ["get /health/live", "get /health/ready"];
  assert.deepEqual(
    mounted.filter((name) => !declared.includes(name) && !probes.includes(name)),
    [],
    "Montez ces routes par le manifeste d’un module (src/platform/module.ts), avec un droit.",
  );
  assert.deepEqual(
    declared.filter((name) => !mounted.includes(name)),
    [],
  );
  assert.ok(routes.length > 40);
  for (const route of routes) if (route.path.includes(":")) sampleOf(route);
});

/** Marks drawn anew at each answer: what remains must tell nothing of what exists. */
const masked = (text: string) =>
  text
    .replace(/value="[^"]{20,}"/g, "")
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replace(/[A-Z]{43}/g, "TOKEN")
    .replace(/[0-9A-F]{4}-[0-9A-F]{3}/g, "REF")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "INSTANT");

async function judge(persona: Persona): Promise<string[]> {
  const failures: string[] = [];
  // Reading first: some forms close the session they come with, or all the others.
  for (const [turn, route] of routes.toSorted((a, b) => a.method.localeCompare(b.method)).entries()) {
    const { inBody, leadsOut } = formOf(route);
    // Choosing an account at sign-in concerns who has not signed in.
    if (inBody && persona.who !== "anonymous") continue;
    const oracle = new Map<string, string>();
    for (const [rank, whose] of WHOSE.entries()) {
      // One's own page both ways. Of others, pages are all compared whole, and fragments in turns; a form is judged before anything is drawn.
      const others = rank === 1 + (turn % 3) ? [false, true] : [false];
      const pages = whose === "own" ? [false, true] : others;
      for (const part of route.method === "get" ? pages : [(turn + rank) % 2 === 0]) {
        // A form may close the session it comes with.
        const browser = route.method === "post" ? await sweep.freshly(persona) : await sweep.browse(persona);
        const address = await sweep.address(route, persona, whose, browser);
        if (address === null) continue;
        if (route.method === "post" && persona.who === "anonymous") await browser.get("/connexion");
        const fields = inBody ? await sweep.filled(route, persona, browser) : {};
        // Without its key a form is refused before any verb: permitted, and without effect.
        const answer =
          route.method === "get"
            ? await browser.get(address, { part })
            : await browser.post(address, { ...fields, ...(whose === "own" && { _key: "" }) }, { part });
        const expected = expectedVerdict(sweep, route, persona, whose);
        const verdict = verdictOf(answer);
        if (verdict === "à la connexion" && expected === "ouvert" && leadsOut) continue;
        if (verdict !== expected) {
          failures.push(`${nameOf(route)} (${whose}${part ? ", fragment" : ""}) : ${verdict} au lieu de ${expected}`);
        }
        if (part && expected === "à la connexion" && (answer.status !== 401 || !answer.headers.get("hx-redirect"))) {
          failures.push(`${nameOf(route)} : un fragment sans connexion répond 401 et HX-Redirect`);
        }
        if (!part && whose !== "own" && route.method === "get") oracle.set(whose, masked(answer.text));
      }
    }
    const unknown = oracle.get("unknown");
    for (const [whose, text] of oracle) {
      if (text !== unknown) failures.push(`${nameOf(route)} : la réponse distingue un id ${whose} d’un id inconnu`);
    }
  }
  await sweep.calm();
  return failures;
}

for (const [key, personas] of [
  ["portelune", PERSONAS.filter(({ organisation }) => organisation !== "portelune")],
  ["quais", PERSONAS.filter(({ organisation }) => organisation === "portelune")],
] as const) {
  test(`P07 : ${personas.map(({ title }) => title).join(", ")} – chaque route rend son verdict`, async (t) => {
    const before = await fingerprints(root, ids[key]!);
    for (const persona of personas) {
      await t.test(persona.title, async () => report(await judge(persona), "Verdicts inattendus"));
    }
    await t.test("aucune ligne de l’autre organisation n’a changé", async () => {
      assert.deepEqual(changedTables(before, await fingerprints(root, ids[key]!)), []);
    });
  });
}
