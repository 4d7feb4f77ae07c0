import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import type { RawBuilder, SqlBool } from "kysely";
import { Tenant } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { queryOf } from "../../platform/http/addresses.ts";
import { Bulk, type BulkSelection, freezeBulk, rightFor } from "../bulk.ts";
import type { BulkAction, BulkWish } from "../bulk-wish.ts";
import type { Campaign } from "../campaign.ts";
import { filtersOf } from "../operation-filter.ts";
import type { Plan } from "../plan.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { datesAskWhy } from "../progress.ts";
import { amongWhere } from "../queries/bulks.ts";
import { listAt, planOf } from "./shown.ts";

/** One bulk action as a request finds it: what its pages and its acts begin with. */

export const VIEW = { page: "campaigns/bulks/show", part: "campaigns/bulks/_progress" };
export type OfOne = Request<{ id: string; lot: string }>;
export const bulkAt = ({ id, lot }: { id: string; lot: string }) => `${listAt({ id })}/lots/${lot}`;
/** Actions that ask nothing, previewed at once; taking dates away asks why where the workflow does. */
export const asksNothing = (action: BulkAction, { workflow }: Pick<Campaign, "workflow">): boolean =>
  action === "unassign" || action === "trash" || (action === "undate" && !datesAskWhy(workflow));

/** The rows selected; a filter is read as the list reads its address. */
export function whereOf(plan: Plan, selection: BulkSelection, now: { now: Date }): RawBuilder<SqlBool> {
  if ("ids" in selection) return amongWhere(plan.campaign.id, selection.ids);
  return filtersOf(queryOf(selection.filter), plan, now).where;
}

export const decidingOf = async (em: EntityManager, req: Request, standing: Standing) => {
  const { tenantId } = req.user!;
  const { holidayZone } = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
  return { plan: await planOf(em, req, standing.campaign), standing, user: req.user!, holidayZone, now: req.now };
};

export async function freeze(
  em: EntityManager,
  req: Request,
  standing: Standing,
  bulk: Bulk,
  wish: BulkWish,
): Promise<void> {
  const deciding = await decidingOf(em, req, standing);
  await freezeBulk(em, bulk, wish, whereOf(deciding.plan, bulk.selection, req), deciding);
}

/** One bulk action of a campaign this person may change. Throws NotFound, or Forbidden. */
export async function bulkFor(em: EntityManager, req: OfOne): Promise<{ bulk: Bulk; standing: Standing }> {
  const { id, lot } = req.params;
  const seen = await campaignFor(em, req.user!, id);
  const bulk = (await em.findOne(Bulk, { id: lot, campaign: { id } } as never)) as Bulk | null;
  if (!bulk) throw new NotFound("Cette action groupée n’existe plus. Revenez à la liste des opérations.");
  return {
    bulk,
    standing: seen.may(rightFor(bulk.action)) ? seen : await campaignFor(em, req.user!, id, rightFor(bulk.action)),
  };
}
