import type { Request, Response } from "express";
import { cookieName, cookieOf, cookieOptions } from "./cookies.ts";
import { isSigned, sign } from "./signature.ts";
import type { Notice, Tone } from "./types.ts";

const COOKIE = "-avis";
const USE = "notice";
const SHORT_MS = 60_000;
const TONES: Tone[] = ["success", "warning", "danger", "primary"];

/**
 * Keeps a sentence for the next page, in a signed cookie of one minute. Not in the session: leaving and taking it would
 * be two transactions around each form sent.
 */
export function leaveNotice(req: Request, res: Response, notice: Notice): void {
  const said = JSON.stringify({ ...notice, until: req.now.getTime() + SHORT_MS });
  const value = Buffer.from(said).toString("base64url");
  const signed = `${value}.${sign(req.config.secret, USE, value)}`;
  res.cookie(cookieName(req.config, COOKIE), signed, { ...cookieOptions(req.config), maxAge: SHORT_MS });
}

/** The sentence left by the request before, once. */
export function takeNotice(req: Request, res: Response): Notice | null {
  const name = cookieName(req.config, COOKIE);
  const cookie = cookieOf(req, name);
  if (!cookie) return null;
  res.clearCookie(name, cookieOptions(req.config));
  const [value = "", signature = ""] = cookie.split(".");
  if (!isSigned(req.config.secret, USE, value, signature)) return null;
  const { text, tone, action, until } = JSON.parse(Buffer.from(value, "base64url").toString()) as Notice & {
    until: number;
  };
  return until > req.now.getTime() && TONES.includes(tone) ? { text, tone, action } : null;
}
