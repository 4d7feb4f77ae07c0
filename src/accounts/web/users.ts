import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { atVersion, type Current, query, read, submit } from "../../platform/http/forms.ts";
import { undoPath } from "../../platform/http/show.ts";
import { messagesTo } from "../../platform/mail/queries.ts";
import { MAIL_STATE_WORDS } from "../../platform/mail/words.ts";
import type { Registry } from "../../platform/registry.ts";
import { fr } from "../../platform/text/index.ts";
import { AccessLink } from "../access-link.ts";
import { deviceOf } from "../device.ts";
import { type Invited, inviteUser, inviteUserByMail, renewInvitation, renewInvitationByMail } from "../invitation.ts";
import { allows } from "../permissions.ts";
import { canDeactivate, explainUser, visibleUsers } from "../policy.ts";
import { groupsOf } from "../queries/groups.ts";
import {
  findUserLine,
  findUserNames,
  isUserOrder,
  lastChange,
  listUsers,
  USER_STATES,
  type UserLine,
  type UserOrder,
  type UserState,
} from "../queries/users.ts";
import { mailReset, offerReset } from "../reset.ts";
import { ROLES, TENANT_ROLES } from "../roles.ts";
import { noteSecurity } from "../security-event.ts";
import { openSessions, Session } from "../session.ts";
import { forgetCodeFailures } from "../sign-in-guard.ts";
import { aboutUser, editUser, User } from "../user.ts";
import { goesByMail, HANDED } from "./handing.ts";
import { lastSignInOf } from "./security-words.ts";

const LIST = { page: "accounts/users/index", part: "accounts/users/_list" };
const CARD = { page: "accounts/users/show" };
const NEW = { page: "accounts/users/new" };
const EDIT = { page: "accounts/users/edit" };
const INVITED = { page: "accounts/users/invited" };
const OFFERED = { page: "accounts/users/password" };
const AT = "/admin/utilisateurs";
const MESSAGES_SHOWN = 10;

const HOME = { label: "Accueil", href: "/" };
export const USERS = { label: "Utilisateurs", href: AT };

const Filters = z.object({
  q: z.string().max(200).optional(),
  role: z.string().max(30).optional(),
  etat: z.string().max(20).optional(),
  tri: z.string().max(10).optional(),
  sens: z.enum(["croissant", "decroissant"]).optional(),
  page: z.string().max(600).optional(),
});

const isState = (text: string | undefined): text is UserState => text !== undefined && Object.hasOwn(USER_STATES, text);

/** The roles that exist where this person works. */
export const rolesHere = (req: Request) =>
  req.user!.tenant.kind === "instance" ? ROLES.filter(({ code }) => code === "super_admin") : TENANT_ROLES;

/** The person's own tenant decides who is visible; another's account does not exist [TEN-2]. */
export async function visibleUser(em: EntityManager, req: Request, id: string): Promise<User> {
  const user = await em.findOne(User, { $and: [{ id }, visibleUsers(req.user!)] });
  if (!user) throw new NotFound("Ce compte n’existe pas dans votre organisation. Revenez à la liste des utilisateurs.");
  return user;
}

export const index: RequestHandler = async (req, res) => {
  const { q, role, etat, tri, sens, page } = query(req, Filters);
  const order: UserOrder = isUserOrder(tri) ? tri : "name";
  const descending = sens === "decroissant";
  const state = isState(etat) ? etat : undefined;
  const found = await read(req, (em) => listUsers(em, { q, role, state }, { order, descending, mark: readMark(page) }));
  const filters = { q, role, etat: state };
  const sorted = {
    ...filters,
    tri: order === "name" ? undefined : order,
    sens: descending ? "decroissant" : undefined,
  };
  res.show(LIST, {
    title: "Utilisateurs",
    crumbs: [HOME, { label: "Utilisateurs" }],
    users: found.rows.map(withState),
    total: found.total,
    form: { values: { q: q ?? "", role: role ?? "", etat: state ?? "" } },
    roles: rolesHere(req).map(({ code, label }) => ({ value: code, label })),
    states: Object.entries(USER_STATES).map(([value, { label }]) => ({ value, label })),
    active: Object.values(filters).filter(Boolean).length,
    previous: found.before && withQuery(AT, { ...sorted, page: writeMark(found.before) }),
    next: found.after && withQuery(AT, { ...sorted, page: writeMark(found.after) }),
    sorts: Object.fromEntries(
      (["name", "email", "seen"] as const).map((one) => [
        one,
        {
          order: one !== order ? "none" : descending ? "descending" : "ascending",
          href: withQuery(AT, { ...filters, tri: one, sens: one === order && !descending ? "decroissant" : undefined }),
        },
      ]),
    ),
  });
};

const withState = (line: UserLine) => ({
  ...line,
  badge: USER_STATES[line.state],
  roles: ROLES.filter(({ code }) => line.roles.includes(code)),
});

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

/** The account's page; with the refusal at its head when an act without fields of its own was refused. */
export async function showCard(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const shown = await read(req, async (em) => {
    const user = await visibleUser(em, req, req.params.id);
    const links = await em.find(AccessLink, { user: { id: user.id } }, { orderBy: { id: "desc" }, limit: 5 });
    const names = await findUserNames(
      em,
      links.flatMap(({ createdById }) => createdById ?? []),
    );
    const { mails } = req.app.locals.registry as Registry;
    return {
      messages: (await messagesTo(em, aboutUser(user), { size: MESSAGES_SHOWN })).map((line) => ({
        ...line,
        what: mails.get(line.kind)?.label ?? "Genre disparu",
        badge: MAIL_STATE_WORDS[line.state],
      })),
      user: withState((await findUserLine(em, user.id))!),
      groups: await groupsOf(em, user.id),
      devices: (await em.find(Session, openSessions(user.id, req.now), { orderBy: { lastSeenAt: "desc" } })).map(
        ({ userAgent, lastSeenAt }) => ({ device: deviceOf(userAgent), lastSeenAt }),
      ),
      links: links.map((link) => ({
        by: link.createdById ? names.get(link.createdById) : "Système",
        createdAt: link.createdAt,
        expiresAt: link.expiresAt,
        state: stateOfLink(link, req.now),
        at: link.usedAt ?? link.revokedAt,
      })),
    };
  });
  const { user } = shown;
  res.show(CARD, {
    title: user.name,
    crumbs: [HOME, USERS, { label: user.name }],
    ...shown,
    sendsMail: req.config.sendsMail === true,
    lastSignIn: lastSignInOf(user),
    canDeactivate: canDeactivate(req.user!, user),
    why: explainUser(req.user!, user),
    mayManageGroups: allows(req.user!.roles, "groups.manage"),
    // A page of the directory, known here by its address alone.
    mayTie: allows(req.user!.roles, "scopes.manage"),
    form,
  });
}

const stateOfLink = (link: AccessLink, now: Date) => {
  if (link.usedAt) return { label: "Utilisé", icon: "check", tone: "success" };
  if (link.revokedAt) return { label: "Remplacé", icon: "x", tone: "muted" };
  if (link.isOpen(now)) return { label: "Ouvert", icon: "link", tone: "primary" };
  return { label: "Expiré", icon: "clock", tone: "muted" };
};

const identity = {
  givenName: z.string().trim().min(1, "Écrivez le prénom.").max(100).describe("Prénom"),
  familyName: z.string().trim().min(1, "Écrivez le nom.").max(100).describe("Nom"),
  email: z.string().trim().min(1, "Écrivez l’adresse électronique.").max(254).describe("Adresse électronique"),
  department: z.string().trim().max(100).default("").describe("Service"),
};
const NewForm = z.object({
  ...identity,
  by: HANDED,
  roles: z.array(z.string()).min(1, "Choisissez au moins un rôle.").describe("Rôles"),
});
const EditForm = z.object(identity);
const Nothing = z.object({});
const Handing = z.object({ by: HANDED });

export const new_: RequestHandler = (req, res) => {
  res.show(NEW, newPage(req, { values: {} }));
};

const newPage = (req: Request, form: object) => ({
  title: "Inviter une personne",
  crumbs: [HOME, USERS, { label: "Inviter une personne" }],
  roles: rolesHere(req),
  tenantName: req.user!.tenant.name,
  sendsMail: req.config.sendsMail === true,
  form,
});

type Handed = Invited | { user: User; token: null };

/** The answer holds the link, the only time it is seen: it is a page of its own, never an address [ACC-7]. */
export const create: RequestHandler = async (req, res) => {
  const { tenantId, id: by } = req.user!;
  const form = await submit(
    req,
    NewForm,
    {
      code: "user.invited",
      label: (_values, { user }: Handed) => `Invitation ${fr.of(user.name())}`,
      subject: (_values, { user }: Handed) => aboutUser(user),
      at: (_values, { user }: Handed) => `${AT}/${user.id}`,
    },
    async ({ by: way, ...values }, em): Promise<Handed> => {
      const said = { tenantId, by: { id: by }, now: req.now };
      const handed = goesByMail(req, way)
        ? { user: await inviteUserByMail(em, values, said), token: null }
        : await inviteUser(em, values, said);
      noteSecurity(em, req, { kind: "invitation.opened", userId: handed.user.id, actorId: by });
      return handed;
    },
  );
  if (form.errors) return res.show(NEW, newPage(req, form));
  handOver(req, res, form.result, { isNew: true });
};

/** The link itself, or the page of the person, whose message waits there. */
function handOver(req: Request, res: Response, handed: Handed, { isNew = false } = {}): void {
  const { user } = handed;
  if (handed.token === null) {
    const notice = `Le compte ${fr.of(user.name())} est prêt. L’invitation est en attente d’envoi à ${user.email}.`;
    // A link made anew is not taken back: what it replaced is dead.
    res.saved(INVITED, {}, { at: `${AT}/${user.id}`, notice, undo: isNew });
  } else res.show(INVITED, { ...invitedPage(req, handed), undoAt: isNew ? undoPath(req) : undefined });
}

/** A link for who lost theirs or let it expire; the former dies. */
export const inviteAgain: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const form = await submit(
    req,
    Handing,
    {
      code: "user.invited",
      label: (_values, { user }: Handed) => `Nouvelle invitation pour ${user.name()}`,
      subject: (_values, { user }: Handed) => aboutUser(user),
      at: `${AT}/${req.params.id}`,
    },
    async ({ by: way }, em): Promise<Handed> => {
      const user = await visibleUser(em, req, req.params.id);
      const said = { by: { id: by }, now: req.now };
      noteSecurity(em, req, { kind: "invitation.opened", userId: user.id, actorId: by });
      if (!goesByMail(req, way)) return renewInvitation(em, user, said);
      await renewInvitationByMail(em, user, said);
      return { user, token: null };
    },
  );
  if (form.errors) return showCard(req, res, form);
  handOver(req, res, form.result);
};

/** A way to a new password for who cannot ask for it alone; whatever second factor the account has stays. */
export const offerPassword: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `${AT}/${req.params.id}`;
  interface Offered {
    user: User;
    offered: { token: string; expiresAt: Date } | null;
  }
  const form = await submit(
    req,
    Handing,
    {
      code: "user.reset_offered",
      label: (_values, { user }: Offered) => `Lien de nouveau mot de passe pour ${user.name()}`,
      subject: (_values, { user }: Offered) => aboutUser(user),
      at,
    },
    async ({ by: way }, em): Promise<Offered> => {
      const user = await visibleUser(em, req, req.params.id);
      noteSecurity(em, req, { kind: "reset.offered", userId: user.id, actorId: by });
      if (!goesByMail(req, way)) return { user, offered: await offerReset(em, user, { by: { id: by }, now: req.now }) };
      await mailReset(em, user, { by: { id: by } });
      return { user, offered: null };
    },
  );
  if (form.errors) return showCard(req, res, form);
  const { user, offered } = form.result;
  if (!offered) {
    const notice = `Un lien de nouveau mot de passe est en attente d’envoi à ${user.email}.`;
    return res.saved(CARD, {}, { at, notice });
  }
  res.show(OFFERED, {
    title: `Nouveau mot de passe ${fr.of(user.name())}`,
    crumbs: [HOME, USERS, { label: user.name(), href: at }, { label: "Nouveau mot de passe" }],
    name: user.name(),
    email: user.email,
    href: at,
    link: `${req.config.publicUrl}/nouveau-mot-de-passe/${offered.token}`,
    expiresAt: offered.expiresAt,
  });
};

const invitedPage = (req: Request, { user, link, token }: Invited) => ({
  title: `Invitation ${fr.of(user.name())}`,
  crumbs: [HOME, USERS, { label: user.name(), href: `${AT}/${user.id}` }, { label: "Lien d’invitation" }],
  name: user.name(),
  email: user.email,
  href: `${AT}/${user.id}`,
  link: `${req.config.publicUrl}/invitation/${token}`,
  expiresAt: link.expiresAt,
});

export const edit: RequestHandler<{ id: string }> = async (req, res) => {
  const user = await read(req, (em) => visibleUser(em, req, req.params.id));
  res.show(EDIT, editPage(user, { values: {} }));
};

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = `${AT}/${req.params.id}`;
  const form = await submit(
    req,
    EditForm,
    {
      code: "user.edited",
      label: (_values, user: User) => `Correction du compte ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      at,
      current: (em) => currentUser(em, req.params.id),
    },
    async (values, em, sent) => {
      const user = await visibleUser(em, req, req.params.id);
      await atVersion(em, user, sent);
      const before = user.email;
      await editUser(em, user, values, { by: { id: by } });
      if (user.email !== before) noteSecurity(em, req, { kind: "identity.changed", userId: user.id, actorId: by });
      return user;
    },
  );
  if (form.errors) {
    const user = await read(req, (em) => visibleUser(em, req, req.params.id));
    return res.show(EDIT, editPage(user, form));
  }
  res.saved(EDIT, {}, { at, notice: `Le compte ${fr.of(form.result.name())} est corrigé.`, undo: true });
};

const editPage = (user: User, form: object) => ({
  title: `Modifier ${user.name()}`,
  crumbs: [HOME, USERS, { label: user.name(), href: `${AT}/${user.id}` }, { label: "Modifier" }],
  user,
  name: user.name(),
  form,
});

async function currentUser(em: EntityManager, id: string): Promise<Current | null> {
  const user = await em.findOne(User, { id });
  if (!user) return null;
  const { givenName, familyName, email, department, version } = user;
  return {
    values: { givenName, familyName, email, department: department ?? "" },
    version,
    ...(await lastChange(em, "app_user", id)),
  };
}

export const unlock: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const form = await submit(
    req,
    Nothing,
    {
      code: "user.unlocked",
      label: (_values, user: User) => `Déverrouillage du compte ${fr.of(user.name())}`,
      subject: (_values, user: User) => aboutUser(user),
      at: `${AT}/${req.params.id}`,
    },
    async (_values, em) => {
      const user = await visibleUser(em, req, req.params.id);
      await forgetCodeFailures(em, { tenantId: user.tenantId, userId: user.id });
      record(em, "user.unlocked", aboutUser(user), { by });
      noteSecurity(em, req, { kind: "account.unlocked", userId: user.id, actorId: by });
      return user;
    },
  );
  if (form.errors) return showCard(req, res, form);
  const notice = `Le compte ${fr.of(form.result.name())} est déverrouillé : un nouvel essai est possible tout de suite.`;
  res.saved(CARD, {}, { at: `${AT}/${req.params.id}`, notice });
};
