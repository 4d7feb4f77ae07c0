import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { codeFor, FIELD_TYPES, newField, TYPE_LABELS } from "../../fields/index.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign } from "../campaign.ts";
import { addFields, CampaignField, fieldsOf } from "../field.ts";
import { titleFieldOf } from "../operation.ts";
import { campaignFor } from "../policy.ts";
import { addressOf, frameOf } from "./shown.ts";

const PAGE = { page: "campaigns/fields/index" };

/** Types a campaign may take before it has people and documents of its own, and options to choose from. */
const OFFERED = FIELD_TYPES.filter(
  (type) => !["person", "attachment", "single_choice", "multiple_choice"].includes(type),
);

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, fields } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    return { standing: found, fields: await fieldsOf(em, found.campaign) };
  });
  const title = titleFieldOf(
    standing.campaign,
    fields.map((field) => field.definition()),
  );
  res.show(PAGE, {
    title: "Champs",
    ...frameOf(req, standing, "fields", "Champs"),
    fields: fields.map(({ code, label, help, type, isMandatory, isUnique, isListed, isSearchable }) => ({
      code,
      label,
      help,
      type: TYPE_LABELS[type],
      switches: [
        isMandatory && "obligatoire",
        isUnique && "unique",
        isListed && "dans la liste",
        isSearchable && "cherché",
        code === title?.code && "nomme l’opération",
      ].filter(Boolean),
    })),
    types: OFFERED.map((value) => ({ value, label: TYPE_LABELS[value] })),
    switches: [
      { value: "isMandatory", label: "Obligatoire" },
      { value: "isUnique", label: "Unique", hint: "Deux opérations n’ont pas la même valeur." },
      { value: "isListed", label: "Dans la liste" },
      { value: "isSearchable", label: "Cherché" },
    ],
    form,
  });
}

const FieldForm = z.object({
  label: z
    .string()
    .trim()
    .min(1, "Écrivez le libellé du champ.")
    .max(100, "Raccourcissez à 100 caractères.")
    .describe("Libellé"),
  type: z.enum(OFFERED, "Choisissez un type de la liste.").describe("Type"),
  switches: z
    .array(z.enum(["isMandatory", "isUnique", "isListed", "isSearchable"]))
    .max(4)
    .default([])
    .describe("Règles"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/champs`;
  const act = {
    code: "campaign.fields_changed",
    label: ({ label }: { label: string }) => `Champ «\u00a0${label}\u00a0» ajouté`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, FieldForm, act, async ({ label, type, switches }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    // Codes of removed fields are taken too: their values are still there (FLD-7).
    const taken = await em.find(CampaignField, { campaign: { id: campaign.id } } as never);
    const has = (name: (typeof switches)[number]) => switches.includes(name);
    const field = newField({
      code: codeFor(
        label,
        taken.map(({ code }) => code),
      ),
      label,
      type,
      isMandatory: has("isMandatory"),
      isUnique: has("isUnique"),
      isListed: has("isListed"),
      isSearchable: has("isSearchable"),
    });
    await addFields(em, campaign, [field], { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form);
  res.saved(PAGE, {}, { at, notice: "Le champ est ajouté.", undo: true });
};
