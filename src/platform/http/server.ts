import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "../log.ts";

/** An in-flight request has this long to end once the process is told to stop (F17). */
const GRACE_MS = 30_000;

export interface Listening {
  port: number;
  server: Server;
  /** Stops accepting, lets requests end, then closes what they used. Asked twice, it is the same stop. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  port: number;
  host: string;
  log: Log;
  /** Closed once no request can use it: jobs, then the database. */
  close(): Promise<void>;
  /** So that /health/ready says so while the last requests end. */
  onStopping?(): void;
  graceMs?: number;
  exit?(code: number): void;
}

/** Listens, and stops gracefully on SIGTERM or SIGINT. */
export async function serve(app: RequestListener, options: ServeOptions): Promise<Listening> {
  const { port, host, log, close, onStopping, graceMs = GRACE_MS, exit = process.exit } = options;
  let stopping: Promise<void> | undefined;

  // Slow clients: headers within 15 s, the whole request within 60 s, looked at every 5 s (F19).
  const server = createServer({
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    connectionsCheckingInterval: 5_000,
    // Longer than a proxy keeps its own side, or it would write on a connection being closed.
    keepAliveTimeout: 75_000,
  });
  const answering = new Set<ServerResponse>();
  server.on("request", (req, res) => {
    if (stopping) res.setHeader("Connection", "close");
    answering.add(res);
    res.once("close", () => answering.delete(res));
    app(req, res);
  });

  await listen(server, port, host).catch((error: NodeJS.ErrnoException) => {
    process.stderr.write(`${refusalOf(error, port, host)}\n`);
    exit(1);
    throw error;
  });

  const stop = () => {
    stopping ??= (async () => {
      onStopping?.();
      // So that their clients ask another process next, not this connection.
      for (const res of answering) if (!res.headersSent) res.setHeader("Connection", "close");
      log.info("stopping", { graceMs });
      await closeServer(server, graceMs);
      await close();
      log.info("stopped");
    })();
    return stopping;
  };

  const leave = (code: number) => () => {
    stop().then(
      () => exit(code),
      (error: unknown) => {
        log.error("stop failed", { error: error instanceof Error ? error.name : "unknown" });
        exit(1);
      },
    );
  };
  const onSignal = leave(0);
  const onCrash = (error: unknown) => {
    log.error("uncaught exception", faultOf(error));
    // Its state is unknown: finish what runs, then let the supervisor start a clean one.
    leave(1)();
  };
  const onForgotten = (error: unknown) => log.error("unhandled rejection", faultOf(error));
  // Not `once`: npm and node --watch pass on a signal that the terminal has already sent to all.
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  process.on("uncaughtException", onCrash).on("unhandledRejection", onForgotten);
  // For a process that lives on, such as a test; one told by a signal keeps them to its end, or a second signal that
  // comes while the database closes would cut it off.
  const release = () => {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
    process.off("uncaughtException", onCrash).off("unhandledRejection", onForgotten);
  };

  let asked: Promise<void> | undefined;
  const stopAndRelease = () => {
    asked ??= stop().finally(release);
    return asked;
  };

  return { port: (server.address() as AddressInfo).port, server, stop: stopAndRelease };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept-alive connection whose last answer has just left is idle again, and would keep the server open.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const end = setTimeout(() => server.closeAllConnections(), graceMs);
  server.closeIdleConnections();
  await closed;
  clearInterval(sweep);
  clearTimeout(end);
}

/** Why it cannot listen, and what to type. */
function refusalOf({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === "EADDRINUSE") {
    return `Le port ${port} est déjà occupé : arrêtez l’autre programme, ou choisissez un autre port, par exemple « PORT=${port + 1} npm start ».`;
  }
  if (code === "EACCES") {
    return `Le port ${port} demande des droits d’administration : choisissez-en un au-dessus de 1023, par exemple « PORT=3000 npm start ».`;
  }
  if (code === "EADDRNOTAVAIL") {
    return `L’adresse ${host} n’est pas celle de cette machine : corrigez HOST, par exemple « HOST=127.0.0.1 npm start ».`;
  }
  return `Le serveur ne peut pas écouter sur ${host}, port ${port} (${code ?? message}) : vérifiez HOST et PORT.`;
}

const faultOf = (error: unknown) =>
  error instanceof Error
    ? {
        error: error.name,
        where: error.stack
          ?.split("\n")
          .filter((line) => line.trimStart().startsWith("at "))
          .slice(0, 12),
      }
    : { error: typeof error };
