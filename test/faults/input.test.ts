import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Route } from "../../src/platform/http/route.ts";
import { WorkflowForm } from "../../src/workflow/index.ts";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import {
  ABSENT_HERE,
  expectedVerdict,
  fromOurPage,
  nameOf,
  OTHER_TYPES,
  PERSONAS,
  type Persona,
  report,
  send,
  startSweep,
} from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { root, routes } = sweep;
const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;

const { password_hash: passwordHash } = (await root.query("select password_hash from credential limit 1")).rows[0];

type Pairs = [string, string][];

/** Fields of a form that its handler does not read, and why. */
const NOT_READ: Record<string, string[]> = {
  // For the browser's own book of passwords.
  "/invitation/:token": ["email"],
  "/nouveau-mot-de-passe/:token": ["email"],
  // Taken when it is a path of ours, forgotten otherwise: never a reason to refuse.
  "/connexion": ["retour", "stay"],
  "/connexion/organisation": ["retour"],
  "/compte/mot-de-passe": ["email"],
  // The sample's file came by pieces: it is named by `upload`, and this field is left as the page has it.
  "/documents/nouveau": ["file"],
  "/documents/:id/versions/nouvelle": ["file"],
  // The sample is that of its other form.
  "/campagnes/:id/vues/suppression": ["name"],
  "/campagnes/:id/vues/defaut": ["name"],
};
/** A wrong password is counted and told to the security log, whatever is done with the form (ACC-3). */
const GUESSES: Record<string, string[]> = {
  "/connexion": ["public.sign_in_guard", "public.security_event"],
  "/compte/mot-de-passe": ["public.sign_in_guard", "public.security_event"],
};
/** Posts without a form of their own: what they are sent besides the token is not looked at. */
const BUTTONS = new Set([
  "/deconnexion",
  "/session/prolongation",
  "/compte/sessions/fermeture",
  "/compte/sessions/:id/fermeture",
]);
/** Fields that hold a whole table. */
const TAKES_LONG = new Set(["/imports/:kind/collage text"]);
/** Names an object rather than a value: a wrong one is an object that does not exist. */
const NAMES_AN_OBJECT = new Set(["/connexion/organisation", "/connexion/code", "/connexion/demo"]);

const encoded = (pairs: Pairs) =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
const others = (pairs: Pairs, field: string) => pairs.filter(([name]) => name !== field);
const sampleOf = (pairs: Pairs, field: string) => pairs.find(([name]) => name === field)?.[1] ?? "x";

/** What may be sent in place of one field, or beside them all; `refused`: it can never be right. */
const CASES: Record<string, { refused: boolean; isOfForm?: true; body(pairs: Pairs, field: string): string }> = {
  "trop long": {
    refused: true,
    body: (pairs, field) => encoded([...others(pairs, field), [field, "é".repeat(20_001)]]),
  },
  "avec un octet nul": {
    refused: true,
    body: (pairs, field) =>
      `${encoded(others(pairs, field))}&${field}=${encodeURIComponent(sampleOf(pairs, field))}%00`,
  },
  "avec un caractère de commande": {
    refused: true,
    body: (pairs, field) => `${encoded(others(pairs, field))}&${field}=a%1B%5B2J`,
  },
  "deux fois": {
    refused: true,
    body: (pairs, field) => encoded([...others(pairs, field), [field, sampleOf(pairs, field)], [field, "autre"]]),
  },
  "demi-caractère en octets": {
    refused: false,
    body: (pairs, field) => `${encoded(others(pairs, field))}&${field}=%ED%A0%80%FF%C0%AF`,
  },
  "en liste nommée": {
    refused: false,
    body: (pairs, field) => encoded([...others(pairs, field), [`${field}[]`, "a"], [`${field}[]`, "b"]]),
  },
  "en objet": {
    refused: false,
    body: (pairs, field) => encoded([...others(pairs, field), [`${field}[$ne]`, ""], [`${field}[a][b]`, "c"]]),
  },
  "en objet, à la place d’un texte": {
    refused: false,
    body: (pairs, field) => encoded([...others(pairs, field), [field, '{"$ne":null}']]),
  },
  "pourcents mal formés": {
    refused: false,
    body: (pairs, field) => `${encoded(others(pairs, field))}&${field}=%E0%A4%A&%=%&=&&`,
  },
  "avec des clés dangereuses": {
    refused: false,
    isOfForm: true,
    body: (pairs) =>
      encoded([
        ...pairs,
        ["__proto__", "x"],
        ["__proto__[admin]", "1"],
        ["constructor", "x"],
        ["constructor[prototype][admin]", "1"],
        ["hasOwnProperty", "x"],
      ]),
  },
  manquant: { refused: false, body: (pairs, field) => encoded(others(pairs, field)) },
};

function sender(route: Route): Persona {
  if (route.options.publicForm) return as("anonymous");
  return ["denis", "nadia", "helene"].map(as).find((persona) => sweep.admits(route, persona))!;
}

/** The fields of the form, as its page shows it, and those a valid form adds. */
async function pairsOf(route: Route, persona: Persona, browser: Browser): Promise<Pairs> {
  const fields = await sweep.filled(route, persona, browser);
  return Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one]));
}

const plain = (text: string) => text.replace(/<[^>]+>/g, " ");

for (const route of routes.filter(({ method, path }) => method === "post" && !ABSENT_HERE[path])) {
  test(`${nameOf(route)} : ce qu’aucun formulaire n’envoie est refusé en nommant le champ, ou sans effet`, async () => {
    const persona = sender(route);
    const browser = await sweep.freshly(persona);
    const path = (await sweep.address(route, persona, "own", browser))!;
    const pairs = await pairsOf(route, persona, browser);
    const token = /name="_csrf" value="([^"]+)"/.exec(
      (await browser.get(browser.id ? "/compte/mot-de-passe" : "/connexion")).text,
    )![1]!;
    const headers = fromOurPage(world, browser);
    const lists = new Set(["roles", ...Object.keys(WorkflowForm.shape)]);
    const names = [...new Set([...pairs.map(([name]) => name), "version", "_key"])].filter(
      (name) => name !== "_key" || browser.id !== "",
    );
    const failures: string[] = [];
    let before = await fingerprints(root);

    const attempt = async (what: string, field: string, body: string, mustRefuse: boolean) => {
      const withKey = field === "_key" ? body : `${body}&_key=${randomUUID()}`;
      const answer = await send(world.origin, {
        method: "POST",
        path,
        headers,
        body: `${withKey}&_csrf=${encodeURIComponent(token)}`,
      });
      const said = `${field} ${what} : ${answer.status}`;
      if (answer.status >= 500) failures.push(`${said}, une panne`);
      const refused = answer.status >= 400;
      if (mustRefuse && ![422, 413].includes(answer.status)) failures.push(`${said} au lieu de 422`);
      const after = await fingerprints(root);
      const changed = changedTables(before, after).filter((table) => !GUESSES[route.path]?.includes(table));
      if (refused && changed.length > 0) failures.push(`${said}, et pourtant ${changed.join(", ")} a changé`);
      if (answer.status === 422 && mustRefuse && !/^_|version/.test(field)) {
        const named =
          new RegExp(`id="[\\w-]+-${field}-problem"|href="#[\\w-]+-${field}"`).test(answer.text) ||
          /«\s[^»]+\s»/.test(plain(answer.text));
        if (!named) failures.push(`${said}, sans nommer le champ`);
      }
      if (/\bat .*\.ts:\d+|SQLSTATE|MikroORM|ZodError|\bzod\b|invalid input|violates/.test(answer.text))
        failures.push(`${said}, avec des détails internes`);
      before = after;
      await sweep.calm();
      if (GUESSES[route.path]) await root.query("delete from sign_in_guard");
      return refused;
    };

    for (const [turn, [what, { refused, isOfForm, body }]] of Object.entries(CASES).entries()) {
      for (const [rank, field] of (isOfForm ? names.slice(0, 1) : names).entries()) {
        if (BUTTONS.has(route.path)) continue;
        // What all forms read with the same code meets every other field, each form whatever its length.
        if (!refused && !isOfForm && what !== "manquant" && names.length > 3 && (turn + rank) % 2 === 1) continue;
        const read = !NOT_READ[route.path]?.includes(field) && !/^_key$|^version$/.test(field);
        const objectNamed = NAMES_AN_OBJECT.has(route.path);
        const takesIt = what === "trop long" && TAKES_LONG.has(`${route.path} ${field}`);
        const certain = refused && read && !objectNamed && !takesIt && !(what === "deux fois" && lists.has(field));
        const accepted = !(await attempt(what, field, body(pairs, field), certain));
        // What was accepted has moved the version, or used the link: the rest is drawn anew, or is over.
        if (accepted) {
          await root.query("set session_replication_role = replica");
          await root.query("update credential set password_hash = $1", [passwordHash]);
          // A person has few uploads on the way.
          await root.query("delete from upload where received = 0");
          await root.query("set session_replication_role = origin");
          const again = await pairsOf(route, persona, browser).catch(() => null);
          if (!again) return report(failures, "Formulaires");
          pairs.splice(0, pairs.length, ...again);
          before = await fingerprints(root);
        }
      }
    }
    assert.equal(({} as Record<string, unknown>).admin, undefined, "Object.prototype a été touché");
    report(failures, "Entrées hostiles mal reçues");
  });
}

test("un envoi de plus d’un mégaoctet, de trop de champs, compressé ou d’un autre codage est refusé sans effet", async () => {
  const failures: string[] = [];
  for (const route of routes.filter(({ method, path }) => method === "post" && !ABSENT_HERE[path])) {
    const persona = sender(route);
    const browser = await sweep.freshly(persona);
    const path = (await sweep.address(route, persona, "own", browser))!;
    const headers = fromOurPage(world, browser);
    const before = await fingerprints(root);
    for (const [what, status, sent] of [
      ["1,1 Mo", [413], { body: `a=${"x".repeat(1_100_000)}` }],
      ["3 000 champs", [413, 422], { body: "a=1&".repeat(3_000) }],
      ["compressé", [415], { body: "x", headers: { ...headers, "content-encoding": "gzip" } }],
      [
        "autre codage",
        [415],
        { body: "a=1", headers: { ...headers, "content-type": "application/x-www-form-urlencoded; charset=utf-7" } },
      ],
    ] as const) {
      const answer = await send(world.origin, { method: "POST", path, headers, ...sent }).catch(
        (error: Error) => error,
      );
      // A body nobody wants may be cut while it is being sent.
      if (answer instanceof Error) continue;
      if (!(status as readonly number[]).includes(answer.status))
        failures.push(`${nameOf(route)}, ${what} : ${answer.status} au lieu de ${status.join(" ou ")}`);
    }
    const changed = changedTables(before, await fingerprints(root));
    if (changed.length > 0) failures.push(`${nameOf(route)} : ${changed.join(", ")} a changé`);
    await sweep.calm();
  }
  report(failures, "Envois démesurés");
});

const QUERY_VALUES = [
  "a%00b",
  "%ED%A0%80",
  "'%20or%201=1--",
  "9".repeat(60),
  "x".repeat(9_000),
  "2026-02-31",
  "%E0%A4%A",
];
const GUESSED_VALUES = ["a%00b", "9".repeat(60)];

test("P34 : les filtres des adresses résistent à tout : aucune panne, aucun détail interne", async () => {
  const failures: string[] = [];
  for (const who of ["denis", "nadia", "anonymous"]) {
    const persona = as(who);
    const browser = await sweep.browse(persona);
    for (const route of routes) {
      if (route.method !== "get" || expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
      // Each page once: as the stranger when they may, else as the first of the two.
      if (who !== "anonymous" && route.right === "public") continue;
      if (who === "nadia" && sweep.admits(route, as("denis"))) continue;
      const path = (await sweep.address(route, persona, "own"))!;
      const page = OTHER_TYPES[route.path] ? "" : (await browser.get(path)).text;
      // Any page may read these; what its own controls and links carry is tried harder.
      const names = new Map(["q", "page", "avant", "apres", "retour"].map((name) => [name, GUESSED_VALUES]));
      for (const form of formsOf(parseHtml(page), path)) {
        if (form.method === "get") for (const { name } of form.fields) names.set(name, QUERY_VALUES);
      }
      for (const link of page.matchAll(/href="[^"?]*\?([^"]+)"/g)) {
        for (const name of new URLSearchParams(link[1]!.replaceAll("&amp;", "&")).keys()) {
          if (name !== "v") names.set(name, QUERY_VALUES);
        }
      }
      for (const [name, values] of names) {
        const queries = [
          ...values.map((value) => `${name}=${value}`),
          `${name}=a&${name}=b&${name}[]=a&__proto__[${name}]=x&constructor=y`,
          `${name}[$ne]=`,
        ];
        for (const query of queries) {
          const { status, text } = await send(world.origin, {
            path: `${path}?${query}`,
            headers: fromOurPage(world, browser),
          });
          if (status >= 500) failures.push(`${path}?${query.slice(0, 60)} : ${status}`);
          if (/\bat .*\.ts:\d+|SQLSTATE|MikroORM|ZodError|invalid input syntax/.test(text))
            failures.push(`${path}?${query.slice(0, 60)} : des détails internes`);
        }
      }
    }
    await sweep.calm();
  }
  report(failures, "Filtres mal reçus");
});

/** Ways to be sent elsewhere after signing in (P31). */
const ELSEWHERE = [
  "//evil.example",
  "///evil.example",
  "////evil.example/x",
  "/\\evil.example",
  "\\\\evil.example",
  "\\/evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  "\t//evil.example",
  " //evil.example",
  "/%2f%2fevil.example",
  "%2f%2fevil.example",
  "/%5cevil.example",
  "/%09/evil.example",
  "https:evil.example",
  "https:/evil.example",
  "https://evil.example",
  "HtTpS://evil.example",
  "http:\\\\evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "//evil%E3%80%82example",
  "//evil。example",
  "/.evil.example/..//evil.example",
  "/..//evil.example",
  "/compte/..//evil.example",
  "@evil.example",
  "/@evil.example:80//",
  "//user@evil.example",
  "/\r\nLocation: https://evil.example",
  "/compte\r\nSet-Cookie: a=b",
  "/%0d%0aLocation:%20https://evil.example",
  "?://evil.example",
  "#//evil.example",
  "http://127.0.0.1.evil.example",
  `${world.origin}.evil.example`,
  `${world.origin}@evil.example`,
  "/\u2028/evil.example",
  "//[::1]",
  "/;@evil.example",
  "",
];

test(`P31 : ${ELSEWHERE.length} adresses de retour trompeuses : on reste toujours ici`, async () => {
  const failures: string[] = [];
  const isOurs = (to: string | null) =>
    to !== null && /^\/(?![/\\])/.test(to) && new URL(to, world.origin).origin === world.origin;
  for (const retour of ELSEWHERE) {
    const browser = world.anonymous();
    const page = await browser.get(`/connexion?retour=${encodeURIComponent(retour)}`);
    const proposed = formsOf(parseHtml(page.text), "/connexion")
      .find(({ action }) => action === "/connexion")
      ?.fields.find(({ name }) => name === "retour");
    if (page.status !== 200 || !isOurs(proposed?.values[0] ?? null))
      failures.push(`page : « ${retour} » donne « ${proposed?.values[0]} » (${page.status})`);
    const answer = await send(world.origin, {
      method: "POST",
      path: "/connexion",
      headers: fromOurPage(world, browser),
      body: new URLSearchParams({
        email: "hugo.lambert@quais.example",
        password: "quatre-mots-pour-essayer-7",
        retour,
        _csrf: /name="_csrf" value="([^"]+)"/.exec(page.text)![1]!,
      }).toString(),
    });
    if (answer.status !== 303 || !isOurs(answer.location))
      failures.push(`connexion : « ${retour} » mène à « ${answer.location} » (${answer.status})`);
    if (answer.headers.get("location")?.includes("evil"))
      failures.push(`connexion : « ${retour} » mène à ${answer.headers.get("location")}`);
    await sweep.calm();
  }
  const browser = await world.as("helene");
  for (const referer of [
    "https://evil.example/compte",
    `${world.origin}.evil.example/`,
    `${world.origin}//evil.example`,
    "javascript:alert(1)",
  ]) {
    const answer = await browser.post("/compte/preferences", { theme: "light" }, { headers: { referer } });
    if (!isOurs(answer.location)) failures.push(`Referer « ${referer} » mène à « ${answer.location} »`);
  }
  report(failures, "Redirections vers ailleurs");
});
