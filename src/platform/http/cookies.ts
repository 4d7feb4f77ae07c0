import type { CookieOptions, Request } from "express";
import type { HttpConfig } from "./types.ts";

/** With https the browser itself keeps a `__Host-` cookie to this host, this path and TLS (rulings 24). */
export const cookieName = (config: HttpConfig, suffix = "") => `${config.secure ? "__Host-" : ""}opstracker${suffix}`;

export const cookieOptions = (config: HttpConfig) =>
  ({ httpOnly: true, sameSite: "lax", secure: config.secure, path: "/" }) satisfies CookieOptions;

/** The value of a cookie as sent, or null. Ours hold base64url and dots: nothing to decode. */
export function cookieOf(req: Request, name: string): string | null {
  const prefix = `${name}=`;
  for (const pair of req.headers.cookie?.split(";") ?? []) {
    const cookie = pair.trim();
    if (cookie.startsWith(prefix)) return cookie.slice(prefix.length);
  }
  return null;
}
