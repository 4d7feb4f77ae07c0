import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { startScanning } from "../../src/files/index.ts";
import { pendingLine } from "../../src/files/vitals.ts";
import { Unavailable } from "../../src/platform/errors.ts";
import { clamdAt } from "../../src/platform/storage/clamd.ts";
import { EICAR, startClamd } from "../support/clamd.ts";
import { giveUpload, picture } from "../support/files.ts";
import { type Browser, startWorld } from "../support/world.ts";

const clamd = await startClamd();
const world = await startWorld({ clamd: clamd.address });
const refusals: unknown[] = [];
const scanning = startScanning(world.app.locals.services, {
  everyMs: 2 ** 30,
  onError: (error) => void refusals.push(error),
});
const AT = "/compte/photo";

const rows = async ({ tenantId }: Browser) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ id: string; blob: string; state: string; type: string }[]>("select * from file order by id"),
  );
const shown = async (browser: Browser) =>
  /\/fichiers\/([0-9a-f-]{36})\/image" alt="Votre photo/.exec((await browser.get(AT)).text)?.[1];

/** A picture that holds the test signature in a text of its own: nothing a picture viewer would mind. */
async function infected(): Promise<Buffer> {
  const png = await picture();
  const body = Buffer.concat([Buffer.from("tEXtComment\0"), Buffer.from(EICAR)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([png.subarray(0, 33), length, body, sum, png.subarray(33)]);
}

const sendPicture = async (browser: Browser, content?: Buffer) => {
  const upload = await giveUpload(world, browser, "user.picture", content);
  const { status, text } = await browser.post(AT, { upload });
  assert.equal(status, 303, text.slice(0, 200));
};

test("le vrai clamd, avec une signature d’essai : rien, ou ce qu’il a trouvé ; muet, il n’a rien dit", async () => {
  const scanner = clamdAt(clamd.address);
  assert.match(await scanner.version(), /^ClamAV \d/);
  assert.equal(await scanner.scan(Readable.from([randomBytes(3_000_000)])), null);
  assert.match((await scanner.scan(Readable.from([Buffer.from(EICAR)]))) ?? "", /Eicar/);
  assert.match((await scanner.scan(Readable.from([await infected()]))) ?? "", /Eicar/);
  await assert.rejects(clamdAt("127.0.0.1:9").scan(Readable.from(["x"])), Unavailable);
  await assert.rejects(clamdAt("/nowhere/clamd.sock").version(), Unavailable);
});

test("DOC-4 : un fichier n’est servi qu’une fois vérifié, et tel qu’il doit l’être", async () => {
  const karim = await world.as("karim");
  await sendPicture(karim);
  const [waiting] = await rows(karim);
  assert.deepEqual([waiting!.state, waiting!.type], ["pending", "image/png"]);
  for (const path of [`/fichiers/${waiting!.id}`, `/fichiers/${waiting!.id}/image`])
    assert.equal((await karim.get(path)).status, 404);
  assert.equal(await shown(karim), undefined);
  assert.match((await karim.get(AT)).text, /Vérification en cours/);

  await scanning.sweep();
  const [clean] = await rows(karim);
  assert.deepEqual([clean!.state, clean!.type], ["clean", "image/webp"]);
  assert.equal(await shown(karim), waiting!.id);
  assert.equal((await karim.get(`/fichiers/${waiting!.id}/image`)).status, 200);
  await assert.rejects(world.files.store.open(waiting!.blob), "ce qui est venu n’est plus gardé");
});

test("P40 : EICAR est mis en quarantaine, dit à qui l’a envoyé, et jamais servi", async () => {
  const sophie = await world.as("sophie");
  await sendPicture(sophie, await infected());
  await scanning.sweep();
  const row = (await rows(sophie)).at(-1)!;
  assert.equal(row.state, "infected");
  assert.equal((await sophie.get(`/fichiers/${row.id}`)).status, 404);
  const page = await sophie.get(AT);
  assert.match(page.text, /Image refusée par l’antivirus/);
  assert.equal(await shown(sophie), undefined);
  const mails = await world.db.read(sophie.tenantId, (em) =>
    em.execute<{ address: string }[]>("select address from outbox where kind = 'files.quarantined'"),
  );
  assert.deepEqual(mails, [{ address: (await world.userOf("sophie")).email }]);
  const denis = await world.as("denis");
  assert.match((await denis.get("/admin/historique")).text, /Fichier mis en quarantaine par l’antivirus/);
});

test("P40 : un fichier trop lourd pour clamd n’arrête pas ceux qui le suivent, et l’état de l’instance dit lequel régler", async () => {
  const [denis, claire] = [await world.as("denis"), await world.as("claire")];
  const heavy = Buffer.from(`# Notice\n${randomBytes(4_500_000).toString("base64")}\n`);
  const upload = await giveUpload(world, denis, "document.file", heavy);
  await denis.get("/documents/nouveau");
  const { status, text } = await denis.post("/documents/nouveau", { upload, title: "Notice lourde", kind: "other" });
  assert.equal(status, 303, text.slice(0, 300));
  await sendPicture(claire);
  refusals.length = 0;
  await scanning.sweep();
  assert.ok(await shown(claire), "celle d’après est vérifiée");
  assert.equal(refusals.length, 1);
  const stuck = (await rows(denis)).find(({ type }) => type === "text/markdown")!;
  assert.equal(stuck.state, "pending");
  await scanning.sweep();
  assert.equal(refusals.length, 1, "il n’est pas redemandé aussitôt");
  const about = { zone: "Europe/Paris", now: new Date(Date.now() + 16 * 60_000) };
  assert.match(pendingLine([stuck.id], about).remedy!, /StreamMaxLength/);
  assert.equal(pendingLine([stuck.id], { ...about, now: new Date() }).state, "told");
  await world.db.note(denis.tenantId, (em) => em.execute("update file set state = 'clean' where id = ?", [stuck.id]));
});

test("P40 : clamd tué, le fichier attend ; clamd revenu, il est vérifié", async () => {
  await clamd.kill();
  const hugo = await world.as("hugo");
  await sendPicture(hugo);
  await assert.rejects(scanning.sweep(), Unavailable);
  assert.equal((await rows(hugo)).at(-1)!.state, "pending");
  assert.equal(await shown(hugo), undefined);
  const nadia = await world.as("nadia");
  assert.match((await nadia.get("/instance/etat")).text, /Antivirus[\s\S]*ne répond pas[\s\S]*Relancez clamd/);
  await clamd.start();
  await scanning.sweep();
  assert.equal((await rows(hugo)).at(-1)!.state, "clean");
  assert.ok(await shown(hugo));
  assert.match((await nadia.get("/instance/etat")).text, /ClamAV \d/);
});
