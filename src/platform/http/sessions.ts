import { createHash, randomBytes } from "node:crypto";
import type { Request, RequestHandler } from "express";
import session from "express-session";
import passport from "passport";
import { Unavailable } from "../errors.ts";
import type { Log } from "../log.ts";
import { acceptedWith } from "../previous-secrets.ts";
import { cookieName, cookieOptions } from "./cookies.ts";
import type { HttpConfig, Principal } from "./types.ts";

/** What a session row holds, without its identifier, which is stored hashed (ACC-10). */
export interface LiveSession {
  data: Record<string, unknown>;
  /** The person, loaded with the session in one query; null when the account may no longer act (P11). */
  principal: Principal | null;
  /** Whichever comes first of the idle and the absolute end. */
  endsAt: Date;
  /** Last touched a minute ago or more. */
  touchDue: boolean;
}

export interface SavedSession {
  tenantId: string;
  userId: string;
  data: Record<string, unknown>;
  address: string;
  userAgent: string;
}

/** The rows behind the store; `accounts` keeps them in PostgreSQL. Expiry is judged there, on the database clock. */
export interface SessionRows {
  get(tokenHash: Buffer): Promise<LiveSession | null>;
  save(tokenHash: Buffer, session: SavedSession): Promise<void>;
  touch(tokenHash: Buffer, tenantId: string): Promise<void>;
  /** The tenant is not known here: the row tells it. No row is no error. */
  destroy(tokenHash: Buffer): Promise<void>;
}

const LOADED = Symbol("loaded session");
/** What the row of this request's session holds, as far as the request knows. */
const KEPT = Symbol("kept session");
/** Why this request has no session though it brought one. */
const OUTAGE = Symbol("sessions out of reach");
type Loaded = Pick<LiveSession, "principal" | "endsAt" | "touchDue">;
type WithLoaded = { [LOADED]?: Loaded; [KEPT]?: string; [OUTAGE]?: Unavailable };
type Stored = session.SessionData & WithLoaded;

export const hashOf = (sid: string) => createHash("sha256").update(sid).digest();
/** What a row keeps and under which identifier, as one text; the end of the cookie moves by itself at each request. */
const contentOf = (sid: string, data: session.SessionData) =>
  `${sid} ${JSON.stringify({ ...data, cookie: data.cookie.originalMaxAge })}`;
const ownerOf = (data: Partial<session.SessionData>) => data.passport?.user;

/** The end of the session this request came with, for the warning two minutes before; null once it is renewed. */
export const sessionEnd = (req: Request): Date | null => (req as WithLoaded)[LOADED]?.endsAt ?? null;

/** A request nobody made with their hands, as a page that refreshes itself: it does not keep the session alive (ACC-10). */
export function leaveUntouched(req: Request): void {
  const loaded = (req as WithLoaded)[LOADED];
  if (loaded) loaded.touchDue = false;
}

/**
 * Why nobody can be recognised now, if that is so. Public pages answer as to a stranger; what needs somebody throws it,
 * instead of asking a person who is signed in to sign in (F04).
 */
export const sessionOutage = (req: Request): Unavailable | null => (req as WithLoaded)[OUTAGE] ?? null;

/**
 * express-session over `SessionRows`. One query loads session and person, none saves what has not changed, even asked to
 * (a redirect saves before it leads anywhere), and a touch goes once a minute without holding the answer. Only signed-in
 * sessions have a row.
 */
export class SessionStore extends session.Store {
  readonly #rows: SessionRows;
  readonly #log: Log;
  constructor(rows: SessionRows, log: Log) {
    super();
    this.#rows = rows;
    this.#log = log;
  }

  override get(sid: string, done: (error: unknown, session?: session.SessionData | null) => void): void {
    this.#rows.get(hashOf(sid)).then(
      (live) => {
        // A row without its content was opened when Redis held it, and it no longer does.
        if (!live?.data.cookie) return done(null, null);
        const { data, ...loaded } = live;
        const stored = data as unknown as session.SessionData;
        done(null, { ...stored, [LOADED]: loaded, [KEPT]: contentOf(sid, stored) } as Stored);
      },
      (error: unknown) => {
        if (!(error instanceof Unavailable)) return done(error);
        // An empty session under the same identifier: the browser keeps its cookie until sessions are back.
        done(null, { cookie: { originalMaxAge: null }, [OUTAGE]: error } as Stored);
      },
    );
  }

  /** express-session hands us the request here: the place to give it what `get` loaded. */
  override createSession(req: Request, stored: Stored): session.Session & session.SessionData {
    Object.assign(req, { [LOADED]: stored[LOADED], [KEPT]: stored[KEPT], [OUTAGE]: stored[OUTAGE] });
    return super.createSession(req, stored);
  }

  override set(sid: string, data: session.SessionData, done: (error?: unknown) => void = () => {}): void {
    const owner = ownerOf(data);
    const { req } = data as unknown as { req?: Request & WithLoaded };
    const content = contentOf(sid, data);
    // What a page left in the stand-in of a session out of reach is nobody's.
    if (req?.[OUTAGE] && !owner) {
      done();
      return;
    }
    // express-session saves a new session again as it ends, when the page it leads to may have written it already.
    if (owner && req?.[KEPT] === content) {
      done();
      return;
    }
    const written = owner
      ? this.#rows.save(hashOf(sid), {
          tenantId: owner.tenantId,
          userId: owner.id,
          // A copy of plain values: the live object has the request behind it.
          data: JSON.parse(JSON.stringify(data)) as Record<string, unknown>,
          address: req?.ip ?? "",
          userAgent: (req?.headers["user-agent"] ?? "").slice(0, 500),
        })
      : this.#rows.destroy(hashOf(sid));
    written.then(() => {
      if (req) req[KEPT] = content;
      done();
    }, done);
  }

  override touch(sid: string, data: session.SessionData, done: () => void = () => {}): void {
    const owner = ownerOf(data);
    const { req } = data as unknown as { req?: WithLoaded };
    if (owner && req?.[LOADED]?.touchDue) {
      this.#rows.touch(hashOf(sid), owner.tenantId).catch((error: unknown) => {
        this.#log.warn("session not touched", { error: error instanceof Error ? error.name : "unknown" });
      });
    }
    done();
  }

  override destroy(sid: string, done: (error?: unknown) => void = () => {}): void {
    this.#rows.destroy(hashOf(sid)).then(() => done(), done);
  }
}

export function sessions(config: HttpConfig, store: session.Store): RequestHandler {
  return session({
    store,
    secret: acceptedWith(config.secret),
    name: cookieName(config),
    cookie: cookieOptions(config),
    genid: () => randomBytes(32).toString("base64url"),
    saveUninitialized: false,
    resave: false,
    rolling: false,
  });
}

// Passport keeps whose session it is, and takes the person from what the store has just loaded: no second query.
passport.serializeUser((user, done) => done(null, { tenantId: user.tenantId, id: user.id }));
passport.deserializeUser(
  (req: Request, owner: { id: string }, done: (error: unknown, user?: Principal | false) => void) => {
    const person = (req as WithLoaded)[LOADED]?.principal;
    done(null, person && person.id === owner.id ? person : false);
  },
);

export { passport };
