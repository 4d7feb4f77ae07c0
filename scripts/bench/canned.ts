/** Pages of the product printed by a floor: the same templates, on what they were given once. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { guards, sessionRows } from "../../src/accounts/index.ts";
import { createApp } from "../../src/app.ts";
import { modules } from "../../src/modules.ts";
import { systemClock } from "../../src/platform/db/clock.ts";
import { Page } from "../../src/platform/http/page.ts";
import { SessionStore } from "../../src/platform/http/sessions.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { createLog } from "../../src/platform/log.ts";
import { besideProduct } from "./people.ts";
import { type Server, startFloor } from "./servers.ts";

export interface Canned {
  name: string;
  data: object;
  page: object;
}

type Headers = Record<string, string>;

/** What the product gives its templates at these addresses for this reader, taken on its way there. */
export async function capture(folder: string, addresses: string[], headers: Headers): Promise<[string, Canned][]> {
  const { db, secret } = await besideProduct(folder);
  const views = createViews({ debug: false, cache: true });
  let last: Canned | undefined;
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
        const { page, fr: _, ...data } = given as { page: Page; fr: unknown };
        last = { name, data, page: plain(page) };
        return views.render(name, given);
      },
    },
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const taken: [string, Canned][] = [];
  for (const address of addresses) {
    const response = await fetch(origin + address, { headers });
    await response.text();
    if (!response.ok || !last) throw new Error(`La page témoin ${address} a répondu ${response.status}.`);
    taken.push([address, last]);
  }
  server.closeAllConnections();
  server.close();
  await db.close();
  return taken;
}

/** The page's context without its methods: each getter asked once. */
function plain(page: Page): Record<string, unknown> {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Page.prototype)).filter(([, { get }]) => get);
  return { ...page, ...Object.fromEntries(getters.map(([name]) => [name, page[name as keyof Page]])) };
}

/** A floor that prints these pages as this reader has them. */
export const startCanned = (folder: string, addresses: string[], headers: Headers): Promise<Server> =>
  startFloor("page", folder, {
    FOLDER: folder,
    ADDRESSES: JSON.stringify(addresses),
    HEADERS: JSON.stringify(headers),
  });

/**
 * The two must print the same bytes, but for what is drawn for each answer, and figures where things move meanwhile; gives
 * what the product printed.
 */
export async function checkSame(
  product: string,
  floor: string,
  address: string,
  { headers, isMoving = false }: { headers: Headers; isMoving?: boolean },
): Promise<string> {
  const asked = await Promise.all(
    [product, floor].map(async (origin) => (await fetch(origin + address, { headers })).text()),
  );
  const [ours, theirs] = asked.map((html) => {
    const same = html
      .replace(/(name="_(?:csrf|key)" value=)"[^"]*"/g, "$1")
      .replace(/\?v=[\w-]+"/g, '"') // a stylesheet being edited
      .replace(/<(session-watch|live-page) [^>]*>/g, "<$1>");
    return isMoving ? same.replace(/\d+/g, "0") : same;
  });
  if (ours !== theirs) {
    const at = [...ours!].findIndex((sign, i) => sign !== theirs![i]);
    const around = [ours, theirs].map((html) => `  …${html!.slice(Math.max(0, at - 60), at + 60)}…`).join("\n");
    throw new Error(`Le plancher n’imprime pas la même page que le produit :\n${around}`);
  }
  console.error(`  ${(Buffer.byteLength(asked[0]!) / 1024).toFixed(1)} Kio`);
  return asked[0]!;
}
