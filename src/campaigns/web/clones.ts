import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { cloneCampaign, copyName } from "../clone.ts";
import { campaignFor } from "../policy.ts";
import { OUTLINE_LABELS, OutlineFields } from "./campaigns.ts";
import { addressOf, frameOf } from "./shown.ts";

const NEW = { page: "campaigns/clones/new" };
const CLONE = "campaigns.clone";

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, name } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, CLONE);
    return { standing, name: await copyName(em, standing.campaign) };
  });
  res.show(NEW, {
    title: `Dupliquer ${standing.campaign.name}`,
    ...frameOf(req, standing, "dashboard", "Dupliquer"),
    labels: OUTLINE_LABELS,
    // Its days are asked for: those of the first are over, or taken (CAM-19).
    values: { name, description: standing.campaign.description },
    form,
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "campaign.cloned",
    label: (_values: object, { name }: Campaign) => `Copie d’une campagne\u00a0: «\u00a0${name}\u00a0»`,
    subject: (_values: object, campaign: Campaign) => aboutCampaign(campaign),
    at: (_values: object, campaign: Campaign) => addressOf(campaign),
  };
  const form = await submit(req, z.object(OutlineFields), act, async (outline, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CLONE);
    return cloneCampaign(em, campaign, outline, { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form);
  const notice = "La copie est prête, en préparation\u00a0: vous seul et les administrateurs la voyez.";
  res.saved(NEW, {}, { at: addressOf(form.result), notice, undo: true });
};
