import { isIPv6 } from "node:net";
import type { Request, RequestHandler } from "express";
import type { Database } from "../db/index.ts";
import { TooMany } from "../errors.ts";
import type { RedisLink } from "../redis.ts";
import { isSafeMethod } from "./origin.ts";
import { SHARED } from "./sessions-in-redis.ts";

export interface Rate {
  limit: number;
  windowSeconds: number;
}

/** Who is not signed in, per address and route: reading is counted here, writing and guessing in the database. */
const READING: Rate = { limit: 1200, windowSeconds: 60 };
const WRITING: Rate = { limit: 100, windowSeconds: 60 };
const GUESSING: Rate = { limit: 60, windowSeconds: 60 };

/** Counts one more and gives the total of the present window; common to all processes. */
export type Count = (name: string, windowSeconds: number, now: Date) => Promise<number>;

/** Counted in PostgreSQL. Without its database nothing passes: sign-in fails closed. */
export const countInDatabase =
  (db: Pick<Database, "lookup">): Count =>
  async (name, windowSeconds) => {
    const [row] = await db.lookup<Record<string, unknown>>("hit", [name, windowSeconds]);
    return Number(Object.values(row ?? {})[0]);
  };

/** Counted in Redis; while it is away, by `otherwise`, whose windows then start anew (P53). */
export const countInRedis =
  (link: RedisLink, otherwise: Count): Count =>
  async (name, windowSeconds, now) => {
    const window = Math.floor(now.getTime() / (windowSeconds * 1000));
    const key = `${SHARED}rate:${name}:${window}`;
    return link
      .ask(async (redis) => {
        const answers = await redis.multi().incr(key).expire(key, windowSeconds).exec();
        const [failed, total] = answers?.[0] ?? [new Error("no answer")];
        if (failed) throw failed;
        return Number(total);
      })
      .catch(() => otherwise(name, windowSeconds, now));
  };

/** A limit in front of a handler. */
export function rateLimit({ bucket, ...rate }: Rate & { bucket: string }): RequestHandler {
  return async (req, _res, next) => {
    await hit(req, bucket, rate);
    next();
  };
}

/** Counts one try of this address against `bucket`; throws TooMany beyond the limit. */
export async function hit(req: Request, bucket: string, { limit, windowSeconds }: Rate): Promise<void> {
  const total = await req.count(`${bucket}:${network(req)}`, windowSeconds, req.now);
  if (!(total <= limit)) throw tooMany(windowSeconds);
}

/** The usual limits of public routes (P53); a signed-in person is known, and not counted. */
export async function limitPublic(
  req: Request,
  path: string,
  { rate, secretPath }: { rate?: Rate | false; secretPath?: boolean },
): Promise<void> {
  if (req.user || rate === false) return;
  const bucket = `${req.method === "POST" ? "POST" : "GET"} ${secretPath ? "secret" : path}`;
  if (rate) return hit(req, bucket, rate);
  if (secretPath) return hit(req, bucket, GUESSING);
  if (!isSafeMethod(req.method)) return hit(req, bucket, WRITING);
  countReading(`${bucket}:${network(req)}`, req.now.getTime());
}

let windowEnds = 0;
const readings = new Map<string, number>();

/** In memory: a public page must not cost a query, and a window shared by nobody else is enough to stop a loop. */
function countReading(key: string, now: number): void {
  if (now >= windowEnds || windowEnds - now > READING.windowSeconds * 1000) {
    readings.clear();
    windowEnds = now + READING.windowSeconds * 1000;
  }
  const count = (readings.get(key) ?? 0) + 1;
  if (count > READING.limit) throw tooMany(Math.ceil((windowEnds - now) / 1000));
  readings.set(key, count);
}

/** The address, or for IPv6 the /64 one household or office holds, where changing address costs nothing. */
function network({ ip = "?" }: Request): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%", 1)[0]!.split("::");
  const start = head.split(":").filter(Boolean);
  const end = tail?.split(":").filter(Boolean) ?? [];
  const whole = [...start, ...Array<string>(Math.max(0, 8 - start.length - end.length)).fill("0"), ...end];
  return `${whole.slice(0, 4).join(":")}::/64`;
}

const tooMany = (seconds: number) =>
  new TooMany("Trop d’essais ont été faits depuis votre réseau en peu de temps.", seconds);
