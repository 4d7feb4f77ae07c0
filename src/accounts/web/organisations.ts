import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { foundOrganisation, type Installed, renewFirstInvitation } from "../instance.ts";
import { listOrganisations, type OrganisationLine } from "../queries/organisations.ts";
import { aboutTenant, INSTANCE_ID, ZONES } from "../tenant.ts";
import { goesByMail, HANDED } from "./handing.ts";

const LIST = { page: "accounts/organisations/index" };
const NEW = { page: "accounts/organisations/new" };
export const CARD = { page: "accounts/organisations/show" };
const READY = { page: "accounts/organisations/ready" };
export const ORGANISATIONS = "/instance/organisations";
const AT = ORGANISATIONS;
const CRUMBS = [
  { label: "Accueil", href: "/" },
  { label: "Organisations", href: AT },
];

const NewForm = z.object({
  name: z.string().trim().min(1, "Écrivez le nom de l’organisation.").max(120).describe("Nom de l’organisation"),
  zone: z.enum(ZONES as [string, ...string[]], "Choisissez un fuseau horaire de la liste.").describe("Fuseau horaire"),
  givenName: z.string().trim().min(1, "Écrivez le prénom.").max(100).describe("Prénom"),
  familyName: z.string().trim().min(1, "Écrivez le nom.").max(100).describe("Nom"),
  email: z.string().trim().min(1, "Écrivez l’adresse électronique.").max(254).describe("Adresse électronique"),
  by: HANDED,
});

export const index: RequestHandler = async (req, res) => {
  const organisations = await listOrganisations(req.db);
  res.show(LIST, { title: "Organisations", crumbs: [CRUMBS[0], { label: "Organisations" }], organisations });
};

export const new_: RequestHandler = (req, res) => {
  res.show(NEW, newPage(req, { values: {} }));
};

const newPage = (req: Request, form: object) => ({
  title: "Ouvrir une organisation",
  crumbs: [...CRUMBS, { label: "Ouvrir une organisation" }],
  zones: ZONES.map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })),
  sendsMail: req.config.sendsMail === true,
  form,
});

/** Its birth is told in its own history, and in that of the instance. */
export const create: RequestHandler = async (req, res) => {
  const by = { id: req.user!.id };
  const form = await submit(
    req,
    NewForm,
    {
      code: "tenant.created",
      label: ({ name }) => `Ouverture de l’organisation ${name}`,
      subject: () => aboutTenant({ id: INSTANCE_ID }),
      at: (_values, { tenantId }: Installed) => `${AT}/${tenantId}`,
    },
    async ({ name, zone, by: way, ...admin }, em) => {
      const founded = await foundOrganisation(
        req.db.within(em),
        { name, zone, admin },
        { by, from: req, now: req.now, channel: "page", byMail: goesByMail(req, way) },
      );
      record(em, "organisation.opened", aboutTenant({ id: INSTANCE_ID }), {
        organisation: founded.tenantId,
        by: by.id,
      });
      return founded;
    },
  );
  if (form.errors) return res.show(NEW, newPage(req, form));
  const { name, givenName, familyName } = form.values as Record<string, string>;
  handOver(req, res, form.result, { name: name ?? "", person: `${givenName} ${familyName}` });
};

/** The link itself, this once, or the page of the organisation, whose message waits. */
function handOver(
  req: Request,
  res: Response,
  opened: { tenantId: string; invitation: string | null },
  about: { name: string; person: string },
): void {
  const notice = `L’invitation ${fr.of(about.person)} est en attente d’envoi.`;
  if (opened.invitation === null) res.saved(READY, {}, { at: `${AT}/${opened.tenantId}`, notice });
  else res.show(READY, readyPage(req, opened, about));
}

const readyPage = (
  req: Request,
  { tenantId, invitation }: { tenantId: string; invitation: string | null },
  { name, person }: { name: string; person: string },
) => ({
  title: `Organisation ${name} ouverte`,
  crumbs: [...CRUMBS, { label: name, href: `${AT}/${tenantId}` }, { label: "Lien d’invitation" }],
  name,
  person,
  href: `${AT}/${tenantId}`,
  link: `${req.config.publicUrl}/invitation/${invitation}`,
});

export const show: RequestHandler<{ id: string }> = (req, res) => showOrganisation(req, res, { values: {} });

/** The page of one organisation, with the refusal at its head when an act without fields of its own was refused. */
export async function showOrganisation(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  res.show(CARD, cardPage(req, await organisationOf(req), form));
}

const cardPage = (req: Request, organisation: OrganisationLine, form: object) => ({
  title: organisation.name,
  crumbs: [...CRUMBS, { label: organisation.name }],
  organisation,
  sendsMail: req.config.sendsMail === true,
  form,
});

/** For a first administrator who lost the link; shut as soon as somebody of the organisation has a password. */
export const inviteAgain: RequestHandler<{ id: string }> = async (req, res) => {
  const organisation = await organisationOf(req);
  const by = { id: req.user!.id };
  const form = await submit(
    req,
    z.object({ by: HANDED }),
    {
      code: "organisation.invited_again",
      label: `Nouveau lien pour le premier administrateur ${fr.of(organisation.name)}`,
      subject: () => aboutTenant({ id: INSTANCE_ID }),
      at: `${AT}/${organisation.id}`,
    },
    async ({ by: way }, em) => {
      const said = { by, from: req, now: req.now, byMail: goesByMail(req, way) };
      const renewed = await renewFirstInvitation(req.db.within(em), organisation.id, said);
      record(em, "organisation.opened", aboutTenant({ id: INSTANCE_ID }), { organisation: organisation.id, by: by.id });
      return renewed;
    },
  );
  if (form.errors) return res.show(CARD, cardPage(req, organisation, form));
  handOver(req, res, form.result, { name: organisation.name, person: form.result.person });
};

/** As much of it as the instance may know; another identifier does not exist. */
export async function organisationOf(req: Request<{ id: string }>) {
  const organisation = (await listOrganisations(req.db)).find(({ id }) => id === req.params.id);
  if (!organisation) throw new NotFound("Cette organisation n’existe pas sur cette instance. Revenez à la liste.");
  return organisation;
}
