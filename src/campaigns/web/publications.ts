import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign, stateOf } from "../campaign.ts";
import { publishCampaign, todayIn, whyNot } from "../life-cycle.ts";
import { campaignFor } from "../policy.ts";
import { outlineOfWork } from "../queries/life-cycle.ts";
import { blockingPrerequisites } from "../queries/prerequisites.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { readinessOf } from "../readiness.ts";
import { shownReadiness } from "./campaigns.ts";
import { Reason } from "./operation-form.ts";
import { addressOf, frameOf, listAt, zoneOf } from "./shown.ts";

const PAGE = { page: "campaigns/publications/new" };
const RIGHT = "campaigns.publish";

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, work, readiness, blocking } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, RIGHT);
    return {
      standing: found,
      work: await outlineOfWork(em, req.params.id),
      readiness: await readinessOf(em, found.campaign),
      blocking: await blockingPrerequisites(em, found.campaign),
    };
  });
  const { campaign } = standing;
  const title = `Publier ${campaign.name}`;
  const isDue = campaign.startsOn <= todayIn(zoneOf(req, campaign), req.now);
  res.show(PAGE, {
    title,
    ...frameOf(req, standing, "dashboard", "Publier"),
    why: whyNot.publish(campaign),
    leadsTo: stateOf(isDue ? "active" : "upcoming"),
    isDue,
    work,
    readiness: shownReadiness(readiness, standing.may),
    blocking,
    listAt: listAt(campaign),
    form,
  });
}

const PublicationForm = z.object({ reason: Reason });

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = {
    code: "campaign.published",
    label: (_values: object, { name }: Campaign) => `Publication de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    reason: ({ reason }: { reason: string }) => reason || undefined,
    at,
  };
  const form = await submit(req, PublicationForm, act, async ({ reason }, em) => {
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT);
    const today = todayIn(zoneOf(req, campaign), req.now);
    await publishCampaign(em, campaign, { by: { id: req.user!.id }, today, reason });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  res.saved(
    PAGE,
    {},
    { at, notice: "La campagne est publiée\u00a0: ses techniciens voient leurs opérations.", undo: true },
  );
};
