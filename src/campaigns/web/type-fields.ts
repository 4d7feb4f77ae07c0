import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import {
  FIELD_LABELS,
  type FieldDefinition,
  FieldForm,
  fieldFrom,
  formOf,
  newField,
  SWITCHES,
  TYPE_LABELS,
} from "../../fields/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { aboutType, addField, editField, moveField, type OperationType, removeField } from "../operation-type.ts";
import { choicesOf, HOME, said, TYPES, typeAt, typeOf } from "./operation-types.ts";

const NEW = { page: "campaigns/operation-types/new-field" };
const EDIT = { page: "campaigns/operation-types/edit-field" };

type OfType = Request<{ id: string }>;
type OfField = Request<{ id: string; code: string }>;

function fieldOf(type: OperationType, code: string): FieldDefinition {
  const field = type.fields.find((one) => one.code === code);
  if (!field) throw new NotFound("Ce type n’a pas, ou plus, ce champ. Revenez à sa page.");
  return field;
}

/** What the form that defines a field chooses from; `types`: those offered. */
export const asked = (start: Record<string, unknown>, types = choicesOf(TYPE_LABELS)) => ({
  start,
  types,
  switches: Object.entries(SWITCHES).map(([value, { label, hint }]) => ({ value, label, hint })),
  labels: FIELD_LABELS,
});

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: undefined });

async function showNew(req: OfType, res: Response, form: object): Promise<void> {
  const type = await read(req, (em) => typeOf(em, req.params.id));
  res.show(NEW, {
    title: `Ajouter un champ à ${type.name}`,
    crumbs: [HOME, TYPES, { label: type.name, href: typeAt(type) }, { label: "Ajouter un champ" }],
    type,
    form,
    ...asked(formOf(newField({ code: "nouveau", label: "" }))),
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "operation_type.fields_edited",
    label: ({ label }: FieldForm, { type }: Done) => `Champ « ${label} » ajouté au type ${type.name}`,
    subject: () => aboutType({ id }),
    at: typeAt({ id }),
  };
  const form = await submit(req, FieldForm, act, async (values, em, sent) => {
    const type = await typeOf(em, id);
    await atVersion(em, type, sent);
    const field = fieldFrom(values, { others: type.fields });
    addField(em, type, field, said(req));
    return { type, field };
  });
  if (form.errors) return showNew(req, res, form);
  res.saved(NEW, {}, { at: typeAt({ id }), notice: `Le champ ${form.result.field.label} est ajouté.`, undo: true });
};

interface Done {
  type: OperationType;
  field: FieldDefinition;
}

export const edit: RequestHandler<{ id: string; code: string }> = (req, res) =>
  showEdit(req, res, { values: undefined });

async function showEdit(req: OfField, res: Response, form: object): Promise<void> {
  const type = await read(req, (em) => typeOf(em, req.params.id));
  const field = fieldOf(type, req.params.code);
  res.show(EDIT, {
    title: `Modifier le champ ${field.label}`,
    crumbs: [HOME, TYPES, { label: type.name, href: typeAt(type) }, { label: field.label }],
    type,
    field,
    form,
    ...asked(formOf(field)),
  });
}

export const update: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const { id, code } = req.params;
  const act = {
    ...ofField(id),
    label: (_values: object, { type, field }: Done) => `Champ « ${field.label} » du type ${type.name} modifié`,
  };
  const form = await submit(req, FieldForm, act, async (values, em, sent) => {
    const type = await typeOf(em, id);
    await atVersion(em, type, sent);
    const known = fieldOf(type, code);
    const field = fieldFrom(values, { known, others: type.fields.filter((one) => one !== known) });
    editField(em, type, field, said(req));
    return { type, field };
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(
    EDIT,
    {},
    { at: typeAt({ id }), notice: `Le champ ${form.result.field.label} est enregistré.`, undo: true },
  );
};

export const remove: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const { id, code } = req.params;
  const act = {
    ...ofField(id),
    label: (_values: object, { type, field }: Done) => `Champ « ${field.label} » retiré du type ${type.name}`,
  };
  const form = await submit(req, z.object({}), act, (_values, em) =>
    change(em, id, code, (type) => removeField(em, type, code, said(req))),
  );
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at: typeAt({ id }), notice: `Le champ ${form.result.field.label} est retiré.`, undo: true });
};

const MoveForm = z.object({
  way: z.enum(["up", "down"], "Choisissez «\u00a0Monter\u00a0» ou «\u00a0Descendre\u00a0»."),
});

export const move: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const { id, code } = req.params;
  const act = {
    ...ofField(id),
    label: (_values: object, { type, field }: Done) => `Champ « ${field.label} » déplacé dans le type ${type.name}`,
  };
  const form = await submit(req, MoveForm, act, ({ way }, em) =>
    change(em, id, code, (type) => moveField(em, type, code, way, said(req))),
  );
  if (form.errors) return showEdit(req, res, form);
  res.saved(
    EDIT,
    {},
    { at: `${typeAt({ id })}#champs`, notice: `Le champ ${form.result.field.label} est déplacé.`, undo: true },
  );
};

const ofField = (id: string) => ({
  code: "operation_type.fields_edited",
  subject: () => aboutType({ id }),
  at: typeAt({ id }),
});

async function change(em: EntityManager, id: string, code: string, verb: (type: OperationType) => void): Promise<Done> {
  const type = await typeOf(em, id);
  const field = fieldOf(type, code);
  verb(type);
  return { type, field };
}
