import assert from "node:assert/strict";
import { test } from "node:test";
import { changeRoles, createUser, deactivateUser, hashPassword, setPassword, User } from "../../src/accounts/index.ts";
import { actOf, buildTenant } from "../support/database.ts";
import { startWorld } from "../support/world.ts";
import { PASSWORD, securityLines } from "./doors.ts";

const world = await startWorld();
const karim = await world.userOf("karim");
const card = `/admin/utilisateurs/${karim.id}`;

const acts = async (code: string) =>
  world.db.read(karim.tenantId, (em) =>
    em.execute<{ label: string; reason: string | null }[]>(
      "select label, reason from act where code = ? order by id desc",
      [code],
    ),
  );

test("un collègue invité : un lien montré une fois, un acte dans l’historique, rien d’autre", async () => {
  const denis = await world.as("denis");
  const sent = {
    givenName: " Inès ",
    familyName: "Carvalho",
    email: "Ines.Carvalho@Quais.example",
    roles: ["technician", "viewer"],
  };
  const key = crypto.randomUUID();
  const answer = await denis.post("/admin/utilisateurs/nouveau", { ...sent, _key: key });
  assert.equal(answer.status, 200);
  assert.match(answer.text, /value="http:\/\/127\.0\.0\.1:\d+\/invitation\/[\w-]{43}"/);
  assert.deepEqual((await acts("user.invited"))[0]?.label, "Invitation d’Inès Carvalho");

  const replay = await denis.post("/admin/utilisateurs/nouveau", { ...sent, _key: key });
  assert.equal(replay.status, 303, "le lien n’est jamais montré deux fois");
  assert.match(replay.location!, /^\/admin\/utilisateurs\/[0-9a-f-]{36}$/);
  const { text } = await denis.get(replay.location!);
  assert.match(text, /Invité[\s\S]+jamais/);
  assert.match(text, /ines\.carvalho@quais\.example/);

  const twice = await denis.post("/admin/utilisateurs/nouveau", sent);
  assert.equal(twice.status, 422);
  assert.match(twice.text, /Inès Carvalho a déjà un compte avec cette adresse/);
});

test("formulaire d’invitation : chaque refus nomme son champ, et rien n’est écrit", async () => {
  const denis = await world.as("denis");
  const good = { givenName: "Zoé", familyName: "Test", email: "zoe@quais.example", roles: ["viewer"] };
  const before = (await acts("user.invited")).length;
  const bad: [Record<string, string | string[]>, string][] = [
    [{ ...good, givenName: "" }, "givenName"],
    [{ ...good, familyName: "x".repeat(101) }, "familyName"],
    [{ ...good, familyName: "<b>gras</b>" }, "familyName"],
    [{ ...good, email: "pas une adresse" }, "email"],
    [{ ...good, email: ["a@quais.example", "b@quais.example"] }, "email"],
    [{ ...good, givenName: "Zo\u0000é" }, "givenName"],
    [{ ...good, roles: [] }, "roles"],
    [{ ...good, roles: ["super_admin"] }, "roles"],
    [{ ...good, roles: ["viewer", "chef"] }, "roles"],
  ];
  for (const [fields, field] of bad) {
    const { status, text } = await denis.post("/admin/utilisateurs/nouveau", fields);
    assert.equal(status, 422, JSON.stringify(fields));
    assert.match(text, new RegExp(`id="field-${field}-problem"`), JSON.stringify(fields));
    assert.match(text, /<title>Erreur\u00a0: /);
  }
  assert.equal((await acts("user.invited")).length, before);
});

test("des champs de trop ne changent rien de plus", async () => {
  const denis = await world.as("denis");
  const version = /name="version" value="(\d+)"/.exec((await denis.get(`${card}/modifier`)).text)![1]!;
  const extra = { id: denis.id, tenantId: denis.tenantId, roles: "admin", version, deactivatedAt: "2020-01-01" };
  const sent = { givenName: "Karim", familyName: "Daoudi-Roy", email: "karim.daoudi@quais.example", ...extra };
  assert.equal((await denis.post(`${card}/modifier`, sent)).status, 303);
  const user = await world.db.read(karim.tenantId, (em) => em.findOneOrFail(User, { id: karim.id }));
  assert.deepEqual([user.familyName, user.roles, user.deactivatedAt], ["Daoudi-Roy", ["technician"], null]);
});

test("deux personnes corrigent la même fiche : la seconde voit les deux versions et peut redemander", async () => {
  const denis = await world.as("denis");
  const version = /name="version" value="(\d+)"/.exec((await denis.get(`${card}/modifier`)).text)![1]!;
  const edit = (familyName: string, at: string) =>
    denis.post(`${card}/modifier`, {
      givenName: "Karim",
      familyName,
      email: "karim.daoudi@quais.example",
      version: at,
    });
  assert.equal((await edit("Premier", version)).status, 303);
  const second = await edit("Second", version);
  assert.equal(second.status, 409);
  assert.match(second.text, /Denis Roussel a modifié/);
  assert.match(second.text, /value="Second"[\s\S]*/);
  assert.match(second.text, /<dd>Premier<\/dd>/);
  const now = /name="version" value="(\d+)"/.exec(second.text)![1]!;
  assert.equal((await edit("Second", now)).status, 303);
});

test("un changement de rôle vaut à la page suivante et renouvelle l’identifiant de session", async () => {
  const denis = await world.as("denis");
  const sophie = await world.as("sophie");
  const page = `/admin/utilisateurs/${sophie.id}/roles`;
  assert.equal((await sophie.get("/admin/utilisateurs")).status, 403);
  const before = sophie.cookie;
  const version = /name="version" value="(\d+)"/.exec((await denis.get(page)).text)![1]!;
  assert.equal((await denis.post(page, { roles: ["admin"], version })).status, 303);
  assert.equal((await sophie.get("/admin/utilisateurs")).status, 200);
  assert.notEqual(sophie.cookie, before);
  assert.equal(
    (await fetch(`${world.origin}/compte`, { headers: { cookie: before }, redirect: "manual" })).status,
    303,
  );
  assert.equal((await sophie.get("/compte")).status, 200);
  assert.equal((await securityLines(world, "sophie"))[0]?.kind, "rights.changed");
  const again = /name="version" value="(\d+)"/.exec((await denis.get(page)).text)![1]!;
  assert.equal((await denis.post(page, { roles: ["campaign_manager"], version: again })).status, 303);
  assert.equal((await sophie.get("/admin/utilisateurs")).status, 403);
});

test("une administratrice ne retire pas son propre rôle et ne se désactive pas", async () => {
  const denis = await world.as("denis");
  const own = `/admin/utilisateurs/${denis.id}`;
  const { text } = await denis.get(`${own}/roles`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  const refused = await denis.post(`${own}/roles`, { roles: ["viewer"], version });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /votre propre rôle/);
  assert.equal((await denis.post(`${own}/desactivation`)).status, 422);
  assert.equal((await denis.post(`${own}/roles`, { roles: ["admin", "viewer"], version })).status, 303);
});

test("la désactivation ferme tout dans le même acte, et se défait", async () => {
  const denis = await world.as("denis");
  const claire = await world.as("claire");
  assert.equal((await claire.get("/compte")).status, 200);
  const at = `/admin/utilisateurs/${claire.id}`;
  assert.equal((await denis.post(`${at}/desactivation`, { reason: "Congé long" })).status, 303);
  assert.equal((await claire.get("/compte")).status, 303, "dès la page suivante");
  const [act] = await acts("user.deactivated");
  assert.deepEqual(act, { label: "Désactivation du compte de Claire Fontaine", reason: "Congé long" });
  assert.equal((await denis.post(`${at}/desactivation`)).status, 422, "déjà fait");
  assert.equal((await denis.post(`${at}/reactivation`)).status, 303);
});

test("deux administrateurs se rétrogradent l’un l’autre au même instant : il en reste un", async () => {
  for (const demote of [true, false]) {
    const { tenantId, userId } = await buildTenant(world.db, `Ville ${demote}`);
    const other = await world.db.act(actOf(tenantId), (em) =>
      createUser(
        em,
        { email: "b@essai.test", givenName: "Bruno", familyName: "Essai", roles: ["admin"] },
        { tenantId, by: null, now: new Date() },
      ),
    );
    // Both have read the other as an administrator before either writes.
    let waiting = 2;
    let open!: () => void;
    const barrier = new Promise<void>((resolve) => {
      open = resolve;
    });
    const strike = (by: string, target: string) =>
      world.db.act(actOf(tenantId, { actorId: by }), async (em) => {
        const user = await em.findOneOrFail(User, { id: target });
        if (--waiting === 0) open();
        await barrier;
        if (demote) await changeRoles(em, user, ["viewer"], { by: { id: by } });
        else await deactivateUser(em, user, { by: { id: by }, now: new Date() });
      });
    const results = await Promise.allSettled([strike(userId, other.id), strike(other.id, userId)]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const refused = results.find((result) => result.status === "rejected");
    assert.match(String(refused?.reason), /dernière personne active/);
    const left = await world.db.read(tenantId, (em) =>
      em.count(User, { roles: { $contains: ["admin"] }, deactivatedAt: null }),
    );
    assert.equal(left, 1);
  }
});

test("deux invitations de la même adresse au même instant : une seule passe", async () => {
  const { tenantId } = await buildTenant(world.db, "Ville double");
  const invite = () =>
    world.db.act(actOf(tenantId), (em) =>
      createUser(
        em,
        { email: "x@essai.test", givenName: "Xavier", familyName: "Essai", roles: ["viewer"] },
        { tenantId, by: null, now: new Date() },
      ),
    );
  const results = await Promise.allSettled([invite(), invite()]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.match(String(results.find((one) => one.status === "rejected")?.reason), /a déjà un compte/);
});

test("un acte sensible redemande le mot de passe après quinze minutes, sans perdre la saisie", async () => {
  const denis = await world.as("denis");
  const version = /name="version" value="(\d+)"/.exec((await denis.get(`${card}/roles`)).text)![1]!;
  await world.clock.advanceMinutes(16);
  const asked = await denis.post(`${card}/roles`, { roles: ["technician", "viewer"], version });
  assert.equal(asked.status, 403);
  assert.match(asked.text, /name="roles" value="technician"[\s\S]+name="roles" value="viewer"/);
  const wrong = await denis.post(`${card}/roles`, { roles: ["technician", "viewer"], version, _password: "faux" });
  assert.equal(wrong.status, 403);
  const right = await denis.post(`${card}/roles`, { roles: ["technician", "viewer"], version, _password: PASSWORD });
  assert.equal(right.status, 303);
  const lines = await securityLines(world, "denis");
  assert.deepEqual(
    lines.slice(0, 2).map(({ kind }) => kind),
    ["step_up.succeeded", "step_up.failed"],
  );
  assert.deepEqual(lines[0]!.detail, { method: "password" });
  const next = /name="version" value="(\d+)"/.exec((await denis.get(`${card}/roles`)).text)![1]!;
  assert.equal(
    (await denis.post(`${card}/roles`, { roles: ["technician"], version: next })).status,
    303,
    "confirmé pour 15 min",
  );
});

test("un verrou se lève par une personne qui administre", async () => {
  const { tenantId, userId } = await buildTenant(world.db, "Ville verrou");
  const hash = await hashPassword(PASSWORD);
  await world.db.act(actOf(tenantId), async (em) => {
    await setPassword(em, await em.findOneOrFail(User, { id: userId }), hash, { now: new Date() });
  });
  const denis = await world.as("denis");
  const yann = await world.userOf("yann");
  await world.db.note(yann.tenantId, (em) =>
    em.execute(
      "insert into sign_in_guard (tenant_id, id, failures, locked_until) values (?, ?, 5, app_now() + interval '15 minutes')",
      [yann.tenantId, yann.id],
    ),
  );
  const at = `/admin/utilisateurs/${yann.id}`;
  assert.match((await denis.get(at)).text, /Compte verrouillé jusqu’à/);
  assert.equal((await denis.post(`${at}/deverrouillage`)).status, 303);
  assert.doesNotMatch((await denis.get(at)).text, /Compte verrouillé jusqu’à/);
  assert.equal((await acts("user.unlocked"))[0]?.label, "Déverrouillage du compte de Yann Le Goff");
});
