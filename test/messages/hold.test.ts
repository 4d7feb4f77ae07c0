import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, beforeEach, test } from "node:test";
import { restoreBackup, writeBackup } from "../../src/platform/backup/index.ts";
import { openDatabase } from "../../src/platform/db/index.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { holdInForce, holdMessages } from "../../src/platform/mail/hold.ts";
import { startSender } from "../../src/platform/mail/sender.ts";
import { openTransport } from "../../src/platform/mail/transport.ts";
import { folderStore } from "../../src/platform/storage/folder.ts";
import { emptyDatabase } from "../support/cluster.ts";
import { senderOf } from "../support/mail.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const sender = senderOf(world);
const nadia = await world.as("nadia");
const denis = await world.as("denis");
const AT = "/instance/messagerie";
const REASON = "Restauration de la sauvegarde du 2026-11-20";
const work = await mkdtemp(path.join(tmpdir(), "opstracker-hold-"));
after(() => rm(work, { recursive: true, force: true }));

beforeEach(() => {
  smtp.received.length = 0;
});

async function ask(who: string): Promise<void> {
  await world.owner.query("delete from rate_hit");
  const visitor = world.anonymous();
  await visitor.get("/mot-de-passe-oublie");
  await visitor.post("/mot-de-passe-oublie", { email: (await world.userOf(who)).email });
}
const states = async (tenantId: string) =>
  (await world.db.read(tenantId, (em) => em.execute<{ state: string }[]>("select state from outbox order by id"))).map(
    ({ state }) => state,
  );

test("après une restauration, rien de ce qui attendait ne part avant qu’on en décide", async () => {
  await ask("karim");
  const { folder } = await writeBackup({
    databaseUrl: world.databaseUrl,
    ownerUrl: world.ownerUrl,
    varDir: work,
    paths: [],
    into: path.join(work, "sauvegardes"),
    store: world.files.store,
    version: "0.0.0",
    now: new Date("2026-11-21T02:00:00Z"),
  });
  const empty = await emptyDatabase();
  after(() => empty.drop());
  await restoreBackup({
    ...empty,
    folder,
    varDir: path.join(work, "ailleurs"),
    store: folderStore(path.join(work, "fichiers")),
    forgetsSecrets: true,
    registry: world.registry,
  });
  const db = await openDatabase(empty.databaseUrl, world.registry);
  const elsewhere = startSender(
    { db, clock: world.clock },
    {
      kinds: world.registry.mails,
      transport: await openTransport({ smtpUrl: smtp.url, from: "ops@mail.example", replyTo: "ops@mail.example" }),
      views: createViews({ debug: true, cache: true }),
      publicUrl: "https://ops.example.fr",
      domain: "mail.example",
      everyMs: Number.POSITIVE_INFINITY,
      onError: (error) => assert.fail(String(error)),
    },
  );
  try {
    await elsewhere.sweep();
    assert.equal(smtp.received.length, 0);
    const hold = await holdInForce(db);
    assert.deepEqual([hold?.before, hold?.since], [1, 0]);
    assert.match(hold!.reason, /Restauration de la sauvegarde du samedi 21 novembre 2026/);
  } finally {
    await elsewhere.stop();
    await db.close();
  }
});

test("retenus : les écrans disent pourquoi ; libérés par qui tient l’instance, les messages partent", async () => {
  await sender.sweep();
  smtp.received.length = 0;
  await holdMessages(world.databaseUrl, REASON);
  await ask("sophie");
  await sender.sweep();
  assert.equal(smtp.received.length, 0);
  assert.match(
    (await denis.get("/admin/boite-envoi")).text,
    /Les envois sont retenus[\s\S]*Restauration de la sauvegarde/,
  );
  assert.match((await nadia.get("/instance/etat")).text, /retenus depuis/);
  assert.match(
    (await nadia.get(AT)).text,
    /Restauration de la sauvegarde du 2026-11-20[\s\S]*Libérer tous les messages/,
  );
  assert.equal((await denis.post(`${AT}/liberation`)).status, 403);
  assert.equal((await nadia.post(`${AT}/liberation`)).location, AT);
  assert.equal(await holdInForce(world.db), null);
  await sender.sweep();
  assert.equal(smtp.received.length, 1);
  assert.equal((await nadia.post(`${AT}/liberation`)).status, 422);
});

test("abandonnés : ce qui attendait dans la sauvegarde ne partira pas, ce qui s’est écrit depuis part ; chaque organisation l’apprend", async () => {
  await ask("helene");
  await holdMessages(world.databaseUrl, REASON);
  await world.clock.advanceMinutes(1);
  await ask("aicha");
  assert.match((await nadia.get(AT)).text, /1 message attendait[\s\S]*1 autre a été écrit/);
  assert.equal((await nadia.post(`${AT}/abandon`)).location, AT);
  await sender.sweep();
  assert.deepEqual(
    smtp.received.flatMap(({ to }) => to),
    [(await world.userOf("aicha")).email],
  );
  assert.deepEqual((await states(denis.tenantId)).slice(-2), ["dropped", "sent"]);
  const [act] = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ code: string; actor_id: string }[]>(
      "select code, actor_id from act where code like 'mail.waiting%' order by id desc limit 1",
    ),
  );
  assert.deepEqual(act, { code: "mail.waiting_dropped", actor_id: nadia.id });
});
