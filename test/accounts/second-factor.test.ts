import assert from "node:assert/strict";
import { test } from "node:test";
import { generate } from "otplib";
import QRCode from "qrcode";
import { drawRecoveryCodes } from "../../src/accounts/recovery-code.ts";
import { drawKey, stepOf } from "../../src/accounts/second-factor.ts";
import { proveCode } from "../../src/accounts/sign-in-code.ts";
import { editTenant, Tenant } from "../../src/accounts/tenant.ts";
import { User } from "../../src/accounts/user.ts";
import { CannotOpen, close, open } from "../../src/platform/cipher.ts";
import { actOf } from "../support/database.ts";
import { dropFactor } from "../support/sweep.ts";
import { type Browser, SECRET, startWorld } from "../support/world.ts";
import { codeNow, fieldOf, keyOn, PASSWORD, securityLines, signIn } from "./doors.ts";

const world = await startWorld();
const AT = "/compte/double-authentification";
const STEP = 30_000;
const ORIGIN = { ip: "127.0.0.1", headers: {} };

const codeAt = (key: string, shiftMs = 0) => codeNow(world, key, shiftMs);
const codesOf = (text: string) => [...text.matchAll(/<code>([0-9A-Z-]+)<\/code>/g)].map(([, code]) => code!);

/** Through the pages, as a person with a telephone does. */
async function enrol(browser: Browser): Promise<{ key: string; codes: string[]; text: string }> {
  const { text } = await browser.get(`${AT}/activation`);
  const key = keyOn(text);
  const done = await browser.post(`${AT}/activation`, { ticket: fieldOf(text, "ticket"), code: await codeAt(key) });
  assert.equal(done.status, 200, done.text);
  return { key, codes: codesOf(done.text), text: done.text };
}

/** Past the password, in front of the code. */
async function atTheCode(who: string, more = {}) {
  const { browser, answer } = await signIn(world, who, undefined, more);
  assert.equal(answer.status, 200);
  assert.match(answer.text, /<h1>Code de votre téléphone/);
  const ticket = fieldOf(answer.text, "ticket");
  return { browser, type: (fields: Record<string, string>) => browser.post("/connexion/code", { ticket, ...fields }) };
}

test("le dessin est celui de l’adresse de la clé, et la clé est écrite en toutes lettres", async () => {
  const { text } = await (await world.as("helene")).get(`${AT}/activation`);
  const uri = /href="(otpauth:[^"]+)"/.exec(text)![1]!.replaceAll("&amp;", "&");
  const address = new URL(uri);
  assert.equal(address.searchParams.get("secret"), keyOn(text));
  assert.match(decodeURIComponent(address.pathname), /helene\.[^@]+@/);
  const { modules } = QRCode.create(uri, { errorCorrectionLevel: "M" });
  const drawn = new Set<string>();
  const path = /<path fill="#000000" d="([^"]+)"/.exec(text)![1]!;
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let i = 0; i < Number(length); i++) drawn.add(`${Number(x) + i - 4},${Number(y) - 4}`);
  }
  for (let y = 0; y < modules.size; y++) {
    for (let x = 0; x < modules.size; x++) assert.equal(drawn.has(`${x},${y}`), modules.get(y, x) === 1, `${x},${y}`);
  }
  assert.doesNotMatch(text, /style=/);
});

test("ACC-12 : activer, puis la connexion demande le code après le mot de passe, et change d’identifiant", async () => {
  const sophie = await world.as("sophie");
  const before = sophie.cookie;
  const refused = await sophie.post(`${AT}/activation`, {
    ticket: fieldOf((await sophie.get(`${AT}/activation`)).text, "ticket"),
    code: "000000",
  });
  assert.equal(refused.status, 422);
  const { key, codes } = await enrol(sophie);
  assert.equal(new Set(codes).size, 10);
  assert.match((await sophie.get(AT)).text, /Elle est active/);
  assert.notEqual(sophie.cookie, before, "P18 : un autre identifiant après l’activation");
  assert.doesNotMatch((await sophie.get(AT)).text, new RegExp(codes[0]!));

  await world.clock.advance(2 * STEP);
  const { browser, type } = await atTheCode("sophie", { retour: "/compte" });
  const wait = await browser.get("/compte");
  assert.equal(wait.status, 303, "sans le code, personne n’est connecté");
  assert.match(wait.location ?? "", /^\/connexion/);
  const entered = await type({ code: await codeAt(key), retour: "/compte" });
  assert.deepEqual([entered.status, entered.location], [303, "/compte"]);
  assert.equal((await browser.get("/compte")).status, 200);
  const lines = await securityLines(world, "sophie");
  assert.deepEqual(lines[0]?.detail, { method: "password_code", stayDays: 0 });
  assert.ok(lines.some(({ kind }) => kind === "factor.enrolled"));
});

test("ACC-12 : un pas de tolérance de chaque côté, pas deux", async () => {
  const key = drawKey();
  const now = new Date("2026-11-21T10:00:15Z");
  const at = (shift: number) => generate({ secret: key, epoch: now.getTime() / 1000 + shift });
  const present = Math.floor(now.getTime() / STEP);
  assert.equal(await stepOf(key, await at(0), now), present);
  assert.equal(await stepOf(key, await at(-30), now), present - 1);
  assert.equal(await stepOf(key, await at(30), now), present + 1);
  assert.equal(await stepOf(key, await at(-60), now), null);
  assert.equal(await stepOf(key, await at(60), now), null);
  assert.equal(await stepOf(key, "12345", now), null);
  assert.equal(await stepOf(key, "abcdef", now), null);
});

test("ACC-12 : un code ne sert qu’une fois, ni rejoué, ni le précédent après lui", async () => {
  const { key } = await enrol(await world.as("karim"));
  await world.clock.advance(3 * STEP);
  const code = await codeAt(key);
  const first = await atTheCode("karim");
  assert.equal((await first.type({ code })).status, 303);
  const second = await atTheCode("karim");
  assert.equal((await second.type({ code })).status, 422, "rejoué");
  assert.equal((await second.type({ code: await codeAt(key, -STEP) })).status, 422, "d’avant celui qui a servi");
  await world.clock.advance(STEP);
  assert.equal((await second.type({ code: await codeAt(key) })).status, 303);
});

test("ACC-12 : cinquante fois le même code au même instant, une seule réussit", async () => {
  const { key } = await enrol(await world.as("martine"));
  await world.clock.advance(3 * STEP);
  const { id: userId, tenantId } = await world.userOf("martine");
  const code = await codeAt(key);
  const now = world.clock.now();
  const tries = await Promise.all(
    Array.from({ length: 50 }, () =>
      proveCode(world.db, { tenantId, userId }, { code }, ORIGIN, { secret: SECRET, now }),
    ),
  );
  assert.equal(tries.filter(Boolean).length, 1);
});

test("ACC-12 : un code de récupération remplace le téléphone une fois, même demandé par deux à la fois", async () => {
  const { codes } = await enrol(await world.as("awa"));
  const one = await atTheCode("awa");
  assert.equal((await one.type({ recovery: codes[0]!.toLowerCase().replaceAll("-", " ") })).status, 303);
  const welcome = (await one.browser.get("/interventions")).text;
  assert.match(
    welcome,
    /Il vous en reste 9[\s\S]+href="\/compte\/double-authentification"[^>]*>[^<]*Changer de téléphone/,
  );
  const again = await atTheCode("awa");
  assert.equal((await again.type({ recovery: codes[0]! })).status, 422);
  const { id: userId, tenantId } = await world.userOf("awa");
  const now = world.clock.now();
  const both = await Promise.all(
    [1, 2].map(() =>
      proveCode(world.db, { tenantId, userId }, { recovery: codes[1]! }, ORIGIN, { secret: SECRET, now }),
    ),
  );
  assert.deepEqual(both.toSorted(), [false, true]);
  const spent = (await securityLines(world, "awa")).find(({ kind }) => kind === "factor.recovered");
  assert.equal(spent?.detail.left, 8);
});

test("ACC-13 : cinq codes faux verrouillent quinze minutes, et le bon mot de passe ne rend pas d’essais", async () => {
  const { key } = await enrol(await world.as("claire"));
  await world.clock.advance(3 * STEP);
  const first = await atTheCode("claire");
  for (let i = 1; i <= 4; i++) assert.equal((await first.type({ code: "000000" })).status, 422, `échec ${i}`);
  // The password proved again between two tries gives nothing back.
  const again = await atTheCode("claire");
  assert.equal((await again.type({ recovery: "AAAA-AAAA-AAAA-AAAA" })).status, 422, "échec 5");
  assert.equal((await again.type({ code: await codeAt(key) })).status, 422, "verrouillé, même avec le bon code");
  assert.equal((await signIn(world, "claire")).answer.status, 422, "verrouillé, même avec le bon mot de passe");
  await world.clock.advanceMinutes(16);
  const later = await atTheCode("claire");
  assert.equal((await later.type({ code: await codeAt(key) })).status, 303);
  const kinds = (await securityLines(world, "claire")).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "account.locked").length, 1);
});

test("un billet de connexion ne vaut ni ailleurs, ni longtemps, ni pour une autre étape", async () => {
  const { key } = await enrol(await world.as("hugo"));
  await world.clock.advance(3 * STEP);
  const { browser, answer } = await signIn(world, "hugo");
  const ticket = fieldOf(answer.text, "ticket");
  const code = await codeAt(key);
  const stolen = world.anonymous();
  await stolen.get("/connexion");
  assert.equal((await stolen.post("/connexion/code", { ticket, code })).status, 404);
  const { tenantId } = await world.userOf("hugo");
  assert.equal((await browser.post("/connexion/organisation", { ticket, organisation: tenantId })).status, 404);
  await world.clock.advanceMinutes(6);
  assert.equal((await browser.post("/connexion/code", { ticket, code: await codeAt(key) })).status, 404);
});

test("ACC-11 : retirer demande un code, même juste après la connexion ; une faute de frappe n’est pas un essai", async () => {
  const lea = await world.as("aicha");
  const { codes } = await enrol(lea);
  await lea.get(AT);
  for (const slip of ["", "12345", "AAAA-BBBB", "é".repeat(6)]) {
    assert.equal((await lea.post(`${AT}/retrait`, { code: slip })).status, 422, slip);
  }
  assert.ok(!(await securityLines(world, "aicha")).some(({ kind }) => kind === "factor.failed"), "rien n’est compté");
  assert.equal((await lea.post(`${AT}/retrait`, { code: "000000" })).status, 422);
  assert.equal((await securityLines(world, "aicha"))[0]?.kind, "factor.failed");
  const done = await lea.post(`${AT}/retrait`, { code: codes[0]! });
  assert.deepEqual([done.status, done.location], [303, AT]);
  const proved = (await securityLines(world, "aicha")).find(({ kind }) => kind === "step_up.succeeded");
  assert.deepEqual(proved?.detail, { method: "recovery" });
  assert.match((await lea.get(AT)).text, /Elle n’est pas active/);
  assert.equal((await signIn(world, "aicha")).answer.status, 303);
});

test("ACC-11 : après quinze minutes, un acte sensible demande le code à qui a un téléphone, pas le mot de passe", async () => {
  const denis = await world.as("denis");
  const { key, codes } = await enrol(denis);
  const { id } = await world.userOf("yann");
  const at = `/admin/utilisateurs/${id}/invitation`;
  const confirmations = async () =>
    (await securityLines(world, "denis"))
      .filter(({ kind }) => kind === "step_up.succeeded")
      .map(({ detail }) => detail);
  await world.clock.advanceMinutes(20);
  const page = `/admin/utilisateurs/${id}`;
  await denis.get(page);
  const asked = await denis.post(at);
  assert.equal(asked.status, 403);
  assert.match(asked.text, /Confirmer avec votre téléphone[\s\S]+name="_code"/);
  assert.doesNotMatch(asked.text, /name="_password"/);
  assert.equal((await denis.post(at, { _password: PASSWORD })).status, 403, "le mot de passe ne suffit plus");
  assert.equal((await denis.post(at, { _code: "000000" })).status, 403);
  const code = await codeAt(key);
  assert.deepEqual(await confirmations(), [], "aucun refus n’est une confirmation");
  assert.notEqual((await denis.post(at, { _code: code })).status, 403);
  assert.deepEqual(await confirmations(), [{ method: "code" }]);
  await world.clock.advanceMinutes(16);
  await denis.get(page);
  assert.equal((await denis.post(at, { _code: code })).status, 403, "un code d’avant");
  assert.notEqual((await denis.post(at, { _code: codes[0]! })).status, 403);
  assert.deepEqual(await confirmations(), [{ method: "recovery" }, { method: "code" }]);
  const log = (await denis.get("/admin/journal-securite")).text;
  assert.match(log, /Vous avez confirmé votre identité par un code de récupération avant un acte sensible\./);
  assert.match(log, /Vous avez confirmé votre identité par un code du téléphone avant un acte sensible\./);
  await dropFactor(world, await world.userOf("denis"));
});

test("l’activation, le changement de téléphone et le retrait se disent à la personne par courriel", async () => {
  const nadia = await world.as("martine");
  await dropFactor(world, await world.userOf("martine"));
  await enrol(nadia);
  await world.clock.advance(2 * STEP);
  const { codes } = await enrol(nadia);
  await nadia.get(AT);
  assert.equal((await nadia.post(`${AT}/retrait`, { code: codes[0]! })).status, 303);
  const { id, tenantId } = await world.userOf("martine");
  const told = await world.db.read(tenantId, (em) =>
    em.execute<{ kind: string; subject: string }[]>(
      "select kind, subject from outbox where person_id = ? and kind like 'accounts.factor%' order by id desc limit 3",
      [id],
    ),
  );
  assert.deepEqual(
    told.map(({ subject }) => subject),
    [
      "La double authentification de votre compte a été retirée",
      "Le téléphone de votre compte a changé",
      "La double authentification de votre compte est active",
    ],
  );
});

test("un téléphone ne se rend ni ne se reprend en annulant un acte", async () => {
  const denis = await world.as("denis");
  await enrol(denis);
  const { tenantId } = await world.userOf("denis");
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from act where code = 'user.second_factor_enrolled' order by id desc limit 1",
    ),
  );
  const { text } = await denis.get(`/actes/${act!.id}/annulation`);
  assert.match(text, /Un téléphone ne se rend ni ne se reprend/);
  await dropFactor(world, await world.userOf("denis"));
});

test("ACC-13 : une personne qui administre réinitialise avec un motif, la personne le lit, ses sessions se ferment", async () => {
  const helene = await world.as("helene");
  await enrol(helene);
  const { id } = await world.userOf("helene");
  const denis = await world.as("denis");
  const at = `/admin/utilisateurs/${id}/double-authentification`;
  await denis.get(at);
  assert.equal((await denis.post(at, { reason: "" })).status, 422);
  assert.equal((await denis.post(at, { reason: "Téléphone perdu, vue au guichet" })).status, 303);
  assert.equal((await helene.get("/compte")).status, 303, "session fermée");
  const back = await signIn(world, "helene");
  assert.equal(back.answer.status, 303, "plus de code demandé");
  assert.match((await back.browser.get("/compte")).text, /réinitialisée, par Denis/);
  const told = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ kind: string }[]>("select kind from outbox where person_id = ? order by id desc limit 1", [id]),
  );
  assert.equal(told[0]?.kind, "accounts.factor_reset");
  const acts = await denis.get("/admin/historique");
  assert.match(acts.text, /Réinitialisation de la double authentification d’Hélène/);
  const own = await world.userOf("denis");
  await enrol(denis);
  const self = `/admin/utilisateurs/${own.id}/double-authentification`;
  await denis.get(self);
  assert.equal((await denis.post(self, { reason: "Par moi-même" })).status, 422);
  await dropFactor(world, own);
});

test("ACC-12 : un rôle qui l’exige mène à l’activation, et à rien d’autre", async () => {
  const denis = await world.as("denis");
  const { tenantId } = await world.userOf("denis");
  const tenant = (await denis.get("/admin/organisation")).text;
  const saved = await denis.post("/admin/organisation/securite", {
    version: fieldOf(tenant, "version"),
    passwordPreset: "robustesse",
    stayConnectedDays: "15",
    historyYears: "2",
    secondFactorRoles: ["admin", "viewer"],
  });
  assert.equal(saved.status, 303, saved.text);
  for (const path of ["/", "/compte", "/admin/utilisateurs", "/compte/mot-de-passe", AT]) {
    const { status, location } = await denis.get(path);
    assert.deepEqual([status, location], [303, `${AT}/activation`], path);
  }
  const led = await denis.get(`${AT}/activation`);
  assert.match(led.text, /Votre rôle demande la double authentification/);
  assert.doesNotMatch(led.text, /href="\/admin/);
  assert.doesNotMatch(
    led.text,
    /<live-page|href="\/notifications"/,
    "ce que ces adresses ne donneraient pas n’est pas demandé",
  );
  assert.equal((await denis.get("/admin/utilisateurs", { part: true })).headers.get("hx-redirect"), `${AT}/activation`);
  await enrol(denis);
  assert.equal((await denis.get("/admin/utilisateurs")).status, 200);
  const sophie = await world.as("sophie");
  assert.equal((await sophie.get("/compte")).status, 200, "son rôle ne l’exige pas");
  await world.db.act(actOf(tenantId), async (em) => {
    editTenant(em, await em.findOneOrFail(Tenant, { id: tenantId }), { secondFactorRoles: [] }, { by: null });
  });
});

test("hors démonstration, qui administre y est tenu par défaut", () => {
  const tenant = Object.assign(Object.create(Tenant.prototype), { secondFactorRoles: null, demo: false }) as Tenant;
  assert.deepEqual(tenant.guardedRoles(), ["super_admin", "admin"]);
  assert.deepEqual(Object.assign(tenant, { demo: true }).guardedRoles(), []);
});

test("P57 : la clé est chiffrée hors d’atteinte de la base, liée à sa ligne, et rien d’elle n’est ailleurs", async () => {
  const yann = await world.as("yann");
  const { key, codes } = await enrol(yann);
  const { tenantId } = await world.userOf("yann");
  const rows = await world.db.read(tenantId, (em) =>
    em.execute<{ all: string }[]>(
      `select (select string_agg(f::text || encode(f.seed, 'escape'), ' ') from second_factor f) || (select string_agg(c::text, ' ') from recovery_code c)
        || (select string_agg(h::text, ' ') from change h) || (select string_agg(e::text, ' ') from security_event e) as all`,
    ),
  );
  for (const secret of [key, ...codes]) {
    assert.ok(!rows[0]!.all.includes(secret));
    assert.ok(!world.logged.join("\n").includes(secret));
  }
  const closed = close(SECRET, "essai", key, "a:b");
  assert.equal(open(SECRET, "essai", closed, "a:b"), key);
  assert.throws(() => open(SECRET, "essai", closed, "a:c"), CannotOpen);
  assert.throws(() => open(SECRET, "autre", closed, "a:b"), CannotOpen);
  assert.throws(() => open(`${SECRET}!`, "essai", closed, "a:b"), CannotOpen);
});

test("tirer dix nouveaux codes annule les anciens", async () => {
  const yann = await world.as("yann");
  const { id: userId, tenantId } = await world.userOf("yann");
  const renewed = await yann.post(`${AT}/codes`);
  assert.equal(renewed.status, 200, renewed.text);
  const codes = codesOf(renewed.text);
  assert.equal(codes.length, 10);
  const now = world.clock.now();
  const old = await world.db.act(actOf(tenantId), async (em) => {
    return drawRecoveryCodes(em, await em.findOneOrFail(User, { id: userId }));
  });
  const prove = (recovery: string) =>
    proveCode(world.db, { tenantId, userId }, { recovery }, ORIGIN, { secret: SECRET, now });
  assert.equal(await prove(codes[0]!), false);
  assert.equal(await prove(old[0]!), true);
});

test("P57 : le secret d’alors perdu, le code du téléphone est refusé en le disant, sans compter d’échec ; un code de récupération ouvre", async () => {
  const { codes, key } = await enrol(await world.as("hugo"));
  const { tenantId, id } = await world.userOf("hugo");
  await world.db.act(actOf(tenantId), (em) =>
    em.execute("update second_factor set key_id = 'perdue' where id = ?", [id]),
  );
  await world.clock.advance(3 * STEP);
  const { type } = await atTheCode("hugo");
  for (let i = 0; i < 6; i++) {
    const refused = await type({ code: await codeAt(key) });
    assert.equal(refused.status, 422);
    assert.match(refused.text, /ne sait plus lire la clé de votre téléphone[\s\S]*code de récupération/);
  }
  assert.equal((await type({ recovery: codes[0]! })).status, 303, "rien n’a été compté");
  await dropFactor(world, await world.userOf("hugo"));
});
