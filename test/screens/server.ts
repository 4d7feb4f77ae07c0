import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
/** The policy the product sends (rulings 25): a style attribute or an inline script would show as an error. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface Answer {
  status?: number;
  html?: string;
  json?: object;
  css?: string;
  headers?: Record<string, string>;
}

/** Pages by address, and the public files: what the gallery needs of a server. */
export async function serve(answer: (method: string, url: URL) => Answer | undefined | Promise<Answer | undefined>) {
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? "/", "http://localhost");
    try {
      if (url.pathname.startsWith("/assets/")) {
        const path = url.pathname.slice("/assets".length);
        const file = path.startsWith("/vendor/")
          ? join(ROOT, "node_modules/htmx.org/dist", path.slice("/vendor/".length))
          : join(ROOT, "public", path);
        const content = await readFile(file);
        res.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(content);
        return;
      }
      const given = await answer(req.method ?? "GET", url);
      if (!given) throw new Error("no such page");
      const type = given.css !== undefined ? "text/css" : given.json ? "application/json" : "text/html; charset=utf-8";
      res
        .writeHead(given.status ?? 200, { "content-type": type, "content-security-policy": POLICY, ...given.headers })
        .end(given.css ?? (given.json ? JSON.stringify(given.json) : given.html));
    } catch {
      res.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}
