import type { RequestHandler, Response } from "express";
import { z } from "zod";
import { withQuery } from "../../platform/http/addresses.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign, stateOf } from "../campaign.ts";
import { publishCampaign, todayIn, whyNot } from "../life-cycle.ts";
import { campaignFor } from "../policy.ts";
import { planPublication } from "../publication-plan.ts";
import { NONE } from "../queries/operations.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { readinessOf } from "../readiness.ts";
import { shownReadiness } from "./campaigns.ts";
import { Reason } from "./operation-form.ts";
import { type OfOne, prepared, stepFrame } from "./preparation.ts";
import { addressOf, listAt, zoneOf } from "./shown.ts";

const PAGE = { page: "campaigns/publications/new" };
const RIGHT = "campaigns.publish";

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

/** The plan before it is applied, as the summary of the preparation (CAM-17). */
async function show(req: OfOne, res: Response, form: object): Promise<void> {
  const { seen, plan, readiness } = await read(req, async (em) => {
    const seen = await prepared(em, req, RIGHT);
    const { campaign } = seen.standing;
    const zone = zoneOf(req, campaign);
    const today = todayIn(zone, req.now);
    return {
      seen,
      plan: await planPublication(em, campaign, { zone, today }),
      readiness: await readinessOf(em, campaign, { of: { tenantId: campaign.tenantId, day: today } }),
    };
  });
  const { standing } = seen;
  const { campaign } = standing;
  const { leadsTo, table, ...shown } = plan;
  const list = listAt(campaign);
  res.show(PAGE, {
    ...stepFrame(req, seen, "summary"),
    why: whyNot.publish(campaign),
    leadsTo: stateOf(leadsTo),
    isDue: leadsTo === "active",
    ...shown,
    table: {
      ...table,
      lines: table.lines.map((line) => ({ ...line, href: withQuery(list, { segment: line.id ?? NONE }) })),
    },
    readiness: shownReadiness(readiness, standing.may),
    listAt: list,
    form,
  });
}

const PublicationForm = z.object({
  reason: Reason,
  seen: z.string().max(64, "Rechargez la page.").optional().describe("Plan lu"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = {
    code: "campaign.published",
    label: (_values: object, { name }: Campaign) => `Publication de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    reason: ({ reason }: { reason: string }) => reason || undefined,
    at,
    // Each of its operations is told its day in the baseline.
    isLong: true as const,
  };
  const form = await submit(req, PublicationForm, act, async ({ reason, seen }, em) => {
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT);
    const zone = zoneOf(req, campaign);
    await publishCampaign(em, campaign, {
      by: { id: req.user!.id },
      today: todayIn(zone, req.now),
      reason,
      // Without its page, as an address kept, it publishes what there is.
      seen: seen ? { mark: seen, zone } : undefined,
    });
    return campaign;
  });
  if (form.errors) return show(req, res, form);
  res.saved(
    PAGE,
    {},
    { at, notice: "La campagne est publiée\u00a0: ses techniciens voient leurs opérations.", undo: true },
  );
};
