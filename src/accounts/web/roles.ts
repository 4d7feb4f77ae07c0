import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { explainUser } from "../policy.ts";
import { lastChange } from "../queries/users.ts";
import { roleLabel } from "../roles.ts";
import { noteSecurity } from "../security-event.ts";
import { aboutUser, changeRoles, User } from "../user.ts";
import { rolesHere, USERS, visibleUser } from "./users.ts";

const VIEW = { page: "accounts/users/roles" };
const RolesForm = z.object({ roles: z.array(z.string()).min(1, "Choisissez au moins un rôle.").describe("Rôles") });

export const edit: RequestHandler<{ id: string }> = async (req, res) => {
  const user = await read(req, (em) => visibleUser(em, req, req.params.id));
  res.show(VIEW, shown(req, user, { values: {} }));
};

/** Takes effect at the person's next request [ROL-4]. */
export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `/admin/utilisateurs/${req.params.id}`;
  const form = await submit(
    req,
    RolesForm,
    {
      code: "user.roles_changed",
      label: (_values, user: User) => `Changement des rôles ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      at,
      current: async (em) => {
        const user = await em.findOne(User, { id: req.params.id });
        if (!user) return null;
        const roles = user.roles.map(roleLabel).join(", ");
        return { values: { roles }, version: user.version, ...(await lastChange(em, "app_user", user.id)) };
      },
    },
    async ({ roles }, em, sent) => {
      const user = await visibleUser(em, req, req.params.id);
      await atVersion(em, user, sent);
      const before = user.roles;
      await changeRoles(em, user, roles, { by: { id: by } });
      if (user.roles !== before) {
        const detail = { before, after: user.roles };
        noteSecurity(em, req, { kind: "rights.changed", userId: user.id, actorId: by, detail });
      }
      return user;
    },
  );
  if (form.errors) {
    const user = await read(req, (em) => visibleUser(em, req, req.params.id));
    return res.show(VIEW, shown(req, user, form));
  }
  res.saved(
    VIEW,
    {},
    { at, notice: `Les rôles ${fr.of(form.result.name())} sont changés, dès sa prochaine page.`, undo: true },
  );
};

/** On one's own page the role that cannot be taken off is shown ticked and shut, and sent all the same. */
function shown(req: Request, user: User, form: { values: Record<string, unknown> }) {
  const keeper = req.user!.tenant.kind === "instance" ? "super_admin" : "admin";
  const kept = req.user!.id === user.id && user.roles.includes(keeper) ? keeper : null;
  return {
    title: `Rôles ${fr.of(user.name())}`,
    crumbs: [
      { label: "Accueil", href: "/" },
      USERS,
      { label: user.name(), href: `/admin/utilisateurs/${user.id}` },
      { label: "Rôles" },
    ],
    user,
    name: user.name(),
    chosen: form.values.roles ?? user.roles,
    options: rolesHere(req).map(({ code, label, opens }) => ({
      value: code,
      label,
      hint: opens,
      disabled: code === kept,
    })),
    kept,
    why: kept && explainUser(req.user!, user),
    form,
  };
}
