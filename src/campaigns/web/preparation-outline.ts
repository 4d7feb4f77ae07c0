import type { RequestHandler, Response } from "express";
import { z } from "zod";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { goTo } from "../../platform/http/show.ts";
import { editCampaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { hasOperations } from "../queries/definitions.ts";
import { listOfferedTypes } from "../queries/operation-types.ts";
import { changeType } from "../taken-type.ts";
import { NEW_LABELS, OutlineFields, offered, TypeField, typeChoices } from "./campaigns.ts";
import {
  CONFIGURE,
  isOver,
  type OfOne,
  prepared,
  refuseOver,
  STEP_FORM,
  stepFrame,
  type Way,
  WayField,
  wayAt,
} from "./preparation.ts";
import { outlineAct } from "./settings.ts";

const EDIT = { page: "campaigns/preparation/outline" };

/** Step 1 of a draft, opened again (CAM-13). */
export const edit: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: OfOne, res: Response, form: object): Promise<void> {
  const { seen, types, isEmpty } = await read(req, async (em) => ({
    seen: await prepared(em, req),
    types: await listOfferedTypes(em),
    isEmpty: !(await hasOperations(em, req.params)),
  }));
  if (isOver(res, seen)) return;
  const { type } = seen.standing.campaign;
  // One that is retired stays where it was taken (TYP-3).
  const own = type && !types.some(({ value }) => value === type.id) ? [{ value: type.id, label: type.name }] : [];
  res.show(EDIT, {
    ...stepFrame(req, seen, "outline", { form: STEP_FORM }),
    labels: NEW_LABELS,
    types: isEmpty ? typeChoices([...own, ...types]) : [],
    form,
  });
}

const OutlineForm = z.object({ ...OutlineFields, type: TypeField.default(""), to: WayField });

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const left = ({ to }: { to?: Way }) => wayAt(req.params, to, "rows");
  const form = await submit(req, OutlineForm, outlineAct(req, left), async ({ type, to, ...outline }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    refuseOver(campaign);
    await atVersion(em, campaign, sent);
    const done = { campaign, before: campaign.version, at: left({ to }) };
    const by = { id: req.user!.id };
    await editCampaign(em, campaign, outline, { by });
    // The form asks for no type once there are operations.
    if (type === "" && (await hasOperations(em, campaign))) return done;
    await changeType(em, campaign, type ? await offered(em, type) : null, { by, now: req.now });
    return done;
  });
  if (form.errors) return show(req, res, form);
  const { campaign, before, at } = form.result;
  // Left as it was found: there is nothing to tell, or to undo.
  if (campaign.version === before) return goTo(req, res, at);
  res.saved(EDIT, {}, { at, notice: "Les informations sont enregistrées.", undo: true });
};
