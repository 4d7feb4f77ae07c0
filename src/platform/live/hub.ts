import type { Principal } from "../http/types.ts";
import { type Ear, openEar } from "./ear.ts";
import { concerns, type News, type Openings, type Seals } from "./news.ts";

const BEAT_MS = 15_000;
const RECHECK_MS = 3_000;
const POLL_MS = 250;
const WATCH_MS = 1_000;

/** One open stream, as the hub knows it. */
export interface Follower {
  tenantId: string;
  userId: string;
  tokenHash: Buffer;
  topics: ReadonlySet<string>;
  tell(news: News): void;
  beat(): void;
  /** Its person as they are now, if by their roles they may still follow all of it; undefined once the session is over. */
  asNow(person: Partial<Principal> | undefined): Principal | undefined;
  /** The objects it follows, by the word of each: whether they are still open to them is asked of all streams at once. */
  objects: readonly { word: string; id: string }[];
  close(): void;
}

export interface HubParts {
  /** Of the application's account, straight to PostgreSQL. */
  url: string;
  seals: Seals;
  /** The people of these sessions, by the hex of their hash; a session that is over is absent. */
  people(tokenHashes: Buffer[]): Promise<Map<string, Partial<Principal>>>;
  /** What is looked at rather than told, by topic: a new mark is news. */
  watches?: Map<string, () => Promise<string>>;
  openings?: Openings;
  onError(error: unknown): void;
}

/** Forwards what was sealed to the streams of its process (rulings 14). */
export interface Hub {
  /** From here on nothing is missed. Throws when the database does not answer; the follower is then out. */
  join(follower: Follower): Promise<void>;
  leave(follower: Follower): void;
  countOf(userId: string): number;
  /** How many streams this process holds. */
  size(): number;
  /** What a stream missed while away, or null (LIV-3). */
  missed: Seals["after"];
  /** Closes the streams of who signed out, was deactivated or lost the right (LIV-6); by itself every three seconds. */
  recheck(): Promise<void>;
  /** Keeps relays and browsers from thinking a stream dead; by itself every fifteen seconds. Gives how many streams. */
  beat(): number;
  readonly hears: boolean;
  readonly stopped: boolean;
  /** Closes every stream, so that browsers ask another process. */
  stop(): Promise<void>;
}

/** Costs nothing until the first stream: no connection, no timer. */
export function createHub({ url, seals, people, watches = new Map(), openings = new Map(), onError }: HubParts): Hub {
  const tenants = new Map<string, Set<Follower>>();
  /** The last number told to the streams of each tenant followed here. */
  const known = new Map<string, number>();
  const busy = new Set<string>();
  const again = new Set<string>();
  const all = () => [...tenants.values()].flatMap((followers) => [...followers]);
  let ear: Ear | undefined;
  let timers: NodeJS.Timeout[] = [];
  let stopped = false;

  /** One reading at a time for a tenant, however often it is woken meanwhile. */
  async function catchUp(tenantId: string): Promise<void> {
    if (busy.has(tenantId)) {
      again.add(tenantId);
      return;
    }
    busy.add(tenantId);
    try {
      do {
        again.delete(tenantId);
        const from = known.get(tenantId);
        if (from === undefined) return;
        const news = await seals.after(tenantId, { sequence: from });
        if (!news || !known.has(tenantId)) continue;
        known.set(tenantId, news.sequence);
        for (const follower of tenants.get(tenantId) ?? []) {
          if (concerns(follower.topics, news.topics)) follower.tell(news);
        }
      } while (again.has(tenantId));
    } finally {
      busy.delete(tenantId);
    }
  }

  const tellOf = (topic: string, followers: Iterable<Follower>) => {
    for (const follower of followers) {
      if (!follower.topics.has(topic)) continue;
      follower.tell({ sequence: known.get(follower.tenantId) ?? 0, topics: new Set([topic]) });
    }
  };

  /** Of a tenant whose seals are to be read, or of a tenant and a topic that no seal tells. */
  const wake = (said: string) => {
    const [tenantId = "", topic] = said.split(/ (.*)/s);
    if (topic !== undefined) tellOf(topic, tenants.get(tenantId) ?? []);
    else if (tenants.has(tenantId)) catchUp(tenantId).catch(onError);
  };
  const wakeAll = () => {
    for (const tenantId of tenants.keys()) wake(tenantId);
  };
  const poll = () => {
    if (ear?.hears) return;
    // The loss was told once; four failures a second would say no more.
    for (const tenantId of tenants.keys()) if (!busy.has(tenantId)) catchUp(tenantId).catch(() => undefined);
  };

  async function recheck(): Promise<void> {
    const followers = all();
    if (followers.length === 0) return;
    const found = await people(followers.map(({ tokenHash }) => tokenHash));
    const staying = followers.flatMap((follower) => {
      const user = follower.asNow(found.get(follower.tokenHash.toString("hex")));
      if (!user) follower.close();
      return user ? [{ follower, user }] : [];
    });
    for (const [word, open] of openings) {
      const asked = staying.flatMap(({ follower, user }) =>
        follower.objects.flatMap((one) => (one.word === word ? [{ follower, user, id: one.id }] : [])),
      );
      if (asked.length === 0) continue;
      const answers = await open(asked);
      for (const [rank, { follower }] of asked.entries()) if (!answers[rank]) follower.close();
    }
  }

  const marks = new Map<string, string>();
  let watching = false;
  async function watch(): Promise<void> {
    if (watching) return;
    watching = true;
    try {
      for (const [topic, look] of watches) {
        const followers = all().filter(({ topics }) => topics.has(topic));
        const before = marks.get(topic);
        marks.delete(topic);
        if (followers.length === 0) continue;
        const mark = await look();
        marks.set(topic, mark);
        if (before === undefined || before === mark) continue;
        tellOf(topic, followers);
      }
    } finally {
      watching = false;
    }
  }

  const beat = () => {
    const followers = all();
    for (const follower of followers) follower.beat();
    return followers.length;
  };

  function start() {
    if (ear || stopped) return;
    ear = openEar(url, { onWake: wake, onHearing: wakeAll, onLost: onError });
    timers = [
      setInterval(poll, POLL_MS),
      setInterval(() => recheck().catch(onError), RECHECK_MS),
      setInterval(beat, BEAT_MS),
      setInterval(() => watch().catch(onError), WATCH_MS),
    ];
    for (const timer of timers) timer.unref();
  }

  function leave(follower: Follower) {
    const followers = tenants.get(follower.tenantId);
    followers?.delete(follower);
    if (followers?.size !== 0) return;
    tenants.delete(follower.tenantId);
    known.delete(follower.tenantId);
  }

  return {
    async join(follower) {
      start();
      const { tenantId } = follower;
      tenants.set(tenantId, (tenants.get(tenantId) ?? new Set()).add(follower));
      if (known.has(tenantId)) return;
      try {
        const last = await seals.last(tenantId);
        if (known.has(tenantId) || !tenants.has(tenantId)) return;
        known.set(tenantId, last);
        // Woken while it was asking where the chain stands: nothing was read then.
        await catchUp(tenantId);
      } catch (error) {
        leave(follower);
        throw error;
      }
    },
    leave,
    countOf: (userId) => all().filter((follower) => follower.userId === userId).length,
    size: () => all().length,
    missed: seals.after,
    recheck,
    beat,
    get hears() {
      return ear?.hears ?? false;
    },
    get stopped() {
      return stopped;
    },
    async stop() {
      stopped = true;
      for (const timer of timers) clearInterval(timer);
      for (const follower of all()) follower.close();
      await ear?.stop();
    },
  };
}
