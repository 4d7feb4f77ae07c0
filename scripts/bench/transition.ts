import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { FLOOR_TENANT, floorOperations } from "./floors/operations.ts";
import { fire, TURNS, warm } from "./load.ts";
import { alternate, type Figure, type Measure, peakRssMB } from "./measure.ts";
import { bigCampaign } from "./operations.ts";
import { liveAWhile } from "./past.ts";
import { besideProduct, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const TARGET = 0.3;
const ROWS = 10_000;
/** What was cut at the end of a turn still ends in the product. */
const LEAVING_MS = 300;
const FLOOR_DATABASE = "bench_transition_floor";

/** Ten people postpone an operation each, then plan it again; the floor does the bare UPDATE and one INSERT. */
export const transition: Measure = {
  name: "transition",
  unit: "req/s",
  target: `au moins ${TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  try {
    const people = (await signInEverybody(product, db)).slice(0, 10);
    const admin = people.find(({ roles }) => roles.includes("admin"))!;
    const campaign = await bigCampaign(db, admin, ROWS, people);
    await liveAWhile(db, superUrl, people);
    const floorUrl = await floorOperations(superUrl, FLOOR_DATABASE, ROWS);
    const floor = await startFloor("transition", folder, { FLOOR_URL: floorUrl });
    await root.connect();
    await root.query("set session_replication_role = replica");
    const ids = await idsOf(root, "campaign_id", campaign);
    const beside = new pg.Client({ connectionString: floorUrl });
    await beside.connect();
    const floorIds = await idsOf(beside, "tenant_id", FLOOR_TENANT);
    await beside.end();
    // The second of each pair goes first.
    const said = {
      to: ["scheduled", "postponed"],
      kind: ["reschedule", "postpone"],
      plannedOn: ["2026-12-15", "2026-12-16"],
      reason: "",
    };
    const shots = people.map(({ headers, csrf }, n) => ({
      path: `/operations/${ids[n]}/statut`,
      headers: { ...headers, referer: `${headers.origin}/operations/${ids[n]}` },
      fields: { _csrf: csrf, _key: "{uuid}", ...said },
    }));
    const bare = floorIds.map((id) => ({
      path: `/operations/${id}/statut`,
      headers: {},
      fields: { tenant: FLOOR_TENANT, ...said },
    }));
    const planned = () =>
      root.query("update operation set status = 'scheduled', category = 'planned' where id = any ($1)", [ids]);
    const ours = async (shoot: typeof fire) => {
      await pause(LEAVING_MS);
      await planned();
      return shoot(product.origin, shots, 303);
    };
    const times = await alternate(
      () => ours(fire),
      () => fire(floor.origin, bare, 303),
      { turns: TURNS, warm: async () => [await ours(warm), await warm(floor.origin, bare, 303)] },
    );
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await root.end();
    await db.close();
    await product.stop();
  }
}

async function idsOf(client: pg.Client, column: string, value: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select id from operation where ${column} = $1 order by id limit 10`,
    [value],
  );
  return rows.map(({ id }) => id);
}
