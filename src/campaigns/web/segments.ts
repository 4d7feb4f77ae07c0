import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { CATEGORIES, CATEGORY_CODES, statusOf, TONES, type Tone } from "../../workflow/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { NONE } from "../queries/operations.ts";
import { listPrerequisites } from "../queries/prerequisites.ts";
import { listSegments, operationsOfSegment } from "../queries/segments.ts";
import { statsOfCampaign } from "../queries/stats.ts";
import { addSegment, deleteSegment, editSegment, mergeSegment, moveSegment, Segment } from "../segment.ts";
import { tallyOf } from "../stats.ts";
import { lateWords } from "./dashboard-words.ts";
import { choicesOf } from "./operation-types.ts";
import { lineOf, shownDone } from "./prerequisites.ts";
import { segmentingFields } from "./segment-syncs.ts";
import { addressOf, frameOf, operationAt, shownProgress } from "./shown.ts";

const PAGE = { page: "campaigns/segments/index" };
const CARD = { page: "campaigns/segments/show" };
const CONFIGURE = "campaigns.configure";
/** Operations shown on the page of a segment; the list has them all. */
const SHOWN = 25;

type OfOne = Request<{ id: string }>;
type OfSegment = Request<{ id: string; segment: string }>;
const atOf = ({ id }: { id: string }) => `${addressOf({ id })}/segments`;
const cardAt = (params: { id: string; segment: string }) => `${atOf(params)}/${params.segment}`;

export const index: RequestHandler<{ id: string }> = (req, res) => show_(req, res, { values: {} });

async function show_(req: OfOne, res: Response, form: object): Promise<void> {
  const { standing, stats, fields } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return {
      standing: found,
      stats: await statsOfCampaign(em, found.campaign, req),
      fields: await segmentingFields(em, found),
    };
  });
  const list = `${addressOf(req.params)}/operations`;
  const segments = stats.segments
    // Without any segment, nor anything outside of one, there is nothing to say; else "Sans segment" is a line, even of none (SEG-5).
    .filter(({ total }) => stats.segments.length > 1 || total > 0)
    .map((one) => ({
      id: one.id,
      name: one.name ?? "Sans segment",
      total: one.total,
      done: one.counters.success,
      late: lateWords(one),
      href: one.id ? `${atOf(req.params)}/${one.id}` : withQuery(list, { segment: NONE }),
      ...shownProgress(tallyOf(one.counters)),
    }));
  const followed = fields.find(({ code }) => code === standing.campaign.segmentField);
  res.show(PAGE, {
    title: "Segments",
    ...frameOf(req, standing, "segments", "Segments"),
    segments,
    exportAt: standing.may("rows.export") && segments.length > 0 ? `/exports/segments/${req.params.id}/nouveau` : null,
    count: segments.filter(({ id }) => id !== null).length,
    mayAdd: standing.may(CONFIGURE) && !standing.campaign.isArchived(),
    followed: followed?.label,
    fields: fields.map(({ code, label }) => ({ value: code, label })),
    segmentField: followed?.code ?? fields[0]?.code,
    form,
  });
}

const Name = z
  .string()
  .trim()
  .min(2, "Écrivez un nom d’au moins 2 caractères.")
  .max(100, "Raccourcissez à 100 caractères.")
  .describe("Nom");
const SegmentForm = z.object({ name: Name });

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = {
    code: "campaign.segment_added",
    label: ({ name }: { name: string }) => `Segment «\u00a0${name}\u00a0» ajouté`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, SegmentForm, act, async ({ name }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    await addSegment(em, campaign, { name }, { by: { id: req.user!.id } });
  });
  if (form.errors) return show_(req, res, form);
  res.saved(PAGE, {}, { at, notice: "Le segment est ajouté.", undo: true });
};

async function segmentOf(em: EntityManager, campaign: Campaign, id: string): Promise<Segment> {
  const segment = (await em.findOne(Segment, { id, campaign: { id: campaign.id } } as never)) as Segment | null;
  if (!segment) throw new NotFound("Ce segment n’existe pas, ou plus. Revenez aux segments de la campagne.");
  return segment;
}

const UNTOUCHED = { values: {} };
export const show: RequestHandler<{ id: string; segment: string }> = (req, res) => showCard(req, res, {});

async function showCard(
  req: OfSegment,
  res: Response,
  forms: { edit?: object; merge?: object; removal?: object },
): Promise<void> {
  const { standing, segment, figures, operations, prerequisites, others, zone } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    const one = await segmentOf(em, found.campaign, req.params.segment);
    const local = found.campaign.zone ?? req.user!.tenant.zone;
    return {
      standing: found,
      segment: one,
      zone: local,
      figures: (await statsOfCampaign(em, found.campaign, req)).segments.find(({ id }) => id === one.id)!,
      operations: await operationsOfSegment(em, one.id, SHOWN),
      prerequisites: await listPrerequisites(em, found.campaign.id, { zone: local, segmentId: one.id }),
      others: (await listSegments(em, found.campaign.id)).filter(({ id }) => id !== one.id),
    };
  });
  const { campaign } = standing;
  res.show(CARD, {
    title: segment.name,
    ...frameOf(req, standing, "segments", segment.name),
    zone,
    segment,
    segmentAt: cardAt(req.params),
    counters: CATEGORY_CODES.map((code) => ({ ...CATEGORIES[code], count: figures.counters[code] })),
    overdue: figures.late,
    late: lateWords(figures),
    expected: fr.ratio(figures.expected),
    total: figures.total,
    ...shownProgress(tallyOf(figures.counters)),
    operations: operations.map((one) => {
      const { label, icon, tone } = statusOf(campaign.workflow, one.status)!;
      return { ...one, href: operationAt(one), badge: { label, icon, tone } };
    }),
    listAt: withQuery(`${addressOf(campaign)}/operations`, { segment: segment.id }),
    prerequisites: prerequisites.map((one) => lineOf(one)),
    prerequisitesDone: shownDone(prerequisites),
    prerequisitesAt: `${addressOf(campaign)}/prerequis`,
    mayEdit: standing.may(CONFIGURE) && !campaign.isArchived(),
    others: [{ value: "", label: "Choisir" }, ...others.map(({ id, name }) => ({ value: id, label: name }))],
    tones: choicesOf(TONES),
    edit: forms.edit ?? UNTOUCHED,
    merge: forms.merge ?? UNTOUCHED,
    removal: forms.removal ?? UNTOUCHED,
    form: forms.edit ?? forms.merge ?? forms.removal ?? UNTOUCHED,
  });
}

/** What history says of an act on this segment. */
const acting = <R>(req: OfSegment, code: string, label: (result: R) => string, at = cardAt(req.params)) => ({
  code,
  label: (_values: object, result: R) => label(result),
  subject: () => aboutCampaign(req.params),
  at,
});

const EditForm = z.object({
  name: Name,
  tone: z.enum(Object.keys(TONES) as [Tone, ...Tone[]], "Choisissez une couleur de la liste.").describe("Couleur"),
});

export const update: RequestHandler<{ id: string; segment: string }> = async (req, res) => {
  const act = acting(req, "campaign.segment_edited", ({ name }: Segment) => `Segment «\u00a0${name}\u00a0» modifié`);
  const form = await submit(req, EditForm, act, async (values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const segment = await segmentOf(em, campaign, req.params.segment);
    await atVersion(em, segment, sent);
    await editSegment(em, campaign, segment, values, { by: { id: req.user!.id } });
    return segment;
  });
  if (form.errors) return showCard(req, res, { edit: form });
  res.saved(CARD, {}, { at: act.at, notice: "Le segment est enregistré.", undo: true });
};

const MoveForm = z.object({
  way: z.enum(["up", "down"], "Choisissez «\u00a0Monter\u00a0» ou «\u00a0Descendre\u00a0»."),
});

export const move: RequestHandler<{ id: string; segment: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = acting(
    req,
    "campaign.segment_edited",
    ({ name }: Segment) => `Segment «\u00a0${name}\u00a0» déplacé`,
    at,
  );
  const form = await submit(req, MoveForm, act, async ({ way }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const segment = await segmentOf(em, campaign, req.params.segment);
    await moveSegment(em, campaign, segment, way, { by: { id: req.user!.id } });
    return segment;
  });
  if (form.errors) return showCard(req, res, { edit: form });
  res.saved(PAGE, {}, { at, notice: `Le segment ${form.result.name} est déplacé.`, undo: true });
};

const MergeForm = z.object({
  into: z.uuid("Choisissez le segment qui reçoit ces opérations.").describe("Fondre dans"),
});

export const merge: RequestHandler<{ id: string; segment: string }> = async (req, res) => {
  type Merged = { from: string; into: string; count: number };
  const act = acting(
    req,
    "campaign.segment_merged",
    ({ from, into }: Merged) => `Segment «\u00a0${from}\u00a0» fondu dans «\u00a0${into}\u00a0»`,
    atOf(req.params),
  );
  const form = await submit(req, MergeForm, { ...act, isLong: true }, async ({ into: id }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const segment = await segmentOf(em, campaign, req.params.segment);
    const into = (await em.findOne(Segment, { id, campaign: { id: campaign.id } } as never)) as Segment | null;
    if (!into) throw new RuleBroken("Ce segment n’existe plus\u00a0: choisissez-en un autre.", "into");
    const count = await mergeSegment(em, campaign, segment, into, { by: { id: req.user!.id } });
    return { from: segment.name, into: into.name, count };
  });
  if (form.errors) return showCard(req, res, { merge: form });
  const { into, count } = form.result;
  const notice = `${fr.count(count, "opération passe", "opérations passent")} dans le segment ${into}.`;
  res.saved(CARD, {}, { at: act.at, notice, undo: true });
};

const RemovalForm = z.object({
  prerequisites: z
    .enum(["campaign", "nobody"], "Choisissez ce que deviennent ses prérequis.")
    .optional()
    .describe("Ses prérequis"),
});

export const destroy: RequestHandler<{ id: string; segment: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = acting(
    req,
    "campaign.segment_deleted",
    ({ name }: { name: string }) => `Segment «\u00a0${name}\u00a0» supprimé`,
    at,
  );
  const form = await submit(req, RemovalForm, { ...act, isLong: true }, async ({ prerequisites }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const segment = await segmentOf(em, campaign, req.params.segment);
    const said = { by: { id: req.user!.id }, prerequisites };
    return { name: segment.name, count: await deleteSegment(em, campaign, segment, said) };
  });
  if (form.errors) return showCard(req, res, { removal: form });
  const { name, count } = form.result;
  const left = count === 0 ? "il était vide" : `${fr.count(count, "opération est", "opérations sont")} sans segment`;
  res.saved(CARD, {}, { at, notice: `Le segment ${name} est supprimé\u00a0: ${left}.`, undo: true });
};
