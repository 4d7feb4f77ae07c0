import assert from "node:assert/strict";
import { test } from "node:test";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { checkAsProposed, runImport, sendOperations } from "../support/imports.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const rows = (query: string, values: unknown[] = []) =>
  world.db.read(sophie.tenantId, (em) => em.execute<Record<string, unknown>[]>(query, values));
const titles = async (of: string) =>
  (await rows("select title from operation where campaign_id = ? and trashed_at is null order by title", [of])).map(
    ({ title }) => title,
  );
const fields = async (of: string) =>
  (
    await rows("select label from campaign_field where campaign_id = ? and removed_at is null order by position", [of])
  ).map(({ label }) => label);
const titleField = async (of: string) =>
  (await rows("select title_field as code from campaign where id = ?", [of]))[0]?.code;
const FILE = "Poste;Service;Matricule\r\nPC-1;Paie;A001\r\nPC-2;Accueil;A002\r\n";
const NEW = ["+short_text", "+short_text", "+short_text"];

test("S1, FLD-2 : dans une campagne sans opération, le champ qui nomme se choisit, et la cible d’office s’efface", async () => {
  const of = idIn(await makeCampaign(sophie));
  const at = await sendOperations(world, sophie, of, FILE);
  assert.match((await sophie.get(at)).text, /<select[^>]*name="title"[\s\S]*?<option value="" selected>La clé/);
  isAt(await checkAsProposed(sophie, at, { column: NEW, key: "Matricule", title: "Service" }));
  assert.equal(await runImport(world, sophie, at), "2 0 0 0 0");
  assert.match(plain(await sophie.get(at)), /Nomme les lignes Service/);
  assert.deepEqual(await titles(of), ["Accueil", "Paie"]);
  assert.deepEqual(await fields(of), ["Poste", "Service", "Matricule"]);
  assert.equal(await titleField(of), "service");
  // Once it has operations, what names them is a setting, and the file says it no more.
  const again = await sendOperations(world, sophie, of, FILE);
  assert.doesNotMatch((await sophie.get(again)).text, /name="title"/);
  isAt(await checkAsProposed(sophie, again));
  assert.equal(await runImport(world, sophie, again), "0 0 2 0 0");
  // Taken back, it leaves the campaign as it was.
  const [{ act_id: act }] = (await rows("select act_id from import where id = ?", [idIn(at)])) as [{ act_id: string }];
  await sophie.get(`/actes/${act}/annulation`);
  isAt(await sophie.post(`/actes/${act}/annulation`, {}));
  assert.deepEqual([await titles(of), await fields(of), await titleField(of)], [[], ["Cible"], null]);
});

test("FLD-2 : sans choix, la clé nomme ; une campagne dont les réglages le disent garde son champ", async () => {
  const of = idIn(await makeCampaign(sophie));
  const at = await sendOperations(world, sophie, of, FILE);
  isAt(await checkAsProposed(sophie, at, { column: NEW, key: "Matricule", title: "" }));
  assert.equal(await runImport(world, sophie, at), "2 0 0 0 0");
  assert.deepEqual(await titles(of), ["A001", "A002"]);

  const said = await makeCampaign(sophie);
  await sophie.get(`${said}/champs`);
  isAt(await sophie.post(`${said}/champs/nom`, { title: "cible" }));
  const other = await sendOperations(world, sophie, idIn(said), FILE);
  assert.match((await sophie.get(other)).text, /<option value="" selected>«\s?Cible\s?», comme la campagne le dit/);
  isAt(await checkAsProposed(sophie, other, { column: ["cible", "+short_text", "+short_text"], key: "Matricule" }));
  assert.equal(await runImport(world, sophie, other), "2 0 0 0 0");
  assert.deepEqual(await titles(idIn(said)), ["PC-1", "PC-2"]);
});

test("FLD-2 : une colonne ignorée, ou qui va ailleurs que dans un champ, ne nomme rien ; une opération entre-temps ferme le choix", async () => {
  const campaign = await makeCampaign(sophie);
  const at = await sendOperations(world, sophie, idIn(campaign), FILE);
  for (const column of [
    ["cible", "", "+short_text"],
    ["cible", "segment", "+short_text"],
  ]) {
    const refused = await checkAsProposed(sophie, at, { column, key: "Poste", title: "Service" });
    assert.equal(refused.status, 422);
    assert.match(plain(refused), /Dites quelle colonne nomme les opérations, et dans quel champ elle va/);
  }
  isAt(await checkAsProposed(sophie, at, { column: NEW, key: "Poste", title: "Service" }));
  await addOperation(sophie, campaign, { c_cible: "PC-0" });
  await sophie.get(at);
  assert.equal((await sophie.post(`${at}/execution`, { errors: "valid" })).status, 303);
  assert.match(plain(await sophie.get(at)), /relisez ce qui diffère|a changé depuis/);
  assert.deepEqual(await titles(idIn(campaign)), ["PC-0"]);
});
