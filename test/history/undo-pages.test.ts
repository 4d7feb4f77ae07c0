import assert from "node:assert/strict";
import { test } from "node:test";
import { formsOf, parseHtml } from "../support/html.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => undefined);
const denis = await world.as("denis");

/** The form of a page as it stands, ticks included, with these values over. */
async function send(browser: Browser, page: string, over: Record<string, string | string[]> = {}) {
  const { text } = await browser.get(page);
  const form = formsOf(parseHtml(text), page).find(({ action, method }) => method === "post" && action === page);
  assert.ok(form, `pas de formulaire sur ${page}`);
  const fields = Object.fromEntries(
    form.fields
      .filter(({ name, values }) => !name.startsWith("_") && values.length > 0)
      .map(({ name, values }) => [name, values]),
  );
  return browser.post(page, { ...fields, ...over });
}
const lastAct = async () =>
  /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec((await denis.get("/admin/historique")).text)![1]!;

test("HIS-11 : sans JavaScript, de l’acte à son aperçu, de l’aperçu à l’annulation, et retour", async () => {
  const { id } = await world.userOf("hugo");
  const name = async () => /<h1>([^<]+)/.exec((await denis.get(`/admin/utilisateurs/${id}`)).text)![1]!.trim();
  assert.equal((await send(denis, `/admin/utilisateurs/${id}/modifier`, { givenName: "Victor" })).status, 303);
  assert.equal(await name(), "Victor Lambert");
  const act = await lastAct();
  const page = await denis.get(`/admin/historique/${act}`);
  assert.match(page.text, new RegExp(`href="/actes/${act}/annulation"[\\s\\S]+?Annuler cet acte`));

  const preview = await denis.get(`/actes/${act}/annulation`);
  assert.match(preview.text, /Restaurable\s: 1 ligne/);
  assert.match(preview.text, /Prénom\s: Hugo[\s\S]+Prénom\s: Victor/);
  const answer = await send(denis, `/actes/${act}/annulation`, { reason: "Erreur de fiche" });
  assert.deepEqual([answer.status, answer.location], [303, `/admin/historique/${act}`]);
  assert.equal(await name(), "Hugo Lambert");

  const after = await denis.get(`/admin/historique/${act}`);
  assert.match(after.text, /Annulé par Denis Roussel/);
  assert.doesNotMatch(after.text, /Annuler cet acte/);
  const undo = await lastAct();
  const shown = await denis.get(`/admin/historique/${undo}`);
  assert.match(
    shown.text,
    /Annulation\s: Correction du compte de Victor Lambert[\s\S]+Erreur de fiche[\s\S]+Cet acte en annule un autre/,
  );
  const object = await denis.get(`/historique/user/${id}`);
  assert.match(object.text, /Annule un autre acte[\s\S]+Annulé par/);

  assert.match((await denis.get(`/actes/${act}/annulation`)).text, /déjà annulé/);
  assert.equal((await denis.post(`/actes/${act}/annulation`)).status, 422);
  assert.equal((await send(denis, `/actes/${undo}/annulation`)).status, 303);
  assert.equal(await name(), "Victor Lambert");
  assert.match((await denis.get(`/admin/historique/${act}`)).text, /Annuler cet acte/);
});

test("HIS-11 : l’avis qui suit un acte et l’historique de l’objet mènent à son annulation", async () => {
  const { id } = await world.userOf("karim");
  const saved = await send(denis, `/admin/utilisateurs/${id}/modifier`, { givenName: "Kader" });
  const [, notice = ""] = (await denis.get(saved.location!)).text.split('id="notice"');
  const act = await lastAct();
  const way = `href="/actes/${act}/annulation"`;
  assert.ok(notice.split("<h1>")[0]!.includes(way));
  const line = (text: string) => text.slice(text.indexOf(`id="acte-${act}"`)).split("</tr>")[0]!;
  assert.ok(line((await denis.get(`/historique/user/${id}`)).text).includes(way));

  const undone = await send(denis, `/actes/${act}/annulation`);
  const [, again = ""] = (await denis.get(undone.location!)).text.split('id="notice"');
  // What undoes is an act too.
  assert.ok(again.split("<h1>")[0]!.includes(`href="/actes/${await lastAct()}/annulation"`));
  const object = (await denis.get(`/historique/user/${id}`)).text;
  assert.ok(!line(object).includes(way));
  assert.match(line(object), /annulé/);
});

test("HIS-11 : inviter, une personne ou plusieurs, s’annule depuis l’avis ou la page qui suit ; l’objet est nommé sans faute", async () => {
  const way = (text: string) =>
    /href="(\/actes\/[0-9a-f-]{36}\/annulation)"[^>]*>[\s\S]{0,200}?Annuler/.exec(text)?.[1];
  const person = { givenName: "Lou", familyName: "Hardy", roles: "viewer", by: "lien" };
  await denis.get("/admin/utilisateurs/nouveau");
  const one = await denis.post("/admin/utilisateurs/nouveau", { ...person, email: "lou@quais.example" });
  assert.equal(one.status, 200);
  assert.equal((await send(denis, way(one.text)!)).status, 303);
  const lou = /href="\/admin\/utilisateurs\/([0-9a-f-]{36})"/.exec(one.text)![1]!;
  assert.match((await denis.get(`/admin/utilisateurs/${lou}`)).text, /Désactivé/);

  const text =
    "Prénom;Nom;Adresse électronique;Rôles\nMax;Un;max.un@quais.example;Lecteur\nMax;Deux;max.deux@quais.example;Lecteur";
  const many = await denis.post("/admin/utilisateurs/plusieurs", { text, by: "lien" });
  assert.equal(many.status, 200);
  assert.match((await denis.get(way(many.text)!)).text, /Restaurable\s: 2 lignes/);

  const organisation = await denis.get(`/historique/tenant/${denis.tenantId}`);
  assert.match(organisation.text, /Organisation\s: tous ses actes/);
});

test("HIS-12 : une création et une suppression disent ce qu’elles ont écrit ; changée depuis, la création dit aussi le présent et par qui", async () => {
  await denis.get("/admin/groupes/nouveau");
  const { location } = await denis.post("/admin/groupes/nouveau", { name: "Équipe nord" });
  const made = await lastAct();
  const cells = async (act: string) =>
    [...(await denis.get(`/actes/${act}/annulation`)).text.matchAll(/<td data-label="([^"]+)">([\s\S]*?)<\/td>/g)].map(
      ([, label, cell]) =>
        `${label} = ${cell!
          .replace(/<[^>]+>/g, " ")
          .replace(/\s+/g, " ")
          .trim()}`,
    );
  assert.deepEqual(await cells(made), ["Avant = n’existait pas", "Écrit = Nom : Équipe nord"]);

  const { id } = await world.userOf("claire");
  assert.equal((await send(denis, `${location}/modifier`, { name: "Équipe sud" })).status, 303);
  assert.deepEqual((await cells(made)).slice(0, 3), [
    "Avant = n’existait pas",
    "Écrit = Nom : Équipe nord",
    "Présent = Nom : Équipe sud",
  ]);
  assert.match((await cells(made))[3]!, /^Changé par = Denis Roussel/);

  await denis.get(location!);
  assert.equal((await denis.post(`${location}/membres`, { user: id })).status, 303);
  await denis.get(`${location}/suppression`);
  assert.equal((await denis.post(`${location}/suppression`)).status, 303);
  const gone = await cells(await lastAct());
  assert.ok(gone.includes("Avant = Nom : Équipe sud"), gone.join(" | "));
  assert.ok(
    gone.some((cell) => /^Avant = Personne : Cl/.test(cell)),
    "une personne par son nom, jamais par son identifiant",
  );
  assert.ok(gone.includes("Écrit = supprimé"));
});

test("HIS-15 : un export, un déverrouillage, une vérification disent pourquoi ils ne s’annulent pas, et la page d’un acte jusqu’à quand il s’annule", async () => {
  const { id } = await world.userOf("karim");
  for (const [address, why] of [
    ["/admin/historique/export", /déjà sur l’appareil/],
    [`/admin/utilisateurs/${id}/deverrouillage`, /verrou levé ne se remet pas/],
    ["/admin/historique/verification", /lit l’historique et n’y change rien/],
  ] as const) {
    await denis.get("/admin/historique");
    assert.ok((await denis.post(address)).status < 400);
    const act = await lastAct();
    const { text } = await denis.get(`/actes/${act}/annulation`);
    assert.match(text, why);
    assert.doesNotMatch(text, /<button[^>]*>[^<]*<svg[\s\S]{0,200}Annuler cet acte/);
    assert.match((await denis.get(`/admin/historique/${act}`)).text, /rien à annuler/);
  }
  await send(denis, `/admin/utilisateurs/${id}/modifier`, { givenName: "Karim-Ali" });
  const page = await denis.get(`/admin/historique/${await lastAct()}`);
  assert.match(page.text, /possible jusqu’au \S+ \d/);
});

test("PRM-26 : ses actes de trente jours se feuillettent, aucun n’est hors d’atteinte", async () => {
  const aicha = await world.as("aicha");
  for (let i = 0; i < 60; i++) await aicha.post("/compte/preferences", { density: i % 2 ? "comfort" : "compact" });
  const ways = (page: string) =>
    [...page.split("<tbody")[1]!.matchAll(/\/actes\/([0-9a-f-]{36})\/annulation/g)].map(([, id]) => id!);
  const first = await aicha.get("/actes");
  assert.equal(ways(first.text).length, 50);
  const older = /href="(\/actes\?avant=[^"]+)" rel="next"/.exec(first.text)![1]!;
  const second = await aicha.get(older);
  assert.equal(ways(second.text).length, 10);
  const newer = /href="(\/actes\?apres=[^"]+)" rel="prev"/.exec(second.text)![1]!;
  assert.deepEqual(ways((await aicha.get(newer)).text), ways(first.text));
});

test("HIS-12 : une ligne décochée reste, un conflit ne bouge que coché", async () => {
  const { id } = await world.userOf("claire");
  await send(denis, `/admin/utilisateurs/${id}/modifier`, { givenName: "Clara" });
  const act = await lastAct();
  const at = `/actes/${act}/annulation`;
  const none = await send(denis, at, { rows: [] });
  assert.equal(none.status, 422);
  assert.match(none.text, /Rien n’est choisi/);
  await send(denis, `/admin/utilisateurs/${id}/modifier`, { givenName: "Clarisse" });
  const { text } = await denis.get(at);
  assert.match(text, /En conflit\s: 1 ligne[\s\S]+Claire[\s\S]+Clara[\s\S]+Clarisse[\s\S]+Denis Roussel/);
  assert.equal((await send(denis, at)).status, 422);
  const force = /name="force" value="([^"]+)"/.exec(text)![1]!;
  assert.equal((await send(denis, at, { force })).status, 303);
  assert.match((await denis.get(`/admin/utilisateurs/${id}`)).text, /<h1>Claire/);
});

test("HIS-12 : au-delà de cent conflits, tous se montrent et chacun se force", async () => {
  const run = (sql: string) =>
    world.db.act(
      {
        tenantId: denis.tenantId,
        actorId: denis.id,
        channel: "bulk",
        code: "user.edited",
        label: "En masse",
        now: world.clock.now(),
      },
      (em) => em.execute(sql, [denis.tenantId]),
    );
  await run(`insert into app_user (tenant_id, id, email, given_name, family_name, roles)
    select ?, uuidv7(), 'banc' || n || '@quais.example', 'Banc', 'N ' || n, '{viewer}' from generate_series(1, 103) n`);
  await run("update app_user set given_name = 'Marée' where tenant_id = ? and given_name = 'Banc'");
  const at = `/actes/${await lastAct()}/annulation`;
  await run("update app_user set given_name = 'Ressac' where tenant_id = ? and given_name = 'Marée'");
  const forceable = (text: string) => [...text.matchAll(/name="force" value="([^"]+)"/g)].map(([, value]) => value!);

  const first = (await denis.get(at)).text;
  assert.equal(forceable(first).length, 100);
  assert.match(first, /Les 3 conflits suivants restent tels quels\.[\s\S]+href="[^"]+\?conflits=tous#conflict"/);
  const all = forceable((await denis.get(`${at}?conflits=tous`)).text);
  assert.equal(all.length, 103);
  const { status } = await denis.post(`${at}?conflits=tous`, { force: all.slice(100) });
  assert.equal(status, 303);
  const kept = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ name: string; n: number }[]>(
      "select given_name as name, count(*)::int as n from app_user where email like 'banc%' group by 1 order by 1",
    ),
  );
  assert.deepEqual(kept, [
    { name: "Banc", n: 3 },
    { name: "Ressac", n: 100 },
  ]);
});

test("PRM-26 : chacun annule ce qu’il a fait, sans voir l’historique ; l’acte d’autrui n’existe pas", async () => {
  const karim = await world.as("karim");
  await karim.post("/compte/preferences", { theme: "dark" });
  const [own] = await world.db.read(karim.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where actor_id = ? order by id desc limit 1", [karim.id]),
  );
  assert.match((await karim.get("/actes")).text, new RegExp(`href="/actes/${own!.id}/annulation"`));
  const answer = await send(karim, `/actes/${own!.id}/annulation`);
  assert.deepEqual([answer.status, answer.location], [303, "/actes"]);
  assert.match((await karim.get("/actes")).text, /Annulé par/);
  const [theirs] = await world.db.read(karim.tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where actor_id = ? order by id desc limit 1", [denis.id]),
  );
  assert.equal((await karim.get(`/actes/${theirs!.id}/annulation`)).status, 404);
  const nathalie = await world.as("nathalie");
  assert.equal((await nathalie.get(`/actes/${own!.id}/annulation`)).status, 404);
  assert.equal((await nathalie.post(`/actes/${own!.id}/annulation`)).status, 404);
});
