import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import {
  aboutGroup,
  addDepartment,
  addPerson,
  createGroup,
  deleteGroup,
  Group,
  GroupMember,
  LONGEST_GROUP_NAME,
  removeMember,
  renameGroup,
} from "../group.ts";
import { findCandidates, listGroups, peopleOf } from "../queries/groups.ts";
import { lastChange } from "../queries/users.ts";

const LIST = { page: "accounts/groups/index" };
const CARD = { page: "accounts/groups/show" };
const NEW = { page: "accounts/groups/new" };
const EDIT = { page: "accounts/groups/edit" };
const DELETION = { page: "accounts/groups/deletion" };
const AT = "/admin/groupes";
const HOME = { label: "Accueil", href: "/" };
const GROUPS = { label: "Groupes", href: AT };

type OfOne = Request<{ id: string }>;

const NameForm = z.object({
  name: z
    .string()
    .trim()
    .min(1, "Écrivez le nom du groupe.")
    .max(LONGEST_GROUP_NAME, `Raccourcissez à ${LONGEST_GROUP_NAME} caractères.`)
    .describe("Nom du groupe"),
});
const Search = z.object({ q: z.string().max(100).optional() });
/** One or the other, as the button that was pressed says. */
const MemberForm = z.object({
  user: z.uuid("Choisissez une personne de la liste.").optional().describe("Personne"),
  department: z.string().trim().min(1).max(100).optional().describe("Service"),
  q: z.string().max(100).optional(),
});

const said = (req: Request) => ({ tenantId: req.user!.tenantId, by: { id: req.user!.id } });

/** The tenant decides: another's group does not exist [TEN-2]. */
async function groupOf(em: EntityManager, id: string): Promise<Group> {
  const group = await em.findOne(Group, { id });
  if (!group) throw new NotFound("Ce groupe n’existe pas dans votre organisation. Revenez à la liste des groupes.");
  return group;
}

export const index: RequestHandler = async (req, res) => {
  res.show(LIST, {
    title: "Groupes",
    crumbs: [HOME, { label: "Groupes" }],
    groups: await read(req, listGroups),
  });
};

export const new_: RequestHandler = (_req, res) => showNew(res, { values: {} });

function showNew(res: Response, form: object): void {
  res.show(NEW, { title: "Créer un groupe", crumbs: [HOME, GROUPS, { label: "Créer un groupe" }], form });
}

export const create: RequestHandler = async (req, res) => {
  const act = {
    code: "group.created",
    label: (_values: object, group: Group) => `Création du groupe ${group.name}`,
    subject: (_values: object, group: Group) => aboutGroup(group),
    at: (_values: object, group: Group) => `${AT}/${group.id}`,
  };
  const form = await submit(req, NameForm, act, ({ name }, em) => createGroup(em, name, said(req)));
  if (form.errors) return showNew(res, form);
  const { id, name } = form.result;
  const notice = `Le groupe ${name} est créé. Ajoutez-y des personnes ou des services.`;
  res.saved(NEW, {}, { at: `${AT}/${id}`, notice, undo: true });
};

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

async function showCard(req: OfOne, res: Response, form: { values: object }): Promise<void> {
  const typed = (form.values as { q?: string }).q ?? query(req, Search).q ?? "";
  const q = typed.trim();
  const shown = await read(req, async (em) => {
    const group = await groupOf(em, req.params.id);
    const members = await em.find(GroupMember, { group: { id: group.id } }, { populate: ["user"] });
    return {
      group,
      people: await peopleOf(em, group.id),
      members: members
        .map((member) => ({
          id: member.id,
          title: member.title(),
          user: member.user && { id: member.user.id, active: member.user.isActive(), email: member.user.email },
        }))
        .sort((a, b) => Number(a.user !== null) - Number(b.user !== null) || a.title.localeCompare(b.title, "fr")),
      found: q === "" ? null : await findCandidates(em, group.id, q),
    };
  });
  const { name } = shown.group;
  res.show(CARD, { title: name, crumbs: [HOME, GROUPS, { label: name }], ...shown, q, form });
}

export const edit: RequestHandler<{ id: string }> = async (req, res) => {
  const group = await read(req, (em) => groupOf(em, req.params.id));
  res.show(EDIT, editPage(group, { values: {} }));
};

const editPage = (group: Group, form: object) => ({
  title: `Renommer ${group.name}`,
  crumbs: [HOME, GROUPS, { label: group.name, href: `${AT}/${group.id}` }, { label: "Renommer" }],
  group,
  form,
});

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const at = `${AT}/${id}`;
  const act = {
    code: "group.renamed",
    label: (_values: object, group: Group) => `Groupe renommé ${group.name}`,
    subject: () => aboutGroup({ id }),
    at,
    current: async (em: EntityManager) => {
      const group = await em.findOne(Group, { id });
      if (!group) return null;
      return { values: { name: group.name }, version: group.version, ...(await lastChange(em, "user_group", id)) };
    },
  };
  const form = await submit(req, NameForm, act, async ({ name }, em, sent) => {
    const group = await groupOf(em, id);
    await atVersion(em, group, sent);
    await renameGroup(em, group, name, said(req));
    return group;
  });
  if (form.errors) return res.show(EDIT, editPage(await read(req, (em) => groupOf(em, id)), form));
  res.saved(EDIT, {}, { at, notice: `Le groupe s’appelle maintenant ${form.result.name}.`, undo: true });
};

export const addMember: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "group.member_added",
    label: (_values: object, member: GroupMember) => `Ajout au groupe ${member.group.name} : ${member.title()}`,
    subject: () => aboutGroup({ id }),
    at: ({ q }: { q?: string | undefined }) => withQuery(`${AT}/${id}`, { q }),
  };
  const form = await submit(req, MemberForm, act, async ({ user, department }, em) => {
    const group = await groupOf(em, id);
    if (department !== undefined) return addDepartment(em, group, department, said(req));
    if (user === undefined) throw new RuleBroken("Choisissez une personne ou un service de la liste.", "user");
    return addPerson(em, group, user, said(req));
  });
  if (form.errors) return showCard(req, res, form);
  const q = (form.values.q as string | undefined) || undefined;
  const notice = `${form.result.title()} est dans le groupe.`;
  res.saved(CARD, {}, { at: withQuery(`${AT}/${id}`, { q }), notice, undo: true });
};

export const dropMember: RequestHandler<{ id: string; member: string }> = async (req, res) => {
  const { id, member } = req.params;
  const at = `${AT}/${id}`;
  const act = {
    code: "group.member_removed",
    label: (_values: object, gone: GroupMember) => `Retrait du groupe ${gone.group.name} : ${gone.title()}`,
    subject: () => aboutGroup({ id }),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const found = await em.findOne(GroupMember, { id: member, group: { id } }, { populate: ["user", "group"] });
    if (!found) throw new NotFound("Ce membre n’est plus dans le groupe. Revenez à la page du groupe.");
    removeMember(em, found, said(req));
    return found;
  });
  if (form.errors) return showCard(req, res, form);
  res.saved(CARD, {}, { at, notice: `${form.result.title()} n’est plus dans le groupe.`, undo: true });
};

export const confirmDeletion: RequestHandler<{ id: string }> = (req, res) => showDeletion(req, res, { values: {} });

async function showDeletion(req: OfOne, res: Response, form: object): Promise<void> {
  const { group, people } = await read(req, async (em) => {
    const found = await groupOf(em, req.params.id);
    return { group: found, people: (await peopleOf(em, found.id)).length };
  });
  res.show(DELETION, {
    title: `Supprimer ${group.name}`,
    crumbs: [HOME, GROUPS, { label: group.name, href: `${AT}/${group.id}` }, { label: "Supprimer" }],
    group,
    people,
    form,
  });
}

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "group.deleted",
    label: (_values: object, { name }: { name: string }) => `Suppression du groupe ${name}`,
    subject: () => aboutGroup({ id }),
    at: AT,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const group = await groupOf(em, id);
    return { name: group.name, members: await deleteGroup(em, group, said(req)) };
  });
  if (form.errors) return showDeletion(req, res, form);
  const { name, members } = form.result;
  const notice = `Le groupe ${name} est supprimé, avec ${fr.count(members, "membre", "membres")}.`;
  res.saved(LIST, {}, { at: AT, notice, undo: true });
};
