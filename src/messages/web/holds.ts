import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { submit } from "../../platform/http/forms.ts";
import { holdInForce, releaseHold } from "../../platform/mail/hold.ts";
import { dropWaiting } from "../../platform/mail/queries.ts";
import { fr } from "../../platform/text/index.ts";
import { showServer } from "./server.ts";

const VIEW = { page: "messages/server/show" };
const AT = "/instance/messagerie";
const NONE = "Les envois ne sont pas retenus\u00a0: il n’y a rien à faire.";
const WHY = "Abandonné après une restauration.";

/** Lets leave all that waits, once somebody has looked at it. */
export const release: RequestHandler = async (req, res) => {
  const form = await endHold(req, "Reprise des envois après une restauration");
  if (form.errors) return showServer(req, res, null, form);
  res.saved(VIEW, {}, { at: AT, notice: "Les envois reprennent." });
};

/** Gives up what waited when the backup was taken, in every organisation, each told in its own history; then sending resumes. */
export const drop: RequestHandler = async (req, res) => {
  const hold = await holdInForce(req.db);
  let count = 0;
  if (hold) {
    for (const { id } of await req.db.lookup<{ id: string }>("tenants")) count += await dropIn(req, id, hold.heldAt);
  }
  const form = await endHold(req, "Reprise des envois, les messages en attente abandonnés");
  if (form.errors) return showServer(req, res, null, form);
  const notice = `${fr.count(count, "message abandonné", "messages abandonnés")}. Les envois reprennent.`;
  res.saved(VIEW, {}, { at: AT, notice });
};

const endHold = (req: Request, label: string) => {
  const { id: by, tenantId } = req.user!;
  const act = { code: "mail.released", label, subject: () => ({ type: "tenant", id: tenantId }), at: AT };
  return submit(req, z.object({}), act, async (_values, em) => {
    if ((await releaseHold(em, { by, now: req.now })) === 0) throw new RuleBroken(NONE);
    record(em, "mail.released", { type: "tenant", id: tenantId }, { by });
  });
};

function dropIn(req: Request, tenantId: string, until: Date): Promise<number> {
  const { id: by } = req.user!;
  const act = {
    tenantId,
    actorId: by,
    channel: "page" as const,
    code: "mail.waiting_dropped",
    label: "Messages en attente abandonnés après une restauration",
    subject: { type: "tenant", id: tenantId },
    requestId: req.id,
    now: req.now,
  };
  return req.db.act(act, async (em) => {
    const count = await dropWaiting(em, { until, why: WHY });
    if (count > 0) record(em, "mail.waiting_dropped", { type: "tenant", id: tenantId }, { by, count });
    return count;
  });
}
