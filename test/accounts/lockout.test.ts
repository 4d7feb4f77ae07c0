/** S30 of the acceptance scenarios, line by line: the second factor and lockout of one account. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { codeNow, enrol, fieldOf, keyOn, PASSWORD, signIn } from "./doors.ts";

const world = await startWorld();
const STEP = 30_000;

const denis = await world.as("denis");
const AT = "/compte/double-authentification/activation";
const page = (await denis.get(AT)).text;
const key = keyOn(page);
const enrolled = await denis.post(AT, { ticket: fieldOf(page, "ticket"), code: await codeNow(world, key) });
const recovery = [...enrolled.text.matchAll(/<code>([0-9A-Z-]+)<\/code>/g)].map(([, code]) => code!);

/** Denis, past his password, in front of the code. */
async function atTheCode() {
  const { browser, answer } = await signIn(world, "denis");
  const ticket = fieldOf(answer.text, "ticket");
  const type = async (fields: Record<string, string>) =>
    (await browser.post("/connexion/code", { ticket, ...fields })).status;
  return { browser, answer, type };
}
const locks = async (who: string): Promise<number> => {
  const { id, tenantId } = await world.userOf(who);
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ told: number }[]>(
      "select count(*)::int as told from outbox where person_id = ? and kind = 'accounts.locked'",
      [id],
    ),
  );
  return row!.told;
};

test("S30 : le mot de passe seul n’ouvre rien", async () => {
  const { browser, answer } = await atTheCode();
  assert.match(answer.text, /Code de votre téléphone/);
  assert.equal((await browser.get("/compte")).status, 303);
});

test("S30 : le code du pas précédent sert, un plus ancien non, le même deux fois non, un code de récupération une fois", async () => {
  await world.clock.advance(4 * STEP);
  const { type } = await atTheCode();
  assert.equal(await type({ code: await codeNow(world, key, -2 * STEP) }), 422, "deux pas en arrière");
  const previous = await codeNow(world, key, -STEP);
  assert.equal(await type({ code: previous }), 303, "un pas en arrière");
  const again = await atTheCode();
  assert.equal(await again.type({ code: previous }), 422, "le même");
  assert.equal(await again.type({ recovery: recovery[0]! }), 303);
  const third = await atTheCode();
  assert.equal(await third.type({ recovery: recovery[0]! }), 422);
  await world.clock.advance(2 * STEP);
  assert.equal(await third.type({ code: await codeNow(world, key) }), 303);
});

test("S30 : cinq codes faux, le bon attend quinze minutes, un courriel le dit, puis le compte repart de zéro", async () => {
  await world.clock.advance(2 * STEP);
  const { type } = await atTheCode();
  for (let i = 1; i <= 5; i++) assert.equal(await type({ code: "000000" }), 422, `échec ${i}`);
  assert.equal(await type({ code: await codeNow(world, key) }), 422, "le bon, verrouillé");
  assert.equal(await locks("denis"), 1);
  await world.clock.advance(14 * 60_000);
  assert.equal((await signIn(world, "denis")).answer.status, 422, "le mot de passe aussi attend");
  await world.clock.advance(2 * 60_000);
  const later = await atTheCode();
  for (let i = 1; i <= 4; i++) assert.equal(await later.type({ code: "000000" }), 422);
  assert.equal(
    await later.type({ code: await codeNow(world, key) }),
    303,
    "quatre échecs ne verrouillent pas : le compteur était à zéro",
  );
  assert.equal(await locks("denis"), 1);
});

test("S30 : adresse connue ou inconnue, la même réponse", async () => {
  const told = async (email: string) => {
    const { answer } = await signIn(world, { email, password: "ce n’est pas lui" });
    const text = answer.text
      .replaceAll(email, "")
      .replace(/name="_(?:csrf|key)" value="[^"]*"/g, "")
      .replace(/Référence [0-9A-F-]+/g, "");
    return { status: answer.status, text };
  };
  assert.deepEqual(await told((await world.userOf("denis")).email), await told("inconnu@quais.example"));
});

test("S30 : « 123456789012 » et un mot de passe fait de son nom sont refusés, chacun avec sa raison", async () => {
  const helene = await world.as("helene");
  await helene.get("/compte/mot-de-passe");
  const refused = async (newPassword: string) => {
    const { status, text } = await helene.post("/compte/mot-de-passe", { oldPassword: PASSWORD, newPassword });
    assert.equal(status, 422);
    return text;
  };
  assert.match(await refused("123456789012"), /trop courant/);
  const [, given = "", family = ""] = /Prénom<\/dt><dd>([^<]+)[\s\S]+?Nom<\/dt><dd>([^<]+)/.exec(
    (await helene.get("/compte")).text,
  )!;
  await helene.get("/compte/mot-de-passe");
  assert.match(await refused(`${given}${family}2026`), /Votre nom, votre adresse et le nom/);
});

test("S30 : changer de mot de passe ferme les autres sessions", async () => {
  const [here, there] = [await world.as("claire"), await world.as("claire")];
  await enrol(world, here);
  await here.get("/compte/mot-de-passe");
  const fields = { oldPassword: PASSWORD, newPassword: "trois cerises sous un parapluie 9" };
  assert.equal((await here.post("/compte/mot-de-passe", fields)).status, 303);
  assert.deepEqual([(await here.get("/compte")).status, (await there.get("/compte")).status], [200, 303]);
});

test("S30 : au cent-unième essai de la minute, l’adresse du réseau attend", async () => {
  await world.clock.advance(2 * 60_000);
  const visitor = world.anonymous();
  await visitor.get("/connexion");
  const statuses: number[] = [];
  for (let i = 0; i < 101; i++) {
    statuses.push((await visitor.post("/connexion", { email: "inconnu@quais.example", password: "" })).status);
  }
  assert.deepEqual([statuses[99], statuses[100]], [422, 429]);
});
