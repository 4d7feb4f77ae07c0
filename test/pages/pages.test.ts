import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { prepareFirstRun } from "../../src/accounts/index.ts";
import { parseHtml } from "../support/html.ts";
import { expectedVerdict, nameOf, OTHER_TYPES, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";
import { faultsOf, headerFaults, judgePage } from "./judge.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root } = sweep;
const gets = routes.filter(({ method }) => method === "get");

/** Pages whose title is the same for a good reason: they are one page. */
const titlesOf = new Map<string, Map<string, string>>();

for (const persona of PERSONAS) {
  test(`chaque page de : ${persona.title}`, async () => {
    const browser = await sweep.browse(persona);
    const failures: string[] = [];
    const titles = new Map<string, string>();
    titlesOf.set(persona.who, titles);
    for (const route of gets) {
      if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
      const address = (await sweep.address(route, persona, "own"))!;
      const fail = (what: string) => failures.push(`${nameOf(route)} : ${what}`);
      const answer = await browser.get(address);
      // A file says for itself how long it keeps and what it may do.
      for (const fault of headerFaults(answer))
        if (!OTHER_TYPES[route.path] || !/cache-control|security-policy/.test(fault)) fail(fault);
      const type = answer.headers.get("content-type") ?? "";
      const declared = OTHER_TYPES[route.path];
      if (declared) {
        if (answer.status !== 200 || !declared.test(type)) fail(`${answer.status} ${type} au lieu de 200 ${declared}`);
        continue;
      }
      // The home of a role may be another page, which has its own turn here (DSH-17).
      if (route.path === "/" && answer.status === 303) {
        const home = answer.headers.get("location")!;
        if ((await browser.get(home)).status !== 200) fail(`mène à ${home}, qui ne s’ouvre pas`);
        continue;
      }
      if (answer.status !== 200) {
        fail(`réponse ${answer.status}`);
        continue;
      }
      if (!/^text\/html; charset=utf-8$/i.test(type))
        fail(`type « ${type} » : si ce n’est pas une page, dites-le dans OTHER_TYPES (test/support/sweep.ts)`);
      const { faults, title } = judgePage(answer.text);
      for (const fault of faults) fail(fault);
      const twin = titles.get(title);
      if (twin) fail(`même <title> que ${twin} : « ${title} »`);
      titles.set(title, nameOf(route));

      const part = await browser.get(address, { part: true });
      if (part.status !== 200) fail(`le fragment répond ${part.status}`);
      else for (const fault of faultsOf(parseHtml(part.text))) fail(`fragment : ${fault}`);
      if (!/HX-Request-Type/i.test(part.headers.get("vary") ?? "")) fail("Vary: HX-Request-Type manque");
    }
    report(failures, "Pages à corriger");
    assert.ok(titles.size > 8, `${titles.size} pages seulement ont été vues`);
  });
}

test("la page d’installation, sur une instance qui n’a plus de super-administratrice", async () => {
  await root.query("set session_replication_role = replica");
  await root.query("update app_user set deactivated_at = now() where 'super_admin' = any (roles)");
  const token = await prepareFirstRun(world.db, { now: world.clock.now() });
  const answer = await world.anonymous().get(`/installation/${token}`);
  await root.query("update app_user set deactivated_at = null where 'super_admin' = any (roles)");
  await root.query("set session_replication_role = origin");
  assert.equal(answer.status, 200);
  assert.deepEqual(judgePage(answer.text).faults, []);
  assert.deepEqual(headerFaults(answer), []);
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.match(answer.headers.get("x-robots-tag") ?? "", /noindex/);
});

test("P33 : un téléchargement se garde, ne s’affiche pas : pièce jointe nommée, bac à sable, nosniff", async () => {
  const denis = await world.as("denis");
  await denis.get("/admin/historique");
  const files = [
    [/^text\/csv; charset=utf-8$/, await denis.post("/admin/historique/export")],
    [/^application\/json/, await denis.get("/admin/historique/attestation.json")],
  ] as const;
  for (const [type, { status, headers }] of files) {
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", type);
    assert.match(headers.get("content-disposition") ?? "", /^attachment; filename="?[\w.-]+\.(?:csv|json)"?$/);
    assert.match(headers.get("content-security-policy") ?? "", /^sandbox; default-src 'none'$/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cache-control"), "no-store");
  }
});

test("les refus sont des pages comme les autres : h1, titre, référence, marche à suivre", async () => {
  const helene = await world.as("helene");
  const denis = await world.as("denis");
  const nobody = world.anonymous();
  await nobody.get("/connexion");
  const long = "a".repeat(1_100_000);
  const cases = [
    [403, await helene.get("/admin/utilisateurs")],
    [403, await denis.post("/compte/preferences", { theme: "dark", _csrf: "faux" })],
    [404, await denis.get("/nulle-part")],
    [404, await nobody.get("/nulle-part")],
    [404, await denis.get("/admin/utilisateurs/00000000-0000-7000-8000-00000000dead")],
    [404, await nobody.get(`/invitation/${"A".repeat(43)}`)],
    [413, await denis.post("/compte/preferences", { theme: long })],
    [415, await denis.post("/compte/preferences", {}, { headers: { "content-type": "text/plain" } })],
    [421, await send421()],
    [422, await denis.get("/admin/utilisateurs?sens=de-travers")],
    [422, await nobody.post("/connexion", { email: "", password: "" })],
    [422, await denis.post("/admin/utilisateurs/nouveau", { givenName: "" })],
  ] as const;
  const failures: string[] = [];
  for (const [status, answer] of cases) {
    if (answer.status !== status) failures.push(`${answer.status} au lieu de ${status}`);
    const { faults, title } = judgePage(answer.text);
    for (const fault of [...faults, ...headerFaults(answer)]) failures.push(`${status} « ${title} » : ${fault}`);
    if (status !== 422 && !/[0-9A-F]{4}-[0-9A-F]{3}/.test(answer.text)) failures.push(`${status} : pas de référence`);
    if (status === 422 && /class="errors"/.test(answer.text) && !title.startsWith("Erreur"))
      failures.push(`422 « ${title} » : le titre commence par « Erreur »`);
    if (/\bat \w+.*:\d+:\d+|node_modules|PostgreSQL|SQLSTATE|Express|select /.test(answer.text))
      failures.push(`${status} : des détails internes`);
  }
  report(failures, "Refus à corriger");
});

async function send421() {
  const { send } = await import("../support/sweep.ts");
  return send(world.origin, { path: "/", headers: { host: "evil.example" } });
}

/** Raw output of a template, each reason read by somebody (P27): anything else is escaped. */
const RAW_ALLOWED = [
  /^include\(\s*"[\w/-]+"(?:,\s*[\s\S]*)?\)$/, // another template, which escapes for itself
  /^it\.body$/, // what the layout wraps, rendered by Eta
  /^capture\([\s\S]*\)$|^(?:attributes|body|content|block|head)$/, // captured from the same template
];
/** Made safe where it is made: Markdown by src/platform/text/markdown.ts, but for what says otherwise. */
const SANITIZED: Record<string, string[]> = {
  // The text of an include, kept for the other readers of the same figures.
  "campaigns/dashboards/_live.eta": ["texts.get(live.at)"],
  "documents/versions/preview.eta": ["it.html"],
  "instance/_prose.eta": ["it.html"],
  "instance/pages/_preview.eta": ["it.html"],
  // Drawn by src/workflow/diagram.ts, which escapes what people wrote; its test says so.
  // Drawn by ECharts, cleaned by src/platform/charts/clean.ts; its test says so.
  "partials/chart.eta": ["chart.wide", "chart.narrow"],
  "workflow/_show.eta": ['it.draw(it.page.asset("/icons.svg"))'],
};

test("P27 : rien n’est imprimé sans échappement hors d’une liste relue", () => {
  const folder = join(import.meta.dirname, "../../views");
  const failures: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".eta"),
  )) {
    const source = readFileSync(join(folder, file), "utf8");
    for (const [, printed = ""] of source.matchAll(/<%~([\s\S]*?)-?_?%>/g)) {
      const expression = printed.trim();
      if (RAW_ALLOWED.some((form) => form.test(expression)) || SANITIZED[file]?.includes(expression)) continue;
      failures.push(`${file} : <%~ ${expression.slice(0, 80)} %>`);
    }
  }
  report(failures, "Sorties brutes : écrivez <%= %>, ou ajoutez le cas à RAW_ALLOWED avec sa raison");
});
