import assert from "node:assert/strict";
import { test } from "node:test";
import { campaigns } from "../../src/campaigns/module.ts";
import { purgeTrash } from "../../src/campaigns/retention.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const DAY_MINUTES = 24 * 60;
const world = await startWorld();
const { tenantId } = await world.as("sophie");
const services = world.app.locals.services;
const nightly = campaigns.schedules!.find(({ job }) => job === "campaigns.purge_operations")!;
const purge = () => nightly.run(services, { tenantId, day: "" });

async function trashed(at: string, target: string): Promise<string> {
  const sophie = await world.as("sophie");
  const one = await addOperation(sophie, at, { c_cible: target });
  await sophie.get(one);
  isAt(await sophie.post(`${one}/corbeille`));
  return one;
}
const left = (ids: string[]) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ title: string }[]>("select title from operation where id = any (?::uuid[]) order by title", [
      `{${ids.map(idIn).join(",")}}`,
    ]),
  );
const purges = () =>
  world.db.read(tenantId, (em) =>
    em.execute<{ id: string; deleted: number; parts: number }[]>(
      `select a.id, count(h.*)::int as deleted, count(distinct c.id)::int as parts from act a
       join changeset c on c.tenant_id = a.tenant_id and c.act_id = a.id
       left join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id and h.table_name = 'operation' and h.operation = 'delete'
       where a.code = 'operations.purged' group by a.id order by a.id`,
    ),
  );

test("OPS-12, GDP-5 : à la corbeille trente jours, puis effacée, aussi d’une campagne archivée ; un acte le dit, rien ne la ramène", async () => {
  const sophie = await world.as("sophie");
  const [open, archived] = [await makeCampaign(sophie), await makeCampaign(sophie)];
  const ids = [
    await trashed(open, "PC-1"),
    await trashed(archived, "PC-2"),
    await addOperation(sophie, open, { c_cible: "PC-3" }),
  ];
  await sophie.get(`${archived}/archivage`);
  isAt(await sophie.post(`${archived}/archivage`, { reason: "Abandon" }));

  await world.clock.advanceMinutes(30 * DAY_MINUTES - DAY_MINUTES);
  assert.equal(await purge(), "0 opération effacée");
  const late = await trashed(open, "PC-4");
  assert.deepEqual(await purges(), [], "rien à effacer : aucune trace");

  await world.clock.advanceMinutes(DAY_MINUTES + 1);
  assert.equal(await purge(), "2 opérations effacées");
  assert.deepEqual(
    (await left([...ids, late])).map(({ title }) => title),
    ["PC-3", "PC-4"],
  );
  const [act, ...others] = await purges();
  assert.deepEqual([act!.deleted, others.length], [2, 0]);
  const after = await world.as("sophie");
  assert.equal((await after.get(ids[0]!)).status, 404);
  assert.match((await after.get(`${open}/operations/corbeille`)).text, /PC-4/);

  const denis = await world.as("denis");
  const page = await denis.get(`/actes/${act!.id}/annulation`);
  assert.match(page.text, /sortie de la corbeille pour de bon/);
});

test("GDP-5 : une grande corbeille se vide par parts, en un seul acte", async () => {
  const at = await makeCampaign(await world.as("sophie"));
  const before = (await purges()).length;
  for (const target of ["PC-1", "PC-2", "PC-3"]) await trashed(at, target);
  await world.clock.advanceMinutes(31 * DAY_MINUTES);
  assert.equal(await purgeTrash(services, { tenantId, most: 2 }), 4);
  const made = (await purges()).slice(before);
  assert.deepEqual(
    made.map(({ deleted, parts }) => [deleted, parts]),
    [[4, 2]],
  );
});
