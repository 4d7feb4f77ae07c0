import type { RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { cookieName, cookieOptions } from "../../platform/http/cookies.ts";
import { hashOf, sessionEnd } from "../../platform/http/sessions.ts";
import { noteSecurity } from "../security-event.ts";
import { closeSession, closeSessions } from "../session.ts";
import { prolongSession, renameSession, rightsOf } from "../session-rows.ts";

const ACCOUNT = { page: "accounts/account/show" };

/** Signs out: the row is gone, and so is what the browser kept of the pages [P25]. */
export const leave: RequestHandler = async (req, res) => {
  const { id: userId, sessionId, tenantId } = req.user!;
  await req.db.note(tenantId, async (em) => {
    await closeSession(em, { userId, id: sessionId });
    noteSecurity(em, req, { kind: "session.closed", userId });
  });
  await new Promise<void>((resolve, reject) => req.logout((error: unknown) => (error ? reject(error) : resolve())));
  res.clearCookie(cookieName(req.config), cookieOptions(req.config));
  res.setHeader("Clear-Site-Data", '"cache", "storage"');
  res.saved(ACCOUNT, {}, { at: "/connexion", notice: "Vous êtes déconnecté. À bientôt." });
};

/** Asked two minutes before the end: another eight hours, within the absolute end (ui.md, pattern 11). */
export const prolong: RequestHandler = async (req, res) => {
  const { sessionId, tenantId } = req.user!;
  const end = await req.db.note(tenantId, (em) => prolongSession(em, sessionId, req.now));
  const endsAt = end ?? sessionEnd(req);
  if (req.accepts(["html", "json"]) === "json") return void res.json({ endsAt, now: req.now });
  res.saved(ACCOUNT, {}, { at: "/compte", notice: "Votre session est prolongée." });
};

export const closeOne: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: userId, tenantId } = req.user!;
  const id = z.uuid().parse(req.params.id);
  await req.db.note(tenantId, async (em) => {
    if (!(await closeSession(em, { userId, id }))) {
      throw new NotFound("Cette session n’est plus ouverte. Revenez à votre compte pour voir celles qui le sont.");
    }
    noteSecurity(em, req, { kind: "session.closed", userId, detail: { closed: 1 } });
  });
  const mine = id === req.user!.sessionId;
  res.saved(ACCOUNT, {}, { at: mine ? "/connexion" : "/compte", notice: "La session est fermée." });
};

export const closeOthers: RequestHandler = async (req, res) => {
  const { id: userId, sessionId, tenantId } = req.user!;
  const closed = await req.db.note(tenantId, async (em) => {
    const count = await closeSessions(em, { userId, keep: sessionId });
    if (count > 0) noteSecurity(em, req, { kind: "session.closed", userId, detail: { closed: count } });
    return count;
  });
  const notice =
    closed === 0
      ? "Aucune autre session n’était ouverte."
      : closed === 1
        ? "L’autre session est fermée."
        : `Les ${closed} autres sessions sont fermées.`;
  res.saved(ACCOUNT, {}, { at: "/compte", notice });
};

/**
 * The identifier of a session is renewed when the rights of its person have changed [ACC-10, P18]. The row stays the
 * same, with its ends; only what the browser holds changes. Comes right after the session middlewares.
 */
export const renewOnNewRights: RequestHandler = async (req, _res, next) => {
  const { user, session } = req;
  if (!user) return next();
  const rights = rightsOf(user.roles, user.secondFactor === "active");
  if (session.rights === rights) return next();
  const { cookie, ...kept } = session;
  const from = hashOf(req.sessionID);
  // What express-session itself does to regenerate, without destroying the row.
  (req.sessionStore as unknown as { generate(request: typeof req): void }).generate(req);
  Object.assign(req.session, kept, { rights });
  if (cookie.originalMaxAge) req.session.cookie.maxAge = cookie.originalMaxAge;
  await renameSession(req.db, user.tenantId, from, hashOf(req.sessionID));
  next();
};
