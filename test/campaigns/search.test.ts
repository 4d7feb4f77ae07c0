import assert from "node:assert/strict";
import { test } from "node:test";
import { purgeRemovedFields } from "../../src/campaigns/field-change.ts";
import { runSearchAnew } from "../../src/campaigns/search.ts";
import { createStaffMembers, StaffMember } from "../../src/directory/index.ts";
import { addField, addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

/** What a search finds follows the fields, whatever changes them (OPS-6). */

const world = await startWorld();
const jobs: { job: string; id: string | null }[] = [];
world.db.sendJobsWith(async (_transaction, job, content) => {
  jobs.push({ job, id: "event" in content ? content.event.subject.id : null });
});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const { services } = world.app.locals;
const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
const act = <T>(verb: Parameters<typeof world.db.act<T>>[1]) => world.db.act({ ...said, now: world.clock.now() }, verb);

const SEARCHED = { switches: ["isListed", "isSearchable"] };
const HIDDEN = { switches: ["isListed"] };
/** The names of the operations a search of the list finds. */
async function found(at: string, q: string): Promise<string[]> {
  // What the last act had to say is said first.
  await sophie.get("/campagnes");
  const { text, status } = await sophie.get(`${at}/operations?q=${encodeURIComponent(q)}`);
  assert.equal(status, 200);
  return [...new Set(text.match(/PC-\d+/g) ?? [])].sort();
}
async function edit(at: string, code: string, change: Record<string, string | string[]>) {
  const path = `${at}/champs/${code}/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = Object.fromEntries(
    form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
  );
  return sophie.post(path, { ...fields, ...change });
}
async function undo(code: string) {
  const [one] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = ? order by id desc limit 1", [code]),
  );
  await sophie.get(`/actes/${one!.id}/annulation`);
  isAt(await sophie.post(`/actes/${one!.id}/annulation`));
}

test("OPS-6 : cocher ou décocher « Cherchable » vaut pour les opérations qui sont là, et son annulation aussi", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle", HIDDEN);
  await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "Atrium" });
  assert.deepEqual(await found(at, "atrium"), []);
  isAt(await edit(at, "salle", SEARCHED));
  assert.deepEqual(await found(at, "atrium"), ["PC-1"]);
  isAt(await edit(at, "salle", HIDDEN));
  assert.deepEqual(await found(at, "atrium"), []);
  await undo("campaign.fields_changed");
  assert.deepEqual(await found(at, "atrium"), ["PC-1"]);
});

test("OPS-6 : une option renommée se trouve par son nouveau libellé, et plus par l’ancien", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "État", { ...SEARCHED, type: "single_choice", options: "Bon\r\nUsé" });
  await addOperation(sophie, at, { c_cible: "PC-1", c_etat: "use" });
  assert.deepEqual(await found(at, "usé"), ["PC-1"]);
  isAt(await edit(at, "etat", { optionLabel: ["Bon", "Fatigué"] }));
  assert.deepEqual([await found(at, "usé"), await found(at, "fatigue")], [[], ["PC-1"]]);
});

test("FLD-7, OPS-6 : retiré, un champ ne se cherche plus ; remis, si ; effacé, il n’en reste rien", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle", SEARCHED);
  await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "Atrium" });
  const remove = async () => {
    await sophie.get(`${at}/champs`);
    isAt(await sophie.post(`${at}/champs/salle/retrait`));
  };
  await remove();
  assert.deepEqual(await found(at, "atrium"), []);
  await undo("campaign.fields_changed");
  assert.deepEqual(await found(at, "atrium"), ["PC-1"]);
  await remove();
  // As an earlier version left it.
  await act((em) => em.execute("update operation set search = 'pc-1 atrium' where campaign_id = ?", [idIn(at)]));
  const tomorrow = new Date(world.clock.now().getTime() + 86_400_000);
  assert.equal(await act((em) => purgeRemovedFields(em, tomorrow)), 1);
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ search: string }[]>("select search from operation where campaign_id = ?", [idIn(at)]),
  );
  assert.equal(row!.search, "pc-1 pc-1");
});

test("OPS-6 : une personne se cherche par son nom, par la fiche, par une action groupée, et sous son nouveau nom", async () => {
  await act((em) =>
    createStaffMembers(
      em,
      [
        {
          staffNumber: "ZZ-1",
          givenName: "Arielle",
          familyName: "Quentin",
          email: "",
          department: null,
          site: null,
          position: "",
          contractType: "",
          phone: "",
          manager: "",
        },
      ] as never,
      { tenantId, by: { id: sophie.id } } as never,
    ),
  );
  const arielle = await world.db.read(tenantId, (em) => em.findOneOrFail(StaffMember, { staffNumber: "ZZ-1" }));
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Agent", { ...SEARCHED, type: "person" });
  await addField(sophie, at, "Salle", SEARCHED);
  await addOperation(sophie, at, { c_cible: "PC-1", c_agent: "ZZ-1" });
  const two = await addOperation(sophie, at, { c_cible: "PC-2" });
  assert.deepEqual(await found(at, "arielle"), ["PC-1"]);

  const fill = async (code: string, value: string) => {
    await sophie.get(`${at}/operations`);
    const chosen = { action: "field", scope: "ticked", row: [idIn(two)] };
    const lot = isAt(await sophie.post(`${at}/operations/lots`, chosen));
    await sophie.get(lot);
    isAt(await sophie.post(`${lot}/apercu`, { choice: code, value }));
    await sophie.get(lot);
    isAt(await sophie.post(`${lot}/execution`));
  };
  await fill("agent", "ZZ-1");
  assert.deepEqual(await found(at, "quentin"), ["PC-1", "PC-2"]);
  await fill("salle", "Atrium");
  assert.deepEqual(await found(at, "quentin atrium"), ["PC-2"], "son nom reste quand un autre champ se remplit");

  await act((em) => em.execute("update staff_member set family_name = 'Durand' where id = ?", [arielle.id]));
  await runSearchAnew(services, { tenantId, personId: arielle.id });
  assert.deepEqual([await found(at, "quentin"), await found(at, "durand")], [[], ["PC-1", "PC-2"]]);
});

test("OPS-6, GEN-3 : un moment se cherche par l’heure que l’on lit, dans le fuseau de la campagne, et dans l’autre quand il change", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Livraison", { ...SEARCHED, type: "datetime" });
  await addOperation(sophie, at, { c_cible: "PC-1", c_livraison: "2026-12-03T14:30" });
  assert.deepEqual(await found(at, "14:30"), ["PC-1"]);
  assert.deepEqual(await found(at, "13:30"), []);
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
  const calendar = { zone: "Indian/Reunion", holidayZone: "", defaultHour: "09:00", closedDays: "", version };
  isAt(await sophie.post(`${at}/calendrier`, calendar));
  assert.deepEqual([await found(at, "14:30"), await found(at, "17:30")], [[], ["PC-1"]]);
});

test("OPS-6 : de plus de 500 opérations, la page n’attend pas ; une tâche refait la recherche, sans changer aucune version", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle", HIDDEN);
  await act((em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category)
       select ?, uuidv7(), ?, 'PC-' || n, jsonb_build_object('cible', 'PC-' || n, 'salle', 'Salle ' || n), 'pc-' || n, 'to_schedule', 'open'
       from generate_series(1, 2500) n`,
      [tenantId, idIn(at)],
    ),
  );
  jobs.length = 0;
  isAt(await edit(at, "salle", SEARCHED));
  assert.deepEqual(
    jobs.filter(({ job }) => job === "campaigns.search_anew").map(({ id }) => id),
    [idIn(at)],
  );
  assert.deepEqual(await found(at, "salle 2499"), []);
  await runSearchAnew(services, { tenantId, campaignId: idIn(at) });
  assert.deepEqual(await found(at, "salle 2499"), ["PC-2499"]);
  const acts = "select id from act where code = 'campaign.searched_anew'";
  assert.deepEqual(await world.db.read(tenantId, (em) => em.execute(acts)), [], "aucune trace");
  const [{ n }] = (await world.db.read(tenantId, (em) =>
    em.execute<{ n: number }[]>("select count(*)::int as n from operation where campaign_id = ? and version > 1", [
      idIn(at),
    ]),
  )) as [{ n: number }];
  assert.equal(n, 0);
});
