import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import type { Clock } from "../db/clock.ts";
import { within } from "../log.ts";
import type { HttpConfig } from "./types.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "manifest-src 'self'",
].join("; ");

const UNUSED_POWERS = ["camera", "display-capture", "geolocation", "microphone", "payment", "usb", "browsing-topics"];

/** Name and present of the request, first of all: everything that follows may log or refuse. */
export function nameRequests(clock: Clock): RequestHandler {
  return (req, res, next) => {
    req.id = randomUUID();
    req.reference = `${req.id.slice(0, 4)}-${req.id.slice(4, 7)}`.toUpperCase();
    req.now = clock.now();
    // Ours, never the visitor's: what comes from outside could forge a line of the log or be another request's.
    res.setHeader("X-Request-Id", req.id);
    within({ id: req.id, reference: req.reference }, next);
  };
}

/** The same headers on every answer, pages, files and errors alike (P29, P30); computed once. */
export function secureHeaders({ secure }: HttpConfig): RequestHandler {
  const headers = Object.entries({
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": UNUSED_POWERS.map((power) => `${power}=()`).join(", "),
    // What is not a static file depends on who asks (P25); the assets say otherwise for themselves.
    "Cache-Control": "no-store",
    ...(secure && { "Strict-Transport-Security": "max-age=31536000; includeSubDomains" }),
  });
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}
