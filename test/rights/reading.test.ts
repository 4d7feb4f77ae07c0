import assert from "node:assert/strict";
import { test } from "node:test";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import { linksOf, parseHtml } from "../support/html.ts";
import { PERSONAS, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root } = sweep;
const MOST_LINKS = 60;

for (const persona of PERSONAS) {
  test(`GET ne change rien : ${persona.title}, toutes les adresses et les liens qu’elles donnent`, async () => {
    const browser = await sweep.browse(persona);
    // The first page gives a session its secret; it is part of opening a session, not of reading.
    await browser.get("/");
    const before = await fingerprints(root);
    const seen = new Set<string>();
    const todo: string[] = [];
    for (const route of routes) {
      if (route.method !== "get") continue;
      for (const whose of ["own", "other", "unknown"] as const) {
        const address = await sweep.address(route, persona, whose);
        if (address) todo.push(address);
      }
    }
    const declared = todo.length;
    for (let i = 0; i < todo.length && i < declared + MOST_LINKS; i++) {
      const address = todo[i]!;
      if (seen.has(address)) continue;
      seen.add(address);
      const { text, headers } = await browser.get(address);
      await browser.get(address, { part: true });
      await fetch(world.origin + address, { method: "HEAD", redirect: "manual", headers: { cookie: browser.cookie } });
      if (headers.get("content-type")?.startsWith("text/html")) todo.push(...linksOf(parseHtml(text)));
    }
    assert.deepEqual(
      changedTables(before, await fingerprints(root)),
      [],
      "Une lecture a écrit : déplacez cette écriture dans un POST, ou dans une table de mesures (MEASURES, test/support/fingerprints.ts).",
    );
    await sweep.calm();
  });
}
