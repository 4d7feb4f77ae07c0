import { type Request, type RequestHandler, type Response, Router } from "express";
import type { ParamsDictionary } from "express-serve-static-core";
import { Forbidden } from "../errors.ts";
import { checkCsrf } from "./csrf.ts";
import { isSafeMethod, ownOrigins } from "./origin.ts";
import { isPartial } from "./partial.ts";
import { limitPublic, type Rate } from "./rate.ts";
import { isRecentlyConfirmed } from "./recent.ts";
import { Refusal } from "./refusal.ts";
import { ownPath } from "./safe-path.ts";
import { sessionOutage } from "./sessions.ts";
import { goTo } from "./show.ts";
import type { Guards } from "./types.ts";
import { isMultipart, isPiece, openParts } from "./uploads.ts";

/** "public", "signed-in", or a permission code that `guards` understands. */
export type Right = string;

export interface RouteOptions {
  /** Sensitive: the password is asked again after 15 minutes (ACC-11). */
  recent?: boolean;
  /** The path holds a secret: no Referer, no index, never in a log (P49). */
  secretPath?: boolean;
  /** A form shown before signing in: stateless token (rulings 21). */
  publicForm?: boolean;
  /** French title in the site map, for a GET without parameter. */
  sitemap?: string;
  /** What a parameter looks like; by default a UUID, or a short word for `slug`, `kind`, `type` and `token`. */
  params?: Record<string, RegExp>;
  /** Tries per address of a public route, when the usual rate does not suit; false: the handler counts by itself. */
  rate?: Rate | false;
  /** Open even to who has something to settle before any other page (`Guards.detour`). */
  always?: boolean;
  /** Takes a file: `form`, a form with one file in it; `piece`, a part of a file sent by pieces. */
  upload?: "form" | "piece";
  /** It shows people: its name in the log of readings of personal data (PRM-32). */
  people?: string;
  /** What generated sweeps need to know to call this route well. */
  sweep?: Record<string, unknown>;
}

export interface Route {
  method: "get" | "post";
  path: string;
  right: Right;
  handler: RequestHandler;
  options: RouteOptions;
}

type Declare = <P = ParamsDictionary>(
  path: string,
  right: Right,
  handler: RequestHandler<P>,
  options?: RouteOptions,
) => Route;

export const get: Declare = (path, right, handler, options = {}) =>
  route("get", path, right, handler as never, options);
export const post: Declare = (path, right, handler, options = {}) =>
  route("post", path, right, handler as never, options);

function route(
  method: Route["method"],
  path: string,
  right: Right,
  handler: RequestHandler,
  options: RouteOptions,
): Route {
  const name = `${method.toUpperCase()} ${path}`;
  if (!right)
    throw new Error(`La route ${name} n’a pas de droit : donnez "public", "signed-in" ou un code de permission.`);
  if (typeof handler !== "function") throw new Error(`La route ${name} n’a pas de gestionnaire.`);
  if (method === "post" && right === "public" && !options.publicForm) {
    throw new Error(
      `La route ${name} est publique et change l’état : déclarez-la avec publicForm pour que son jeton soit vérifié.`,
    );
  }
  if (options.publicForm && right !== "public")
    throw new Error(`La route ${name} n’est pas publique : retirez publicForm.`);
  if (options.recent && (method !== "post" || right === "public")) {
    throw new Error(
      `La route ${name} ne peut pas redemander le mot de passe : recent vaut pour un POST d’une personne connectée.`,
    );
  }
  if (options.upload && (method !== "post" || right === "public" || options.recent)) {
    throw new Error(
      `La route ${name} ne peut pas recevoir de fichier : il faut un POST d’une personne connectée, et redemander le mot de passe perdrait le fichier.`,
    );
  }
  return { method, path, right, handler, options };
}

/**
 * The routes behind their guard; it knows nothing else, so an undeclared address is a 404. They are kept by the first
 * word of their address: a request is compared with those of its own, not with every one of the product.
 */
export function routing(routes: Route[], guards: Guards): RequestHandler & Pick<Router, "stack"> {
  const seen = new Set<string>();
  const byWord = new Map<string, Router>();
  for (const one of routes) {
    const name = `${one.method} ${one.path}`;
    if (seen.has(name)) throw new Error(`La route ${name} est déclarée deux fois.`);
    seen.add(name);
    const word = firstWord(one.path);
    if (word.startsWith(":"))
      throw new Error(`La route ${name} commence par un paramètre : donnez-lui un premier mot.`);
    const router = byWord.get(word) ?? strictRouter();
    byWord.set(word, router);
    router[one.method](one.path, guarded(one, guards));
  }
  const dispatch: RequestHandler = (req, res, next) => {
    const router = byWord.get(firstWord(req.path));
    if (router) router(req, res, next);
    else next();
  };
  return Object.assign(dispatch, { stack: [...byWord.values()].flatMap(({ stack }) => stack) });
}

const firstWord = (path: string) => path.split("/", 2)[1] ?? "";

/** A router that reads addresses to the letter. */
const strictRouter = () => Router({ caseSensitive: true, strict: true });

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const WORD = /^[A-Za-z0-9_-]{1,200}$/;
const WORDS = new Set(["slug", "kind", "type", "token"]);

function guarded({ path, right, handler, options }: Route, guards: Guards): RequestHandler {
  const shapes = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    return [name, options.params?.[name] ?? (WORDS.has(name) ? WORD : UUID)] as const;
  });

  return async (req, res, next) => {
    res.locals.route = path;
    for (const [name, shape] of shapes) {
      const value: unknown = req.params[name];
      if (typeof value !== "string" || !shape.test(value)) throw Refusal.notFound();
    }
    if (options.secretPath) {
      res.setHeader("Referrer-Policy", "no-referrer");
      res.setHeader("X-Robots-Tag", "noindex, nofollow");
    }
    if ((isMultipart(req) && options.upload !== "form") || (isPiece(req) && options.upload !== "piece")) {
      throw Refusal.unreadable();
    }

    if (right === "public") {
      await limitPublic(req, path, options);
    } else if (!req.user) {
      const outage = sessionOutage(req);
      if (outage) throw outage;
      return askToSignIn(req, res);
    }
    const detour = req.user && right !== "public" && !options.always && guards.detour(req.user);
    if (detour) return goTo(req, res, detour);
    if (isMultipart(req)) await openParts(req, res);
    // Before the right: a page of another site learns nothing of it.
    if (!isSafeMethod(req.method)) checkCsrf(req, res, { publicForm: options.publicForm === true });
    if (req.user && right !== "public" && right !== "signed-in" && !guards.may(req.user, right)) {
      throw new Forbidden(guards.explain(req.user, right));
    }
    if (options.recent && !(await isRecentlyConfirmed(req, res, guards))) return;
    await handler(req, res, next);
    if (options.people && req.method === "GET" && res.statusCode === 200)
      await guards.noteReading?.(req, options.people);
  };
}

/** To the sign-in page, and back where the person was: for a form, the page that held it. */
function askToSignIn(req: Request, res: Response): void {
  const back =
    isSafeMethod(req.method) && !isPartial(req) ? req.originalUrl : ownPath(req.headers.referer, ownOrigins(req));
  const at = back && back !== "/" ? `/connexion?retour=${encodeURIComponent(back)}` : "/connexion";
  res.vary("HX-Request-Type");
  if (isPartial(req)) {
    res.setHeader("HX-Redirect", at);
    res.status(401).end();
  } else {
    res.redirect(303, at);
  }
}
