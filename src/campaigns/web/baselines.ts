import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { setBaseline } from "../baseline.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { LONGEST_REASON } from "../progress.ts";
import { baselineAhead, listBaselines, type Shift } from "../queries/baselines.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { addressOf, frameOf, zoneOf } from "./shown.ts";

const PAGE = { page: "campaigns/baselines/index" };
const RIGHT = "campaigns.govern";
const TITLE = "Plan de référence";

/** What a baseline changed of the one before, in words. */
function shiftWords({ later, sooner, added, removed }: Shift): string {
  const said = [
    ...(later > 0 ? [fr.count(later, "date repoussée", "dates repoussées")] : []),
    ...(sooner > 0 ? [fr.count(sooner, "date avancée", "dates avancées")] : []),
    ...(added > 0 ? [fr.count(added, "opération ajoutée", "opérations ajoutées")] : []),
    ...(removed > 0 ? [fr.count(removed, "opération retirée", "opérations retirées")] : []),
  ];
  return said.length > 0 ? fr.list(said) : "Aucune date changée";
}

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

/** The baselines of a campaign, and the form of the next one (SNP-5). */
async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, lines, ahead } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    const { id } = found.campaign;
    return {
      standing: found,
      lines: await listBaselines(em, id),
      ahead: await baselineAhead(em, id, { zone: zoneOf(req, found.campaign) }),
    };
  });
  const { campaign, may, explain } = standing;
  const isChanged = ahead.later + ahead.sooner + ahead.added + ahead.removed > 0;
  res.show(PAGE, {
    title: TITLE,
    ...frameOf(req, standing, "dashboard", TITLE),
    lines: lines.map((line, rank) => ({
      ...line,
      isPresent: rank === 0,
      words: line.shift ? shiftWords(line.shift) : "Le premier, figé à la publication",
    })),
    ahead: { dated: ahead.dated, words: lines.length > 0 && isChanged ? shiftWords(ahead) : null },
    why:
      campaign.state === "draft"
        ? "Il se fige de lui-même à la publication."
        : campaign.isArchived()
          ? "Campagne archivée, lecture seule."
          : may(RIGHT)
            ? null
            : explain(RIGHT),
    form,
  });
}

const BaselineForm = z.object({
  reason: z
    .string()
    .trim()
    .min(3, "Dites pourquoi, en quelques mots\u00a0: le motif reste à côté du plan.")
    .max(LONGEST_REASON, `Raccourcissez à ${LONGEST_REASON} caractères.`)
    .describe("Motif"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/plan-de-reference`;
  const act = {
    code: "campaign.baseline_set",
    label: (_values: object, { name }: Campaign) => `Nouveau plan de référence de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    reason: ({ reason }: { reason: string }) => reason,
    at,
    // Each operation is told its day.
    isLong: true as const,
  };
  const form = await submit(req, BaselineForm, act, async ({ reason }, em) => {
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT);
    await setBaseline(em, campaign, reason, { by: { id: req.user!.id }, now: req.now, zone: zoneOf(req, campaign) });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  res.saved(PAGE, {}, { at, notice: "Le nouveau plan de référence est figé.", undo: true });
};
