import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, archiveCampaign, type Campaign, restoreCampaign, stateOf } from "../campaign.ts";
import { refuseConverting } from "../conversion-run.ts";
import { campaignFor } from "../policy.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { addressOf, frameOf } from "./shown.ts";

const PAGE = { page: "campaigns/archives/edit" };

const NO_REASON = "Indiquez le motif, en quelques mots\u00a0: il reste dans l’historique.";
const reason = z.string().trim().max(500, "Raccourcissez à 500 caractères.").describe("Motif");
const RestoreForm = z.object({ reason: reason.min(3, NO_REASON) });
/** What is finished is put away without a word; why anything else is abandoned is said (CAM-3). */
const ArchiveForm = z.object({ reason });

export const edit: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

/** The same page leads both ways: into the archive, and out of it. */
async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const standing = await read(req, (em) => campaignFor(em, req.user!, req.params.id, "campaigns.govern"));
  const { campaign } = standing;
  const title = campaign.isArchived() ? "Restaurer" : "Archiver";
  res.show(PAGE, {
    title: `${title} ${campaign.name}`,
    ...frameOf(req, standing, "dashboard", title),
    leadsTo: stateOf(campaign.stateBefore ?? "finished").label,
    isAbandoned: campaign.state !== "finished",
    form,
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = {
    code: "campaign.archived",
    label: (_values: object, { name }: Campaign) => `Archivage de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    reason: ({ reason }: { reason: string }) => reason || undefined,
    at,
  };
  const form = await submit(req, ArchiveForm, act, async ({ reason: why }, em) => {
    // Nothing changes in what is read-only by then: neither a status nor values that a job reads again (CAM-8, FLD-6).
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.govern");
    if (campaign.state !== "finished" && why.length < 3) throw new RuleBroken(NO_REASON, "reason");
    await refuseConverting(em, campaign.id);
    archiveCampaign(em, campaign, { by: { id: req.user!.id }, now: req.now });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  res.saved(PAGE, {}, { at, notice: "La campagne est archivée\u00a0: elle se lit et ne se modifie plus.", undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = {
    code: "campaign.restored",
    label: (_values: object, { name }: Campaign) => `Restauration de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    reason: ({ reason }: { reason: string }) => reason,
    at,
  };
  const form = await submit(req, RestoreForm, act, async (_values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.govern");
    await restoreCampaign(em, campaign, { by: { id: req.user!.id } });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  const notice = `La campagne est restaurée, dans l’état «\u00a0${stateOf(form.result.state).label}\u00a0».`;
  res.saved(PAGE, {}, { at, notice, undo: true });
};
