import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Route } from "../../src/platform/http/route.ts";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import {
  ABSENT_HERE,
  formOf,
  fromOurPage,
  nameOf,
  PERSONAS,
  type Persona,
  report,
  send,
  startSweep,
  verdictOf,
} from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root } = sweep;
const posts = routes.filter(({ method }) => method === "post");
const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;

type Fields = Record<string, string | string[]>;

/** Who may send this form: the first persona the right lets in. */
function sender(route: Route): Persona {
  if (route.options.publicForm) return as("anonymous");
  const found = PERSONAS.slice(1).find((persona) => persona.who !== "nadia" && sweep.admits(route, persona));
  return found ?? as("nadia");
}

const encoded = (fields: Fields): string => {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
  return body.toString();
};

/** The token the pages of this browser hold. */
async function tokenOf(browser: Browser): Promise<string> {
  const page = await browser.get(browser.id ? "/compte/mot-de-passe" : "/connexion");
  const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1];
  assert.ok(token, "Les pages à formulaire portent un champ _csrf.");
  return token;
}

interface Sent {
  path: string;
  fields: Fields;
  token: string;
  foreignToken: string;
  headers: Record<string, string>;
  takesFile: boolean;
}

const FILE_FIRST =
  '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nabc\r\n';

const without = (headers: Record<string, string>, ...names: string[]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));

type Attack = (sent: Sent) => { path?: string; headers?: Record<string, string>; body: string };

/** What another site, or a stale page, can send in the person's name (P26). */
const ATTACKS: Record<string, Attack> = {
  "sans jeton": ({ fields }) => ({ body: encoded(fields) }),
  "avec un jeton vide": ({ fields }) => ({ body: encoded({ ...fields, _csrf: "" }) }),
  "avec le jeton d’une autre session": ({ fields, foreignToken }) => ({
    body: encoded({ ...fields, _csrf: foreignToken }),
  }),
  "avec le jeton dans l’adresse": ({ path, fields, token }) => ({
    path: `${path}?_csrf=${encodeURIComponent(token)}`,
    body: encoded(fields),
  }),
  "avec le jeton deux fois": ({ fields, token }) => ({ body: encoded({ ...fields, _csrf: [token, token] }) }),
  "depuis un autre site (Sec-Fetch-Site)": ({ fields, token, headers }) => ({
    headers: { ...headers, "sec-fetch-site": "cross-site" },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "depuis un domaine voisin (Sec-Fetch-Site: same-site)": ({ fields, token, headers }) => ({
    headers: { ...headers, "sec-fetch-site": "same-site" },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "depuis une autre origine": ({ fields, token, headers }) => ({
    headers: { ...without(headers, "sec-fetch-site"), origin: "https://evil.example" },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "depuis une origine qui nous imite": ({ fields, token, headers }) => ({
    headers: { ...without(headers, "sec-fetch-site"), origin: `${world.origin}.evil.example` },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "depuis une origine nulle": ({ fields, token, headers }) => ({
    headers: { ...without(headers, "sec-fetch-site"), origin: "null" },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "sans Origin, Referer ni Sec-Fetch-Site": ({ fields, token, headers }) => ({
    headers: without(headers, "sec-fetch-site", "origin"),
    body: encoded({ ...fields, _csrf: token }),
  }),
  "en text/plain": ({ fields, token, headers }) => ({
    headers: { ...headers, "content-type": "text/plain" },
    body: encoded({ ...fields, _csrf: token }),
  }),
  "en JSON": ({ fields, token, headers }) => ({
    headers: { ...headers, "content-type": "application/json", "x-csrf-token": token },
    body: JSON.stringify({ ...fields, _csrf: token }),
  }),
  "en multipart": ({ token, headers, takesFile }) => ({
    // Where files are taken, one that comes before the token is (rulings 21).
    headers: {
      ...headers,
      "content-type": "multipart/form-data; boundary=x",
      ...(!takesFile && { "x-csrf-token": token }),
    },
    body: `${takesFile ? FILE_FIRST : ""}--x\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n${token}\r\n--x--\r\n`,
  }),
  "en morceau de fichier": ({ headers }) => ({
    headers: { ...headers, "content-type": "application/partial-upload", "upload-offset": "0" },
    body: "un morceau sans jeton",
  }),
};

test("P26 : chaque formulaire refuse ce qui ne vient pas de sa page, et n’écrit rien", async (t) => {
  const foreign = await tokenOf(await world.as("nathalie"));
  const visitor = await tokenOf(world.anonymous());
  for (const route of posts) {
    await t.test(nameOf(route), async () => {
      const persona = sender(route);
      const browser = await sweep.freshly(persona);
      const path = (await sweep.address(route, persona, "own", browser))!;
      const token = await tokenOf(browser);
      const { _csrf, ...fields } = {
        _csrf: "",
        ...(ABSENT_HERE[route.path] ? {} : await sweep.filled(route, persona, browser)),
      };
      const whole = { _key: randomUUID(), ...fields };
      const headers = fromOurPage(world, browser);
      const before = await fingerprints(root);
      const failures: string[] = [];
      for (const [name, attack] of Object.entries(ATTACKS)) {
        const attempt = attack({
          path,
          fields: whole,
          token,
          foreignToken: persona.who === "anonymous" ? visitor : foreign,
          headers,
          takesFile: route.options.upload === "form",
        });
        const answer = await send(world.origin, { method: "POST", path, headers, ...attempt });
        if (![403, 415].includes(answer.status)) failures.push(`${name} : ${answer.status} au lieu de 403 ou 415`);
        // The part of an accident that counts.
        if (!/charset=utf-8/i.test(answer.headers.get("content-type") ?? ""))
          failures.push(`${name} : refus sans page`);
      }
      for (const table of changedTables(before, await fingerprints(root))) failures.push(`${table} a changé`);
      await sweep.calm();
      report(failures, "Refus attendus");

      if (ABSENT_HERE[route.path]) return;
      const answer = await send(world.origin, {
        method: "POST",
        path,
        headers,
        body: encoded({ ...whole, _csrf: token }),
      });
      const verdict = verdictOf(answer);
      assert.ok(
        [200, 204, 303].includes(answer.status) && (verdict === "ouvert" || formOf(route).leadsOut),
        `Le même envoi avec son jeton doit être accepté (${answer.status}), sinon les refus ci-dessus ne prouvent rien : corrigez FORMS dans test/support/sweep.ts.\n${answer.text.match(/class="(?:problem|errors)[\s\S]{0,400}/)?.[0] ?? ""}`,
      );
    });
  }
});

test("P26 : un jeton d’avant la connexion expire au bout de douze heures", async () => {
  const browser = world.anonymous();
  const token = await tokenOf(browser);
  await world.clock.advanceMinutes(12 * 60 + 1);
  const { status } = await browser.post("/connexion", { email: "x@quais.example", password: "y", _csrf: token });
  assert.equal(status, 403);
});
