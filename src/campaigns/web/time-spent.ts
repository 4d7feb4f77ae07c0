import type { RequestHandler } from "express";
import { MANAGER_RIGHTS } from "../../accounts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { read } from "../../platform/http/forms.ts";
import { toldMinutes } from "../balance.ts";
import { campaignFor } from "../policy.ts";
import { NONE } from "../queries/operations.ts";
import { type TimeSpent, timeBySegment, timeByTechnician, timeOfType } from "../queries/time-spent.ts";
import { frameOf, listAt } from "./shown.ts";

const PAGE = { page: "campaigns/time-spent/index" };

/** The time spent on a campaign: in all, by segment, on its type; by technician to manager rights only (OPS-23). */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, segments, technicians, type } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    const { campaign } = found;
    return {
      standing: found,
      segments: await timeBySegment(em, campaign.id),
      technicians: found.may(MANAGER_RIGHTS.operations) ? await timeByTechnician(em, campaign.id) : null,
      type: campaign.type && (await timeOfType(em, req.user!, campaign.type.id)),
    };
  });
  const { campaign } = standing;
  const list = listAt(campaign);
  const lines = (of: TimeSpent[], none: string, filter: string) =>
    of.map(({ id, name, minutes, operations }) => ({
      name: name ?? none,
      href: withQuery(list, { [filter]: id ?? NONE }),
      told: toldMinutes(minutes),
      operations,
    }));
  const minutes = segments.reduce((sum, one) => sum + one.minutes, 0);
  const operations = segments.reduce((sum, one) => sum + one.operations, 0);
  res.show(PAGE, {
    title: "Temps passé",
    ...frameOf(req, standing, "dashboard", "Temps passé"),
    exportAt: standing.may("rows.export") ? `/exports/temps/${campaign.id}/nouveau` : null,
    total: toldMinutes(minutes),
    operations,
    mean: operations === 0 ? null : toldMinutes(Math.round(minutes / operations)),
    standard: campaign.durationMinutes == null ? null : toldMinutes(campaign.durationMinutes),
    type: campaign.type && type && { name: campaign.type.name, told: toldMinutes(type.minutes) },
    segments: lines(segments, "Sans segment", "segment"),
    technicians: technicians && lines(technicians, "Non affectée", "technicien"),
  });
};
