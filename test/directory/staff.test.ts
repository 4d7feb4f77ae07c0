import assert from "node:assert/strict";
import { test } from "node:test";
import { StaffMember } from "../../src/directory/index.ts";
import { editStaffMember } from "../../src/directory/staff-member.ts";
import { actOf } from "../support/database.ts";
import { startWorld } from "../support/world.ts";
import { AT, officeOf } from "./office.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const denis = await world.as("denis");
const { tenantId } = denis;
const { rows, staff, department, site, post, hire, edit, formOf, undoLast, must } = officeOf(world, denis);

test("la démonstration tient : une soixantaine d’agents, trois sites, quatre services, et chaque équipe se compte", async () => {
  const { text } = await denis.get(AT);
  assert.match(text, /60 agents/);
  assert.match(text, /Page suivante/);
  const [{ n } = { n: 0 }] = await rows<{ n: number }>(
    "select count(*)::int as n from staff_member where manager_id is null",
  );
  assert.equal(n, 1);
});

test("DIR-1 : matricule en majuscules, adresse en minuscules, téléphone en E.164, et rien que cela d’obligatoire", async () => {
  const id = await hire(" mx-77 ", {
    givenName: " Zoé ",
    familyName: "Kerguelen",
    email: "Zoe.Kerguelen@Quais.example",
    phone: "01.99.00.55.66",
    department: await department("Accueil"),
    site: await site("Siège, quai Nord"),
    position: "Chargée d’accueil",
    contractType: "CDI",
    manager: "mq-0010",
  });
  const [row] = await rows<Record<string, unknown>>("select * from staff_member where id = ?", [id]);
  assert.deepEqual(
    [row!.staff_number, row!.given_name, row!.email, row!.phone, row!.manager_id],
    ["MX-77", "Zoé", "zoe.kerguelen@quais.example", "+33199005566", await staff("MQ-0010")],
  );
  const { text } = await denis.get(`${AT}/agents/${id}`);
  assert.match(text, /Zoé Kerguelen[\s\S]+MX-77[\s\S]+Accueil[\s\S]+Martine Bodin[\s\S]+01 99 00 55 66/);
  await hire("MX-78");
});

test("DIR-1 : chaque refus nomme son champ, et l’autre personne quand il y en a une", async () => {
  const good = { staffNumber: "MX-90", givenName: "Lou", familyName: "Refus" };
  await hire("MX-80", { givenName: "Jeanne", familyName: "Prise", email: "jeanne.prise@quais.example" });
  for (const [more, field, said] of [
    [{ staffNumber: "" }, "staffNumber", /Écrivez le matricule/],
    [{ staffNumber: "AB" }, "staffNumber", /de 3 à 50 signes/],
    [{ staffNumber: "x".repeat(51) }, "staffNumber", /50/],
    [{ staffNumber: "mx-80" }, "staffNumber", /MX-80 est celui de Jeanne Prise/],
    [{ familyName: "" }, "familyName", /Écrivez le nom/],
    [{ givenName: "<b>" }, "givenName", /Retirez les signes/],
    [{ email: "JEANNE.Prise@quais.example" }, "email", /est celle de Jeanne Prise \(MX-80\)/],
    [{ email: "pas une adresse" }, "email", /adresse complète/],
    [{ phone: "12" }, "phone", /n’existe pas/],
    [{ department: crypto.randomUUID() }, "department", /n’existe plus/],
    [{ manager: "PERSONNE-1" }, "manager", /n’a ce matricule/],
    [{ manager: "Jean Martin" }, "manager", /Plusieurs personnes.+MQ-1004.+MQ-1020/],
  ] as const) {
    const { status, text } = await post(`${AT}/agents/nouveau`, { ...good, ...more });
    assert.equal(status, 422, JSON.stringify(more));
    assert.match(text, new RegExp(`href="#field-${field}"`), JSON.stringify(more));
    assert.match(text, said, JSON.stringify(more));
  }
  assert.deepEqual(await rows("select id from staff_member where staff_number = 'MX-90'"), []);
});

test("un responsable se donne par matricule, par adresse ou par nom complet, sans casse ni accents", async () => {
  for (const [i, manager] of [
    "mq-0012",
    "gerard.maillard@quais.example",
    "GERARD MAILLARD",
    "Maillard Gérard",
  ].entries()) {
    const id = await hire(`MX-10${i}`, { manager });
    assert.equal(
      (await rows<{ m: string }>("select manager_id as m from staff_member where id = ?", [id]))[0]!.m,
      await staff("MQ-0012"),
    );
  }
});

test("DIR-2, DIR-5 : l’équipe est faite des personnes actives dont le responsable est celle-là, qui n’en est pas", async () => {
  const head = await hire("EQ-1", { givenName: "Odette", familyName: "Tête" });
  const first = await hire("EQ-2", { manager: "EQ-1", givenName: "Ana" });
  const second = await hire("EQ-3", { manager: "EQ-1", givenName: "Bob" });
  await hire("EQ-4", { manager: "EQ-2" });
  const card = async () => (await denis.get(`${AT}/agents/${head}`)).text;
  assert.match(await card(), /2 personnes actives[\s\S]+Ana[\s\S]+Bob/);
  assert.match((await denis.get(`${AT}?responsable=${head}`)).text, /2 agents/);
  await must(`${AT}/agents/${second}/desactivation`, { reason: "Départ" });
  assert.match(await card(), /1 personne active/);
  assert.match((await denis.get(`${AT}/agents/${second}`)).text, /Désactivée/);
  assert.match(
    (await denis.get(`${AT}/agents/${first}/desactivation`)).text,
    /1 personne garde Ana Essai pour responsable/,
  );
  assert.equal((await undoLast("staff_member", second)).status, 303);
  assert.match(await card(), /2 personnes actives/);
  await must(`${AT}/agents/${second}/desactivation`);
  await must(`${AT}/agents/${second}/reactivation`);
  assert.match(await card(), /2 personnes actives/);
  assert.equal((await post(`${AT}/agents/${second}/reactivation`)).status, 422);
});

test("DIR-2 : ni soi-même, ni une boucle, ni une personne désactivée ; la boucle est nommée", async () => {
  const a = await hire("BO-1", { givenName: "Ada", familyName: "Un" });
  await hire("BO-2", { givenName: "Ben", familyName: "Deux", manager: "BO-1" });
  await hire("BO-3", { givenName: "Cal", familyName: "Trois", manager: "BO-2" });
  for (const [manager, said] of [
    ["BO-1", /son propre responsable/],
    ["BO-2", /formerait une boucle.: Ada Un → Ben Deux → Ada Un/],
    ["BO-3", /formerait une boucle.: Ada Un → Cal Trois → Ben Deux → Ada Un/],
    ["MQ-1030", /est désactivée/],
  ] as const) {
    const { status, text } = await edit(a, { manager });
    assert.equal(status, 422, manager);
    assert.match(text, said);
  }
  assert.equal((await edit(a, { manager: "MQ-0001" })).status, 303);
  assert.equal((await edit(a, { manager: "" })).status, 303);
});

test("DIR-2 : A sous B et B sous A en même temps, sur deux connexions : un seul passe", async () => {
  const a = await hire("PA-1");
  const b = await hire("PA-2");
  const link = (id: string, manager: string) =>
    world.db.act(
      actOf(tenantId, { actorId: denis.id, code: "staff_member.edited", now: world.clock.now() }),
      async (em) => {
        const member = await em.findOneOrFail(StaffMember, { id }, { populate: ["manager"] });
        const { staffNumber, familyName, givenName } = member;
        const details = {
          staffNumber,
          familyName,
          givenName,
          email: "",
          department: null,
          site: null,
          position: "",
          contractType: "",
          phone: "",
        };
        await editStaffMember(em, member, { ...details, manager }, { tenantId, by: { id: denis.id } });
        // Both are inside before either is done: the lock, not luck, makes the second wait.
        await em.flush();
      },
    );
  for (let round = 0; round < 5; round++) {
    const ends = await Promise.allSettled([link(a, "PA-2"), link(b, "PA-1")]);
    assert.deepEqual(ends.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const refused = ends.find((end) => end.status === "rejected") as PromiseRejectedResult;
    assert.match(String(refused.reason.message), /formerait une boucle/);
    assert.equal((await edit(a, { manager: "" })).status, 303);
    assert.equal((await edit(b, { manager: "" })).status, 303);
  }
});

test("GEN-8 : deux personnes corrigent la même fiche ; la seconde voit les valeurs d’aujourd’hui et peut redemander", async () => {
  const id = await hire("VE-1", { familyName: "Avant" });
  const page = `${AT}/agents/${id}/modifier`;
  const before = await formOf(page);
  assert.equal((await post(page, { ...before, familyName: "Premier" })).status, 303);
  const second = await post(page, { ...before, familyName: "Second" });
  assert.equal(second.status, 409);
  assert.match(second.text, /Denis Roussel a modifié/);
  assert.match(second.text, /<dd>Premier<\/dd>/);
  const now = /name="version" value="(\d+)"/.exec(second.text)![1]!;
  assert.equal((await post(page, { ...before, familyName: "Second", version: now })).status, 303);
});

test("la recherche et les filtres se combinent, sans casse ni accents, et les pages ne répètent personne", async () => {
  const list = async (query: string) => (await denis.get(`${AT}?${query}`)).text;
  assert.match(await list("q=teissi%20FLOR"), /1 agent<[\s\S]+Teissier Florence/);
  assert.match(await list("q=mq-0010"), /1 agent<[\s\S]+Bodin Martine/);
  assert.match(await list("q=%25"), /Personne ne répond à ces filtres/);
  assert.match(await list("etat=inactives&q=MQ-"), /1 agent</);
  const sinistres = await department("Sinistres");
  const strasbourg = await site("Agence de Strasbourg");
  const [{ n } = { n: -1 }] = await rows<{ n: number }>(
    "select count(*)::int as n from staff_member where department_id = ? and site_id = ? and deactivated_at is null",
    [sinistres, strasbourg],
  );
  assert.match(await list(`service=${sinistres}&site=${strasbourg}`), new RegExp(`${n} agents<`));
  assert.match(await list("service=aucun&q=MQ-"), /2 agents</);
  const names: string[] = [];
  for (let at = `${AT}?etat=toutes&tri=number`; at; ) {
    const { text } = await denis.get(at);
    names.push(...[...text.matchAll(/data-label="Matricule">([^<]+)</g)].map(([, number = ""]) => number));
    at = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  }
  const [{ all } = { all: 0 }] = await rows<{ all: number }>("select count(*)::int as all from staff_member");
  assert.equal(names.length, all);
  assert.equal(new Set(names).size, all);
});

test("DIR-1, MSG-12 : un consentement aux SMS a une date et une preuve, vaut pour un mobile, et s’en va avec lui", async () => {
  const id = await hire("SM-1", { phone: "01 99 00 12 34" });
  const at = `${AT}/agents/${id}/sms`;
  assert.match((await denis.get(at)).text, /n’est pas un mobile/);
  assert.equal((await post(at, { on: "2026-03-12", proof: "Bulletin signé" })).status, 422);
  assert.equal((await edit(id, { phone: "06 39 98 12 34" })).status, 303);
  for (const [fields, field] of [
    [{ on: "2026-03-12", proof: "x" }, "proof"],
    [{ on: "2026-02-30", proof: "Bulletin signé" }, "on"],
    [{ on: "2099-01-01", proof: "Bulletin signé" }, "on"],
  ] as const) {
    const { status, text } = await post(at, fields);
    assert.equal(status, 422, JSON.stringify(fields));
    assert.match(text, new RegExp(`href="#field-${field}"`));
  }
  await must(at, { on: "2026-03-12", proof: "Bulletin signé" });
  assert.match((await denis.get(`${AT}/agents/${id}`)).text, /acceptés le 12\/03\/2026[\s\S]+Bulletin signé/);
  await must(`${at}/retrait`);
  assert.equal((await post(`${at}/retrait`)).status, 422);
  assert.equal((await undoLast("staff_member", id)).status, 303);
  const consent = async () =>
    (await rows<{ p: string | null }>("select sms_consent_proof as p from staff_member where id = ?", [id]))[0]!.p;
  assert.equal(await consent(), "Bulletin signé");
  assert.equal((await edit(id, { phone: "06 39 98 00 00" })).status, 303);
  assert.equal(await consent(), null);
});

test("HIS-11 : ajouter et modifier s’annulent, et l’historique dit les noms, jamais des identifiants", async () => {
  const id = await hire("AN-1", { department: await department("Gestion"), manager: "MQ-0011" });
  assert.equal(
    (await edit(id, { department: await department("Accueil"), manager: "MQ-0010", position: "Chargé" })).status,
    303,
  );
  const { preview, status } = await undoLast("staff_member", id);
  assert.match(
    preview,
    /Service.: Gestion[\s\S]+Responsable.: Olivier Lacroix[\s\S]+Service.: Accueil[\s\S]+Responsable.: Martine Bodin/,
  );
  assert.equal(status, 303);
  const [row] = await rows<{ d: string; m: string }>(
    "select department_id as d, manager_id as m from staff_member where id = ?",
    [id],
  );
  assert.deepEqual([row!.d, row!.m], [await department("Gestion"), await staff("MQ-0011")]);
  const fresh = await hire("AN-2");
  assert.equal((await undoLast("staff_member", fresh)).status, 303);
  assert.equal((await denis.get(`${AT}/agents/${fresh}`)).status, 404);
});

test("HIS-13 : un acte annulé suit les règles d’aujourd’hui : matricule, boucle et équipe", async () => {
  const a = await hire("RE-1");
  assert.equal((await edit(a, { staffNumber: "RE-9" })).status, 303);
  await hire("RE-1");
  assert.match((await undoLast("staff_member", a)).preview, /Une autre personne a maintenant ce matricule/);

  const boss = await hire("RL-1");
  const under = await hire("RL-2", { manager: "RL-1" });
  assert.equal((await edit(under, { manager: "" })).status, 303);
  assert.equal((await edit(boss, { manager: "RL-2" })).status, 303);
  assert.match((await undoLast("staff_member", under)).preview, /formerait une boucle/);

  const chief = await hire("RT-1");
  await hire("RT-2", { manager: "RT-1" });
  assert.match((await undoLast("staff_member", chief)).preview, /a maintenant une équipe/);
});

test("PRM-32 : lire la liste ou une fiche de l’annuaire s’écrit au journal des lectures", async () => {
  const id = await staff("MQ-0012");
  await denis.get(AT);
  await denis.get(`${AT}/agents/${id}`);
  const read = () =>
    rows<{ page: string }>("select page from people_read where user_id = ? and subject_id = ?", [denis.id, id]);
  // Written once the page has left: the next question may come before.
  for (let tries = 0; (await read()).length === 0 && tries < 200; tries++) await denis.get("/compte");
  assert.deepEqual(await read(), [{ page: "Fiche d’un agent" }]);
  const [{ n } = { n: 0 }] = await rows<{ n: number }>(
    "select count(*)::int as n from people_read where user_id = ? and page = 'Annuaire'",
    [denis.id],
  );
  assert.ok(n > 0);
});

test("EXP-1, EXP-3, EXP-7, IMP-46 : la liste filtrée s’exporte en CSV, sans formule, et l’export se sait", async () => {
  await hire("EX-1", {
    familyName: "=Formule",
    givenName: "A;B",
    email: "ex1@quais.example",
    phone: "01 99 00 77 88",
    manager: "MQ-0010",
    department: await department("Accueil"),
  });
  const page = "/exports/annuaire/tout/nouveau";
  assert.match((await denis.get(`${AT}?q=EX-1`)).text, /href="\/exports\/annuaire\/tout\/nouveau\?liste=q%3DEX-1"/);
  const asked = await denis.get(`${page}?liste=q%3DEX-1`);
  assert.match(asked.text, /1.agent, filtrées ainsi.: «.EX-1.»/);
  const exported = (liste: string, by = denis) => by.post(page, { liste, colonnes: "toutes" });
  const { status, text, headers } = await exported("q=EX-1");
  assert.equal(status, 200);
  assert.match(
    headers.get("content-disposition")!,
    /attachment; filename=annuaire-ex-1-toutes-les-colonnes-\d{4}-\d\d-\d\d\.csv/,
  );
  assert.equal(
    text.replace(/^\ufeff/, ""),
    "Matricule;Nom;Prénom;Adresse électronique;Service;Site;Fonction;Type de contrat;Téléphone;Matricule du responsable;Actif\r\n" +
      'EX-1;\'=Formule;"A;B";ex1@quais.example;Accueil;;;;01 99 00 77 88;MQ-0010;oui\r\n',
  );
  const [{ all } = { all: 0 }] = await rows<{ all: number }>("select count(*)::int as all from staff_member");
  const whole = (await exported("etat=toutes")).text;
  assert.equal(whole.trim().split("\r\n").length, all + 1);
  assert.match((await denis.get("/admin/historique")).text, /Exporter l’annuaire \(1.agent/);
  assert.match((await denis.get("/admin/journal-securite")).text, /exporté l’annuaire/);
  const logged = await rows("select page from people_read where page = 'Exporter l’annuaire'");
  assert.ok(logged.length >= 2);
  // A team manager takes away their team, and nobody else.
  const martine = await world.as("martine");
  await martine.get("/compte");
  const team = (await exported("", martine)).text;
  assert.match(team, /EX-1/);
  assert.doesNotMatch(team, /MQ-0012;Maillard/);
  // A campaign manager reads the directory, and has no letter « exporter » on it.
  const sophie = await world.as("sophie");
  assert.doesNotMatch((await sophie.get(AT)).text, /exports\/annuaire/);
  assert.equal((await exported("", sophie)).status, 403);
  const karim = await world.as("karim");
  await karim.get("/compte");
  assert.equal((await exported("", karim)).status, 403, "un technicien ne lit pas l’annuaire");
  assert.equal(
    (await denis.get(`${page}?liste=service%3Dx`)).status,
    404,
    "un filtre qui ne se lit pas n’élargit rien",
  );
});

test("TEN-2 : l’annuaire d’une autre organisation n’existe pas, et ses matricules se reprennent", async () => {
  const nathalie = await world.as("nathalie");
  const id = await staff("MQ-0010");
  assert.match((await nathalie.get(AT)).text, /L’annuaire est vide[\s\S]+href="\/admin\/annuaire\/agents\/nouveau"/);
  assert.equal((await nathalie.get(`${AT}/agents/${id}`)).status, 404);
  assert.equal((await post(`${AT}/agents/${id}/modifier`, { staffNumber: "X-1" }, nathalie)).status, 404);
  const own = await nathalie.post(`${AT}/agents/nouveau`, {
    staffNumber: "MQ-0010",
    givenName: "Ici",
    familyName: "Aussi",
  });
  assert.equal(own.status, 303);
  // A manager of elsewhere is nobody here.
  const { text } = await nathalie.post(`${AT}/agents/nouveau`, {
    staffNumber: "P-2",
    givenName: "I",
    familyName: "A",
    manager: "MQ-0012",
  });
  assert.match(text, /Personne de l’annuaire n’a ce matricule/);
});
