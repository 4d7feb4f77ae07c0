import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { allows } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { EligiblePerson, editPerson, removePerson } from "../eligible-person.ts";
import { PeopleAddress, peopleAsked } from "../people-filter.ts";
import { campaignFor } from "../policy.ts";
import { NONE } from "../queries/operations.ts";
import { listPeople } from "../queries/people.ts";
import { listSegments } from "../queries/segments.ts";
import { Segment } from "../segment.ts";
import { addressOf, frameOf, operationAt } from "./shown.ts";

const LIST = { page: "campaigns/people/index", part: "campaigns/people/_list" };
const EDIT = { page: "campaigns/people/edit" };
/** Who manages bookings manages whom they are for [PRM-15]. */
const PLACE = "bookings.place";

type OfPerson = Request<{ id: string; person: string }>;
const atOf = ({ id }: { id: string }) => `${addressOf({ id })}/personnes`;
const personAt = (params: { id: string; person: string }) => `${atOf(params)}/${params.person}`;
/** The page of somebody in the directory, to whoever may read them all. */
const staffAt = (req: Request, id: string | undefined | null) =>
  id && allows(req.user!.roles, "directory.read") ? `/admin/annuaire/agents/${id}` : null;

export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const asked = query(req, PeopleAddress);
  const { page, ...filters } = asked;
  const { standing, found, segments } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, PLACE);
    return {
      standing,
      found: await listPeople(em, standing.campaign.id, peopleAsked(asked), { mark: readMark(page) }),
      segments: await listSegments(em, standing.campaign.id),
    };
  });
  const at = atOf(req.params);
  const isOpen = !standing.campaign.isArchived();
  res.show(LIST, {
    title: "Personnes concernées",
    ...frameOf(req, standing, "people", "Personnes"),
    peopleAt: at,
    people: found.rows.map((one) => ({
      ...one,
      href: isOpen ? `${at}/${one.id}/modifier` : staffAt(req, one.staffMemberId),
      operationAt: one.operation && operationAt(one.operation),
    })),
    total: found.total,
    exportAt:
      standing.may("rows.export") &&
      withQuery(`/exports/personnes/${req.params.id}/nouveau`, {
        liste: withQuery("", filters).slice(1) || undefined,
      }),
    importAt: isOpen ? `/imports/personnes/nouveau?objet=${req.params.id}` : null,
    form: { values: Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, value ?? ""])) },
    segments: [
      { value: "", label: "Tous" },
      ...segments.map(({ id, name }) => ({ value: id, label: name })),
      { value: NONE, label: "Sans segment" },
    ],
    active: Object.values(filters).filter(Boolean).length,
    previous: found.before && withQuery(at, { ...filters, page: writeMark(found.before) }),
    next: found.after && withQuery(at, { ...filters, page: writeMark(found.after) }),
  });
};

async function personOf(em: EntityManager, campaign: Campaign, id: string): Promise<EligiblePerson> {
  const one = (await em.findOne(EligiblePerson, {
    id,
    campaign: { id: campaign.id },
  } as never)) as EligiblePerson | null;
  if (!one) throw new NotFound("Cette personne n’est pas, ou plus, dans la liste de la campagne.");
  return one;
}

export const edit: RequestHandler<{ id: string; person: string }> = (req, res) => showForm(req, res, {});

async function showForm(req: OfPerson, res: Response, form: object): Promise<void> {
  const { standing, person, name, segments } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, PLACE);
    const person = await personOf(em, standing.campaign, req.params.person);
    return {
      standing,
      person,
      name: await person.named(em),
      segments: await listSegments(em, standing.campaign.id),
    };
  });
  res.show(EDIT, {
    title: name,
    ...frameOf(req, standing, "people", name),
    personAt: personAt(req.params),
    back: atOf(req.params),
    isOfDirectory: Boolean(person.staffMember),
    staffAt: staffAt(req as Request, person.staffMember?.id),
    name,
    version: person.version,
    segments: [{ value: "", label: "Sans segment" }, ...segments.map(({ id, name: label }) => ({ value: id, label }))],
    form: { values: { mayBook: person.mayBook ? "oui" : "non", segment: person.segment?.id ?? "" }, ...form },
  });
}

const PersonForm = z.object({
  mayBook: z.enum(["oui", "non"], "Choisissez oui ou non.").describe("Peut s’inscrire"),
  segment: z
    .union([z.uuid(), z.literal("")])
    .default("")
    .describe("Segment"),
});

export const update: RequestHandler<{ id: string; person: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = {
    code: "campaign.person_edited",
    label: (_values: object, name: string) => `Personne concernée modifiée\u00a0: ${name}`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, PersonForm, act, async ({ mayBook, segment }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, PLACE);
    const person = await personOf(em, campaign, req.params.person);
    await atVersion(em, person, sent);
    const chosen = segment
      ? ((await em.findOne(Segment, { id: segment, campaign: { id: campaign.id } } as never)) as Segment | null)
      : null;
    if (segment && !chosen)
      throw new NotFound("Ce segment n’existe pas, ou plus. Revenez aux segments de la campagne.");
    editPerson(em, campaign, person, { mayBook: mayBook === "oui", segment: chosen }, { by: { id: req.user!.id } });
    return person.named(em);
  });
  if (form.errors) return showForm(req, res, form);
  res.saved(EDIT, {}, { at, notice: "La personne est modifiée.", undo: true });
};

export const destroy: RequestHandler<{ id: string; person: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = {
    code: "campaign.person_removed",
    label: (_values: object, name: string) => `Personne retirée de la campagne\u00a0: ${name}`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, PLACE);
    const person = await personOf(em, campaign, req.params.person);
    await atVersion(em, person, sent);
    const name = await person.named(em);
    removePerson(em, campaign, person, { by: { id: req.user!.id } });
    return name;
  });
  if (form.errors) return showForm(req, res, form);
  res.saved(EDIT, {}, { at, notice: `${form.result} n’est plus dans la liste.`, undo: true });
};
