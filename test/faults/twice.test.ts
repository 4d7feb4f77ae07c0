/** The same form sent more than once: by a double click, a browser that never saw the answer, a page gone back to. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { ABSENT_HERE, nameOf, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { root, routes } = sweep;
const denis = await world.as("denis");
const nadia = await world.as("nadia");
const ORGANISATION = "/admin/organisation";
const PREFERENCES = "/compte/preferences";

const one = async <Row>(sql: string, values: unknown[] = []) => (await root.query(sql, values)).rows[0] as Row;
const acts = async () => (await one<{ n: number }>("select count(*)::int as n from act")).n;
const nameNow = async () =>
  (await one<{ name: string }>("select name from tenant where id = $1", [denis.tenantId])).name;

/** The fields of a page as it was drawn, with its own key. */
async function drawn<Typed extends Record<string, string>>(at: string, more: Typed) {
  const { text } = await denis.get(at);
  const version = /name="version" value="(\d+)"/.exec(text)?.[1];
  const zone = /<option value="([^"]+)" selected/.exec(text)?.[1] ?? "Europe/Paris";
  return { _key: randomUUID(), ...(version && { version }), zone, holidayZone: "metropole", ...more };
}

test("F15 : vingt envois identiques d’un coup : un seul acte, la même réponse pour tous", async () => {
  const before = await acts();
  const fields = await drawn(ORGANISATION, { name: "Mutuelle des Vingt Quais" });
  const answers = await Promise.all(Array.from({ length: 20 }, () => denis.post(ORGANISATION, fields)));
  assert.deepEqual(
    [...new Set(answers.map(({ status, location }) => `${status} ${location}`))],
    [`303 ${ORGANISATION}`],
  );
  assert.deepEqual([await nameNow(), await acts()], [fields.name, before + 1]);
});

test("F15 : une organisation ouverte vingt fois d’un coup naît une fois", async () => {
  const before = await acts();
  const fields = {
    _key: randomUUID(),
    name: "Communauté des Vingt Clics",
    zone: "Europe/Paris",
    givenName: "Rose",
    familyName: "Meunier",
    email: "rose@vingt.example",
  };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => nadia.post("/instance/organisations/nouvelle", fields)),
  );
  const said = answers.map(({ status }) => status).sort();
  assert.deepEqual(
    said,
    [200, ...Array.from({ length: 19 }, () => 303)],
    "le lien d’invitation ne se montre qu’une fois",
  );
  assert.equal(new Set(answers.flatMap(({ location }) => location ?? [])).size, 1);
  const { n } = await one<{ n: number }>("select count(*)::int as n from tenant where name = $1", [fields.name]);
  assert.equal(n, 1);
  assert.equal(await acts(), before + 2, "l’acte de l’instance, et celui de l’organisation");
});

test("F15 : la réponse perdue, la page la redemande, entière ou en fragment : rien de plus, et elle mène au même endroit", async () => {
  const fields = await drawn(ORGANISATION, { name: "Mutuelle Reprise" });
  const first = await denis.post(ORGANISATION, fields);
  const before = await acts();
  const again = await denis.post(ORGANISATION, fields);
  const part = await denis.post(ORGANISATION, fields, { part: true });
  assert.deepEqual([again.status, again.location], [first.status, first.location]);
  assert.deepEqual([part.status, part.headers.get("hx-redirect")], [204, ORGANISATION]);
  assert.equal(await acts(), before);
});

test("F15 : revenu en arrière et renvoyé : la page gardée ne refait rien ; la même clé, d’autres valeurs : 422, et rien ne s’écrit", async () => {
  const fields = await drawn(ORGANISATION, { name: "Mutuelle Première" });
  assert.equal((await denis.post(ORGANISATION, fields)).status, 303);
  const later = await drawn(ORGANISATION, { name: "Mutuelle Seconde" });
  assert.equal((await denis.post(ORGANISATION, later)).status, 303);
  assert.equal((await denis.post(ORGANISATION, fields)).status, 303);
  assert.equal(await nameNow(), later.name, "le renvoi n’a pas effacé ce qui a suivi");
  const changed = await denis.post(ORGANISATION, { ...fields, name: "Mutuelle Glissée" });
  assert.equal(changed.status, 422);
  assert.match(changed.text, /déjà été envoyé/);
  const elsewhere = await denis.post(PREFERENCES, { _key: fields._key, theme: "dark" });
  assert.ok([409, 422].includes(elsewhere.status), `${elsewhere.status}`);
  assert.equal(await nameNow(), later.name);
});

test("F15 : un fichier demandé deux fois du même bouton est donné deux fois, en un seul acte", async () => {
  const failures: string[] = [];
  const persona = PERSONAS.find(({ who }) => who === "denis")!;
  const given = ["/admin/historique/export", "/exports/:kind/:objet/nouveau", "/imports/:id/erreurs.csv"];
  for (const route of routes.filter(({ method, path }) => method === "post" && given.includes(path))) {
    const browser = await sweep.freshly(persona);
    const fields = { _key: randomUUID(), ...(await sweep.filled(route, persona, browser)) };
    const path = (await sweep.address(route, persona, "own", browser))!;
    const before = await acts();
    const files = [await browser.post(path, fields), await browser.post(path, fields)];
    for (const { status, text, headers } of files)
      if (status !== 200 || !/^attachment/.test(headers.get("content-disposition") ?? "") || !text.includes(";"))
        failures.push(`${path} : ${status}, ${text.slice(0, 80)}`);
    if ((await acts()) !== before + 1) failures.push(`${path} : ${(await acts()) - before} actes`);
  }
  report(failures, "Fichiers donnés une seule fois, ou en plusieurs actes");
});

test("F15 : un double clic sur chaque formulaire de l’application : un seul effet", async () => {
  const failures: string[] = [];
  const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;
  for (const route of routes.filter(
    (one) => one.method === "post" && !one.options.publicForm && !ABSENT_HERE[one.path],
  )) {
    const persona = ["denis", "nadia", "helene"].map(as).find((who) => sweep.admits(route, who))!;
    const browser = await sweep.freshly(persona);
    const fields = { _key: randomUUID(), ...(await sweep.filled(route, persona, browser)) };
    const path = (await sweep.address(route, persona, "own", browser))!;
    const before = await acts();
    const answers = await Promise.all([1, 2, 3].map(() => browser.post(path, fields)));
    const bad = answers.filter(({ status }) => status >= 500);
    if (bad.length > 0) failures.push(`${nameOf(route)} : ${bad.map(({ status }) => status)}`);

    // The same gesture may be told in several organisations, once in each.
    const made = await root.query("select tenant_id, code from act order by id desc limit $1", [
      (await acts()) - before,
    ]);
    const told = made.rows.map(({ tenant_id, code }) => `${code} ${tenant_id}`);
    if (new Set(told).size < told.length) failures.push(`${nameOf(route)} : ${told.join(", ")}`);
    await sweep.calm();
  }
  report(failures, "Formulaires qu’un double clic fait deux fois");
});
