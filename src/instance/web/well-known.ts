import type { RequestHandler } from "express";
import { contactOf } from "./texts.ts";

const DAY_MS = 86_400_000;
// RFC 9116 advises less than a year, so that a forgotten instance stops giving an address nobody reads.
const VALID_DAYS = 180;

/** Where to report a vulnerability (RFC 9116, P60). */
export const security: RequestHandler = (req, res) => {
  const { publicUrl } = req.config;
  // Whole days: the file stays the same for a day.
  const expires = new Date((Math.floor(req.now.getTime() / DAY_MS) + VALID_DAYS) * DAY_MS);
  const lines = [
    `Contact: ${contactOf(req)?.href ?? `${publicUrl}/contact`}`,
    `Expires: ${expires.toISOString()}`,
    "Preferred-Languages: fr",
    `Canonical: ${publicUrl}/.well-known/security.txt`,
  ];
  res.type("text/plain").send(`${lines.join("\n")}\n`);
};

/** A working tool is not to be listed by search engines; its doors and its links even less. */
export const robots: RequestHandler = (_req, res) => {
  res.type("text/plain").send("User-agent: *\nDisallow: /\n");
};
