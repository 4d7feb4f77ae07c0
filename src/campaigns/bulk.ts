import { randomUUIDv7 } from "node:crypto";
import { defineEntity, LockMode, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { RawBuilder, SqlBool } from "kysely";
import { Tenant, User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import type { ActInput } from "../platform/db/index.ts";
import { Conflict, Forbidden, NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import {
  type BulkDecision,
  type BulkSaid,
  type BulkTarget,
  decisionOf,
  refusalOf,
  type TargetChanges,
} from "./bulk-decision.ts";
import type { BulkAction, BulkWish } from "./bulk-wish.ts";
import { aboutCampaign, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { type Plan, planFor } from "./plan.ts";
import { type Asking, campaignFor, type Standing, whoOn } from "./policy.ts";
import {
  type FrozenRow,
  forgetRows,
  keepRows,
  lastChangers,
  lockTargets,
  missRows,
  presentAct,
  targetsAfter,
  writeTargets,
} from "./queries/bulks.ts";
import { holdStatuses } from "./queries/statuses.ts";
import { searchAnew } from "./search.ts";

export const BULK_STATES = ["chosen", "frozen", "running", "completed", "cancelled", "failed"] as const;

/** Up to so many rows change while the person waits (OPS-15). */
export const INLINE_ROWS = 500;
/** Rows of one transaction: whoever works on one of them waits for it less than a second. */
const PART_ROWS = 2_000;
const FROZEN_AT_ONCE = 10_000;
/** A selection is a page of the list at most, or a filter. */
export const MOST_TICKED = 100;
export const NOTHING_TICKED = "Cochez au moins une opération, ou prenez toutes celles du filtre.";

/** What was selected: these rows, or all that answer to this filter, as its address says it (OPS-13). */
export type BulkSelection = { ids: string[] } | { filter: string };

export interface BulkCounts {
  change: number;
  same: number;
  refused: number;
}

const schema = defineEntity({
  name: "Bulk",
  tableName: "bulk",
  ...tenantTable,
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    authorId: p.uuid(),
    action: p.text().$type<BulkAction>(),
    selection: p.json<BulkSelection>().columnType("jsonb"),
    state: p.enum(BULK_STATES).default("chosen"),
    wish: p.json<BulkWish>().columnType("jsonb").nullable(),
    counts: p.json<BulkCounts>().columnType("jsonb").nullable(),
    actId: p.uuid().nullable(),
    /** Rows behind, and the last of them: where a run taken up again begins (OPS-15). */
    done: p.integer().default(0),
    doneId: p.uuid().nullable(),
    changed: p.integer().default(0),
    cancelAskedAt: p.datetime().nullable(),
    startedAt: p.datetime().nullable(),
    finishedAt: p.datetime().nullable(),
    failure: p.text().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** One action on many operations, from its selection to what came of it (OPS-13 to OPS-16). */
export class Bulk extends schema.class {
  isOver() {
    return this.state === "completed" || this.state === "cancelled" || this.state === "failed";
  }
}
schema.setClass(Bulk);
export const BulkSchema = schema;

/** One row of a preview: its version then, what would come of it, and why not (OPS-14). */
export const BulkRowSchema = defineEntity({
  name: "BulkRow",
  tableName: "bulk_row",
  ...tenantTable,
  properties: {
    tenantId: p.uuid().primary(),
    // No foreign keys: a check for each of ten thousand rows.
    bulkId: p.uuid().primary(),
    operationId: p.uuid().primary(),
    seen: p.integer(),
    outcome: p.text(),
    why: p.text().nullable(),
    /** Whom a balanced assignment gives it to (OPS-3). */
    technicianId: p.uuid().nullable(),
  },
});

export const aboutBulk = ({ id }: { id: string }) => ({ type: "bulk", id });
const DELETING = "operations.delete";
const MANAGING = "operations.manage";
/** The right an action asks on its campaign (OPS-12, PRM-11). */
export const rightFor = (action: BulkAction) => (action === "trash" ? DELETING : MANAGING);

/** What was selected and what is to be done with it; nothing is frozen yet. The caller flushes. */
export function chooseBulk(
  em: EntityManager,
  campaign: Campaign,
  { action, selection }: { action: BulkAction; selection: BulkSelection },
  { by }: { by: { id: string } },
): Bulk {
  refuseArchived(campaign);
  if ("ids" in selection && selection.ids.length === 0) {
    throw new RuleBroken(NOTHING_TICKED, "row");
  }
  const bulk = em.create(Bulk, {
    tenantId: campaign.tenantId,
    id: randomUUIDv7(),
    campaign,
    authorId: by.id,
    action,
    selection,
    wish: null,
    counts: null,
    actId: null,
    doneId: null,
    cancelAskedAt: null,
    startedAt: null,
    finishedAt: null,
    failure: null,
  });
  em.persist(bulk);
  return bulk;
}

interface Deciding {
  plan: Plan;
  standing: Pick<Standing, "campaign" | "may">;
  user: Asking;
  holidayZone: string;
  now: Date;
}

const deciderFor = (
  em: EntityManager,
  { plan, standing, user, holidayZone, now }: Deciding,
  wish: BulkWish,
  writing: Pick<BulkSaid, "isWriting" | "selected">,
) =>
  decisionOf(em, plan, wish, {
    ...writing,
    by: { id: user.id },
    now,
    holidayZone,
    who: (technicianId) => whoOn(standing, user, technicianId),
  });

const needsValues = ({ action }: BulkWish) => action === "field";

/**
 * Freezes what the selection holds now, row by row with its version and what would come of it (OPS-14). Throws
 * RuleBroken, as `decisionOf`, for a wish no row could have; Conflict once it was started.
 */
export async function freezeBulk(
  em: EntityManager,
  bulk: Bulk,
  wish: BulkWish,
  where: RawBuilder<SqlBool>,
  deciding: Deciding,
): Promise<BulkCounts> {
  refuseArchived(deciding.plan.campaign);
  refuseStarted(bulk);
  const decision = await deciderFor(em, deciding, wish, { isWriting: false, selected: where });
  const { tenantId, id: bulkId } = bulk;
  await forgetRows(em, bulkId);
  const counts: BulkCounts = { change: 0, same: 0, refused: 0 };
  let after: string | null = null;
  for (;;) {
    const options = { after, size: FROZEN_AT_ONCE, withValues: needsValues(wish) };
    const targets = await targetsAfter(em, where, options);
    if (targets.length === 0) break;
    const rows = targets.map((target) => frozen(decision, target));
    for (const { outcome } of rows) counts[outcome] += 1;
    await keepRows(em, { tenantId, bulkId }, rows);
    after = targets.at(-1)!.id;
    if (targets.length < FROZEN_AT_ONCE) break;
  }
  Object.assign(bulk, { wish, counts, state: "frozen", authorId: deciding.user.id });
  return counts;
}

function frozen(decision: BulkDecision, target: BulkTarget): FrozenRow {
  const row = { id: target.id, seen: target.version, why: null };
  try {
    const changes = decision.of(target);
    return { ...row, outcome: changes ? "change" : "same", technicianId: target.given ?? null };
  } catch (error) {
    return { ...row, outcome: "refused", why: refusalOf(error), technicianId: null };
  }
}

const refuseStarted = ({ state }: Bulk): void => {
  if (state !== "chosen" && state !== "frozen") {
    throw new Conflict("Cette action a déjà été lancée. Sa page dit ce qu’elle a fait.");
  }
};

/** The same bulk action, held until the end of the transaction: nobody else passes a part of it. */
export const holdBulk = (em: EntityManager, id: string): Promise<Bulk> =>
  em.findOneOrFail(
    Bulk,
    { id } as never,
    {
      lockMode: LockMode.PESSIMISTIC_WRITE,
      refresh: true,
      populate: ["campaign"],
    } as never,
  ) as unknown as Promise<Bulk>;

/**
 * Starts what was previewed: at once for few rows, whose act is the caller's own; else as a job whose parts join that
 * act (OPS-15, OPS-16). Throws Conflict when it was started before. Gives whether it is done.
 */
export async function startBulk(em: EntityManager, bulk: Bulk, deciding: Deciding): Promise<boolean> {
  refuseStarted(bulk);
  refuseArchived(deciding.plan.campaign);
  if (!bulk.counts || bulk.counts.change === 0) {
    throw new RuleBroken("Aucune opération ne changerait\u00a0: il n’y a rien à appliquer.");
  }
  Object.assign(bulk, {
    state: "running",
    actId: await presentAct(em),
    authorId: deciding.user.id,
    startedAt: deciding.now,
  });
  await em.flush();
  if (bulk.counts.change > INLINE_ROWS) {
    record(em, "operations.bulk_started", aboutBulk(bulk), {
      campaign: deciding.plan.campaign.id,
      action: bulk.action,
      by: deciding.user.id,
    });
    return false;
  }
  await passPart(em, bulk, deciding);
  return true;
}

/** Asks a run to stop: at the end of the part under way (OPS-15). */
export function cancelBulk(bulk: Bulk, { now }: { now: Date }): void {
  refuseArchived(bulk.campaign);
  if (bulk.state !== "running") {
    throw new Conflict("Cette action est finie\u00a0: il n’y a plus rien à arrêter. Elle peut encore être annulée.");
  }
  bulk.cancelAskedAt = now;
}

/** Applies the next rows, each with its own rights, its own transition and its own version; over after the last. */
async function passPart(em: EntityManager, bulk: Bulk, deciding: Deciding): Promise<void> {
  const wish = bulk.wish!;
  const decision = await deciderFor(em, deciding, wish, { isWriting: true });
  const options = { after: bulk.doneId ?? null, size: PART_ROWS, withValues: needsValues(wish) };
  const targets = await lockTargets(em, bulk.id, options);
  const decided: { target: BulkTarget; changes: TargetChanges }[] = [];
  const missed: { id: string; why: string }[] = [];
  const moved: string[] = [];
  for (const target of targets) {
    if (target.version !== target.seen) {
      moved.push(target.id);
      continue;
    }
    try {
      const changes = decision.of(target);
      if (changes) decided.push({ target, changes });
    } catch (error) {
      missed.push({ id: target.id, why: refusalOf(error) });
    }
  }
  const changers = await lastChangers(em, moved);
  missed.push(...moved.map((id) => ({ id, why: `Modifiée entre-temps par ${changers.get(id) ?? "quelqu’un"}.` })));
  await missRows(em, bulk.id, missed);
  await writeTargets(em, bulk.tenantId, decided);
  // Names of people are not known row by row: they are asked for all of them (OPS-6).
  const namesPeople = deciding.plan.fields.some(({ isSearchable, type }) => isSearchable && type === "person");
  if (wish.action === "field" && namesPeople) {
    await searchAnew(
      em,
      decided.map(({ target }) => target.id),
    );
  }
  const isLast = targets.length < PART_ROWS;
  Object.assign(bulk, {
    done: bulk.done + targets.length,
    doneId: targets.at(-1)?.id ?? bulk.doneId,
    changed: bulk.changed + decided.length,
  });
  if (isLast) finish(em, bulk, { state: "completed", now: deciding.now });
}

function finish(
  em: EntityManager,
  bulk: Bulk,
  { state, failure = null, now }: { state: "completed" | "cancelled" | "failed"; failure?: string | null; now: Date },
): void {
  Object.assign(bulk, { state, failure, finishedAt: now });
  record(em, "operations.bulk_changed", aboutCampaign(bulk.campaign), {
    bulk: bulk.id,
    action: bulk.action,
    state,
    changed: bulk.changed,
    by: bulk.authorId,
  });
}

/** What a bulk action of this person is decided with, as their rights and the campaign are now. */
async function decidingFor(em: EntityManager, bulk: Bulk, user: Asking, now: Date): Promise<Deciding> {
  const standing = await campaignFor(em, user, bulk.campaign.id, rightFor(bulk.action));
  refuseArchived(standing.campaign);
  const tenant = await em.findOneOrFail(Tenant, { tenantId: bulk.tenantId, id: bulk.tenantId });
  return {
    plan: await planFor(em, standing.campaign, tenant.zone),
    standing,
    user,
    holidayZone: tenant.holidayZone,
    now,
  };
}

/**
 * Carries a started bulk action out, or what is left of it: part by part, each in one transaction that says how far it
 * went, so that whatever stops it no row is changed twice nor left out (OPS-15). Does nothing when it is over.
 */
export async function runBulk(
  { db, clock }: Pick<Services, "db" | "clock">,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<void> {
  const found = await db.read(tenantId, (em) => em.findOne(Bulk, { id } as never));
  if (found?.state !== "running") return;
  const said = {
    id: found.actId!,
    isPart: true,
    tenantId,
    actorId: found.authorId,
    channel: "bulk",
    code: "operations.changed",
    label: "Action groupée",
  } as const satisfies Omit<ActInput, "now">;
  const part = (work: (em: EntityManager, bulk: Bulk, now: Date) => Promise<void>) => {
    const now = clock.now();
    return db.patiently().act({ ...said, now }, async (em) => {
      await holdStatuses(em, { campaignId: found.campaign.id });
      const bulk = await holdBulk(em, id);
      if (bulk.state === "running") await work(em, bulk, now);
      return bulk.state === "running";
    });
  };
  const next = () =>
    part(async (em, bulk, now) => {
      if (bulk.cancelAskedAt) return finish(em, bulk, { state: "cancelled", now });
      const author = await em.findOne(User, { tenantId, id: bulk.authorId });
      if (!author?.isActive()) {
        throw new Forbidden("Le compte qui a lancé cette action a été désactivé. Reprenez-la de votre côté.");
      }
      await passPart(em, bulk, await decidingFor(em, bulk, author, now));
    });
  try {
    while (await next());
  } catch (error) {
    const isRefusal =
      error instanceof RuleBroken ||
      error instanceof Conflict ||
      error instanceof Forbidden ||
      error instanceof NotFound;
    if (!isRefusal) throw error;
    await part(async (em, bulk, now) => finish(em, bulk, { state: "failed", failure: error.message, now }));
  }
}
