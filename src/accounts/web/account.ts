import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { ownOrigins } from "../../platform/http/origin.ts";
import { ownPath } from "../../platform/http/safe-path.ts";
import { fr } from "../../platform/text/index.ts";
import { changePassword } from "../credential.ts";
import { deviceOf } from "../device.ts";
import { passwordHint } from "../password.ts";
import { groupsOf } from "../queries/groups.ts";
import { listSecurityEvents } from "../queries/security-log.ts";
import { editPreferences, findUserLine, findUserNames, type UserLine } from "../queries/users.ts";
import { countRecoveryCodes } from "../recovery-code.ts";
import { ROLES } from "../roles.ts";
import { noteSecurity } from "../security-event.ts";
import { openSessions, Session } from "../session.ts";
import { provePassword } from "../sign-in.ts";
import { aboutUser, User } from "../user.ts";
import { choosePassword } from "./new-password.ts";
import { lastSignInOf, told } from "./security-words.ts";

const VIEW = { page: "accounts/account/show" };
const PASSWORD = { page: "accounts/account/password" };
const EVENTS_SHOWN = 20;
const HOME = { label: "Accueil", href: "/" };

export const show: RequestHandler = async (req, res) => {
  const user = req.user!;
  const shown = await read(req, async (em) => {
    const sessions = await em.find(Session, openSessions(user.id, req.now), { orderBy: { lastSeenAt: "desc" } });
    const { rows } = await listSecurityEvents(
      em,
      { userId: user.id, zone: user.tenant.zone },
      { mark: null, size: EVENTS_SHOWN },
    );
    const names = await findUserNames(
      em,
      rows.flatMap(({ userId, actorId }) => [userId, actorId].filter((id) => id !== null)),
    );
    return {
      sessions: sessions.map((session) => ({
        id: session.id,
        device: deviceOf(session.userAgent),
        address: session.address,
        stay: session.stay,
        createdAt: session.createdAt,
        lastSeenAt: session.lastSeenAt,
        current: session.id === user.sessionId,
      })),
      events: rows.map((row) => told(row, names, user.id)),
      ...ofAccount((await findUserLine(em, user.id))!),
      groups: await groupsOf(em, user.id),
      codesLeft: user.secondFactor === "active" ? await countRecoveryCodes(em, user.id) : null,
    };
  });
  res.show(VIEW, {
    title: "Mon compte",
    crumbs: [HOME, { label: "Mon compte" }],
    ...shown,
    roles: ROLES.filter(({ code }) => user.roles.includes(code)),
    form: { values: {} },
  });
};

const ofAccount = (line: UserLine) => ({ lastSignIn: lastSignInOf(line), department: line.department });

const Preferences = z.object({
  theme: z.enum(["system", "light", "dark"]).optional().describe("Thème"),
  density: z.enum(["comfort", "compact"]).optional().describe("Densité des tableaux"),
  shortcuts: z.enum(["oui", "non"]).optional().describe("Raccourcis clavier"),
  live: z.enum(["oui", "non"]).optional().describe("Actualisation des pages"),
});

/** Sent from the header, from a table or from the account page: only what is given changes, and one stays where one was. */
export const updatePreferences: RequestHandler = async (req, res) => {
  const { id, name } = req.user!;
  const at = ownPath(req.headers.referer, ownOrigins(req)) ?? "/compte";
  const form = await submit(
    req,
    Preferences,
    { code: "user.preferences_changed", label: `Préférences ${fr.of(name)}`, subject: () => aboutUser({ id }), at },
    ({ shortcuts, live, theme, density }, em) =>
      editPreferences(em, id, {
        theme,
        density,
        shortcuts: shortcuts && shortcuts === "oui",
        live: live && live === "oui",
      }),
  );
  if (form.errors) throw new RuleBroken(Object.values(form.errors)[0]!);
  res.saved(VIEW, {}, { at, notice: "Vos préférences sont enregistrées.", undo: true });
};

export const editPassword: RequestHandler = (req, res) => {
  res.show(PASSWORD, passwordPage(req, { values: {} }));
};

const passwordPage = (req: Request, form: object) => ({
  title: "Changer mon mot de passe",
  crumbs: [HOME, { label: "Mon compte", href: "/compte" }, { label: "Mot de passe" }],
  hint: passwordHint(req.user!.tenant.passwordPreset),
  form,
});

const PasswordForm = z.object({
  oldPassword: z.string().min(1, "Écrivez votre mot de passe actuel.").describe("Mot de passe actuel"),
  newPassword: z.string().min(1, "Choisissez un nouveau mot de passe.").describe("Nouveau mot de passe"),
});

/** The old password is asked and counted like a sign-in; the other sessions close with the change [ACC-8]. */
export const updatePassword: RequestHandler = async (req, res) => {
  const { id, tenantId, name, sessionId, givenName, familyName, email, tenant } = req.user!;
  const problems = await passwordProblems();
  const form = await submit(
    req,
    PasswordForm,
    {
      code: "user.password_changed",
      label: `Changement du mot de passe ${fr.of(name)}`,
      subject: () => aboutUser({ id }),
      at: "/compte",
    },
    async (_values, em) => {
      if ("field" in problems) throw new RuleBroken(problems.problem, problems.field);
      const user = await em.findOneOrFail(User, { id });
      await changePassword(em, user, problems.hash, { keepSession: sessionId, now: req.now });
      noteSecurity(em, req, { kind: "password.changed", userId: id });
    },
  );
  if (form.errors) return res.show(PASSWORD, passwordPage(req, form));
  res.saved(
    PASSWORD,
    {},
    { at: "/compte", notice: "Votre mot de passe est changé ; vos autres sessions sont fermées." },
  );

  // Before the transaction: comparing and hashing take a while, and a failure must count even though nothing is saved.
  async function passwordProblems(): Promise<{ hash: string } | { field: string; problem: string }> {
    const { oldPassword, newPassword } = req.body as Record<string, unknown>;
    if (typeof oldPassword !== "string" || oldPassword === "") {
      return { field: "oldPassword", problem: "Écrivez votre mot de passe actuel." };
    }
    const about = { preset: tenant.passwordPreset, names: [givenName, familyName], email, tenant: tenant.name };
    const chosen = await choosePassword(req, "newPassword", about);
    if ("problem" in chosen) return { field: "newPassword", problem: chosen.problem };
    if (!(await provePassword(req.db, { tenantId, userId: id }, oldPassword, req))) {
      return {
        field: "oldPassword",
        problem: "Ce n’est pas votre mot de passe actuel. Après cinq échecs, le compte attend quinze minutes.",
      };
    }
    if (newPassword === oldPassword) {
      return { field: "newPassword", problem: "C’est le même mot de passe. Choisissez-en un autre." };
    }
    return chosen;
  }
};
