import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import express, { type RequestHandler, Router } from "express";
import { Refusal } from "./refusal.ts";
import { joinedStylesheet } from "./stylesheet.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PUBLIC = join(ROOT, "public");
const HTMX = join(ROOT, "node_modules/htmx.org/dist");

/** Files a package brings, served as it ships them. */
const VENDOR: Record<string, string> = { "/vendor/htmx.min.js": join(HTMX, "htmx.min.js") };

/** The one sheet a page asks for: its version must move with every sheet it imports. */
const SHEET = "/css/app.css";

export interface Assets {
  /** The address of a public file, with the version of its content: `/css/app.css` → `/assets/css/app.css?v=…`. */
  url(path: string): string;
  serve: RequestHandler;
}

/** `cache` keeps the versions read; without it an edited file shows at the next page. */
export function createAssets({ cache }: { cache: boolean }): Assets {
  const versions = new Map<string, string>();

  // The fonts too are asked for by version, as the page that announces them does.
  const sheetOf = () =>
    joinedStylesheet(join(PUBLIC, SHEET)).replace(
      /url\("\.\.(\/fonts\/[^"]+)"\)/gu,
      (_all, font: string) => `url("/assets${font}?v=${versionOf(font)}")`,
    );
  const contentOf = (path: string) => (path === SHEET ? sheetOf() : readFileSync(VENDOR[path] ?? join(PUBLIC, path)));

  const versionOf = (path: string): string => {
    const known = cache ? versions.get(path) : undefined;
    if (known !== undefined) return known;
    const version = createHash("sha256").update(contentOf(path)).digest("base64url").slice(0, 12);
    versions.set(path, version);
    return version;
  };

  const files = express.static(PUBLIC, {
    index: false,
    redirect: false,
    dotfiles: "ignore",
    setHeaders: (res, file) => keep(res as express.Response, `/${relative(PUBLIC, file).split(sep).join("/")}`),
  });

  // Only an address that names this very content may be kept for ever; any other is asked again each time.
  const keep = (res: express.Response, path: string) => {
    const forever = res.req.query.v === versionOf(path);
    res.setHeader("Cache-Control", forever ? "public, max-age=31536000, immutable" : "no-cache");
  };

  const serve = Router({ caseSensitive: true, strict: true });
  for (const path of [SHEET, ...Object.keys(VENDOR)]) {
    const kept = cache ? contentOf(path) : null;
    serve.get(path, (_req, res) => {
      keep(res, path);
      res.type(extname(path)).send(kept ?? contentOf(path));
    });
  }
  serve.use(files);
  serve.use(() => {
    throw Refusal.notFound();
  });

  return { url: (path) => `/assets${path}?v=${versionOf(path)}`, serve };
}
