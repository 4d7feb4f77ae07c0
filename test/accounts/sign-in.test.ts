import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../support/world.ts";
import { PASSWORD, securityLines, signIn } from "./doors.ts";

const world = await startWorld();

const MINUTE = 60_000;

test("bonne adresse et bon mot de passe : une session, et l’accueil", async () => {
  const { browser, answer } = await signIn(world, "denis");
  assert.equal(answer.status, 303);
  assert.equal(answer.location, "/");
  assert.equal((await browser.get("/compte")).status, 200);
  const [line] = await securityLines(world, "denis");
  assert.equal(line?.kind, "sign_in.succeeded");
});

test("inconnue, fausse, verrouillée, désactivée, invitée : la même page, mot pour mot", async () => {
  await world.db.note((await world.userOf("yann")).tenantId, async (em) => {
    const { id, tenantId } = await world.userOf("yann");
    await em.execute(
      "insert into sign_in_guard (tenant_id, id, failures, locked_until) values (?, ?, 5, app_now() + interval '15 minutes')",
      [tenantId, id],
    );
  });
  const told = async (email: string, password = "un autre mot de passe") => {
    const { answer } = await signIn(world, { email, password });
    assert.equal(answer.status, 422);
    return answer.text
      .replace(email, "")
      .replace(/name="_(?:csrf|key)" value="[^"]*"/g, "")
      .replace(/Référence [0-9A-F-]+/g, "");
  };
  const wrong = await told("sophie.marchand@quais.example");
  assert.equal(await told("personne@quais.example"), wrong);
  assert.equal(await told("yann.le-goff@quais.example", PASSWORD), wrong);
  assert.equal(await told("paul.renard@quais.example", PASSWORD), wrong);
  assert.equal(await told("louis.perrin@quais.example", PASSWORD), wrong);
});

test("cinq échecs verrouillent quinze minutes, même avec le bon mot de passe", async () => {
  const attempt = async (password: string) =>
    (await signIn(world, { email: "karim.daoudi@quais.example", password })).answer.status;
  for (let i = 1; i <= 5; i++) assert.equal(await attempt("raté"), 422, `échec ${i}`);
  assert.equal(await attempt(PASSWORD), 422, "verrouillé");
  await world.clock.advance(14 * MINUTE + 50_000);
  assert.equal(await attempt(PASSWORD), 422, "14 min 50 s");
  await world.clock.advance(20_000);
  assert.equal(await attempt(PASSWORD), 303, "15 min 10 s");
  const kinds = (await securityLines(world, "karim")).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "account.locked").length, 1);
});

test("après la fin du verrou le compteur repart de zéro : un échec ne verrouille pas", async () => {
  const attempt = async (password: string) =>
    (await signIn(world, { email: "awa.ndiaye@quais.example", password })).answer.status;
  for (let i = 1; i <= 5; i++) await attempt("raté");
  await world.clock.advanceMinutes(16);
  assert.equal(await attempt("raté encore"), 422);
  assert.equal(await attempt(PASSWORD), 303);
});

test("cinquante essais à la fois : cinq au plus sont comparés, et le compte est verrouillé", async () => {
  const email = "hugo.lambert@quais.example";
  // The right password is the last of fifty: by then the count is spent, wherever it lands among the others.
  const tries = Array.from({ length: 50 }, (_, i) =>
    signIn(world, { email, password: i === 49 ? PASSWORD : `raté ${i}` }),
  );
  const statuses = (await Promise.all(tries)).map(({ answer }) => answer.status);
  assert.ok(statuses.every((status) => status === 422 || status === 303));
  const { id, tenantId } = await world.userOf("hugo");
  const [guard] = await world.db.read(tenantId, (em) =>
    em.execute<{ failures: number; locked: boolean }[]>(
      "select failures, locked_until > app_now() as locked from sign_in_guard where id = ?",
      [id],
    ),
  );
  if (!statuses.includes(303)) assert.deepEqual(guard, { failures: 50, locked: true });
  const compared = (await securityLines(world, "hugo", 200)).filter(
    ({ kind, detail }) => kind === "sign_in.failed" && Number(detail.rank) <= 5,
  );
  assert.ok(compared.length <= 5, `${compared.length} essais comparés`);
});

test("une adresse, deux organisations : la page demande laquelle", async () => {
  const { tenantId } = await world.userOf("nathalie");
  await world.db.note(tenantId, (em) => em.execute("select 1"));
  const { addTwin } = await import("./doors.ts");
  await addTwin(world, "martine", "portelune");
  const { browser, answer } = await signIn(world, "martine");
  assert.equal(answer.status, 200);
  assert.match(answer.text, /Mutuelle des Quais[\s\S]+Ville de Portelune/);
  const ticket = /name="ticket" value="([^"]+)"/.exec(answer.text)![1]!;
  const entered = await browser.post("/connexion/organisation", { ticket, organisation: tenantId, retour: "/" });
  assert.equal(entered.status, 303);
  assert.match((await browser.get("/compte")).text, /Ville de Portelune/);
  const stolen = world.anonymous();
  await stolen.get("/connexion");
  assert.equal((await stolen.post("/connexion/organisation", { ticket, organisation: tenantId })).status, 404);
});

test("l’identifiant de session posé d’avance n’est pas gardé, et l’ancien meurt à la sortie", async () => {
  const planted = world.anonymous();
  await planted.get("/connexion");
  const first = await signIn(world, "claire");
  const before = first.browser.cookie;
  await first.browser.get("/compte");
  const again = await signIn(world, "claire", first.browser);
  assert.notEqual(again.browser.cookie, before);
  const old = await fetch(`${world.origin}/compte`, { headers: { cookie: before }, redirect: "manual" });
  assert.equal(old.status, 303, "l’identifiant d’avant ne vaut plus rien");
  await again.browser.get("/compte");
  const live = again.browser.cookie;
  const left = await again.browser.post("/deconnexion");
  assert.equal(left.headers.get("clear-site-data"), '"cache", "storage"');
  const dead = await fetch(`${world.origin}/compte`, { headers: { cookie: live }, redirect: "manual" });
  assert.equal(dead.status, 303);
  assert.match(dead.headers.get("location") ?? "", /^\/connexion/);
});

test("« Rester connecté » n’est pas donné à qui administre", async () => {
  const stayOf = async (who: string) => {
    await signIn(world, who, undefined, { stay: "oui" });
    const { id, tenantId } = await world.userOf(who);
    const [row] = await world.db.read(tenantId, (em) =>
      em.execute<{ stay: boolean; days: number }[]>(
        "select stay, round(extract(epoch from expires_at - created_at) / 86400)::int as days from session where user_id = ? order by created_at desc limit 1",
        [id],
      ),
    );
    return row;
  };
  assert.deepEqual(await stayOf("denis"), { stay: false, days: 1 });
  // The organisation has set 15 days.
  assert.deepEqual(await stayOf("helene"), { stay: true, days: 15 });
});

test("le retour ne mène qu’à une page d’ici", async () => {
  const landing = async (retour: string) => (await signIn(world, "sophie", undefined, { retour })).answer.location;
  assert.equal(await landing("/compte"), "/compte");
  for (const evil of [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/%2f%2fevil",
    "\t//evil",
    "javascript:1",
  ]) {
    assert.equal(await landing(evil), "/", evil);
  }
});

test("les personnages en un clic n’existent que sur cette machine, sans relais", async () => {
  const visitor = world.anonymous();
  const { text } = await visitor.get("/connexion");
  const persona = /name="persona" value="([^"]+)"/.exec(text)![1]!;
  const relayed = world.anonymous();
  const far = await relayed.get("/connexion", { headers: { "x-forwarded-for": "203.0.113.7" } });
  assert.doesNotMatch(far.text, /name="persona"/);
  assert.equal(
    (await relayed.post("/connexion/demo", { persona }, { headers: { forwarded: "for=203.0.113.7" } })).status,
    404,
  );
  assert.equal((await visitor.post("/connexion/demo", { persona })).status, 303);
  assert.equal((await visitor.get("/compte")).status, 200);
});

test("au-delà de cent essais par minute, l’adresse attend", async () => {
  await world.clock.advanceMinutes(2);
  const visitor = world.anonymous();
  await visitor.get("/connexion");
  let last = 0;
  for (let i = 0; i < 101; i++) last = (await visitor.post("/connexion", { email: "", password: "" })).status;
  assert.equal(last, 429);
  await world.clock.advanceMinutes(2);
});
