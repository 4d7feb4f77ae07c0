import assert from "node:assert/strict";
import { test } from "node:test";
import { allows } from "../../src/accounts/index.ts";
import { givenBy } from "../../src/campaigns/policy.ts";
import { CAMPAIGN_RIGHTS } from "../../src/campaigns/web/reasons.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, claire, hugo, helene, karim, yann] = (await Promise.all(
  ["denis", "sophie", "claire", "hugo", "helene", "karim", "yann"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser, Browser, Browser, Browser];

const versionAt = async (by: Browser, at: string) => /name="version" value="(\d+)"/.exec((await by.get(at)).text)![1]!;
async function grant(by: Browser, at: string, grantee: string, letters: string[]) {
  await by.get(`${at}/acces`);
  isAt(await by.post(`${at}/acces`, { grantee, letters }));
}
/** What the page says of one right: held or not, and from where. */
async function rightOf(by: Browser, at: string, label: string): Promise<string> {
  const { status, text } = await by.get(`${at}/pourquoi`);
  assert.equal(status, 200);
  const row = new RegExp(`<th scope="row">${label}</th>[\\s\\S]*?</tr>`).exec(text)![0];
  return plain({ text: row })
    .replaceAll(/[\u00a0\u202f]/g, " ")
    .trim();
}
const CONFIGURE = "Régler cette campagne et y importer des données";
const SEE = "Voir cette campagne et son tableau de bord";
const GOVERN = "Terminer, archiver, transmettre ou supprimer cette campagne";

test("UIX-13, CAM-26 : « Pourquoi je vois cette campagne ? » dit chaque droit, d’où il vient, et sinon qui l’a", async () => {
  const at = await makeCampaign(sophie, { name: "Droits expliqués" });
  assert.equal((await claire.get(`${at}/pourquoi`)).status, 404, "qui ne la voit pas n’en apprend rien");
  assert.match(await rightOf(sophie, at, GOVERN), /Oui Vous en êtes propriétaire/);
  assert.match(await rightOf(denis, at, GOVERN), /Oui Votre rôle, administrateur/);

  await grant(sophie, at, `u.${karim.id}`, ["configure"]);
  assert.match(await rightOf(karim, at, CONFIGURE), /Oui Une habilitation à votre nom, « Voir » et « Configurer »/);
  assert.match(
    await rightOf(karim, at, GOVERN),
    /Non Peuvent le faire : les administrateurs de l’organisation et les gestionnaires \(sur leurs campagnes\)/,
  );

  await denis.get("/admin/groupes/nouveau");
  const group = isAt(await denis.post("/admin/groupes/nouveau", { name: "Pilotes" }));
  await denis.get(group);
  isAt(await denis.post(`${group}/membres`, { user: hugo.id }));
  await grant(sophie, at, `g.${idIn(group)}`, ["export"]);
  assert.match(
    await rightOf(hugo, at, "Exporter les lignes et le rapport"),
    /Oui Une habilitation du groupe Pilotes, « Voir » et « Exporter »/,
  );
  assert.match(await rightOf(hugo, at, CONFIGURE), /Non/);

  isAt(
    await sophie.post(`${at}/visibilite`, { visibility: "public", version: await versionAt(sophie, `${at}/acces`) }),
  );
  assert.match(await rightOf(helene, at, SEE), /Oui Campagne publique, et vous êtes lecteur/);
  assert.match((await helene.get(at)).text, /href="[^"]+\/pourquoi"/);
  assert.match((await sophie.get(`${at}/acces`)).text, /href="[^"]+\/pourquoi"/);
});

test("UIX-13, CAM-25 : les opérations affectées y sont dites, avec ce qu’elles ouvrent", async () => {
  const at = await makeCampaign(sophie, { name: "Droits du technicien" });
  for (const title of ["PC-1", "PC-2"]) {
    const one = await addOperation(sophie, at, { c_cible: title });
    isAt(await sophie.post(`${one}/affectation`, { technician: yann.id }));
  }
  await sophie.get(`${at}/publication`);
  isAt(await sophie.post(`${at}/publication`, {}));
  assert.equal((await yann.get(`${at}/pourquoi`)).status, 403, "ses opérations seules");
  await grant(sophie, at, `u.${yann.id}`, ["see"]);
  const held = await rightOf(yann, at, "Faire avancer cette opération, y répondre et y noter le temps passé");
  assert.match(held, /Oui 2 opérations vous sont affectées/);
});

test("CAM-26 : ce que les voies donnent, réunies, est exactement ce que la règle accorde", () => {
  const roles = ["admin", "campaign_manager", "technician", "team_manager", "coordinator", "viewer"] as const;
  const letters = [[], ["see"], ["place"], ["configure"], ["see", "export"]] as const;
  for (const role of roles) {
    for (const other of roles) {
      for (const granted of letters) {
        for (const owner of [true, false]) {
          for (const visibility of ["public", "restricted"] as const) {
            const user = { id: "x", roles: [...new Set([role, other])] };
            const grants = new Set(granted);
            const ways = [
              ...user.roles.map((one) => ({ source: "", role: one, relation: null })),
              { source: "", relation: { owner } },
              ...user.roles.map((one) => ({ source: "", role: one, relation: { visibility } })),
              { source: "", relation: { grants } },
            ];
            const told = new Set(ways.flatMap((way) => givenBy(user, way, CAMPAIGN_RIGHTS)));
            const held = CAMPAIGN_RIGHTS.filter((code) => allows(user.roles, code, { owner, visibility, grants }));
            assert.deepEqual(
              CAMPAIGN_RIGHTS.filter((code) => told.has(code)),
              held,
              JSON.stringify({ user, granted, owner, visibility }),
            );
          }
        }
      }
    }
  }
});

test("CAM-24 : « Accès » tient propriétaire, visibilité, habilitations et groupes ; qui n’y peut rien lit qui le peut", async () => {
  const at = await makeCampaign(sophie, { name: "Accès d’une page" });
  await grant(sophie, at, `u.${karim.id}`, ["configure"]);
  const headings = ({ text }: { text: string }) =>
    [...text.matchAll(/<h2 id="(habilitations|visibilite|propriete)"/g)].map(([, id]) => id);
  const own = await sophie.get(`${at}/acces`);
  assert.deepEqual(headings(own), ["habilitations", "visibilite", "propriete"]);
  assert.match(own.text, /action="[^"]+\/proprietaire"/);
  const granted = await karim.get(`${at}/acces`);
  assert.deepEqual(headings(granted), ["habilitations", "visibilite", "propriete"]);
  assert.doesNotMatch(granted.text, /action="[^"]+\/(?:visibilite|proprietaire)"/);
  assert.match(plain(granted), /Visibilité Restreinte Vous ne pouvez pas changer la visibilité .* Peuvent le faire/);
  assert.match(plain(granted), /Propriétaire Sophie Marchand/);
  assert.match(
    plain(await denis.get(`${at}/acces`)),
    /La personne propriétaire, les administrateurs, et les personnes/,
  );
  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Essai fini" }));
  assert.doesNotMatch((await sophie.get(`${at}/acces`)).text, /<p><\/p>/, "archivée, sa tête le dit une fois");
});

test("S17 : ce qui est de RH n’existe ni pour Hugo ni pour Karim ; Samir lit et exporte, et le perd aussitôt ; transmise, Claire n’y est plus", async () => {
  const info = await makeCampaign(sophie, { name: "INFO 2026" });
  const rh = await makeCampaign(claire, { name: "RH 2026" });
  const one = await addOperation(sophie, info, { c_cible: "PC-1" });
  const two = await addOperation(sophie, info, { c_cible: "PC-2" });
  const yanns = await addOperation(sophie, info, { c_cible: "PC-3" });
  const secret = await addOperation(claire, rh, { c_cible: "Dossier 1" });
  await sophie.get(`${info}/publication`);
  isAt(await sophie.post(`${info}/publication`, {}));
  for (const [operation, by] of [
    [one, karim],
    [two, karim],
    [yanns, yann],
  ] as const) {
    await sophie.get(operation);
    isAt(await sophie.post(`${operation}/affectation`, { technician: by.id }));
  }
  const addresses = [
    "",
    "/operations",
    "/segments",
    "/flux",
    "/temps",
    "/acces",
    "/reglages",
    "/champs",
    "/vues",
    "/personnes",
    "/pourquoi",
    "/copie",
    "/archivage",
  ];
  for (const address of addresses) {
    const answers = await Promise.all([hugo, karim].map(async (by) => (await by.get(rh + address)).status));
    // What no technician ever does is refused at the gate, which tells nothing of this one.
    assert.deepEqual(answers, [404, /copie|archivage/.test(address) ? 403 : 404], address);
  }
  assert.deepEqual([(await hugo.get(secret)).status, (await karim.get(secret)).status], [404, 404]);
  for (const by of [hugo, karim]) {
    const { text } = await by.get("/campagnes");
    assert.ok(!text.includes(rh) && !text.includes("Claire Fontaine"));
  }

  // Samir: a viewer granted `export`, as Hélène is here.
  await grant(claire, rh, `u.${helene.id}`, ["export"]);
  assert.ok((await helene.get("/campagnes")).text.includes(rh));
  assert.deepEqual(
    await Promise.all(
      ["", "/operations", "/reglages", "/acces"].map(async (address) => (await helene.get(rh + address)).status),
    ),
    [200, 200, 403, 403],
  );
  assert.equal((await helene.get(`/exports/operations/${idIn(rh)}/nouveau`)).status, 200);
  assert.deepEqual(
    [(await karim.get(one)).status, (await karim.get(`${info}/reglages`)).status, (await karim.get(yanns)).status],
    [200, 403, 403],
  );

  await grant(claire, rh, `u.${helene.id}`, ["see"]);
  assert.equal((await helene.get(`/exports/operations/${idIn(rh)}/nouveau`)).status, 403);
  isAt(await claire.post(`${rh}/proprietaire`, { owner: hugo.id, version: await versionAt(claire, `${rh}/acces`) }));
  assert.deepEqual([(await hugo.get(`${rh}/archivage`)).status, (await claire.get(rh)).status], [200, 404]);
  assert.ok(!(await claire.get("/campagnes")).text.includes(rh));
});
