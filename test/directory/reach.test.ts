import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { AT, officeOf } from "./office.ts";

const world = await startWorld();
const denis = await world.as("denis");
const { rows, staff, department, site, post, must, hire, undoLast } = officeOf(world, denis);

const idOf = async (who: string) => (await world.userOf(who)).id;
const pageOf = async (who: string) => `/admin/utilisateurs/${await idOf(who)}/annuaire`;
/** The numbers of everybody an account sees. */
async function seen(who: string): Promise<string[]> {
  const browser = await world.as(who);
  const numbers: string[] = [];
  for (let at = `${AT}?etat=toutes&tri=number`; at; ) {
    const { status, text } = await browser.get(at);
    assert.equal(status, 200);
    numbers.push(...[...text.matchAll(/data-label="Matricule">([^<]+)</g)].map(([, number = ""]) => number));
    at = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  }
  return numbers;
}
const numbers = async (where: string, values: unknown[] = []) =>
  (await rows<{ n: string }>(`select staff_number as n from staff_member s where ${where} order by 1`, values)).map(
    ({ n }) => n,
  );

test("DIR-2, PRM-23 : une manager d’équipe voit les membres actifs de son équipe, et personne d’autre", async () => {
  const martine = await staff("MQ-0010");
  const team = await numbers("manager_id = ? and deactivated_at is null", [martine]);
  assert.deepEqual(await seen("martine"), team);
  assert.ok(team.length >= 6);
  const browser = await world.as("martine");
  assert.equal((await browser.get(`${AT}/agents/${await staff(team[0]!)}`)).status, 200);
  assert.equal((await browser.get(`${AT}/agents/${await staff("MQ-0012")}`)).status, 404);
  const { text } = await browser.get(AT);
  assert.match(text, /Vous voyez les membres de votre équipe/);
  assert.doesNotMatch(text, /Ajouter un agent/);
  assert.equal((await browser.get(`${AT}/agents/nouveau`)).status, 403);
});

test("DIR-3 : la même adresse ne relie rien ; un administrateur relie, délie, et l’acte s’annule", async () => {
  const at = await pageOf("martine");
  const id = await idOf("martine");
  await must(`${at}/retrait`);
  assert.deepEqual(await seen("martine"), []);
  assert.match((await (await world.as("martine")).get(AT)).text, /Votre compte n’est relié à personne de l’annuaire/);
  // Proposed, because the address is the same; nothing is tied until somebody says so.
  assert.match((await denis.get(at)).text, /value="MQ-0010"[\s\S]*|Martine Bodin a la même adresse/);
  assert.equal((await undoLast("user", id)).status, 303);
  assert.ok((await seen("martine")).length > 0);

  await must(at, { person: "gérard maillard" });
  assert.deepEqual(
    await seen("martine"),
    await numbers("manager_id = ? and deactivated_at is null", [await staff("MQ-0012")]),
  );
  const undone = await undoLast("user", id);
  assert.match(undone.preview, /Personne de l’annuaire.: Martine Bodin[\s\S]+Personne de l’annuaire.: Gérard Maillard/);
  assert.equal(undone.status, 303);
});

test("DIR-3 : une personne n’est qu’un compte, active, et trouvée sans doute possible", async () => {
  const at = await pageOf("sophie");
  for (const [person, said] of [
    ["", /Écrivez un matricule/],
    ["INCONNU-1", /n’a ce matricule/],
    ["Jean Martin", /Plusieurs personnes/],
    ["MQ-1030", /est désactivée/],
    ["MQ-0010", /déjà la personne du compte de Martine Bodin/],
  ] as const) {
    const { status, text } = await post(at, { person });
    assert.equal(status, 422, person);
    assert.match(text, said, person);
    assert.match(text, /href="#tie-person"/);
  }
  assert.equal((await post(`${at}/retrait`)).status, 422);
  await must(at, { person: "MQ-0011" });
  assert.match((await post(at, { person: "MQ-0011" })).text, /déjà relié à Olivier Lacroix/);
});

test("TEA-2, S18 : une coordinatrice voit une fois chaque personne de son périmètre ; un site exclut qui n’en a pas", async () => {
  const [sinistres, accueil, nord] = [
    await department("Sinistres"),
    await department("Accueil"),
    await site("Siège, quai Nord"),
  ];
  await hire("TE-1", { department: sinistres });
  await hire("TE-2", { department: sinistres, site: await site("Agence de Strasbourg") });
  await hire("TE-3", { department: accueil });
  const expected = () =>
    numbers("(department_id = ? and site_id = ?) or department_id = ?", [sinistres, nord, accueil]);
  const all = await seen("aicha");
  assert.deepEqual(all, await expected());
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.includes("TE-3") && !all.includes("TE-1") && !all.includes("TE-2"));
  const browser = await world.as("aicha");
  assert.equal((await browser.get(`${AT}/agents/${await staff("TE-3")}`)).status, 200);
  assert.equal((await browser.get(`${AT}/agents/${await staff("TE-1")}`)).status, 404);

  const at = await pageOf("aicha");
  for (const [fields, said] of [
    [{ department: crypto.randomUUID() }, /Choisissez un service de la liste/],
    [{ department: accueil, site: nord }, /déjà tout entier dans ce périmètre/],
    [{ department: sinistres, site: nord }, /est déjà dans ce périmètre/],
    [{ department: sinistres, site: crypto.randomUUID() }, /Choisissez un site de la liste/],
  ] as const) {
    const { status, text } = await post(`${at}/perimetre`, fields);
    assert.equal(status, 422, JSON.stringify(fields));
    assert.match(text, said);
  }
  // The whole department and one of its sites: still each of them once.
  await must(`${at}/perimetre`, { department: sinistres });
  const wider = await seen("aicha");
  assert.equal(new Set(wider).size, wider.length);
  assert.ok(wider.includes("TE-1") && wider.includes("TE-2"));
  assert.equal((await undoLast("user", await idOf("aicha"))).status, 303);
  assert.deepEqual(await seen("aicha"), await expected());
  const scope = /perimetre\/([0-9a-f-]{36})\/retrait/.exec((await denis.get(at)).text)![1]!;
  await must(`${at}/perimetre/${scope}/retrait`);
  assert.ok((await seen("aicha")).length < all.length);
  assert.equal((await undoLast("user", await idOf("aicha"))).status, 303);
  assert.deepEqual(await seen("aicha"), await expected());
});

test("ROL-4 : un rôle retiré referme l’annuaire, et le lien reste pour le jour où il revient", async () => {
  const at = `/admin/utilisateurs/${await idOf("martine")}/roles`;
  const { text } = await denis.get(at);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  assert.equal((await denis.post(at, { roles: ["viewer"], version })).status, 303);
  assert.equal((await (await world.as("martine")).get(AT)).status, 403);
  assert.match((await denis.get(await pageOf("martine"))).text, /n’a pas le rôle Manager d’équipe/);
});

test("PRM-24, TEN-2 : liens et périmètres sont à qui administre, dans son organisation", async () => {
  const at = await pageOf("aicha");
  assert.equal((await (await world.as("sophie")).get(at)).status, 403);
  const nathalie = await world.as("nathalie");
  assert.equal((await nathalie.get(at)).status, 404);
  assert.equal((await post(at, { person: "MQ-0011" }, nathalie)).status, 404);
});
