import type { RequestHandler, Response } from "express";
import { z } from "zod";
import { IMPORT_FILE } from "../../imports/index.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { goTo } from "../../platform/http/show.ts";
import { acceptOf } from "../../platform/storage/kinds.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign } from "../campaign.ts";
import { addColumns } from "../column-names.ts";
import { campaignFor } from "../policy.ts";
import { STEPS } from "../preparation.ts";
import { definitionsOf } from "../queries/definitions.ts";
import { leaveStep, setFigures } from "../queries/preparation.ts";
import { isFirstField } from "../taken-type.ts";
import {
  CONFIGURE,
  isOver,
  isWaiting,
  type OfOne,
  prepared,
  refuseOver,
  STEP_FORM,
  stepAt,
  stepFrame,
  type Way,
  WayField,
  wayAt,
} from "./preparation.ts";

const NEW = { page: "campaigns/preparation/rows" };

export const new_: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

/** Step 2: a file, names of columns, or nothing (CAM-14). */
async function show(req: OfOne, res: Response, form: object): Promise<void> {
  const { seen, fields, figures } = await read(req, async (em) => ({
    seen: await prepared(em, req),
    fields: await definitionsOf(em, req.params),
    figures: await setFigures(em, req.params.id),
  }));
  if (isOver(res, seen)) return;
  const { campaign, may } = seen.standing;
  const waiting = seen.files.find(isWaiting);
  const isBare = fields.every(isFirstField);
  res.show(NEW, {
    ...stepFrame(req, seen, "rows", { form: STEP_FORM }),
    upload: may("operations.manage") ? uploadOf(campaign.id) : null,
    waiting: waiting ? { fileName: waiting.fileName, href: `/imports/${waiting.id}` } : null,
    operations: figures.operations,
    fields: isBare ? [] : fields.map(({ label }) => label),
    mappingAt: stepAt(campaign, "mapping"),
    form,
  });
}

const uploadOf = (scope: string) => ({
  kind: "operations",
  purpose: IMPORT_FILE,
  accept: acceptOf(IMPORT_FILE.kinds),
  scope,
  moreAt: `/imports/operations/nouveau?objet=${scope}`,
});

const ColumnsForm = z.object({
  columns: z.string().max(20_000, "Raccourcissez à 20 000 caractères.").default("").describe("Noms des colonnes"),
  to: WayField,
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const left = ({ to }: { to?: Way }) => wayAt(req.params, to, "settings");
  const act = {
    code: "campaign.fields_changed",
    label: (_values: object, { added }: { added: number }) => fr.count(added, "colonne ajoutée", "colonnes ajoutées"),
    subject: () => aboutCampaign(req.params),
    at: left,
  };
  const form = await submit(req, ColumnsForm, act, async ({ columns, to }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    refuseOver(campaign);
    const isEmpty = to !== undefined && columns.trim() === "";
    const added = isEmpty ? 0 : await addColumns(em, campaign, columns, { by: { id: req.user!.id }, now: req.now });
    // Names typed settle the step, whichever way it is left; without any, going on past it does.
    await leaveStep(
      em,
      campaign.id,
      STEPS.findIndex(({ code }) => code === (added > 0 ? "settings" : to)),
    );
    return { added, at: left({ to }) };
  });
  if (form.errors) return show(req, res, form);
  const { added, at } = form.result;
  if (added === 0) return goTo(req, res, at);
  const notice = `${fr.count(added, "champ est ajouté", "champs sont ajoutés")}\u00a0: ${added < 2 ? "il accepte" : "ils acceptent"} un texte court, et ${added < 2 ? "se règle" : "se règlent"} dans «\u00a0Champs\u00a0».`;
  res.saved(NEW, {}, { at, notice, undo: true });
};
