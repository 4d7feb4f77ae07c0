import type { EntityManager } from "@mikro-orm/postgresql";
import type { RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { query, read, sinceVersion, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutBulk, type Bulk, cancelBulk, holdBulk, INLINE_ROWS, startBulk } from "../bulk.ts";
import { decisionOf } from "../bulk-decision.ts";
import { BULK_ACTIONS, buttonOf } from "../bulk-wish.ts";
import { aboutCampaign } from "../campaign.ts";
import { campaignFor, whoOn } from "../policy.ts";
import { causesOf, doneTargets, listBulks } from "../queries/bulks.ts";
import { holdStatuses } from "../queries/statuses.ts";
import { loadTable } from "./bulk-loads.ts";
import { showSettings } from "./bulk-settings.ts";
import { asksNothing, bulkAt, bulkFor, decidingOf, type OfOne, VIEW } from "./one-bulk.ts";
import { frameOf, listAt, operationAt } from "./shown.ts";

const MANAGE = "operations.manage";
const LONGEST_MESSAGE = 200;
const MOST_LISTED = 50;
/** Of each cause, so many operations are named. */
const NAMED = 20;

const STATES: Record<string, { label: string; icon: string; tone: string }> = {
  frozen: { label: "À confirmer", icon: "eye", tone: "neutral" },
  running: { label: "En cours", icon: "play-circle", tone: "primary" },
  completed: { label: "Terminée", icon: "check-circle", tone: "success" },
  cancelled: { label: "Arrêtée", icon: "pause-circle", tone: "warning" },
  failed: { label: "Interrompue", icon: "alert-triangle", tone: "danger" },
};

/** The last bulk actions of a campaign: one under way is found again here. */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, bulks } = await read(req, async (em) => ({
    standing: await campaignFor(em, req.user!, req.params.id, MANAGE),
    bulks: await listBulks(em, req.params.id, MOST_LISTED),
  }));
  res.show(
    { page: "campaigns/bulks/index" },
    {
      title: "Actions groupées",
      ...frameOf(req, standing, "operations", "Actions groupées"),
      listAt: listAt(req.params),
      bulks: bulks.map(({ id: lot, action, state, counts, changed, ...bulk }) => ({
        ...bulk,
        label: BULK_ACTIONS[action].label,
        href: bulkAt({ id: req.params.id, lot }),
        badge: STATES[state],
        told: state === "frozen" ? counts.change : changed,
      })),
    },
  );
};

export const show: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const { reglages } = query(
    req,
    z.object({ reglages: z.literal("oui").optional(), choix: z.string().max(120).optional() }),
  );
  const { bulk } = await read(req, (em) => bulkFor(em, req));
  if (bulk.state === "chosen" || (bulk.state === "frozen" && reglages)) return showSettings(req, res, { values: {} });
  return showBulk(req, res, { values: {} });
};

async function showBulk(req: OfOne, res: Response, form: object): Promise<void> {
  const shown = await read(req, async (em) => {
    const { bulk, standing } = await bulkFor(em, req);
    const deciding = await decidingOf(em, req, standing);
    return {
      bulk,
      standing,
      causes: await causesOf(em, bulk.id, NAMED),
      done: bulk.action === "trash" && bulk.state === "frozen" ? await doneTargets(em, bulk.id, NAMED) : null,
      said: await saidOf(em, bulk, deciding),
      loads:
        bulk.state === "frozen" && bulk.wish?.action === "balance"
          ? await loadTable(em, bulk.id, bulk.wish, deciding)
          : null,
    };
  });
  const { bulk, standing, causes, done, said, loads } = shown;
  const at = bulkAt(req.params);
  const counts = bulk.counts ?? { change: 0, same: 0, refused: 0 };
  const isOver = bulk.isOver();
  const title = isOver
    ? "Résultat de l’action"
    : bulk.state === "running"
      ? "Action en cours"
      : "Vérifier avant d’appliquer";
  res.show(VIEW, {
    title,
    ...frameOf(req, standing, "operations", title),
    at,
    listAt: listAt(req.params),
    said,
    bulk: {
      state: bulk.state,
      version: bulk.version,
      done: bulk.done,
      changed: bulk.changed,
      left: counts.change - bulk.changed,
      isOver,
      isStopping: bulk.cancelAskedAt != null && !isOver,
      failure: bulk.failure ?? null,
      actId: bulk.actId ?? null,
      asks: !asksNothing(bulk.action, standing.campaign),
    },
    counts,
    exportAt: standing.may("rows.export") && bulk.state !== "running" ? `/exports/lots/${bulk.id}/nouveau` : null,
    isLong: counts.change > INLINE_ROWS,
    button: buttonOf(bulk, counts.change),
    icon: BULK_ACTIONS[bulk.action].icon,
    causes: causes.map((cause) => ({
      ...cause,
      rows: cause.rows.map((row) => ({ ...row, href: operationAt(row) })),
    })),
    done,
    loads,
    form,
  });
}

/** In a few words, what was asked; a wish that holds no more is told by its action alone. */
async function saidOf(
  em: EntityManager,
  bulk: Bulk,
  deciding: Awaited<ReturnType<typeof decidingOf>>,
): Promise<string> {
  const { label } = BULK_ACTIONS[bulk.action];
  if (!bulk.wish) return label;
  return labelOf(em, bulk, deciding, bulk.isOver() ? bulk.changed : (bulk.counts?.change ?? 0)).catch(
    (error: unknown) => {
      if (error instanceof RuleBroken) return label;
      throw error;
    },
  );
}

async function labelOf(
  em: EntityManager,
  { wish }: Bulk,
  { plan, standing, user, holidayZone, now }: Awaited<ReturnType<typeof decidingOf>>,
  n: number,
): Promise<string> {
  const who = (technicianId: string | null) => whoOn(standing, user, technicianId);
  return (await decisionOf(em, plan, wish!, { by: user, now, holidayZone, who, isWriting: false })).label(n);
}

const Confirmation = z.object({
  message: z
    .string()
    .trim()
    .max(LONGEST_MESSAGE, `Raccourcissez à ${LONGEST_MESSAGE} caractères.`)
    .default("")
    .describe("Message"),
  done: z.literal("oui").optional().describe("Confirmation"),
});

interface Applied {
  label: string;
  reason: string | null;
  isDone: boolean;
  n: number;
}

/** Applies it: at once, or by a job whose page may be left (OPS-15). */
export const apply: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const { id } = req.params;
  const at = bulkAt(req.params);
  await read(req, (em) => bulkFor(em, req));
  const act = {
    code: "operations.changed",
    label: (_values: object, { label }: Applied) => label,
    subject: () => aboutCampaign({ id }),
    // A row that held the same reason already does not tell it: the act does (OPS-20).
    reason: ({ message }: { message: string }, { reason }: Applied) =>
      [reason, message].filter(Boolean).join(" – ") || undefined,
    channel: "bulk" as const,
    at,
    current: async (em: EntityManager) => {
      const { version, authorId } = (await bulkFor(em, req)).bulk;
      const by = (await findUserNames(em, [authorId])).get(authorId);
      return { values: {}, version, ...(by !== undefined && { by }) };
    },
  };
  const form = await submit(req, Confirmation, act, async ({ done }, em, sent) => {
    await holdStatuses(em, { campaignId: id });
    const { standing } = await bulkFor(em, req);
    const bulk = await holdBulk(em, req.params.lot);
    // Previewed anew since, it is no more what this button said; one that was started says so by itself.
    if (bulk.state === "frozen") sinceVersion(bulk, sent);
    if (bulk.action === "trash" && !done) {
      const named = await doneTargets(em, bulk.id, 1);
      if (named.n > 0) {
        throw new RuleBroken(
          `Confirmez aussi pour ${named.n < 2 ? "celle qui est réalisée" : `les ${fr.number(named.n)} réalisées`}.`,
          "done",
        );
      }
    }
    const deciding = await decidingOf(em, req, standing);
    const isDone = await startBulk(em, bulk, deciding);
    const n = isDone ? bulk.changed : bulk.counts!.change;
    const reason = bulk.wish && "reason" in bulk.wish ? bulk.wish.reason : null;
    return { label: await labelOf(em, bulk, deciding, n), reason, isDone, n };
  });
  if (form.errors) return showBulk(req, res, form);
  const { isDone, n } = form.result;
  const notice = isDone
    ? `${fr.count(n, "opération changée", "opérations changées")}.`
    : "L’action a commencé. Vous pouvez quitter cette page.";
  res.saved(VIEW, {}, { at, notice, undo: isDone });
};

export const cancel: RequestHandler<{ id: string; lot: string }> = async (req, res) => {
  const at = bulkAt(req.params);
  await read(req, (em) => bulkFor(em, req));
  const act = {
    code: "bulk.cancelled",
    label: "Arrêt demandé d’une action groupée",
    subject: () => aboutBulk({ id: req.params.lot }),
    at,
  };
  await submit(req, z.object({}), act, async (_values, em) => {
    await bulkFor(em, req);
    cancelBulk(await holdBulk(em, req.params.lot), { now: req.now });
  });
  res.saved(VIEW, {}, { at, notice: "L’action s’arrête." });
};
