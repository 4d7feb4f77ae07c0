import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { createViews } from "../../../src/platform/http/views.ts";
import { type MailKind, mailKind } from "../../../src/platform/mail/kinds.ts";
import { sendMail } from "../../../src/platform/mail/outbox.ts";
import { startSender } from "../../../src/platform/mail/sender.ts";
import { openTransport, type Transport } from "../../../src/platform/mail/transport.ts";
import { actOf, buildTenant, testDatabase } from "../../support/database.ts";
import { noFiles } from "../../support/files.ts";
import { startSmtp } from "../../support/smtp.ts";

const open = await testDatabase();
const { tenantId, userId } = await buildTenant(open.db, "Ville d’Étréchy");
await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
const smtp = await startSmtp();
let due: string | null = null;
const minted: string[] = [];

const plain = mailKind({
  kind: "test.plain",
  label: "Essai",
  payload: z.strictObject({ what: z.string() }),
  subject: ({ what }) => `Essai\u00a0: ${what}`,
  write: ({ what }) => ({ lines: [`Vous êtes prévenu : ${what} & <b>rien</b> d’autre.`] }),
});
const secret = mailKind({
  kind: "test.secret",
  label: "Essai à lien",
  payload: z.strictObject({}),
  subject: () => "Votre lien",
  write: () => ({ lines: ["Voici votre lien."], action: { label: "Ouvrir" } }),
  notDue: async () => due,
  secret: {
    path: "/essai/",
    async mint() {
      minted.push(randomUUID());
      return minted.at(-1)!;
    },
  },
});
const closed = mailKind({
  kind: "test.closed",
  label: "Essai d’une organisation fermée",
  leavesDespiteHold: true,
  payload: z.strictObject({}),
  subject: () => "C’est fermé",
  write: () => ({ lines: ["Voici pourquoi."] }),
});
const kinds = new Map<string, MailKind>(
  [plain, secret, closed].map((kind) => [kind.kind, kind as unknown as MailKind]),
);
const services = { db: open.db, clock: open.clock, files: noFiles, varDir: "", historyKey: "" };
const errors: unknown[] = [];
/** `npm run faults` gives them their true length. */
const LONG = process.env.FAULTS === "long";
const settings = { smtpUrl: smtp.url, from: "ops@mail.example", replyTo: "accueil@mail.example" };

const senderWith = (transport: Transport | null, everyMs = Number.POSITIVE_INFINITY, keepMs = 15_000) => {
  const sender = startSender(services, {
    kinds,
    transport,
    views: createViews({ debug: true, cache: true }),
    publicUrl: "https://ops.example.fr",
    domain: "mail.example",
    everyMs,
    keepMs,
    onError: (error) => errors.push(error),
  });
  after(() => sender.stop());
  return sender;
};
const sender = senderWith(await openTransport(settings));

interface Line {
  state: string;
  attempts: number;
  last_answer: string | null;
  wait: number;
}
const line = async (address: string): Promise<Line> =>
  (
    await open.owner.query<Line>(
      "select state, attempts, last_answer, round(extract(epoch from next_attempt_at - app_now()) / 60)::int as wait from outbox where address = $1",
      [address],
    )
  ).rows[0]!;
const write = (address: string, what = "bonjour", once?: string) =>
  open.db.act(actOf(tenantId), async (em) => {
    const to = { address, person: { type: "user", id: userId } };
    await sendMail(em, plain, { tenantId, to, payload: { what }, ...(once && { once }) });
  });
const writeSecret = (address: string) =>
  open.db.note(tenantId, (em) => sendMail(em, secret, { tenantId, to: { address }, payload: {} }));
const sentTo = (address: string) => smtp.received.filter(({ to }) => to.includes(address));

beforeEach(async () => {
  await open.owner.query("delete from outbox");
  smtp.received.length = 0;
  smtp.refusals.clear();
  due = null;
});

test("MSG-1 : le message part avec l’acte, et disparaît avec lui", async () => {
  await assert.rejects(
    open.db.act(actOf(tenantId), async (em) => {
      await sendMail(em, plain, { tenantId, to: { address: "a@x.example" }, payload: { what: "x" } });
      throw new Error("panne");
    }),
    /panne/,
  );
  await sender.sweep();
  assert.equal(smtp.received.length, 0);
  await write("a@x.example");
  assert.equal((await line("a@x.example")).state, "pending");
  await sender.sweep();
  assert.deepEqual([(await line("a@x.example")).state, smtp.received.length], ["sent", 1]);
});

test("MSG-3 : texte et HTML, nom de l’organisation, réponse lue, rien à charger", async () => {
  await write("a@x.example", "ouvrage <b>achevé</b>");
  await sender.sweep();
  const [{ mail, raw }] = sentTo("a@x.example") as [(typeof smtp.received)[number]];
  assert.deepEqual(mail.from, { name: "Ville d’Étréchy", address: "ops@mail.example" });
  assert.equal(mail.replyTo?.[0]?.address, "accueil@mail.example");
  assert.match(mail.text!, /^Bonjour,\n\nVous êtes prévenu : ouvrage <b>achevé<\/b> & <b>rien<\/b> d’autre\./);
  assert.match(mail.html!, /ouvrage &lt;b&gt;achevé&lt;\/b&gt; &amp; &lt;b&gt;rien/);
  assert.doesNotMatch(mail.html!, /<img|url\(|src=|<link|<script/);
  assert.match(raw, /^Auto-Submitted: auto-generated/m);
});

test("P45 : retours à la ligne, octets nuls et sens d’écriture ne sortent pas de leur en-tête", async () => {
  for (const evil of [
    "x\r\nBcc: v@evil.example",
    "x\nX-Evil: 1",
    "x\u2028Bcc: y",
    "\u202egro.live",
    `${"é".repeat(1200)}`,
  ]) {
    await write("a@x.example", evil);
  }
  await sender.sweep();
  assert.equal(sentTo("a@x.example").length, 5);
  for (const { mail, to } of smtp.received) {
    assert.deepEqual(to, ["a@x.example"]);
    assert.ok(!mail.bcc && !mail.headers.some(({ key }) => key === "x-evil"));
    assert.doesNotMatch(mail.subject!, /[\r\n\u2028\u202e]/);
    assert.ok(mail.subject!.length <= 300);
  }
});

test("MSG-7 : la même clé n’écrit qu’une fois", async () => {
  await Promise.all([1, 2, 3].map(() => write("a@x.example", "x", "rappel:1")));
  await sender.sweep();
  assert.equal(smtp.received.length, 1);
});

test("F10 : refus passager à 1, 5, 15, 60 min puis 4 h, échec après 24 h ; les autres partent, sous le même Message-ID", async () => {
  smtp.refusals.set("plein@x.example", { code: 452, text: "Mailbox full" });
  await write("plein@x.example");
  await write("b@x.example");
  await sender.sweep();
  assert.equal((await line("b@x.example")).state, "sent");
  const waits: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { state, wait } = await line("plein@x.example");
    if (state !== "pending") break;
    waits.push(wait);
    await open.clock.advanceMinutes(wait);
    await sender.sweep();
  }
  assert.deepEqual(waits.slice(0, 6), [1, 5, 15, 60, 240, 240]);
  const last = await line("plein@x.example");
  assert.equal(last.state, "failed");
  assert.match(last.last_answer!, /Refusé pour l’instant.+Mailbox full/);
});

test("F10 : un refus définitif est un échec tout de suite", async () => {
  smtp.refusals.set("parti@x.example", { code: 550, text: "No such user" });
  await write("parti@x.example");
  await sender.sweep();
  const { state, attempts, last_answer } = await line("parti@x.example");
  assert.deepEqual([state, attempts], ["failed", 1]);
  assert.match(last_answer!, /Refusé définitivement.+550.+No such user/);
});

test("F10 : coupé après DATA, repris sous le même Message-ID", async () => {
  smtp.cutAfterData = 1;
  await write("a@x.example");
  await sender.sweep();
  assert.equal((await line("a@x.example")).state, "pending");
  await open.clock.advanceMinutes(1.1);
  await sender.sweep();
  assert.equal((await line("a@x.example")).state, "sent");
  const ids = sentTo("a@x.example").map(({ mail }) => mail.messageId);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
});

test("F10 : un serveur qui ne finit jamais de répondre à l’un ne retient pas les autres", async () => {
  // Patience is a minute and a half: in the short form three seconds, which a loaded machine still answers within.
  const hasty = senderWith(await openTransport(settings, LONG ? {} : { socketTimeout: 3_000 }));
  smtp.tarpit = "lent@x.example";
  await write("lent@x.example");
  for (let i = 0; i < 12; i++) await write(`vite${i}@x.example`);
  await hasty.sweep();
  smtp.tarpit = null;
  assert.equal(smtp.received.length, 12);
  const { state, last_answer } = await line("lent@x.example");
  assert.equal(state, "pending");
  assert.match(last_answer!, /pas répondu à temps|coupée/);
  await open.clock.advanceMinutes(2);
  await sender.sweep();
  assert.equal((await line("lent@x.example")).state, "sent");
});

test("F10 : un chiffrement qui échoue n’envoie rien en clair, se dit, et tout part une fois réparé", async () => {
  const strange = await startSmtp({ selfSigned: true });
  await write("a@x.example");
  await senderWith(await openTransport({ ...settings, smtpUrl: strange.url })).sweep();
  const { state, last_answer } = await line("a@x.example");
  assert.deepEqual([state, strange.received.length], ["pending", 0]);
  assert.match(last_answer!, /La connexion chiffrée au serveur a échoué/);
  await open.clock.advanceMinutes(1.1);
  await sender.sweep();
  assert.equal((await line("a@x.example")).state, "sent");
});

test("F09 : serveur absent une heure : rien n’est perdu, tout part à son retour, l’ordre de chacun est gardé", async () => {
  await smtp.stop();
  for (const what of ["un", "deux", "trois"]) await write("a@x.example", what);
  await write("b@x.example", "seul");
  const others = LONG ? 2_000 : 20;
  for (let i = 0; i < others; i++) await write(`autre${i}@x.example`);
  for (const minutes of [0, 1, 5, 15, 39]) {
    await open.clock.advanceMinutes(minutes);
    await sender.sweep();
  }
  const down = await line("b@x.example");
  assert.equal(down.state, "pending");
  assert.ok(down.wait > 10, "son tour serait loin");
  assert.match(down.last_answer!, /Aucun serveur ne répond|coupée/);
  await smtp.start();
  // Ten minutes later nothing waits.
  for (let minute = 0; minute < 10; minute++) {
    await open.clock.advanceMinutes(1);
    await sender.sweep();
  }
  assert.equal(new Set(smtp.received.flatMap(({ to }) => to)).size, others + 2);
  assert.equal(smtp.received.length, others + 4);
  assert.deepEqual(
    sentTo("a@x.example").map(({ mail }) => mail.subject),
    ["un", "deux", "trois"].map((what) => `Essai\u00a0: ${what}`.replace("\u00a0", " ")),
  );
  assert.equal(sentTo("b@x.example").length, 1);
});

test("MSG-8 : ce qui n’a plus lieu d’être est abandonné, et le dit", async () => {
  await writeSecret("a@x.example");
  due = "La demande a été annulée.";
  await sender.sweep();
  const { state, last_answer } = await line("a@x.example");
  assert.deepEqual([state, last_answer, smtp.received.length], ["dropped", "La demande a été annulée.", 0]);
});

test("un secret naît à chaque essai et n’est écrit nulle part dans la file", async () => {
  smtp.refusals.set("a@x.example", { code: 451, text: "Later" });
  await writeSecret("a@x.example");
  await sender.sweep();
  smtp.refusals.clear();
  await open.clock.advanceMinutes(1.1);
  await sender.sweep();
  const [{ mail }] = sentTo("a@x.example") as [(typeof smtp.received)[number]];
  assert.match(mail.text!, new RegExp(`https://ops\\.example\\.fr/essai/${minted.at(-1)}`));
  assert.equal(new Set(minted).size, minted.length);
  const { rows } = await open.owner.query("select to_jsonb(o)::text as all from outbox o");
  for (const token of minted) assert.ok(!rows.some((row) => row.all.includes(token)));
});

test("F03 : un processus tué en plein envoi : un autre reprend une minute après, une seule fois à la fois", async () => {
  await write("a@x.example");
  await open.owner.query(
    "update outbox set state = 'sending', attempts = 1, claimed_at = app_now(), message_id = '<gardé@mail.example>'",
  );
  await open.clock.advance(59_000);
  await sender.sweep();
  assert.equal(smtp.received.length, 0);
  await open.clock.advance(2_000);
  await Promise.all([sender.sweep(), senderWith(await openTransport(settings)).sweep()]);
  assert.deepEqual(
    smtp.received.map(({ mail }) => mail.messageId),
    ["<gardé@mail.example>"],
  );
});

test("F03 : un envoi qui dure reste à qui le tient tant qu’il vit ; pris par un autre, il n’écoute plus que « parti »", async () => {
  const patient = senderWith(await openTransport(settings), Number.POSITIVE_INFINITY, 20);
  smtp.tarpit = "lent@x.example";
  await write("lent@x.example");
  const sending = patient.sweep();
  const claimed = async () =>
    (
      await open.owner.query<{ state: string; age: number }>(
        "select state, extract(epoch from app_now() - claimed_at)::float8 as age from outbox",
      )
    ).rows[0]!;
  while ((await claimed()).state !== "sending") await pause(10);
  for (let i = 0; i < 3; i++) {
    await open.clock.advance(50_000);
    while ((await claimed()).age > 40) await pause(10);
  }
  await sender.sweep();
  assert.equal((await line("lent@x.example")).attempts, 1);
  await open.owner.query("update outbox set attempts = 2");
  await smtp.stop();
  smtp.tarpit = null;
  await smtp.start();
  await sending;
  assert.equal((await line("lent@x.example")).state, "sending", "l’échec du premier ne défait pas l’envoi du second");
});

const suspend = (isSuspended: boolean) =>
  open.db.act(actOf(tenantId), (em) =>
    em.execute("update tenant set suspended_at = case when ? then app_now() end", [isSuspended]),
  );

test("ROL-2 : les messages d’une organisation suspendue attendent, celui qui le dit part devant eux, et à la réouverture le reste est jugé", async () => {
  await write("a@x.example");
  await writeSecret("b@x.example");
  await suspend(true);
  await open.db.note(tenantId, (em) => sendMail(em, closed, { tenantId, to: { address: "a@x.example" }, payload: {} }));
  await sender.sweep();
  assert.deepEqual(
    smtp.received.map(({ mail }) => mail.subject),
    ["C’est fermé"],
  );
  await open.clock.advanceMinutes(3 * 24 * 60);
  await sender.sweep();
  const [health] = await open.db.lookup<{ waiting: number; waiting_since: string | null }>("mail_health");
  assert.deepEqual([health!.waiting, health!.waiting_since], [0, null], "personne n’a à s’en inquiéter");
  await suspend(false);
  due = "La demande date de plus d’un jour.";
  await sender.sweep();
  assert.deepEqual([(await line("b@x.example")).state, sentTo("a@x.example").length], ["dropped", 2]);
  assert.match((await line("b@x.example")).last_answer!, /plus d’un jour/);
});

test("deux processus vident la file ensemble : chacun reçoit une fois", async () => {
  await Promise.all(Array.from({ length: 60 }, (_, i) => write(`p${i}@x.example`)));
  const other = senderWith(await openTransport(settings));
  await Promise.all([sender.sweep(), other.sweep()]);
  await sender.sweep();
  assert.equal(smtp.received.length, 60);
  assert.equal(new Set(smtp.received.flatMap(({ to }) => to)).size, 60);
});

test("MSG-14 : sans serveur, le message reste et le dit", async () => {
  await write("a@x.example");
  await senderWith(null).sweep();
  const { state, last_answer } = await line("a@x.example");
  assert.equal(state, "unsent");
  assert.match(last_answer!, /aucun serveur/);
});

test("mot de passe refusé, nom introuvable : la réponse dit quoi corriger", async () => {
  const locked = await startSmtp({ auth: { user: "ops", pass: "juste" } });
  const asked = (smtpUrl: string) => openTransport({ ...settings, smtpUrl }).then((transport) => transport.check());
  assert.match((await asked(locked.url.replace("//", "//ops:faux@"))).answer, /refuse le compte ou le mot de passe/);
  assert.equal((await asked(locked.url.replace("//", "//ops:juste@"))).result, "sent");
  assert.doesNotMatch((await asked(locked.url.replace("//", "//ops:motsecret@"))).answer, /motsecret/);
});

test("MSG-13 : le dimanche à 2 h, les messages de plus de 90 jours s’effacent, sauf ce qui attend de partir", async () => {
  const purge = open.registry.schedules.find(({ job }) => job === "messages.purge_weekly")!;
  assert.deepEqual([purge.at, purge.weekday], ["02:00", 0]);
  await write("vieux@x.example");
  await sender.sweep();
  await write("attend@x.example");
  await open.clock.advanceMinutes(91 * 24 * 60);
  await write("neuf@x.example");
  await purge.run(services, { tenantId, day: "2027-02-21" });
  const { rows } = await open.owner.query("select address from outbox order by id");
  assert.deepEqual(
    rows.map(({ address }) => address),
    ["attend@x.example", "neuf@x.example"],
  );
});

test("la boucle du processus envoie d’elle-même, et s’arrête proprement", async () => {
  const loop = senderWith(await openTransport(settings), 20);
  await Promise.all(Array.from({ length: 50 }, (_, i) => write(`q${i}@x.example`)));
  while (smtp.received.length < 50) await new Promise((resolve) => setTimeout(resolve, 20));
  await loop.stop();
  const { rows } = await open.owner.query("select state, count(*)::int as n from outbox group by 1");
  assert.deepEqual(rows, [{ state: "sent", n: 50 }]);
  assert.deepEqual(errors, []);
});
