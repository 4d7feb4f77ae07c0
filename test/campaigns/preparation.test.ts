/** The preparation of a campaign: four steps and a summary, left and resumed, up to its publication (CAM-12 to CAM-18, S1). */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { linksOf, parseHtml } from "../support/html.ts";
import { checkAsProposed, runImport, sendOperations } from "../support/imports.ts";
import { sendForm } from "../support/multipart.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const karim = await world.as("karim");
const { tenantId } = sophie;
const ask = <T extends object>(sql: string, values: unknown[] = []) =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values));

const page = async (at: string, by: Browser = sophie): Promise<string> => {
  const answer = await by.get(at);
  assert.equal(answer.status, 200, `${at} : ${answer.status} ${answer.location ?? ""}`);
  return answer.text;
};
/** The bar of a page: each step with what is said of it, the one that is current in capitals, a link in brackets. */
const bar = (text: string): string[] => {
  const [nav] = /<nav class="steps"[\s\S]*?<\/nav>/.exec(text) ?? assert.fail("pas de barre d’étapes");
  return [...nav.matchAll(/<li([^>]*)>([\s\S]*?)<\/li>/g)].map(([, attributes, inside]) => {
    const words = plain({ text: inside! })
      .replace(/\s*:\s*/g, ", ")
      .trim();
    const said = /<(a|button) /.test(inside!) ? `[${words}]` : words;
    return /aria-current="step"/.test(attributes!) ? said.toUpperCase() : said;
  });
};
/** The mark of the plan that the summary of this draft shows. */
const planAt = async (at: string): Promise<string> =>
  /name="seen" value="([0-9a-f]+)"/.exec(await page(`${at}/publication`))![1]!;
/** Where "Reprendre" of the draft leads. */
const resumed = async (at: string): Promise<string> =>
  /class="button primary" href="([^"]+)"/.exec(await page(`${at}/preparation`))![1]!;
const post = async (at: string, fields: Record<string, string> = {}, by = sophie): Promise<Answer> => {
  await by.get(at);
  return by.post(at, fields);
};
const leave = async (at: string, step: "rows" | "settings") =>
  isAt(
    step === "rows"
      ? await post(`${at}/donnees`, { columns: "", to: "settings" })
      : await post(`${at}/preparation`, { step }),
  );
const fieldsOf = (at: string) =>
  ask<{ code: string; label: string; mandatory: boolean }>(
    "select code, label, is_mandatory as mandatory from campaign_field where campaign_id = ? and removed_at is null order by position",
    [idIn(at)],
  );

test("CAM-12 : de la première étape à la publication, quittée et reprise à chacune, avec un fichier", async () => {
  const first = await page("/campagnes/nouvelle");
  assert.deepEqual(bar(first), [
    "1 INFORMATIONS, EN COURS",
    "2 Données, pas encore atteinte",
    "3 Correspondance, pas encore atteinte",
    "4 Configuration, pas encore atteinte",
    "5 Récapitulatif, pas encore atteinte",
  ]);
  const outline = { name: "Migration par étapes", startsOn: "2027-01-11", endsOn: "2027-03-31" };
  const rowsAt = isAt(await sophie.post("/campagnes/nouvelle", outline));
  const at = rowsAt.replace(/\/donnees$/, "");
  assert.equal(rowsAt, `${at}/donnees`);
  assert.deepEqual(bar(await page(rowsAt)).slice(0, 3), [
    "[1 Informations, faite]",
    "2 DONNÉES, EN COURS",
    "3 Correspondance, pas encore atteinte",
  ]);

  // Left there: found again from the portfolio, the campaign and its other pages.
  for (const from of ["/campagnes", at, `${at}/operations`]) {
    const links = linksOf(parseHtml(await page(from)));
    assert.ok(links.includes(`${at}/preparation`), `${from} mène à la préparation`);
  }
  assert.equal(await resumed(at), rowsAt);

  const one = await sendFixture(at, "operations.csv");
  assert.deepEqual(bar(await page(one)), [
    "[1 Informations, faite]",
    "[2 Données, faite]",
    "3 CORRESPONDANCE, EN COURS",
    "4 Configuration, pas encore atteinte",
    "5 Récapitulatif, pas encore atteinte",
  ]);
  // Left there too: the file that waits is what is resumed.
  assert.equal(await resumed(at), one);
  assert.match(plain({ text: await page(rowsAt) }), /operations\.csv est arrivé/);
  assert.match(plain({ text: await page(`${at}/correspondance`) }), /operations\.csv 60 à faire correspondre/);

  isAt(await checkAsProposed(sophie, one));
  assert.equal((await ask("select from operation where campaign_id = ?", [idIn(at)])).length, 0, "rien n’est écrit");
  assert.equal(await runImport(world, sophie, one), "60 0 0 0 0");
  const done = await page(one);
  assert.match(
    done,
    new RegExp(`class="button primary" href="${at}/configuration">\\s*Continuer : Configuration`.replace(" :", ".:")),
  );
  assert.equal(await resumed(at), `${at}/configuration`);
  assert.deepEqual(bar(await page(`${at}/configuration`)).slice(1), [
    "[2 Données, faite]",
    "[3 Correspondance, faite]",
    "4 CONFIGURATION, EN COURS",
    "5 Récapitulatif, pas encore atteinte",
  ]);

  assert.equal(await leave(at, "settings"), `${at}/publication`);
  assert.equal(await resumed(at), `${at}/publication`);
  const summary = await page(`${at}/publication`);
  assert.deepEqual(bar(summary).slice(3), ["[4 Configuration, faite]", "5 RÉCAPITULATIF, EN COURS"]);
  assert.match(plain({ text: summary }), /Plan de référence \d+ opérations datées, du .+ 2027 au .+ 2027/);
  assert.match(plain({ text: summary }), /« À venir » : son premier jour n’est pas encore venu/);
  const published = await sophie.post(`${at}/publication`, {});
  assert.equal(isAt(published), at);
  const [campaign] = await ask<{ state: string }>("select state from campaign where id = ?", [idIn(at)]);
  assert.equal(campaign!.state, "upcoming");
});

async function sendFixture(at: string, name: string): Promise<string> {
  const content = await readFile(new URL(`../../fixtures/files/${name}`, import.meta.url));
  await sophie.get(`${at}/donnees`);
  return isAt(await sendForm(world, sophie, "/imports/operations/nouveau", { name, content }, { scope: idIn(at) }));
}

test("CAM-12 : une étape faite se rouvre, et la corriger ne fait pas reculer", async () => {
  const at = await makeCampaign(sophie, { name: "À corriger" });
  await leave(at, "rows");
  const text = await page(`${at}/informations`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  const days = { startsOn: "2027-02-01", endsOn: "2027-01-01" };
  const refused = await sophie.post(`${at}/informations`, { name: "Corrigée", description: "", version, ...days });
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /Le dernier jour vient avant le premier/);
  assert.match(refused.text, /value="Corrigée"/, "ce qui est tapé reste");
  const fixed = { name: "Corrigée", description: "", version, startsOn: "2027-01-01", endsOn: "2027-02-01" };
  assert.equal(isAt(await sophie.post(`${at}/informations`, fixed)), `${at}/donnees`);
  assert.equal(await resumed(at), `${at}/configuration`);
  const stale = await sophie.post(`${at}/informations`, { ...fixed, name: "Encore" });
  assert.equal(stale.status, 409, "GEN-8");
});

test("CAM-12 : quitter une étape par la barre ou par « Finir plus tard » enregistre ce qui y est tapé", async () => {
  const at = await makeCampaign(sophie, { name: "Quittée par la barre" });
  await leave(at, "rows");
  const outline = await page(`${at}/informations`);
  assert.match(outline, /<button class="step" type="submit" form="etape" name="to" value="settings">/);
  assert.doesNotMatch(outline, /<a class="step"/, "aucun lien de la barre ne perd le formulaire");
  const version = /name="version" value="(\d+)"/.exec(outline)![1]!;
  const typed = { name: "Renommée", description: "", startsOn: "2027-01-01", endsOn: "2027-02-01", version };
  assert.equal(isAt(await sophie.post(`${at}/informations`, { ...typed, to: "settings" })), `${at}/configuration`);
  assert.match(plain({ text: await page(`${at}/configuration`) }), /Renommée.*Les informations sont enregistrées/);
  const refused = await post(`${at}/informations`, { ...typed, version: "", name: "", to: "pause" });
  assert.equal(refused.status, 422);

  const rows = await page(`${at}/donnees`);
  assert.match(rows, /<button[^>]* form="etape" name="to" value="settings">Continuer sans fichier/);
  assert.doesNotMatch(rows, /<a class="step"/);
  const columns = Array.from({ length: 30 }, (_, rank) => `Colonne ${rank + 1}`).join("\n");
  assert.equal(isAt(await post(`${at}/donnees`, { columns, to: "pause" })), `${at}/preparation`);
  assert.equal((await fieldsOf(at)).length, 30);
  assert.equal(isAt(await post(`${at}/donnees`, { columns: "Une de plus", to: "outline" })), `${at}/informations`);
  assert.equal((await fieldsOf(at)).length, 31);
  assert.equal(
    (await post(`${at}/donnees`, { columns: "Une de plus", to: "settings" })).status,
    422,
    "rien ne se perd",
  );
  assert.equal((await post(`${at}/donnees`, { columns: "Autre", to: "nulle-part" })).status, 422);
});

test("CAM-12 : une étape quittée telle qu’elle était n’annonce et ne trace rien", async () => {
  const at = await makeCampaign(sophie, { name: "Seulement relue" });
  const acts = () => ask("select from act where subject_id = ?", [idIn(at)]);
  const before = (await acts()).length;
  const version = /name="version" value="(\d+)"/.exec(await page(`${at}/informations`))![1]!;
  const same = { name: "Seulement relue", description: "", startsOn: "2026-11-02", endsOn: "2027-02-26", version };
  await page(`${at}/configuration`);
  assert.equal(isAt(await sophie.post(`${at}/informations`, { ...same, to: "rows" })), `${at}/donnees`);
  assert.equal(isAt(await post(`${at}/donnees`, { columns: " ", to: "outline" })), `${at}/informations`);
  assert.doesNotMatch(await page(`${at}/informations`), /sont enregistrées/);
  assert.equal((await acts()).length, before);
  assert.equal(await resumed(at), `${at}/donnees`, "revenir en arrière n’avance pas");
});

test("CAM-14 : sans rien, la préparation passe à la configuration et y revient", async () => {
  const at = await makeCampaign(sophie);
  assert.equal(await leave(at, "rows"), `${at}/configuration`);
  assert.equal(await resumed(at), `${at}/configuration`);
  assert.match(plain({ text: await page(`${at}/correspondance`) }), /Aucun fichier envoyé/);
  await leave(at, "settings");
  assert.match(plain({ text: await page(`${at}/publication`) }), /Aucune opération/);
  await leave(at, "rows");
  assert.equal(await resumed(at), `${at}/publication`, "une étape rouverte ne fait pas reculer");
});

test("CAM-14 : des noms de colonnes, un par ligne, deviennent des champs ; le premier nomme les opérations", async () => {
  const at = await makeCampaign(sophie);
  const columns = "  Poste  \r\n\r\nBureau\nN° d’inventaire\tÉtage";
  assert.equal(isAt(await post(`${at}/donnees`, { columns })), `${at}/configuration`);
  assert.deepEqual(await fieldsOf(at), [
    { code: "poste", label: "Poste", mandatory: true },
    { code: "bureau", label: "Bureau", mandatory: false },
    { code: "n_d_inventaire", label: "N° d’inventaire", mandatory: false },
    { code: "etage", label: "Étage", mandatory: false },
  ]);
  assert.equal(await resumed(at), `${at}/configuration`);
  const one = await addOperation(sophie, at, { c_poste: "PC-1", c_bureau: "204" });
  assert.match(plain({ text: await page(one) }), /PC-1/);
  const act = await ask<{ id: string }>(
    "select id from act where subject_id = ? and code = 'campaign.fields_changed' order by id desc limit 1",
    [idIn(at)],
  );
  assert.equal(act.length, 1);
  // More of them later, in a campaign that has operations.
  isAt(await post(`${at}/donnees`, { columns: "Bâtiment" }));
  assert.equal((await fieldsOf(at)).at(-1)!.label, "Bâtiment");
});

test("CAM-14 : chaque ligne refusée dit pourquoi, tout ce qui est tapé reste, rien n’est ajouté", async () => {
  const at = await makeCampaign(sophie);
  isAt(await post(`${at}/donnees`, { columns: "Poste" }));
  const columns = `Salle\nPOSTE\n${"x".repeat(101)}\nsalle\n<b>Gras`;
  const refused = await post(`${at}/donnees`, { columns });
  assert.equal(refused.status, 422);
  const words = plain(refused);
  assert.match(words, /Ligne 2 : le champ « Poste » existe déjà/);
  assert.match(words, /Ligne 3 : « x+… » dépasse 100 caractères/);
  assert.match(words, /Ligne 4 : « salle » est déjà écrit plus haut/);
  assert.match(words, /Ligne 5 : retirez du libellé les signes/);
  assert.match(refused.text, /Salle\nPOSTE\n/, "rien n’est perdu");
  assert.deepEqual((await fieldsOf(at)).map(({ label }) => label), ["Poste"]); // biome-ignore format: short
  assert.match(plain(await post(`${at}/donnees`, { columns: " \n " })), /Écrivez au moins un nom de colonne/);
});

test("CAM-14 : des colonnes ajoutées s’annulent d’un bloc, et ce qui nommait les opérations revient", async () => {
  const at = await makeCampaign(sophie);
  isAt(await post(`${at}/donnees`, { columns: "Poste\nBureau" }));
  const undo = /href="(\/actes\/[^"]+\/annulation)">Annuler/.exec(await page(`${at}/configuration`))![1]!;
  isAt(await post(undo));
  assert.deepEqual((await fieldsOf(at)).map(({ code }) => code), ["cible"]); // biome-ignore format: short
  await addOperation(sophie, at, { c_cible: "PC-1" });
});

test("CAM-14 : « Cible » tapé garde le champ qui nomme déjà les opérations", async () => {
  const at = await makeCampaign(sophie);
  isAt(await post(`${at}/donnees`, { columns: "Cible\nBureau" }));
  assert.deepEqual((await fieldsOf(at)).map(({ code }) => code), ["cible", "bureau"]); // biome-ignore format: short
});

test("CAM-15 : un fichier à corriger se vérifie, s’importe pour ses lignes valides, et la suite est proposée", async () => {
  const at = await makeCampaign(sophie);
  const one = await sendFixture(at, "operations-a-corriger.csv");
  const checked = await checkAsProposed(sophie, one);
  isAt(checked);
  assert.match(plain({ text: await page(one) }), /lignes en erreur/);
  assert.equal(await resumed(at), one);
});

test("CAM-15 : un fichier illisible ne fait pas quitter la préparation", async () => {
  const at = await makeCampaign(sophie);
  await sophie.get(`${at}/donnees`);
  const file = { name: "vide.csv", content: Buffer.from("") };
  const refused = await sendForm(world, sophie, "/imports/operations/nouveau", file, { scope: idIn(at) });
  assert.equal(refused.status, 422);
  assert.equal(bar(refused.text)[1], "2 DONNÉES, EN COURS");
  assert.ok(linksOf(parseHtml(refused.text)).includes(`${at}/donnees`));
});

test("CAM-16 : chaque réglage mène à sa page, qui ramène à la configuration", async () => {
  const at = await makeCampaign(sophie);
  await leave(at, "rows");
  const text = await page(`${at}/configuration`);
  const links = linksOf(parseHtml(text)).filter((link) => link.startsWith(`${at}/`));
  for (const to of ["champs", "segments", "flux", "reglages", "acces", "prerequis", "personnes"]) {
    assert.ok(links.includes(`${at}/${to}`), to);
    assert.ok(linksOf(parseHtml(await page(`${at}/${to}`))).includes(`${at}/configuration`), to);
  }
  assert.match(plain({ text }), /Nom des opérations Cible Sans sous-titre/);
  assert.match(plain({ text }), /Heure par défaut 09:00/);
});

test("CAM-17 : le récapitulatif croise segments et statuts, et tout s’additionne", async () => {
  const at = await makeCampaign(sophie, { startsOn: "2026-01-05" });
  const content =
    "Cible;Segment;Date prévue;Statut\r\nA;Nord;2027-01-04;\r\nB;Nord;;\r\nC;Sud;2027-02-05;\r\nD;;;Annulée\r\n";
  const one = await sendOperations(world, sophie, idIn(at), content);
  isAt(await checkAsProposed(sophie, one));
  assert.equal(await runImport(world, sophie, one), "4 0 0 0 0");
  const text = await page(`${at}/publication`);
  const table = /<table[\s\S]*?<\/table>/.exec(text)![0];
  const lines = [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, cells]) =>
    [...cells!.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => plain({ text: cell! }).trim()),
  );
  assert.deepEqual(lines, [
    ["Segment", "À planifier", "Planifiée", "Annulée", "Total"],
    ["Nord", "1", "1", "0", "2"],
    ["Sud", "0", "1", "0", "1"],
    ["Sans segment", "0", "0", "1", "1"],
    ["Total", "1", "2", "1", "4"],
  ]);
  const words = plain({ text });
  assert.match(words, /Plan de référence 2 opérations datées, du lundi 4 janvier 2027 au vendredi 5 février 2027/);
  assert.match(words, /Hors du plan de référence 2 opérations sans date/);
  assert.match(words, /« En cours » : son premier jour est arrivé/);
  assert.match(words, /Non affectées 4 opérations/);
  isAt(await sophie.post(`${at}/publication`, {}));
  const [kept] = await ask<{ days: string[] }>("select days::text[] as days from baseline where campaign_id = ?", [
    idIn(at),
  ]);
  assert.deepEqual(kept!.days.toSorted(), ["2027-01-04", "2027-02-05"], "le plan figé est celui qui était montré");
});

test("CAM-17 : un plan qui a changé depuis qu’il a été lu ne se publie pas ; le nouveau est montré, le motif gardé", async () => {
  const at = await makeCampaign(sophie, { startsOn: "2027-01-11", endsOn: "2027-03-31" });
  await addOperation(sophie, at, { c_cible: "PC-1", plannedOn: "2027-01-12" });
  const publish = async (seen: string) => sophie.post(`${at}/publication`, { seen, reason: "Prêts" });
  const changes = [
    () => addOperation(sophie, at, { c_cible: "PC-2", plannedOn: "2027-02-02" }),
    async () => {
      const version = /name="version" value="(\d+)"/.exec(await page(`${at}/informations`))![1]!;
      const days = { startsOn: "2026-01-05", endsOn: "2027-03-31" };
      isAt(await sophie.post(`${at}/informations`, { name: "Avancée", description: "", version, ...days }));
    },
  ];
  for (const change of changes) {
    const seen = await planAt(at);
    await change();
    await page(`${at}/publication`);
    const refused = await publish(seen);
    assert.equal(refused.status, 422);
    assert.match(plain(refused), /Le plan a changé entre-temps : relisez-le/);
    assert.match(refused.text, new RegExp(`name="seen" value="${await planAt(at)}"`), "le nouveau plan");
  }
  const [kept] = await ask<{ state: string }>("select state from campaign where id = ?", [idIn(at)]);
  assert.equal(kept!.state, "draft");
  assert.match(plain({ text: await page(`${at}/publication`) }), /« En cours ».*2 opérations datées/);
  isAt(await publish(await planAt(at)));
  assert.equal((await publish("0".repeat(64))).status, 409, "déjà publiée");
});

test("CAM-18 : l’avis qui suit la publication propose de l’annuler ; refusé dès qu’une opération a démarré", async () => {
  const at = await makeCampaign(sophie);
  const karimId = (await world.userOf("karim")).id;
  const one = await addOperation(sophie, at, { c_cible: "PC-1", technician: karimId });
  isAt(await post(`${at}/publication`));
  const notice = /id="notice"[\s\S]*?<a class="button" href="(\/actes\/[^"]+\/annulation)">Annuler/.exec(
    await page(at),
  );
  assert.ok(notice, "l’avis propose d’annuler");
  isAt(await post(notice[1]!));
  assert.equal(await resumed(at), `${at}/configuration`, "elle se prépare de nouveau");
  assert.deepEqual(await ask("select from baseline where campaign_id = ?", [idIn(at)]), [], "sans plan de référence");

  isAt(await post(`${at}/publication`));
  const again = /href="(\/actes\/[^"]+\/annulation)">Annuler/.exec(await page(at))![1]!;
  await karim.get(one);
  isAt(await karim.post(`${one}/statut`, { to: "in_progress", kind: "start" }));
  assert.equal((await post(again)).status, 422);
  assert.match(plain({ text: await page(again) }), /la publication ne s’annule plus/);
});

test("la préparation d’une campagne publiée est finie : ses pages mènent à la campagne, ses formulaires sont refusés", async () => {
  const at = await makeCampaign(sophie);
  isAt(await post(`${at}/publication`));
  for (const step of ["preparation", "informations", "donnees", "correspondance", "configuration"]) {
    const answer = await sophie.get(`${at}/${step}`);
    assert.deepEqual([answer.status, answer.location], [303, at], step);
  }
  assert.match(plain({ text: await page(`${at}/publication`) }), /Elle est déjà publiée/);
  assert.equal((await sophie.post(`${at}/donnees`, { columns: "Trop tard" })).status, 409);
  assert.equal((await sophie.post(`${at}/preparation`, { step: "settings" })).status, 409);
  assert.doesNotMatch(await page(`${at}/reglages`), /Revenir à la configuration/);
});

test("PRM-3 : qui ne règle pas la campagne n’en prépare rien ; qui y est habilité la prépare et la publie", async () => {
  const at = await makeCampaign(sophie);
  const claire = await world.as("claire");
  const steps = ["preparation", "informations", "donnees", "correspondance", "configuration", "publication"];
  for (const step of steps) {
    assert.equal((await karim.get(`${at}/${step}`)).status, 404, `${step} : technicien`);
    assert.equal((await claire.get(`${at}/${step}`)).status, 404, `${step} : ne la voit pas`);
  }
  assert.equal((await claire.post(`${at}/donnees`, { columns: "Poste" })).status, 404);
  for (const step of ["settings", "nulle part"]) {
    assert.equal(
      (await claire.post(`${at}/preparation`, { step })).status,
      404,
      "absente, quoi que dise le formulaire",
    );
  }
  assert.equal((await sophie.post(`${at}/preparation`, { step: "nulle part" })).status, 422);
  const letters = async (...given: string[]) => {
    await sophie.get(`${at}/acces`);
    isAt(await sophie.post(`${at}/acces`, { grantee: `u.${claire.id}`, letters: given }));
  };
  await letters("see");
  for (const step of steps) assert.equal((await claire.get(`${at}/${step}`)).status, 403, `${step} : voit seulement`);
  assert.match(plain(await claire.get(`${at}/publication`)), /Vous ne pouvez pas publier cette campagne/);
  assert.doesNotMatch((await claire.get(at)).text, /Reprendre la préparation/);
  await letters("configure");
  for (const step of steps) await page(`${at}/${step}`, claire);
  isAt(await post(`${at}/publication`, {}, claire));
});

test("CAM-13 : à l’étape 1 rouverte, un autre type remplace ce que le premier a apporté, tant qu’il n’y a pas d’opération", async () => {
  const typeOf = async (name: string, fields: string[], preset: string) => {
    await sophie.get("/admin/types-operations/nouveau");
    const said = { name, description: "", icon: "wrench", tone: "primary", durationMinutes: "45", fields, preset };
    return idIn(isAt(await sophie.post("/admin/types-operations/nouveau", said)));
  };
  const [first, second] = [
    await typeOf("Relève", ["lieu", "utilisateur"], "minimal"),
    await typeOf("Migration", ["lieu", "equipement"], "standard"),
  ];
  const at = await makeCampaign(sophie, { type: first });
  isAt(await post(`${at}/donnees`, { columns: "Remarque libre" }));
  const change = async (type: string) => {
    const text = await page(`${at}/informations`);
    const value = (name: string) => new RegExp(`name="${name}"[^>]*value="([^"]*)"`).exec(text)![1]!;
    const said = {
      name: value("name"),
      startsOn: value("startsOn"),
      endsOn: value("endsOn"),
      version: value("version"),
    };
    return sophie.post(`${at}/informations`, { ...said, description: "", type });
  };
  const codes = async () => (await fieldsOf(at)).map(({ code }) => code).toSorted();
  assert.deepEqual(await codes(), ["lieu", "remarque_libre", "utilisateur"]);
  isAt(await change(second));
  assert.deepEqual(await codes(), ["equipement", "lieu", "remarque_libre"]);
  const told = async () =>
    (
      await ask<{ statuses: number; type: string | null }>(
        "select jsonb_array_length(workflow -> 'statuses') as statuses, operation_type_id as type from campaign where id = ?",
        [idIn(at)],
      )
    )[0]!;
  assert.deepEqual(await told(), { statuses: 7, type: second });
  isAt(await change(first));
  assert.deepEqual(await codes(), ["lieu", "remarque_libre", "utilisateur"], "le premier, de nouveau");
  isAt(await change(""));
  assert.deepEqual(await codes(), ["remarque_libre"], "sans type, le champ ajouté à la main nomme les opérations");
  isAt(await change(second));
  await addOperation(sophie, at, { c_lieu: "Nord", c_equipement: "PC", c_remarque_libre: "R" });
  const refused = await change(first);
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /a déjà des opérations : son type ne change plus/);
  assert.doesNotMatch(await page(`${at}/informations`), /<select[^>]*name="type"/);
  assert.match(plain({ text: await page(`${at}/informations`) }), /« Migration » : il ne change plus/);
});
