import { createHmac, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import type { Express } from "express";
import { WORLD } from "../../fixtures/world.ts";
import {
  cutWithSupport,
  guards,
  KEPT_IN_ROW,
  openPeople,
  renewOnNewRights,
  sessionRows,
} from "../../src/accounts/index.ts";
import type { Role } from "../../src/accounts/roles.ts";
import { hasSecondFactor } from "../../src/accounts/second-factor.ts";
import { rightsOf } from "../../src/accounts/session-rows.ts";
import { createApp } from "../../src/app.ts";
import { type Heads, liveSeals, openHeads, type Sealer, startSealer } from "../../src/history/index.ts";
import { modules } from "../../src/modules.ts";
import { countInDatabase, countInRedis } from "../../src/platform/http/rate.ts";
import { hashOf, SessionStore } from "../../src/platform/http/sessions.ts";
import { sessionsInRedis } from "../../src/platform/http/sessions-in-redis.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { createHub, type Hub } from "../../src/platform/live/hub.ts";
import { openingsOf, watchesOf } from "../../src/platform/live/news.ts";
import { createLog } from "../../src/platform/log.ts";
import { openTransport } from "../../src/platform/mail/transport.ts";
import type { Module } from "../../src/platform/module.ts";
import { openRedis } from "../../src/platform/redis.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { type Files, openFiles } from "../../src/platform/storage/index.ts";
import { type OpenDatabase, testDatabase } from "./database.ts";

export const SECRET = "secret-des-essais-qui-fait-bien-plus-de-trente-deux-octets";

/** Who signs in: the key of a person of fixtures/world.ts. */
export type Who = string;

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
  /** Where a 303 leads, path only. */
  location: string | null;
}

export interface Browser {
  readonly id: string;
  readonly tenantId: string;
  readonly cookie: string;
  get(path: string, options?: { part?: boolean; headers?: Record<string, string> }): Promise<Answer>;
  /** Posts a form as its page would: token, fresh key and Fetch-Metadata added unless given. */
  post(
    path: string,
    fields?: Record<string, string | string[]>,
    options?: { part?: boolean; headers?: Record<string, string>; bare?: boolean },
  ): Promise<Answer>;
}

/** One process of the product: its pages, and the hub of its streams. */
export interface Instance {
  app: Express;
  origin: string;
  hub: Hub;
}

export interface World extends OpenDatabase, Instance {
  /** A second process on the same database. */
  another(): Promise<Instance>;
  sealer: Sealer;
  heads: Heads;
  files: Files;
  /** What the log was told, one line each. */
  logged: string[];
  /** A signed-in browser. Each call is a session of its own. */
  as(who: Who): Promise<Browser>;
  /** A browser nobody has signed in with; its forms take the token of the last page it saw. */
  anonymous(): Browser;
  userOf(who: Who): Promise<{ id: string; tenantId: string; email: string }>;
}

/** The whole product on the named world, over real HTTP and a real PostgreSQL of this test file's own. */
export async function startWorld({
  pool = 10,
  extraModules = [] as Module[],
  world = true,
  redisUrl = "",
  metricsToken = undefined as string | undefined,
  smtpUrl = "",
  clamd = undefined as string | undefined,
  quotas = {} as Partial<Files["quotas"]>,
} = {}): Promise<World> {
  const open = await testDatabase({ world, pool });
  const folder = mkdtempSync(path.join(tmpdir(), "world-"));
  const { privateKey } = generateKeyPairSync("ed25519");
  const historyKey = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const heads = openHeads({ varDir: folder, historyKey });
  const logged: string[] = [];
  const log = createLog("debug", { style: "lines", write: (line) => void logged.push(line) });
  const sealer = startSealer(open.db, {
    heads,
    clock: open.clock,
    everyMs: Number.POSITIVE_INFINITY,
    onError: (error) => log.error("sealer", { error: String(error) }),
  });
  await sealer.sealAll();

  const transport = smtpUrl
    ? await openTransport({ smtpUrl, from: "ops@mail.example", replyTo: "accueil@mail.example" })
    : null;
  const files = await openFiles(
    {
      folder: path.join(folder, "fichiers"),
      clamd,
      s3Url: undefined,
      floor: 1,
      quotas: { tenant: 1e9, person: 1e8, ...quotas },
    },
    open.registry.files,
  );
  const redis = redisUrl ? await openRedis(redisUrl, log) : undefined;
  const inDatabase = sessionRows(open.db);
  const rows = redis ? sessionsInRedis(inDatabase, redis, KEPT_IN_ROW) : inDatabase;
  const another = async (): Promise<Instance> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const hub = createHub({
      url: open.databaseUrl,
      seals: liveSeals(open.db, { sources: open.registry.topicSources, clock: open.clock }),
      people: openPeople(open.db),
      watches: watchesOf(open.registry.live, open.db),
      openings: openingsOf(open.registry.live, open.db),
      onError: (error) => log.error("hub", { error: String(error) }),
    });
    const app = createApp({
      config: {
        publicUrl: origin,
        secure: false,
        trustProxy: [],
        secret: SECRET,
        demo: true,
        production: false,
        metricsToken,
        sendsMail: transport !== null,
      } as never,
      db: open.db,
      modules: [...modules, ...extraModules],
      guards,
      sessionStore: new SessionStore(rows, log),
      onSession: [renewOnNewRights, cutWithSupport],
      hub,
      files,
      ...(redis && { count: countInRedis(redis, countInDatabase(open.db)) }),
      clock: open.clock,
      log,
      views: createViews({ debug: true, cache: true }),
    });
    const registry = createRegistry([...modules, ...extraModules]);
    app.locals.services = {
      db: open.db,
      files,
      clock: open.clock,
      imports: registry.imports,
      exports: registry.exports,
      varDir: folder,
      historyKey,
      redis,
      diskFloor: 1,
      transport,
    };
    server.on("request", app);
    after(async () => {
      await hub.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { app, origin, hub };
  };
  const { app, origin, hub } = await another();
  after(async () => {
    await sealer.stop();
    redis?.close();
    transport?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const userOf = async (who: Who) => {
    const person = WORLD.flatMap(({ people }) => people).find(({ key }) => key === who);
    if (!person) throw new Error(`Nobody called ${who} in fixtures/world.ts`);
    const [row] = await open.db.lookup<{ tenant_id: string; user_id: string; roles: string[] }>("accounts", [
      person.email,
    ]);
    if (!row) throw new Error(`${who} has no active account`);
    return { id: row.user_id, tenantId: row.tenant_id, email: person.email, roles: row.roles };
  };

  const browser = (user: { id: string; tenantId: string } | null, start: [string, string][], token = ""): Browser => {
    const jar = new Map(start);
    let csrf = token;
    const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const send = async (to: string, init: RequestInit & { headers: Record<string, string> }): Promise<Answer> => {
      const response = await fetch(origin + to, { redirect: "manual", ...init });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
        if (/expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name!);
        else jar.set(name!, value!);
      }
      const text = await response.text();
      csrf = /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? csrf;
      const location = response.headers.get("location");
      return {
        status: response.status,
        text,
        headers: response.headers,
        location: location && new URL(location, origin).href.replace(origin, ""),
      };
    };
    const common = (part = false) => ({
      "sec-fetch-site": "same-origin",
      ...(jar.size > 0 && { cookie: cookie() }),
      ...(part && { "hx-request": "true", "hx-request-type": "partial" }),
    });
    return {
      id: user?.id ?? "",
      tenantId: user?.tenantId ?? "",
      get cookie() {
        return cookie();
      },
      get: (to, { part = false, headers = {} } = {}) => send(to, { headers: { ...common(part), ...headers } }),
      post(to, fields = {}, { part = false, headers = {}, bare = false } = {}) {
        const body = new URLSearchParams();
        const whole: Record<string, string | string[]> = bare ? fields : { _csrf: csrf, _key: randomUUID(), ...fields };
        for (const [name, value] of Object.entries(whole)) for (const one of [value].flat()) body.append(name, one);
        return send(to, { method: "POST", body, headers: { ...common(part), origin, ...headers } });
      },
    };
  };

  const as = async (who: Who): Promise<Browser> => {
    const user = await userOf(who);
    const sid = randomBytes(32).toString("base64url");
    const csrfSecret = tokens.secretSync();
    await rows.save(hashOf(sid), {
      tenantId: user.tenantId,
      userId: user.id,
      data: {
        cookie: { originalMaxAge: null, httpOnly: true, path: "/", sameSite: "lax" },
        passport: { user: { tenantId: user.tenantId, id: user.id } },
        csrfSecret,
        opening: { stayDays: 0 },
        authenticatedAt: open.clock.now().toISOString(),
        rights: rightsOf(
          user.roles as Role[],
          await hasSecondFactor(open.db, { tenantId: user.tenantId, userId: user.id }),
        ),
      },
      address: "127.0.0.1",
      userAgent: "Essais",
    });
    const signature = createHmac("sha256", SECRET).update(sid).digest("base64").replace(/=+$/, "");
    return browser(user, [["opstracker", encodeURIComponent(`s:${sid}.${signature}`)]], tokens.create(csrfSecret));
  };

  return {
    ...open,
    files,
    app,
    origin,
    hub,
    another,
    sealer,
    heads,
    logged,
    as,
    anonymous: () => browser(null, []),
    userOf,
  };
}

// csurf's own maker of tokens: what a page would have held.
const requireFromCsurf = createRequire(createRequire(import.meta.url).resolve("csurf"));
const Tokens = requireFromCsurf("csrf") as new () => { secretSync(): string; create(secret: string): string };
const tokens = new Tokens();
