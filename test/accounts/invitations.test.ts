import assert from "node:assert/strict";
import { test } from "node:test";
import { inviteUser } from "../../src/accounts/index.ts";
import { acceptInvitation } from "../../src/accounts/invitation.ts";
import { actOf } from "../support/database.ts";
import { startWorld } from "../support/world.ts";
import { signIn } from "./doors.ts";

const world = await startWorld();
const { tenantId } = await world.userOf("denis");
const GOOD = "sept bateaux verts au large 4";

let rank = 0;
async function invite(): Promise<{ token: string; email: string; id: string; link: string }> {
  const email = `invite${++rank}@quais.example`;
  const identity = { email, givenName: "Lou", familyName: `Invité ${rank}`, roles: ["viewer"] };
  const { user, token, link } = await world.db.act(actOf(tenantId), (em) =>
    inviteUser(em, identity, { tenantId, by: null, now: world.clock.now() }),
  );
  return { token, email, id: user.id, link: link.id };
}

const hashOf = async (id: string) =>
  (
    await world.db.read(tenantId, (em) =>
      em.execute<{ password_hash: string }[]>("select password_hash from credential where id = ?", [id]),
    )
  )[0]?.password_hash ?? null;

test("ouvrir le lien ne change rien ; l’envoyer donne le mot de passe, une fois", async () => {
  const { token, email, id } = await invite();
  const at = `/invitation/${token}`;
  const visitor = world.anonymous();
  for (let i = 0; i < 3; i++) {
    const page = await visitor.get(at);
    assert.equal(page.status, 200);
    assert.match(page.text, /Bienvenue, Lou Invité/);
    assert.equal(page.headers.get("referrer-policy"), "no-referrer");
    assert.match(page.headers.get("x-robots-tag") ?? "", /noindex/);
  }
  assert.equal(await hashOf(id), null);

  const weak = await visitor.post(at, { password: "invite1quais" });
  assert.equal(weak.status, 422);
  assert.equal(await hashOf(id), null);

  assert.equal((await visitor.post(at, { password: GOOD })).location, "/connexion");
  const kept = await hashOf(id);
  assert.match(kept!, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal((await signIn(world, { email, password: GOOD })).answer.status, 303);

  const replay = world.anonymous();
  await replay.get("/connexion");
  assert.equal((await replay.get(at)).status, 404);
  assert.equal((await replay.post(at, { password: "un tout autre mot de passe 9" })).status, 404);
  assert.equal(await hashOf(id), kept, "le mot de passe choisi n’a pas bougé");
});

test("inconnu, utilisé, remplacé, expiré : la même réponse", async () => {
  const said = async (token: string) => {
    const { status, text } = await world.anonymous().get(`/invitation/${token}`);
    assert.equal(status, 404);
    return text.replace(/Référence <strong>[^<]+/g, "").replace(/name="_(?:csrf|key)" value="[^"]*"/g, "");
  };
  const unknown = await said("A".repeat(43));
  const used = await invite();
  await world.db.act(actOf(tenantId), (em) =>
    acceptInvitation(em, used.link, { passwordHash: "x", now: world.clock.now() }),
  );
  assert.equal(await said(used.token), unknown);

  const replaced = await invite();
  const denis = await world.as("denis");
  const renewed = await denis.post(`/admin/utilisateurs/${replaced.id}/invitation`);
  assert.equal(await said(replaced.token), unknown);
  const [, fresh] = /\/invitation\/([\w-]{43})/.exec(renewed.text)!;
  assert.equal((await world.anonymous().get(`/invitation/${fresh}`)).status, 200);

  await world.clock.advanceMinutes(7 * 24 * 60 + 1);
  assert.equal(await said(fresh!), unknown);
});

test("deux envois du même lien au même instant : un seul mot de passe", async () => {
  const { link, id } = await invite();
  const accept = (passwordHash: string) =>
    world.db.act(actOf(tenantId), (em) => acceptInvitation(em, link, { passwordHash, now: world.clock.now() }));
  const results = await Promise.allSettled([accept("premier"), accept("second")]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.ok(["premier", "second"].includes((await hashOf(id))!));
});

test("la désactivation tue le lien", async () => {
  const { token, id } = await invite();
  const denis = await world.as("denis");
  await denis.get("/admin/utilisateurs");
  assert.equal((await denis.post(`/admin/utilisateurs/${id}/desactivation`)).status, 303);
  assert.equal((await world.anonymous().get(`/invitation/${token}`)).status, 404);
});

test("l’historique dit qui a accepté, sans mot de passe ni jeton", async () => {
  const { token, id } = await invite();
  const visitor = world.anonymous();
  await visitor.get(`/invitation/${token}`);
  await visitor.post(`/invitation/${token}`, { password: GOOD });
  const [held] = await world.db.read(tenantId, (em) =>
    em.execute<{ actor_id: string; label: string; everything: string }[]>(
      `select a.actor_id, a.label, (select string_agg(to_jsonb(h)::text, '') from change h where h.subject_id = a.subject_id) as everything
       from act a where a.code = 'invitation.accepted' order by a.id desc limit 1`,
    ),
  );
  assert.equal(held?.actor_id, id);
  assert.match(held!.label, /Invitation acceptée/);
  assert.doesNotMatch(held!.everything, /argon2|password_hash|token_hash/);
  assert.ok(!world.logged.some((line) => line.includes(token) || line.includes(GOOD)), "ni dans le journal");
});
