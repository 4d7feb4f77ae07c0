import { createHash, timingSafeEqual } from "node:crypto";
import { type RequestHandler, Router } from "express";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../db/index.ts";
import { queueStates } from "../jobs/queries.ts";
import type { Hub } from "../live/hub.ts";
import { MAIL_STATES } from "../mail/outbox.ts";

export interface Metrics {
  /** Times each request, by declared route: never by address, which would be without end and hold secrets. */
  observe: RequestHandler;
  /** `/metrics`, for who holds the token; a 404 for the others, as if it were not there. */
  routes: Router;
}

/** Reads what belongs to no organisation. */
const NOBODY = "00000000-0000-0000-0000-000000000000";
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The figures of this process for Prometheus; no name of an organisation or of a person, no address, no secret. */
export function createMetrics({
  token,
  db,
  hub,
}: {
  token: string;
  db: Database;
  hub?: Pick<Hub, "size"> | undefined;
}): Metrics {
  const register = new Registry();
  const registers = [register];
  // Memory, event loop delay, collections: what every Node process tells under the names its dashboards know.
  collectDefaultMetrics({ register });
  const requests = new Counter({
    name: "opstracker_http_requests_total",
    help: "Requests answered",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "opstracker_http_request_duration_seconds",
    help: "From the first byte of a request to the last of its answer",
    labelNames: ["method", "route"],
    buckets: SECONDS,
    registers,
  });
  const pool = new Gauge({
    name: "opstracker_pool_connections",
    help: "Connections to PostgreSQL: open, idle, and requests that wait for one",
    labelNames: ["state"],
    registers,
  });
  const streams = new Gauge({ name: "opstracker_streams", help: "Live pages that follow this process", registers });
  const jobs = new Gauge({
    name: "opstracker_jobs",
    help: "Jobs by queue and state, over all the processes",
    labelNames: ["queue", "state"],
    registers,
  });
  const mails = new Gauge({
    name: "opstracker_outbox_messages",
    help: "Messages by state, over all the organisations",
    labelNames: ["state"],
    registers,
  });
  const isUp = new Gauge({
    name: "opstracker_database_up",
    help: "1 when the database answered this reading; otherwise jobs and messages are missing from it",
    registers,
  });

  const readDatabase = async () => {
    jobs.reset();
    mails.reset();
    try {
      const [queues, states] = await Promise.all([
        db.read(NOBODY, queueStates),
        db.lookup<{ state: string; count: number }>("outbox_states"),
      ]);
      for (const { queue, waiting, running, retrying, dead } of queues) {
        for (const [state, count] of Object.entries({ waiting, running, retrying, dead }))
          jobs.set({ queue, state }, count);
      }
      for (const state of MAIL_STATES) mails.set({ state }, states.find((one) => one.state === state)?.count ?? 0);
      isUp.set(1);
    } catch {
      isUp.set(0);
    }
  };

  const routes = Router({ caseSensitive: true, strict: true });
  routes.get("/metrics", async (req, res, next) => {
    if (!isBearer(req.headers.authorization, token)) return next();
    for (const [state, count] of Object.entries(db.pool())) pool.set({ state }, count);
    streams.set(hub?.size() ?? 0);
    await readDatabase();
    res.setHeader("Cache-Control", "no-store");
    res.type(register.contentType).send(await register.metrics());
  });

  return {
    observe(req, res, next) {
      const start = performance.now();
      res.once("finish", () => {
        const route = typeof res.locals.route === "string" ? res.locals.route : "other";
        const labels = { method: METHODS.has(req.method) ? req.method : "other", route };
        requests.inc({ ...labels, status: String(res.statusCode) });
        durations.observe(labels, (performance.now() - start) / 1_000);
      });
      next();
    },
    routes,
  };
}

const METHODS = new Set(["GET", "HEAD", "POST"]);

/** Compares digests: neither the content nor the length of the token shows in how long it takes. */
function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}
