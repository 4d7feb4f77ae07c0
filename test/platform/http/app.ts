/** A small product over the real HTTP floor: real templates, a fake database that keeps what it was asked. */
import { randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { RequestHandler } from "express";
import supertest from "supertest";
import { createApp } from "../../../src/app.ts";
import { type ActInput, AlreadyDone, type Database, KeyReused } from "../../../src/platform/db/index.ts";
import { get, post, type Route } from "../../../src/platform/http/route.ts";
import {
  type LiveSession,
  type SavedSession,
  type SessionRows,
  SessionStore,
} from "../../../src/platform/http/sessions.ts";
import type { Guards, HttpConfig, Principal } from "../../../src/platform/http/types.ts";
import { createViews, type Views } from "../../../src/platform/http/views.ts";
import type { Log } from "../../../src/platform/log.ts";
import type { MenuEntry } from "../../../src/platform/module.ts";

export const ORIGIN = "https://ops.example.fr";
/** A page that exists and asks little. */
export const ANY_PAGE = { page: "/errors/error" };
const HOST = "ops.example.fr";

const signIn: RequestHandler = (req, res, next) => {
  const { person } = req.body as { person?: string };
  const user = PEOPLE[person ?? ""];
  if (!user) return void res.status(422).end();
  req.logIn(user, (error) => (error ? next(error) : res.saved(ANY_PAGE, {}, { at: "/", notice: "Bonjour." })));
};

export const TENANT = randomUUID();
const person = (name: string, minutesAgo = 0): Principal =>
  ({
    id: randomUUID(),
    tenantId: TENANT,
    email: `${name.toLowerCase()}@example.fr`,
    name,
    theme: "system",
    density: "comfort",
    shortcuts: true,
    live: true,
    sessionId: randomUUID(),
    authenticatedAt: new Date(START.getTime() - minutesAgo * 60_000),
    tenant: { id: TENANT, name: "Ville de Test", zone: "Europe/Paris", accent: null },
  }) as unknown as Principal;

const START = new Date("2026-11-20T09:00:00Z");
export const PEOPLE: Record<string, Principal> = { Amina: person("Amina"), Bruno: person("Bruno", 20) };
export const PASSWORD = "le mot de passe de Bruno";

/** Keeps acts and idempotency keys as the database does, and nothing else. */
class FakeDatabase {
  acts: (Omit<ActInput, "label" | "subject"> & { label: string; subject: unknown })[] = [];
  keys = new Map<string, { route: string; digest: string; location: string | null }>();
  hits = new Map<string, number>();
  trouble: Error | null = null;
  em: Partial<EntityManager> = {};

  async read<T>(_tenant: string, questions: (em: EntityManager) => Promise<T>) {
    if (this.trouble) throw this.trouble;
    return questions(this.em as EntityManager);
  }
  async act<T>(act: ActInput, verb: (em: EntityManager) => Promise<T> | T) {
    if (this.trouble) throw this.trouble;
    const { idempotency } = act;
    const digest = idempotency?.digest.toString("hex") ?? "";
    const first = this.keys.get(idempotency?.key ?? "");
    if (first && (first.route !== idempotency?.route || first.digest !== digest)) throw new KeyReused();
    if (first) throw new AlreadyDone(303, first.location);
    const result = await verb(this.em as EntityManager);
    const label = typeof act.label === "function" ? act.label() : act.label;
    const subject = typeof act.subject === "function" ? act.subject() : act.subject;
    this.acts.push({ ...act, label, subject });
    if (idempotency) {
      const { key, route, result: said } = idempotency;
      this.keys.set(key, { route, digest, ...(typeof said === "function" ? said() : said) });
    }
    return result;
  }
  async lookup(name: string, [bucket]: unknown[]) {
    if (this.trouble) throw this.trouble;
    if (name !== "hit") throw new Error(`no function ${name}`);
    const count = (this.hits.get(String(bucket)) ?? 0) + 1;
    this.hits.set(String(bucket), count);
    return [{ hit: count }];
  }
  async ping() {
    if (this.trouble) throw this.trouble;
  }
}

class FakeRows implements SessionRows {
  rows = new Map<string, SavedSession>();
  calls: string[] = [];
  touchDue = false;
  trouble: Error | null = null;
  endsAt = new Date(START.getTime() + 8 * 3_600_000);

  async get(hash: Buffer): Promise<LiveSession | null> {
    this.calls.push("get");
    if (this.trouble) throw this.trouble;
    const row = this.rows.get(hash.toString("hex"));
    if (!row) return null;
    const principal = Object.values(PEOPLE).find(({ id }) => id === row.userId) ?? null;
    return { data: structuredClone(row.data), principal, endsAt: this.endsAt, touchDue: this.touchDue };
  }
  async save(hash: Buffer, session: SavedSession) {
    this.calls.push("save");
    this.rows.set(hash.toString("hex"), session);
  }
  async touch() {
    this.calls.push("touch");
  }
  async destroy(hash: Buffer) {
    this.calls.push("destroy");
    this.rows.delete(hash.toString("hex"));
  }
}

export interface Line {
  level: string;
  message: string;
  fields: Record<string, unknown>;
}

export function product({
  routes = [],
  menu = [],
  config = {},
  views = createViews({ debug: true, cache: true }),
}: {
  routes?: Route[];
  menu?: MenuEntry[];
  config?: Partial<HttpConfig>;
  views?: Views;
} = {}) {
  const db = new FakeDatabase();
  const rows = new FakeRows();
  const lines: Line[] = [];
  const clock = { time: START, now: () => clock.time };
  const keep =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, message, fields });
    };
  const log: Log = { debug() {}, info: keep("info"), warn: keep("warn"), error: keep("error"), with: () => log };
  const guards: Guards = {
    may: (user, right) => user.name === "Bruno" || right === "notes.read",
    explain: () => "Seule une personne qui administre peut le faire.",
    detour: () => null,
    proof: () => "password",
    confirm: async (req, password) => {
      if (password === PASSWORD) req.user!.authenticatedAt = req.now;
      return password === PASSWORD;
    },
  };
  const app = createApp({
    config: {
      publicUrl: ORIGIN,
      secure: true,
      trustProxy: [],
      secret: "x".repeat(32),
      demo: false,
      production: true,
      ...config,
    },
    db: db as unknown as Database,
    modules: [
      {
        name: "test",
        routes: [
          get("/connexion", "public", (_req, res) => res.show(ANY_PAGE, { status: 401, sentence: null, todo: null })),
          get("/formulaire", "public", (_req, res) => res.show({ page: "/partials/form-keys" }, {})),
          post("/connexion", "public", signIn, { publicForm: true }),
          post("/deconnexion", "signed-in", (req, res, next) =>
            req.logOut((error) => (error ? next(error) : res.redirect(303, "/connexion"))),
          ),
          ...routes,
        ],
        menu,
      },
    ],
    guards,
    sessionStore: new SessionStore(rows, log),
    clock,
    log,
    views,
  });
  return { app, db, rows, lines, clock, browser: () => new Browser(app) };
}

type App = ReturnType<typeof createApp>;

/** A browser as far as cookies and the headers it cannot help sending go. */
export class Browser {
  readonly #app: App;
  cookies = new Map<string, string>();
  csrf = "";

  constructor(app: App) {
    this.#app = app;
  }

  /** Sends exactly these headers beside Host and cookies. */
  async raw(
    method: "get" | "post" | "head" | "put" | "delete" | "patch" | "options",
    url: string,
    headers: Record<string, string> = {},
    body?: string,
  ) {
    const request = supertest(this.#app)
      [method](url)
      .redirects(0)
      .set({ Host: HOST, ...headers });
    if (this.cookies.size > 0 && headers.Cookie === undefined)
      request.set("Cookie", [...this.cookies].map(([k, v]) => `${k}=${v}`).join("; "));
    const response = await (body === undefined ? request : request.send(body));
    for (const line of [response.headers["set-cookie"] ?? []].flat() as string[]) {
      const [, name = "", value = ""] = line.match(/^([^=]+)=([^;]*)/) ?? [];
      if (value === "" || /Expires=Thu, 01 Jan 1970/.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    this.csrf = response.text?.match(/name="_csrf" value="([^"]+)"/)?.[1] ?? this.csrf;
    return response;
  }

  get(url: string, { part = false, headers = {} }: { part?: boolean; headers?: Record<string, string> } = {}) {
    return this.raw("get", url, {
      "Sec-Fetch-Site": "same-origin",
      ...(part && { "HX-Request-Type": "partial" }),
      ...headers,
    });
  }

  /** Posts as one of our own forms does, token and key included unless said otherwise. */
  post(
    url: string,
    fields: Record<string, string | string[]> = {},
    { part = false, headers = {} }: { part?: boolean; headers?: Record<string, string> } = {},
  ) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries({ _csrf: this.csrf, _key: randomUUID(), ...fields })) {
      for (const one of [value].flat()) body.append(name, one);
    }
    return this.raw(
      "post",
      url,
      {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
        Origin: ORIGIN,
        ...(part && { "HX-Request-Type": "partial" }),
        ...headers,
      },
      body.toString(),
    );
  }

  async signIn(name: "Amina" | "Bruno") {
    await this.get("/formulaire");
    const answer = await this.post("/connexion", { person: name });
    if (answer.status !== 303) throw new Error(`sign-in answered ${answer.status}: ${answer.text}`);
    return this;
  }
}
