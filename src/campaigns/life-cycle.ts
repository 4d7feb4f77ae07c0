import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant } from "../accounts/index.ts";
import { dayOf, localOf } from "../fields/index.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import { fr } from "../platform/text/index.ts";
import { decide } from "../workflow/index.ts";
import { aboutCampaign, type By, Campaign, type ClosedGroup, refuseArchived } from "./campaign.ts";
import type { Rules } from "./plan.ts";
import { effectsOf, LONGEST_REASON, statusOf } from "./progress.ts";
import { planPublication, publishedState } from "./publication-plan.ts";
import { campaignsToStart, closeStatus, openByStatus, wasStarted } from "./queries/life-cycle.ts";
import { blockingPrerequisites } from "./queries/prerequisites.ts";
import { holdWorkflow } from "./queries/statuses.ts";

/**
 * The states a campaign is led through by hand or by its days (CAM-3); what its operations make of it is in consequences.ts.
 * Whoever calls has kept others from writing statuses since before the campaign was read: see `holdWorkflow`.
 */

/** Why nothing of this kind can be done to a campaign as it is, in French; null: it can. */
export const whyNot = {
  publish: ({ state }: Pick<Campaign, "state">) => (state === "draft" ? null : "Elle est déjà publiée."),
  start: ({ state }: Pick<Campaign, "state">) =>
    state === "upcoming"
      ? null
      : state === "draft"
        ? "Elle est en préparation\u00a0: publiez-la d’abord."
        : "Elle a déjà démarré.",
  putBack: ({ state }: Pick<Campaign, "state">, { isStarted }: { isStarted: boolean }) =>
    state !== "active"
      ? "Seule une campagne en cours se remet à venir."
      : isStarted
        ? "Une de ses opérations a déjà démarré."
        : null,
  finish: ({ state }: Pick<Campaign, "state">) =>
    state === "active"
      ? null
      : state === "finished"
        ? "Elle est déjà terminée."
        : "Seule une campagne en cours se termine.",
};

function refuse(campaign: Campaign, why: string | null): void {
  refuseArchived(campaign);
  if (why !== null) throw new Conflict(why);
}

/** The day it is where a campaign takes place (GEN-3). */
export const todayIn = (zone: string, now: Date): string => dayOf(localOf(now, zone));

interface Publishing {
  by: By;
  today: string;
  reason?: string | undefined;
  /** The plan that whoever publishes was shown, and the zone its days were told in. */
  seen?: { mark: string; zone: string } | undefined;
}

/**
 * Out of preparation: upcoming, or active when its first day is today or past where it takes place (CAM-3). Throws RuleBroken
 * when the plan is no more the one that was seen, if one was (CAM-17), or without a reason while a blocking prerequisite is
 * not done (PRE-3). The caller flushes.
 */
export async function publishCampaign(
  em: EntityManager,
  campaign: Campaign,
  { by, today, reason, seen }: Publishing,
): Promise<void> {
  refuse(campaign, whyNot.publish(campaign));
  if (seen && (await planPublication(em, campaign, { ...seen, today })).mark !== seen.mark) {
    throw new RuleBroken("Le plan a changé entre-temps\u00a0: relisez-le ci-dessous, puis publiez de nouveau.");
  }
  if (!reason && (await blockingPrerequisites(em, campaign)).length > 0) {
    throw new RuleBroken(
      "Un prérequis bloquant reste à faire\u00a0: donnez un motif pour publier quand même.",
      "reason",
    );
  }
  const to = publishedState(campaign, today);
  campaign.state = to;
  record(em, "campaign.published", aboutCampaign(campaign), { to, by: by.id });
}

/** Active by its first day, which nobody did; nothing when it was started, put off, archived or thrown away meanwhile (CAM-5). The caller flushes. */
export function startOnDay(em: EntityManager, campaign: Campaign, { today }: { today: string }): boolean {
  if (campaign.state !== "upcoming" || campaign.startsOn > today || campaign.trashedAt) return false;
  campaign.state = "active";
  record(em, "campaign.started", aboutCampaign(campaign), { by: null, cause: null });
  return true;
}

/** Active before its first day (CAM-3). The caller flushes. */
export function startEarly(em: EntityManager, campaign: Campaign, { by }: { by: By }): void {
  refuse(campaign, whyNot.start(campaign));
  campaign.state = "active";
  record(em, "campaign.started", aboutCampaign(campaign), { by: by.id, cause: null });
}

/** Upcoming again, as long as no operation was ever started (CAM-3). The caller flushes. */
export async function putBack(em: EntityManager, campaign: Campaign, { by }: { by: By }): Promise<void> {
  refuse(campaign, whyNot.putBack(campaign, { isStarted: await wasStarted(em, campaign.id) }));
  campaign.state = "upcoming";
  record(em, "campaign.put_back", aboutCampaign(campaign), { by: by.id });
}

/** What is decided of the operations of a status that are not over: cancelled for this reason, or left with none. */
export interface Decision {
  status: string;
  /** How many there were when it was decided. */
  n: number;
  reason: string | null;
}

/**
 * Finished by hand: of each status that is not final, its operations are cancelled or left as they are, and the list is kept
 * with the closing (CAM-6, CAM-7). Throws RuleBroken when the list is no more the one that was decided on, or without a
 * reason to cancel. The caller flushes.
 */
export async function finishCampaign(
  em: EntityManager,
  plan: Rules & { campaign: Campaign },
  decisions: readonly Decision[],
  { by, now }: { by: By; now: Date },
): Promise<{ cancelled: number; left: number }> {
  const { campaign, workflow } = plan;
  refuse(campaign, whyNot.finish(campaign));
  const open = await openByStatus(em, campaign.id, 0);
  const decided = new Map(decisions.map((one) => [one.status, one]));
  if (open.some(({ status, n }) => decided.get(status)?.n !== n)) {
    throw new RuleBroken("Les opérations ont changé entre-temps\u00a0: relisez la liste, puis confirmez de nouveau.");
  }
  let cancelled = 0;
  const closing: ClosedGroup[] = [];
  for (const { status, n } of open) {
    const { reason } = decided.get(status)!;
    if (reason !== null) cancelled += await cancelStatus(em, plan, status, { reason, now });
    closing.push({ status: statusOf(workflow, status).label, n, reason });
  }
  const left = open.reduce((sum, { n }) => sum + n, 0) - cancelled;
  Object.assign(campaign, { state: "finished", closedAt: now, closing });
  record(em, "campaign.finished", aboutCampaign(campaign), { by: by.id, cause: null });
  return { cancelled, left };
}

async function cancelStatus(
  em: EntityManager,
  plan: Rules,
  from: string,
  { reason, now }: { reason: string; now: Date },
): Promise<number> {
  const field = `reason_${from}`;
  if (reason.length < 3) throw new RuleBroken("Indiquez le motif, en quelques mots.", field);
  if (reason.length > LONGEST_REASON) throw new RuleBroken(`Raccourcissez à ${LONGEST_REASON} caractères.`, field);
  const ways = plan.workflow.transitions.filter(
    (one) => one.from === from && statusOf(plan.workflow, one.to).category === "cancelled",
  );
  const { kind, to } = ways.find((one) => one.kind === "cancel") ?? ways[0]!;
  const arrow = decide(plan.workflow, { from, kind, to, who: ["manager"], reason, date: null });
  return closeStatus(em, plan.campaign.id, from, { ...effectsOf(plan, arrow), reason, today: todayIn(plan.zone, now) });
}

/** What was open at the closing, in words. */
export const closingWords = (value: unknown): string =>
  (value as ClosedGroup[])
    .map(({ status, n, reason }) => {
      const told = fr.count(n, "opération", "opérations");
      return `${status}\u00a0: ${told}, ${reason === null ? "telles quelles" : `annulées (${reason})`}`;
    })
    .join("\u00a0; ");

export const START = "Démarrage des campagnes dont c’est le premier jour";

/**
 * Starts the campaigns whose first day has come where they take place, missed days included, each by an act of nobody;
 * gives how many (CAM-3, CAM-5). Done again, it finds nothing left to start.
 */
export async function startDue(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId }: { tenantId: string },
): Promise<number> {
  const now = clock.now();
  const { zone, due } = await db.read(tenantId, async (em) => {
    const tenant = await em.findOneOrFail(Tenant, { tenantId, id: tenantId });
    return { zone: tenant.zone, due: await campaignsToStart(em, tenant.zone, now) };
  });
  let started = 0;
  for (const { id, name } of due) {
    const act = { ...startedOnDay(name), subject: aboutCampaign({ id }), tenantId, actorId: null, now };
    const isStarted = await db.act(act, async (em) => {
      await holdWorkflow(em, id);
      const campaign = await em.findOneOrFail(Campaign, { id });
      return startOnDay(em, campaign, { today: todayIn(campaign.zone ?? zone, now) });
    });
    if (isStarted) started += 1;
  }
  return started;
}

/** What history says of it. */
export const startedOnDay = (name: string) =>
  ({
    channel: "job",
    code: "campaign.started",
    label: `Démarrage de la campagne «\u00a0${name}\u00a0»\u00a0: c’est son premier jour`,
  }) as const;
