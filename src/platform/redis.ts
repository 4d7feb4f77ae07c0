/** One link to Redis that fails fast: what it holds is either lost without harm or counted elsewhere meanwhile. */
import type { Redis } from "ioredis";
import { Unavailable } from "./errors.ts";
import type { Log } from "./log.ts";

/** A command answers within this, or the request goes on without it (F04). */
const PATIENCE_MS = 500;
/** While it is away, one question at this pace tells when it is back: no request pays for asking. */
const PROBE_MS = 500;
/** A socket that takes and never gives is closed and opened anew: a lost route raises no error by itself. */
const SILENCE_MS = 2_500;

export interface RedisLink {
  /** Carries out a command, or throws Unavailable: at once while Redis is known to be away, else within 500 ms. */
  ask<T>(command: (redis: Redis) => Promise<T>): Promise<T>;
  /** Whether the last question was answered. */
  isUp(): boolean;
  close(): void;
}

/** Connects in the background: the product starts, and lives, without it. */
export async function openRedis(url: string, log: Log): Promise<RedisLink> {
  const { Redis } = await import("ioredis"); // few installations have one, and a start waits for each library it names
  const redis = new Redis(url, {
    commandTimeout: PATIENCE_MS,
    connectTimeout: PATIENCE_MS * 2,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(times * 100, 1_000),
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  });
  let up = true;
  let closed = false;
  let probe: NodeJS.Timeout | undefined;

  const watch = () => {
    probe = setTimeout(() => {
      redis.ping().then(
        () => {
          up = true;
          log.info("redis is back");
        },
        () => {
          if (!closed) watch();
        },
      );
    }, PROBE_MS);
    probe.unref();
  };
  const lose = (error: unknown) => {
    if (!up || closed) return;
    up = false;
    log.warn("redis does not answer", { error: error instanceof Error ? error.name : "unknown" });
    watch();
  };
  redis.on("error", lose);
  redis.on("close", () => lose(new Error("closed")));

  return {
    async ask(command) {
      if (!up) throw new Unavailable("Le service des sessions ne répond pas pour l’instant ; rien n’a été enregistré.");
      try {
        return await command(redis);
      } catch (error) {
        lose(error);
        throw new Unavailable("Le service des sessions ne répond pas pour l’instant ; rien n’a été enregistré.", {
          cause: error,
        });
      }
    },
    isUp: () => up,
    close() {
      closed = true;
      clearTimeout(probe);
      redis.disconnect();
    },
  };
}
