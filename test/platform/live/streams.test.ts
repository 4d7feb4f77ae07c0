import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { test } from "node:test";
import { changeRoles, deactivateUser, User } from "../../../src/accounts/index.ts";
import type { Module } from "../../../src/platform/module.ts";
import { query } from "../../support/cluster.ts";
import { actOf } from "../../support/database.ts";
import { openStream } from "../../support/stream.ts";
import { startWorld } from "../../support/world.ts";

/** A topic whose objects are found open when the test lets them be. */
const asked = Promise.withResolvers<void>();
const answered = Promise.withResolvers<void>();
const slow: Module = {
  name: "slow",
  live: {
    lent: {
      right: "signed-in",
      async open(_db, followed) {
        asked.resolve();
        await answered.promise;
        return followed.map(() => true);
      },
    },
  },
};

const world = await startWorld({ extraModules: [slow] });
const denis = await world.as("denis");
const { tenantId } = denis;

/** Something happens in an organisation; its seal is what streams learn. */
async function act(tenant = tenantId): Promise<void> {
  await world.db.act({ ...actOf(tenant), code: "user.edited" }, async (em) => {
    const [user] = await em.find(User, {}, { limit: 1 });
    user!.familyName = user!.familyName.endsWith("·") ? user!.familyName.slice(0, -1) : `${user!.familyName}·`;
  });
  await world.sealer.sealAll();
}

const lastNumber = async () =>
  Number((await query(world.superUrl, "select max(sequence) as n from seal where tenant_id = $1", [tenantId]))[0]!.n);

test("LIV-3 : le flux dit ce qui change et son numéro, jamais le contenu, sans tampon de relais", async () => {
  const stream = await openStream(world.origin, denis.cookie, "history");
  assert.equal(stream.status, 200);
  assert.match(String(stream.headers["content-type"]), /^text\/event-stream/);
  assert.equal(stream.headers["x-accel-buffering"], "no");
  assert.equal(stream.headers["cache-control"], "no-store");
  await act();
  const told = await stream.next();
  assert.deepEqual(told, { id: String(await lastNumber()), topics: ["history"] });
  assert.match(stream.text(), /^retry: \d+\n\nid: \d+\ndata: \{"topics":\["history"\],"version":\d+\}\n\n$/);
  stream.close();
});

test("LIV-5 : une rafale devient un message, avec le dernier numéro", async () => {
  const stream = await openStream(world.origin, denis.cookie, "history");
  await act();
  await stream.next();
  for (let i = 0; i < 5; i++) await act();
  const last = String(await lastNumber());
  let messages = 1;
  while ((await stream.next()).id !== last) messages += 1;
  assert.ok(messages < 5, `${messages} messages pour cinq actes`);
  stream.close();
});

test("ce qui arrive dans une autre organisation ne se dit pas ici", async () => {
  const nathalie = await world.as("nathalie");
  const [here, there] = await Promise.all([
    openStream(world.origin, denis.cookie, "history"),
    openStream(world.origin, nathalie.cookie, "history"),
  ]);
  await act(nathalie.tenantId);
  await there.next();
  assert.deepEqual(here.waiting(), []);
  here.close();
  there.close();
});

test("deux processus, une base : ce que l’un scelle arrive aux pages de l’autre", async () => {
  const other = await world.another();
  const streams = await Promise.all(
    [world.origin, other.origin].map((origin) => openStream(origin, denis.cookie, "history")),
  );
  await act();
  const told = await Promise.all(streams.map((stream) => stream.next()));
  assert.deepEqual(told[0], told[1]);
  for (const stream of streams) stream.close();
});

test("LIV-3 : ce qui a été manqué se retrouve par le dernier numéro, ou depuis l’heure de la page", async () => {
  const last = String(await lastNumber());
  const drawnAt = world.clock.now().toISOString();
  await act();
  const back = await openStream(world.origin, denis.cookie, "history", { lastEventId: last });
  assert.deepEqual(await back.next(), { id: String(await lastNumber()), topics: ["history"] });
  const page = await openStream(world.origin, denis.cookie, "history", { more: `&depuis=${drawnAt}` });
  assert.equal((await page.next()).id, String(await lastNumber()));
  const upToDate = await openStream(world.origin, denis.cookie, "history", { lastEventId: String(await lastNumber()) });
  await act();
  assert.equal((await upToDate.next()).id, String(await lastNumber()));
  for (const stream of [back, page, upToDate]) stream.close();
});

test("LIV-3 : au-delà de dix minutes, tout est à redemander", async () => {
  const last = String(await lastNumber());
  await act();
  await world.clock.advanceMinutes(11);
  const back = await openStream(world.origin, denis.cookie, "history", { lastEventId: last });
  assert.deepEqual(await back.next(), { id: String(await lastNumber()), topics: ["history"] });
  back.close();
});

test("rulings 14 : le sixième flux d’une personne reçoit 204, et sa page interroge", async () => {
  const again = await world.as("denis");
  const streams = await Promise.all(Array.from({ length: 5 }, () => openStream(world.origin, again.cookie, "history")));
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
  const sixth = await openStream(world.origin, again.cookie, "history");
  assert.equal(sixth.status, 204);
  for (const stream of streams) stream.close();
});

test("qui part pendant que la base répond ne laisse personne qui suive à sa place", async () => {
  const karim = await world.as("karim");
  const begun = Promise.withResolvers<ServerResponse>();
  subscribe("http.server.request.start", (said) => {
    const { request, response } = said as { request: IncomingMessage; response: ServerResponse };
    if (request.url?.includes("lent:")) begun.resolve(response);
  });
  const headers = { cookie: karim.cookie, "sec-fetch-site": "same-origin" };
  const sent = get(`${world.origin}/flux?sujets=lent:${karim.id}`, { headers, agent: false }).on("error", () => {});
  await asked.promise;
  const closed = once(await begun.promise, "close");
  sent.destroy();
  await closed;
  answered.resolve();
  await new Promise((done) => setImmediate(done));
  assert.equal(world.hub.countOf(karim.id), 0);
});

test("un sujet sans droit est refusé, un sujet inconnu n’existe pas, un inconnu se connecte", async () => {
  const sophie = await world.as("sophie");
  assert.equal((await sophie.get("/flux?sujets=history")).status, 403);
  assert.equal((await denis.get("/flux?sujets=fusee")).status, 404);
  assert.equal((await world.anonymous().get("/flux?sujets=history")).status, 303);
});

test("LIV-2 : un battement garde le flux ouvert, et se lit d’un script", async () => {
  const stream = await openStream(world.origin, denis.cookie, "history");
  await act();
  await stream.next();
  const beats = world.hub.beat();
  assert.ok(beats > 0);
  await act();
  await stream.next();
  assert.match(stream.text(), /\n: \nevent: beat\ndata:\n\n/);
  stream.close();
});

test("LIV-6 : le flux se ferme à la déconnexion", async () => {
  const browser = await world.as("denis");
  const stream = await openStream(world.origin, browser.cookie, "history");
  await browser.get("/");
  assert.equal((await browser.post("/deconnexion")).status, 303);
  await world.hub.recheck();
  await stream.ended;
});

test("LIV-6 : un flux fermé ne compte plus, avant même que le navigateur l’ait lu", async () => {
  const karim = await world.as("karim");
  const stream = await openStream(world.origin, karim.cookie, "notifications");
  assert.equal(world.hub.countOf(karim.id), 1);
  await karim.get("/");
  assert.equal((await karim.post("/deconnexion")).status, 303);
  await world.hub.recheck();
  assert.equal(world.hub.countOf(karim.id), 0);
  await stream.ended;
});

test("LIV-6 : le flux se ferme quand le droit s’en va, et celui d’une autre personne reste", async () => {
  const keeper = await openStream(world.origin, denis.cookie, "history");
  const { id } = await world.userOf("hugo");
  const by = { id: denis.id };
  const change = (roles: string[]) =>
    world.db.act(actOf(tenantId), async (em) => changeRoles(em, await em.findOneOrFail(User, { id }), roles, { by }));
  await change(["admin"]);
  const hugo = await world.as("hugo");
  const stream = await openStream(world.origin, hugo.cookie, "history");
  assert.equal(stream.status, 200);
  await world.hub.recheck();
  await change(["viewer"]);
  await world.hub.recheck();
  await stream.ended;
  await act();
  await keeper.next();
  keeper.close();
});

test("LIV-6 : le flux se ferme à la désactivation du compte", async () => {
  const { id } = await world.userOf("awa");
  const by = { id: denis.id };
  await world.db.act(actOf(tenantId), async (em) =>
    changeRoles(em, await em.findOneOrFail(User, { id }), ["admin"], { by }),
  );
  const awa = await world.as("awa");
  const stream = await openStream(world.origin, awa.cookie, "history");
  assert.equal(stream.status, 200);
  const now = world.clock.now();
  await world.db.act(actOf(tenantId), async (em) =>
    deactivateUser(em, await em.findOneOrFail(User, { id }), { by, now }),
  );
  await world.hub.recheck();
  await stream.ended;
});

test("la connexion d’écoute tuée : les sceaux se lisent quand même, puis l’écoute revient seule", async () => {
  const stream = await openStream(world.origin, denis.cookie, "history");
  await act();
  await stream.next();
  const killed = await query(
    world.superUrl,
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'opstracker live' and datname = current_database()",
  );
  assert.ok(killed.length > 0);
  await act();
  assert.equal((await stream.next()).id, String(await lastNumber()));
  // Each act is told meanwhile, at most one message a second, until the connection is there again.
  while (!world.hub.hears) {
    await act();
    await stream.next();
  }
  stream.close();
});

test("LIV-2 : un fragment redemandé avec sa version répond 304 tant que rien n’a changé, et n’allonge pas la session", async () => {
  const live = { "live-refresh": "1" };
  const seenAt = async () =>
    (
      await query(world.superUrl, "select max(last_seen_at)::text as at from session where user_id = $1", [denis.id])
    )[0]!.at;
  await denis.get("/admin/historique");
  await world.clock.advanceMinutes(3);
  const before = await seenAt();
  const first = await denis.get("/admin/historique", { part: true, headers: live });
  const tag = first.headers.get("etag")!;
  assert.equal(first.status, 200);
  const again = { ...live, "if-none-match": tag };
  assert.equal((await denis.get("/admin/historique", { part: true, headers: again })).status, 304);
  assert.equal(await seenAt(), before);
  await act();
  const changed = await denis.get("/admin/historique", { part: true, headers: again });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get("etag"), tag);
});

test("à l’arrêt du processus, les flux se ferment et les pages demandent à un autre", async () => {
  const other = await world.another();
  const stream = await openStream(other.origin, denis.cookie, "history");
  assert.equal(stream.status, 200);
  await other.hub.stop();
  await stream.ended;
  const late = await openStream(other.origin, denis.cookie, "history");
  assert.equal(late.status, 204);
});

test("LIV-1 : ce que la file fait d’elle-même, qu’aucun acte ne dit, arrive à qui tient l’instance et suit les tâches", async () => {
  const nadia = await world.as("nadia");
  const stream = await openStream(world.origin, nadia.cookie, "tasks");
  assert.equal((await openStream(world.origin, denis.cookie, "tasks")).status, 403);
  const job =
    "insert into pgboss.job (name, data) select name, '{}' from pgboss.queue where dead_letter is not null limit 1";
  const told = stream.next();
  // The first look is where it stands; what comes after is news.
  const working = setInterval(() => void world.owner.query(job), 300);
  assert.deepEqual((await told).topics, ["tasks"]);
  clearInterval(working);
  stream.close();
});
