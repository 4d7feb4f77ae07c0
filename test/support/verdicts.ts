import assert from "node:assert/strict";
import { test } from "node:test";
import { changedTables, fingerprints } from "./fingerprints.ts";
import { expectedVerdict, formOf, nameOf, type Persona, report, type Sweep, verdictOf, type Whose } from "./sweep.ts";

/** Every route before a persona, on what is theirs, a colleague's, another organisation's and nobody's (P07). */

const WHOSE: Whose[] = ["own", "colleague", "other", "unknown"];

/** Marks drawn anew at each answer: what remains must tell nothing of what exists. */
const masked = (text: string) =>
  text
    .replace(/value="[^"]{20,}"/g, "")
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replace(/[A-Z]{43}/g, "TOKEN")
    .replace(/[0-9A-F]{4}-[0-9A-F]{3}/g, "REF")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "INSTANT");

async function judge(sweep: Sweep, persona: Persona): Promise<string[]> {
  const failures: string[] = [];
  // Reading first: some forms close the session they come with, or all the others.
  for (const [turn, route] of sweep.routes.toSorted((a, b) => a.method.localeCompare(b.method)).entries()) {
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

/** One test of these personas, and of what their visits leave of the other organisation: nothing changed. */
export function judgeAll(sweep: Sweep, key: "quais" | "portelune", personas: readonly Persona[]): void {
  test(`P07 : ${personas.map(({ title }) => title).join(", ")} – chaque route rend son verdict`, async (t) => {
    const before = await fingerprints(sweep.root, sweep.ids[key]!);
    for (const persona of personas) {
      await t.test(persona.title, async () => report(await judge(sweep, persona), "Verdicts inattendus"));
    }
    await t.test("aucune ligne de l’autre organisation n’a changé", async () => {
      assert.deepEqual(changedTables(before, await fingerprints(sweep.root, sweep.ids[key]!)), []);
    });
  });
}
