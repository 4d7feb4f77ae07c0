import type { Response } from "express";

/** A file to keep, never a page to show: opened in a tab by some old habit, it could still run nothing (P33). */
export function asDownload(res: Response, name: string): Response {
  return res.attachment(name).setHeader("Content-Security-Policy", "sandbox; default-src 'none'");
}
