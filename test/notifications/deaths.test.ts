import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { recentVerifications, runVerification, VERIFY_CHAIN } from "../../src/history/verification.ts";
import { startDeathWatch } from "../../src/instance/index.ts";
import { listNotifications } from "../../src/notifications/queries.ts";
import type { DomainEvent } from "../../src/platform/events/catalogue.ts";
import type { Services } from "../../src/platform/services.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sent: DomainEvent[] = [];
world.db.sendJobsWith(async (_transaction, _job, content) => void ("event" in content && sent.push(content.event)));
const services = world.app.locals.services as Services;
const watches = [0, 1].map(() => startDeathWatch(services, world.registry, (error) => assert.fail(String(error)))) as [
  ReturnType<typeof startDeathWatch>,
  ReturnType<typeof startDeathWatch>,
];
after(() => Promise.all(watches.map((watch) => watch.stop())));
/** Two processes at the same minute. */
const look = () => Promise.all(watches.map((watch) => watch.look()));
const { tenantId } = await world.userOf("denis");

async function die(queue: string, data: object | null): Promise<string> {
  const id = randomUUID();
  await world.owner.query(
    `insert into pgboss.job (id, name, data, source_name, source_output, created_on)
     values ($1, $2 || '.dead', $3, $2, '{"message": "lock timeout"}', clock_timestamp())`,
    [id, queue, data],
  );
  return id;
}
const told = async (who: string, kind: string) => {
  const { id, tenantId } = await world.userOf(who);
  const { lines } = await world.db.read(tenantId, (em) =>
    listNotifications(em, { userId: id, unread: false }, { size: 20 }),
  );
  return lines.filter((line) => line.kind === kind);
};

test("ACT-5 : qui tient l’instance apprend qu’une tâche est morte, une fois par jour et par tâche, même de deux processus", async () => {
  const nightly = { tenantId, day: "2026-11-20" };
  await look();
  assert.deepEqual(await told("nadia", "deaths"), []);
  await die("history.verify_daily", nightly);
  await die("history.verify_daily", null);
  await die("instance.purge_rates", nightly);
  await look();
  const texts = async () => (await told("nadia", "deaths")).map(({ text }) => text.replaceAll(/\s/gu, " ")).sort();
  const first = [
    "La tâche « Purge des comptes de demandes par adresse » a échoué à tous ses essais. La page « Tâches » dit pourquoi.",
    "La tâche « Vérification quotidienne de l’historique » a échoué à tous ses essais, 2 fois. La page « Tâches » dit pourquoi.",
  ];
  assert.deepEqual(await texts(), first);
  assert.deepEqual(await told("denis", "deaths"), [], "qui n’a pas l’instance n’y peut rien");
  const nadia = await world.as("nadia");
  const [line] = await told("nadia", "deaths");
  assert.equal((await nadia.post(`/notifications/${line!.id}/lecture`)).location, "/instance/taches");
  assert.match((await nadia.get("/admin/historique")).text, /Tâche en échec définitif\s: Vérification quotidienne/u);

  await die("history.verify_daily", nightly);
  await look();
  assert.deepEqual(await texts(), first, "le même jour, plus rien de cette tâche");
  await world.clock.advanceMinutes(24 * 60);
  await look();
  await look();
  assert.equal((await texts()).length, 3, "le lendemain, ce qui est mort depuis ; ce qui était dit ne l’est plus");
  assert.equal(
    (await texts()).filter((text) => text.endsWith("à tous ses essais. La page « Tâches » dit pourquoi.")).length,
    2,
  );
});

test("ACT-5 : qui a demandé une vérification morte en route l’apprend une fois, puis son résultat si elle est relancée", async () => {
  const AT = "/admin/historique/verification";
  const denis = await world.as("denis");
  await denis.get(AT);
  assert.equal((await denis.post(AT)).location, AT);
  const [asked] = await world.db.read(tenantId, recentVerifications);
  const event = sent.find(({ subject }) => subject.id === asked!.id)!;
  await look();
  assert.deepEqual(await told("denis", "jobs"), []);
  await die(VERIFY_CHAIN, { tenantId, event });
  await look();
  await look();
  const [line, ...rest] = await told("denis", "jobs");
  assert.deepEqual(rest, []);
  assert.match(line!.text, /^La vérification de l’historique s’est interrompue/);
  assert.equal((await denis.post(`/notifications/${line!.id}/lecture`)).location, AT);
  await world.clock.advanceMinutes(2);
  assert.match((await denis.get(AT)).text, /Interrompue/);

  await world.sealer.sealAll();
  const now = () => world.clock.now();
  await runVerification(world.db, world.heads, { tenantId, id: asked!.id, now });
  await look();
  assert.deepEqual((await told("denis", "jobs")).map(({ text }) => text.split("\u00a0")[0]).sort(), [
    "La vérification de l’historique est terminée",
    "La vérification de l’historique s’est interrompue",
  ]);
});
