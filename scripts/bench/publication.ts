import pg from "pg";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { fillCampaigns } from "./filled.ts";
import { startWatched } from "./loop.ts";
import { alternate, type Figure, type Measure, peakRssMB, sized, timed } from "./measure.ts";
import { allSealed } from "./past.ts";
import { besideProduct, signInEverybody, submit } from "./people.ts";
import { withFolder } from "./servers.ts";

const TARGET = 8;
const MOST_LOOP_MS = 100;
const ROWS = sized(20_000);
const TURNS = 3;

/** The plan of a campaign of 20,000 operations, then its publication, by their page; the floor is one UPDATE of as many rows, as wide. */
export const publish20k: Measure = {
  name: "publish_20k",
  unit: "s",
  target: `au plus ${TARGET} fois le plancher, une boucle libre en ${MOST_LOOP_MS} ms (99 %)`,
  holds: ({ ratio, loopP99Ms = 0 }) => ratio <= TARGET && loopP99Ms <= MOST_LOOP_MS,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startWatched(folder);
  const { db, superUrl } = await besideProduct(folder);
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  try {
    await root.connect();
    const people = await signInEverybody(product, db);
    const owner = people.find(({ roles }) => roles.includes("campaign_manager"))!;
    await root.query("create schema bench");
    await root.query("create table bench.operation (like operation including all) with (fillfactor = 50)");
    const loops: number[] = [];
    const once = async () => {
      // Each turn meets the same base.
      await allSealed(db);
      await root.query("truncate operation, import_line, eligible_person, bench.operation");
      const [campaign] = await fillCampaigns(db, superUrl, { people, campaigns: 1, each: ROWS });
      const { campaignId } = campaign!;
      await root.query("insert into bench.operation select * from operation where campaign_id = $1", [campaignId]);
      await root.query("vacuum analyze");
      const at = `/campagnes/${campaignId}/publication`;
      await product.loopP99Ms();
      const seconds = await timed(async () => {
        const plan = await fetch(product.origin + at, { headers: owner.headers });
        await plan.text();
        if (!plan.ok) throw new Error(`Le plan a répondu ${plan.status}.`);
        await submit(product, owner, at, {});
      });
      loops.push(await product.loopP99Ms());
      await check(root, campaignId);
      return seconds;
    };
    const times = await alternate(
      once,
      () => timed(() => root.query("update bench.operation set baseline_on = planned_at::date")),
      { turns: TURNS, warm: once },
    );
    return { ...times, peakRssMB: peakRssMB(product.pid), loopP99Ms: Math.max(...loops) };
  } finally {
    await root.end();
    await db.close();
    await product.stop();
  }
}

/** Published once, every dated operation with its day in the baseline. */
async function check(root: pg.Client, campaignId: string): Promise<void> {
  const { rows } = await root.query(
    `select c.state, (select count(*)::int from baseline where campaign_id = c.id) as baselines,
      (select count(*)::int from operation where campaign_id = c.id and baseline_on is distinct from (planned_at at time zone 'Europe/Paris')::date) as wrong
     from campaign c where id = $1`,
    [campaignId],
  );
  const { state, baselines, wrong } = rows[0];
  if (state === "draft" || baselines !== 1 || wrong > 0)
    throw new Error(`Publication fausse : ${JSON.stringify(rows[0])}`);
}
