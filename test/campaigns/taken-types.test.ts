import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign, OperationType } from "../../src/campaigns/index.ts";
import { makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const TYPES = "/admin/types-operations";
const DAYS = { startsOn: "2026-11-02", endsOn: "2027-02-26" };

async function newType(name: string, fields = ["lieu", "utilisateur"]): Promise<string> {
  await sophie.get(`${TYPES}/nouveau`);
  const type = {
    name,
    description: "",
    icon: "wrench",
    tone: "primary",
    durationMinutes: "45",
    fields,
    preset: "minimal",
  };
  const { status, location } = await sophie.post(`${TYPES}/nouveau`, type);
  assert.equal(status, 303);
  return location!.split("/").at(-1)!;
}
const campaignOf = (type: string) => makeCampaign(sophie, { type });
const campaignAt = (at: string) =>
  world.db.read(tenantId, (em) => em.findOneOrFail(Campaign, { id: at.split("/").at(-1)! }));
async function lastAct(code: string): Promise<string> {
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = ? order by id desc limit 1", [code]),
  );
  return act!.id;
}

test("CAM-13, TYP-4 : la campagne prend une copie des champs, du flux et de la durée de son type, qui vit ensuite sans lui", async () => {
  const type = await newType("Relève");
  const at = await campaignOf(type);
  const found = await campaignAt(at);
  assert.equal(found.durationMinutes, 45);
  assert.equal(found.workflow.statuses.length, 6, "le flux minimal");
  assert.match((await sophie.get(`${at}/champs`)).text, /Utilisateur[\s\S]+Lieu/);
  assert.match((await sophie.get(at)).text, /Relève[\s\S]+45.minutes/);
  await sophie.get(`${TYPES}/${type}`);
  assert.equal((await sophie.post(`${TYPES}/${type}/champs/lieu/retrait`)).status, 303);
  assert.match((await sophie.get(`${at}/champs`)).text, /Lieu/);
});

test("FLD-2 : d’un type sans texte court, la campagne reçoit d’abord une cible, qui nomme ses opérations", async () => {
  const at = await campaignOf(await newType("Appels", ["contact"]));
  assert.match((await sophie.get(`${at}/champs`)).text, /Cible[\s\S]+Contact/);
});

test("TYP-3 : un type retiré n’est pas proposé, et refusé s’il est envoyé ; celui d’une campagne y reste", async () => {
  const type = await newType("Ancien");
  const at = await campaignOf(type);
  await sophie.get(`${TYPES}/${type}`);
  await sophie.post(`${TYPES}/${type}/retrait`);
  assert.ok(!(await sophie.get("/campagnes/nouvelle")).text.includes(type));
  const refused = await sophie.post("/campagnes/nouvelle", { name: "Trop tard", ...DAYS, type });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /«\u00a0Ancien\u00a0» est retiré/);
  assert.match((await sophie.get(at)).text, /Ancien/);
});

test("TYP-3 : un type qui a servi ne se supprime pas, et l’annulation de sa création non plus", async () => {
  const type = await newType("Servi");
  const creation = await lastAct("operation_type.created");
  const at = await campaignOf(type);
  await sophie.get(`${TYPES}/${type}/suppression`);
  const refused = await sophie.post(`${TYPES}/${type}/suppression`);
  assert.equal(refused.status, 422);
  assert.match(refused.text, /«\u00a0Servi\u00a0» a déjà servi à une campagne/);
  assert.doesNotMatch(refused.text, /\d campagne/, "aucun compte de campagnes que l’on ne verrait pas (CAM-26)");
  assert.match((await sophie.get(`/actes/${creation}/annulation`)).text, /Une campagne a pris ce type/);
  await sophie.post(`/actes/${creation}/annulation`);
  assert.ok(await world.db.read(tenantId, (em) => em.findOne(OperationType, { id: type })));

  const taken = await lastAct("campaign.created");
  await sophie.get(`/actes/${taken}/annulation`);
  assert.equal((await sophie.post(`/actes/${taken}/annulation`)).status, 303, "la campagne défaite, il est libre");
  const undo = await lastAct("act.undone");
  await sophie.get(`/actes/${undo}/annulation`);
  assert.equal((await sophie.post(`/actes/${undo}/annulation`)).status, 303);
  assert.match(
    (await sophie.get(`${at}/champs`)).text,
    /Utilisateur[\s\S]+Lieu/,
    "annulée à son tour, avec ses champs",
  );
  const again = await lastAct("act.undone");
  await sophie.get(`/actes/${again}/annulation`);
  assert.equal((await sophie.post(`/actes/${again}/annulation`)).status, 303);
  await sophie.get(`${TYPES}/${type}/suppression`);
  assert.equal((await sophie.post(`${TYPES}/${type}/suppression`)).status, 303);
});

test("CAM-13 : la durée standard d’une campagne se règle, de 5 à 480 minutes, ou se vide", async () => {
  const at = await campaignOf("");
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
  const calendar = { zone: "", holidayZone: "", defaultHour: "09:00", closedDays: "" };
  const refused = await sophie.post(`${at}/calendrier`, { ...calendar, durationMinutes: "4", version });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /De 5 à 480 minutes/);
  assert.equal((await sophie.post(`${at}/calendrier`, { ...calendar, durationMinutes: "30", version })).status, 303);
  assert.equal((await campaignAt(at)).durationMinutes, 30);
});
