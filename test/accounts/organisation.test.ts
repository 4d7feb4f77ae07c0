import assert from "node:assert/strict";
import { test } from "node:test";
import { startListFor } from "../../src/accounts/index.ts";
import { startWorld } from "../support/world.ts";
import { securityLines } from "./doors.ts";

const world = await startWorld();
const denis = await world.as("denis");
const AT = "/admin/organisation";
const version = async () => /name="version" value="(\d+)"/.exec((await denis.get(AT)).text)![1]!;

test("une couleur qui gênerait la lecture est refusée, et la plus proche est à un clic", async () => {
  const refused = await denis.post(`${AT}/couleur`, { accent: "#ffe600" });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /se lirait mal en thème clair/);
  const [, proposal] = /name="accent" value="(#[0-9a-f]{6})"/.exec(refused.text)!;
  assert.equal((await denis.post(`${AT}/couleur`, { accent: proposal! })).status, 303);
  const page = await denis.get(AT);
  const sheet = /\/organisation\/accent\.css\?v=[0-9a-f]{6}/.exec(page.text)![0];
  assert.match(sheet, new RegExp(proposal!.slice(1)));

  const css = await denis.get(sheet);
  assert.match(css.headers.get("content-type") ?? "", /^text\/css/);
  assert.match(css.headers.get("cache-control") ?? "", /private, max-age=31536000, immutable/);
  assert.match(css.text, new RegExp(`--accent-3: light-dark\\(${proposal}`));
  assert.equal((await denis.get("/organisation/accent.css?v=000000")).headers.get("cache-control"), "no-store");
  assert.equal((await world.anonymous().get(sheet)).status, 303);

  assert.equal((await denis.post(`${AT}/couleur`, { reset: "oui" })).status, 303);
  assert.doesNotMatch((await denis.get(AT)).text, /accent\.css/);
});

test("ce qui n’est pas une couleur est refusé en le disant", async () => {
  for (const accent of ["rouge", "#12", "#gggggg", "url(x)", "red;}"]) {
    const { status, text } = await denis.post(`${AT}/couleur`, { accent });
    assert.equal(status, 422, accent);
    assert.match(text, /id="colour-accent-problem"/);
  }
});

test("nom, fuseau et jours fériés s’enregistrent ; un fuseau inventé est refusé", async () => {
  const sent = { name: "Mutuelle des Grands Quais", zone: "Indian/Reunion", holidayZone: "la-reunion" };
  assert.equal((await denis.post(AT, { ...sent, version: await version() })).status, 303);
  assert.match((await denis.get(AT)).text, /Mutuelle des Grands Quais/);
  for (const [fields, field] of [
    [{ zone: "Mars/Base" }, "zone"],
    [{ holidayZone: "lune" }, "holidayZone"],
    [{ name: " " }, "name"],
    [{ name: "a\u202eb<script>" }, "name"],
  ] as const) {
    const { status, text } = await denis.post(AT, { ...sent, ...fields, version: await version() });
    assert.equal(status, 422, field);
    assert.match(text, new RegExp(`id="field-${field}-problem"`));
  }
});

test("les réglages de sécurité redemandent le mot de passe, vont au journal et à l’historique", async () => {
  const fresh = await world.as("denis");
  const at = await version();
  await world.clock.advanceMinutes(16);
  const wanted = { passwordPreset: "composition", stayConnectedDays: "5", historyYears: "4", version: at };
  const asked = await fresh.post(`${AT}/securite`, wanted);
  assert.equal(asked.status, 403);
  const again = await world.as("denis");
  for (const historyYears of ["1", "11", "deux", ""]) {
    const { status, text } = await again.post(`${AT}/securite`, { ...wanted, historyYears });
    assert.equal(status, 422, historyYears);
    assert.match(text, /Écrivez un nombre d’années de 2 à 10/);
  }
  assert.equal((await again.post(`${AT}/securite`, wanted)).status, 303);
  assert.equal((await securityLines(world, "denis"))[0]?.kind, "settings.changed");
  const [change] = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ before: object; after: object }[]>(
      "select before, after from change where table_name = 'tenant' order by ordinal desc limit 1",
    ),
  );
  assert.deepEqual(change, {
    before: { password_preset: "robustesse", stay_connected_days: 15, history_years: 2 },
    after: { password_preset: "composition", stay_connected_days: 5, history_years: 4 },
  });
  assert.match((await again.get("/compte/mot-de-passe")).text, /Au moins 8 caractères/);
});

test("ce qui reste à faire à qui administre, et rien aux autres", async () => {
  const steps = (roles: string[]) =>
    world.db.read(denis.tenantId, (em) => startListFor(em, { tenantId: denis.tenantId, roles }));
  assert.deepEqual(
    (await steps(["admin"])).map(({ done }) => done),
    [true, false, true, true],
  );
  assert.deepEqual(await steps(["technician"]), []);
});

test("le journal de sécurité se filtre et dit en français ce qui s’est passé", async () => {
  const reader = await world.as("denis");
  const { text } = await reader.get("/admin/journal-securite?genre=settings.changed");
  assert.match(text, /Vous avez changé les réglages de sécurité de l’organisation/);
  assert.match(text, /1 évènement</);
  assert.equal((await reader.get("/admin/journal-securite?du=2026-13-45")).status, 422);
  assert.match(
    (await reader.get("/admin/journal-securite?du=2020-01-01&au=2020-01-02")).text,
    /Rien ne répond à ces filtres/,
  );
  assert.equal((await (await world.as("sophie")).get("/admin/journal-securite")).status, 403);
});
