import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { resetSecondFactor, SecondFactor } from "../second-factor.ts";
import { noteSecurity } from "../security-event.ts";
import { aboutUser, type User } from "../user.ts";
import { USERS, visibleUser } from "./users.ts";

const VIEW = { page: "accounts/users/second-factor-reset" };
const Reason = z.object({
  reason: z
    .string()
    .trim()
    .min(3, "Indiquez le motif, en quelques mots.")
    .max(200, "Raccourcissez le motif à 200 caractères.")
    .describe("Motif"),
});

/** What will happen, before it does [UIX-11]. */
export const new_: RequestHandler<{ id: string }> = async (req, res) => {
  res.show(VIEW, await page(req, { values: {} }));
};

/** For who lost their telephone and their list; the person reads it in the security log of their account [ACC-13]. */
export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `/admin/utilisateurs/${req.params.id}`;
  const form = await submit(
    req,
    Reason,
    {
      code: "user.second_factor_reset",
      label: (_values, user: User) => `Réinitialisation de la double authentification ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      reason: ({ reason }) => reason,
      at,
    },
    async (_values, em) => {
      const user = await visibleUser(em, req, req.params.id);
      await resetSecondFactor(em, user, { by: { id: by } });
      noteSecurity(em, req, { kind: "factor.reset", userId: user.id, actorId: by });
      return user;
    },
  );
  if (form.errors) return res.show(VIEW, await page(req, form));
  const notice = `La double authentification ${fr.of(form.result.name())} est réinitialisée : ses sessions sont fermées.`;
  res.saved(VIEW, {}, { at, notice });
};

async function page(req: Request<{ id: string }>, form: object) {
  const { user, active } = await read(req, async (em) => {
    const user = await visibleUser(em, req, req.params.id);
    return { user, active: (await em.count(SecondFactor, { tenantId: user.tenantId, id: user.id })) > 0 };
  });
  return {
    title: `Réinitialiser la double authentification ${fr.of(user.name())}`,
    crumbs: [
      { label: "Accueil", href: "/" },
      USERS,
      { label: user.name(), href: `/admin/utilisateurs/${user.id}` },
      { label: "Double authentification" },
    ],
    id: user.id,
    name: user.name(),
    own: user.id === req.user!.id,
    active,
    form,
  };
}
