import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { asError, read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign, LONGEST_NAME, trashCampaign, untrashCampaign } from "../campaign.ts";
import { refuseConverting } from "../conversion-run.ts";
import { campaignFor } from "../policy.ts";
import { listTrashed } from "../queries/campaigns.ts";
import { outlineOfWork } from "../queries/life-cycle.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { KEPT_DAYS } from "../retention.ts";
import { AT, addressOf, badgeOf, CAMPAIGNS, frameOf, HOME } from "./shown.ts";

const LIST = { page: "campaigns/campaign-trash/index" };
const NEW = { page: "campaigns/campaign-trash/new" };
const RIGHT = "campaigns.govern";
const TRASH = `${AT}/corbeille`;
const DAY_MS = 86_400_000;

/** What waits in the trash for whoever may take it out (CAM-11). */
export const index: RequestHandler = async (req, res) => {
  const found = await read(req, (em) => listTrashed(em, req.user!));
  res.show(LIST, {
    title: "Corbeille des campagnes",
    crumbs: [HOME, CAMPAIGNS, { label: "Corbeille" }],
    days: KEPT_DAYS,
    zone: req.user!.tenant.zone,
    campaigns: found.map((one) => ({
      ...one,
      badge: badgeOf(one),
      leavesAt: new Date(one.trashedAt.getTime() + KEPT_DAYS * DAY_MS),
      action: `${addressOf(one)}/reprise`,
    })),
  });
};

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, work } = await read(req, async (em) => ({
    standing: await campaignFor(em, req.user!, req.params.id, RIGHT),
    work: await outlineOfWork(em, req.params.id),
  }));
  const title = `Supprimer ${standing.campaign.name}`;
  res.show(NEW, { title, ...frameOf(req, standing, "dashboard", "Supprimer"), work, days: KEPT_DAYS, form });
}

const NameForm = z.object({
  name: z.string().max(LONGEST_NAME, `Raccourcissez à ${LONGEST_NAME} caractères.`).default("").describe("Son nom"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "campaign.trashed",
    label: (_values: object, { name }: Campaign) => `Campagne «\u00a0${name}\u00a0» mise à la corbeille`,
    subject: () => aboutCampaign(req.params),
    at: TRASH,
  };
  const form = await submit(req, NameForm, act, async ({ name }, em) => {
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT);
    await refuseConverting(em, campaign.id);
    trashCampaign(em, campaign, { name, by: { id: req.user!.id }, now: req.now });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  res.saved(LIST, {}, { at: TRASH, notice: `${form.result.name} est à la corbeille.`, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = {
    code: "campaign.untrashed",
    label: (_values: object, { name }: Campaign) => `Campagne «\u00a0${name}\u00a0» sortie de la corbeille`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT, { isTrashed: true });
    await untrashCampaign(em, campaign, { by: { id: req.user!.id } });
    return campaign;
  });
  if (form.errors) throw asError(form);
  res.saved(LIST, {}, { at, notice: `${form.result.name} est sortie de la corbeille.`, undo: true });
};
