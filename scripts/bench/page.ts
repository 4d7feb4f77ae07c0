import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { serialize } from "node:v8";
import { guards, sessionRows } from "../../src/accounts/index.ts";
import { createApp } from "../../src/app.ts";
import { modules } from "../../src/modules.ts";
import { systemClock } from "../../src/platform/db/clock.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { Page } from "../../src/platform/http/page.ts";
import { SessionStore } from "../../src/platform/http/sessions.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { createLog } from "../../src/platform/log.ts";
import { againstFloor, CONNECTIONS } from "./load.ts";
import { type Figure, type Measure, peakRssMB } from "./measure.ts";
import { liveAWhile } from "./past.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const TARGET = 0.35;
const ADDRESS = "/admin/historique";

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
  const { db, superUrl, secret } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    await liveAWhile(db, superUrl, people);
    const reader = people.find(({ roles }) => roles.includes("admin"))!;
    const [canned, file] = [await capture(db, secret, reader), path.join(folder, "canned")];
    await writeFile(file, canned);
    const floor = await startFloor("page", folder, { CANNED: file });
    await checkSamePage(product.origin, floor.origin, reader);

    const shots = Array.from({ length: CONNECTIONS }, () => ({ headers: reader.headers }));
    const [ours, theirs] = [product.origin + ADDRESS, floor.origin + ADDRESS];
    const times = await againstFloor(ours, theirs, shots, 200);
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}

/** What the product gives its template for this reader, taken on its way there. */
async function capture(db: Database, secret: string, { headers }: Person): Promise<Buffer> {
  const views = createViews({ debug: false, cache: true });
  let canned: Buffer | undefined;
  const app = createApp({
    config: { publicUrl: "http://localhost", secure: false, trustProxy: [], secret, demo: true, production: true },
    db,
    modules,
    guards,
    sessionStore: new SessionStore(sessionRows(db), createLog("error")),
    clock: systemClock,
    log: createLog("error"),
    views: {
      render(name, given) {
        const { page, fr, ...data } = given as { page: Page; fr: unknown };
        canned = serialize({ name, data, page: plain(page) });
        return views.render(name, given);
      },
    },
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const response = await fetch(`http://localhost:${(server.address() as AddressInfo).port}${ADDRESS}`, { headers });
  await response.text();
  server.closeAllConnections();
  server.close();
  if (!response.ok || !canned) throw new Error(`La page témoin a répondu ${response.status}.`);
  return canned;
}

/** The page's context without its methods: each getter asked once. */
function plain(page: Page): Record<string, unknown> {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Page.prototype)).filter(([, { get }]) => get);
  return { ...page, ...Object.fromEntries(getters.map(([name]) => [name, page[name as keyof Page]])) };
}

/** The two must print the same bytes, but for what is drawn for each answer. */
async function checkSamePage(product: string, floor: string, { headers }: Person): Promise<void> {
  const [ours, theirs] = await Promise.all(
    [product, floor].map(async (origin) => {
      const html = await (await fetch(origin + ADDRESS, { headers })).text();
      return html
        .replace(/(name="_(?:csrf|key)" value=)"[^"]*"/g, "$1")
        .replace(/\?v=[\w-]+"/g, '"') // a stylesheet being edited
        .replace(/<(session-watch|live-page) [^>]*>/g, "<$1>");
    }),
  );
  const rows = ours!.split(/<tr[ >]/).length - 2;
  if (rows !== 50) throw new Error(`La page a ${rows} lignes au lieu de 50.`);
  if (ours !== theirs) {
    const at = [...ours!].findIndex((sign, i) => sign !== theirs![i]);
    const around = [ours, theirs].map((html) => `  …${html!.slice(at - 60, at + 60)}…`).join("\n");
    throw new Error(`Le plancher n’imprime pas la même page que le produit :\n${around}`);
  }
  console.error(`  ${rows} lignes, ${(Buffer.byteLength(ours!) / 1024).toFixed(1)} Kio`);
}
