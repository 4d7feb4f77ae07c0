import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { closedBefore, recloseKeys } from "../../src/accounts/index.ts";
import { closeKey, drawKey, findKey, SecondFactor } from "../../src/accounts/second-factor.ts";
import { User } from "../../src/accounts/user.ts";
import { readConfig } from "../../src/config.ts";
import { openHeads, startSealer, verifyHistory } from "../../src/history/index.ts";
import { CannotOpen, close, open } from "../../src/platform/cipher.ts";
import { isSigned, sign } from "../../src/platform/http/signature.ts";
import { alsoAccept } from "../../src/platform/previous-secrets.ts";
import { loadSecrets, rotateSecrets } from "../../src/secrets.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

const { db, clock } = await testDatabase();
const folder = mkdtempSync(path.join(tmpdir(), "rotation-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const config = readConfig({ VAR_DIR: folder });

test("les clés changées, les anciennes restent pour lire : cookies, jetons, secrets fermés", async () => {
  const before = await loadSecrets(config);
  const signed = sign(before.secret, "essai", "valeur");
  const closed = close(before.secret, "essai", "texte", "ligne");
  const file = await rotateSecrets(config);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const now = await loadSecrets(config);
  assert.notEqual(now.secret, before.secret);
  assert.notEqual(now.historyKey.privateKey, before.historyKey.privateKey);
  assert.deepEqual(now.previousSecrets, [before.secret]);
  assert.deepEqual(now.pastHistoryKeys, [before.historyKey.publicKey]);

  assert.equal(isSigned(now.secret, "essai", "valeur", signed), false);
  assert.throws(() => open(now.secret, "essai", closed, "ligne"), CannotOpen);
  alsoAccept(now.secret, now.previousSecrets);
  assert.ok(isSigned(now.secret, "essai", "valeur", signed));
  assert.equal(isSigned(now.secret, "essai", "autre", signed), false);
  assert.equal(open(now.secret, "essai", closed, "ligne"), "texte");
  assert.equal(isSigned(before.secret, "essai", "valeur", sign(now.secret, "essai", "valeur")), false);
});

test("SECRET et SECRET_PREVIOUS de l’environnement passent devant le fichier ; trop court, refusé", async () => {
  const [a, b] = [`${"a".repeat(16)}0123456789abcdef`, `${"b".repeat(16)}0123456789abcdef`];
  const { secret, previousSecrets } = await loadSecrets(readConfig({ VAR_DIR: folder, SECRET: b, SECRET_PREVIOUS: a }));
  assert.deepEqual([secret, previousSecrets[0]], [b, a]);
  assert.throws(() => readConfig({ SECRET_PREVIOUS: `${a} court` }), /SECRET_PREVIOUS/);
});

test("P57 : la clé d’un téléphone fermée sous l’ancien secret se lit, puis se referme sous le nouveau, sans trace", async () => {
  const [former, now] = [`ancien-${"0".repeat(40)}`, `nouveau-${"1".repeat(40)}`];
  const { tenantId, userId } = await buildTenant(db);
  const account = { tenantId, userId };
  const key = drawKey();
  await db.act(actOf(tenantId), async (em) => {
    const { keyId, bytes: seed } = closeKey(key, account, former);
    const user = await em.findOneOrFail(User, { tenantId, id: userId });
    em.create(SecondFactor, { tenantId, id: userId, user, seed, keyId, confirmedAt: clock.now() });
  });
  const acts = () => db.read(tenantId, (em) => em.execute<{ n: string }[]>("select count(*) as n from act"));
  const before = await acts();
  assert.equal(
    await recloseKeys(db, now, { now: clock.now() }),
    0,
    "l’ancien secret manque : le démarrage n’en meurt pas",
  );
  assert.equal(await closedBefore(db, now), 1);
  alsoAccept(now, [former]);
  assert.equal(await closedBefore(db, now), 1);
  assert.equal(await recloseKeys(db, now, { now: clock.now() }), 1);
  assert.equal(await closedBefore(db, now), 0);
  alsoAccept(now, []);
  assert.equal(await db.read(tenantId, (em) => findKey(em, account, now)), key);
  assert.deepEqual(await acts(), before);
});

test("P54 : l’historique reste intact d’une clé à l’autre, l’attestation porte la clé qui a signé, une clé inconnue ne vaut rien", async () => {
  const { tenantId, userId } = await buildTenant(db, "Ville des clés");
  const varDir = mkdtempSync(path.join(folder, "heads-"));
  const keys = async () => {
    const { historyKey, pastHistoryKeys } = await loadSecrets(config);
    return { varDir, historyKey: historyKey.privateKey, pastHistoryKeys };
  };
  const write = async (givenName: string) => {
    const heads = openHeads(await keys());
    const onError = (error: unknown) => assert.fail(String(error));
    const sealer = startSealer(db, { heads, clock, everyMs: Number.POSITIVE_INFINITY, onError });
    await db.act(actOf(tenantId), async (em) => {
      (await em.findOneOrFail(User, { tenantId, id: userId })).givenName = givenName;
    });
    await sealer.sealAll();
    await sealer.stop();
    return heads;
  };
  await write("Une");
  await rotateSecrets(config);
  const heads = await write("Deux");
  const { firstBreak, verified, signedUpTo } = await verifyHistory(db, heads, tenantId);
  assert.deepEqual([firstBreak, signedUpTo], [null, verified]);
  const { publicKey } = (await loadSecrets(config)).historyKey;
  assert.ok(createPublicKey((await heads.attestation(tenantId))!.publicKey).equals(createPublicKey(publicKey)));

  const { pastHistoryKeys: _, ...forgetful } = await keys();
  const linesOf = async (read: ReturnType<typeof openHeads>) => {
    const lines: boolean[] = [];
    for await (const head of read.read(tenantId)) lines.push(head !== null);
    return lines;
  };
  assert.ok((await linesOf(heads)).every(Boolean));
  assert.deepEqual(
    new Set(await linesOf(openHeads(forgetful))),
    new Set([false, true]),
    "une tête dont la clé est oubliée n’est plus à personne",
  );
  const lost = (await linesOf(openHeads(forgetful))).filter((isOurs) => !isOurs).length;
  assert.deepEqual([await heads.foreign(tenantId), await openHeads(forgetful).foreign(tenantId)], [0, lost]);
});
