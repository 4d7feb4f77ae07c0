import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { PASSWORD, securityLines, signIn } from "./doors.ts";

const world = await startWorld();
const HOUR = 60;

const rows = async (who: string) => {
  const { id, tenantId } = await world.userOf(who);
  return world.db.read(tenantId, (em) =>
    em.execute<{ id: string; stay: boolean; hours: number }[]>(
      "select id, stay, round(extract(epoch from expires_at - created_at) / 3600)::int as hours from session where user_id = ? order by created_at",
      [id],
    ),
  );
};

test("huit heures sans rien faire, et la session est morte ; une page de temps en temps la garde douze heures", async () => {
  const idle = await world.as("helene");
  await world.clock.advanceMinutes(8 * HOUR + 1);
  const answer = await idle.get("/compte");
  assert.equal(answer.status, 303);
  assert.equal(answer.location, "/connexion?retour=%2Fcompte");

  const busy = await world.as("helene");
  for (let hours = 0; hours < 9; hours += 3) {
    await world.clock.advanceMinutes(3 * HOUR);
    assert.equal((await busy.get("/compte")).status, 200, `${hours + 3} h`);
    // The touch does not hold the answer: let it be written.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await world.clock.advanceMinutes(2 * HOUR + 50);
  assert.equal((await busy.get("/compte")).status, 200, "11 h 50");
  await world.clock.advanceMinutes(20);
  assert.equal((await busy.get("/compte")).status, 303, "12 h 10, quoi qu’on fasse");
});

test("« Rester connecté » tient des jours, suit la baisse du réglage et finit quand on devient administrateur", async () => {
  const { browser } = await signIn(world, "martine", undefined, { stay: "oui" });
  await world.clock.advanceMinutes(30 * HOUR);
  assert.equal((await browser.get("/compte")).status, 200);
  assert.deepEqual(
    (await rows("martine")).map(({ stay, hours }) => [stay, hours]),
    [[true, 15 * 24]],
  );

  const denis = await world.as("denis");
  const setDays = async (days: string) => {
    const version = /name="version" value="(\d+)"/.exec((await denis.get("/admin/organisation")).text)![1]!;
    return denis.post("/admin/organisation/securite", {
      passwordPreset: "robustesse",
      stayConnectedDays: days,
      historyYears: "2",
      version,
    });
  };
  assert.equal((await setDays("3")).status, 303);
  assert.deepEqual(
    (await rows("martine")).map(({ hours }) => hours),
    [72],
  );
  assert.equal((await setDays("31")).status, 422);

  const page = `/admin/utilisateurs/${(await world.userOf("martine")).id}/roles`;
  const version = /name="version" value="(\d+)"/.exec((await denis.get(page)).text)![1]!;
  assert.equal((await denis.post(page, { roles: ["admin"], version })).status, 303);
  assert.deepEqual(
    (await rows("martine")).map(({ stay, hours }) => [stay, hours]),
    [[false, 12]],
  );
  assert.equal((await browser.get("/compte")).status, 303, "ouverte depuis plus de douze heures");
});

test("une requête encore en cours ne ressuscite pas une session fermée", async () => {
  const sophie = await world.as("sophie");
  await sophie.get("/compte");
  const { id, tenantId } = await world.userOf("sophie");
  await world.db.note(tenantId, (em) => em.execute("delete from session where user_id = ?", [id]));
  const { sessionRows } = await import("../../src/accounts/index.ts");
  const { hashOf } = await import("../../src/platform/http/sessions.ts");
  const sid = decodeURIComponent(sophie.cookie.split("=")[1]!).slice(2).split(".")[0]!;
  await sessionRows(world.db).save(hashOf(sid), {
    tenantId,
    userId: id,
    data: { notice: { text: "trop tard", tone: "success" }, authenticatedAt: new Date().toISOString() },
    address: "",
    userAgent: "",
  });
  assert.equal((await sophie.get("/compte")).status, 303);
});

test("on voit ses sessions, on en ferme une ou toutes les autres, jamais celle d’autrui", async () => {
  const here = await world.as("claire");
  const there = await world.as("claire");
  const third = await world.as("claire");
  const { text } = await here.get("/compte");
  assert.match(text, /Fermer les 2 autres sessions/);
  assert.equal(text.match(/Cette session/g)?.length, 1);

  const hugo = await world.as("hugo");
  const [target] = /\/compte\/sessions\/[0-9a-f-]{36}\/fermeture/.exec(text)!;
  assert.equal((await hugo.post(target)).status, 404);
  assert.equal((await here.post(target)).status, 303);
  const alive = await Promise.all([there, third].map(async (one) => (await one.get("/compte")).status));
  assert.deepEqual(alive.sort(), [200, 303]);
  assert.equal((await here.post("/compte/sessions/fermeture")).status, 303);
  assert.deepEqual(await Promise.all([there, third].map(async (one) => (await one.get("/compte")).status)), [303, 303]);
  assert.equal((await here.get("/compte")).status, 200);
  assert.equal((await securityLines(world, "claire"))[0]?.kind, "session.closed");
});

test("prolonger : huit heures de plus, dites à la page en JSON", async () => {
  const browser = await world.as("awa");
  await world.clock.advanceMinutes(3 * HOUR);
  const { status, text } = await browser.post("/session/prolongation", {}, { headers: { accept: "application/json" } });
  assert.equal(status, 200);
  const { endsAt, now } = JSON.parse(text) as { endsAt: string; now: string };
  assert.equal(Math.round((Date.parse(endsAt) - Date.parse(now)) / 3_600_000), 8);
  await world.clock.advanceMinutes(7 * HOUR + 30);
  assert.equal((await browser.get("/compte")).status, 200, "encore là 10 h 30 après l’ouverture");
  const late = await browser.post("/session/prolongation", {}, { headers: { accept: "application/json" } });
  const left = JSON.parse(late.text) as { endsAt: string; now: string };
  assert.ok(Date.parse(left.endsAt) - Date.parse(left.now) < 2 * 3_600_000, "jamais au-delà de douze heures");
});

test("changer de mot de passe : l’ancien est demandé, les autres sessions se ferment, celle-ci reste", async () => {
  const here = await world.as("helene");
  const there = await world.as("helene");
  await here.get("/compte/mot-de-passe");
  const change = (oldPassword: string, newPassword: string) =>
    here.post("/compte/mot-de-passe", { oldPassword, newPassword });
  const wrong = await change("pas le bon", "cinq tuiles bleues sur la jetee 8");
  assert.equal(wrong.status, 422);
  assert.match(wrong.text, /id="field-oldPassword-problem"/);
  const weak = await change(PASSWORD, "azerty");
  assert.equal(weak.status, 422);
  assert.match(weak.text, /Ajoutez 6 caractères[\s\S]+trop courant/, "une phrase par critère");
  assert.doesNotMatch(weak.text, /value="azerty"/);
  assert.equal((await change(PASSWORD, "cinq tuiles bleues sur la jetee 8")).status, 303);
  assert.equal((await here.get("/compte")).status, 200);
  assert.equal((await there.get("/compte")).status, 303);
  assert.equal((await signIn(world, "helene")).answer.status, 422);
  const email = (await world.userOf("helene")).email;
  assert.equal((await signIn(world, { email, password: "cinq tuiles bleues sur la jetee 8" })).answer.status, 303);
});

test("les préférences suivent la personne ; ce qui n’est pas envoyé ne change pas", async () => {
  const yann = await world.as("yann");
  await yann.get("/compte");
  await yann.post("/compte/preferences", { shortcuts: "non" });
  const sent = await yann.post(
    "/compte/preferences",
    { theme: "dark" },
    { headers: { referer: `${world.origin}/compte/mot-de-passe` } },
  );
  assert.equal(sent.location, "/compte/mot-de-passe", "on reste où l’on était");
  const { text } = await yann.get("/compte");
  assert.match(text, /<html lang="fr" data-theme="dark">/);
  assert.match(text, /value="non" checked/);
  assert.equal((await yann.post("/compte/preferences", { theme: "rose" })).status, 422);
});
