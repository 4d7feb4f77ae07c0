import assert from "node:assert/strict";
import { test } from "node:test";
import { rateLimit } from "../../../src/platform/http/rate.ts";
import { get, post, type Route } from "../../../src/platform/http/route.ts";
import { product } from "./app.ts";

const ok: Route["handler"] = (_req, res) => void res.send("ok");
const routes = [
  get("/lent", "public", ok, { rate: { limit: 2, windowSeconds: 60 } }),
  get("/invitation/:token", "public", ok, { secretPath: true }),
  post("/contact", "public", ok, { publicForm: true }),
  get("/lue", "public", ok),
  get("/autre", "public", ok),
];

test("au-delà : 429, quand revenir, une page qui l’explique", async () => {
  const one = product({ routes }).browser();
  assert.equal((await one.get("/lent")).status, 200);
  assert.equal((await one.get("/lent")).status, 200);
  const { status, headers, text } = await one.get("/lent");
  assert.deepEqual([status, headers["retry-after"]], [429, "60"]);
  assert.match(text, /Attendez 60 secondes/);
});

test("chaque route publique a sa limite sans rien déclarer", async () => {
  const { browser } = product({ routes });
  const one = browser();
  const trips = async (most: number, send: () => Promise<{ status: number }>) => {
    for (let sent = 0; sent <= most; sent++) if ((await send()).status === 429) return sent;
    return null;
  };
  assert.equal(await trips(70, () => one.get("/invitation/abc")), 60);
  assert.equal(await trips(110, () => one.post("/contact")), 100);
  assert.equal(await trips(1300, () => one.get("/lue")), 1200);
});

test("un X-Forwarded-For inventé ne donne pas un compteur neuf ; celui d’un relais déclaré compte", async () => {
  const alone = product({ routes });
  const behind = product({ routes, config: { trustProxy: ["loopback"] } });
  for (const from of ["1.1.1.1", "2.2.2.2", "2001:db8:1:2::9", "2001:db8:1:2:3::"]) {
    await alone.browser().get("/lent", { headers: { "X-Forwarded-For": from } });
    await behind.browser().get("/lent", { headers: { "X-Forwarded-For": from } });
  }
  assert.deepEqual([...alone.db.hits.keys()], ["GET /lent:127.0.0.1"]);
  assert.deepEqual(
    [...behind.db.hits],
    [
      ["GET /lent:1.1.1.1", 1],
      ["GET /lent:2.2.2.2", 1],
      ["GET /lent:2001:db8:1:2::/64", 2],
    ],
  );
});

test("sans base, ce qui se compte en base se refuse (503)", async () => {
  const { browser, db } = product({ routes });
  db.trouble = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  assert.equal((await browser().get("/lent")).status, 503);
  assert.equal((await browser().get("/autre")).status, 200);
});

test("rateLimit se pose aussi devant un gestionnaire", async () => {
  const limited = rateLimit({ bucket: "essai", limit: 1, windowSeconds: 30 });
  const { browser } = product({
    routes: [
      get("/x", "public", (req, res, next) => limited(req, res, (error) => (error ? next(error) : res.send("ok"))), {
        rate: false,
      }),
    ],
  });
  assert.equal((await browser().get("/x")).status, 200);
  assert.equal((await browser().get("/x")).headers["retry-after"], "30");
});
