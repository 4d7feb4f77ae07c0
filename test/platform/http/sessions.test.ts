import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../../../src/platform/http/route.ts";
import { ANY_PAGE, PEOPLE, product, TENANT } from "./app.ts";

const routes = [get("/", "signed-in", (_req, res) => res.show(ANY_PAGE, { status: 404, sentence: null, todo: null }))];
const COOKIE = "__Host-opstracker";

test("le cookie de session : __Host-, Secure, HttpOnly, Lax, 256 bits, jamais le même", async () => {
  const { browser, rows } = product({ routes });
  const one = browser();
  await one.get("/formulaire");
  const answer = await one.post("/connexion", { person: "Amina" });
  const line = (answer.headers["set-cookie"] as unknown as string[]).find((cookie) => cookie.startsWith(`${COOKIE}=`))!;
  assert.match(line, /; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const sid = decodeURIComponent(one.cookies.get(COOKIE)!).slice(2).split(".")[0]!;
  assert.match(sid, /^[A-Za-z0-9_-]{43}$/);
  const [[hash, row] = []] = rows.rows;
  assert.match(hash ?? "", /^[0-9a-f]{64}$/);
  assert.ok(!JSON.stringify(row).includes(sid));
  assert.deepEqual([row!.tenantId, row!.userId], [TENANT, PEOPLE.Amina!.id]);
});

test("une page connectée coûte une lecture, et ni écriture ni touche sans besoin", async () => {
  const { browser, rows } = product({ routes });
  const one = await browser().signIn("Amina");
  await one.get("/");
  rows.calls = [];
  assert.equal((await one.get("/")).status, 200);
  assert.deepEqual(rows.calls, ["get"]);
  rows.touchDue = true;
  await one.get("/");
  assert.deepEqual(rows.calls, ["get", "get", "touch"]);
});

test("un fichier public ne lit pas la session", async () => {
  const { browser, rows } = product({ routes });
  const one = await browser().signIn("Amina");
  rows.calls = [];
  await one.get("/assets/css/app.css");
  assert.deepEqual(rows.calls, []);
});

test("se connecter change d’identifiant : celui d’avant ne vaut plus rien", async () => {
  const { browser, rows } = product({ routes });
  const one = browser();
  one.cookies.set(COOKIE, "s:choisi-par-un-autre.AAAA");
  await one.signIn("Amina");
  const first = one.cookies.get(COOKIE)!;
  assert.doesNotMatch(first, /choisi-par-un-autre/);
  await one.get("/");
  await one.post("/connexion", { person: "Amina" });
  assert.notEqual(one.cookies.get(COOKIE), first);
  assert.equal(rows.rows.size, 1);
  one.cookies.set(COOKIE, first);
  assert.equal((await one.get("/")).status, 303);
});

test("se déconnecter ferme la ligne ; l’ancien cookie mène à la connexion", async () => {
  const { browser, rows } = product({ routes });
  const one = await browser().signIn("Amina");
  await one.get("/");
  const cookie = one.cookies.get(COOKIE)!;
  assert.equal((await one.post("/deconnexion")).status, 303);
  assert.equal(rows.rows.size, 0);
  one.cookies.set(COOKIE, cookie);
  assert.equal((await one.get("/")).headers.location, "/connexion");
});

test("un compte désactivé entre deux requêtes n’entre plus", async () => {
  const { browser, rows } = product({ routes });
  const one = await browser().signIn("Amina");
  const get = rows.get.bind(rows);
  rows.get = async (hash) => {
    const live = await get(hash);
    return live && { ...live, principal: null };
  };
  assert.equal((await one.get("/")).status, 303);
});

test("base muette : les pages connectées disent 503, jamais « déconnecté »", async () => {
  const { browser, rows } = product({ routes });
  const one = await browser().signIn("Amina");
  rows.trouble = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const { status, headers } = await one.get("/");
  assert.deepEqual([status, headers["retry-after"], headers.location], [503, "5", undefined]);
});

test("?sid= et ?token= dans l’adresse ne connectent personne", async () => {
  const { browser } = product({ routes });
  const signedIn = await browser().signIn("Amina");
  const cookie = signedIn.cookies.get(COOKIE)!;
  assert.equal((await browser().get(`/?sid=${cookie}&token=${cookie}`)).status, 303);
});
