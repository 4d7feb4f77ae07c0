import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf, PERSONAS, report, sampleOf, setSupport, startSweep, verdictOf } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const denis = PERSONAS.find(({ who }) => who === "denis")!;
const nadia = PERSONAS.find(({ who }) => who === "nadia")!;
const { tenantId } = await world.userOf("denis");

/** The pages of the organisation, at the address of one of its objects; those of one person or of one author apart. */
const pages = sweep.routes.filter(
  (route) =>
    route.method === "get" &&
    sweep.admits(route, denis) &&
    (!route.path.includes(":") || sampleOf(route).reach === "tenant"),
);

test("ROL-2, P12 : chaque page de l’organisation est close à l’instance, ouverte par un accès de support, close après lui", async () => {
  const failures: string[] = [];
  const paths = await Promise.all(
    pages
      .filter((route) => !["/flux", "/deconnexion"].includes(route.path) && !/^(?:public|signed-in)$/.test(route.right))
      .map(async (route) => ({ route, path: (await sweep.address(route, denis, "own"))! })),
  );
  assert.ok(paths.length > 10, `${paths.length} pages seulement`);
  const outside = await world.as("nadia");
  for (const { route, path } of paths) {
    const verdict = verdictOf(await outside.get(path));
    const own = sweep.admits(route, nadia) && !route.path.includes(":");
    if (!own && verdict === "ouvert") failures.push(`${nameOf(route)} : ouverte à l’instance sans accès`);
  }
  await setSupport(world, tenantId, true);
  await outside.get(`/instance/organisations/${tenantId}`);
  assert.equal((await outside.post(`/instance/organisations/${tenantId}/support`)).status, 303);
  for (const { route, path } of paths) {
    const verdict = verdictOf(await outside.get(path));
    if (verdict !== "ouvert") failures.push(`${nameOf(route)} : ${verdict} pendant l’accès`);
  }
  for (const path of ["/instance/organisations", "/instance/taches"]) {
    if (verdictOf(await outside.get(path)) === "ouvert") failures.push(`${path} : l’instance reste ouverte dedans`);
  }
  await world.clock.advanceMinutes(61);
  for (const { route, path } of paths) {
    const verdict = verdictOf(await outside.get(path));
    if (verdict !== "à la connexion") failures.push(`${nameOf(route)} : ${verdict} après son heure`);
  }
  report(failures, "L’accès de support ne suit pas la matrice");
});
