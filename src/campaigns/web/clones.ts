import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { type Cloned, cloneCampaign, copyName } from "../clone.ts";
import { OperationType } from "../operation-type.ts";
import { campaignFor } from "../policy.ts";
import { OUTLINE_LABELS, OutlineFields } from "./campaigns.ts";
import { addressOf, frameOf } from "./shown.ts";

const NEW = { page: "campaigns/clones/new" };
const CLONE = "campaigns.clone";

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, name, retired } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, CLONE);
    return {
      standing,
      name: await copyName(em, standing.campaign),
      retired: await retiredTypeOf(em, standing.campaign),
    };
  });
  res.show(NEW, {
    title: `Dupliquer ${standing.campaign.name}`,
    ...frameOf(req, standing, "dashboard", "Dupliquer"),
    labels: OUTLINE_LABELS,
    retired,
    // Its days are asked for: those of the first are over, or taken (CAM-19).
    values: { name, description: standing.campaign.description },
    form,
  });
}

/** The name of its type, when no new campaign is offered it any more (TYP-3). */
async function retiredTypeOf(em: EntityManager, { type }: Campaign): Promise<string | null> {
  const taken = type && (await em.findOneOrFail(OperationType, { id: type.id }));
  return taken?.isRetired() ? taken.name : null;
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "campaign.cloned",
    label: (_values: object, { clone }: Cloned) => `Copie d’une campagne\u00a0: «\u00a0${clone.name}\u00a0»`,
    subject: (_values: object, { clone }: Cloned) => aboutCampaign(clone),
    at: (_values: object, { clone }: Cloned) => addressOf(clone),
  };
  const form = await submit(req, z.object(OutlineFields), act, async (outline, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CLONE);
    return cloneCampaign(em, campaign, outline, { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form);
  const { clone, unanswered } = form.result;
  const ready = "La copie est prête, en préparation\u00a0: vous seul et les administrateurs la voyez.";
  const waiting = `${fr.count(unanswered, "prérequis attend", "prérequis attendent")} un responsable\u00a0: le compte de celui d’avant est désactivé.`;
  res.saved(NEW, {}, { at: addressOf(clone), notice: unanswered > 0 ? `${ready} ${waiting}` : ready, undo: true });
};
