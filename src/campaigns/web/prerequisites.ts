import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange } from "../../accounts/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { isPartial } from "../../platform/http/partial.ts";
import { fr, percentOf } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import {
  addPrerequisite,
  advancePrerequisite,
  doneAmong,
  editPrerequisite,
  LEAST_LABEL,
  LONGEST_LABEL,
  LONGEST_RESPONSIBLE,
  movePrerequisite,
  PREREQUISITE_STATUSES,
  Prerequisite,
  type PrerequisiteDraft,
  type PrerequisiteStatus,
  prerequisiteStatus,
  removePrerequisite,
} from "../prerequisite.ts";
import { type Choice, listPeople } from "../queries/grants.ts";
import { listPrerequisites, type PrerequisiteLine } from "../queries/prerequisites.ts";
import { listSegments, type SegmentLine } from "../queries/segments.ts";
import { segmentOf } from "./operation-form.ts";
import { addressOf, frameOf, zoneOf } from "./shown.ts";

const LIST = { page: "campaigns/prerequisites/index", part: "campaigns/prerequisites/_list" };
const EDIT = { page: "campaigns/prerequisites/edit" };
const CONFIGURE = "campaigns.configure";
const UNTOUCHED = { values: {} };

type OfCampaign = Request<{ id: string }>;
type OfOne = Request<{ id: string; prerequisite: string }>;
const atOf = ({ id }: { id: string }) => `${addressOf({ id })}/prerequis`;
const cardAt = (params: { id: string; prerequisite: string }) => `${atOf(params)}/${params.prerequisite}`;
const by = (req: Request) => ({ by: { id: req.user!.id } });

/** What the list may be narrowed to: the rows a rule of readiness is about (PRE-6). */
const VIEWS = {
  "en-retard": { label: "En retard", holds: (one: PrerequisiteLine) => one.isLate },
  bloquants: {
    label: "Bloquants restant à faire",
    holds: (one: PrerequisiteLine) => one.isBlocking && one.status !== "done",
  },
};
const Address = z.object({ voir: z.enum(Object.keys(VIEWS) as (keyof typeof VIEWS)[]).optional() });

export const index: RequestHandler<{ id: string }> = async (req, res) =>
  res.show(LIST, await shownList(req, query(req, Address)));

/** The list as its page and its fragment draw it; after an act, whole. */
async function shownList(req: OfCampaign, { voir }: z.output<typeof Address> = {}, form: object = UNTOUCHED) {
  const { standing, all } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return {
      standing: found,
      all: await listPrerequisites(em, found.campaign.id, { zone: zoneOf(req, found.campaign) }),
    };
  });
  const at = atOf(req.params);
  const mayEdit = standing.may(CONFIGURE) && !standing.campaign.isArchived();
  return {
    title: "Prérequis",
    ...frameOf(req, standing, "prerequisites", "Prérequis"),
    listAt: at,
    groups: groupsOf(all, voir).map((group) => ({
      ...group,
      segmentAt: group.id && `${addressOf(req.params)}/segments/${group.id}`,
    })),
    whole: shownDone(all),
    statuses: PREREQUISITE_STATUSES,
    narrowed: voir && VIEWS[voir].label,
    mayEdit,
    whyNot: mayEdit || standing.campaign.isArchived() ? null : standing.explain(CONFIGURE),
    exportAt: standing.may("rows.export") && all.length > 0 ? `/exports/prerequis/${req.params.id}/nouveau` : null,
    form,
  };
}

/** Those of the whole campaign, then those of each segment that has some, each with its progress (PRE-4). */
function groupsOf(all: readonly PrerequisiteLine[], voir: keyof typeof VIEWS | undefined) {
  return [...Map.groupBy(all, ({ segmentId }) => segmentId)].flatMap(([id, ones]) => {
    const rows = voir ? ones.filter(VIEWS[voir].holds) : ones;
    if (rows.length === 0) return [];
    return [
      {
        id,
        name: ones[0]!.segment ?? "Toute la campagne",
        progress: shownDone(ones),
        isUnbegun: id !== null && doneAmong(ones).part === 0,
        rows: rows.map((one) => lineOf(one, { isFirst: one === ones[0], isLast: one === ones.at(-1) })),
      },
    ];
  });
}

/** Their progress, drawn and printed; one that has none yet is drawn as nothing (PRE-4). */
export function shownDone(list: readonly PrerequisiteLine[]) {
  const ratio = doneAmong(list);
  return { done: ratio.part, total: ratio.of, share: percentOf(ratio) ?? 0, progress: fr.ratio(ratio) };
}

/** A prerequisite as a row shows it. */
export const lineOf = (one: PrerequisiteLine, place: { isFirst?: boolean; isLast?: boolean } = {}) => ({
  ...one,
  ...place,
  badge: prerequisiteStatus(one.status),
});

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, UNTOUCHED);

async function showNew(req: OfCampaign, res: Response, form: object): Promise<void> {
  const { standing, choices } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    return { standing: found, choices: await choicesOf(em, found.campaign) };
  });
  res.show(EDIT, {
    title: "Ajouter un prérequis",
    ...frameOf(req, standing, "prerequisites", "Ajouter un prérequis"),
    back: atOf(req.params),
    action: `${atOf(req.params)}/nouveau`,
    one: null,
    ...choices,
    labels: LABELS,
    form,
  });
}

/** What the form picks from; `own`: who answers for it now, whose account may be closed. */
async function choicesOf(em: EntityManager, { id }: Campaign, own?: Prerequisite) {
  const [segments, people]: [SegmentLine[], Choice[]] = [await listSegments(em, id), await listPeople(em)];
  const held = own?.responsible;
  const isListed = !held || people.some(({ value }) => value === held.id);
  return {
    segments: [
      { value: "", label: "Toute la campagne" },
      ...segments.map((one) => ({ value: one.id, label: one.name })),
    ],
    people: [
      { value: "", label: "Quelqu’un sans compte, écrit ci-contre" },
      ...(isListed ? [] : [{ value: held.id, label: `${held.name()} (compte désactivé)` }]),
      ...people,
    ],
  };
}

const LABELS = {
  label: "Ce qui doit être prêt",
  segment: "Pour",
  responsible: "Responsable",
  responsibleName: "Responsable sans compte",
  dueOn: "Échéance",
  status: "Statut",
  isBlocking: "Bloquant",
};
const Status = z.enum(
  PREREQUISITE_STATUSES.map(({ code }) => code),
  "Choisissez un statut de la liste.",
);
const Shape = {
  label: z
    .string()
    .trim()
    .min(LEAST_LABEL, `Écrivez au moins ${LEAST_LABEL} caractères.`)
    .max(LONGEST_LABEL, `Raccourcissez à ${LONGEST_LABEL} caractères.`)
    .describe(LABELS.label),
  segment: z.uuid("Choisissez un segment de la liste.").or(z.literal("")).default("").describe(LABELS.segment),
  responsible: z
    .uuid("Choisissez une personne de la liste.")
    .or(z.literal(""))
    .default("")
    .describe(LABELS.responsible),
  responsibleName: z
    .string()
    .trim()
    .max(LONGEST_RESPONSIBLE, `Raccourcissez à ${LONGEST_RESPONSIBLE} caractères.`)
    .default("")
    .describe(LABELS.responsibleName),
  dueOn: z.iso.date("Choisissez un jour du calendrier.").or(z.literal("")).default("").describe(LABELS.dueOn),
  isBlocking: z.literal("oui").optional().describe(LABELS.isBlocking),
};
const NewForm = z.object(Shape);
const EditForm = z.object({ ...Shape, status: Status.describe(LABELS.status) });

async function draftOf(
  em: EntityManager,
  campaign: Campaign,
  { label, segment, responsible, responsibleName: name, dueOn, isBlocking }: z.output<typeof NewForm>,
): Promise<PrerequisiteDraft> {
  if (responsible && name) {
    throw new RuleBroken("Choisissez un compte ou écrivez un nom, pas les deux.", "responsibleName");
  }
  return {
    label,
    segment: segment ? await segmentOf(em, campaign.id, segment) : null,
    responsible: responsible ? { accountId: responsible } : { name },
    dueOn: dueOn || null,
    isBlocking: isBlocking === "oui",
  };
}

/** What history says of an act on one of them. */
const acting = (req: OfCampaign, code: string, words: (one: Prerequisite) => string) => ({
  code,
  label: (_values: object, one: Prerequisite) => words(one),
  subject: () => aboutCampaign(req.params),
  at: atOf(req.params),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const act = acting(req, "campaign.prerequisite_added", ({ label }) => `Prérequis «\u00a0${label}\u00a0» ajouté`);
  const form = await submit(req, NewForm, act, async (values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    return addPrerequisite(em, campaign, await draftOf(em, campaign, values), by(req));
  });
  if (form.errors) return showNew(req, res, form);
  res.saved(EDIT, {}, { at: act.at, notice: "Le prérequis est ajouté.", undo: true });
};

/** One of this campaign, with its segment and whoever answers for it. */
async function oneOf(em: EntityManager, campaign: Campaign, id: string): Promise<Prerequisite> {
  const where = { id, campaign: { id: campaign.id } } as never;
  const one = (await em.findOne(Prerequisite, where, {
    populate: ["segment", "responsible"] as never,
  })) as Prerequisite | null;
  if (!one) throw new NotFound("Ce prérequis n’existe pas, ou plus. Revenez aux prérequis de la campagne.");
  return one;
}

export const edit: RequestHandler<{ id: string; prerequisite: string }> = (req, res) => showEdit(req, res, {});

async function showEdit(req: OfOne, res: Response, form: object): Promise<void> {
  const { standing, one, choices } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const own = await oneOf(em, found.campaign, req.params.prerequisite);
    return { standing: found, one: own, choices: await choicesOf(em, found.campaign, own) };
  });
  const { label, segment, responsible, responsibleName, dueOn, status, isBlocking } = one;
  res.show(EDIT, {
    title: label,
    ...frameOf(req, standing, "prerequisites", label),
    back: atOf(req.params),
    action: `${cardAt(req.params)}/modifier`,
    removal: `${cardAt(req.params)}/suppression`,
    one,
    ...choices,
    statuses: PREREQUISITE_STATUSES.map(({ code, label: word }) => ({ value: code, label: word })),
    labels: LABELS,
    form: {
      values: {
        ...{ label, status, dueOn: dueOn ?? "", segment: segment?.id ?? "", responsible: responsible?.id ?? "" },
        ...{ responsibleName: responsibleName ?? "", ...(isBlocking && { isBlocking: "oui" }) },
      },
      ...form,
    },
  });
}

/** What it is now, for whoever wrote on what somebody changed meanwhile (GEN-8). */
const presentOf = (req: OfOne) => async (em: EntityManager) => {
  const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
  const one = await oneOf(em, campaign, req.params.prerequisite);
  const values = {
    label: one.label,
    segment: one.segment?.name ?? "Toute la campagne",
    responsible: one.responsible?.name() ?? one.responsibleName!,
    dueOn: one.dueOn ? fr.date(`${one.dueOn}T12:00:00Z`, "UTC") : "Aucune",
    status: prerequisiteStatus(one.status).label,
    isBlocking: one.isBlocking ? "Oui" : "Non",
  };
  return { values, version: one.version, ...(await lastChange(em, "prerequisite", one.id)) };
};

export const update: RequestHandler<{ id: string; prerequisite: string }> = async (req, res) => {
  const act = acting(req, "campaign.prerequisite_edited", ({ label }) => `Prérequis «\u00a0${label}\u00a0» modifié`);
  const form = await submit(req, EditForm, { ...act, current: presentOf(req) }, async (values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const one = await oneOf(em, campaign, req.params.prerequisite);
    await atVersion(em, one, sent);
    await editPrerequisite(em, campaign, one, await draftOf(em, campaign, values), by(req));
    advancePrerequisite(em, campaign, one, values.status, by(req));
    return one;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at: act.at, notice: "Le prérequis est modifié.", undo: true });
};

const StatusForm = z.object({ status: Status });
const wordOf = (status: PrerequisiteStatus) => prerequisiteStatus(status).label.toLowerCase();

export const advance: RequestHandler<{ id: string; prerequisite: string }> = async (req, res) => {
  const words = ({ label, status }: Prerequisite) => `Prérequis «\u00a0${label}\u00a0»\u00a0: ${wordOf(status)}`;
  const act = { ...acting(req, "campaign.prerequisite_advanced", words), current: presentOf(req) };
  const form = await submit(req, StatusForm, act, async ({ status }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const one = await oneOf(em, campaign, req.params.prerequisite);
    await atVersion(em, one, sent);
    advancePrerequisite(em, campaign, one, status, by(req));
    return one;
  });
  if (form.errors) return res.show(LIST, await shownList(req, {}, form));
  const notice = `«\u00a0${form.result.label}\u00a0»\u00a0: ${wordOf(form.result.status)}.`;
  res.saved(LIST, isPartial(req) ? await shownList(req) : {}, { at: act.at, notice, undo: true });
};

const MoveForm = z.object({
  way: z.enum(["up", "down"], "Choisissez «\u00a0Monter\u00a0» ou «\u00a0Descendre\u00a0»."),
});

export const move: RequestHandler<{ id: string; prerequisite: string }> = async (req, res) => {
  const act = acting(req, "campaign.prerequisite_edited", ({ label }) => `Prérequis «\u00a0${label}\u00a0» déplacé`);
  const form = await submit(req, MoveForm, act, async ({ way }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const one = await oneOf(em, campaign, req.params.prerequisite);
    await movePrerequisite(em, campaign, one, way, by(req));
    return one;
  });
  if (form.errors) return res.show(LIST, await shownList(req, {}, form));
  const notice = `«\u00a0${form.result.label}\u00a0» est déplacé.`;
  res.saved(LIST, isPartial(req) ? await shownList(req) : {}, { at: act.at, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string; prerequisite: string }> = async (req, res) => {
  const act = acting(req, "campaign.prerequisite_removed", ({ label }) => `Prérequis «\u00a0${label}\u00a0» supprimé`);
  const form = await submit(req, z.object({}), { ...act, current: presentOf(req) }, async (_values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const one = await oneOf(em, campaign, req.params.prerequisite);
    await atVersion(em, one, sent);
    removePrerequisite(em, campaign, one, by(req));
    return one;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at: act.at, notice: "Le prérequis est supprimé.", undo: true });
};
