import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import pg from "pg";
import { LIVE_CHANNEL } from "./news.ts";

const RETRY_MS = 500;
const ECHO_MS = 10_000;

/** The one direct connection of a process that listens to the sealer. */
export interface Ear {
  /** False while nothing can be heard: the hub then asks by itself. */
  readonly hears: boolean;
  stop(): Promise<void>;
}

/**
 * Listens until told to stop, and connects again by itself. It also talks to itself every ten seconds: a connection that
 * is half dead, or behind a pooler that forgets who listens, is deaf without saying so.
 */
export function openEar(
  url: string,
  { onWake, onHearing, onLost }: { onWake(tenantId: string): void; onHearing(): void; onLost(error: unknown): void },
): Ear {
  let current: pg.Client | undefined;
  let hears = false;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;

  const connect = () => {
    const own = `opstracker_echo_${randomUUID().replaceAll("-", "")}`;
    const client = new pg.Client({
      connectionString: url,
      application_name: "opstracker live",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    current = client;
    let answered = true;
    let echo: NodeJS.Timeout | undefined;
    let lost = false;
    const lose = (error: unknown) => {
      if (lost) return;
      lost = true;
      clearInterval(echo);
      client.end().catch(() => undefined);
      // Half dead, it would wait for a goodbye that never comes.
      (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
      if (stopped) return;
      if (hears) onLost(error);
      hears = false;
      retry = setTimeout(connect, RETRY_MS);
      retry.unref();
    };
    const callBack = () => {
      if (!answered) return lose(new Error("The connection that listens hears nothing."));
      answered = false;
      client.query("select pg_notify($1, '')", [own]).catch(lose);
    };
    client.on("error", lose).on("end", () => lose(new Error("The connection that listens was closed.")));
    client.on("notification", ({ channel, payload = "" }) => {
      if (channel === LIVE_CHANNEL) return onWake(payload);
      answered = true;
      if (hears || lost) return;
      hears = true;
      onHearing();
    });
    client
      .connect()
      .then(() => client.query(`listen ${LIVE_CHANNEL}; listen ${own}`))
      .then(() => {
        callBack();
        echo = setInterval(callBack, ECHO_MS);
        echo.unref();
      })
      .catch(lose);
  };
  connect();

  return {
    get hears() {
      return hears;
    },
    async stop() {
      stopped = true;
      hears = false;
      clearTimeout(retry);
      await current?.end().catch(() => undefined);
    },
  };
}
