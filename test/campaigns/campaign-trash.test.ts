/** Campaigns in the trash: who sends them there, who sees them, what becomes of them (CAM-11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { campaigns } from "../../src/campaigns/module.ts";
import { PARTS } from "../../src/campaigns/queries/campaign-purge.ts";
import { purgeCampaigns } from "../../src/campaigns/retention.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, denis, claire] = (await Promise.all(["sophie", "denis", "claire"].map((who) => world.as(who)))) as [
  Browser,
  Browser,
  Browser,
];
const { tenantId } = sophie;
const services = world.app.locals.services;
const purge = () =>
  campaigns.schedules!.find(({ job }) => job === "campaigns.purge_campaigns")!.run(services, { tenantId, day: "" });
const DAY_MINUTES = 24 * 60;
const nameIn = async (at: string) => /<h1>([^<]+?)\s*</.exec((await sophie.get(at)).text)![1]!;

async function trash(at: string, by = sophie, name?: string) {
  const typed = name ?? (await nameIn(at));
  await by.get(`${at}/suppression`);
  return by.post(`${at}/suppression`, { name: typed });
}
const restore = async (at: string, by = sophie) => {
  await by.get("/campagnes/corbeille");
  return by.post(`${at}/reprise`);
};
const count = async (table: string, at: string) =>
  (
    await world.db.read(tenantId, (em) =>
      em.execute<{ n: number }[]>(
        `select count(*)::int as n from ${table} where ${table === "campaign" ? "id" : "campaign_id"} = ?`,
        [idIn(at)],
      ),
    )
  )[0]!.n;

test("CAM-11 : son nom écrit, elle part à la corbeille ; plus personne ne la voit, son nom est libre, et elle en sort telle quelle", async () => {
  const at = await makeCampaign(sophie, { name: "Vague d’essai" });
  const one = await addOperation(sophie, at, { c_cible: "PC-1" });
  const wrong = await trash(at, sophie, "Vague");
  assert.equal(wrong.status, 422);
  assert.match(plain(wrong), /Écrivez «.Vague d’essai.», comme ci-dessus/);
  assert.equal((await trash(at, claire, "Vague d’essai")).status, 404, "ni propriétaire ni administratrice");
  assert.equal(isAt(await trash(at)), "/campagnes/corbeille");

  for (const page of [at, `${at}/operations`, `${at}/etat`, one, `/historique/campaign/${idIn(at)}`]) {
    assert.equal((await sophie.get(page)).status, 404, page);
  }
  assert.doesNotMatch((await sophie.get("/campagnes")).text, /Vague d’essai/);
  assert.equal((await sophie.post(`${one}/statut`, { to: "in_progress", kind: "start" })).status, 404);
  assert.match((await sophie.get("/campagnes/corbeille")).text, /Vague d’essai/);
  assert.match((await denis.get("/campagnes/corbeille")).text, /Vague d’essai/);
  assert.doesNotMatch((await claire.get("/campagnes/corbeille")).text, /Vague d’essai/);
  assert.equal((await restore(at, claire)).status, 404);

  const other = await makeCampaign(sophie, { name: "Vague d’essai" });
  assert.match(plain(await restore(at)), /s’appelle déjà/);
  isAt(await trash(other));
  assert.equal(isAt(await restore(at)), at);
  assert.equal((await sophie.get(one)).status, 200);
});

test("CAM-11 : la mise à la corbeille s’annule ; rien d’autre ne s’annule dans une campagne qui y est", async () => {
  const at = await makeCampaign(sophie);
  const one = await addOperation(sophie, at, { c_cible: "PC-1" });
  isAt(await trash(at));
  const acts = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where subject_id in (?, ?) order by id desc", [
      idIn(at),
      idIn(one),
    ]),
  );
  const [trashing, adding] = acts.map(({ id }) => id);
  assert.match(plain(await sophie.get(`/actes/${adding}/annulation`)), /à la corbeille. Sortez-la/);
  await sophie.get(`/actes/${trashing}/annulation`);
  isAt(await sophie.post(`/actes/${trashing}/annulation`));
  assert.equal((await sophie.get(at)).status, 200);
});

test("CAM-8, CAM-11 : archivée, elle ne se supprime pas", async () => {
  const at = await makeCampaign(sophie);
  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Abandon" }));
  assert.equal((await trash(at)).status, 409);
});

test("CAM-11 : trente jours, puis elle s’efface avec tout ce qu’elle tient, par parts, en un acte qui ne se reprend pas", async () => {
  const [gone, kept] = [await makeCampaign(sophie), await makeCampaign(sophie)];
  for (const at of [gone, kept]) {
    for (const title of ["PC-1", "PC-2", "PC-3"]) await addOperation(sophie, at, { c_cible: title });
    await sophie.get(`${at}/segments`);
    isAt(await sophie.post(`${at}/segments`, { name: "Nord" }));
    await sophie.post(`${at}/operations/lots`, { action: "capacity", scope: "filter" });
    await sophie.post(`${at}/vues`, { name: "À moi", adresse: "statut=done" });
  }
  isAt(await trash(gone));
  await world.clock.advanceMinutes(30 * DAY_MINUTES - 1);
  assert.equal(await purge(), "0 campagne effacée");
  await world.clock.advanceMinutes(DAY_MINUTES);
  // Those of the tests before are old enough too.
  assert.ok((await purgeCampaigns(services, { tenantId, most: 2 })) >= 1);
  const tables = ["campaign", "operation", "bulk", "default_view", ...PARTS];
  for (const table of tables) assert.equal(await count(table, gone), 0, table);
  assert.equal(await count("operation", kept), 3);
  assert.equal(await purge(), "0 campagne effacée");
});

test("CAM-11 : chaque table qui nomme une campagne part avec elle", async () => {
  const found = await world.db.read(tenantId, (em) =>
    em.execute<{ name: string }[]>(
      `select distinct conrelid::regclass::text as name from pg_constraint where confrelid = 'campaign'::regclass and contype = 'f'
       union select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relkind = 'r' and a.attname = 'campaign_id' and c.relnamespace = 'public'::regnamespace`,
    ),
  );
  assert.deepEqual(
    found.map(({ name }) => name).toSorted(),
    ["bulk", "default_view", "operation", ...PARTS].toSorted(),
    "Ajoutez-la à PARTS de src/campaigns/queries/campaign-purge.ts, avant celles qu’elle nomme.",
  );
});
