/** Whether a campaign is ready, rule by rule (PRE-6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { readinessOf, readinessOfEach } from "../../src/campaigns/readiness.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, denis] = await Promise.all(["sophie", "denis"].map((who) => world.as(who)));
const { tenantId } = sophie!;
const [karim, yann] = await Promise.all(["karim", "yann"].map(async (who) => (await world.userOf(who)).id));
const DAY_MS = 86_400_000;
const dayIn = (days: number) => new Date(world.clock.now().getTime() + days * DAY_MS).toISOString().slice(0, 10);

const said = { tenantId, actorId: sophie!.id, channel: "page", code: "essai", label: "Essai" } as const;
const write = (query: string, values: unknown[]) =>
  world.db.act({ ...said, now: world.clock.now() }, (em) => em.execute(query, values as never));
const readiness = (at: string) => world.db.read(tenantId, (em) => readinessOf(em, { id: idIn(at) }));
const counts = async (at: string) =>
  Object.fromEntries((await readiness(at)).rules.map(({ code, count }) => [code, count]));
const ruleOf = async (at: string, code: string) => (await readiness(at)).rules.find((rule) => rule.code === code);
async function need(at: string, label: string, more: Record<string, string> = {}): Promise<void> {
  await sophie!.get(`${at}/prerequis/nouveau`);
  isAt(await sophie!.post(`${at}/prerequis/nouveau`, { label, responsibleName: "Achats", ...more }));
}
async function sound(address: string): Promise<string> {
  const page = await sophie!.get(address);
  assert.equal(page.status, 200, address);
  assert.deepEqual([judgePage(page.text).faults, faultsOf(parseHtml(page.text))], [[], []]);
  return plain(page);
}

test("PRE-6 : prête quand aucune règle n’échoue ; la règle des segments attend qu’il y en ait un", async () => {
  const at = await makeCampaign(sophie!);
  assert.deepEqual(await readiness(at).then(({ level, rules }) => [level, rules.length]), ["green", 6]);
  assert.match(await sound(at), /État de préparation Prête/);
  await addOperation(sophie!, at, { c_cible: "PC-1", plannedOn: dayIn(5), technician: karim! });
  assert.equal((await readiness(at)).level, "green");
  await sophie!.get(`${at}/segments`);
  isAt(await sophie!.post(`${at}/segments`, { name: "Nord" }));
  assert.deepEqual(
    [(await readiness(at)).level, await counts(at)],
    ["amber", { blocking: 0, late: 0, undated: 0, unassigned: 0, unplaced: 1, unavailable: 0, unreachable: 0 }],
  );
});

test("PRE-6 : opérations sans date, sans technicien, sans segment ; celles qui sont closes ou à la corbeille ne comptent pas ; chaque règle mène à ses lignes", async () => {
  const at = await makeCampaign(sophie!);
  await sophie!.get(`${at}/segments`);
  isAt(await sophie!.post(`${at}/segments`, { name: "Nord" }));
  await addOperation(sophie!, at, { c_cible: "PC-1", plannedOn: dayIn(5) });
  await addOperation(sophie!, at, { c_cible: "PC-2", technician: karim! });
  const over = await addOperation(sophie!, at, { c_cible: "PC-3" });
  const gone = await addOperation(sophie!, at, { c_cible: "PC-4" });
  await sophie!.get(over);
  isAt(await sophie!.post(`${over}/statut`, { to: "cancelled", kind: "cancel", reason: "Inutile" }));
  isAt(await sophie!.post(`${gone}/corbeille`, { version: "1" }));
  const found = await counts(at);
  assert.deepEqual([found.undated, found.unassigned, found.unplaced], [1, 1, 2]);
  const page = await sound(at);
  assert.match(page, /À compléter 1 opération à faire est sans date/);
  for (const [code, titles] of [
    ["undated", ["PC-2"]],
    ["unassigned", ["PC-1"]],
    ["unplaced", ["PC-1", "PC-2"]],
  ] as const) {
    const { path } = (await ruleOf(at, code))!;
    assert.ok((await sophie!.get(at)).text.includes(path.replaceAll("&", "&amp;")), path);
    const list = await sound(path);
    assert.deepEqual(
      ["PC-1", "PC-2", "PC-3", "PC-4"].filter((title) => list.includes(title)),
      titles,
      code,
    );
  }
});

test("PRE-6 : techniciens absents un jour où ils ont à faire, ou dont le compte est inactif", async () => {
  const at = await makeCampaign(sophie!);
  await addOperation(sophie!, at, { c_cible: "PC-1", plannedOn: dayIn(6), technician: karim! });
  await addOperation(sophie!, at, { c_cible: "PC-2", plannedOn: dayIn(9), technician: karim! });
  const theirs = await addOperation(sophie!, at, { c_cible: "PC-3", technician: yann! });
  assert.equal((await counts(at)).unavailable, 0);
  const absence =
    "insert into absence (tenant_id, id, user_id, starts_on, ends_on, reason) values (?, uuidv7(), ?, ?, ?, 'Formation')";
  await write(absence, [tenantId, karim, dayIn(5), dayIn(6)]);
  await write(absence, [tenantId, karim, dayIn(-20), dayIn(-10)]);
  assert.equal((await counts(at)).unavailable, 1);
  await denis!.get(`/admin/utilisateurs/${yann}`);
  isAt(await denis!.post(`/admin/utilisateurs/${yann}/desactivation`, {}));
  const rule = (await ruleOf(at, "unavailable"))!;
  assert.deepEqual(
    [rule.count, rule.text.replace(/\s/gu, " ")],
    [2, "2 opérations à faire ont un technicien absent ou inactif"],
  );
  const list = await sound(rule.path);
  assert.match(list, /Technicien absent ou inactif/);
  assert.deepEqual(
    ["PC-1", "PC-2", "PC-3"].filter((title) => list.includes(title)),
    ["PC-1", "PC-3"],
  );
  await sophie!.get(theirs);
  isAt(await sophie!.post(`${theirs}/statut`, { to: "cancelled", kind: "cancel", reason: "Partie" }));
  assert.equal((await counts(at)).unavailable, 1);
});

test("PRE-6 : personnes sans e-mail, celles de l’annuaire comprises", async () => {
  const at = await makeCampaign(sophie!);
  const add =
    "insert into eligible_person (tenant_id, id, campaign_id, staff_number, email, family_name) values (?, uuidv7(), ?, ?, ?, ?)";
  await write(add, [tenantId, idIn(at), "EXT-1", null, "Sansadresse"]);
  await write(add, [tenantId, idIn(at), "EXT-2", "x@partenaire.example", "Joignable"]);
  const rule = (await ruleOf(at, "unreachable"))!;
  assert.deepEqual([rule.count, rule.result], [1, "amber"]);
  const list = await sound(rule.path);
  assert.match(list, /Sansadresse/);
  assert.doesNotMatch(list, /Joignable/);
});

test("PRE-6, PRE-3 : un prérequis en retard met la campagne à l’orange, un bloquant au rouge tant qu’il n’est pas fait", async () => {
  const at = await makeCampaign(sophie!);
  await need(at, "En retard", { dueOn: dayIn(-3) });
  assert.deepEqual([(await readiness(at)).level, (await counts(at)).late], ["amber", 1]);
  await need(at, "Bloquant", { isBlocking: "oui" });
  const { level, rules } = await readiness(at);
  assert.equal(level, "red");
  assert.match(await sound(at), /État de préparation Non prête Bloquant 1 prérequis bloquant reste à faire/);
  assert.match(await sound(rules.find(({ code }) => code === "blocking")!.path), /Seuls sont montrés/);
  await write("update prerequisite set status = 'done' where campaign_id = ? and is_blocking", [idIn(at)]);
  assert.equal((await readiness(at)).level, "amber");
});

test("PRE-6, CAM-26 : plusieurs campagnes en une question ; un lien n’est montré qu’à qui peut le suivre ; finie, rien n’est plus à préparer", async () => {
  const [one, other] = [await makeCampaign(sophie!), await makeCampaign(sophie!)];
  await addOperation(sophie!, one, { c_cible: "PC-1" });
  await need(other, "Bloquant", { isBlocking: "oui" });
  const both = await world.db.read(tenantId, (em) => readinessOfEach(em, [{ id: idIn(one) }, { id: idIn(other) }]));
  assert.deepEqual([both.get(idIn(one))!.level, both.get(idIn(other))!.level], ["amber", "red"]);

  await write(
    "insert into eligible_person (tenant_id, id, campaign_id, staff_number) values (?, uuidv7(), ?, 'EXT-7')",
    [tenantId, idIn(one)],
  );
  await sophie!.get(`${one}/acces`);
  isAt(await sophie!.post(`${one}/acces`, { grantee: `u.${(await world.userOf("helene")).id}`, letters: ["see"] }));
  const helene = await world.as("helene");
  const seen = (await helene.get(one)).text;
  assert.match(plain({ text: seen }), /1 personne concernée est sans e-mail/u);
  assert.ok(!seen.includes("adresse=sans"), "elle ne peut pas ouvrir les personnes");

  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    (await em.findOneOrFail(Campaign, { id: idIn(one) })).state = "finished";
  });
  assert.doesNotMatch((await sophie!.get(one)).text, /État de préparation/);
});
