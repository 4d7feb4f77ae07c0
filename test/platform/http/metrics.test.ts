import assert from "node:assert/strict";
import { test } from "node:test";
import { WORLD } from "../../../fixtures/world.ts";
import { createHealthApp } from "../../../src/platform/http/health.ts";
import { startWorld } from "../../support/world.ts";

const TOKEN = "jeton-des-mesures-tire-au-sort-0123456789";
const world = await startWorld({ metricsToken: TOKEN });
const closed = await startWorld({ world: false });

const ask = (headers: Record<string, string> = {}, origin = world.origin) => fetch(`${origin}/metrics`, { headers });
const figures = async () => {
  const answer = await ask({ authorization: `Bearer ${TOKEN}` });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  return answer.text();
};

test("sans METRICS_TOKEN, sans jeton ou avec un autre, /metrics n’existe pas", async () => {
  assert.equal((await ask({ authorization: `Bearer ${TOKEN}` }, closed.origin)).status, 404);
  for (const authorization of ["", "Bearer", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, `Basic ${TOKEN}`]) {
    assert.equal((await ask({ authorization })).status, 404, authorization);
  }
  assert.equal((await fetch(`${world.origin}/metrics?token=${TOKEN}`)).status, 404);
});

test("les demandes se comptent par adresse déclarée et statut ; base, files, courriels, boucle et mémoire sont là", async () => {
  const denis = await world.as("denis");
  const { id } = await world.userOf("helene");
  await denis.get(`/admin/utilisateurs/${id}`);
  await denis.get("/nulle-part");
  const text = await figures();
  assert.match(
    text,
    /opstracker_http_requests_total\{method="GET",route="\/admin\/utilisateurs\/:id",status="200"\} 1/,
  );
  assert.match(text, /opstracker_http_requests_total\{method="GET",route="other",status="404"\}/);
  assert.match(
    text,
    /opstracker_http_request_duration_seconds_bucket\{le="0\.5",method="GET",route="\/admin\/utilisateurs\/:id"\} 1/,
  );
  assert.match(text, /opstracker_pool_connections\{state="open"\} [1-9]/);
  assert.match(text, /opstracker_jobs\{queue="history\.verify_daily",state="waiting"\} 0/);
  assert.match(text, /opstracker_outbox_messages\{state="failed"\} 0/);
  assert.match(text, /opstracker_streams 0/);
  assert.match(text, /opstracker_database_up 1/);
  assert.match(text, /nodejs_eventloop_lag_p99_seconds/);
  assert.match(text, /process_resident_memory_bytes \d/);
});

test("aucun nom d’organisation ni de personne, aucun identifiant, aucun secret", async () => {
  const text = await figures();
  for (const { name, people } of WORLD) {
    assert.ok(!text.includes(name), name);
    for (const { email, familyName } of people) assert.ok(!text.includes(email) && !text.includes(familyName), email);
  }
  assert.doesNotMatch(text, /[0-9a-f]{8}-[0-9a-f]{4}-/);
  assert.ok(!text.includes(TOKEN));
});

test("une base muette se dit, et les autres chiffres restent", async () => {
  const app = createHealthApp(
    {
      pool: () => ({ open: 0, idle: 0, waiting: 3 }),
      read: () => Promise.reject(new Error("postgres://app:motdepasse@base")),
      lookup: () => Promise.reject(new Error("fermée")),
    } as never,
    TOKEN,
  );
  const server = app.listen(0);
  const { port } = server.address() as { port: number };
  const answer = await ask({ authorization: `Bearer ${TOKEN}` }, `http://127.0.0.1:${port}`);
  const text = await answer.text();
  server.close();
  assert.match(text, /opstracker_database_up 0/);
  assert.match(text, /opstracker_pool_connections\{state="waiting"\} 3/);
  assert.ok(!text.includes("motdepasse"));
});
