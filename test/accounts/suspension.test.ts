import assert from "node:assert/strict";
import { test } from "node:test";
import { actOf } from "../support/database.ts";
import { openStream } from "../support/stream.ts";
import { startWorld } from "../support/world.ts";
import { signIn } from "./doors.ts";

const world = await startWorld();
const { tenantId } = await world.userOf("denis");
const AT = `/instance/organisations/${tenantId}`;
const nadia = await world.as("nadia");

async function decide(way: "suspension" | "reactivation", reason: string) {
  await nadia.get(`${AT}/${way}`);
  return nadia.post(`${AT}/${way}`, { reason });
}
const mailsTo = async (who: string) => {
  const { id } = await world.userOf(who);
  const rows = await world.db.read(tenantId, (em) =>
    em.execute<{ kind: string; reason: string | null }[]>(
      "select kind, payload ->> 'reason' as reason from outbox where person_id = ? order by id",
      [id],
    ),
  );
  return rows.map(({ kind, reason }) => (reason === null ? kind : `${kind} ${reason}`));
};
const accounts = async () => (await nadia.get(AT)).text.match(/Comptes actifs<\/dt>\s*<dd>[^<]+/)?.[0];

test("sans motif, rien ne change ; ce qui n’est pas suspendu ne se rouvre pas", async () => {
  assert.equal((await decide("suspension", "")).status, 422);
  assert.match((await decide("reactivation", "Essai")).text, /n’est pas suspendue/);
  assert.equal((await (await world.as("denis")).get("/compte")).status, 200);
});

test("suspendre ferme les sessions et les flux, prévient les administrateurs, et s’écrit des deux côtés", async () => {
  const [denis, sophie] = [await world.as("denis"), await world.as("sophie")];
  const stream = await openStream(world.origin, denis.cookie, "history");
  const before = await accounts();
  const done = await decide("suspension", "Compte partagé signalé");
  assert.deepEqual([done.status, done.location], [303, AT]);
  for (const browser of [denis, sophie]) assert.equal((await browser.get("/compte")).status, 303);
  await world.hub.recheck();
  await stream.ended;
  assert.deepEqual(await mailsTo("denis"), ["accounts.tenant_suspended Compte partagé signalé"]);
  assert.deepEqual(await mailsTo("sophie"), [], "qui n’administre pas n’est pas prévenu");
  const card = (await nadia.get(AT)).text;
  assert.match(card, /Suspendue depuis[\s\S]+Compte partagé signalé/);
  assert.equal(await accounts(), before, "rien n’est perdu");
  assert.match((await nadia.get("/instance/organisations")).text, /Suspendue/);
  assert.match((await nadia.get("/admin/historique")).text, /Suspension de l’organisation Mutuelle des Quais/);
  assert.equal((await decide("suspension", "Encore")).status, 422, "déjà suspendue");
});

test("la connexion dit « Organisation suspendue » à qui prouve son mot de passe, et rien aux autres", async () => {
  const { browser, answer } = await signIn(world, "sophie");
  assert.equal(answer.status, 403);
  assert.match(answer.text, /<h1>Organisation suspendue<[\s\S]+Mutuelle des Quais[\s\S]+href="\/contact"/);
  assert.equal((await browser.get("/compte")).status, 303);
  const { email } = await world.userOf("sophie");
  const stranger = await signIn(world, { email, password: "ce n’est pas lui" });
  assert.equal(stranger.answer.status, 422);
  assert.doesNotMatch(stranger.answer.text, /suspendue/);
});

test("une session qui s’ouvrait au même instant ne naît pas", async () => {
  const late = await world.as("claire");
  assert.equal((await late.get("/compte")).status, 303);
});

test("une autre organisation et l’instance continuent", async () => {
  assert.equal((await (await world.as("nathalie")).get("/compte")).status, 200);
  assert.equal((await nadia.get("/instance/organisations")).status, 200);
});

test("rouvrir rend tout comme avant, et se dit ; annuler la suspension n’appartient pas à l’organisation", async () => {
  assert.equal((await decide("reactivation", "Vérification terminée")).status, 303);
  const { browser, answer } = await signIn(world, "denis");
  assert.equal(answer.status, 303);
  assert.equal((await mailsTo("denis")).at(-1), "accounts.tenant_reactivated");
  const history = (await browser.get("/admin/historique")).text;
  assert.match(history, /Réouverture de l’organisation[\s\S]+Suspension de l’organisation/);
  assert.match(history, /Super-administrateur de l’instance/);
  assert.match((await browser.get("/admin/journal-securite")).text, /Organisation suspendue par ceux qui tiennent/);
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = 'tenant.reactivated'"),
  );
  const preview = (await browser.get(`/actes/${act!.id}/annulation`)).text;
  assert.match(preview, /suspendue ou rouverte par ceux qui tiennent l’instance/);
});

test("les tâches de l’organisation suspendue ne sont pas prises : leur jour attend", async () => {
  await world.db.act(actOf(tenantId), (em) => em.execute("update tenant set suspended_at = app_now()"));
  const seen = await world.db.lookup<{ id: string; suspended: boolean }>("tenants");
  assert.deepEqual(
    seen.filter(({ suspended }) => suspended).map(({ id }) => id),
    [tenantId],
  );
  await world.db.act(actOf(tenantId), (em) => em.execute("update tenant set suspended_at = null"));
});
