import assert from "node:assert/strict";
import { test } from "node:test";
import { createDepartment } from "../../src/directory/index.ts";
import { actOf } from "../support/database.ts";
import { startWorld } from "../support/world.ts";
import { AT, officeOf } from "./office.ts";

const world = await startWorld();
const denis = await world.as("denis");
const { tenantId } = denis;
const { rows, department, site, post, must, hire, change, undoLast } = officeOf(world, denis);

const peopleOf = async (column: "department_id" | "site_id", id: string) =>
  (await rows<{ n: number }>(`select count(*)::int as n from staff_member where ${column} = ?`, [id]))[0]!.n;

test("DIR-4 : un service écrit autrement est le même, et le nom se corrige", async () => {
  const at = `${AT}/services/nouveau`;
  for (const name of ["Sinistres", " SINISTRÈS ", "systemes d’information"]) {
    const { status, text } = await post(at, { name });
    assert.equal(status, 422, name);
    assert.match(text, /existe déjà/);
  }
  for (const name of ["", "x".repeat(101), "a<b"]) assert.equal((await post(at, { name })).status, 422, name);
  await must(at, { name: "Courrier" });
  const id = await department("Courrier");
  assert.equal((await change(`${AT}/services/${id}/modifier`, { name: "Courrier et colis" })).status, 303);
  assert.equal((await change(`${AT}/services/${id}/modifier`, { name: "COURRIER ET COLIS" })).status, 303);
  assert.equal((await change(`${AT}/services/${id}/modifier`, { name: "accueil" })).status, 422);
  assert.match((await denis.get(`${AT}/services`)).text, /5 services[\s\S]+COURRIER ET COLIS/);
});

test("DIR-4 : deux services du même nom créés au même instant : un seul naît, et la base l’interdirait", async () => {
  const create = (name: string) =>
    world.db.act(actOf(tenantId, { code: "department.created", now: world.clock.now() }), (em) =>
      createDepartment(em, name, { tenantId, by: { id: denis.id } }),
    );
  const ends = await Promise.allSettled([create("Jumeau"), create("JUMÉAU")]);
  assert.deepEqual(ends.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const insert = world.owner.query(
    "insert into department (tenant_id, id, name) select tenant_id, gen_random_uuid(), 'jumeau' from department limit 1",
  );
  await assert.rejects(insert);
});

test("DIR-4 : un site a son fuseau, sa zone de jours fériés et ses heures, proposés d’après l’organisation", async () => {
  const page = `${AT}/sites/nouveau`;
  const { text } = await denis.get(page);
  assert.match(text, /value="Europe\/Paris" selected/);
  assert.match(text, /name="day1"[^>]* value="08:30-12:00, 13:30-17:00"/);
  assert.equal(
    (await change(page, { name: "Dépôt", holidayZone: "alsace-moselle", day6: "9h-12h", day5: "" })).status,
    303,
  );
  const id = await site("Dépôt");
  const [row] = await rows<{ hours: Record<string, unknown>; holiday_zone: string }>(
    "select * from site where id = ?",
    [id],
  );
  assert.equal(row!.holiday_zone, "alsace-moselle");
  assert.deepEqual([row!.hours["5"], row!.hours["6"]], [[], [["09:00", "12:00"]]]);
  const list = (await denis.get(`${AT}/sites`)).text;
  assert.match(list, /lundi à jeudi<\/dt><dd>08:30–12:00, 13:30–17:00/);
  for (const [more, field] of [
    [{ name: "" }, "name"],
    [{ name: "depot" }, "name"],
    [{ name: "Autre", zone: "Mars/Olympus" }, "zone"],
    [{ name: "Autre", holidayZone: "lune" }, "holidayZone"],
    [{ name: "Autre", day2: "matin" }, "day2"],
  ] as const) {
    const refused = await change(page, more);
    assert.equal(refused.status, 422, JSON.stringify(more));
    assert.match(refused.text, new RegExp(`href="#field-${field}"`), JSON.stringify(more));
  }
  const edit = `${AT}/sites/${id}/modifier`;
  assert.equal((await change(edit, { day6: "" })).status, 303);
  const undone = await undoLast("site", id);
  assert.match(undone.preview, /Heures d’ouverture.: lundi à jeudi.: 08:30–12:00/);
  assert.equal(undone.status, 303);
  assert.deepEqual(
    (await rows<{ hours: Record<string, unknown> }>("select hours from site where id = ?", [id]))[0]!.hours["6"],
    [["09:00", "12:00"]],
  );
});

test("GEN-8 : deux personnes règlent le même site ; la seconde est arrêtée", async () => {
  const id = await site("Agence de Strasbourg");
  const page = `${AT}/sites/${id}/modifier`;
  const version = /name="version" value="(\d+)"/.exec((await denis.get(page)).text)![1]!;
  assert.equal((await change(page, { day1: "10-12" })).status, 303);
  const second = await change(page, { day1: "8-12", version });
  assert.equal(second.status, 409);
  assert.match(second.text, /<dd>10:00-12:00<\/dd>/);
});

test("DIR-4 : fusionner deux services se prévoit, déplace tout le monde et les périmètres, et s’annule en entier", async () => {
  await must(`${AT}/services/nouveau`, { name: "Sinistres auto" });
  const from = await department("Sinistres auto");
  const into = await department("Sinistres");
  for (const number of ["FU-1", "FU-2"]) await hire(number, { department: from });
  const aicha = (await world.userOf("aicha")).id;
  const nord = await site("Siège, quai Nord");
  const account = `/admin/utilisateurs/${aicha}/annuaire`;
  // One that the other department has too, and one of its own.
  await must(`${account}/perimetre`, { department: from, site: nord });
  await must(`${account}/perimetre`, { department: from, site: await site("Agence de Strasbourg") });
  const before = await peopleOf("department_id", into);
  const at = `${AT}/services/${from}/fusion`;
  const choice = (await denis.get(at)).text;
  assert.match(choice, /Voir ce que cela change/);
  assert.doesNotMatch(choice, /2 agents passent/);
  const preview = (await denis.get(`${at}?dans=${into}`)).text;
  assert.match(
    preview,
    /2 agents passent à Sinistres[\s\S]+2 périmètres de coordinateurs suivent[\s\S]+Fusionner 2 agents dans Sinistres/,
  );
  assert.equal((await post(at, { into: from })).status, 422);
  await must(at, { into });
  assert.equal(await peopleOf("department_id", into), before + 2);
  assert.equal((await denis.get(`${AT}/services/${from}/modifier`)).status, 404);
  const scopes = () =>
    rows<{ d: string; s: string | null }>(
      `select d.name as d, i.name as s from coordinator_scope c join department d on d.id = c.department_id left join site i on i.id = c.site_id
       where c.user_id = ? order by 1, 2`,
      [aicha],
    );
  assert.deepEqual(
    (await scopes()).map(({ d, s }) => `${d}, ${s}`),
    ["Accueil, null", "Sinistres, Agence de Strasbourg", "Sinistres, Siège, quai Nord"],
  );
  const undone = await undoLast("department", into);
  assert.equal(undone.status, 303, undone.text.match(/class="errors[\s\S]{0,500}/)?.[0]);
  assert.deepEqual([await peopleOf("department_id", into), await peopleOf("department_id", from)], [before, 2]);
  assert.equal((await scopes()).length, 4);
  // Undone again is merged again.
  const again = await undoLast("department", into);
  assert.equal(again.status, 303);
  assert.equal(await peopleOf("department_id", into), before + 2);
});

test("DIR-4 : fusionner deux sites dit ce qui diffère, et s’annule", async () => {
  await must(`${AT}/services/nouveau`, { name: "Logistique" });
  assert.equal((await change(`${AT}/sites/nouveau`, { name: "Annexe", zone: "Indian/Reunion" })).status, 303);
  const from = await site("Annexe");
  const into = await site("Siège, quai Nord");
  const person = await hire("FS-1", { site: from });
  assert.match(
    (await denis.get(`${AT}/sites/${from}/fusion?dans=${into}`)).text,
    /ceux de Annexe étaient différents|étaient différents/,
  );
  const before = await peopleOf("site_id", into);
  await must(`${AT}/sites/${from}/fusion`, { into });
  assert.equal(await peopleOf("site_id", into), before + 1);
  assert.equal((await undoLast("site", into)).status, 303);
  assert.equal(await peopleOf("site_id", into), before);
  assert.match((await denis.get(`${AT}/agents/${person}`)).text, /Annexe/);
});

test("HIS-13 : une fusion ne s’annule pas sous un nom repris entre-temps", async () => {
  await must(`${AT}/services/nouveau`, { name: "Ancien" });
  await must(`${AT}/services/nouveau`, { name: "Nouveau" });
  const [from, into] = [await department("Ancien"), await department("Nouveau")];
  await must(`${AT}/services/${from}/fusion`, { into });
  await must(`${AT}/services/nouveau`, { name: "ANCIEN" });
  assert.match((await undoLast("department", into)).preview, /Un autre service a maintenant ce nom/);
});

test("on ne supprime qu’un lieu dont personne n’est ; sinon la page mène à la fusion", async () => {
  await must(`${AT}/services/nouveau`, { name: "Vide" });
  const empty = await department("Vide");
  const full = await department("Accueil");
  assert.match((await denis.get(`${AT}/services/${full}/modifier`)).text, /Fusionnez-le avec un autre/);
  assert.equal((await post(`${AT}/services/${full}/suppression`)).status, 422);
  await must(`${AT}/services/${empty}/suppression`);
  assert.equal((await denis.get(`${AT}/services/${empty}/modifier`)).status, 404);
  assert.equal((await undoLast("department", empty)).status, 303);
  assert.equal((await denis.get(`${AT}/services/${empty}/modifier`)).status, 200);
  assert.equal((await post(`${AT}/sites/${await site("Siège, quai Nord")}/suppression`)).status, 422);
  // A creation is taken back too, unless somebody is of it since.
  await hire("VI-1", { department: empty });
  const acts = await denis.get(`/historique/department/${empty}`);
  const creation = [...acts.text.matchAll(/href="\/admin\/historique\/([0-9a-f-]{36})"/g)].at(-1)![1]!;
  assert.match(
    (await denis.get(`/actes/${creation}/annulation`)).text,
    /Des agents ou un périmètre sont de ce service/,
  );
});

test("SLT-8 : la page des jours fériés suit l’organisation, et montre toute année et toute zone", async () => {
  const page = async (query = "") => (await denis.get(`${AT}/jours-feries${query}`)).text;
  assert.match(
    await page("?annee=2026"),
    /Métropole, 2026[\s\S]+11 jours fériés, dont 9 du lundi au vendredi[\s\S]+jeudi 14 mai 2026[\s\S]+Ascension/,
  );
  assert.match(
    await page("?annee=2027&zone=alsace-moselle"),
    /13 jours fériés[\s\S]+vendredi 26 mars 2027[\s\S]+Vendredi saint[\s\S]+Agence de Strasbourg/,
  );
  // 1 May 2008 is Ascension too: one day off, under two names.
  assert.match(await page("?annee=2008"), /11 jours fériés, dont 9 du lundi au vendredi/);
  assert.match(await page("?zone=lune"), /Métropole/);
  for (const wrong of ["?annee=12", "?annee=abc", "?annee=2101"]) {
    assert.equal((await denis.get(`${AT}/jours-feries${wrong}`)).status, 422, wrong);
  }
  const reunion = await (await world.as("nathalie")).get(`${AT}/jours-feries?annee=2026`);
  assert.match(reunion.text, /Métropole, 2026/);
});

test("TEN-2, PRM-23 : les lieux d’une autre organisation n’existent pas ; un gestionnaire les lit sans les changer", async () => {
  const nathalie = await world.as("nathalie");
  const id = await department("Accueil");
  assert.match((await nathalie.get(`${AT}/services`)).text, /Aucun service/);
  assert.equal((await nathalie.get(`${AT}/services/${id}/modifier`)).status, 404);
  const sophie = await world.as("sophie");
  const { text } = await sophie.get(`${AT}/services`);
  assert.match(text, /Accueil/);
  assert.doesNotMatch(text, /modifier"/);
  assert.equal((await sophie.get(`${AT}/services/${id}/modifier`)).status, 403);
  assert.equal((await (await world.as("karim")).get(AT)).status, 403);
  assert.equal((await (await world.as("helene")).get(`${AT}/sites`)).status, 403);
});
