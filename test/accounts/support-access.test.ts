import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { mock, test } from "node:test";
import { actOf } from "../support/database.ts";
import { openStream } from "../support/stream.ts";
import { dropFactor, fromOurPage, giveFactor, setSupport } from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";
import { PASSWORD, signIn } from "./doors.ts";

const world = await startWorld();
const { tenantId } = await world.userOf("denis");
const AT = "/admin/acces-support";
const CARD = `/instance/organisations/${tenantId}`;

const open = async (denis: Browser, hours = "2", reason = "Import bloqué") => {
  await denis.get(AT);
  return denis.post(AT, { hours, reason });
};
async function enter(): Promise<{ browser: Browser; status: number; text: string }> {
  const browser = await world.as("nadia");
  await browser.get(CARD);
  const { status, text } = await browser.post(`${CARD}/support`);
  return { browser, status, text };
}

test("ROL-2 : sans accès ouvert, la super-administratrice n’entre pas et ne voit rien", async () => {
  const { browser, status, text } = await enter();
  assert.equal(status, 422);
  assert.match(text, /n’a pas ouvert d’accès de support/);
  for (const path of ["/admin/utilisateurs/nouveau", AT]) {
    const page = (await browser.get(path)).text;
    assert.doesNotMatch(page, /Mutuelle des Quais/, path);
  }
});

test("ROL-2 : de 1 à 24 heures, avec un motif, un seul à la fois", async () => {
  const denis = await world.as("denis");
  for (const [hours, reason] of [
    ["0", "Essai"],
    ["25", "Essai"],
    ["deux", "Essai"],
    ["2", ""],
  ] as const) {
    assert.equal((await open(denis, hours, reason)).status, 422, `${hours} ${reason}`);
  }
  assert.equal((await open(denis)).status, 303);
  assert.equal((await open(denis)).status, 422);
});

test("ROL-2 : dedans, elle lit et écrit sous un nom qui le dit, et le bandeau est des deux côtés", async () => {
  const [sophie, camille] = [await world.as("sophie"), await world.as("denis")];
  assert.match(
    (await camille.get("/compte")).text,
    /Accès de support ouvert<[\s\S]+href="\/admin\/acces-support">Voir ou fermer/,
  );
  assert.doesNotMatch((await sophie.get("/compte")).text, /Accès de support/, "qui n’y peut rien n’en est pas gêné");
  assert.doesNotMatch((await (await world.as("nathalie")).get("/compte")).text, /Accès de support ouvert/);
  const { browser, status } = await enter();
  assert.equal(status, 303);
  const home = (await browser.get("/admin/utilisateurs")).text;
  assert.match(home, /Accès de support\.<\/strong> Vous êtes chez Mutuelle des Quais[\s\S]+\(support\)/);
  assert.doesNotMatch(home.split("<main")[1]!, /\(support\)/, "le compte du support n’est pas dans la liste");
  const { id } = await world.userOf("yann");
  const page = await browser.get(`/admin/utilisateurs/${id}/modifier`);
  const value = (name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(page.text)![1]!;
  const fields = { familyName: value("familyName"), email: value("email"), version: value("version") };
  const edited = await browser.post(`/admin/utilisateurs/${id}/modifier`, { ...fields, givenName: "Yannick" });
  assert.equal(edited.status, 303);
  const denis = await world.as("denis");
  assert.match((await denis.get("/admin/historique")).text, /data-label="Auteur">[^<]+\(support\)/);
  assert.match((await denis.get("/admin/journal-securite")).text, /utilisé l’accès de support/);
  const again = await world.as("nadia");
  assert.match((await again.get("/admin/historique")).text, /Entrée par accès de support dans l’organisation Mutuelle/);
  assert.equal((await browser.get("/instance/organisations")).status, 403, "dedans, elle ne tient plus l’instance");
  assert.equal((await open(browser)).status, 422, "un accès n’en ouvre pas un autre");
});

test("ROL-2 : la preuve d’un acte sensible est celle de la super-administratrice", async () => {
  const { browser } = await enter();
  await browser.get(AT);
  await world.clock.advanceMinutes(16);
  const { id } = await world.userOf("yann");
  await browser.get(`/admin/utilisateurs/${id}`);
  const asked = await browser.post(`/admin/utilisateurs/${id}/invitation`);
  assert.equal(asked.status, 403);
  assert.equal((await browser.post(`/admin/utilisateurs/${id}/invitation`, { _password: "non" })).status, 403);
  assert.notEqual((await browser.post(`/admin/utilisateurs/${id}/invitation`, { _password: PASSWORD })).status, 403);
});

test("ROL-2 : fermé à la main ou à son heure, plus rien dès la page suivante", async () => {
  const inside = (await enter()).browser;
  assert.equal((await inside.get("/admin/utilisateurs")).status, 200);
  const denis = await world.as("denis");
  await denis.get(AT);
  assert.equal((await denis.post(`${AT}/fermeture`)).status, 303);
  assert.equal((await inside.get("/admin/utilisateurs")).status, 303);
  assert.equal((await enter()).status, 422);
  await open(denis, "1");
  const later = (await enter()).browser;
  assert.equal((await later.get("/compte")).status, 200);
  await world.clock.advanceMinutes(61);
  assert.equal((await later.get("/compte")).status, 303);
  assert.equal((await enter()).status, 422);
});

test("ROL-2 : qui se connecte ensuite dans le même navigateur n’hérite de rien", async () => {
  await open(await world.as("denis"));
  const { browser } = await enter();
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200);
  assert.equal((await signIn(world, "sophie", browser)).answer.status, 303);
  assert.equal((await browser.get("/admin/utilisateurs")).status, 403);
  assert.doesNotMatch((await browser.get("/compte")).text, /Vous êtes chez/);
});

const close = async (who = "denis") => {
  const browser = await world.as(who);
  await browser.get(AT);
  return (await browser.post(`${AT}/fermeture`)).status;
};

test("ROL-2 : l’instance le ferme aussi, du dehors ou du dedans, et l’organisation le lit", async () => {
  await setSupport(world, tenantId, true);
  const nadia = await world.as("nadia");
  const renounce = async () => {
    await nadia.get(CARD);
    return (await nadia.post(`${CARD}/support/fermeture`)).status;
  };
  assert.equal(await renounce(), 303);
  assert.equal(await renounce(), 422, "il n’y a plus rien à fermer");
  const denis = await world.as("denis");
  assert.match((await denis.get("/admin/historique")).text, /Accès de support fermé par l’instance\s: Nadia/);
  assert.match((await nadia.get("/admin/historique")).text, /Accès de support fermé dans l’organisation Mutuelle/);
  assert.equal((await open(denis)).status, 303);
  const { browser } = await enter();
  await browser.get(AT);
  assert.deepEqual((await browser.post(`${AT}/fermeture`)).location, "/connexion");
  assert.match((await denis.get("/admin/historique")).text, /Accès de support fermé<[\s\S]+\(support\)/);
});

test("ROL-2 : un motif se lit dans l’historique ; un accès ne se rouvre pas en annulant sa fermeture", async () => {
  await setSupport(world, tenantId, false);
  const denis = await world.as("denis");
  assert.equal((await open(denis, "3", "Import arrêté à la moitié")).status, 303);
  assert.equal(await close(), 303);
  const page = (await denis.get("/admin/historique")).text;
  assert.match(page, /Accès de support ouvert pour 3 heures[\s\S]+Import arrêté à la moitié/);
  const act = /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec(page)![1];
  assert.match((await denis.get(`/actes/${act}/annulation`)).text, /s’ouvre et se ferme sur sa page/);
});

test("ROL-2, LIV-6 : à la fermeture comme à l’heure, ses pages en direct se ferment", async () => {
  await setSupport(world, tenantId, false);
  for (const end of [close, () => world.clock.advanceMinutes(61)]) {
    assert.equal((await open(await world.as("denis"), "1")).status, 303);
    const { browser } = await enter();
    const stream = await openStream(world.origin, browser.cookie, "history.notifications");
    assert.equal(stream.status, 200);
    await world.hub.recheck();
    assert.equal(world.hub.countOf((await insideAs()).id), 1, "ouvert tant que l’accès l’est");
    await end();
    await world.hub.recheck();
    await stream.ended;
  }
});

/** The account under which the super-admin acts there. */
const insideAs = async () =>
  world.db.read(tenantId, async (em) => {
    const [row] = await em.execute<{ id: string }[]>("select id from app_user where support_of is not null");
    return row!;
  });

test("ROL-2 : un envoi en cours est coupé dès que l’accès est fermé", async () => {
  await setSupport(world, tenantId, false);
  assert.equal((await open(await world.as("denis"))).status, 303);
  const { browser } = await enter();
  const token = /name="_csrf" value="([^"]+)"/.exec((await browser.get("/admin/organisation/logo")).text)![1]!;
  const field = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = `--b\r\nContent-Disposition: form-data; name="file"; filename="logo.png"\r\nContent-Type: image/png\r\n\r\n`;
  mock.timers.enable({ apis: ["setInterval"] });
  const headers = { ...fromOurPage(world, browser), "content-type": "multipart/form-data; boundary=b" };
  const sent = request(`${world.origin}/admin/organisation/logo`, {
    method: "POST",
    headers: { ...headers, "content-length": "100000", expect: "100-continue" },
  });
  const cut = new Promise<string>((resolve, reject) => {
    sent.on("response", () => reject(new Error("répondu")));
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
  await new Promise((resolve) => sent.once("continue", resolve).flushHeaders());
  sent.write(field("_csrf", token) + field("_key", randomUUID()) + file);
  // A whole page after it: the first request is past its session.
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200);
  assert.equal(await close(), 303);
  mock.timers.tick(3_000);
  assert.equal(await cut, "ECONNRESET");
  mock.timers.reset();
});

test("ROL-2 : qui ne tient plus l’instance est dehors, l’accès resté ouvert", async () => {
  await setSupport(world, tenantId, true);
  const { browser } = await enter();
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200);
  const nadia = await world.userOf("nadia");
  const deactivate = (at: string | null) =>
    world.db.act({ ...actOf(nadia.tenantId), code: "user.deactivated" }, (em) =>
      em.execute("update app_user set deactivated_at = ?::timestamptz where id = ?", [at, nadia.id]),
    );
  await deactivate(world.clock.now().toISOString());
  assert.equal((await browser.get("/admin/utilisateurs")).status, 303);
  await deactivate(null);
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200);
});

test("ROL-2, ACC-12 : où administrer exige un téléphone, on n’entre pas sans le sien", async () => {
  await setSupport(world, tenantId, true);
  const guard = (roles: string[] | null) =>
    world.db.act({ ...actOf(tenantId), code: "tenant.edited" }, (em) =>
      em.execute("update tenant set second_factor_roles = ?::text[] where id = ?", [roles && `{${roles}}`, tenantId]),
    );
  await guard(["admin"]);
  const refused = await enter();
  assert.equal(refused.status, 422);
  assert.match(refused.text, /exige la double authentification/);
  const nadia = await world.userOf("nadia");
  await giveFactor(world, nadia);
  const { browser, status } = await enter();
  assert.equal(status, 303);
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200, "le sien suffit : rien à enrôler ici");
  await dropFactor(world, nadia);
  await guard(null);
});

test("ROL-2, ACC-8 : personne ne se connecte ni ne choisit de mot de passe sous le compte du support", async () => {
  await setSupport(world, tenantId, true);
  const { browser } = await enter();
  const page = (await browser.get("/compte")).text;
  assert.doesNotMatch(page, /Changer mon mot de passe|href="\/compte\/double/);
  const email = `support-${(await world.userOf("nadia")).id}@instance.invalid`;
  const anonymous = world.anonymous();
  await anonymous.get("/mot-de-passe-oublie");
  await anonymous.post("/mot-de-passe-oublie", { email });
  const { id } = await insideAs();
  const mails = await world.db.read(tenantId, (em) => em.execute("select id from outbox where person_id = ?", [id]));
  assert.equal(mails.length, 0);
  assert.equal((await (await world.as("denis")).get(`/admin/utilisateurs/${id}`)).status, 404);
});
