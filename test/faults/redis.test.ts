import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { signIn } from "../accounts/doors.ts";
import { query } from "../support/cluster.ts";
import { startRedis } from "../support/redis.ts";
import { type Browser, startWorld } from "../support/world.ts";

const redis = await startRedis();
const world = await startWorld({ redisUrl: redis.url });

const rowsOf = async (who: string) => {
  const { id, tenantId } = await world.userOf(who);
  return world.db.read(tenantId, (em) =>
    em.execute<{ payload: object }[]>("select payload from session where user_id = ?", [id]),
  );
};

/** The answer, and how long it was waited for. */
async function timed(asked: Promise<{ status: number; text: string; headers: Headers }>) {
  const from = performance.now();
  const { status, text, headers } = await asked;
  return { status, text, retryAfter: headers.get("retry-after"), ms: performance.now() - from };
}

/** Until this page answers again, five seconds at most (F04). */
async function backWithin5s(browser: Browser) {
  for (const limit = performance.now() + 5_000; ; await pause(50)) {
    if ((await browser.get("/compte")).status === 200) return;
    assert.ok(performance.now() < limit, "toujours pas revenu cinq secondes après Redis");
  }
}

test("avec Redis, le contenu d’une session y vit, sous l’empreinte de son identifiant ; la ligne garde qui et jusqu’à quand", async () => {
  const { browser } = await signIn(world, "helene");
  assert.equal((await browser.get("/compte")).status, 200);
  const [row] = await rowsOf("helene");
  assert.deepEqual(Object.keys(row!.payload).sort(), ["authenticatedAt", "rights"]);
  const sid = decodeURIComponent(browser.cookie.split("opstracker=")[1]!).slice(2).split(".")[0]!;
  const keys = await redis.tell((client) => client.keys("*"));
  assert.ok(keys.length > 0);
  for (const key of keys) {
    assert.match(key, /^(s:|t:[0-9a-f-]{36}:)/, "P13");
    assert.ok(!key.includes(sid), "l’identifiant n’est pas dans les clés");
    assert.ok((await redis.tell((client) => client.ttl(key))) > 0, `${key} finit d’elle-même`);
  }
  assert.equal(keys.filter((key) => key.startsWith("s:session:")).length, 1);

  assert.equal((await browser.post("/deconnexion")).status, 303);
  assert.deepEqual(await redis.tell((client) => client.keys("s:session:*")), []);
  assert.equal((await browser.get("/compte")).status, 303);
});

test("P11 : avec Redis, une désactivation ou une fermeture vaut dès la demande suivante", async () => {
  const [karim, martine] = [await world.as("karim"), await world.as("martine")];
  assert.equal((await karim.get("/compte")).status, 200);
  const { id, tenantId } = await world.userOf("karim");
  await world.db.note(tenantId, (em) => em.execute("delete from session where user_id = ?", [id]));
  assert.equal((await karim.get("/compte")).status, 303);

  const denis = await world.as("denis");
  const target = (await world.userOf("martine")).id;
  assert.equal((await martine.get("/compte")).status, 200);
  const page = await denis.get(`/admin/utilisateurs/${target}`);
  const version = /name="version" value="(\d+)"/.exec(page.text)?.[1];
  const answer = await denis.post(`/admin/utilisateurs/${target}/desactivation`, {
    reason: "Fin de contrat",
    ...(version && { version }),
  });
  assert.equal(answer.status, 303, answer.text.slice(0, 300));
  assert.equal((await martine.get("/compte")).status, 303);
});

test("une session ouverte avant Redis reste ouverte", async () => {
  const before = await startWorldSession();
  assert.equal((await before.get("/compte")).status, 200);
});

/** As `as` does without Redis: everything in the row. */
async function startWorldSession(): Promise<Browser> {
  const { browser } = await signIn(world, "claire");
  const { id, tenantId } = await world.userOf("claire");
  const [key] = await redis.tell((client) =>
    client.keys("s:session:*").then(async (all) => {
      const held = await Promise.all(all.map(async (one) => [one, await client.get(one)] as const));
      return held.filter(([, text]) => text?.includes(id)).map(([one]) => one);
    }),
  );
  const content = JSON.parse((await redis.tell((client) => client.getdel(key!)))!) as object;
  await world.db.note(tenantId, (em) =>
    em.execute("update session set payload = payload || ?::jsonb where user_id = ?", [JSON.stringify(content), id]),
  );
  return browser;
}

for (const [how, stop, restart] of [
  ["tué", () => redis.kill(), () => redis.start()],
  ["figé", async () => void redis.freeze(), async () => void redis.thaw()],
] as const) {
  test(`F04 : Redis ${how} : pages connectées en 503 lisible, pages publiques servies, essais de connexion comptés, retour en 5 s`, async () => {
    const browser = await world.as("sophie");
    assert.equal((await browser.get("/compte")).status, 200);
    await stop();

    const slow: string[] = [];
    const ask = async (what: string, sent: Promise<{ status: number; text: string; headers: Headers }>) => {
      const answer = await timed(sent);
      if (answer.ms > 2_000) slow.push(`${what} : ${Math.round(answer.ms)} ms`);
      return answer;
    };
    const pages = ["/", "/compte", "/aide", "/accessibilite", "/connexion"];
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, rank) => {
        const at = pages[rank % pages.length]!;
        return { at, ...(await ask(at, browser.get(at))) };
      }),
    );
    for (const { at, status, text, retryAfter } of answers) {
      if (at === "/" || at === "/compte") {
        assert.equal(status, 503, at);
        assert.equal(retryAfter, "5");
        assert.match(text, /<html lang="fr"[\s\S]*<h1[^>]*>Service indisponible<\/h1>/);
      } else assert.equal(status, 200, `${at}, pour qui avait une session`);
    }
    assert.equal((await ask("anonyme", world.anonymous().get("/compte"))).status, 303, "sans cookie : à la connexion");

    // Wrong passwords one after the other: counted in PostgreSQL meanwhile, by address and by account.
    const stranger = world.anonymous();
    await stranger.get("/connexion");
    const { email } = await world.userOf("hugo");
    await countedAlready(94);
    const statuses: number[] = [];
    for (let tries = 0; tries < 10 && statuses.at(-1) !== 429; tries++) {
      statuses.push((await ask("connexion", stranger.post("/connexion", { email, password: `faux ${tries}` }))).status);
    }
    assert.equal(statuses.at(-1), 429, statuses.join(" "));
    assert.ok(
      statuses.every((status) => [401, 422, 429].includes(status)),
      statuses.join(" "),
    );
    const { id, tenantId } = await world.userOf("hugo");
    const [guard] = await world.db.read(tenantId, (em) =>
      em.execute<{ locked: boolean }[]>("select locked_until > app_now() as locked from sign_in_guard where id = ?", [
        id,
      ]),
    );
    assert.equal(guard?.locked, true, "P16 : le verrou vit dans PostgreSQL");
    assert.deepEqual(slow, [], "plus de deux secondes");

    await restart();
    if (how === "tué") {
      // Nothing is kept on disk: to that Redis nobody is signed in, and pages say so instead of 503.
      for (const limit = performance.now() + 5_000; (await browser.get("/compte")).status !== 303; await pause(50))
        assert.ok(performance.now() < limit);
      await backWithin5s(await freshly());
    } else await backWithin5s(browser);
    await world.clock.advanceMinutes(16);
  });
}

/** Tries of this machine in PostgreSQL's present minute and the next: a hundred real ones would be slow. */
const countedAlready = (hits: number) =>
  query(
    world.superUrl,
    `insert into rate_hit
     select 'sign-in:127.0.0.1', to_timestamp(floor(extract(epoch from app_now()) / 60) * 60 + later), $1 from unnest(array[0, 60]) later
     on conflict (bucket, started_at) do update set hits = excluded.hits`,
    [hits],
  );

const freshly = async () => (await world.as("sophie")) as Browser;

test("F05 : FLUSHALL : tout le monde est déconnecté, aucun 500, les verrous tiennent", async () => {
  const people = await Promise.all(["denis", "helene", "nadia"].map((who) => world.as(who)));
  for (const one of people) assert.equal((await one.get("/compte")).status, 200);
  const { email, id, tenantId } = await world.userOf("aicha");
  const stranger = world.anonymous();
  await stranger.get("/connexion");
  for (let tries = 0; tries < 5; tries++) await stranger.post("/connexion", { email, password: `faux ${tries}` });
  const locked = () =>
    world.db.read(tenantId, (em) =>
      em.execute<{ locked: boolean }[]>("select locked_until > app_now() as locked from sign_in_guard where id = ?", [
        id,
      ]),
    );
  assert.equal((await locked())[0]?.locked, true);

  await redis.tell((client) => client.flushall());
  for (const one of people) {
    const { status, location } = await one.get("/compte");
    assert.deepEqual([status, location], [303, "/connexion?retour=%2Fcompte"]);
    assert.equal((await one.get("/aide")).status, 200);
  }
  assert.equal((await locked())[0]?.locked, true, "FLUSHALL ne rouvre pas un compte");
  assert.deepEqual(await rowsOf("nadia"), [], "la liste des sessions ne montre pas ce qui n’ouvre plus rien");
  const { browser } = await signIn(world, "denis");
  assert.equal((await browser.get("/compte")).status, 200);
});
