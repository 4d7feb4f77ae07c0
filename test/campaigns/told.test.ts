/** What people are told of campaigns in their notification centre (ACT-5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listNotifications } from "../../src/notifications/queries.ts";
import { record } from "../../src/platform/events/record.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { query } from "../support/cluster.ts";
import { type Browser, startWorld, type Who } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, karim, helene, denis] = (await Promise.all(
  ["sophie", "karim", "helene", "denis"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];
const { tenantId } = sophie;
const awa = await world.userOf("awa");

const told = async (who: Who, kind: string) => {
  const { id } = await world.userOf(who);
  const { lines } = await world.db.read(tenantId, (em) =>
    listNotifications(em, { userId: id, unread: false }, { size: 50 }),
  );
  return lines.filter((line) => line.kind === kind).map(({ text, path }) => [text.replaceAll("\u00a0", " "), path]);
};
const post = async (by: Browser, page: string, to: string, fields: Record<string, string | string[]> = {}) => {
  const [, version] = /name="version" value="(\d+)"/.exec((await by.get(page)).text) ?? [];
  return isAt(await by.post(to, { ...(version && { version }), ...fields }));
};

test("ACT-5 : une habilitation reçue, changée, retirée se signale à la personne, jamais à qui la donne", async () => {
  const at = await makeCampaign(sophie, { name: "Badges" });
  const grant = (letters: string[]) =>
    post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${helene.id}`, letters });
  await grant(["see"]);
  assert.deepEqual((await told("helene", "grants"))[0], [
    "Sophie Marchand vous a donné une habilitation sur la campagne « Badges » : voir.",
    at,
  ]);
  await grant(["see", "export"]);
  assert.match((await told("helene", "grants"))[0]![0]!, /a changé votre habilitation sur .* : voir et exporter\.$/);
  const [{ id }] = (await query(world.superUrl, "select id from campaign_grant where campaign_id = $1", [
    idIn(at),
  ])) as [{ id: string }];
  await post(sophie, `${at}/acces`, `${at}/acces/${id}/retrait`);
  assert.deepEqual((await told("helene", "grants"))[0], [
    "Sophie Marchand vous a retiré votre habilitation sur la campagne « Badges ».",
    null,
  ]);
  assert.deepEqual(await told("sophie", "grants"), []);
});

test("ACT-5 : des opérations affectées ou retirées se signalent une fois par acte, à leur technicien ; un brouillon se tait jusqu’à sa publication", async () => {
  const at = await makeCampaign(sophie, { name: "Postes" });
  const one = await addOperation(sophie, at, { c_cible: "PC-1", technician: karim.id });
  const two = await addOperation(sophie, at, { c_cible: "PC-2", technician: karim.id });
  assert.deepEqual(await told("karim", "operations"), []);
  await post(sophie, `${at}/publication`, `${at}/publication`);
  assert.deepEqual(await told("karim", "operations"), [
    ["La campagne « Postes » est publiée : 2 opérations vous y sont affectées.", null],
  ]);
  await post(sophie, one, `${one}/affectation`, { technician: awa.id });
  assert.equal(
    (await told("karim", "operations"))[0]![0],
    "Sophie Marchand vous a retiré l’opération « PC-1 » de la campagne « Postes ».",
  );
  assert.deepEqual((await told("awa", "operations"))[0], [
    "Sophie Marchand vous a affecté l’opération « PC-1 » de la campagne « Postes ».",
    one,
  ]);
  await sophie.get(`${at}/operations`);
  const ids = [idIn(one), idIn(two)];
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action: "assign", scope: "ticked", row: ids }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/apercu`, { technician: awa.id }));
  await sophie.get(lot);
  const before = (await told("awa", "operations")).length;
  isAt(
    await sophie.post(`${lot}/execution`, {
      version: /name="version" value="(\d+)"/.exec((await sophie.get(lot)).text)![1]!,
    }),
  );
  assert.equal((await told("awa", "operations")).length, before + 1);
});

test("ACT-5 : un même acte donne et retire : chaque phrase nomme son opération, et mène à celle qui est donnée", async () => {
  const at = await makeCampaign(sophie, { name: "Échanges" });
  const given = await addOperation(sophie, at, { c_cible: "PC-Z" });
  const taken = await addOperation(sophie, at, { c_cible: "PC-A", technician: awa.id });
  await post(sophie, `${at}/publication`, `${at}/publication`);
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "operation.assigned", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    const ones = [
      [given, awa.id],
      [taken, null],
    ] as const;
    for (const [one, technician] of ones) {
      await em.execute("update operation set technician_id = ? where id = ?", [technician, idIn(one)]);
    }
    const payload = { campaign: idIn(at), technician: awa.id, by: sophie.id };
    record(em, "operation.assigned", { type: "operation", id: idIn(given) }, payload);
  });
  assert.deepEqual((await told("awa", "operations")).slice(0, 2).toSorted(), [
    ["Sophie Marchand vous a affecté l’opération « PC-Z » de la campagne « Échanges ».", given],
    ["Sophie Marchand vous a retiré l’opération « PC-A » de la campagne « Échanges ».", null],
  ]);
});

test("ACT-5 : une annulation qui retire ou rend une habilitation la signale aussi", async () => {
  const at = await makeCampaign(sophie, { name: "Retours" });
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${karim.id}`, letters: ["see"] });
  const undoLast = async () => {
    const [act] = (await query(world.superUrl, "select id from act where subject_id = $1 order by id desc limit 1", [
      idIn(at),
    ])) as [{ id: string }];
    await post(sophie, `/actes/${act.id}/annulation`, `/actes/${act.id}/annulation`);
  };
  await undoLast();
  assert.deepEqual((await told("karim", "grants"))[0], [
    "Sophie Marchand vous a retiré votre habilitation sur la campagne « Retours ».",
    null,
  ]);
  await undoLast();
  assert.deepEqual((await told("karim", "grants"))[0], [
    "Sophie Marchand vous a donné une habilitation sur la campagne « Retours » : voir.",
    at,
  ]);
});

test("ACT-5 : chacune de ces sortes se rend muette", async () => {
  const at = await makeCampaign(sophie);
  await helene.get("/notifications");
  isAt(await helene.post("/notifications/reglages", { kinds: ["rights"] }));
  const before = (await told("helene", "grants")).length;
  await post(sophie, `${at}/acces`, `${at}/acces`, { grantee: `u.${helene.id}`, letters: ["see"] });
  assert.equal((await told("helene", "grants")).length, before);
  assert.ok(denis);
});
