import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { type FieldDefinition, TYPE_LABELS } from "../../fields/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import {
  type ArrowRole,
  actionLines,
  CATEGORIES,
  diagram,
  ICONS,
  type Icon,
  PRESETS,
  type Preset,
  TONES,
  type Tone,
  type Workflow,
  warnings,
} from "../../workflow/index.ts";
import { listTypes } from "../list-exports.ts";
import {
  aboutType,
  copyType,
  createType,
  deleteType,
  editType,
  LONGEST_TYPE_NAME,
  MAX_MINUTES,
  MIN_MINUTES,
  OperationType,
  PROPOSED_FIELDS,
  putBackType,
  retireType,
} from "../operation-type.ts";
import { campaignsTaking, type TakingCampaign } from "../queries/operation-types.ts";
import { listTechnicians } from "../queries/operations.ts";
import { isOfferedIn } from "../type-offer.ts";
import { addressOf, badgeOf } from "./shown.ts";

const LIST = { page: "campaigns/operation-types/index" };
const CARD = { page: "campaigns/operation-types/show" };
const NEW = { page: "campaigns/operation-types/new" };
const EDIT = { page: "campaigns/operation-types/edit" };
const DELETION = { page: "campaigns/operation-types/deletion" };
export const TYPES_AT = "/admin/types-operations";
export const HOME = { label: "Accueil", href: "/" };
export const TYPES = { label: "Types d’opérations", href: TYPES_AT };

const keys = <T extends object>(of: T) => Object.keys(of) as [keyof T & string, ...(keyof T & string)[]];
export const choicesOf = (of: object) => Object.entries(of).map(([value, label]) => ({ value, label: String(label) }));

export const TYPE_FIELDS = {
  name: "Nom",
  description: "Description",
  icon: "Icône",
  tone: "Couleur",
  durationMinutes: "Durée standard, en minutes",
};

const identity = {
  name: z
    .string()
    .trim()
    .min(1, "Donnez un nom à ce type.")
    .max(LONGEST_TYPE_NAME, `Raccourcissez à ${LONGEST_TYPE_NAME} caractères.`)
    .describe(TYPE_FIELDS.name),
  description: z.string().trim().max(1000, "Raccourcissez à 1 000 caractères.").describe(TYPE_FIELDS.description),
  icon: z.enum(keys(ICONS), "Choisissez une icône de la liste.").describe(TYPE_FIELDS.icon),
  tone: z.enum(keys(TONES), "Choisissez une couleur de la liste.").describe(TYPE_FIELDS.tone),
  durationMinutes: z
    .int(`Écrivez un nombre entier de minutes, de ${MIN_MINUTES} à ${MAX_MINUTES}.`)
    .min(MIN_MINUTES, `${MIN_MINUTES} minutes au moins.`)
    .max(MAX_MINUTES, `${MAX_MINUTES} minutes au plus, soit huit heures.`)
    .describe(TYPE_FIELDS.durationMinutes),
};
const IdentityForm = z.object(identity);
const NewForm = z.object({
  ...identity,
  fields: z.array(z.enum(PROPOSED_FIELDS.map(({ code }) => code) as [string, ...string[]])),
  preset: z.enum(keys(PRESETS), "Choisissez un des flux proposés.").describe("Flux"),
});

export const said = (req: Request) => ({ tenantId: req.user!.tenantId, by: { id: req.user!.id } });
export const typeAt = ({ id }: { id: string }) => `${TYPES_AT}/${id}`;

/** The tenant decides: another's type does not exist [TEN-2]. */
export async function typeOf(em: EntityManager, id: string): Promise<OperationType> {
  const type = await em.findOne(OperationType, { id });
  if (!type)
    throw new NotFound("Ce type d’opération n’existe pas dans votre organisation. Revenez à la liste des types.");
  return type;
}

export const index: RequestHandler = async (req, res) => {
  const types = await read(req, listTypes);
  const lines = types.map((type) => ({
    id: type.id,
    name: type.name,
    description: type.description,
    icon: type.icon,
    tone: type.tone,
    minutes: type.durationMinutes,
    fields: type.fields.length,
    statuses: type.workflow.statuses.length,
    isRetired: type.isRetired(),
  }));
  res.show(LIST, { title: "Types d’opérations", crumbs: [HOME, { label: TYPES.label }], types: lines });
};

export const new_: RequestHandler = (_req, res) => showNew(res, { values: undefined });

function showNew(res: Response, form: object): void {
  res.show(NEW, {
    title: "Créer un type d’opération",
    crumbs: [HOME, TYPES, { label: "Créer" }],
    form,
    ...palette,
    proposed: PROPOSED_FIELDS.map(({ code, label, type }) => ({ value: code, label, hint: TYPE_LABELS[type] })),
    presets: Object.entries(PRESETS).map(([value, { label, hint }]) => ({ value, label, hint })),
  });
}

const palette = { icons: choicesOf(ICONS), tones: choicesOf(TONES), labels: TYPE_FIELDS };

export const create: RequestHandler = async (req, res) => {
  const act = {
    code: "operation_type.created",
    label: (_values: object, type: OperationType) => `Création du type d’opération ${type.name}`,
    subject: (_values: object, type: OperationType) => aboutType(type),
    at: (_values: object, type: OperationType) => typeAt(type),
  };
  const form = await submit(req, NewForm, act, ({ preset, icon, tone, ...values }, em) =>
    createType(em, { ...values, icon: icon as Icon, tone: tone as Tone, preset: preset as Preset }, said(req)),
  );
  if (form.errors) return showNew(res, form);
  const notice = `Le type ${form.result.name} est créé. Vérifiez ses champs et son flux.`;
  res.saved(NEW, {}, { at: typeAt(form.result), notice, undo: true });
};

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, {});

async function showCard(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { type, present, campaigns } = await read(req, async (em) => ({
    type: await typeOf(em, req.params.id),
    present: await presentRoles(em),
    campaigns: await campaignsTaking(em, req.user!, req.params.id, MOST_CAMPAIGNS),
  }));
  res.show(CARD, {
    title: type.name,
    crumbs: [HOME, TYPES, { label: type.name }],
    form,
    type,
    tone: TONES[type.tone],
    fields: type.fields.map((field) => ({ ...field, typeLabel: TYPE_LABELS[field.type], marks: marksOf(field) })),
    flow: flowOf(type.workflow, { present }),
    campaigns: campaigns.map((campaign) => ({
      ...campaign,
      href: addressOf(campaign),
      badge: badgeOf(campaign),
      answer: answerOf(campaign),
    })),
    most: MOST_CAMPAIGNS,
  });
}

/** Listed on the page of a type. */
const MOST_CAMPAIGNS = 200;

/** What a campaign has of its type as it is now (TYP-4). */
function answerOf({ state, isTaken, isRefused }: TakingCampaign) {
  if (isTaken) return { label: "À jour", tone: "success", icon: "check" };
  if (!isOfferedIn({ state })) return { label: "Garde ce qu’elle a pris", tone: "muted", icon: "lock" };
  if (isRefused) return { label: "A refusé", tone: "neutral", icon: "x" };
  return { label: "N’a pas répondu", tone: "warning", icon: "hourglass" };
}

/** Who there is to follow arrows: a manager always, a technician when there is one; no booking is taken yet (WFL-5). */
export async function presentRoles(em: EntityManager): Promise<ArrowRole[]> {
  return (await listTechnicians(em)).length > 0 ? ["manager", "assignee"] : ["manager"];
}

/** What the partial that shows a workflow takes. */
export const flowOf = (workflow: Workflow, present: { present: readonly ArrowRole[] }) => ({
  draw: (icons: string) => diagram(workflow, { icons }),
  statuses: workflow.statuses.map((status) => ({ ...status, category: CATEGORIES[status.category].label })),
  actions: actionLines(workflow),
  warnings: warnings(workflow, present),
});

/** What a field does, in words. */
export function marksOf(field: FieldDefinition): string {
  const marks = [
    field.isMandatory && "obligatoire",
    field.isUnique && "unique",
    field.isListed && "dans la liste",
    field.isSearchable && "cherchable",
    field.isTechnicianEditable ? "modifiable par les techniciens" : field.isForTechnicians && "montré aux techniciens",
    field.isPersonal && "donnée personnelle",
  ].filter((mark) => mark !== false);
  return marks.length > 0 ? fr.list(marks) : "rien de plus";
}

export const edit: RequestHandler<{ id: string }> = async (req, res) => {
  showEdit(res, await read(req, (em) => typeOf(em, req.params.id)), { values: undefined });
};

function showEdit(res: Response, type: OperationType, form: object): void {
  res.show(EDIT, {
    title: `Modifier ${type.name}`,
    crumbs: [HOME, TYPES, { label: type.name, href: typeAt(type) }, { label: "Modifier" }],
    form,
    type,
    ...palette,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "operation_type.edited",
    label: (_values: object, type: OperationType) => `Type d’opération ${type.name} modifié`,
    subject: () => aboutType({ id }),
    at: typeAt({ id }),
    current: async (em: EntityManager) => {
      const type = await em.findOne(OperationType, { id });
      if (!type) return null;
      const { name, description, version } = type;
      const values = {
        name,
        description,
        icon: ICONS[type.icon],
        tone: TONES[type.tone],
        durationMinutes: String(type.durationMinutes),
      };
      return { values, version, ...(await lastChange(em, "operation_type", id)) };
    },
  };
  const form = await submit(req, IdentityForm, act, async ({ icon, tone, ...values }, em, sent) => {
    const type = await typeOf(em, id);
    await atVersion(em, type, sent);
    await editType(em, type, { ...values, icon: icon as Icon, tone: tone as Tone }, said(req));
    return type;
  });
  if (form.errors) return showEdit(res, await read(req, (em) => typeOf(em, id)), form);
  res.saved(EDIT, {}, { at: typeAt({ id }), notice: `Le type ${form.result.name} est enregistré.`, undo: true });
};

export const copy: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "operation_type.copied",
    label: (_values: object, type: OperationType) => `Copie d’un type d’opération : ${type.name}`,
    subject: (_values: object, type: OperationType) => aboutType(type),
    at: (_values: object, type: OperationType) => typeAt(type),
  };
  const form = await submit(req, z.object({}), act, async (_values, em) =>
    copyType(em, await typeOf(em, id), said(req)),
  );
  if (form.errors) return showCard(req, res, form);
  res.saved(CARD, {}, { at: typeAt(form.result), notice: `La copie s’appelle ${form.result.name}.`, undo: true });
};

export const retire: RequestHandler<{ id: string }> = (req, res) =>
  changeState(req, res, {
    code: "operation_type.retired",
    label: (type) => `Retrait du type d’opération ${type.name}`,
    notice: (type) => `Le type ${type.name} n’est plus proposé aux nouvelles campagnes.`,
    verb: (em, type) => retireType(em, type, { ...said(req), now: req.now }),
  });

export const putBack: RequestHandler<{ id: string }> = (req, res) =>
  changeState(req, res, {
    code: "operation_type.put_back",
    label: (type) => `Type d’opération ${type.name} proposé de nouveau`,
    notice: (type) => `Le type ${type.name} est proposé aux nouvelles campagnes.`,
    verb: (em, type) => putBackType(em, type, said(req)),
  });

async function changeState(
  req: Request<{ id: string }>,
  res: Response,
  change: {
    code: string;
    label: (type: OperationType) => string;
    notice: (type: OperationType) => string;
    verb: (em: EntityManager, type: OperationType) => void;
  },
): Promise<void> {
  const { id } = req.params;
  const act = {
    code: change.code,
    label: (_values: object, type: OperationType) => change.label(type),
    subject: () => aboutType({ id }),
    at: typeAt({ id }),
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const type = await typeOf(em, id);
    change.verb(em, type);
    return type;
  });
  if (form.errors) return showCard(req, res, form);
  res.saved(CARD, {}, { at: typeAt({ id }), notice: change.notice(form.result), undo: true });
}

export const confirmDeletion: RequestHandler<{ id: string }> = (req, res) => showDeletion(req, res, { values: {} });

async function showDeletion(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const type = await read(req, (em) => typeOf(em, req.params.id));
  res.show(DELETION, {
    title: `Supprimer ${type.name}`,
    crumbs: [HOME, TYPES, { label: type.name, href: typeAt(type) }, { label: "Supprimer" }],
    type,
    form,
  });
}

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "operation_type.deleted",
    label: (_values: object, name: string) => `Suppression du type d’opération ${name}`,
    subject: () => aboutType({ id }),
    at: TYPES_AT,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const type = await typeOf(em, id);
    await deleteType(em, type, said(req));
    return type.name;
  });
  if (form.errors) return showDeletion(req, res, form);
  res.saved(LIST, {}, { at: TYPES_AT, notice: `Le type ${form.result} est supprimé.`, undo: true });
};
