import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { PASSWORD, signIn } from "./doors.ts";

const world = await startWorld();

/** What waits in the outbox for this person, oldest first. */
async function mailsOf(who: string): Promise<{ kind: string; address: string; payload: Record<string, string> }[]> {
  const { id, tenantId } = await world.userOf(who);
  return world.db.read(tenantId, (em) =>
    em.execute("select kind, address, payload from outbox where person_id = ? order by id", [id]),
  );
}
const kinds = async (who: string) => (await mailsOf(who)).map(({ kind }) => kind);

test("ACC-3 : un verrou se dit une fois, quel que soit le nombre d’essais qui suivent", async () => {
  const { email } = await world.userOf("claire");
  for (let i = 0; i < 8; i++) await signIn(world, { email, password: "rien-de-bon" });
  assert.deepEqual(await kinds("claire"), ["accounts.locked"]);
  await world.clock.advanceMinutes(16);
  for (let i = 0; i < 5; i++) await signIn(world, { email, password: "rien-de-bon" });
  assert.deepEqual(await kinds("claire"), ["accounts.locked", "accounts.locked"]);
});

test("ACC-19 : un appareil jamais vu se dit, pas le premier, pas deux fois", async () => {
  const from = (userAgent: string) => ({ headers: { "user-agent": userAgent } });
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const iphone =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1";
  const { email } = await world.userOf("hugo");
  const enter = async (agent: string) => {
    const browser = world.anonymous();
    await browser.get("/connexion", from(agent));
    const answer = await browser.post("/connexion", { email, password: PASSWORD, retour: "/" }, from(agent));
    assert.equal(answer.status, 303);
  };
  await enter(firefox);
  await enter(firefox.replaceAll("140", "141"));
  assert.deepEqual(await kinds("hugo"), []);
  await enter(iphone);
  await enter(iphone);
  const [told, ...more] = await mailsOf("hugo");
  assert.deepEqual(
    [told?.kind, told?.address, told?.payload.device, more.length],
    ["accounts.new_device", email, "Safari sur iPhone", 0],
  );
});

test("ACC-8 : un mot de passe changé se dit à la personne", async () => {
  const karim = await world.as("karim");
  await karim.get("/compte/mot-de-passe");
  const fields = { oldPassword: PASSWORD, newPassword: "sept bateaux verts au large 4" };
  assert.equal((await karim.post("/compte/mot-de-passe", fields)).status, 303);
  assert.deepEqual(await kinds("karim"), ["accounts.password_changed"]);
});

test("ACC-7 : une adresse changée se dit à l’ancienne comme à la nouvelle", async () => {
  const denis = await world.as("denis");
  const { id, email } = await world.userOf("helene");
  const page = `/admin/utilisateurs/${id}/modifier`;
  const { text } = await denis.get(page);
  const value = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(text)![1]!;
  const names = { givenName: value("givenName"), familyName: value("familyName"), version: value("version") };
  assert.equal((await denis.post(page, { ...names, email: "helene.neuve@quais.example" })).status, 303);
  const told = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ kind: string; address: string }[]>(
      "select kind, address from outbox where person_id = ? order by address",
      [id],
    ),
  );
  assert.deepEqual(
    told.map(({ kind, address }) => [kind, address]),
    [email, "helene.neuve@quais.example"].sort().map((address) => ["accounts.address_changed", address]),
  );
});
