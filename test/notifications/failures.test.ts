import assert from "node:assert/strict";
import { after, test } from "node:test";
import { tellFailures } from "../../src/messages/index.ts";
import { listNotifications } from "../../src/notifications/queries.ts";
import { senderOf } from "../support/mail.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const failures = tellFailures(world, { onError: (error) => assert.fail(String(error)) });
after(() => failures.stop());
const sender = senderOf(world, { onFailed: failures.failed });
const denis = await world.as("denis");

/** Somebody asks for a new password, and their mailbox is gone. */
async function bounce(who: string): Promise<void> {
  const { email } = await world.userOf(who);
  smtp.refusals.set(email, { code: 550, text: "No such user" });
  await world.owner.query("delete from rate_hit");
  const visitor = world.anonymous();
  await visitor.get("/mot-de-passe-oublie");
  await visitor.post("/mot-de-passe-oublie", { email });
  await sender.sweep();
}
const told = async (who: string) => {
  const { id, tenantId } = await world.userOf(who);
  const { lines } = await world.db.read(tenantId, (em) =>
    listNotifications(em, { userId: id, unread: false }, { size: 20 }),
  );
  return lines.filter(({ kind }) => kind === "failures");
};

test("ACT-5 : qui administre apprend qu’un message n’a pas pu partir ; ceux du même jour se comptent dans le même avis", async () => {
  await bounce("karim");
  await failures.stop();
  const [first] = await told("denis");
  assert.match(first!.text, /^1 message n’a pas pu partir aujourd’hui/);
  assert.deepEqual(await told("karim"), [], "qui n’administre pas n’y peut rien");
  assert.deepEqual(await told("nathalie"), [], "l’autre organisation n’en sait rien");

  const opened = await denis.post(`/notifications/${first!.id}/lecture`);
  assert.equal(opened.location, "/admin/boite-envoi?etat=failed");
  assert.match((await denis.get(opened.location!)).text, /No such user|Échec/);

  await bounce("helene");
  await bounce("aicha");
  await failures.stop();
  const again = await told("denis");
  assert.deepEqual(
    again.map(({ id, isRead }) => ({ id, isRead })),
    [{ id: first!.id, isRead: false }],
  );
  assert.match(again[0]!.text, /^3 messages n’ont pas pu partir/);
  assert.match((await denis.get("/admin/historique")).text, /Messages qui n’ont pas pu partir/);
});

test("le lendemain, un autre avis ; un message parti ou renvoyé n’y compte pas ; qui a fait taire cette sorte n’en reçoit pas", async () => {
  await world.clock.advanceMinutes(24 * 60);
  smtp.refusals.clear();
  await world.owner.query("delete from rate_hit");
  failures.failed(denis.tenantId);
  await failures.stop();
  assert.equal((await told("denis")).length, 1, "rien n’a échoué ce jour-là");
  await bounce("martine");
  await failures.stop();
  assert.deepEqual(
    (await told("denis")).map(({ text }) => text.slice(0, 9)),
    ["1 message", "3 message"],
  );
  await world.clock.advanceMinutes(24 * 60);
  await (await world.as("denis")).post("/notifications/reglages", { kinds: ["rights"] });
  await bounce("sophie");
  await failures.stop();
  assert.equal((await told("denis")).length, 2);
});
