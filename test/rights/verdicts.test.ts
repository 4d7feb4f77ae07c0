import assert from "node:assert/strict";
import { test } from "node:test";
import { PERSONAS, sampleOf, startSweep } from "../support/sweep.ts";
import { judgeAll } from "../support/verdicts.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes } = sweep;

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

const governing = ["anonymous", "nadia", "denis", "sophie"];
judgeAll(
  sweep,
  "portelune",
  PERSONAS.filter(({ who }) => governing.includes(who)),
);
judgeAll(
  sweep,
  "quais",
  PERSONAS.filter(({ organisation }) => organisation === "portelune"),
);
