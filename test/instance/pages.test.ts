import assert from "node:assert/strict";
import { test } from "node:test";
import { CRITERIA } from "../../src/instance/criteria.ts";
import { CriterionResult } from "../../src/instance/criterion-result.ts";
import { KINDS, type Kind } from "../../src/instance/public-page.ts";
import { ActRow } from "../../src/platform/db/changeset.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();

const acts = async (code: string) => {
  const { tenantId } = await world.userOf("nadia");
  const rows = await world.db.read(tenantId, (em) => em.find(ActRow, { code }, { orderBy: { id: "asc" } }));
  return rows.map(({ label, subjectType }) => ({ label, subjectType }));
};
const version = (html: string) => /name="version" value="(\d+)"/.exec(html)?.[1];

test("les pages de l’instance se lisent sans compte, complètes dès le départ", async () => {
  const anybody = world.anonymous();
  for (const path of [
    ...(Object.keys(KINDS) as Kind[]).map((kind) => `/${kind}`),
    "/accessibilite/grille",
    "/plan-du-site",
    "/aide",
    "/aide/premiers-pas",
  ]) {
    const { status, text } = await anybody.get(path);
    assert.equal(status, 200, path);
    assert.equal(text.match(/<h1/g)?.length, 1, path);
    assert.doesNotMatch(text, /undefined|\[object|Modifier cette page/, path);
  }
  assert.equal((await anybody.get("/aide/nulle-part")).status, 404);
  assert.equal((await anybody.get("/mentions-legale")).status, 404);
});

test("security.txt dit où signaler une faille, avec une fin ; les moteurs de recherche sont tenus dehors", async () => {
  const anybody = world.anonymous();
  const { status, text, headers } = await anybody.get("/.well-known/security.txt");
  assert.equal(status, 200);
  assert.match(headers.get("content-type") ?? "", /^text\/plain/);
  assert.match(text, new RegExp(`^Contact: ${world.origin}/contact\n`));
  const expires = new Date(/^Expires: (.+)$/m.exec(text)![1]!).getTime() - world.clock.now().getTime();
  assert.ok(expires > 178 * 86_400_000 && expires < 181 * 86_400_000);
  assert.match((await anybody.get("/robots.txt")).text, /^User-agent: \*\nDisallow: \/\n$/);
});

test("la déclaration dit « non conforme » tant que la grille n’est pas complète", async () => {
  const { text } = await world.anonymous().get("/accessibilite");
  assert.match(text, /est <strong>non conforme<\/strong>/);
  assert.match(text, /Défenseur des droits/);
  assert.match(text, /40 tests du RGAA/);
});

test("la grille se filtre par thème et par résultat, en page et en fragment", async () => {
  const anybody = world.anonymous();
  const colours = await anybody.get("/accessibilite/grille?theme=3");
  assert.match(colours.text, />3 critères</);
  const part = await anybody.get("/accessibilite/grille?theme=3&statut=conforme", { part: true });
  assert.match(part.text, /^\s*<section id="criteres"/);
  assert.match(part.text, /Aucun critère avec ce résultat/);
  for (const bad of ["theme=14", "statut=parfait", "theme=1&theme=2"])
    assert.equal((await anybody.get(`/accessibilite/grille?${bad}`)).status, 422, bad);
});

test("l’aide cherche, et chaque écran mène à la page qui l’explique", async () => {
  const denis = await world.as("denis");
  const found = await denis.get("/aide?q=verrouillé", { part: true });
  assert.match(found.text, /^\s*<section id="aide-pages"[\s\S]+href="\/aide\/se-connecter"/);
  const none = await denis.get("/aide?q=girafe");
  assert.match(none.text, /Aucune page ne contient tous ces mots/);
  const here = await denis.get("/admin/utilisateurs");
  assert.match(here.text, /<a class="cell" href="\/aide\/inviter-un-collegue"/);
});

test("le plan du site n’offre à chacun que ce qu’il peut ouvrir, et chaque lien répond", async () => {
  const links = (html: string) =>
    [
      ...html
        .slice(html.indexOf("<main"))
        .slice(0, html.indexOf("</main"))
        .matchAll(/<a href="(\/[^"#]*)"/g),
    ].map(([, href]) => href!);
  const viewer = await world.as("helene");
  const admin = await world.as("denis");
  const seen = links((await viewer.get("/plan-du-site")).text);
  assert.ok(seen.includes("/compte") && !seen.some((href) => /^\/(admin|instance)/.test(href)), seen.join(" "));
  const open = links((await admin.get("/plan-du-site")).text);
  assert.ok(open.includes("/admin/utilisateurs") && !open.some((href) => href.startsWith("/instance")));
  // Their own home is the list of campaigns (DSH-17).
  for (const href of new Set(open)) assert.equal((await admin.get(href)).status, href === "/" ? 303 : 200, href);
  assert.ok(!links((await world.anonymous().get("/plan-du-site")).text).includes("/compte"));
});

test("seul le super-administrateur modifie les pages et la grille ; aux autres, la page dit qui le peut", async () => {
  for (const who of ["denis", "sophie", "helene"]) {
    const browser = await world.as(who);
    for (const path of ["/instance/pages", "/instance/pages/contact", "/instance/accessibilite"]) {
      const { status, text } = await browser.get(path);
      assert.equal(status, 403, path);
      assert.match(text, /super-administrateurs/);
    }
    assert.equal((await browser.post("/instance/pages/contact", { body: "Piraté" })).status, 403);
  }
  assert.doesNotMatch((await world.anonymous().get("/contact")).text, /Piraté/);
});

test("une page réécrite remplace le texte livré, avec son acte, et rien de dangereux ne passe", async () => {
  const nadia = await world.as("nadia");
  const edit = await nadia.get("/instance/pages/contact");
  assert.match(edit.text, /## Une question sur votre travail/);
  assert.equal(version(edit.text), undefined);

  const preview = await nadia.post(
    "/instance/pages/contact/apercu",
    { body: "## Essai\n\n<script>x</script>" },
    { part: true },
  );
  assert.match(preview.text, /^\s*<section id="apercu"[\s\S]+<h2 id="texte-essai">Essai/);
  assert.doesNotMatch(preview.text, /<script/);
  assert.deepEqual(await acts("public_page.written"), []);

  const body = "## Nous écrire\n\nÉcrivez à [l’accueil](mailto:accueil@quais.example). <img src=x onerror=alert(1)>";
  const saved = await nadia.post("/instance/pages/contact", { body });
  assert.equal(saved.status, 303);
  assert.equal(saved.location, "/contact");
  const page = await world.anonymous().get("/contact");
  assert.match(page.text, /<h2 id="texte-nous-ecrire">Nous écrire<\/h2>[\s\S]+href="mailto:accueil@quais\.example"/);
  assert.doesNotMatch(page.text, /onerror|Une question sur votre travail/);
  assert.deepEqual(await acts("public_page.written"), [
    { label: "Page « Contact » modifiée", subjectType: "public_page" },
  ]);
});

test("un texte vide, trop long ou identique est refusé et gardé à l’écran", async () => {
  const nadia = await world.as("nadia");
  const first = await nadia.get("/instance/pages/mentions-legales");
  const shown = /<textarea[^>]*>\n?([\s\S]*?)<\/textarea>/.exec(first.text)![1]!;
  for (const [body, why] of [
    ["   ", /Écrivez le texte de la page/],
    ["x".repeat(20_001), /trop long|Raccourcissez/],
    [shown.replaceAll("&amp;", "&").replaceAll("&quot;", '"'), /déjà celui de la page/],
  ] as const) {
    const { status, text } = await nadia.post("/instance/pages/mentions-legales", { body });
    assert.equal(status, 422, String(why));
    assert.match(text, why);
    assert.match(text, /<title>Erreur\s:/);
  }
  assert.equal((await nadia.post("/instance/pages/plan-du-site", { body: "x" })).status, 404);
});

test("deux personnes écrivent la même page : la seconde voit le texte de la première", async () => {
  const [one, two] = [await world.as("nadia"), await world.as("nadia")];
  await one.post("/instance/pages/donnees-personnelles", { body: "## Premier" });
  const drawn = version((await one.get("/instance/pages/donnees-personnelles")).text)!;
  assert.equal(
    (await one.post("/instance/pages/donnees-personnelles", { body: "## Second", version: drawn })).status,
    303,
  );
  const late = await two.post("/instance/pages/donnees-personnelles", { body: "## Troisième", version: drawn });
  assert.equal(late.status, 409);
  assert.match(late.text, /## Second[\s\S]+## Troisième/);
  const again = version(late.text)!;
  assert.notEqual(again, drawn);
  assert.equal(
    (await two.post("/instance/pages/donnees-personnelles", { body: "## Troisième", version: again })).status,
    303,
  );
  assert.match((await one.get("/donnees-personnelles")).text, /Troisième/);
});

test("un critère s’évalue un par un, en page ou en fragment, et la déclaration suit", async () => {
  const nadia = await world.as("nadia");
  const list = await nadia.get("/instance/accessibilite?theme=3");
  assert.equal(list.text.match(/id="critere-3-\d"/g)?.length, 3);

  const refused = await nadia.post("/instance/accessibilite/3.2", { status: "non_conforme", note: "" }, { part: true });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /^\s*<section class="card" id="critere-3-2"[\s\S]+Dites ce qui n’est pas conforme/);

  const saved = await nadia.post(
    "/instance/accessibilite/3.2",
    { status: "conforme", note: "Vérifié à l’œil" },
    { part: true },
  );
  assert.equal(saved.status, 200);
  assert.match(saved.text, /id="critere-3-2"[\s\S]+Conforme[\s\S]+id="annonces"[\s\S]+Critère 3\.2 enregistré/);
  assert.equal(version(saved.text), "1");

  const page = await nadia.post("/instance/accessibilite/3.2", { status: "non_conforme", note: "Liens", version: "1" });
  assert.equal(page.status, 303);
  assert.equal(page.location, "/instance/accessibilite?theme=3#critere-3-2");
  assert.match(
    (await world.anonymous().get("/accessibilite/grille?statut=non_conforme")).text,
    />1 critère<[\s\S]+Liens/,
  );
  assert.match((await world.anonymous().get("/accessibilite")).text, /105 critères restent/);

  const stale = await nadia.post("/instance/accessibilite/3.2", { status: "conforme", note: "", version: "1" });
  assert.equal(stale.status, 409);
  assert.match(stale.text, /Enregistré entre-temps[\s\S]+Non conforme/);

  assert.equal((await nadia.post("/instance/accessibilite/3.9", { status: "conforme", note: "" })).status, 404);
  assert.equal((await nadia.post("/instance/accessibilite/3.1", { status: "parfait", note: "" })).status, 422);
  assert.deepEqual(
    (await acts("criterion.assessed")).map(({ label }) => label),
    ["Critère 3.2 évalué : conforme", "Critère 3.2 évalué : non conforme"],
  );
});

test("ce qu’un locataire écrirait dans ces tables n’est public pour personne", async () => {
  const { tenantId } = await world.userOf("denis");
  await world.db.act(
    { tenantId, actorId: null, channel: "page", code: "test.done", label: "Essai", now: world.clock.now() },
    async (em) => {
      await em.execute(
        "insert into public_page (tenant_id, id, kind, body) values (?, gen_random_uuid(), 'accessibilite', 'Piraté')",
        [tenantId],
      );
      await em.execute(
        "insert into criterion_result (tenant_id, id, criterion, status) values (?, gen_random_uuid(), '1.1', 'conforme')",
        [tenantId],
      );
    },
  );
  assert.doesNotMatch((await world.anonymous().get("/accessibilite")).text, /Piraté/);
  assert.match((await world.anonymous().get("/accessibilite/grille?statut=conforme")).text, />0 critère</);
});

test("DSH-17 : chacun arrive sur la page de son rôle : campagnes, interventions, ou ce que ses rôles ouvrent", async () => {
  const homes = await Promise.all(
    ["denis", "sophie", "karim", "martine", "aicha", "helene", "nadia"].map(async (who) => {
      const { status, location } = await (await world.as(who)).get("/");
      return [who, status, location];
    }),
  );
  assert.deepEqual(homes, [
    ["denis", 303, "/campagnes"],
    ["sophie", 303, "/campagnes"],
    ["karim", 303, "/interventions"],
    ["martine", 303, "/premiers-pas"],
    ["aicha", 303, "/premiers-pas"],
    ["helene", 303, "/campagnes"],
    ["nadia", 303, "/premiers-pas"],
  ]);
  assert.match((await (await world.as("sophie")).get("/campagnes")).text, /<a href="\/premiers-pas">/);
});

test("« Premiers pas » dit à chacun ce que ses rôles ouvrent, et à l’administrateur ce qui reste à faire", async () => {
  const denis = await (await world.as("denis")).get("/premiers-pas");
  assert.match(denis.text, /Bonjour Denis[\s\S]+Pour bien commencer[\s\S]+Inviter un premier collègue[\s\S]+Fait/);
  const karim = await (await world.as("karim")).get("/premiers-pas");
  assert.match(karim.text, /Technicien[\s\S]+href="\/interventions"/);
  assert.doesNotMatch(karim.text, /Pour bien commencer/);
  const nadia = await (await world.as("nadia")).get("/premiers-pas");
  assert.match(nadia.text, /Évaluer les 106 critères d’accessibilité \(1 sur 106\)/);
  assert.equal((await world.anonymous().get("/")).status, 303);
});

test("le pied de chaque page dit le niveau déclaré, et change quand la grille est complète", async () => {
  const nadia = await world.as("nadia");
  assert.match((await nadia.get("/compte")).text, /Accessibilité\u00a0: non conforme<\/a>/);
  for (const { number } of CRITERIA) {
    const [kept] = await world.db.read(nadia.tenantId, (em) => em.find(CriterionResult, { criterion: number }));
    const { status } = await nadia.post(`/instance/accessibilite/${number}`, {
      status: "conforme",
      note: "",
      ...(kept && { version: String(kept.version) }),
    });
    assert.equal(status, 303, number);
  }
  assert.match((await world.anonymous().get("/connexion")).text, /Accessibilité\u00a0: totalement conforme<\/a>/);
});

test("HIS-11 : annuler une évaluation change aussitôt le niveau déclaré au pied des pages, et l’annulation de l’annulation aussi", async () => {
  const nadia = await world.as("nadia");
  const level = async () =>
    /Accessibilité\u00a0: ([^<]+)<\/a>/.exec((await world.anonymous().get("/connexion")).text)?.[1];
  const undoLast = async () => {
    const { text } = await nadia.get("/admin/historique");
    const act = /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec(text)![1]!;
    const preview = (await nadia.get(`/actes/${act}/annulation`)).text;
    const listed = /name="listed" value="([^"]+)"/.exec(preview)![1]!;
    assert.equal((await nadia.post(`/actes/${act}/annulation`, { listed, rows: listed })).status, 303);
  };
  assert.equal(await level(), "totalement conforme");
  await undoLast();
  assert.equal(await level(), "non conforme");
  await undoLast();
  assert.equal(await level(), "totalement conforme");
});
