import express, { type Express, type RequestHandler } from "express";
import type { Store } from "express-session";
import type { Clock } from "./platform/db/clock.ts";
import type { Database } from "./platform/db/index.ts";
import { createAssets } from "./platform/http/assets.ts";
import { handleErrors, loggedPath, loggedUser } from "./platform/http/errors.ts";
import { nameRequests, secureHeaders } from "./platform/http/headers.ts";
import { healthRoutes } from "./platform/http/health.ts";
import { createMetrics } from "./platform/http/metrics.ts";
import { onlyForms, onlyOurHost, onlyOwnPages, onlyPlainRequests } from "./platform/http/origin.ts";
import { type Count, countInDatabase } from "./platform/http/rate.ts";
import { Refusal } from "./platform/http/refusal.ts";
import { routing } from "./platform/http/route.ts";
import { passport, sessions } from "./platform/http/sessions.ts";
import { createRender, createSaved, createShow, createShowOnce } from "./platform/http/show.ts";
import type { Guards, HttpConfig } from "./platform/http/types.ts";
import type { Views } from "./platform/http/views.ts";
import type { Hub } from "./platform/live/hub.ts";
import type { Log } from "./platform/log.ts";
import type { Module } from "./platform/module.ts";
import { createRegistry } from "./platform/registry.ts";
import type { Files } from "./platform/storage/index.ts";

export interface AppParts {
  config: HttpConfig;
  db: Database;
  modules: Module[];
  guards: Guards;
  sessionStore: Store;
  /** Right after the session is known: a new identifier when rights have changed (P18), an eye on a visit that may end. */
  onSession?: RequestHandler[];
  /** Where tries are counted; by default in PostgreSQL. */
  count?: Count;
  /** Tells the open pages of this process what changed; without it they poll. */
  hub?: Hub;
  /** Where files are kept; a product that takes none, as some tests, needs none. */
  files?: Files;
  clock: Clock;
  log: Log;
  views: Views;
}

/** The whole product over HTTP. Middlewares run in the order written here, and the order matters. */
export function createApp({
  config,
  db,
  modules,
  guards,
  sessionStore,
  onSession = [],
  count = countInDatabase(db),
  hub,
  files,
  clock,
  log,
  views,
}: AppParts): Express {
  const registry = createRegistry(modules);
  const { helpOf, menu, routes } = registry;
  const assets = createAssets({ cache: config.production });
  const render = createRender(views, { config, guards, menu, assets, helpOf });

  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").enable("strict routing");
  app.set("trust proxy", config.trustProxy.length > 0 ? [...config.trustProxy] : false);
  app.locals.registry = registry;
  app.locals.routes = routes;
  app.locals.live = { hub, guards };
  app.locals.stopping = false;
  equip(app, { config, db, count, files, render, guards });

  const metrics = config.metricsToken ? createMetrics({ token: config.metricsToken, db, hub }) : null;
  app.use(nameRequests(clock));
  if (metrics) app.use(metrics.observe);
  app.use(logRequests(log));
  app.use(secureHeaders(config));
  app.use(onlyPlainRequests);
  app.use(healthRoutes(db, () => app.locals.stopping));
  if (metrics) app.use(metrics.routes);
  app.use(onlyOurHost(config));
  app.use("/assets", assets.serve);

  app.use(onlyOwnPages);
  app.use(onlyForms);
  app.use(express.urlencoded({ extended: false, limit: "1mb", parameterLimit: 2_000, inflate: false }));
  app.use(sessions(config, sessionStore));
  app.use(passport.initialize());
  app.use(passport.session());
  for (const follow of onSession) app.use(follow);

  app.use(routing(routes, guards));

  app.use(() => {
    throw Refusal.notFound();
  });
  app.use(handleErrors(render, log));
  return app;
}

/** What every request and response can do, put once on their prototypes instead of on each. */
function equip(
  app: Express,
  {
    config,
    db,
    count,
    files,
    render,
    guards,
  }: {
    config: HttpConfig;
    db: Database;
    count: Count;
    files: Files | undefined;
    guards: Guards;
    render: ReturnType<typeof createRender>;
  },
) {
  Object.defineProperties(app.request, {
    db: { value: db },
    config: { value: config },
    count: { value: count },
    files: { value: files },
    // How browsers reach us is configured, not guessed from a header: it decides whether cookies are Secure.
    secure: { value: config.secure },
  });
  app.response.show = createShow(render);
  app.response.showOnce = createShowOnce(render);
  app.response.saved = createSaved(render, guards);
}

/** One line a request, without address nor query: who, what, how long. */
function logRequests(log: Log): express.RequestHandler {
  return (req, res, next) => {
    const start = performance.now();
    res.once("finish", () => {
      const { id, reference, method } = req;
      const ms = Math.round(performance.now() - start);
      log.info("request", {
        id,
        reference,
        method,
        path: loggedPath(req),
        status: res.statusCode,
        ms,
        user: loggedUser(req),
      });
    });
    next();
  };
}
