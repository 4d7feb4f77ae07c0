import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign, createCampaign, LONGEST_DESCRIPTION, LONGEST_NAME } from "../campaign.ts";
import { OperationType } from "../operation-type.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { isDraft, stepsOf } from "../preparation.ts";
import { listOfferedTypes } from "../queries/operation-types.ts";
import { READINESS_LEVELS, type Readiness, RULE_WORDS } from "../readiness.ts";
import { takeType } from "../taken-type.ts";
import { addressOf, CAMPAIGNS, HOME } from "./shown.ts";

const NEW = { page: "campaigns/campaigns/new" };

const day = (missing: string) => z.iso.date(missing);
export const OutlineFields = {
  name: z
    .string()
    .trim()
    .min(3, "Écrivez un nom d’au moins 3 caractères.")
    .max(LONGEST_NAME, `Raccourcissez à ${LONGEST_NAME} caractères.`)
    .describe("Nom"),
  description: z
    .string()
    .max(LONGEST_DESCRIPTION, `Raccourcissez à ${LONGEST_DESCRIPTION} caractères.`)
    .default("")
    .describe("Description"),
  startsOn: day("Choisissez le premier jour de la campagne.").describe("Premier jour"),
  endsOn: day("Choisissez le dernier jour de la campagne.").describe("Dernier jour"),
};

/** The fields of the form in words, for its summary of errors. */
export const OUTLINE_LABELS = {
  name: "Nom",
  description: "Description",
  startsOn: "Premier jour",
  endsOn: "Dernier jour",
};

export const new_: RequestHandler = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: Request, res: Response, form: object): Promise<void> {
  const title = "Créer une campagne";
  const types = typeChoices(await read(req, listOfferedTypes));
  res.show(NEW, {
    title,
    crumbs: [HOME, CAMPAIGNS, { label: title }],
    labels: NEW_LABELS,
    course: { label: "Préparation de la campagne", steps: stepsOf("", 0, "outline") },
    types,
    form,
  });
}

/** None at all where the organisation has no type. */
export const typeChoices = (types: readonly { value: string; label: string }[]) =>
  types.length > 0 ? [{ value: "", label: "Sans type\u00a0: une cible et le flux standard" }, ...types] : [];

export const NEW_LABELS = { ...OUTLINE_LABELS, type: "Type d’opération" };
export const TypeField = z.uuid("Choisissez un type de la liste.").or(z.literal("")).describe(NEW_LABELS.type);
const NewForm = z.object({ ...OutlineFields, type: TypeField.default("") });

export const create: RequestHandler = async (req, res) => {
  const { id, tenantId } = req.user!;
  const act = {
    code: "campaign.created",
    label: (_values: object, { name }: Campaign) => `Création de la campagne «\u00a0${name}\u00a0»`,
    subject: (_values: object, campaign: Campaign) => aboutCampaign(campaign),
    at: (_values: object, campaign: Campaign) => rowsOf(campaign),
  };
  const form = await submit(req, NewForm, act, async ({ type, ...values }, em) => {
    const campaign = await createCampaign(em, values, { tenantId, by: { id } });
    await takeType(em, campaign, type ? await offered(em, type) : null, { by: { id } });
    return campaign;
  });
  if (form.errors) return showNew(req, res, form);
  const notice = "La campagne est créée, en préparation\u00a0: vous seul et les administrateurs la voyez.";
  res.saved(NEW, {}, { at: rowsOf(form.result), notice, undo: true });
};

/** What comes after the first step of its preparation (CAM-12). */
const rowsOf = (campaign: Campaign) => `${addressOf(campaign)}/donnees`;

export async function offered(em: EntityManager, id: string): Promise<OperationType> {
  const type = await em.findOne(OperationType, { id });
  if (!type) throw new RuleBroken("Ce type n’existe plus\u00a0: choisissez-en un autre.", "type");
  return type;
}

/** Each rule leads to its rows, where this reader may list them (PRE-6). */
export const shownReadiness = ({ level, rules }: Readiness, may: Standing["may"]) => ({
  badge: READINESS_LEVELS[level],
  rules: rules.map(({ result, count, text, path, right }) => ({
    text,
    badge: RULE_WORDS[result],
    href: count > 0 && may(right) ? path : null,
  })),
});

/** What a campaign waits for from this person, in the state it is. */
export function nextOf({ campaign, may }: { campaign: Pick<Campaign, "id" | "state"> } & Pick<Standing, "may">) {
  const at = addressOf(campaign);
  if (isDraft(campaign) && may("campaigns.configure")) {
    return { label: "Reprendre la préparation", icon: "list-check", href: `${at}/preparation`, isAwaited: true };
  }
  return campaign.state === "active" && may("campaigns.govern")
    ? { label: "Terminer", icon: "flag", href: `${at}/cloture`, isAwaited: false }
    : null;
}

/** The present values of a campaign, for a form that met a newer version (GEN-8). */
export const current =
  (req: Request<{ id: string }>, values: (campaign: Campaign) => Record<string, string>) =>
  async (em: EntityManager) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id);
    return {
      values: values(campaign),
      version: campaign.version,
      ...(await lastChange(em, "campaign", campaign.id)),
    };
  };
