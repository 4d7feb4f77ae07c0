import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { HOLIDAY_ZONES, lastChange, Tenant, ZONES } from "../../accounts/index.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { DAY_FIELDS, OFFICE_HOURS, readWeek, saidWeek, toldWeek } from "../hours.ts";
import { countPlace, listPlaceNames, listSites } from "../queries/places.ts";
import {
  aboutSite,
  createSite,
  deleteSite,
  editSite,
  LONGEST_SITE,
  mergeSites,
  type Site,
  type SiteSettings,
} from "../site.ts";
import { SITES_AT as AT, DIRECTORY, HOME, mayEdit, said, siteOf, tabsOf } from "./shown.ts";
import { DAYS_FORM, typedWeek } from "./week.ts";

const LIST = { page: "directory/sites/index" };
const NEW = { page: "directory/sites/new" };
const EDIT = { page: "directory/sites/edit" };
const MERGE = { page: "directory/places/merge" };
const SITES = { label: "Sites", href: AT };

const SiteForm = z.object({
  name: z
    .string()
    .trim()
    .min(1, "Écrivez le nom du site.")
    .max(LONGEST_SITE, `Raccourcissez à ${LONGEST_SITE} caractères.`)
    .describe("Nom du site"),
  zone: z.string().max(60).describe("Fuseau horaire"),
  holidayZone: z.string().max(40).describe("Zone de jours fériés"),
  ...DAYS_FORM,
});

export const SITE_LABELS: Record<string, string> = {
  name: "Nom du site",
  zone: "Fuseau horaire",
  holidayZone: "Zone de jours fériés",
  ...Object.fromEntries(DAY_FIELDS.map(({ field, label }) => [field, label])),
};

const settingsOf = ({ name, zone, holidayZone, ...days }: z.output<typeof SiteForm>): SiteSettings => ({
  name,
  zone,
  holidayZone,
  hours: readWeek(days),
});

const zoneLabel = (value: string) => HOLIDAY_ZONES.find((one) => one.value === value)?.label ?? value;
const editAt = ({ id }: { id: string }) => `${AT}/${id}/modifier`;

export const index: RequestHandler = async (req, res) => {
  const sites = await read(req, listSites);
  res.show(LIST, {
    title: "Sites",
    crumbs: [HOME, DIRECTORY, { label: "Sites" }],
    tabs: tabsOf(req, AT),
    sites: sites.map((site) => ({ ...site, holidays: zoneLabel(site.holidayZone), week: saidWeek(site.hours) })),
    mayEdit: mayEdit(req),
  });
};

const formOptions = () => ({
  labels: SITE_LABELS,
  days: DAY_FIELDS,
  zones: ZONES.map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })),
  holidayZones: HOLIDAY_ZONES,
});

export const new_: RequestHandler = (req, res) => showNew(req, res, { values: {} });

/** It proposes the settings of the organisation and usual hours: most sites change their name alone. */
async function showNew(req: Request, res: Response, form: object): Promise<void> {
  const tenant = await read(req, (em) => em.findOneOrFail(Tenant, { id: req.user!.tenantId }));
  res.show(NEW, {
    title: "Créer un site",
    crumbs: [HOME, DIRECTORY, SITES, { label: "Créer un site" }],
    ...formOptions(),
    values: { name: "", zone: tenant.zone, holidayZone: tenant.holidayZone, ...typedWeek(OFFICE_HOURS) },
    form,
  });
}

export const create: RequestHandler = async (req, res) => {
  const act = {
    code: "site.created",
    label: (_values: object, { name }: Site) => `Création du site ${name}`,
    subject: (_values: object, site: Site) => aboutSite(site),
    at: AT,
  };
  const form = await submit(req, SiteForm, act, (values, em) => createSite(em, settingsOf(values), said(req)));
  if (form.errors) return showNew(req, res, form);
  res.saved(NEW, {}, { at: AT, notice: `Le site ${form.result.name} est créé.`, undo: true });
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { site, count } = await read(req, async (em) => {
    const found = await siteOf(em, req.params.id);
    return { site: found, count: await countPlace(em, "site", found.id) };
  });
  const { name, zone, holidayZone, hours } = site;
  res.show(EDIT, {
    title: `Site ${name}`,
    crumbs: [HOME, DIRECTORY, SITES, { label: name }],
    ...formOptions(),
    site,
    count,
    values: { name, zone, holidayZone, ...typedWeek(hours) },
    form,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const act = {
    code: "site.edited",
    label: (_values: object, { name }: Site) => `Site ${name} modifié`,
    subject: () => aboutSite({ id }),
    at: AT,
    current: async (em: EntityManager) => {
      const { name, zone, holidayZone, hours, version } = await siteOf(em, id);
      return {
        values: { name, zone, holidayZone: zoneLabel(holidayZone), ...typedWeek(hours) },
        version,
        ...(await lastChange(em, "site", id)),
      };
    },
  };
  const form = await submit(req, SiteForm, act, async (values, em, sent) => {
    const site = await siteOf(em, id);
    await atVersion(em, site, sent);
    await editSite(em, site, settingsOf(values), said(req));
    return site;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at: AT, notice: `Le site ${form.result.name} est modifié.`, undo: true });
};

const Into = z.object({ dans: z.uuid().optional() });
const MergeForm = z.object({ into: z.uuid("Choisissez un site de la liste.").describe("Site gardé") });

/** First which one is kept, then what the merge would do, then the merge. */
export const confirmMerge: RequestHandler<{ id: string }> = (req, res) =>
  showMerge(req, res, { values: {} }, query(req, Into).dans);

async function showMerge(req: Request<{ id: string }>, res: Response, form: object, intoId?: string): Promise<void> {
  const shown = await read(req, async (em) => {
    const site = await siteOf(em, req.params.id);
    const others = (await listPlaceNames(em, "site")).filter(({ id }) => id !== site.id);
    const named = others.find(({ id }) => id === intoId);
    const into = named ? await siteOf(em, named.id) : null;
    return { site, others, into, count: await countPlace(em, "site", site.id) };
  });
  const { site, into } = shown;
  const told = (one: Site) => [one.zone, zoneLabel(one.holidayZone), toldWeek(one.hours)];
  res.show(MERGE, {
    title: `Fusionner ${site.name}`,
    crumbs: [HOME, DIRECTORY, SITES, { label: site.name, href: editAt(site) }, { label: "Fusionner" }],
    ...shown,
    place: site,
    noun: "site",
    placesAt: AT,
    differs: into !== null && told(site).join() !== told(into).join(),
    form,
  });
}

export const merge: RequestHandler<{ id: string }> = async (req, res) => {
  interface Merged {
    from: string;
    into: Site;
    people: number;
  }
  const act = {
    code: "site.merged",
    label: (_values: object, { from, into }: Merged) => `Fusion du site ${from} dans ${into.name}`,
    subject: (_values: object, { into }: Merged) => aboutSite(into),
    at: AT,
  };
  const form = await submit(req, MergeForm, act, async (values, em): Promise<Merged> => {
    const from = await siteOf(em, req.params.id);
    const into = await siteOf(em, values.into);
    return { from: from.name, into, people: await mergeSites(em, from, into, said(req)) };
  });
  if (form.errors) return showMerge(req, res, form, String(form.values.into ?? ""));
  const { from, into, people } = form.result;
  const notice = `${from} est fusionné dans ${into.name}, avec ${fr.count(people, "agent", "agents")}.`;
  res.saved(MERGE, {}, { at: AT, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "site.deleted",
    label: (_values: object, { name }: { name: string }) => `Suppression du site ${name}`,
    subject: () => aboutSite(req.params),
    at: AT,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const site = await siteOf(em, req.params.id);
    await deleteSite(em, site, said(req));
    return { name: site.name };
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(LIST, {}, { at: AT, notice: `Le site ${form.result.name} est supprimé.`, undo: true });
};
