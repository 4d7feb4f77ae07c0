import assert from "node:assert/strict";
import { test } from "node:test";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, claire, hugo, helene, karim] = await Promise.all(
  ["denis", "sophie", "claire", "hugo", "helene", "karim"].map((who) => world.as(who)),
);
const { tenantId } = denis!;
const AT = "/campagnes";
const DAYS = { startsOn: "2026-12-01", endsOn: "2027-01-29" };
let made = 0;

async function create(browser: Browser, name = `Migration ${++made}`): Promise<string> {
  await browser.get(`${AT}/nouvelle`);
  const { status, location } = await browser.post(`${AT}/nouvelle`, { name, ...DAYS });
  assert.equal(status, 303, name);
  return location!.replace(/\/donnees$/, "");
}
/** The page at this address, and the version its form holds. */
async function versionAt(browser: Browser, at: string): Promise<string> {
  return /name="version" value="(\d+)"/.exec((await browser.get(at)).text)![1]!;
}
const idOf = async (who: string) => (await world.userOf(who)).id;
async function grant(by: Browser, at: string, grantee: string, letters: string[]) {
  await by.get(`${at}/acces`);
  return by.post(`${at}/acces`, { grantee, letters });
}
async function setVisibility(at: string, visibility: string) {
  const version = await versionAt(sophie!, `${at}/acces`);
  assert.equal((await sophie!.post(`${at}/visibilite`, { visibility, version })).status, 303);
}

test("CAM-1 : un nom de 3 à 255 caractères, des jours dans l’ordre ; ce qui manque est dit et rien n’est perdu", async () => {
  await sophie!.get(`${AT}/nouvelle`);
  const refused = await sophie!.post(`${AT}/nouvelle`, { name: "AB", startsOn: "2026-12-02", endsOn: "2026-12-01" });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /au moins 3 caractères[\s\S]+value="AB"/);
  const long = await sophie!.post(`${AT}/nouvelle`, { name: "É".repeat(256), ...DAYS });
  assert.equal(long.status, 422);
  assert.match(long.text, /255 caractères/);
  assert.equal((await sophie!.post(`${AT}/nouvelle`, { name: "É".repeat(255), ...DAYS })).status, 303);
  await sophie!.get(`${AT}/nouvelle`);
  const backwards = await sophie!.post(`${AT}/nouvelle`, { name: "ABC", startsOn: "2026-12-02", endsOn: "2026-12-01" });
  assert.match(backwards.text, /Le dernier jour vient avant le premier/);
  const impossible = await sophie!.post(`${AT}/nouvelle`, {
    name: "ABC",
    startsOn: "2026-02-31",
    endsOn: "2026-12-01",
  });
  assert.equal(impossible.status, 422);
});

test("CAM-1 : des jours de 1900 à 2100, dix ans au plus, à la création comme au réglage et à la copie ; la phrase dit quoi corriger", async () => {
  const at = await create(sophie!);
  const wrong: [startsOn: string, endsOn: string, says: RegExp][] = [
    ["2026-12-01", "9999-12-31", /Choisissez un jour entre 1900 et 2100/],
    ["1026-12-01", "2026-12-31", /Choisissez un jour entre 1900 et 2100/],
    [
      "2026-12-01",
      "2036-12-02",
      /Une campagne dure 10 ans au plus\u00a0: avancez le dernier jour, ou corrigez l’année/,
    ],
  ];
  for (const path of [`${AT}/nouvelle`, `${at}/informations`, `${at}/copie`]) {
    for (const [startsOn, endsOn, says] of wrong) {
      const [, version = ""] = /name="version" value="(\d+)"/.exec((await sophie!.get(path)).text) ?? [];
      const { status, text } = await sophie!.post(path, { name: `Essai ${++made}`, startsOn, endsOn, version });
      assert.equal(status, 422, `${path} ${endsOn}`);
      assert.match(text, says, path);
    }
  }
  await sophie!.get(`${AT}/nouvelle`);
  const longest = { name: `Essai ${++made}`, startsOn: "2026-12-01", endsOn: "2036-12-01" };
  assert.equal((await sophie!.post(`${AT}/nouvelle`, longest)).status, 303);
});

test("CAM-2 : deux campagnes vivantes n’ont pas le même nom, casse, accents et blancs à part ; une archivée le libère", async () => {
  const at = await create(sophie!, "Déploiement des badges");
  await claire!.get(`${AT}/nouvelle`);
  const again = await claire!.post(`${AT}/nouvelle`, { name: " deploiement  DES badges ", ...DAYS });
  assert.equal(again.status, 422);
  assert.match(again.text, /Une campagne s’appelle déjà «\u00a0Déploiement des badges\u00a0»/);
  await sophie!.get(`${at}/archivage`);
  assert.equal((await sophie!.post(`${at}/archivage`, { reason: "Abandon du projet" })).status, 303);
  const second = await create(claire!, "Déploiement des badges");
  await sophie!.get(`${at}/archivage`);
  const back = await sophie!.post(`${at}/restauration`, { reason: "Reprise" });
  assert.equal(back.status, 422);
  assert.match(back.text, /Une campagne s’appelle déjà/);
  assert.match((await claire!.get(second)).text, /Préparation/);
});

test("CAM-2 : au même instant, une seule des deux naît", async () => {
  await Promise.all([sophie!.get(`${AT}/nouvelle`), claire!.get(`${AT}/nouvelle`)]);
  const answers = await Promise.all(
    [sophie!, claire!].map((one) => one.post(`${AT}/nouvelle`, { name: "Une seule place", ...DAYS })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [303, 422]);
});

test("CAM-22, CAM-23 : restreinte, elle n’existe que pour sa propriétaire et l’administration ; publique, pour tous les gestionnaires et lecteurs", async () => {
  const at = await create(sophie!);
  const seen = async () =>
    Promise.all([sophie!, denis!, claire!, helene!, karim!].map(async (one) => (await one.get(at)).status));
  assert.deepEqual(await seen(), [200, 200, 404, 404, 404]);
  assert.ok(!(await claire!.get(AT)).text.includes(at), "ni dans la liste");
  await setVisibility(at, "public");
  assert.deepEqual(await seen(), [200, 200, 200, 200, 404]);
  assert.ok((await claire!.get(AT)).text.includes(at));
  assert.equal((await claire!.get(`${at}/reglages`)).status, 403, "voir n’est pas régler");
});

test("CAM-24 : une habilitation ouvre à un compte, ou à un groupe, exactement ses lettres ; retirée, elle referme", async () => {
  const at = await create(sophie!);
  assert.equal((await grant(sophie!, at, `u.${await idOf("karim")}`, ["configure"])).status, 303);
  assert.equal((await karim!.get(at)).status, 200, "configurer vaut voir");
  assert.equal((await karim!.get(`${at}/reglages`)).status, 200);
  assert.equal((await karim!.get(`${at}/archivage`)).status, 403, "jamais archiver par habilitation (PRM-29)");
  assert.ok((await karim!.get(AT)).text.includes(at));
  const { text } = await sophie!.get(`${at}/acces`);
  const drop = /action="([^"]+\/retrait)"/.exec(text)![1]!;
  assert.equal((await sophie!.post(drop, {})).status, 303);
  assert.equal((await karim!.get(at)).status, 404);

  await denis!.get("/admin/groupes");
  const { location } = await denis!.post("/admin/groupes/nouveau", { name: "Lecteurs invités" });
  await denis!.get(location!);
  assert.equal((await denis!.post(`${location}/membres`, { user: await idOf("hugo") })).status, 303);
  assert.equal((await grant(sophie!, at, `g.${location!.split("/").at(-1)}`, ["see"])).status, 303);
  assert.equal((await hugo!.get(at)).status, 200);
  assert.equal((await hugo!.get(`${at}/acces`)).status, 403);
});

test("CAM-24 : nul ne donne ni ne retire plus que ce qu’il a", async () => {
  const at = await create(sophie!);
  await grant(sophie!, at, `u.${await idOf("karim")}`, ["configure"]);
  const helenes = `u.${await idOf("helene")}`;
  const beyond = await grant(karim!, at, helenes, ["export"]);
  assert.equal(beyond.status, 422);
  assert.match(beyond.text, /une habilitation que vous n’avez pas/);
  assert.equal((await grant(karim!, at, helenes, ["configure"])).status, 303);
  assert.equal((await grant(sophie!, at, helenes, ["export"])).status, 303);
  assert.equal((await grant(karim!, at, helenes, ["see"])).status, 422, "retirer export en remplaçant, non plus");
  assert.equal((await karim!.post(`${at}/visibilite`, { visibility: "public", version: "1" })).status, 403);
});

test("CAM-22 : transmise, l’ancienne propriétaire ne garde que ce qui lui est habilité", async () => {
  const at = await create(sophie!);
  const version = await versionAt(sophie!, `${at}/acces`);
  const toKarim = await sophie!.post(`${at}/proprietaire`, { owner: await idOf("karim"), version });
  assert.equal(toKarim.status, 422, "ni un technicien");
  assert.equal((await sophie!.post(`${at}/proprietaire`, { owner: await idOf("claire"), version })).status, 303);
  assert.deepEqual([(await sophie!.get(at)).status, (await claire!.get(at)).status], [404, 200]);
});

test("CAM-8 : archivée, chaque acte qui la changerait répond 409, rien ne change, tout se lit", async () => {
  const at = await create(sophie!);
  await grant(sophie!, at, `u.${await idOf("helene")}`, ["see"]);
  const drop = /action="([^"]+\/retrait)"/.exec((await sophie!.get(`${at}/acces`)).text)![1]!;
  const version = await versionAt(sophie!, `${at}/reglages`);
  await sophie!.get(`${at}/archivage`);
  assert.equal((await sophie!.post(`${at}/archivage`, { reason: "Projet terminé" })).status, 303);
  const acts: [string, Record<string, string | string[]>][] = [
    ["reglages", { name: "Autre nom", ...DAYS, version: String(Number(version) + 1) }],
    ["calendrier", { defaultHour: "10:00", version: String(Number(version) + 1) }],
    ["acces", { grantee: `u.${await idOf("hugo")}`, letters: ["see"] }],
    ["visibilite", { visibility: "public", version: String(Number(version) + 1) }],
    ["proprietaire", { owner: await idOf("claire"), version: String(Number(version) + 1) }],
    ["archivage", { reason: "Encore une fois" }],
  ];
  for (const [to, fields] of acts) {
    const { status, text } = await sophie!.post(`${at}/${to}`, fields);
    assert.equal(status, 409, to);
    assert.match(text, /archivée/, to);
  }
  assert.equal((await sophie!.post(drop, {})).status, 409);
  assert.match((await sophie!.get(at)).text, /Campagne archivée, lecture seule/);
  assert.equal((await helene!.get(at)).status, 200);
  assert.equal((await sophie!.post(`${at}/restauration`, { reason: "Reprise" })).status, 303);
  assert.match((await sophie!.get(at)).text, /Préparation/, "dans l’état d’avant");
});

test("GEN-8 : deux personnes règlent la même campagne, la seconde est arrêtée et lit les deux valeurs", async () => {
  const at = await create(sophie!);
  const version = await versionAt(sophie!, `${at}/reglages`);
  await denis!.get(`${at}/reglages`);
  const name = `Renommée ${at.slice(-4)}`;
  assert.equal((await denis!.post(`${at}/reglages`, { name, ...DAYS, version })).status, 303);
  const { status, text } = await sophie!.post(`${at}/reglages`, { name: "La mienne", ...DAYS, version });
  assert.equal(status, 409);
  assert.match(text, new RegExp(`Valeurs actuelles[\\s\\S]+${name}[\\s\\S]+value="La mienne"`));
});

test("CAM-1, GEN-4 : le calendrier se règle seul, et refuse un jour qui n’existe pas", async () => {
  const at = await create(sophie!);
  const version = await versionAt(sophie!, `${at}/reglages`);
  const calendar = { zone: "", holidayZone: "alsace-moselle", defaultHour: "08:30", version };
  const refused = await sophie!.post(`${at}/calendrier`, { ...calendar, closedDays: "31/02/2027" });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /n’est pas dans le calendrier[\s\S]+31\/02\/2027/);
  assert.equal(
    (await sophie!.post(`${at}/calendrier`, { ...calendar, closedDays: "24/12/2026\n24/12/2026" })).status,
    303,
  );
  assert.match((await sophie!.get(at)).text, /08:30[\s\S]+1 jour</);
});

test("HIS-11 : sa propriétaire annule ses actes ; un nom repris entre-temps l’empêche, et le dit", async () => {
  const first = await create(sophie!, "Nom d’origine");
  const version = await versionAt(sophie!, `${first}/reglages`);
  assert.equal((await sophie!.post(`${first}/reglages`, { name: "Nom changé", ...DAYS, version })).status, 303);
  const [renamed] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'campaign.edited' order by id desc limit 1"),
  );
  await create(claire!, "nom d’ORIGINE");
  const preview = await sophie!.get(`/actes/${renamed!.id}/annulation`);
  assert.match(preview.text, /Une autre campagne porte maintenant ce nom/);

  const at = await create(sophie!);
  await setVisibility(at, "public");
  const [shown] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from act where code = 'campaign.visibility_changed' order by id desc limit 1",
    ),
  );
  await sophie!.get(`/actes/${shown!.id}/annulation`);
  assert.equal((await sophie!.post(`/actes/${shown!.id}/annulation`, {})).status, 303);
  assert.equal((await helene!.get(at)).status, 404, "de nouveau restreinte");
});

test("PRM-25 : l’historique d’une campagne s’ouvre à sa propriétaire, et n’existe pas pour qui ne la voit pas", async () => {
  const at = await create(sophie!);
  const history = `/historique/campaign/${at.split("/").at(-1)}`;
  assert.deepEqual(
    await Promise.all([sophie!, denis!, claire!, karim!].map(async (one) => (await one.get(history)).status)),
    [200, 200, 404, 404],
  );
});
