import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import type { FieldDefinition } from "../../fields/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign } from "../campaign.ts";
import { fieldsOf } from "../field.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { canSegment, followField, followNothing, previewSync } from "../segment-sync.ts";
import { addressOf, frameOf } from "./shown.ts";

const VIEW = { page: "campaigns/segment-syncs/new" };
const CONFIGURE = "campaigns.configure";

type OfOne = Request<{ id: string }>;
const Asked = z.object({ champ: z.string().max(50).optional() });

/** Fields that may make the segments, those of people first where they stand. */
export async function segmentingFields(em: EntityManager, { campaign }: Standing): Promise<FieldDefinition[]> {
  return (await fieldsOf(em, campaign)).map((field) => field.definition()).filter(canSegment);
}

export const new_: RequestHandler<{ id: string }> = (req, res) =>
  show(req, res, { values: {} }, query(req, Asked).champ);

/** Who enters and who leaves each segment, before anything moves (SEG-4). */
async function show(req: OfOne, res: Response, form: object, code: string | undefined): Promise<void> {
  const { standing, field, preview } = await read(
    req,
    async (em) => {
      const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
      const fields = await segmentingFields(em, found);
      const wanted = code ?? found.campaign.segmentField;
      const chosen = wanted ? fields.find((one) => one.code === wanted) : fields[0];
      const zone = found.campaign.zone ?? req.user!.tenant.zone;
      return {
        standing: found,
        field: chosen,
        preview: chosen ? await previewSync(em, { campaign: found.campaign, zone }, chosen) : null,
      };
    },
    { isLong: true },
  );
  if (!field || !preview) {
    throw new NotFound(
      "Aucun champ de cette campagne ne peut faire ses segments. Ajoutez-en un, comme un bâtiment ou un service.",
    );
  }
  res.show(VIEW, {
    title: "Resynchroniser les segments",
    ...frameOf(req, standing, "segments", "Resynchroniser"),
    field,
    isSame: standing.campaign.segmentField === field.code,
    preview,
    form,
  });
}

const SyncForm = z.object({
  field: z.string().max(50).describe("Champ"),
  seen: z.string().max(50_000).describe("Aperçu"),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/segments`;
  const act = {
    code: "campaign.segments_synced",
    label: (_values: object, { label }: { label: string }) => `Segments d’après «\u00a0${label}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
    isLong: true as const,
  };
  let asked: string | undefined;
  const form = await submit(req, SyncForm, act, async ({ field: code, seen }, em) => {
    asked = code;
    const standing = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const { campaign } = standing;
    const field = (await segmentingFields(em, standing)).find((one) => one.code === code);
    if (!field) throw new NotFound("Ce champ n’est plus dans la campagne. Revenez aux segments.");
    const plan = { campaign, zone: campaign.zone ?? req.user!.tenant.zone };
    return { label: field.label, moved: await followField(em, plan, field, { seen, by: { id: req.user!.id } }) };
  });
  if (form.errors) return show(req, res, form, asked);
  const { label, moved } = form.result;
  const notice = `Les segments suivent «\u00a0${label}\u00a0»\u00a0: ${fr.count(moved, "opération a changé de segment", "opérations ont changé de segment")}.`;
  res.saved(VIEW, {}, { at, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/segments`;
  const act = {
    code: "campaign.edited",
    label: "Segments sans champ",
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    followNothing(em, campaign, { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form, undefined);
  res.saved(VIEW, {}, { at, notice: "Les segments ne suivent plus aucun champ.", undo: true });
};
