import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { readFields } from "../../platform/http/fields.ts";
import { frenchProblem } from "../../platform/http/problems.ts";
import { hashToken } from "../access-link.ts";
import { hasSuperAdmin, setUpInstance } from "../instance.ts";
import { DEAD_LINK } from "../invitation.ts";
import { hashPassword, passwordHint } from "../password.ts";
import { tidyTenantName, ZONES } from "../tenant.ts";
import { tidyIdentity } from "../user.ts";
import { choosePassword } from "./new-password.ts";

const VIEW = { page: "accounts/installation/new" };
const DONE = { page: "accounts/installation/done" };

const SetUpForm = z.object({
  givenName: z.string().trim().min(1, "Écrivez votre prénom.").describe("Prénom"),
  familyName: z.string().trim().min(1, "Écrivez votre nom.").describe("Nom"),
  email: z.string().trim().min(1, "Écrivez votre adresse électronique.").describe("Adresse électronique"),
  password: z.string().min(1, "Choisissez un mot de passe.").describe("Mot de passe"),
  organisation: z.string().trim().min(1, "Écrivez le nom de votre organisation.").describe("Organisation"),
  zone: z.enum(ZONES as [string, ...string[]], "Choisissez un fuseau horaire de la liste.").describe("Fuseau horaire"),
  who: z.enum(["me", "other"], "Dites qui administre l’organisation.").describe("Administration"),
  adminGivenName: z.string().trim().optional().describe("Prénom"),
  adminFamilyName: z.string().trim().optional().describe("Nom"),
  adminEmail: z.string().trim().optional().describe("Adresse électronique"),
});

export const show: RequestHandler<{ token: string }> = async (req, res) => {
  await openLinkOf(req);
  res.show(VIEW, shown(req, { values: { zone: "Europe/Paris", who: "me" } }));
};

/** One submission: super-admin, first organisation, its administrator; then the link is dead for ever [INS-1]. */
export const create: RequestHandler<{ token: string }> = async (req, res) => {
  const linkId = await openLinkOf(req);
  const { typed, input, problems } = readFields(SetUpForm, req.body);
  const parsed = SetUpForm.safeParse(input, { error: frenchProblem });
  const refuse = (errors: Record<string, string>) => res.show(VIEW, shown(req, { values: typed, errors }));
  if (!parsed.success || Object.keys(problems).length > 0) {
    const missing = parsed.error?.issues.map(({ path, message }) => [String(path[0]), message] as const) ?? [];
    return refuse({ ...Object.fromEntries(missing), ...problems });
  }
  const { organisation, zone, who, ...values } = parsed.data;
  const identity = { givenName: values.givenName, familyName: values.familyName, email: values.email };
  const other = {
    givenName: values.adminGivenName ?? "",
    familyName: values.adminFamilyName ?? "",
    email: values.adminEmail ?? "",
  };
  const refusals = {
    ...refusalOf(() => tidyIdentity(identity), String),
    ...refusalOf(
      () => tidyTenantName(organisation),
      () => "organisation",
    ),
    ...(who === "other" && refusalOf(() => tidyIdentity(other), ofAdmin)),
  };
  if (Object.keys(refusals).length > 0) return refuse(refusals);
  const chosen = await choosePassword(req, "password", {
    preset: "robustesse",
    names: [identity.givenName, identity.familyName],
    email: identity.email,
    tenant: organisation,
  });
  if ("problem" in chosen) return refuse({ password: chosen.problem });
  const admin =
    who === "me"
      ? // The same password, with a salt of its own: nothing in the base says that the two accounts are one person.
        { passwordHash: await hashPassword(values.password) }
      : other;
  const { invitation } = await setUpInstance(
    req.db,
    {
      linkId,
      superAdmin: { ...identity, passwordHash: chosen.hash },
      organisation: { name: organisation, zone },
      admin,
    },
    { from: req, now: req.now, requestId: req.id },
  );
  res.show(DONE, {
    title: "Instance prête",
    organisation,
    email: identity.email,
    adminName: who === "me" ? null : `${values.adminGivenName} ${values.adminFamilyName}`,
    link: invitation && `${req.config.publicUrl}/invitation/${invitation}`,
  });
};

/** What the verb would refuse, under the name the form gives it. */
function refusalOf(check: () => unknown, named: (field: string) => string): Record<string, string> {
  try {
    check();
    return {};
  } catch (error) {
    if (!(error instanceof RuleBroken)) throw error;
    return { [named(error.field ?? "form")]: error.message };
  }
}

const ofAdmin = (field: string) => `admin${field[0]!.toUpperCase()}${field.slice(1)}`;

const shown = (req: Request<{ token: string }>, form: object) => ({
  title: "Installation",
  action: `/installation/${req.params.token}`,
  hint: passwordHint("robustesse"),
  zones: ZONES,
  form,
});

/** Unknown, used, replaced, expired, or simply too late: one answer. */
async function openLinkOf(req: Request<{ token: string }>): Promise<string> {
  const [row] = await req.db.lookup<{ id: string; purpose: string; open: boolean }>("access_link", [
    hashToken(req.params.token),
  ]);
  if (!row?.open || row.purpose !== "setup" || (await hasSuperAdmin(req.db))) throw new NotFound(DEAD_LINK);
  return row.id;
}
