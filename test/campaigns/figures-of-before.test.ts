/** What figures count of acts, told from history alone to operations of before these columns (STA-5, STA-11, SNP-5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { Campaign } from "../../src/campaigns/index.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const { tenantId } = await world.userOf("sophie");
const at = (moment: string) => world.clock.advance(Date.parse(moment) - world.clock.now().getTime());

async function step(one: string, to: string, kind: string, more: Record<string, string> = {}) {
  const sophie = await world.as("sophie");
  await sophie.get(one);
  isAt(await sophie.post(`${one}/statut`, { to, kind, ...more }));
}
async function date(one: string, plannedOn: string) {
  const sophie = await world.as("sophie");
  await sophie.get(one);
  isAt(await sophie.post(`${one}/date`, { plannedOn, plannedHour: "" }));
}
/** Takes back the last act on an operation, be it an undo. */
async function undoLast(one: string) {
  const denis = await world.as("denis");
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      `select c.act_id as id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
       where h.table_name = 'operation' and h.row_id = ? order by h.ordinal desc limit 1`,
      [idIn(one)],
    ),
  );
  await denis.get(`/actes/${act!.id}/annulation`);
  isAt(await denis.post(`/actes/${act!.id}/annulation`, {}));
}

const FACTS = `select title, date_trunc('minute', entered_at) as entered_at, stepped_on, postponed_on, joined_on::text, is_on_first_date, baseline_on::text
  from operation where campaign_id = ? order by title`;
const BASELINES = `select frozen_at, frozen_by_id, reason, days::text,
  array(select title from operation o where o.id = any (b.operations) order by title) as titles from baseline b where campaign_id = ?`;

test("STA-5, SNP-5 : une mise à jour retrouve dans l’historique ce que les actes auraient écrit eux-mêmes", async () => {
  await at("2027-03-08T09:00:00Z");
  const sophie = await world.as("sophie");
  const of = await makeCampaign(sophie, { startsOn: "2027-03-08", endsOn: "2027-06-30" });
  const ones: string[] = [];
  for (const n of [1, 2, 3, 4, 5, 6]) {
    ones.push(await addOperation(sophie, of, { c_cible: `PC-${n}`, plannedOn: n < 5 ? `2027-03-1${n}` : "" }));
  }
  const born = await addOperation(sophie, of, { c_cible: "PC-7", plannedOn: "2027-03-08" });
  await at("2027-03-09T09:00:00Z");
  const manager = await world.as("sophie");
  await manager.get(`${of}/publication`);
  isAt(await manager.post(`${of}/publication`, { reason: "On commence" }));
  const [done, put, twice, undone, joined, redone] = ones as [string, string, string, string, string, string];
  await at("2027-03-11T09:00:00Z");
  await step(done, "in_progress", "start");
  await step(done, "done", "complete");
  await date(joined, "2027-03-11");
  await date(joined, "2027-03-15");
  await step(twice, "postponed", "postpone");
  await step(undone, "postponed", "postpone");
  await step(redone, "postponed", "postpone");
  await at("2027-03-12T09:00:00Z");
  await step(put, "blocked", "flag_problem", { reason: "Panne" });
  await date(twice, "2027-03-18");
  await step(twice, "postponed", "postpone");
  await undoLast(undone);
  await undoLast(redone);
  await at("2027-03-15T09:00:00Z");
  await undoLast(redone);
  await step(born, "in_progress", "start");
  await step(born, "done", "complete");

  const id = [idIn(of)];
  const told = () =>
    world.db.read(tenantId, async (em) => ({
      operations: await em.execute(FACTS, id),
      baselines: await em.execute(BASELINES, id),
      state: (await em.findOneOrFail(Campaign, { id: idIn(of) })).state,
    }));
  const written = await told();
  assert.equal(written.operations.length, 7);
  assert.equal(written.baselines.length, 1);

  const root = new pg.Client({ connectionString: world.superUrl });
  await root.connect();
  await root.query(`alter table operation disable trigger user; alter table baseline disable trigger user;
    update operation set entered_at = null, stepped_on = '[]', postponed_on = '[]', joined_on = null, is_on_first_date = null, baseline_on = null;
    delete from baseline; alter table operation enable trigger user; alter table baseline enable trigger user;
    delete from mikro_orm_migrations where name like '%figures_of_before'`);
  const { rows: before } = await root.query("select count(*)::int as n from change");
  assert.equal((await migrate(world.ownerUrl, world.registry)).length, 1);
  assert.deepEqual(await told(), written);
  assert.deepEqual(
    (await root.query("select count(*)::int as n from change")).rows,
    before,
    "l’historique dit des actes",
  );
  await root.end();
});
