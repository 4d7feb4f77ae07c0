/** Dashboards that follow: who is told, what they are then given, and what their readers share (LIV-1 to LIV-6, STA-2, S19). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { query } from "../support/cluster.ts";
import { openStream } from "../support/stream.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, karim, helene, denis] = (await Promise.all(
  ["sophie", "karim", "helene", "denis"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];

const { tenantId } = sophie;
const wordOf = (at: string) => `campagne:${idIn(at)}`;
/** A page that asks by itself, not told of changes: nothing it is given is older than its question. */
const LIVE = { "live-refresh": "poll" };
const fragment = (by: Browser, at: string, headers: Record<string, string> = {}) =>
  by.get(at, { part: true, headers: { ...LIVE, ...headers } });
const post = async (by: Browser, page: string, to: string, fields: Record<string, string> = {}) => {
  const [, version] = /name="version" value="(\d+)"/.exec((await by.get(page)).text) ?? [];
  return isAt(await by.post(to, { ...(version && { version }), ...fields }));
};
const doneOn = ({ text }: { text: string }) => Number(/<strong>(\d+)<\/strong> opérations réalisées/.exec(text)?.[1]);

/** A public campaign under way, whose operations Karim has. */
async function underWay(n: number): Promise<{ at: string; operations: string[] }> {
  const at = await makeCampaign(sophie);
  const operations: string[] = [];
  for (let i = 1; i <= n; i++) {
    operations.push(await addOperation(sophie, at, { c_cible: `PC-${i}`, technician: karim.id }));
  }
  await post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: "public" });
  await post(sophie, `${at}/publication`, `${at}/publication`);
  await world.sealer.sealAll();
  return { at, operations };
}
async function complete(operation: string, by = karim) {
  await post(by, operation, `${operation}/statut`, { to: "in_progress", kind: "start" });
  await post(by, operation, `${operation}/statut`, { to: "done", kind: "complete" });
}

test("S19, LIV-1, LIV-3 : un technicien termine, la page ouverte d’une autre l’apprend par un nom et un numéro, et son fragment le compte", async () => {
  const { at, operations } = await underWay(4);
  const stream = await openStream(world.origin, helene.cookie, wordOf(at));
  assert.equal(stream.status, 200);
  assert.equal(doneOn(await fragment(helene, at)), 0);
  await complete(operations[0]!);
  await world.sealer.sealAll();
  assert.deepEqual((await stream.next()).topics, [wordOf(at)]);
  assert.doesNotMatch(stream.text(), /PC-1|Karim/);
  const told = await fragment(helene, at);
  assert.equal(doneOn(told), 1);
  assert.match(told.text, /data-live-said="1 réalisée, 25,0\s%"/);
  assert.match(plain(told), /Karim Daoudi a terminé PC-1/);
  assert.equal(doneOn(await helene.get(at)), 1, "la page entière dit pareil");
  stream.close();
});

test("LIV-1 : qui agit voit l’effet sur sa page aussitôt, avant tout sceau", async () => {
  const { at, operations } = await underWay(2);
  assert.equal(doneOn(await sophie.get(at)), 0);
  await complete(operations[0]!, sophie);
  assert.equal(doneOn(await sophie.get(at)), 1);
  await complete(operations[1]!, sophie);
  assert.equal(doneOn(await fragment(sophie, at)), 2);
});

test("STA-2 : après le dernier changement chaque lecteur a le compte exact, si nombreux et si simultanés qu’ils soient", async () => {
  const { at, operations } = await underWay(8);
  for (const [rank, operation] of operations.entries()) {
    const during = Array.from({ length: 6 }, () => fragment(helene, at));
    await complete(operation, sophie);
    const after = await Promise.all([fragment(helene, at), fragment(sophie, at), fragment(denis, at)]);
    assert.deepEqual(after.map(doneOn), [rank + 1, rank + 1, rank + 1]);
    for (const one of await Promise.all(during)) assert.ok([rank, rank + 1].includes(doneOn(one)));
  }
});

test("STA-2 : trente lecteurs aux mêmes droits lisent le même texte", async () => {
  const { at } = await underWay(2);
  const answers = await Promise.all(Array.from({ length: 30 }, () => fragment(helene, at)));
  assert.equal(new Set(answers.map(({ headers }) => headers.get("etag"))).size, 1);
});

test("LIV-5 : dans une rafale, une page qui suit reçoit ce qui est là, et sait qu’elle est en retard : elle redemande d’elle-même et finit exacte", async (t) => {
  const { at, operations } = await underWay(5);
  const told = { "live-refresh": "1" };
  const isBehind = ({ headers }: { headers: Headers }) => headers.has("live-behind");
  const rename = (name: string) =>
    world.db.act(
      { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
      (em) => em.execute("update segment set name = ? where campaign_id = ?", [name, idIn(at)]),
    );
  await post(sophie, `${at}/segments`, `${at}/segments`, { name: "Nom 0" });
  // However slow the machine, what follows is one burst.
  const now = performance.now();
  const still = t.mock.method(performance, "now", () => now);
  let shown = await fragment(helene, at, told);
  assert.equal(isBehind(shown), false);
  await rename("Nom 1");
  const unchanged = await fragment(helene, at, { ...told, "if-none-match": shown.headers.get("etag")! });
  still.mock.restore();
  assert.deepEqual(
    [unchanged.status, isBehind(unchanged)],
    [304, true],
    "rien de neuf encore : on sait qu’il en vient",
  );
  for (const [rank, operation] of operations.entries()) {
    await complete(operation, sophie);
    shown = await fragment(helene, at, told);
    assert.ok(doneOn(shown) === rank + 1 || isBehind(shown));
  }
  // As an open page does, its stream lost meanwhile.
  while (isBehind(shown)) shown = await fragment(helene, at, told);
  assert.equal(doneOn(shown), operations.length);
  assert.match(plain(shown), /Nom 1/);
});

test("LIV-2 : sans changement, 304, même quand l’heure a avancé ; après un changement, 200", async () => {
  const { at, operations } = await underWay(2);
  const first = await fragment(helene, at);
  const again = { "if-none-match": first.headers.get("etag")! };
  await world.clock.advance(61_000);
  assert.equal((await fragment(helene, at, again)).status, 304);
  await complete(operations[0]!, sophie);
  assert.equal((await fragment(helene, at, again)).status, 200);
});

test("LIV-3, STA-2 : rien ne passe d’un lecteur à l’autre ; ce qu’un droit montre, un autre ne l’a pas", async () => {
  const at = await makeCampaign(sophie);
  await post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: "public" });
  const [owner, reader] = [await fragment(sophie, at), await fragment(helene, at)];
  assert.match(owner.text, /Importer des opérations/);
  assert.doesNotMatch(reader.text, /Importer des opérations/);
  assert.doesNotMatch(await fragment(sophie, at).then(({ text }) => text), /_csrf|_key/);
});

test("LIV-3 : le fragment se demande avec les droits de l’instant, le flux aussi", async () => {
  const { at } = await underWay(1);
  const stream = await openStream(world.origin, helene.cookie, wordOf(at));
  assert.equal((await fragment(helene, at)).status, 200);
  await post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: "restricted" });
  assert.equal((await fragment(helene, at)).status, 404);
  assert.equal((await openStream(world.origin, helene.cookie, wordOf(at))).status, 404);
  stream.close();
});

test("LIV-6 : le flux d’une campagne se ferme quand elle n’est plus ouverte à qui la suit ; celui de sa propriétaire reste", async () => {
  const { at } = await underWay(1);
  const [reader, owner, admin] = await Promise.all(
    [helene, sophie, denis].map(({ cookie }) => openStream(world.origin, cookie, wordOf(at))),
  );
  await world.hub.recheck();
  await post(sophie, `${at}/acces`, `${at}/visibilite`, { visibility: "restricted" });
  await world.hub.recheck();
  await reader!.ended;
  await world.sealer.sealAll();
  assert.deepEqual((await owner!.next()).topics, [wordOf(at)]);
  assert.deepEqual((await admin!.next()).topics, [wordOf(at)]);
  // An habilitation alone opens it, and withdrawn, shuts it.
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${helene.id}`, letters: "see" });
  const granted = await openStream(world.origin, helene.cookie, wordOf(at));
  assert.equal(granted.status, 200);
  await world.hub.recheck();
  const [{ id }] = (await query(world.superUrl, "select id from campaign_grant where campaign_id = $1", [
    idIn(at),
  ])) as [{ id: string }];
  await post(sophie, `${at}/acces`, `${at}/acces/${id}/retrait`);
  await world.hub.recheck();
  await granted.ended;
  owner!.close();
  admin!.close();
});

test("un technicien ne suit pas une campagne qui ne lui est pas ouverte ; une adresse mal faite n’existe pas", async () => {
  const { at } = await underWay(1);
  assert.equal((await openStream(world.origin, karim.cookie, wordOf(at))).status, 404);
  for (const word of ["campagne", "campagne:", "campagne:abc", `history:${idIn(at)}`]) {
    assert.equal((await denis.get(`/flux?sujets=${word}`)).status, 404, word);
  }
});

test("LIV-1 : ce qui ne touche pas une campagne ne réveille pas qui la suit", async () => {
  const [one, other] = [await underWay(1), await underWay(1)];
  const stream = await openStream(world.origin, helene.cookie, wordOf(one.at));
  await complete(other.operations[0]!);
  await world.sealer.sealAll();
  await post(sophie, `${one.at}/segments`, `${one.at}/segments`, { name: "Bâtiment A" });
  await world.sealer.sealAll();
  await stream.next();
  assert.deepEqual(stream.waiting(), []);
  assert.match(plain(await fragment(helene, one.at)), /Bâtiment A/);
  stream.close();
});

test("les courbes ont leur fragment, et leur place dans le tableau", async () => {
  const { at } = await underWay(2);
  const board = await fragment(helene, at);
  assert.doesNotMatch(board.text, /graphique-cumul/);
  assert.match(board.text, /data-live-place="courbe-cumul"[^>]*data-live-rest="30"/);
  const curves = await fragment(helene, `${at}?partie=courbes`);
  assert.match(curves.text, /graphique-cumul/);
  assert.doesNotMatch(curves.text, /data-live-place/);
  assert.match((await helene.get(at)).text, /graphique-cumul/);
});
