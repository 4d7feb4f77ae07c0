/** Where a technician lands (DSH-17, MYW-2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
await world.clock.advance(Date.parse("2027-03-10T09:00:00Z") - world.clock.now().getTime());
const [sophie, karim] = [await world.as("sophie"), await world.as("karim")];
const ofState = (at: string, state: Campaign["state"]) =>
  world.db.act(
    {
      ...{ tenantId: sophie.tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" },
      now: world.clock.now(),
    },
    async (em) => {
      (await em.findOneOrFail(Campaign, { id: idIn(at) })).state = state;
    },
  );

test("MYW-2, DSH-17 : les opérations affectées qui ne sont pas closes, en quatre groupes, et celles de personne d’autre", async () => {
  const at = await makeCampaign(sophie, { startsOn: "2027-03-01", endsOn: "2027-04-30" });
  const mine = { technician: karim.id };
  const days = { "PC-2": "2027-03-12", "PC-1": "2027-03-10", "PC-0": "2027-03-09" };
  for (const [target, plannedOn] of Object.entries(days))
    await addOperation(sophie, at, { c_cible: target, plannedOn, ...mine });
  await addOperation(sophie, at, { c_cible: "PC-3", ...mine });
  await addOperation(sophie, at, { c_cible: "Yann-1", technician: (await world.userOf("yann")).id });
  const over = await addOperation(sophie, at, { c_cible: "Finie-1", ...mine });
  await sophie.get(over);
  isAt(await sophie.post(`${over}/statut`, { to: "cancelled", kind: "cancel", reason: "Matériel rendu" }));
  const draft = await makeCampaign(sophie);
  await addOperation(sophie, draft, { c_cible: "Brouillon-1", ...mine });

  assert.match(
    plain(await karim.get("/interventions")),
    /Aucune intervention pour l’instant/,
    "rien d’une préparation",
  );
  await ofState(at, "active");
  assert.equal((await karim.get("/")).location, "/interventions");
  const page = await karim.get("/interventions");
  const words = plain(page);
  assert.match(words, /4 opérations vous attendent/);
  assert.match(
    words,
    /En retard 1 opération .*PC-0.*Aujourd’hui 1 opération .*PC-1.*À venir 1 opération .*PC-2.*Sans date 1 opération .*PC-3/,
  );
  for (const absent of ["Yann-1", "Finie-1", "Brouillon-1"]) assert.doesNotMatch(words, new RegExp(absent));
  for (const [, href] of page.text.matchAll(/href="(\/operations\/[0-9a-f-]{36})"/g)) {
    assert.equal((await karim.get(href!)).status, 200);
  }
  assert.match(plain(await sophie.get("/interventions")), /Aucune intervention/);
});
