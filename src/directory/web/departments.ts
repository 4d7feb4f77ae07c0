import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import {
  aboutDepartment,
  createDepartment,
  type Department,
  deleteDepartment,
  LONGEST_DEPARTMENT,
  mergeDepartments,
  renameDepartment,
} from "../department.ts";
import { countPlace, listDepartments, listPlaceNames } from "../queries/places.ts";
import { DEPARTMENTS_AT as AT, DIRECTORY, departmentOf, HOME, mayEdit, said, tabsOf } from "./shown.ts";

const LIST = { page: "directory/departments/index" };
const NEW = { page: "directory/departments/new" };
const EDIT = { page: "directory/departments/edit" };
const MERGE = { page: "directory/places/merge" };
const DEPARTMENTS = { label: "Services", href: AT };

const NameForm = z.object({
  name: z
    .string()
    .trim()
    .min(1, "Écrivez le nom du service.")
    .max(LONGEST_DEPARTMENT, `Raccourcissez à ${LONGEST_DEPARTMENT} caractères.`)
    .describe("Nom du service"),
});
const editAt = ({ id }: { id: string }) => `${AT}/${id}/modifier`;

export const index: RequestHandler = async (req, res) => {
  res.show(LIST, {
    title: "Services",
    crumbs: [HOME, DIRECTORY, { label: "Services" }],
    tabs: tabsOf(req, AT),
    departments: await read(req, listDepartments),
    mayEdit: mayEdit(req),
  });
};

export const new_: RequestHandler = (_req, res) => showNew(res, { values: {} });

function showNew(res: Response, form: object): void {
  res.show(NEW, {
    title: "Créer un service",
    crumbs: [HOME, DIRECTORY, DEPARTMENTS, { label: "Créer un service" }],
    form,
  });
}

export const create: RequestHandler = async (req, res) => {
  const act = {
    code: "department.created",
    label: (_values: object, { name }: Department) => `Création du service ${name}`,
    subject: (_values: object, department: Department) => aboutDepartment(department),
    at: AT,
  };
  const form = await submit(req, NameForm, act, ({ name }, em) => createDepartment(em, name, said(req)));
  if (form.errors) return showNew(res, form);
  res.saved(NEW, {}, { at: AT, notice: `Le service ${form.result.name} est créé.`, undo: true });
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const shown = await read(req, async (em) => {
    const department = await departmentOf(em, req.params.id);
    return { department, count: await countPlace(em, "department", department.id) };
  });
  res.show(EDIT, {
    title: `Service ${shown.department.name}`,
    crumbs: [HOME, DIRECTORY, DEPARTMENTS, { label: shown.department.name }],
    ...shown,
    form,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "department.renamed",
    label: (_values: object, { name }: Department) => `Service renommé ${name}`,
    subject: () => aboutDepartment({ id }),
    at: AT,
    current: async (em: EntityManager) => {
      const { name, version } = await departmentOf(em, id);
      return { values: { name }, version, ...(await lastChange(em, "department", id)) };
    },
  };
  const form = await submit(req, NameForm, act, async ({ name }, em, sent) => {
    const department = await departmentOf(em, id);
    await atVersion(em, department, sent);
    await renameDepartment(em, department, name, said(req));
    return department;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at: AT, notice: `Le service s’appelle maintenant ${form.result.name}.`, undo: true });
};

const Into = z.object({ dans: z.uuid().optional() });
const MergeForm = z.object({ into: z.uuid("Choisissez un service de la liste.").describe("Service gardé") });

/** First which one is kept, then what the merge would do, then the merge. */
export const confirmMerge: RequestHandler<{ id: string }> = (req, res) =>
  showMerge(req, res, { values: {} }, query(req, Into).dans);

async function showMerge(req: Request<{ id: string }>, res: Response, form: object, intoId?: string): Promise<void> {
  const shown = await read(req, async (em) => {
    const department = await departmentOf(em, req.params.id);
    const others = (await listPlaceNames(em, "department")).filter(({ id }) => id !== department.id);
    const into = others.find(({ id }) => id === intoId) ?? null;
    return { department, others, into, count: await countPlace(em, "department", department.id) };
  });
  const { department } = shown;
  res.show(MERGE, {
    title: `Fusionner ${department.name}`,
    crumbs: [
      HOME,
      DIRECTORY,
      DEPARTMENTS,
      { label: department.name, href: editAt(department) },
      { label: "Fusionner" },
    ],
    ...shown,
    place: department,
    noun: "service",
    placesAt: AT,
    form,
  });
}

export const merge: RequestHandler<{ id: string }> = async (req, res) => {
  interface Merged {
    from: string;
    into: Department;
    people: number;
  }
  const act = {
    code: "department.merged",
    label: (_values: object, { from, into }: Merged) => `Fusion du service ${from} dans ${into.name}`,
    subject: (_values: object, { into }: Merged) => aboutDepartment(into),
    at: AT,
  };
  const form = await submit(req, MergeForm, act, async (values, em): Promise<Merged> => {
    const from = await departmentOf(em, req.params.id);
    const into = await departmentOf(em, values.into);
    return { from: from.name, into, people: await mergeDepartments(em, from, into, said(req)) };
  });
  if (form.errors) return showMerge(req, res, form, String(form.values.into ?? ""));
  const { from, into, people } = form.result;
  const notice = `${from} est fusionné dans ${into.name}, avec ${fr.count(people, "agent", "agents")}.`;
  res.saved(MERGE, {}, { at: AT, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "department.deleted",
    label: (_values: object, { name }: { name: string }) => `Suppression du service ${name}`,
    subject: () => aboutDepartment(req.params),
    at: AT,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const department = await departmentOf(em, req.params.id);
    await deleteDepartment(em, department, said(req));
    return { name: department.name };
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(LIST, {}, { at: AT, notice: `Le service ${form.result.name} est supprimé.`, undo: true });
};
