import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { hashToken } from "../access-link.ts";
import { Credential } from "../credential.ts";
import { acceptInvitation, DEAD_LINK } from "../invitation.ts";
import { passwordHint } from "../password.ts";
import { noteSecurity } from "../security-event.ts";
import { Tenant } from "../tenant.ts";
import { aboutUser, User } from "../user.ts";
import { choosePassword } from "./new-password.ts";

const VIEW = { page: "accounts/invitations/show" };
const PasswordForm = z.object({ password: z.string().min(1, "Choisissez un mot de passe.").describe("Mot de passe") });

/** What mail scanners open changes nothing: the page only shows who is invited where [ACC-9, P50]. */
export const show: RequestHandler<{ token: string }> = async (req, res) => {
  const { user, tenant } = await invited(req);
  res.show(VIEW, shown(user, tenant, { values: {} }, req));
};

export const accept: RequestHandler<{ token: string }> = async (req, res) => {
  const { link, user, tenant } = await invited(req);
  const chosen = await choosePassword(req, "password", {
    preset: tenant.passwordPreset,
    names: [user.givenName, user.familyName],
    email: user.email,
    tenant: tenant.name,
  });
  const act = {
    code: "invitation.accepted",
    label: "Invitation acceptée, mot de passe choisi",
    subject: () => aboutUser(user),
    tenantId: tenant.id,
    actorId: user.id,
    at: "/connexion",
  };
  const form = await submit(req, PasswordForm, act, async (_values, em) => {
    if ("problem" in chosen) throw new RuleBroken(chosen.problem, "password");
    await acceptInvitation(em, link, { passwordHash: chosen.hash, now: req.now });
    noteSecurity(em, req, { kind: "password.chosen", userId: user.id, tenantId: tenant.id });
  });
  if (form.errors) return res.show(VIEW, shown(user, tenant, form, req));
  res.saved(
    VIEW,
    {},
    { at: "/connexion", notice: "Votre mot de passe est enregistré. Connectez-vous avec votre adresse." },
  );
};

const shown = (user: User, tenant: Tenant, form: object, req: Request<{ token: string }>) => ({
  title: `Invitation ${fr.of(tenant.name)}`,
  action: `/invitation/${req.params.token}`,
  name: user.name(),
  email: user.email,
  tenantName: tenant.name,
  hint: passwordHint(tenant.passwordPreset),
  form,
});

/** Whom the token invites; unknown, used, withdrawn and expired are told the same [P49]. */
async function invited(req: Request<{ token: string }>): Promise<{ link: string; user: User; tenant: Tenant }> {
  const [row] = await req.db.lookup<{
    tenant_id: string;
    id: string;
    user_id: string | null;
    purpose: string;
    open: boolean;
  }>("access_link", [hashToken(req.params.token)]);
  if (!row?.open || row.purpose !== "invitation" || row.user_id === null) throw new NotFound(DEAD_LINK);
  const { tenant_id: tenantId, user_id: id, id: link } = row;
  return req.db.read(tenantId, async (em) => {
    const user = await em.findOne(User, { tenantId, id });
    const settled = await em.count(Credential, { tenantId, id });
    if (!user?.isActive() || settled > 0) throw new NotFound(DEAD_LINK);
    return { link, user, tenant: await em.findOneOrFail(Tenant, { tenantId, id: tenantId }) };
  });
}
