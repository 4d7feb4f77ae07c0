import assert from "node:assert/strict";
import { test } from "node:test";
import type { Route } from "../../src/platform/http/route.ts";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import {
  expectedVerdict,
  fromOurPage,
  nameOf,
  PERSONAS,
  type Persona,
  report,
  send,
  startSweep,
  type Verdict,
  verdictOf,
  type Whose,
} from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root } = sweep;

interface Variant {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Ways of writing an address that some router, proxy or framework reads otherwise (P08). `other` is an id one may open. */
const MUTATIONS: Record<string, (path: string, method: string, other: string) => Variant> = {
  "méthode HEAD": (path) => ({ method: "HEAD", path }),
  "méthode inattendue": (path) => ({ method: "PUT", path }),
  "_method dans le corps": (path, method) => ({
    path,
    body: `_method=${method === "GET" ? "POST" : "GET"}&_method=DELETE`,
  }),
  "_method dans l’adresse et les en-têtes": (path, method) => ({
    path: `${path}?_method=DELETE`,
    headers: { "x-http-method-override": method === "GET" ? "POST" : "GET", "x-method-override": "DELETE" },
  }),
  "barre finale": (path) => ({ path: `${path}/` }),
  majuscules: (path) => ({ path: path.replace(/[a-z]+/, (word) => word.toUpperCase()) }),
  "point encodé": (path) => ({ path: `/%2e${path}` }),
  "lettre encodée": (path) => ({ path: path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`) }),
  "double barre": (path) => ({ path: `/${path}` }),
  "double barre au milieu": (path) => ({ path: path.replace(/(.)\//, "$1//") }),
  "ids en liste": (path, _method, other) => ({ path: path.replace(/[0-9a-f-]{36}/, (id) => `${other},${id}`) }),
  "paramètre de matrice": (path) => ({ path: `${path};jsessionid=1` }),
  "tableau dans l’adresse": (path, _method, other) => ({
    path: `${path}?id[]=${other}&id=${other}&id[0]=${other}&token=${other}`,
  }),
  "barre encodée": (path) => ({ path: path.replace(/(.)\//, "$1%2f") }),
  "octet nul": (path) => ({ path: `${path}%00` }),
  "UTF-8 trop long": (path) => ({ path: path.replace("/", "/%c0%af") }),
  "adresse démesurée": (path) => ({ path: `${path}?${"a".repeat(12_000)}` }),
  "remontée de dossier": (path) => ({ path: `/aide/..${path}` }),
  "barre inverse": (path) => ({ path: path.replaceAll("/", "\\") }),
  "adresse absolue": (path) => ({ path: `http://evil.example${path}` }),
};

const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;
/** Who is refused, and what: each of them must stay refused whatever the spelling. */
const REFUSED: [string, Whose][] = [
  ["anonymous", "own"],
  ["helene", "own"],
  ["denis", "other"],
  ["denis", "unknown"],
];

interface Refused {
  route: Route;
  persona: Persona;
  whose: Whose;
  expected: Verdict;
  browser: Browser;
  path: string;
}

test("P08 : aucune autre écriture d’une adresse n’ouvre ce que l’adresse refuse", async (t) => {
  const refused: Refused[][] = [];
  for (const route of routes) {
    const list: Refused[] = [];
    for (const [who, whose] of REFUSED) {
      const persona = as(who);
      const expected = expectedVerdict(sweep, route, persona, whose);
      const browser = await sweep.browse(persona);
      const path = await sweep.address(route, persona, whose, browser);
      if (path !== null && expected !== "ouvert") list.push({ route, persona, whose, expected, browser, path });
    }
    if (list.length > 0) refused.push(list);
  }
  const before = await fingerprints(root);
  for (const [turn, [mutation, mutate]] of Object.entries(MUTATIONS).entries()) {
    await t.test(mutation, async () => {
      const failures: string[] = [];
      // Each address under every spelling, each time for another of those it is refused to.
      for (const list of refused) {
        const { route, persona, whose, expected, browser, path } = list[turn % list.length]!;
        const method = route.method.toUpperCase();
        const variant = { method, ...mutate(path, method, sweep.ids.quais!.colleague) };
        const answer = await send(world.origin, {
          ...variant,
          headers: { ...fromOurPage(world, browser), ...variant.headers },
        });
        if (verdictOf(answer) === "ouvert" || answer.status >= 500) {
          failures.push(
            `${nameOf(route)} (${persona.title}, ${whose}) : ${answer.status} pour ${variant.method} ${variant.path.slice(0, 120)}, alors que l’adresse donne « ${expected} »`,
          );
        }
      }
      report(failures, "Ramenez ces écritures à un refus, dans onlyPlainRequests (src/platform/http/origin.ts)");
    });
    await sweep.calm();
  }
  await t.test("et rien n’a été écrit", async () => {
    assert.deepEqual(changedTables(before, await fingerprints(root)), []);
  });
});

test("P08 : pour qui a le droit, une autre écriture ne casse rien", async () => {
  const failures: string[] = [];
  const denis = as("denis");
  const browser = await sweep.browse(denis);
  for (const route of routes) {
    if (route.method !== "get" || !sweep.admits(route, denis)) continue;
    const path = (await sweep.address(route, denis, "own", browser))!;
    for (const [mutation, mutate] of Object.entries(MUTATIONS)) {
      const variant = mutate(path, "GET", sweep.ids.quais!.colleague);
      const { status } = await send(world.origin, {
        ...variant,
        headers: { ...fromOurPage(world, browser), ...variant.headers },
      });
      if (status >= 500) failures.push(`${nameOf(route)}, ${mutation} : ${status}`);
    }
  }
  report(failures, "Ces écritures font une panne au lieu d’un refus");
});
