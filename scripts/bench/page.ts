import { checkSame, startCanned } from "./canned.ts";
import { againstFloor, CONNECTIONS } from "./load.ts";
import { type Figure, type Measure, peakRssMB } from "./measure.ts";
import { liveAWhile } from "./past.ts";
import { besideProduct, signInEverybody } from "./people.ts";
import { startProduct, withFolder } from "./servers.ts";

const TARGET = 0.35;
const ADDRESS = "/admin/historique";
const ROWS = 50;

/** A page of fifty acts, read by somebody signed in; the floor prints the same page from data it was given once. */
export const page: Measure = {
  name: "page",
  unit: "req/s",
  target: `au moins ${TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    await liveAWhile(db, superUrl, people);
    const { headers } = people.find(({ roles }) => roles.includes("admin"))!;
    const floor = await startCanned(folder, [ADDRESS], headers);
    const html = await checkSame(product.origin, floor.origin, ADDRESS, { headers });
    const rows = html.split(/<tr[ >]/).length - 2;
    if (rows !== ROWS) throw new Error(`La page a ${rows} lignes au lieu de ${ROWS}.`);

    const shots = Array.from({ length: CONNECTIONS }, () => ({ headers }));
    const times = await againstFloor(product.origin + ADDRESS, floor.origin + ADDRESS, shots, 200);
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}
