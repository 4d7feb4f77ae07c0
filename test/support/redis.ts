/** A real redis-server of the test's own: it can be killed, frozen, thawed, started again on the same port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";

export interface RedisServer {
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** One command on a connection of its own. */
  tell<T>(command: (redis: Redis) => Promise<T>): Promise<T>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const tell: RedisServer["tell"] = async (command) => {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
    redis.on("error", () => undefined);
    try {
      await redis.connect();
      return await command(redis);
    } finally {
      redis.disconnect();
    }
  };
  const start = async () => {
    child = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
      stdio: "ignore",
    });
    for (let tries = 0; ; tries++) {
      if (await tell((redis) => redis.ping()).catch(() => null)) return;
      if (tries > 200) throw new Error("redis-server ne répond pas.");
      await pause(50);
    }
  };
  const kill = async () => {
    const ended = once(child!, "exit");
    child!.kill("SIGKILL");
    await ended;
  };
  await start();
  after(() => {
    child?.kill("SIGKILL");
  });
  return { url, start, kill, tell, freeze: () => child!.kill("SIGSTOP"), thaw: () => child!.kill("SIGCONT") };
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
