import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import type { Workflow } from "../../workflow/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { type Decision, finishCampaign, whyNot } from "../life-cycle.ts";
import { rulesFor } from "../plan.ts";
import { campaignFor } from "../policy.ts";
import { LONGEST_REASON } from "../progress.ts";
import { openByStatus } from "../queries/life-cycle.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { addressOf, frameOf, listAt } from "./shown.ts";

const PAGE = { page: "campaigns/closings/new" };
const RIGHT = "campaigns.govern";
/** Operations of a status named before its list is opened. */
const SHOWN = 20;

const openOf = ({ statuses }: Workflow) => statuses.filter(({ isFinal }) => !isFinal);
const ends = { leave: "Les laisser telles quelles", cancel: "Les annuler" };

/** Of each status that is not final: how many were shown, what becomes of them, and why. */
const closingForm = (workflow: Workflow) =>
  z.object(
    Object.fromEntries(
      openOf(workflow).flatMap(({ code, label }) => [
        [`n_${code}`, z.coerce.number().int().min(0).default(0).describe(`Nombre, ${label}`)],
        [`end_${code}`, z.enum(["cancel", "leave"]).default("leave").describe(label)],
        [
          `reason_${code}`,
          z
            .string()
            .trim()
            .max(LONGEST_REASON, `Raccourcissez à ${LONGEST_REASON} caractères.`)
            .default("")
            .describe(`Motif, ${label}`),
        ],
      ]),
    ),
  );

const decisionsOf = (workflow: Workflow, values: Record<string, unknown>): Decision[] =>
  openOf(workflow).map(({ code }) => ({
    status: code,
    n: Number(values[`n_${code}`]),
    reason: values[`end_${code}`] === "cancel" ? String(values[`reason_${code}`]) : null,
  }));

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { standing, open } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, RIGHT);
    return { standing: found, open: await openByStatus(em, req.params.id, SHOWN) };
  });
  const { campaign } = standing;
  const known = new Map(open.map((one) => [one.status, one]));
  res.show(PAGE, {
    title: `Terminer ${campaign.name}`,
    ...frameOf(req, standing, "dashboard", "Terminer"),
    why: whyNot.finish(campaign),
    groups: openOf(campaign.workflow).flatMap(({ code, label, icon, tone }) => {
      const { n, titles } = known.get(code) ?? { n: 0, titles: [] };
      const href = `${listAt(campaign)}?statut=${code}`;
      return n === 0 ? [] : { code, label, n, titles, more: n - titles.length, href, badge: { label, icon, tone } };
    }),
    ends: Object.entries(ends).map(([value, label]) => ({ value, label })),
    labels: Object.fromEntries(
      openOf(campaign.workflow).flatMap(({ code, label }) => [
        [`end_${code}`, label],
        [`reason_${code}`, `Motif, ${label}`],
      ]),
    ),
    form,
  });
}

interface Closed {
  campaign: Campaign;
  cancelled: number;
  left: number;
}

const operations = (n: number, what: string) => fr.count(n, `opération ${what}`, `opérations ${what}s`);

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { campaign: asked } = await read(req, (em) => campaignFor(em, req.user!, req.params.id, RIGHT));
  const at = addressOf(req.params);
  const act = {
    code: "campaign.finished",
    label: (_values: object, { campaign }: Closed) => `Clôture de la campagne «\u00a0${campaign.name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
    // All that is open may be cancelled together.
    isLong: true as const,
  };
  const form = await submit(req, closingForm(asked.workflow), act, async (values, em) => {
    await holdWorkflow(em, req.params.id);
    const { campaign } = await campaignFor(em, req.user!, req.params.id, RIGHT);
    const plan = { ...rulesFor(campaign, req.user!.tenant.zone), campaign };
    const said = { by: { id: req.user!.id }, now: req.now };
    return { campaign, ...(await finishCampaign(em, plan, decisionsOf(campaign.workflow, values), said)) };
  });
  if (form.errors) return show(req, res, form);
  const { cancelled, left } = form.result;
  const told = [
    ...(cancelled > 0 ? [operations(cancelled, "annulée")] : []),
    ...(left > 0 ? [operations(left, "laissée")] : []),
  ];
  const notice = `La campagne est terminée${told.length > 0 ? `\u00a0: ${fr.list(told)}` : ""}.`;
  res.saved(PAGE, {}, { at, notice, undo: true });
};
