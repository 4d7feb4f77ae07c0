import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { atVersion, type Form, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { rowsOf, rowsTyped, WorkflowForm, workflowFrom } from "../../workflow/index.ts";
import { aboutCampaign } from "../campaign.ts";
import { changeCampaignWorkflow, orphanedBy } from "../campaign-workflow.ts";
import { campaignFor } from "../policy.ts";
import { flowOf, presentRoles } from "./operation-types.ts";
import { addressOf, frameOf } from "./shown.ts";
import { problemsOf, WORDS } from "./type-workflows.ts";

const CARD = { page: "campaigns/workflows/show" };
const EDIT = { page: "campaigns/workflows/edit" };
const CONFIGURE = "campaigns.configure";

type OfOne = Request<{ id: string }>;
const flowAt = (params: { id: string }) => `${addressOf(params)}/flux`;

export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, present } = await read(req, async (em) => ({
    standing: await campaignFor(em, req.user!, req.params.id),
    present: await presentRoles(em),
  }));
  res.show(CARD, {
    title: "Flux",
    ...frameOf(req, standing, "workflow", "Flux"),
    flow: flowOf(standing.campaign.workflow, { present }),
  });
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, null);

async function showEdit(req: OfOne, res: Response, form: Form<unknown> | null): Promise<void> {
  const rows = form?.errors ? rowsTyped(form.values) : null;
  const { standing, orphaned } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const kept = (rows?.statuses ?? []).flatMap(({ code, isDropped }) => (code && !isDropped ? [code] : []));
    return { standing: found, orphaned: rows ? await orphanedBy(em, found.campaign, kept) : [] };
  });
  const { workflow } = standing.campaign;
  const chosen = form?.errors ? replacementsOf(form.values) : new Map<string, string>();
  const kept = (rows?.statuses ?? []).filter(({ code, isDropped }) => code !== "" && !isDropped);
  res.show(EDIT, {
    title: "Modifier le flux",
    ...frameOf(req, standing, "workflow", "Modifier le flux"),
    form: form?.errors ? { ...form, errors: problemsOf(form) } : {},
    rows: rows ?? rowsOf(workflow),
    words: WORDS,
    orphaned: orphaned.map(({ status, count }) => ({
      ...status,
      count,
      chosen: chosen.get(status.code) ?? "",
      options: [
        { value: "", label: "Choisir" },
        // Those of the same category first: nothing else changes for who counts.
        ...kept
          .toSorted((a, b) => Number(b.category === status.category) - Number(a.category === status.category))
          .map(({ code, label, category }) => ({
            value: code,
            label: category === status.category ? `${label} (même catégorie)` : label,
          })),
      ],
    })),
  });
}

/** What a form sends of the statuses that go. */
export const Replacements = {
  replaced: z.array(z.string().max(50)).max(30).default([]).describe("Statut retiré"),
  replacement: z.array(z.string().max(50)).max(30).default([]).describe("Statut qui le remplace"),
};
const Form_ = WorkflowForm.extend(Replacements);

/** Two lists that go together rank by rank: a status that goes, and the one its operations take. */
export function replacementsOf(sent: Record<string, unknown>): Map<string, string> {
  const list = (name: string) => [sent[name] ?? []].flat().map(String);
  const to = list("replacement");
  return new Map(list("replaced").map((from, rank) => [from, to[rank] ?? ""]));
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const at = flowAt(req.params);
  const act = {
    code: "campaign.workflow_edited",
    label: "Flux de la campagne modifié",
    subject: () => aboutCampaign(req.params),
    at,
    isLong: true as const,
  };
  const form = await submit(req, Form_, act, async (values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    await atVersion(em, campaign, sent);
    const workflow = workflowFrom(values);
    if (workflow.statuses.length === 0) {
      throw new RuleBroken("Ce flux n’a aucun statut. Rechargez la page, puis recommencez.");
    }
    return changeCampaignWorkflow(em, campaign, workflow, replacementsOf(values), { by: { id: req.user!.id } });
  });
  if (form.errors) return showEdit(req, res, form);
  const moved = form.result;
  const notice = `Le flux est enregistré${moved > 0 ? `\u00a0: ${fr.count(moved, "opération a changé de statut", "opérations ont changé de statut")}` : ""}.`;
  res.saved(EDIT, {}, { at, notice, undo: true });
};
