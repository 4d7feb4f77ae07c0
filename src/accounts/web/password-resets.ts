import { createHash } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { readFields } from "../../platform/http/fields.ts";
import { submit } from "../../platform/http/forms.ts";
import { hit } from "../../platform/http/rate.ts";
import { goTo } from "../../platform/http/show.ts";
import { hashToken } from "../access-link.ts";
import { Credential } from "../credential.ts";
import { passwordHint } from "../password.ts";
import { askReset, DEAD_RESET, resetPassword } from "../reset.ts";
import { noteSecurity } from "../security-event.ts";
import { Tenant } from "../tenant.ts";
import { aboutUser, tidyEmail, User } from "../user.ts";
import { choosePassword } from "./new-password.ts";

const ASK = { page: "accounts/resets/new" };
const ASKED = { page: "accounts/resets/asked" };
const VIEW = { page: "accounts/resets/show" };

const PER_NETWORK = { limit: 20, windowSeconds: 900 };
/** Messages to one mailbox; beyond, nothing more is written and the answer stays the same. */
const MOST_PER_ADDRESS = 3;
const ADDRESS_SECONDS = 3_600;

export const new_: RequestHandler = (req, res) => showAsk(req, res, { values: {} });

function showAsk(req: Request, res: Response, form: object): void {
  res.show(ASK, { title: "Mot de passe oublié", sendsMail: req.config.sendsMail === true, form });
}

const AskForm = z.object({ email: z.string().describe("Adresse électronique") });

/** One answer for every address, after the same work [ACC-8]; no act: an account changes only when its link is used. */
export const create: RequestHandler = async (req, res) => {
  await hit(req, "reset", PER_NETWORK);
  const { typed, input } = readFields(AskForm, req.body);
  const email = typeof input.email === "string" ? tidyEmail(input.email) : "";
  const refuse = (errors: Record<string, string>) => showAsk(req, res, { values: typed, errors });
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 254) {
    return refuse({ email: "Écrivez votre adresse entière, par exemple prenom.nom@exemple.fr." });
  }
  const mailbox = createHash("sha256").update(email).digest("hex").slice(0, 32);
  const asked = await req.count(`reset-of:${mailbox}`, ADDRESS_SECONDS, req.now);
  if (asked <= MOST_PER_ADDRESS) await askReset(req.db, email, req);
  goTo(req, res, "/mot-de-passe-oublie/demande");
};

export const asked: RequestHandler = (req, res) => {
  res.show(ASKED, { title: "Demande reçue", sendsMail: req.config.sendsMail === true });
};

/** What mail scanners open changes nothing: the page only shows whose password it is [ACC-9, P50]. */
export const show: RequestHandler<{ token: string }> = async (req, res) => {
  const { user, tenant } = await resetting(req);
  res.show(VIEW, shown(user, tenant, { values: {} }, req));
};

const PasswordForm = z.object({
  password: z.string().min(1, "Choisissez un mot de passe.").describe("Nouveau mot de passe"),
});

export const update: RequestHandler<{ token: string }> = async (req, res) => {
  const { link, user, tenant } = await resetting(req);
  const chosen = await choosePassword(req, "password", {
    preset: tenant.passwordPreset,
    names: [user.givenName, user.familyName],
    email: user.email,
    tenant: tenant.name,
  });
  const act = {
    code: "user.password_reset",
    label: "Mot de passe oublié, un nouveau est choisi",
    subject: () => aboutUser(user),
    tenantId: tenant.id,
    actorId: user.id,
    at: "/connexion",
  };
  const form = await submit(req, PasswordForm, act, async (_values, em) => {
    if ("problem" in chosen) throw new RuleBroken(chosen.problem, "password");
    await resetPassword(em, link, { passwordHash: chosen.hash, now: req.now });
    noteSecurity(em, req, { kind: "password.reset", userId: user.id, tenantId: tenant.id });
  });
  if (form.errors) return res.show(VIEW, shown(user, tenant, form, req));
  const notice = "Votre mot de passe est changé et vos sessions sont fermées. Connectez-vous.";
  res.saved(VIEW, {}, { at: "/connexion", notice });
};

const shown = (user: User, tenant: Tenant, form: object, req: Request<{ token: string }>) => ({
  title: "Nouveau mot de passe",
  action: `/nouveau-mot-de-passe/${req.params.token}`,
  email: user.email,
  tenantName: tenant.name,
  hint: passwordHint(tenant.passwordPreset),
  form,
});

/** Whose password the token opens; unknown, used, replaced and expired are told the same [P49]. */
async function resetting(req: Request<{ token: string }>): Promise<{ link: string; user: User; tenant: Tenant }> {
  const [row] = await req.db.lookup<{
    tenant_id: string;
    id: string;
    user_id: string | null;
    purpose: string;
    open: boolean;
  }>("access_link", [hashToken(req.params.token)]);
  if (!row?.open || row.purpose !== "reset" || row.user_id === null) throw new NotFound(DEAD_RESET);
  const { tenant_id: tenantId, user_id: id, id: link } = row;
  return req.db.read(tenantId, async (em) => {
    const user = await em.findOne(User, { tenantId, id });
    const settled = await em.count(Credential, { tenantId, id });
    if (!user?.isActive() || settled === 0) throw new NotFound(DEAD_RESET);
    return { link, user, tenant: await em.findOneOrFail(Tenant, { tenantId, id: tenantId }) };
  });
}
