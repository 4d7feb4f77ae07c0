import type { EntityManager } from "@mikro-orm/postgresql";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { refusals, type Status, statusOf, type Workflow } from "../workflow/index.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived } from "./campaign.ts";
import { holdWorkflow, operationsInStatuses, replaceStatuses } from "./queries/statuses.ts";

/** A status that another workflow would not have, and how many operations sit in it, the trash included (WFL-6). */
export interface Orphaned {
  status: Status;
  count: number;
}

/** The statuses of a campaign that are not among these codes and hold operations, with how many. */
export async function orphanedBy(em: EntityManager, campaign: Campaign, kept: Iterable<string>): Promise<Orphaned[]> {
  const codes = new Set(kept);
  const counts = await operationsInStatuses(em, campaign.id);
  return campaign.workflow.statuses.flatMap((status) => {
    const count = counts.get(status.code) ?? 0;
    return codes.has(status.code) || count === 0 ? [] : [{ status, count }];
  });
}

/**
 * Another workflow for a campaign: operations of a status that goes take the one `replacements` gives, and those of a status
 * whose category changes follow it, in one statement (WFL-6). A date of completion stays with who was done and is of a
 * success still; none is made. Refused when the workflow is broken (WFL-4), or when a status that goes holds operations
 * and has no replacement. The caller flushes. Gives how many operations changed status.
 */
export async function changeCampaignWorkflow(
  em: EntityManager,
  campaign: Campaign,
  workflow: Workflow,
  replacements: ReadonlyMap<string, string>,
  { by }: { by: By },
): Promise<number> {
  refuseArchived(campaign);
  const problems = refusals(workflow);
  if (problems.length > 0) throw new RuleBroken(problems.join(" "), "workflow");
  // Before they are counted: one that was on its way to a status that goes is counted too.
  await holdWorkflow(em, campaign.id);
  const orphaned = await orphanedBy(
    em,
    campaign,
    workflow.statuses.map(({ code }) => code),
  );
  const lost = orphaned.filter(({ status }) => !statusOf(workflow, replacements.get(status.code) ?? ""));
  if (lost.length > 0) {
    const told = lost.map(
      ({ status, count }) => `«\u00a0${status.label}\u00a0» (${fr.count(count, "opération", "opérations")})`,
    );
    throw new RuleBroken(
      `Des opérations sont dans un statut que vous retirez\u00a0: ${fr.list(told)}. Choisissez plus bas le statut qui les reçoit.`,
      "replacement",
    );
  }
  const moves = [
    ...orphaned.map(({ status }) => ({ from: status.code, to: statusOf(workflow, replacements.get(status.code)!)! })),
    ...campaign.workflow.statuses.flatMap(({ code, category }) => {
      const now = statusOf(workflow, code);
      return now && now.category !== category ? [{ from: code, to: now }] : [];
    }),
  ];
  if (moves.length > 0) {
    await replaceStatuses(
      em,
      campaign.id,
      moves.map(({ from, to }) => ({ from, to: to.code, category: to.category })),
    );
  }
  campaign.workflow = workflow;
  const count = orphaned.reduce((sum, one) => sum + one.count, 0);
  record(em, "campaign.workflow_edited", aboutCampaign(campaign), { count, by: by.id });
  return count;
}
