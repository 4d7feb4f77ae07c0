import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { JobContent } from "../../src/platform/db/index.ts";
import { purgeRuns } from "../../src/platform/jobs/queries.ts";
import { reasonOf } from "../../src/platform/jobs/reason.ts";
import { instantOf, nextRun } from "../../src/platform/jobs/tick.ts";
import { parseHtml, textOf } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sent: { job: string; content: JobContent }[] = [];
world.db.sendJobsWith(async (_transaction, job, content) => void sent.push({ job, content }));
const nadia = await world.as("nadia");
const { tenantId } = await world.userOf("denis");
const AT = "/instance/taches";
const JOB = "history.verify_daily";

const read = async () => {
  const { status, text } = await nadia.get(AT);
  assert.equal(status, 200, text.slice(0, 400));
  return textOf(parseHtml(text)).replace(/\s+/gu, " ");
};

async function letter(data: object | null, message = "connect ECONNREFUSED 127.0.0.1:25"): Promise<string> {
  const id = randomUUID();
  await world.owner.query(
    `insert into pgboss.job (id, name, data, source_name, source_output)
     values ($1, $2 || '.dead', $3, $2, jsonb_build_object('message', $4::text))`,
    [id, JOB, data, message],
  );
  return id;
}
const dead = async () =>
  Number((await world.owner.query("select count(*) as n from pgboss.job where name like '%.dead'")).rows[0].n);

const note = (state: string, more = "", days = 0) =>
  world.db.note(tenantId, (em) =>
    em.execute(
      `insert into job_run (tenant_id, id, job, on_day, state, started_at, finished_at, outcome, failure)
       values (?, gen_random_uuid(), ?, (app_now() - make_interval(days => ?))::date, ?, app_now() - interval '1 hour', app_now() - interval '59 minutes', ?, ?)
       on conflict (tenant_id, job, on_day) do update set state = excluded.state, outcome = excluded.outcome, failure = excluded.failure`,
      [tenantId, JOB, days, state, state === "done" ? more : null, state === "failed" ? more : null],
    ),
  );

test("chaque tâche a son nom français, sa prochaine fois en mots et exacte ; sans échec, la page dit qu’il n’y en a pas", async () => {
  const text = await read();
  for (const { label } of [...world.registry.schedules, ...world.registry.subscriptions])
    assert.ok(text.includes(label), label);
  assert.match(text, /chaque jour à 02:15, pour chaque organisation/);
  assert.match(text, /chaque dimanche à 02:00/);
  assert.match(text, /dans \d+\s(h|min)/);
  assert.match(text, /Rien n’a échoué/);
  assert.match(text, /Jamais encore/);
});

test("la dernière fois, sa durée et ce qu’elle a trouvé ; un échec dit chez qui et pourquoi, le détail technique à part", async () => {
  await note("done", "12 actes vérifiés");
  assert.match(await read(), /Vérification quotidienne de l’historique[\s\S]*?Faite\s*12 actes vérifiés\s*il y a 1\sh/);
  assert.match(await read(), /1\smin/);
  await note("failed", "ENOSPC: no space left on device, write");
  const { text } = await nadia.get(AT);
  assert.match(textOf(parseHtml(text)), /En échec[\s\S]*Mutuelle des Quais\s:\sLe disque est plein/);
  assert.match(text, /<details class="detail"><summary>Détail technique[\s\S]*?ENOSPC: no space left/);
});

test("un échec qui sera bientôt repris le dit, et quand : personne n’a à décider", async () => {
  await note("failed", "lock timeout");
  await world.owner.query(
    "insert into pgboss.job (name, data, state, start_after, output) values ($1, $2, 'retry', now() + interval '3 minutes', '{\"message\": \"lock timeout\"}')",
    [JOB, { tenantId, day: "2026-11-21" }],
  );
  assert.match(await read(), /Vérification quotidienne de l’historique[\s\S]*?À reprendre[\s\S]*?dans \d+\smin/);
  await world.owner.query("delete from pgboss.job where name = $1", [JOB]);
  assert.match(await read(), /Vérification quotidienne de l’historique[\s\S]*?En échec/);
});

test("Relancer renvoie la tâche avec son contenu, une fois, et l’historique de l’instance dit qui l’a fait", async () => {
  const id = await letter({ tenantId, day: "2026-11-20" });
  assert.match(await read(), /1 tâche attend votre décision[\s\S]*Un serveur dont elle a besoin n’a pas répondu/);
  const { status } = await nadia.post(`${AT}/${id}/relance`);
  assert.equal(status, 303);
  assert.deepEqual(sent.splice(0), [{ job: JOB, content: { tenantId, day: "2026-11-20" } }]);
  assert.equal(await dead(), 0);
  assert.equal((await nadia.post(`${AT}/${id}/relance`)).status, 404, "déjà relancée");
  const { text } = await nadia.get("/admin/historique");
  assert.match(text, /1 tâche relancée\s: Vérification quotidienne de l’historique/);
});

test("deux relances en même temps : la tâche part une fois", async () => {
  const id = await letter({ tenantId, day: "2026-11-20" });
  const answers = await Promise.all([nadia.post(`${AT}/${id}/relance`), nadia.post(`${AT}/${id}/relance`)]);
  assert.equal(answers.filter(({ status }) => status === 303).length, 1);
  assert.equal(sent.splice(0).length, 1);
});

test("P13 : venue sans son organisation, elle ne se relance pas, ni seule ni avec les autres ; elle s’abandonne", async () => {
  const orphan = await letter({}, "Cette tâche est venue sans son organisation.");
  await letter({ tenantId, day: "2026-11-19" });
  assert.match(await read(), /Sans organisation, elle ne peut pas être relancée/);
  assert.equal((await nadia.post(`${AT}/${orphan}/relance`)).status, 422);
  assert.equal((await nadia.post(`${AT}/relance`)).status, 303);
  assert.equal(sent.splice(0).length, 1);
  assert.equal(await dead(), 1);
  assert.equal((await nadia.post(`${AT}/${orphan}/abandon`)).status, 303);
  assert.equal(await dead(), 0);
});

test("tout abandonner vide la liste et s’écrit ; sans rien, un refus le dit", async () => {
  await letter({ tenantId, day: "2026-11-18" });
  await letter(null);
  assert.equal((await nadia.post(`${AT}/abandon`)).status, 303);
  assert.equal(await dead(), 0);
  assert.deepEqual(sent, []);
  const { status, text } = await nadia.post(`${AT}/abandon`);
  assert.equal(status, 422);
  assert.match(text, /Rien à abandonner/);
  assert.match((await nadia.get("/admin/historique")).text, /2 tâches abandonnées/);
});

test("le registre oublie les passages de plus de 90 jours, et seulement eux", async () => {
  await note("done", "vieux", 91);
  await note("done", "récent", 89);
  assert.equal(await world.db.note(tenantId, purgeRuns), 1);
  const stolen = world.db.note(tenantId, (em) => em.execute("delete from job_run returning id"));
  assert.deepEqual(await stolen, [], "la base garde les récents");
});

test("la prochaine fois suit la zone, changements d’heure compris", () => {
  const at = (iso: string, more: { at?: string; weekday?: 0 } = {}) =>
    nextRun({ at: "02:15", ...more }, new Date(iso), "Europe/Paris").toISOString();
  assert.equal(at("2026-11-20T00:00:00Z"), "2026-11-20T01:15:00.000Z");
  assert.equal(at("2026-11-20T01:15:00Z"), "2026-11-21T01:15:00.000Z");
  assert.equal(at("2026-10-24T12:00:00Z", { at: "03:50" }), "2026-10-25T02:50:00.000Z");
  assert.equal(at("2026-11-22T02:00:00Z", { weekday: 0 }), "2026-11-29T01:15:00.000Z");
  assert.equal(instantOf("2026-03-29", "02:30", "Europe/Paris").toISOString(), "2026-03-29T01:30:00.000Z");
});

test("le motif est une phrase française, ou ce qui avait été écrit pour des personnes", () => {
  assert.match(reasonOf("job exceeded 900s"), /temps qui lui est donné/);
  assert.match(reasonOf("canceling statement due to lock timeout"), /autre travail/);
  assert.equal(reasonOf("La boîte de l’organisation est pleine."), "La boîte de l’organisation est pleine.");
  assert.match(reasonOf("Cannot read properties of undefined (reading 'x')"), /n’attendait pas/);
});
