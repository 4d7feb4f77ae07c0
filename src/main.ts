/** The process: configuration → database → migrations → first run → jobs → pages → listening. */

import {
  cutWithSupport,
  guards,
  KEPT_IN_ROW,
  openPeople,
  prepareFirstRun,
  recloseKeys,
  renewOnNewRights,
  sessionRows,
} from "./accounts/index.ts";
import { createApp } from "./app.ts";
import { ConfigRefused, filesOf, readConfig } from "./config.ts";
import { describeBase, enterDemo } from "./demo.ts";
import { startScanning } from "./files/index.ts";
import { liveSeals, openHeads, startSealer } from "./history/index.ts";
import { startDeathWatch } from "./instance/index.ts";
import { tellFailures } from "./messages/index.ts";
import { modules } from "./modules.ts";
import { databaseClock } from "./platform/db/clock.ts";
import { EmbeddedRefused } from "./platform/db/embedded.ts";
import { openDatabase } from "./platform/db/index.ts";
import { migrate } from "./platform/db/migrate.ts";
import { PAGE_MS } from "./platform/db/orm.ts";
import { embeddedDatabase } from "./platform/db/roles.ts";
import { explain } from "./platform/explain.ts";
import { createHealthApp } from "./platform/http/health.ts";
import { countInDatabase, countInRedis } from "./platform/http/rate.ts";
import { serve } from "./platform/http/server.ts";
import { SessionStore } from "./platform/http/sessions.ts";
import { sessionsInRedis } from "./platform/http/sessions-in-redis.ts";
import { createViews } from "./platform/http/views.ts";
import { startJobs } from "./platform/jobs/index.ts";
import { startTick } from "./platform/jobs/tick.ts";
import { createHub } from "./platform/live/hub.ts";
import { openingsOf, watchesOf } from "./platform/live/news.ts";
import { createLog } from "./platform/log.ts";
import { startSender } from "./platform/mail/sender.ts";
import { openTransport, type Transport } from "./platform/mail/transport.ts";
import { alsoAccept } from "./platform/previous-secrets.ts";
import { openRedis } from "./platform/redis.ts";
import { createRegistry } from "./platform/registry.ts";
import { openFiles } from "./platform/storage/index.ts";
import { VERSION } from "./platform/version.ts";
import { startWatchdog } from "./platform/watchdog.ts";
import { loadSecrets } from "./secrets.ts";

const say = (...lines: string[]) => process.stdout.write(`${lines.join("\n")}\n`);
const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

// Whoever read the log has gone: to say so would be one more line for nobody, and another, without end.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

async function start() {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const secrets = await loadSecrets(config);
  alsoAccept(secrets.secret, secrets.previousSecrets);
  const registry = createRegistry(modules);

  const embedded = config.databaseUrl ? undefined : await embeddedDatabase(config.varDir);
  const databaseUrl = embedded?.databaseUrl ?? config.databaseUrl!;
  const ownerUrl = embedded?.databaseOwnerUrl ?? config.databaseOwnerUrl!;
  await migrate(ownerUrl, registry);
  // Pages give up sooner than the work behind them: somebody waits for each (F07).
  const pages = await openDatabase(databaseUrl, registry, { statementMs: PAGE_MS });
  const db = pages.patiently();
  const onError = (error: unknown) =>
    log.error("background", { error: error instanceof Error ? error.message : String(error) });
  embedded?.server.watch(onError);
  const clock = await databaseClock({ ask: pages.now, onError });
  const redis = config.redisUrl ? await openRedis(config.redisUrl, log) : undefined;
  const rows = sessionRows(pages);
  const files = await openFiles(filesOf(config), registry.files);
  const services = {
    db,
    files,
    clock,
    imports: registry.imports,
    exports: registry.exports,
    varDir: config.varDir,
    historyKey: secrets.historyKey.privateKey,
    pastHistoryKeys: secrets.pastHistoryKeys,
    secret: secrets.secret,
    redis,
    diskFloor: config.diskFloor,
    backups: config.backupAt
      ? {
          at: config.backupAt,
          databaseUrl,
          ownerUrl,
          store: files.store,
          varDir: config.varDir,
          paths: registry.folders,
          into: config.backupDir,
          key: config.backupKey,
          version: VERSION,
        }
      : undefined,
    transport: null as Transport | null,
  };
  const serves = config.role !== "jobs";
  const works = config.role !== "web";
  const watchdog = works ? startWatchdog() : null;
  // Without workers, jobs are still sent from the acts that call for them.
  const jobs = await startJobs(services, databaseUrl, works ? registry : { subscriptions: [], schedules: [] }, onError);

  const base = await describeBase(db);
  const entering = serves && base.empty && (config.demo === "oui" || config.demo === "auto");
  if (entering) say("La démonstration s’écrit : une vingtaine de secondes, la première fois seulement.");
  const accounts = entering ? await enterDemo(db, { now: clock.now() }) : [];
  const demo = entering || base.demo;
  // One process only: each call replaces the link of the call before.
  const setUp = demo || !serves ? null : await prepareFirstRun(db, { now: clock.now() });
  if (works && secrets.previousSecrets.length > 0) await recloseKeys(db, secrets.secret, { now: clock.now() });
  const heads = openHeads(services);
  const tick = works ? startTick(services, registry.schedules, jobs.send, onError) : null;
  const deaths = works ? startDeathWatch(services, registry, onError) : null;
  const sealer = works ? startSealer(db, { heads, clock, onError }) : null;

  const views = createViews({ debug: !config.production, cache: true });
  const transport = config.mail && !demo ? await openTransport(config.mail) : null;
  services.transport = transport;
  const failures = works ? tellFailures(services, { onError }) : null;
  const sender = works
    ? startSender(services, {
        kinds: registry.mails,
        transport,
        views,
        publicUrl: config.publicUrl,
        domain: config.mail?.from.split("@").at(-1) ?? "localhost",
        onFailed: (tenantId) => failures?.failed(tenantId),
        onError,
      })
    : null;

  const scanning = works ? startScanning(services, { onError }) : null;

  const hub = serves
    ? createHub({
        url: databaseUrl,
        seals: liveSeals(pages, { sources: registry.topicSources, clock }),
        people: openPeople(pages),
        watches: watchesOf(registry.live, pages),
        openings: openingsOf(registry.live, pages),
        onError,
      })
    : undefined;

  const app = serves
    ? createApp({
        config: { ...config, demo, secret: secrets.secret, sendsMail: transport !== null },
        db: pages,
        modules,
        guards,
        sessionStore: new SessionStore(redis ? sessionsInRedis(rows, redis, KEPT_IN_ROW) : rows, log),
        onSession: [renewOnNewRights, cutWithSupport],
        count: redis ? countInRedis(redis, countInDatabase(pages)) : countInDatabase(pages),
        ...(hub && { hub }),
        files,
        clock,
        log,
        views,
      })
    : createHealthApp(pages, config.metricsToken);
  app.locals.services = services;
  // Another process may have changed what this one keeps in memory: all of them follow within a minute.
  const readAgain = () => Promise.all(registry.inMemory.map((read) => read(db, app.locals)));
  await readAgain();
  setInterval(() => readAgain().catch(onError), 60_000).unref();
  await serve(app, {
    ...config,
    log,
    onStopping: () => {
      app.locals.stopping = true;
      // A stream never ends by itself: its browser comes back to another process, or to this one once restarted.
      void hub?.stop();
    },
    async close() {
      await watchdog?.stop();
      await tick?.stop();
      await deaths?.stop();
      await sender?.stop();
      await failures?.stop();
      await scanning?.stop();
      await jobs.stop();
      await sealer?.stop();
      redis?.close();
      await db.close();
      await embedded?.server.stop();
    },
  });

  say("", serves ? `OpsTracker est prêt : ${config.publicUrl}` : "OpsTracker est prêt : les tâches tournent.");
  if (accounts.length > 0) {
    say(
      "",
      "Démonstration. Ces mots de passe ne seront plus affichés ; la page de connexion propose aussi chaque compte en un clic.",
      "",
    );
    say(...accounts);
  }
  if (setUp) {
    say("", "Première mise en service : ouvrez ce lien, valable 24 heures, pour créer le premier compte.");
    say(`  ${config.publicUrl}/installation/${setUp}`);
  }
  say("");
}

await start().catch((error: unknown) => {
  if (error instanceof ConfigRefused || error instanceof EmbeddedRefused) return refuse(error.message);
  if (error instanceof Error && /DATABASE_URL/.test(error.message)) return refuse(error.message);
  const sentence = explain(error);
  if (sentence !== null) return refuse(sentence);
  throw error;
});
