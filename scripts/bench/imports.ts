import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { startWatched } from "./loop.ts";
import { alternate, type Figure, forgetPeak, type Measure, peakRssMB, timed } from "./measure.ts";
import { allSealed } from "./past.ts";
import { besideProduct, type Person, signInEverybody, submit, told } from "./people.ts";
import { type Server, withFolder } from "./servers.ts";

const TARGET = 4;
const MOST_MB = 300;
const MOST_LOOP_MS = 100;
const MOST_PAGE_MS = 300;
const LINES = 100_000;
/** Somebody looks at the list meanwhile. */
const READ_EVERY_MS = 2_000;
const BOUNDARY = "frontiere-de-mesure";
/** Of the twelve columns, six go to fields, kept together as JSONB. */
const HEAD = "Poste;Occupant;Bureau;Série;Équipe;Façade;Date prévue;Heure;Segment;Technicien;Remarque;Places";
const MAPPED = [
  "cible",
  ...Array(5).fill("+short_text"),
  "prevue_le",
  "heure",
  "segment",
  "technicien",
  "notes",
  "places",
];

/** A file of 100,000 lines and twelve columns, from its arrival to rows on the list: read, mapped, checked, written. */
export const import100k: Measure = {
  name: "import_100k",
  unit: "s",
  target: `au plus ${TARGET} fois le plancher, moins de ${MOST_MB} Mo, une boucle libre en ${MOST_LOOP_MS} ms (99 %), la liste lue en ${MOST_PAGE_MS} ms`,
  holds: ({ ratio, peakRssMB: peak, loopP99Ms = 0, slowestPageMs = 0 }) =>
    ratio <= TARGET && peak < MOST_MB && loopP99Ms <= MOST_LOOP_MS && slowestPageMs < MOST_PAGE_MS,
  run: () =>
    withFolder((folder) =>
      measure(folder, async (bench) => {
        const brought: Brought[] = [];
        const times = await alternate(
          async () => {
            await bench.empty();
            const one = await bench.bring(await bench.campaign());
            brought.push(one);
            return one.seconds;
          },
          async () => {
            await bench.clearFloor();
            return timed(() => bench.fillFloor());
          },
          {
            warm: async () => {
              await bench.bring(await bench.campaign());
              await bench.fillFloor();
              forgetPeak(bench.product.pid);
            },
          },
        );
        return {
          ...times,
          peakRssMB: peakRssMB(bench.product.pid),
          loopP99Ms: Math.max(...brought.map(({ loopP99Ms }) => loopP99Ms)),
          slowestPageMs: Math.max(...brought.map(({ slowestPageMs }) => slowestPageMs)),
        };
      }),
    ),
};

/** The same import taken back whole: its operations go to the trash. */
export const undoImport100k: Measure = {
  name: "undo_import_100k",
  unit: "s",
  target: `au plus ${TARGET} fois le plancher`,
  holds: ({ ratio }) => ratio <= TARGET,
  run: () =>
    withFolder((folder) =>
      measure(folder, async (bench) => {
        const times = await alternate(
          async () => {
            await bench.empty();
            const { actId } = await bench.bring(await bench.campaign());
            await bench.tidy();
            return timed(() => bench.takeBack(actId));
          },
          async () => {
            await bench.clearFloor();
            await bench.fillFloor();
            await bench.tidy();
            return timed(() => bench.trashFloor());
          },
        );
        return { ...times, peakRssMB: peakRssMB(bench.product.pid) };
      }),
    ),
};

interface Brought {
  seconds: number;
  actId: string;
  loopP99Ms: number;
  slowestPageMs: number;
}

interface Bench {
  product: Server;
  campaign(): Promise<string>;
  bring(campaign: string): Promise<Brought>;
  takeBack(actId: string): Promise<unknown>;
  /** Everything of the campaigns before goes, so that each turn meets the same base. */
  empty(): Promise<void>;
  tidy(): Promise<void>;
  clearFloor(): Promise<unknown>;
  fillFloor(): Promise<void>;
  trashFloor(): Promise<unknown>;
}

async function measure(folder: string, work: (bench: Bench) => Promise<Figure>): Promise<Figure> {
  const product = await startWatched(folder);
  const { db, superUrl } = await besideProduct(folder);
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  await root.connect();
  try {
    const people = await signInEverybody(product, db);
    const admin = people.find(({ roles }) => roles.includes("admin"))!;
    const technician = people.find(({ roles }) => roles.includes("technician"))!;
    const { rows } = await root.query("select email from app_user where id = $1", [technician.id]);
    const file = Buffer.from(
      `${HEAD}\r\n${Array.from({ length: LINES }, (_, n) => csvLine(n, rows[0].email)).join("")}`,
    );
    await root.query("create schema bench");
    await root.query("create table bench.operation (like operation including all) with (fillfactor = 50)");
    const floor = path.join(folder, "plancher.copy");
    await writeFile(floor, Array.from({ length: LINES }, (_, n) => floorLine(n)).join(""));
    const ids = [admin.tenantId, randomUUID(), randomUUID(), technician.id];
    const bench: Bench = {
      product,
      campaign: () => openCampaign(product, admin),
      async bring(campaign) {
        await product.loopP99Ms();
        const one = await bring(product, admin, root, { campaign, file });
        return { ...one, loopP99Ms: await product.loopP99Ms() };
      },
      takeBack: (actId) => submit(product, admin, `/actes/${actId}/annulation`, {}),
      async empty() {
        await allSealed(db);
        await root.query("truncate operation, import_line, eligible_person");
        await bench.tidy();
      },
      async tidy() {
        await allSealed(db);
        await root.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
      },
      clearFloor: () => root.query("truncate bench.operation"),
      fillFloor: () => fillFloor(root, floor, ids),
      trashFloor: () => root.query("update bench.operation set trashed_at = now(), version = version + 1"),
    };
    return await work(bench);
  } finally {
    await root.end();
    await db.close();
    await product.stop();
  }
}

const poste = (n: number) => ({
  cible: `PC-${String(n).padStart(6, "0")}`,
  occupant: `Müller-Élie ${n % 977}`,
  bureau: `B${n % 311}`,
  serie: `SN-${n * 7_919}`,
  equipe: `Équipe ${n % 37}`,
  facade: `façade à l’ouest, côté cour n° ${n % 5_000}`,
});
const day = (n: number) => `${String((n % 27) + 1).padStart(2, "0")}/03/2027`;

const csvLine = (n: number, technician: string) =>
  `${Object.values(poste(n)).join(";")};${day(n)};14:30;Bâtiment ${n % 12};${technician};près de l’entrée;1\r\n`;

/** What COPY reads: the same values, ready to be inserted. */
function floorLine(n: number): string {
  const values = poste(n);
  const search = Object.values(values).join(" ").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const planned = `2027-03-${day(n).slice(0, 2)}T13:30:00Z`;
  return `${[values.cible, JSON.stringify(values), search, planned, "près de l’entrée"].join("\t")}\n`;
}

/** As little as brings the rows in: COPY to a table of the transaction, then one INSERT … SELECT into the same indexes. */
async function fillFloor(root: pg.Client, file: string, ids: string[]): Promise<void> {
  await root.query("begin");
  await root.query(
    `create temp table staged (title text, "values" jsonb, search text, planned timestamptz, notes text) on commit drop`,
  );
  await pipeline(createReadStream(file), root.query(copyFrom("copy staged from stdin")));
  await root.query(
    `insert into bench.operation (tenant_id, id, campaign_id, title, "values", search, status, category, segment_id, technician_id, planned_at, first_planned_at, notes)
     select $1, uuidv7(), $2, title, "values", search, 'scheduled', 'planned', $3, $4, planned, planned, notes from staged`,
    ids,
  );
  await root.query("commit");
}

let made = 0;

async function openCampaign(product: Server, who: Person): Promise<string> {
  const outline = { name: `Mesure ${++made}`, startsOn: "2027-01-01", endsOn: "2027-12-31" };
  return (await submit(product, who, "/campagnes/nouvelle", outline)).split("/").at(-2)!;
}

async function bring(
  product: Server,
  who: Person,
  root: pg.Client,
  { campaign, file }: { campaign: string; file: Buffer },
): Promise<Omit<Brought, "loopP99Ms">> {
  const at = await send(product, who, campaign, file);
  const began = performance.now();
  const reading = readMeanwhile(`${product.origin}/campagnes/${campaign}/operations`, who);
  const options = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
  await submit(product, who, `${at}/verification`, { ...options, column: MAPPED, key: "Poste" });
  const checked = (performance.now() - began) / 1_000;
  await submit(product, who, `${at}/execution`, { errors: "valid" });
  const id = at.split("/").at(-1);
  for (;;) {
    const { rows } = await root.query("select state, failure, act_id, counts from import where id = $1", [id]);
    if (rows[0].state === "completed") {
      const seconds = (performance.now() - began) / 1_000;
      if (rows[0].counts.create !== LINES) throw new Error(`Comptes : ${JSON.stringify(rows[0].counts)}`);
      const pages = (await reading.stop()).toSorted((a, b) => a - b);
      const [middle, slowest] = [pages[Math.floor(pages.length / 2)]!, pages.at(-1)!];
      console.error(
        `    vérifié : ${checked.toFixed(1)} s, écrit : ${seconds.toFixed(1)} s ; ${pages.length} pages de la liste, ${middle.toFixed(0)} ms, ${slowest.toFixed(0)} ms au pire`,
      );
      return { seconds, actId: rows[0].act_id, slowestPageMs: Math.round(slowest) };
    }
    if (rows[0].state === "failed") throw new Error(rows[0].failure);
    await wait(50);
  }
}

/** Somebody looks at a page every two seconds; how long each took, in milliseconds. */
function readMeanwhile(url: string, { headers }: Person): { stop(): Promise<number[]> } {
  const times: number[] = [];
  const end = new AbortController();
  const reading = (async () => {
    while (!end.signal.aborted) {
      const asked = performance.now();
      const answer = await fetch(url, { headers });
      await answer.text();
      if (!answer.ok) throw new Error(`La liste a répondu ${answer.status}.`);
      times.push(performance.now() - asked);
      await wait(READ_EVERY_MS, undefined, { signal: end.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      end.abort();
      await reading;
      return times;
    },
  };
}

/** The file, by its form: it is accepted once it was read through and its columns were proposed. */
async function send(product: Server, who: Person, campaign: string, file: Buffer): Promise<string> {
  const fields = { _csrf: who.csrf, _key: randomUUID(), scope: campaign };
  const texts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `${texts.join("")}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="mesure.csv"\r\nContent-Type: text/csv\r\n\r\n`;
  const answer = await fetch(`${product.origin}/imports/operations/nouveau`, {
    method: "POST",
    redirect: "manual",
    headers: { ...who.headers, "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]),
  });
  if (answer.status !== 303) throw new Error(`L’envoi a répondu ${answer.status} : ${told(await answer.text())}`);
  return new URL(answer.headers.get("location")!, product.origin).pathname;
}
