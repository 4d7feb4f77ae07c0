import pg from "pg";
import { Tenant } from "../../src/accounts/index.ts";
import { Bulk, chooseBulk, freezeBulk, runBulk, startBulk } from "../../src/campaigns/bulk.ts";
import { filtersOf } from "../../src/campaigns/operation-filter.ts";
import { planFor } from "../../src/campaigns/plan.ts";
import { campaignFor } from "../../src/campaigns/policy.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { floorOperations } from "./floors/operations.ts";
import { alternate, type Figure, type Measure, peakRssMB, timed } from "./measure.ts";
import { bigCampaign } from "./operations.ts";
import { allSealed } from "./past.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startProduct, withFolder } from "./servers.ts";

const TARGET = 6;
const ROWS = 10_000;
const TURNS = 3;
const FLOOR_DATABASE = "bench_bulk_floor";

/** A bulk action on 10,000 operations, from its button to its last row; the floor is one UPDATE of as many, as wide. */
export const bulk10k: Measure = {
  name: "bulk_10k",
  unit: "s",
  target: `au plus ${TARGET} fois le plancher`,
  holds: ({ ratio }) => ratio <= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  const vacuum = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  const floor = new pg.Client({ connectionString: await floorOperations(superUrl, FLOOR_DATABASE, ROWS) });
  try {
    db.sendJobsWith(async () => {}); // carried out here, to be timed
    await Promise.all([vacuum.connect(), floor.connect()]);
    const people = await signInEverybody(product, db);
    const admin = people.find(({ roles }) => roles.includes("admin"))!;
    const technicians = people.filter(({ roles }) => roles.includes("technician"));
    const campaign = await bigCampaign(db, admin, ROWS);
    let turn = 0;
    const previews: number[] = [];
    const once = async () => {
      const technician = technicians[++turn % technicians.length]!.id;
      const began = performance.now();
      const id = await frozen(db, admin, campaign, technician);
      previews.push((performance.now() - began) / 1000);
      await allSealed(db);
      await vacuum.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
      await floor.query("vacuum analyze operation");
      const seconds = await timed(() => applied(db, admin, campaign, id));
      await check(db, admin, id);
      return seconds;
    };
    const times = await alternate(
      once,
      () => timed(() => floor.query("update operation set technician_id = gen_random_uuid(), version = version + 1")),
      { turns: TURNS, warm: once },
    );
    console.error(`  l’aperçu, avant : ${Math.min(...previews).toFixed(3)} à ${Math.max(...previews).toFixed(3)} s`);
    return { ...times, peakRssMB: peakRssMB(process.pid) };
  } finally {
    await Promise.all([vacuum.end(), floor.end()]);
    await db.close();
    await product.stop();
  }
}

const said = ({ tenantId, id }: Person, code: string, now: Date) => ({
  tenantId,
  actorId: id,
  channel: "page" as const,
  code,
  label: "Affectation de dix mille opérations",
  now,
});

async function deciding(em: Parameters<typeof campaignFor>[0], admin: Person, campaignId: string, now: Date) {
  const user = { id: admin.id, roles: admin.roles as never };
  const standing = await campaignFor(em, user, campaignId, "operations.manage");
  const { zone, holidayZone } = await em.findOneOrFail(Tenant, { tenantId: admin.tenantId, id: admin.tenantId });
  return { plan: await planFor(em, standing.campaign, zone), standing, user, holidayZone, now };
}

function frozen(db: Database, admin: Person, campaignId: string, technician: string): Promise<string> {
  const now = new Date();
  return db.act(said(admin, "bulk.previewed", now), async (em) => {
    const all = await deciding(em, admin, campaignId, now);
    const selection = { filter: "" };
    const bulk = chooseBulk(em, all.standing.campaign, { action: "assign", selection }, { by: { id: admin.id } });
    await freezeBulk(em, bulk, { action: "assign", technician }, filtersOf({}, all.plan, { now }).where, all);
    return bulk.id;
  });
}

async function applied(db: Database, admin: Person, campaignId: string, id: string): Promise<void> {
  const now = new Date();
  await db.act(said(admin, "operations.changed", now), async (em) => {
    const bulk = (await em.findOneOrFail(Bulk, { id } as never)) as Bulk;
    await startBulk(em, bulk, await deciding(em, admin, campaignId, now));
  });
  await runBulk({ db, clock: { now: () => new Date() } as never }, { tenantId: admin.tenantId, id });
}

async function check(db: Database, { tenantId }: Person, id: string): Promise<void> {
  const bulk = await db.read(tenantId, (em) => em.findOneOrFail(Bulk, { id } as never));
  if (bulk.state !== "completed" || bulk.changed !== ROWS) throw new Error(`${bulk.changed} opérations changées.`);
}
