/**
 * Who is signed in has csurf's token, bound to the session; who is not has a signature bound to a cookie of the visit
 * and to an hour (rulings 21). Both come after the check of where the request comes from.
 */
import { randomBytes } from "node:crypto";
import csurf from "csurf";
import type { Request, Response } from "express";
import { cookieName, cookieOf, cookieOptions } from "./cookies.ts";
import { Refusal } from "./refusal.ts";
import { isSigned, sign } from "./signature.ts";

const VALID_MS = 12 * 3_600_000;
const VISIT = "-visite";
const VISIT_FORM = /^[A-Za-z0-9_-]{43}$/;
const USE = "csrf";

/** From the body or a header only: in an address it would end in logs and histories. */
const sentToken = (req: Request): string => {
  const inBody: unknown = req.body?._csrf;
  if (typeof inBody === "string" && inBody !== "") return inBody;
  const inHeader = req.headers["x-csrf-token"];
  return typeof inHeader === "string" ? inHeader : "";
};

const csurfCheck = csurf({ value: sentToken as never });
const visits = new WeakMap<Request, string>();

/** The token of the forms of this answer; asking for it is what opens a visit or gives the session its secret. */
export function csrfToken(req: Request, res: Response): string {
  if (!req.user) return visitorToken(req, visitOf(req, res));
  // On a POST shown again csurf checks the token once more; only the function it leaves on the request matters here.
  if (!req.csrfToken) csurfCheck(req, res, () => {});
  return req.csrfToken();
}

/** Refuses a change whose form is not ours, or not this person's. */
export function checkCsrf(req: Request, res: Response, { publicForm }: { publicForm: boolean }): void {
  if (publicForm && isVisitorToken(req, sentToken(req))) return;
  let problem: unknown = req.user ? null : "no session";
  if (req.user) {
    // Inside, Node throws and catches errors for each hash it makes: their stacks, which nobody reads, cost more than it.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      csurfCheck(req, res, (error?: unknown) => {
        problem = error;
      });
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }
  if (!problem) return;
  throw new Refusal(
    403,
    "Formulaire expiré",
    "Ce formulaire a été ouvert il y a trop longtemps, ou avant votre dernière connexion : rien n’a été enregistré.",
    "Revenez à la page précédente, rechargez-la, puis envoyez de nouveau.",
  );
}

function visitOf(req: Request, res: Response): string {
  const known = visits.get(req) ?? sentVisit(req);
  if (known) return known;
  const visit = randomBytes(32).toString("base64url");
  visits.set(req, visit);
  res.cookie(cookieName(req.config, VISIT), visit, cookieOptions(req.config));
  return visit;
}

function sentVisit(req: Request): string | null {
  const visit = cookieOf(req, cookieName(req.config, VISIT));
  return visit && VISIT_FORM.test(visit) ? visit : null;
}

function visitorToken(req: Request, visit: string): string {
  const until = (req.now.getTime() + VALID_MS).toString(36);
  return `${until}.${sign(req.config.secret, USE, `${until}.${visit}`)}`;
}

function isVisitorToken(req: Request, token: string): boolean {
  const visit = sentVisit(req);
  const [until = "", signature = ""] = token.split(".");
  if (!visit || !(Number.parseInt(until, 36) > req.now.getTime())) return false;
  return isSigned(req.config.secret, USE, `${until}.${visit}`, signature);
}
