import { withDatabase } from "../../src/platform/db/roles.ts";
import { fillCampaigns } from "./filled.ts";
import { againstFloor } from "./load.ts";
import { type Figure, type Measure, peakRssMB, ROUNDS } from "./measure.ts";
import { besideProduct, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const TARGET = 0.35;
const MOST_GROWTH = 1.5;
const READERS = 50;
const CAMPAIGNS = 10;
const SMALL = 1_000;
const LARGE = 100_000;
/** Requests of one reader, one after the other, in a round of the growth. */
const ASKED = 200;

/** A page of the list of 100 000 operations, a status and a field filtered, by date; the floor gives the same rows as JSON. */
export const list100k: Measure = {
  name: "list_100k",
  unit: "req/s",
  target: `au moins ${TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= TARGET,
  run: () => withFolder(measureList),
};

/** The same page in ten campaigns of 1 000 operations, then of 100 000: the floor is the product when it was small. */
export const listGrowth: Measure = {
  name: "list_growth",
  unit: "s",
  target: `au plus ${MOST_GROWTH} fois`,
  holds: ({ ratio }) => ratio <= MOST_GROWTH,
  run: () => withFolder(measureGrowth),
};

async function measureList(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    const [filled] = await fillCampaigns(db, superUrl, { people, campaigns: 1, each: LARGE });
    const { address, tenantId, campaignId } = filled!;
    const floor = await startFloor("list", folder, {
      FLOOR_URL: withDatabase(superUrl, "opstracker"),
      TENANT: tenantId,
      CAMPAIGN: campaignId,
    });
    const { headers } = people.find(({ roles }) => roles.includes("campaign_manager"))!;
    const [ours, theirs] = [product.origin + address, `${floor.origin}/liste`];
    await checkSameRows(ours, theirs, headers);
    const shots = Array.from({ length: READERS }, () => ({ headers }));
    const times = await againstFloor(ours, theirs, shots, 200);
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}

async function checkSameRows(ours: string, theirs: string, headers: Record<string, string>): Promise<void> {
  const html = await (await fetch(ours, { headers })).text();
  const rows = (await (await fetch(theirs)).json()) as { title: string }[];
  const shown = [...html.matchAll(/<th scope="row"[^>]*><a [^>]*>([^<]+)</g)].map(([, title]) => title);
  if (shown.length !== 50 || shown.join() !== rows.map(({ title }) => title).join()) {
    throw new Error(`La page ne montre pas les lignes du plancher : ${shown.length} contre ${rows.length}.`);
  }
  console.error(`  ${shown.length} lignes, ${(Buffer.byteLength(html) / 1024).toFixed(1)} Kio`);
}

async function measureGrowth(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    const { headers } = people.find(({ roles }) => roles.includes("campaign_manager"))!;
    const latency = async (each: number) => {
      const filled = await fillCampaigns(db, superUrl, { people, campaigns: CAMPAIGNS, each });
      const once = async () => {
        const began = performance.now();
        for (let n = 0; n < ASKED; n++) {
          const answer = await fetch(product.origin + filled[n % CAMPAIGNS]!.address, { headers });
          await answer.arrayBuffer();
          if (!answer.ok) throw new Error(`La liste a répondu ${answer.status}.`);
        }
        return (performance.now() - began) / 1000 / ASKED;
      };
      await once();
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round++) rounds.push(await once());
      console.error(`  ${each} opérations par campagne : ${rounds.map((one) => one.toFixed(4)).join(", ")} s`);
      return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    };
    const floor = await latency(SMALL);
    return { value: await latency(LARGE), floor, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}
