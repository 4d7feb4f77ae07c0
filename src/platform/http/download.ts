import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import { AlreadyDone } from "../db/index.ts";

const STALL_MS = 60_000;

/**
 * A file to keep, never a page to show: opened in a tab by some old habit, it could still run nothing (P33). A reader who
 * takes nothing of it for a minute is cut, so that nobody holds a file or a cursor open for nothing (F19).
 */
export function asDownload(res: Response, name: string): Response {
  res.setTimeout(res.req.config.stallMs ?? STALL_MS, () => res.destroy());
  return res.attachment(name).setHeader("Content-Security-Policy", "sandbox; default-src 'none'");
}

/**
 * For a form whose answer is a file, and whose button stays on its page: sent again it acts no more, and gives its file
 * again (GEN-6). `at` is where its act leads; rethrows anything else.
 */
export const givenAgain =
  (at: string) =>
  (error: unknown): { errors?: undefined; result?: undefined } => {
    if (error instanceof AlreadyDone && error.location === at) return {};
    throw error;
  };

/** Gives it all, at the pace of the reader; one who leaves before the end is nobody to tell. */
export async function pour(source: Readable | AsyncIterable<string>, res: Response): Promise<void> {
  await pipeline(source, res).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}
