import { RedisStore } from "connect-redis";
import type { SessionData } from "express-session";
import type { RedisLink } from "../redis.ts";
import type { SessionRows } from "./sessions.ts";

/** Of what is shared before any tenant is known (P13); caches of a tenant begin with `t:<tenant>:`. */
export const SHARED = "s:";
/** No session that ends with the browser lives longer; one that stays for days tells its end by its cookie. */
const LONGEST_SECONDS = 12 * 3_600;

/** connect-redis speaks the words of node-redis; ioredis has others. Each command goes through the link, which fails fast. */
const forConnectRedis = (link: RedisLink) => ({
  get: (key: string) => link.ask((redis) => redis.get(key)),
  set: (key: string, value: string, { expiration }: { expiration: { value: number } }) =>
    link.ask((redis) => redis.set(key, value, "EX", Math.max(1, expiration.value))),
  del: (keys: string[]) => link.ask((redis) => redis.del(...keys)),
});

/**
 * What sessions hold goes to Redis, under the hash of their identifier. The row stays in PostgreSQL and decides: person,
 * ends, list, revocation (P11), and the fields named in `kept`, which grant something. A session whose content Redis has
 * lost is over (F05); while Redis is away `get` and `save` throw Unavailable (F04).
 */
export function sessionsInRedis(rows: SessionRows, link: RedisLink, kept: readonly string[]): SessionRows {
  const contents = new RedisStore({
    client: forConnectRedis(link),
    prefix: `${SHARED}session:`,
    ttl: ({ cookie }: SessionData) =>
      cookie.expires ? Math.ceil((new Date(cookie.expires).getTime() - Date.now()) / 1000) : LONGEST_SECONDS,
  });
  const keyOf = (tokenHash: Buffer) => tokenHash.toString("base64url");

  return {
    async get(tokenHash) {
      const asked = contents.get(keyOf(tokenHash)) as Promise<Record<string, unknown> | null>;
      // Judged below, and only if the row is there.
      asked.catch(() => undefined);
      const live = await rows.get(tokenHash);
      // Opened before Redis was set up: its row still holds everything.
      if (!live || live.data.cookie) return live;
      const content = await asked;
      if (content) return { ...live, data: { ...content, ...live.data } };
      await rows.destroy(tokenHash);
      return null;
    },

    // Redis first: a row without content would show in the list of sessions and open nothing.
    async save(tokenHash, session) {
      const inRow = Object.entries(session.data).filter(([name]) => kept.includes(name));
      const elsewhere = Object.entries(session.data).filter(([name]) => !kept.includes(name));
      await contents.set(keyOf(tokenHash), Object.fromEntries(elsewhere) as unknown as SessionData);
      await rows.save(tokenHash, { ...session, data: Object.fromEntries(inRow) });
    },

    touch: (tokenHash, tenantId) => rows.touch(tokenHash, tenantId),

    // Without its row the content opens nothing, and ends by itself: Redis may be away.
    async destroy(tokenHash) {
      await rows.destroy(tokenHash);
      await contents.destroy(keyOf(tokenHash)).catch(() => undefined);
    },
  };
}
