import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { queryOf, withQuery } from "../../platform/http/addresses.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { chipsOf, filtersOf, namesOf } from "../operation-filter.ts";
import { lookOf } from "../operation-look.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { listViews, setDefaultView } from "../queries/saved-views.ts";
import { dropView, editView, type SavedView, saveView, viewFor } from "../saved-view.ts";
import { addressOf, frameOf, listAt, planOf } from "./shown.ts";

const PAGE = { page: "campaigns/views/index" };
type OfCampaign = Request<{ id: string }>;

const READ = "operations.read";
const viewsAt = (campaign: { id: string }) => `${addressOf(campaign)}/vues`;

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, {});

/** The views one keeps or shares; with what the list shows, the form that keeps it. */
async function show(req: OfCampaign, res: Response, forms: { saved?: object; edited?: object }): Promise<void> {
  const { errors = {} } = (forms.saved ?? {}) as { errors?: Record<string, string> };
  // What was refused of the address itself cannot be shown again.
  const asked = errors.adresse ? {} : typeof req.body?.adresse === "string" ? queryOf(req.body.adresse) : req.query;
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, READ);
    const { campaign } = standing;
    const plan = await planOf(em, req, campaign);
    const filters = filtersOf(asked, plan, req);
    const names = filters.isFiltered ? await namesOf(em, campaign, filters) : new Map();
    return { standing, plan, filters, names, views: await listViews(em, campaign.id, req.user!.id) };
  });
  const { standing, plan, filters, names, views } = shown;
  const kept = { ...filters.kept, ...lookOf(asked, plan).kept };
  const isManager = managesOn(standing);
  const edited = (req.body?.view ?? "") as string;
  const empty = { values: {} };
  res.show(PAGE, {
    title: "Vues de la liste",
    ...frameOf(req, standing, "operations", "Vues"),
    listAt: listAt(standing.campaign),
    viewsAt: viewsAt(standing.campaign),
    mayShare: isManager,
    address: withQuery("", kept).slice(1),
    words: chipsOf(filters, plan, names).map(({ label }) => label),
    views: views.map((view) => ({
      ...view,
      href: withQuery(listAt(standing.campaign), { ...view.address, vue: view.id }),
      isMine: view.ownerId === req.user!.id,
      mayEdit: view.ownerId === req.user!.id || isManager,
      form: forms.edited && view.id === edited ? forms.edited : empty,
    })),
    form: forms.saved ?? forms.edited ?? empty,
    saved: forms.saved ?? empty,
    // Of a view that is not among them: nobody's own form would show it.
    lost: views.some(({ id }) => id === edited) ? empty : (forms.edited ?? empty),
  });
}

const managesOn = ({ may, campaign }: Standing) => may("operations.manage") && !campaign.isArchived();

const act = (req: OfCampaign, code: string, label: string) => ({
  code,
  label,
  subject: () => aboutCampaign(req.params),
  at: viewsAt(req.params),
});

/** The campaign, and what this person may do with its views. */
async function settle(req: OfCampaign, em: EntityManager) {
  const standing = await campaignFor(em, req.user!, req.params.id, READ);
  return {
    campaign: standing.campaign as Campaign,
    // Of an archived campaign, the verbs say that it is read-only (CAM-8).
    said: { by: { id: req.user!.id }, isManager: standing.may("operations.manage") },
  };
}

const ViewId = z.uuid("Choisissez une vue de la liste «\u00a0Vues\u00a0».");
const Name = z.string().max(200).default("").describe("Nom");
const Saved = z.object({
  name: Name,
  isShared: z.boolean().default(false).describe("Partager"),
  isDefault: z.boolean().default(false).describe("Par défaut"),
  adresse: z.string().max(8_000).default("").describe("Filtres de la liste"),
});

/** Whoever keeps a view goes on in it. */
export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const inView = (_sent: object, { id, address }: SavedView) => withQuery(listAt(req.params), { ...address, vue: id });
  const said = { ...act(req, "campaign.view_saved", "Vue de la liste gardée"), at: inView };
  const form = await submit(req, Saved, said, async ({ name, isShared, isDefault, adresse }, em) => {
    const { campaign, said: who } = await settle(req, em);
    const plan = await planOf(em, req, campaign);
    const query = queryOf(adresse);
    const address = { ...filtersOf(query, plan, req).kept, ...lookOf(query, plan).kept };
    const view = await saveView(em, campaign, { name, isShared, address }, who);
    if (!isDefault) return view;
    await em.flush();
    await setDefaultView(em, { tenantId: campaign.tenantId, campaignId: campaign.id, userId: req.user!.id }, view.id);
    return view;
  });
  if (form.errors) return show(req, res, { saved: form });
  res.saved(PAGE, {}, { at: inView({}, form.result), notice: `La vue ${form.result.name} est gardée.`, undo: true });
};

const Edited = z.object({ view: ViewId, name: Name, isShared: z.boolean().default(false).describe("Partager") });

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const said = act(req, "campaign.view_saved", "Vue de la liste modifiée");
  const form = await submit(req, Edited, said, async ({ view: id, name, isShared }, em, sent) => {
    const { campaign, said: who } = await settle(req, em);
    const view = await viewFor(em, campaign, id, who.by);
    await atVersion(em, view, sent);
    await editView(em, campaign, view, { name, isShared }, who);
    return view;
  });
  if (form.errors) return show(req, res, { edited: form });
  res.saved(PAGE, {}, { at: viewsAt(req.params), notice: `La vue ${form.result.name} est modifiée.`, undo: true });
};

const Chosen = z.object({ view: ViewId });

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const said = act(req, "campaign.view_dropped", "Vue de la liste supprimée");
  const form = await submit(req, Chosen, said, async ({ view: id }, em) => {
    const { campaign, said: who } = await settle(req, em);
    const view = await viewFor(em, campaign, id, who.by);
    dropView(em, campaign, view, who);
    return view.name;
  });
  if (form.errors) return show(req, res, { edited: form });
  res.saved(PAGE, {}, { at: viewsAt(req.params), notice: `La vue ${form.result} est supprimée.`, undo: true });
};

const Opened = z.object({ view: ViewId.or(z.literal("")).default("").describe("Vue") });

export const open: RequestHandler<{ id: string }> = async (req, res) => {
  const said = act(req, "campaign.view_opened", "Vue par défaut");
  const form = await submit(req, Opened, said, async ({ view: id }, em) => {
    const { campaign, said: who } = await settle(req, em);
    if (id) await viewFor(em, campaign, id, who.by);
    const mine = { tenantId: campaign.tenantId, campaignId: campaign.id, userId: req.user!.id };
    await setDefaultView(em, mine, id || null);
    return id;
  });
  if (form.errors) return show(req, res, { edited: form });
  const notice = form.result ? "Votre liste s’ouvrira sur cette vue." : "Votre liste s’ouvrira entière.";
  res.saved(PAGE, {}, { at: viewsAt(req.params), notice });
};
