import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { CannotOpen, close, keyIdOf, open } from "../../platform/cipher.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { type Form, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { countRecoveryCodes } from "../recovery-code.ts";
import {
  drawKey,
  enrolSecondFactor,
  isTelephoneCode,
  keyUri,
  removeSecondFactor,
  renewRecoveryCodes,
  SecondFactor,
} from "../second-factor.ts";
import { noteSecurity } from "../security-event.ts";
import { CODE_REFUSED, CODE_SHAPES, proveCode, readCode } from "../sign-in-code.ts";
import { aboutUser, User } from "../user.ts";
import { qrOf } from "./qr.ts";

const STATE = { page: "accounts/second-factor/show" };
const NEW = { page: "accounts/second-factor/new" };
const CODES = { page: "accounts/second-factor/codes" };
const AT = "/compte/double-authentification";

const TITLE = "Double authentification";
const ACCOUNT = [
  { label: "Accueil", href: "/" },
  { label: "Mon compte", href: "/compte" },
];
const CRUMBS = [...ACCOUNT, { label: TITLE, href: AT }];

const Nothing = z.object({});
const RemovalForm = z.object({
  code: z
    .string()
    .refine((text) => readCode(text) !== null, CODE_SHAPES)
    .describe("Code"),
});

export const show: RequestHandler = async (req, res) => {
  res.show(STATE, await statePage(req, { values: {} }));
};

async function statePage(req: Request, form: object) {
  const { id, tenantId } = req.user!;
  const shown = await read(req, async (em) => ({
    factor: await em.findOne(SecondFactor, { tenantId, id }),
    left: await countRecoveryCodes(em, id),
  }));
  const since = shown.factor?.confirmedAt ?? null;
  return { title: TITLE, crumbs: [...ACCOUNT, { label: TITLE }], since, left: shown.left, form };
}

/** A key nobody has yet: kept by no one but the page, closed for this very session, until a code proves it. */
export const new_: RequestHandler = (req, res) => {
  res.show(NEW, enrolmentPage(req, drawKey(), { values: {} }));
};

const ENROLMENT_MS = 30 * 60_000;
const USE = "enrolment";
const holderOf = ({ user }: Request) => `${user!.tenantId}:${user!.id}:${user!.sessionId}`;

function enrolmentPage(req: Request, key: string, form: object) {
  const { email, tenant, secondFactor } = req.user!;
  const uri = keyUri(key, { email, tenant: tenant.name });
  const kept = JSON.stringify({ key, until: req.now.getTime() + ENROLMENT_MS });
  return {
    title: secondFactor === "active" ? "Changer de téléphone" : "Activer la double authentification",
    // Who must enrol goes nowhere else until then.
    crumbs:
      secondFactor === "missing"
        ? []
        : [...CRUMBS, { label: secondFactor === "active" ? "Changer de téléphone" : "Activer" }],
    missing: secondFactor === "missing",
    uri,
    qr: qrOf(uri),
    key: key.replace(/.{4}(?=.)/g, "$& "),
    ticket: close(req.config.secret, USE, kept, holderOf(req)).bytes.toString("base64url"),
    form,
  };
}

const EnrolmentForm = z.object({
  ticket: z.string().describe("Clé de cette page"),
  code: z.string().refine(isTelephoneCode, "Écrivez les six chiffres que votre application affiche.").describe("Code"),
});

/** The answer holds the ten recovery codes, the only time they are seen [ACC-12]. */
export const create: RequestHandler = async (req, res) => {
  const { id, name } = req.user!;
  const { secret } = req.config;
  const key = readTicket(req);
  const form = await submit(
    req,
    EnrolmentForm,
    { ...said(req, "user.second_factor_enrolled", `Double authentification ${fr.of(name)}`) },
    async ({ code }, em) => {
      if (!key) throw new RuleBroken("Cette page a trop attendu : voici une nouvelle clé, à lire de nouveau.", "code");
      const user = await em.findOneOrFail(User, { id });
      const replaced = req.user!.secondFactor === "active";
      const codes = await enrolSecondFactor(em, user, { key, code }, { secret, now: req.now });
      noteSecurity(em, req, { kind: "factor.enrolled", userId: id, detail: { replaced } });
      return codes;
    },
  );
  if (form.errors) {
    const { ticket, ...errors } = form.errors;
    const shown = { ...form, errors: { ...errors, ...(ticket && { form: ticket }) } };
    return res.show(NEW, enrolmentPage(req, key ?? drawKey(), shown));
  }
  res.show(CODES, codesPage(req, form.result, "La double authentification est active"));
};

function readTicket(req: Request): string | null {
  const sent: unknown = req.body?.ticket;
  if (typeof sent !== "string") return null;
  const { secret } = req.config;
  try {
    const closed = { keyId: keyIdOf(secret), bytes: Buffer.from(sent, "base64url") };
    const { key, until } = JSON.parse(open(secret, USE, closed, holderOf(req))) as { key: string; until: number };
    return until > req.now.getTime() ? key : null;
  } catch (error) {
    if (error instanceof CannotOpen) return null;
    throw error;
  }
}

/** Ten others, when the list is lost or nearly used up; the password was asked again [ACC-11]. */
export const renewCodes: RequestHandler = async (req, res) => {
  const { id, name } = req.user!;
  const form = await submit(
    req,
    Nothing,
    said(req, "user.recovery_codes_renewed", `Nouveaux codes de récupération ${fr.of(name)}`),
    async (_values, em) => {
      const codes = await renewRecoveryCodes(em, await em.findOneOrFail(User, { id }));
      noteSecurity(em, req, { kind: "factor.renewed", userId: id });
      return codes;
    },
  );
  if (form.errors) return res.show(STATE, await statePage(req, form));
  res.show(CODES, codesPage(req, form.result, "Les codes d’avant ne servent plus"));
};

const codesPage = (req: Request, codes: string[], head: string) => ({
  title: "Codes de récupération",
  crumbs: [...CRUMBS, { label: "Codes de récupération" }],
  head,
  codes,
  email: req.user!.email,
});

/** With a code of the telephone or of the list, however recent the sign-in: a session left open is not enough [ACC-11]. */
export const remove: RequestHandler = async (req, res) => {
  const { id, tenantId, name } = req.user!;
  const form: Form<void> = await submit(
    req,
    RemovalForm,
    {
      ...said(req, "user.second_factor_removed", `Retrait de la double authentification ${fr.of(name)}`),
      async before({ code }) {
        const { secret } = req.config;
        const proved = await proveCode(req.db, { tenantId, userId: id }, readCode(code)!, req, {
          secret,
          now: req.now,
          isStepUp: true,
        });
        if (!proved) throw new RuleBroken(CODE_REFUSED, "code");
      },
    },
    async (_values, em) => {
      await removeSecondFactor(em, await em.findOneOrFail(User, { id }));
      noteSecurity(em, req, { kind: "factor.removed", userId: id });
    },
  );
  if (form.errors) return res.show(STATE, await statePage(req, form));
  res.saved(STATE, {}, { at: AT, notice: "La double authentification est retirée de votre compte." });
};

const said = (req: Request, code: string, label: string) => ({
  code,
  label,
  subject: () => aboutUser({ id: req.user!.id }),
  at: AT,
});
