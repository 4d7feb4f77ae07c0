import express, { type Express, Router } from "express";
import type { Database } from "../db/index.ts";
import { createMetrics } from "./metrics.ts";

const PATIENCE_MS = 2_000;

/**
 * Two questions of machines. They come before the check of Host, because probes call a container by its address, and
 * answer nothing about the product but whether it works.
 */
export function healthRoutes(db: Database, isStopping: () => boolean): Router {
  const routes = Router({ caseSensitive: true, strict: true });
  routes.get("/health/live", (_req, res) => {
    res.json({ status: "ok" });
  });
  routes.get("/health/ready", async (_req, res) => {
    const reason = isStopping() ? "stopping" : await troubleOf(db);
    if (reason) res.setHeader("Retry-After", "5");
    res.status(reason ? 503 : 200).json(reason ? { status: "unavailable", reason } : { status: "ok" });
  });
  return routes;
}

/** Health and figures alone: what a process that only works in the background says over HTTP. */
export function createHealthApp(db: Database, metricsToken?: string): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(healthRoutes(db, () => app.locals.stopping));
  if (metricsToken) app.use(createMetrics({ token: metricsToken, db }).routes);
  app.use((_req, res) => void res.status(404).json({ status: "absent", reason: "this process serves no page" }));
  return app;
}

async function troubleOf(db: Database): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("database does not answer"), PATIENCE_MS);
  });
  const asked = db.ping().then(
    () => null,
    () => "database unreachable",
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
