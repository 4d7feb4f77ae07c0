import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { boardOf, LIVE, livingCampaigns, type OpenPage, openPage, shownOf } from "./dashboard.ts";
import { startWatched } from "./loop.ts";
import { type Figure, forgetPeak, type Measure, peakRssMB, rssMB, sized } from "./measure.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { withFolder } from "./servers.ts";
import { EACH, manyFollowers } from "./sse.ts";

const PAGES = Math.max(EACH, sized(300));
const ROWS = sized(20_000);
const CHANGES = sized(10_000);
const DURING_MS = sized(60_000);
/** Rows changed by one act, as a bulk action or a part of an import changes them. */
const AT_ONCE = 10;
const TARGET_S = 5;
const BEHIND_MS = 1_000;
const MOST_TOLD = 2;
const MOST_MB = 150;
const MOST_LOOP_MS = 200;
const GIVEN_UP_MS = 60_000;

/**
 * Three hundred dashboards of one campaign open, each fetching what its page fetches when it is told; ten thousand operations
 * done within a minute: how long after the last of them every page is exact.
 */
export const live300: Measure = {
  name: "live_300",
  unit: "s",
  target: `exact en ${TARGET_S} s, au plus ${MOST_TOLD} messages par seconde et par page, moins de ${MOST_MB} Mo de plus, une boucle libre en ${MOST_LOOP_MS} ms (99 %)`,
  holds: ({ value, mostTold = 0, grownMB = 0, loopP99Ms = 0 }) =>
    value <= TARGET_S && mostTold <= MOST_TOLD && grownMB < MOST_MB && loopP99Ms < MOST_LOOP_MS,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startWatched(folder);
  const beside = await besideProduct(folder);
  const { db, superUrl, secret } = beside;
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  try {
    const people = await signInEverybody(product, db);
    const [campaign] = await livingCampaigns(product, beside, { people, campaigns: 1, each: ROWS });
    const { at, campaignId, tenantId } = campaign!;
    await root.connect();
    const { rows } = await root.query<{ id: string }>(
      "select id from operation where campaign_id = $1 and category <> 'success' order by id limit $2",
      [campaignId, CHANGES],
    );
    const ids = rows.map(({ id }) => id);
    const followers = await manyFollowers(db, secret, tenantId, Math.ceil(PAGES / EACH));
    const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
    // All have answered before: what is counted is what live pages add, not what a process takes to its first requests.
    const seen = await openPage(product, at, { headers: { cookie: followers[0]!.cookie } });
    for (const { cookie } of followers) await openPage(product, at, { headers: { cookie } });
    await pause(2_000);
    const before = rssMB(product.pid);
    forgetPeak(product.pid);
    const pages = await Promise.all(
      Array.from({ length: PAGES }, (_, n) => {
        const headers = { cookie: followers[Math.floor(n / EACH)]!.cookie };
        return DashboardPage.open(product.origin, seen, { agent, headers });
      }),
    );
    await product.loopP99Ms();
    const took = await change(db, people, { campaignId, ids });
    const last = performance.now();
    console.error(`  ${ids.length} opérations changées en ${(took / 1_000).toFixed(1)} s`);
    const { rows: counted } = await root.query<{ n: number }>(
      "select count(*)::int as n from operation where campaign_id = $1 and category = 'success' and trashed_at is null",
      [campaignId],
    );
    const done = counted[0]!.n;
    while (pages.some(({ shown }) => shown !== done)) {
      if (performance.now() - last > GIVEN_UP_MS) {
        throw new Error(`${pages.filter(({ shown }) => shown !== done).length} pages ne sont pas exactes.`);
      }
      await pause(20);
    }
    const exact = (performance.now() - last) / 1_000;
    const loopP99Ms = await product.loopP99Ms();
    const mostTold = Math.max(...pages.map((page) => page.mostTold));
    const [told, asked, sent] = (["told", "asked", "received"] as const).map((of) =>
      pages.reduce((sum, one) => sum + one[of], 0),
    );
    console.error(`  ${pages.length} pages : ${told} messages, ${asked} demandes, dont ${sent} réponses entières`);
    for (const page of pages) page.close();
    agent.destroy();
    return {
      value: exact,
      floor: Number.NaN,
      peakRssMB: peakRssMB(product.pid),
      grownMB: peakRssMB(product.pid) - before,
      loopP99Ms,
      mostTold,
    };
  } finally {
    await root.end();
    await db.close();
    await product.stop();
  }
}

/** Done, ten by ten, spread over the minute; gives how long it took. */
async function change(
  db: Database,
  people: Person[],
  { campaignId, ids }: { campaignId: string; ids: string[] },
): Promise<number> {
  const technician = people.find(({ roles }) => roles.includes("technician"))!;
  const act = {
    ...{ tenantId: technician.tenantId, actorId: technician.id, channel: "bulk" as const },
    ...{ code: "operations.changed", label: "Opérations réalisées", subject: { type: "campaign", id: campaignId } },
  };
  const began = performance.now();
  for (let n = 0; n < ids.length; n += AT_ONCE) {
    await pause(Math.max(0, began + (DURING_MS * n) / ids.length - performance.now()));
    await db.act({ ...act, now: new Date() }, (em) =>
      em.execute(
        `update operation set status = 'done', category = 'success', entered_at = app_now(), completed_at = app_now(),
           completed_by_id = ?, is_completed_by_technician = true, version = version + 1 where id = any (?::uuid[])`,
        [technician.id, `{${ids.slice(n, n + AT_ONCE).join()}}`],
      ),
    );
  }
  return performance.now() - began;
}

interface Asked {
  isAsking: boolean;
  isAwaited: boolean;
  isBehind: boolean;
  at: number;
  rest?: NodeJS.Timeout | undefined;
  tag: string;
}

/** What a browser does of an open dashboard: public/js/live/stream.js, parts.js and asking.js, without drawing. */
class DashboardPage {
  /** Operations done, as it shows them. */
  shown = Number.NaN;
  told = 0;
  asked = 0;
  received = 0;
  /** The most messages within a second. */
  mostTold = 0;
  readonly #origin: string;
  readonly #with: { agent: Agent; headers: Record<string, string> };
  readonly #parts: Map<string, Asked & { topics: string[]; restMs: number }>;
  readonly #board: string;
  readonly #times: number[] = [];
  #stream: IncomingMessage | undefined;
  #isClosed = false;

  static async open(origin: string, seen: OpenPage, using: { agent: Agent; headers: Record<string, string> }) {
    const page = new DashboardPage(origin, seen, using);
    await page.#follow(seen.stream);
    page.#changed(null);
    return page;
  }

  private constructor(origin: string, seen: OpenPage, using: { agent: Agent; headers: Record<string, string> }) {
    this.#origin = origin;
    this.#with = using;
    this.#board = boardOf(seen);
    this.#parts = new Map(
      seen.parts.map(({ src, topics, restMs }) => [
        src,
        { topics, restMs, isAsking: false, isAwaited: false, isBehind: false, at: Number.NEGATIVE_INFINITY, tag: "" },
      ]),
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.destroy();
    for (const { rest } of this.#parts.values()) clearTimeout(rest);
  }

  async #follow(stream: string): Promise<void> {
    const answer = await this.#get(stream, {}, new Agent({ keepAlive: false }));
    if (answer.statusCode !== 200) throw new Error(`Un flux est refusé : ${answer.statusCode}.`);
    this.#stream = answer;
    answer.on("error", () => {});
    answer.on("data", (piece: Buffer) => {
      const said = /^data: (\{.*\})$/m.exec(piece.toString())?.[1];
      if (said === undefined) return; // a heartbeat
      this.told += 1;
      const now = performance.now();
      this.#times.push(now);
      while (this.#times[0]! < now - 1_000) this.#times.shift();
      this.mostTold = Math.max(this.mostTold, this.#times.length);
      this.#changed(new Set(JSON.parse(said).topics));
    });
  }

  /** Null: all of it. */
  #changed(topics: Set<string> | null): void {
    for (const [src, part] of this.#parts) if (!topics || part.topics.some((one) => topics.has(one))) this.#ask(src);
  }

  #ask(src: string): void {
    const one = this.#parts.get(src)!;
    if (one.rest !== undefined) return;
    const wait = one.at + Math.max(one.restMs, one.isBehind ? BEHIND_MS : 0) - performance.now();
    if (one.isAsking) one.isAwaited = true;
    else if (wait > 0) {
      one.rest = setTimeout(() => {
        one.rest = undefined;
        this.#ask(src);
      }, wait);
    } else void this.#refresh(src);
  }

  async #refresh(src: string): Promise<void> {
    const one = this.#parts.get(src)!;
    Object.assign(one, { isAsking: true, isAwaited: false, at: performance.now() });
    this.asked += 1;
    const answer = await this.#get(src, { ...LIVE, "if-none-match": one.tag }, this.#with.agent).catch(() => null);
    if (this.#isClosed || !answer) return;
    const html = await text(answer);
    if (answer.statusCode === 200) {
      this.received += 1;
      one.tag = answer.headers.etag ?? "";
      if (src === this.#board) this.shown = shownOf(html, "success");
    } else if (answer.statusCode !== 304) console.error(`  ${src} a répondu ${answer.statusCode}`);
    one.isAsking = false;
    one.isBehind = answer.headers["live-behind"] !== undefined;
    if (one.isAwaited || one.isBehind) this.#ask(src);
  }

  #get(path: string, more: Record<string, string>, agent: Agent): Promise<IncomingMessage> {
    const headers = { "sec-fetch-site": "same-origin", ...this.#with.headers, ...more };
    return new Promise((resolve, reject) => {
      request(this.#origin + path, { agent, headers }, resolve)
        .on("error", reject)
        .end();
    });
  }
}
