import type { Request, Response } from "express";
import { NotFound } from "../errors.ts";
import type { StoredFile } from "../storage/file.ts";
import { Missing } from "../storage/store.ts";
import { asDownload, pour } from "./download.ts";

/** Bytes of a file never change: a browser may keep them, for its own person only. */
const KEPT = "private, max-age=31536000, immutable";
const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** What a file shown by itself or in a frame of ours may do: be looked at (DOC-3). Measured in README. */
export const PREVIEW = "sandbox; default-src 'none'; frame-ancestors 'self'";

/** Lets a page of ours frame this answer, which can do nothing there. */
export function asPreview(res: Response, policy = PREVIEW): void {
  res.setHeader("Content-Security-Policy", policy);
  res.setHeader("X-Frame-Options", "SAMEORIGIN");
}

/**
 * Gives a file as its bytes and nothing else: never guessed, never a page, whatever its name says (P33). Whoever calls
 * has settled that this person may have it.
 */
export async function sendFile(
  req: Request,
  res: Response,
  file: Pick<StoredFile, "blob" | "name" | "type" | "size" | "sha256">,
  { as }: { as: "attachment" | "inline" | "preview" },
): Promise<void> {
  const tag = `"${Buffer.from(file.sha256).toString("hex")}"`;
  asDownload(res, file.name);
  if (as !== "attachment") res.setHeader("Content-Disposition", "inline");
  if (as === "preview") asPreview(res);
  res.setHeader("Content-Type", file.type);
  res.setHeader("Cache-Control", KEPT);
  res.setHeader("ETag", tag);
  res.setHeader("Accept-Ranges", "bytes");
  if (req.headers["if-none-match"] === tag) return void res.status(304).end();

  const range = wantedRange(req, tag, file.size);
  if (range === "beyond") {
    res.removeHeader("Cache-Control");
    res.setHeader("Content-Range", `bytes */${file.size}`);
    return void res.status(416).end();
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  if (range) res.status(206).setHeader("Content-Range", `bytes ${start}-${end}/${file.size}`);
  res.setHeader("Content-Length", String(end - start + 1));
  if (req.method === "HEAD") return void res.end();
  const bytes = await req.files.store.open(file.blob, range ?? undefined).catch((error: unknown) => {
    for (const name of res.getHeaderNames()) if (/^(content-|cache-|etag|accept-r)/.test(name)) res.removeHeader(name);
    throw error instanceof Missing ? new NotFound("Ce fichier n’est plus gardé ici.") : error;
  });
  await pour(bytes, res);
}

/** One range at most; several, or one we cannot read, are answered by the whole. */
function wantedRange(req: Request, tag: string, size: number): { start: number; end: number } | "beyond" | null {
  const [, from = "", to = ""] = RANGE.exec(req.headers.range ?? "") ?? [];
  if (from === "" && to === "") return null;
  const unchanged = req.headers["if-range"] ?? tag;
  if (unchanged !== tag) return null;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return start > end || start >= size ? "beyond" : { start, end };
}
