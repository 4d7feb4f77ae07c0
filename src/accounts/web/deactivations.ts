import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { canDeactivate, explainUser } from "../policy.ts";
import { noteSecurity } from "../security-event.ts";
import { openSessions, Session } from "../session.ts";
import { aboutUser, deactivateUser, reactivateUser, type User } from "../user.ts";
import { USERS, visibleUser } from "./users.ts";

const VIEW = { page: "accounts/users/deactivation" };
const BACK = { page: "accounts/users/reactivation" };
const Reason = z.object({
  reason: z.string().trim().max(200, "Raccourcissez le motif à 200 caractères.").optional().describe("Motif"),
});

/** What will happen, before it does [UIX-11]. */
export const new_: RequestHandler<{ id: string }> = async (req, res) => {
  res.show(VIEW, await deactivationPage(req, { values: {} }));
};

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `/admin/utilisateurs/${req.params.id}`;
  const form = await submit(
    req,
    Reason,
    {
      code: "user.deactivated",
      label: (_values, user: User) => `Désactivation du compte ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      reason: ({ reason }) => reason || undefined,
      at,
    },
    async (_values, em) => {
      const user = await visibleUser(em, req, req.params.id);
      await deactivateUser(em, user, { by: { id: by }, now: req.now });
      noteSecurity(em, req, { kind: "account.deactivated", userId: user.id, actorId: by });
      return user;
    },
  );
  if (form.errors) return res.show(VIEW, await deactivationPage(req, form));
  const notice = `Le compte ${fr.of(form.result.name())} est désactivé : ses sessions et ses liens sont fermés.`;
  res.saved(VIEW, {}, { at, notice, undo: true });
};

async function deactivationPage(req: Request<{ id: string }>, form: object) {
  const { user, sessions } = await read(req, async (em) => {
    const user = await visibleUser(em, req, req.params.id);
    return { user, sessions: await em.count(Session, openSessions(user.id, req.now)) };
  });
  return {
    ...page(user, "Désactiver"),
    title: `Désactiver ${user.name()}`,
    sessions,
    isActive: user.isActive(),
    allowed: canDeactivate(req.user!, user),
    why: explainUser(req.user!, user),
    form,
  };
}

export const edit: RequestHandler<{ id: string }> = async (req, res) => {
  res.show(BACK, await reactivationPage(req, { values: {} }));
};

export const undo: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `/admin/utilisateurs/${req.params.id}`;
  const form = await submit(
    req,
    Reason,
    {
      code: "user.reactivated",
      label: (_values, user: User) => `Réactivation du compte ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      reason: ({ reason }) => reason || undefined,
      at,
    },
    async (_values, em) => {
      const user = await visibleUser(em, req, req.params.id);
      reactivateUser(em, user, { by: { id: by } });
      noteSecurity(em, req, { kind: "account.reactivated", userId: user.id, actorId: by });
      return user;
    },
  );
  if (form.errors) return res.show(BACK, await reactivationPage(req, form));
  res.saved(BACK, {}, { at, notice: `Le compte ${fr.of(form.result.name())} est de nouveau actif.`, undo: true });
};

async function reactivationPage(req: Request<{ id: string }>, form: object) {
  const user = await read(req, (em) => visibleUser(em, req, req.params.id));
  return { ...page(user, "Réactiver"), title: `Réactiver ${user.name()}`, isActive: user.isActive(), form };
}

const page = (user: User, here: string) => ({
  crumbs: [
    { label: "Accueil", href: "/" },
    USERS,
    { label: user.name(), href: `/admin/utilisateurs/${user.id}` },
    { label: here },
  ],
  id: user.id,
  name: user.name(),
});
