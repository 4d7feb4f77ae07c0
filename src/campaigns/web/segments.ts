import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { withQuery } from "../../platform/http/addresses.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { NONE } from "../queries/operations.ts";
import { figuresBySegment } from "../queries/segments.ts";
import { addSegment } from "../segment.ts";
import { addressOf, frameOf } from "./shown.ts";

const PAGE = { page: "campaigns/segments/index" };

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, figures } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return { standing: found, figures: await figuresBySegment(em, found.campaign.id) };
  });
  const at = `${addressOf(req.params)}/operations`;
  const segments = figures
    // Without any segment, nor anything outside of one, there is nothing to say.
    .filter(({ id, total }) => id !== null || total > 0)
    .map(({ id, name, total, done, cancelled }) => {
      // What is cancelled is asked of nobody any more (glossary §4).
      const counted = total - cancelled;
      return {
        name: name ?? "Sans segment",
        href: withQuery(at, { segment: id ?? NONE }),
        total,
        done,
        share: counted === 0 ? null : done / counted,
      };
    });
  res.show(PAGE, {
    title: "Segments",
    ...frameOf(req, standing, "segments", "Segments"),
    segments,
    mayAdd: standing.may("campaigns.configure") && !standing.campaign.isArchived(),
    form,
  });
}

const SegmentForm = z.object({
  name: z
    .string()
    .trim()
    .min(2, "Écrivez un nom d’au moins 2 caractères.")
    .max(100, "Raccourcissez à 100 caractères.")
    .describe("Nom"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/segments`;
  const act = {
    code: "campaign.segment_added",
    label: ({ name }: { name: string }) => `Segment «\u00a0${name}\u00a0» ajouté`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, SegmentForm, act, async ({ name }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    await addSegment(em, campaign, { name }, { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form);
  res.saved(PAGE, {}, { at, notice: "Le segment est ajouté.", undo: true });
};
