import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import type { Database } from "../../platform/db/index.ts";
import { record } from "../../platform/events/record.ts";
import { type Form, submit } from "../../platform/http/forms.ts";
import { hashOf } from "../../platform/http/sessions.ts";
import { goTo } from "../../platform/http/show.ts";
import { closeSession } from "../session.ts";
import { openPeople, rightsOf } from "../session-rows.ts";
import { enterOrganisation, renounceSupport, type Visit } from "../support-access.ts";
import { aboutTenant, INSTANCE_ID } from "../tenant.ts";
import { CARD, ORGANISATIONS, organisationOf, showOrganisation } from "./organisations.ts";
import { changeSession } from "./sign-in.ts";

const CHECK_MS = 3_000;
type OfOne = Request<{ id: string }>;

/**
 * Into an organisation that opened a support access, as an account of its own that says so [ROL-2]. The session of the
 * instance ends: one browser is one side or the other. Leaving is signing out.
 */
export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const said = { code: "organisation.supported", label: "Entrée par accès de support dans l’organisation" } as const;
  const form = await inBothHistories(req, said, enterOrganisation);
  if (form.errors) return showOrganisation(req, res, form);
  const { userId, until } = form.result;
  const { tenantId, id, sessionId } = req.user!;
  await req.db.note(tenantId, (em) => closeSession(em, { userId: id, id: sessionId }));
  req.session.opening = { stayDays: 0, until: until.toISOString() };
  req.session.rights = rightsOf(["admin"], false);
  await changeSession(req, { tenantId: req.params.id, id: userId });
  goTo(req, res, "/");
};

/** Done before its hour: nobody of the instance enters any more until the organisation opens another. */
export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const said = { code: "organisation.support_closed", label: "Accès de support fermé dans l’organisation" } as const;
  const form = await inBothHistories(req, said, renounceSupport);
  if (form.errors) return showOrganisation(req, res, form);
  res.saved(CARD, {}, { at: `${ORGANISATIONS}/${req.params.id}`, notice: "L’accès de support est fermé." });
};

/** An act of the instance around that of the organisation, which each side reads at home. */
async function inBothHistories<T>(
  req: OfOne,
  { code, label }: { code: "organisation.supported" | "organisation.support_closed"; label: string },
  act: (db: Pick<Database, "act">, id: string, visit: Visit) => Promise<T>,
): Promise<Form<T>> {
  const { id, name } = await organisationOf(req);
  const by = req.user!;
  const subject = aboutTenant({ id: INSTANCE_ID });
  const said = { code, label: `${label} ${name}`, subject: () => subject, at: `${ORGANISATIONS}/${id}` };
  return submit(req, z.object({}), said, (_values, em) => {
    record(em, code, subject, { organisation: id, by: by.id });
    const visitor = { ...by, hasFactor: by.secondFactor === "active" };
    return act(req.db.within(em), id, { visitor, from: req, now: req.now });
  });
}

/**
 * What a support is in the middle of ends with its access: a long answer or a file on its way is cut within five
 * seconds, as their live pages are by the hub (LIV-6).
 */
export const cutWithSupport: RequestHandler = (req, res, next) => {
  if (req.user?.support) cutOnceClosed(req, res);
  next();
};

function cutOnceClosed(req: Request, res: Response): void {
  const token = hashOf(req.sessionID);
  const timer = setInterval(async () => {
    // The database out of reach is no reason to cut: the next look tells.
    const people = await openPeople(req.db)([token]).catch(() => null);
    if (people?.size === 0) res.destroy();
  }, CHECK_MS);
  timer.unref();
  res.once("close", () => clearInterval(timer));
}
