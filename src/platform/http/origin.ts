import type { Request, RequestHandler } from "express";
import { Refusal } from "./refusal.ts";
import { isPlainPath } from "./safe-path.ts";
import type { HttpConfig } from "./types.ts";

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);
const isLoopback = (address: string | undefined) =>
  address !== undefined && (/^(?:::ffff:)?127\./.test(address) || address === "::1");

export const isSafeMethod = (method: string) => method === "GET" || method === "HEAD";

/** `localhost:3000` and its like, when the connection itself came to this machine's loopback. */
function loopbackHost(req: Request): string | null {
  const host = req.headers.host?.toLowerCase() ?? "";
  if (!isLoopback(req.socket.localAddress)) return null;
  const port = host.match(/:(\d+)$/)?.[1];
  const name = port ? host.slice(0, -port.length - 1) : host;
  return LOOPBACK_NAMES.has(name) && Number(port ?? 80) === req.socket.localPort ? host : null;
}

/** The origins a form of ours can come from on this request. */
export function ownOrigins(req: Request): string[] {
  const loopback = loopbackHost(req);
  return loopback ? [req.config.publicUrl, `http://${loopback}`] : [req.config.publicUrl];
}

/** Answers only for the public name, or this very machine; another Host is somebody else's trick (P32). */
export function onlyOurHost({ publicUrl }: HttpConfig): RequestHandler {
  const { protocol, host: name, hostname, port } = new URL(publicUrl);
  const ours = new Set([name, `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`]);
  return (req, _res, next) => {
    const host = req.headers.host?.toLowerCase() ?? "";
    if (ours.has(host) || loopbackHost(req)) return next();
    throw new Refusal(
      421,
      "Adresse inconnue",
      "Ce serveur ne répond pas pour cette adresse.",
      `Ouvrez ${publicUrl}, ou corrigez PUBLIC_URL si vous administrez l’instance.`,
    );
  };
}

/**
 * One spelling per address and three methods: what the router would read leniently (`/x/`, `//x`, `%2e`, `;`) never
 * reaches it, so that no variant of an address can meet another verdict (P08).
 */
export const onlyPlainRequests: RequestHandler = (req, _res, next) => {
  const query = req.url.indexOf("?");
  const path = query === -1 ? req.url : req.url.slice(0, query);
  if ((!isSafeMethod(req.method) && req.method !== "POST") || !isPlainPath(path)) throw Refusal.notFound();
  next();
};

/** A change must come from one of our own pages: the browser says so itself, or Origin and Referer do (P26). */
export const onlyOwnPages: RequestHandler = (req, _res, next) => {
  if (isSafeMethod(req.method) || comesFromUs(req)) return next();
  throw new Refusal(
    403,
    "Envoi refusé",
    "Cet envoi ne vient pas d’une page d’OpsTracker : rien n’a été enregistré.",
    "Revenez à la page du formulaire depuis OpsTracker, puis recommencez.",
  );
};

function comesFromUs(req: Request): boolean {
  const { origin, referer } = req.headers;
  const site = req.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  // A page served with no-referrer (links with a token) posts `Origin: null`; the browser's own word is then enough.
  if (origin !== undefined && !(origin === "null" && site === "same-origin")) return ownOrigins(req).includes(origin);
  if (site !== undefined) return true;
  return referer !== undefined && URL.canParse(referer) && ownOrigins(req).includes(new URL(referer).origin);
}

/** Forms and files only, each route saying which (route.ts): `text/plain` and the like can be sent by any page of the web without asking us first. */
export const onlyForms: RequestHandler = (req, _res, next) => {
  const type = req.headers["content-type"];
  const bodiless =
    req.headers["content-length"] === "0" || !(req.headers["content-length"] ?? req.headers["transfer-encoding"]);
  if (isSafeMethod(req.method) || (type === undefined && bodiless) || isForm(type)) return next();
  throw Refusal.unreadable();
};

const FORMS = new Set(["application/x-www-form-urlencoded", "multipart/form-data", "application/partial-upload"]);
const isForm = (type = "") => FORMS.has(type.split(";", 1)[0]!.trim().toLowerCase());
