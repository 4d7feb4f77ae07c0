import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { PORTFOLIO_PAGE } from "../../src/campaigns/portfolio.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { checkSame, startCanned } from "./canned.ts";
import { boardOf, checkExact, LIVE, livingCampaigns, openPage } from "./dashboard.ts";
import { againstFloor, CONNECTIONS, fire, TURNS, warm } from "./load.ts";
import { alternate, type Figure, type Measure, peakRssMB, sized } from "./measure.ts";
import { besideProduct, type Person, signInEverybody, submit } from "./people.ts";
import { type Server, startProduct, withFolder } from "./servers.ts";

const STATS_TARGET = 0.4;
const PORTFOLIO_TARGET = 0.3;
const ROWS = sized(100_000);
const CAMPAIGNS = 50;
const CHANGE_EVERY_MS = 500;
const BURST_MS = 1_500;

/** The dashboard of 100,000 operations as open pages ask it again, while somebody works; the floor prints the same part from figures given once. */
export const stats100k: Measure = {
  name: "stats_100k",
  unit: "req/s",
  target: `au moins ${STATS_TARGET} du plancher, et exact après le dernier changement`,
  holds: ({ ratio }) => ratio >= STATS_TARGET,
  run: () => withFolder(measureStats),
};

/** The portfolio of fifty campaigns and 100,000 operations; the floor prints the same page from data given once. */
export const portfolio50: Measure = {
  name: "portfolio_50",
  unit: "req/s",
  target: `au moins ${PORTFOLIO_TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= PORTFOLIO_TARGET,
  run: () => withFolder(measurePortfolio),
};

async function measureStats(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const beside = await besideProduct(folder);
  const root = new pg.Client({ connectionString: withDatabase(beside.superUrl, "opstracker") });
  try {
    const people = await signInEverybody(product, beside.db);
    const [campaign] = await livingCampaigns(product, beside, { people, campaigns: 1, each: ROWS });
    const { at, campaignId } = campaign!;
    const manager = people.find(({ roles }) => roles.includes("campaign_manager"))!;
    const board = boardOf(await openPage(product, at, manager));
    const headers = { ...manager.headers, ...LIVE };
    const floor = await startCanned(folder, [board], headers);
    await checkSame(product.origin, floor.origin, board, { headers, isMoving: true });
    await root.connect();
    const { rows } = await root.query(
      "select id from operation where campaign_id = $1 and status = 'scheduled' order by id limit 1",
      [campaignId],
    );
    const [ours, theirs] = [product.origin + board, floor.origin + board];
    const shots = Array.from({ length: CONNECTIONS }, () => ({ headers }));
    const meanwhile = async (shoot: typeof fire) => {
      const changes = changing(product, manager, rows[0].id);
      const rate = await shoot(ours, shots, 200);
      await changes.stop();
      // In a burst the last figures stand for a second (LIV-5); what is told after it is exact.
      await pause(BURST_MS);
      await checkExact(root, campaignId, await (await fetch(ours, { headers })).text());
      return rate;
    };
    const times = await alternate(
      () => meanwhile(fire),
      () => fire(theirs, shots, 200),
      { turns: TURNS, warm: async () => [await meanwhile(warm), await warm(theirs, shots, 200)] },
    );
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await root.end();
    await beside.db.close();
    await product.stop();
  }
}

let turn = 0;

/** Somebody postpones an operation, then plans it again, one act each half-second. */
function changing(product: Server, who: Person, id: string): { stop(): Promise<void> } {
  let going = true;
  const acts = (async () => {
    while (going) {
      const isBack = turn++ % 2 === 1;
      const step = isBack ? { to: "scheduled", kind: "reschedule" } : { to: "postponed", kind: "postpone" };
      await submit(product, who, `/operations/${id}/statut`, { ...step, plannedOn: "2026-12-15", reason: "" });
      await pause(CHANGE_EVERY_MS);
    }
  })();
  return {
    async stop() {
      going = false;
      await acts;
    },
  };
}

async function measurePortfolio(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const beside = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, beside.db);
    await livingCampaigns(product, beside, { people, campaigns: CAMPAIGNS, each: Math.ceil(ROWS / CAMPAIGNS) });
    const { headers } = people.find(({ roles }) => roles.includes("campaign_manager"))!;
    const address = "/campagnes";
    const floor = await startCanned(folder, [address], headers);
    const html = await checkSame(product.origin, floor.origin, address, { headers });
    const cards = html.split('class="campaign-card').length - 1;
    if (cards < PORTFOLIO_PAGE) throw new Error(`Le portefeuille ne montre que ${cards} campagnes.`);
    const shots = Array.from({ length: CONNECTIONS }, () => ({ headers }));
    const times = await againstFloor(product.origin + address, floor.origin + address, shots, 200);
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await beside.db.close();
    await product.stop();
  }
}
