import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { User } from "../../accounts/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { tieAccount, untieAccount } from "../account-tie.ts";
import { addScope, CoordinatorScope, removeScope } from "../coordinator-scope.ts";
import { listPlaceNames } from "../queries/places.ts";
import { findStaffCalled, findStaffLine, teamOf } from "../queries/staff.ts";
import { findTieOf, listScopes } from "../queries/ties.ts";
import { reachOf } from "../reach.ts";
import { HOME, said, staffAt, staffOf } from "./shown.ts";

const VIEW = { page: "directory/ties/show" };
const USERS = { label: "Utilisateurs", href: "/admin/utilisateurs" };

type OfOne = Request<{ id: string }>;

const accountAt = ({ id }: { id: string }) => `/admin/utilisateurs/${id}`;
const tieAt = (params: { id: string }) => `${accountAt(params)}/annuaire`;
const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

const TieForm = z.object({
  person: z.string().trim().min(1, "Écrivez un matricule, une adresse ou un nom.").max(254).describe("Personne"),
});
const ScopeForm = z.object({
  department: z.uuid("Choisissez un service.").describe("Service"),
  site: z.uuid("Choisissez un site de la liste.").optional().describe("Site"),
});

async function accountOf(em: EntityManager, id: string): Promise<User> {
  const user = await em.findOne(User, { id, supportOf: null });
  if (!user) throw new NotFound("Ce compte n’existe pas dans votre organisation. Revenez à la liste des utilisateurs.");
  return user;
}

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

/** Who this account is in the directory, and what it looks after [DIR-3, TEA-2]. */
async function showCard(req: OfOne, res: Response, form: object, scope: "tie" | "scope" = "tie"): Promise<void> {
  const shown = await read(req, async (em) => {
    const user = await accountOf(em, req.params.id);
    const tie = await findTieOf(em, user.id);
    const reach = reachOf(req.user!);
    return {
      user,
      tie: tie && { ...tie, href: staffAt({ id: tie.staffMemberId }) },
      team: tie ? (await teamOf(em, reach, tie.staffMemberId)).length : 0,
      // Proposed, never done: who has the same address is probably the same person [DIR-3].
      proposed: tie ? null : await proposedFor(em, user, req),
      scopes: await listScopes(em, user.id),
      departments: await listPlaceNames(em, "department"),
      sites: await listPlaceNames(em, "site"),
    };
  });
  const { user } = shown;
  const empty = { values: {} };
  res.show(VIEW, {
    title: `Annuaire et périmètre ${fr.of(user.name())}`,
    crumbs: [HOME, USERS, { label: user.name(), href: accountAt(user) }, { label: "Annuaire" }],
    ...shown,
    name: user.name(),
    at: tieAt(user),
    isTeamManager: user.has("team_manager"),
    isCoordinator: user.has("coordinator"),
    form,
    tieForm: scope === "tie" ? form : empty,
    scopeForm: scope === "scope" ? form : empty,
  });
}

async function proposedFor(em: EntityManager, user: User, req: Request) {
  const [found] = await findStaffCalled(em, user.email);
  const line = found && (await findStaffLine(em, reachOf(req.user!), found.id));
  return line && line.deactivatedAt === null ? line : null;
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = tieAt(req.params);
  interface Tied {
    user: User;
    person: string;
  }
  const act = {
    code: "account.tied",
    label: (_values: object, { user, person }: Tied) => `Compte ${fr.of(user.name())} relié à ${person}`,
    subject: () => aboutAccount(req.params),
    at,
  };
  const form = await submit(req, TieForm, act, async ({ person }, em): Promise<Tied> => {
    const user = await accountOf(em, req.params.id);
    const found = await findStaffCalled(em, person);
    const [first, second] = found;
    if (!first) throw new RuleBroken("Personne de l’annuaire n’a ce matricule, cette adresse ni ce nom.", "person");
    if (second) {
      const who = fr.list(found.slice(0, 4).map((one) => `${one.name} (${one.staffNumber})`));
      throw new RuleBroken(`Plusieurs personnes s’appellent ainsi\u00a0: ${who}. Écrivez un matricule.`, "person");
    }
    const member = await staffOf(em, first.id);
    await tieAccount(em, user, member, said(req));
    return { user, person: member.name() };
  });
  if (form.errors) return showCard(req, res, form);
  const { user, person } = form.result;
  res.saved(VIEW, {}, { at, notice: `Le compte ${fr.of(user.name())} est relié à ${person}.`, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = tieAt(req.params);
  const act = {
    code: "account.untied",
    label: (_values: object, user: User) => `Compte ${fr.of(user.name())} délié de l’annuaire`,
    subject: () => aboutAccount(req.params),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const user = await accountOf(em, req.params.id);
    await untieAccount(em, user, said(req));
    return user;
  });
  if (form.errors) return showCard(req, res, form);
  res.saved(
    VIEW,
    {},
    { at, notice: `Le compte ${fr.of(form.result.name())} n’est plus relié à personne.`, undo: true },
  );
};

export const addToScope: RequestHandler<{ id: string }> = async (req, res) => {
  const at = tieAt(req.params);
  interface Added {
    user: User;
    scope: CoordinatorScope;
  }
  const act = {
    code: "account.scope_added",
    label: (_values: object, { user, scope }: Added) =>
      `Périmètre ${fr.of(user.name())} étendu\u00a0: ${scope.title()}`,
    subject: () => aboutAccount(req.params),
    at,
  };
  const form = await submit(req, ScopeForm, act, async ({ department, site }, em): Promise<Added> => {
    const user = await accountOf(em, req.params.id);
    return { user, scope: await addScope(em, user, { department, site: site ?? null }, said(req)) };
  });
  if (form.errors) return showCard(req, res, form, "scope");
  const { user, scope } = form.result;
  res.saved(VIEW, {}, { at, notice: `Le périmètre ${fr.of(user.name())} comprend ${scope.title()}.`, undo: true });
};

export const dropFromScope: RequestHandler<{ id: string; scope: string }> = async (req, res) => {
  const { id, scope } = req.params;
  const at = tieAt(req.params);
  const act = {
    code: "account.scope_removed",
    label: (_values: object, gone: CoordinatorScope) =>
      `Périmètre ${fr.of(gone.user.name())} réduit\u00a0: ${gone.title()}`,
    subject: () => aboutAccount({ id }),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const populate = ["user", "department", "site"] as const;
    const found = await em.findOne(CoordinatorScope, { id: scope, user: { id } }, { populate });
    if (!found) throw new NotFound("Ce service n’est plus dans le périmètre. Revenez à la page du compte.");
    removeScope(em, found, said(req));
    return found;
  });
  if (form.errors) return showCard(req, res, form);
  res.saved(VIEW, {}, { at, notice: `${form.result.title()} n’est plus dans le périmètre.`, undo: true });
};
