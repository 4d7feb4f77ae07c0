import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { record } from "../../platform/events/record.ts";
import { submit } from "../../platform/http/forms.ts";
import { reactivateOrganisation, suspendOrganisation } from "../suspension.ts";
import { aboutTenant, INSTANCE_ID } from "../tenant.ts";
import { ORGANISATIONS, organisationOf } from "./organisations.ts";

const VIEW = { page: "accounts/organisations/suspension" };
const Reason = z.object({
  reason: z
    .string()
    .trim()
    .min(3, "Indiquez le motif, en quelques mots.")
    .max(200, "Raccourcissez le motif à 200 caractères.")
    .describe("Motif"),
});

/** The two ways through the same page: what each says and does. */
const WAYS = {
  suspension: {
    verb: "Suspendre",
    code: "organisation.suspended",
    label: "Suspension de l’organisation",
    act: suspendOrganisation,
  },
  reactivation: {
    verb: "Rouvrir",
    code: "organisation.reactivated",
    label: "Réouverture de l’organisation",
    act: reactivateOrganisation,
  },
} as const;
type Way = keyof typeof WAYS;

const showWith =
  (way: Way): RequestHandler<{ id: string }> =>
  async (req, res) => {
    res.show(VIEW, await page(req, way, { values: {} }));
  };

/** Told in the history of the organisation and in that of the instance. */
const decideWith = (way: Way) => async (req: Request<{ id: string }>, res: Response) => {
  const { id, name } = await organisationOf(req);
  const { code, label, act } = WAYS[way];
  const by = { id: req.user!.id };
  const at = `${ORGANISATIONS}/${id}`;
  const form = await submit(
    req,
    Reason,
    {
      code,
      label: `${label} ${name}`,
      subject: () => aboutTenant({ id: INSTANCE_ID }),
      reason: ({ reason }) => reason,
      at,
    },
    async ({ reason }, em) => {
      record(em, code, aboutTenant({ id: INSTANCE_ID }), { organisation: id, by: by.id });
      await act(req.db.within(em), id, { by, reason, from: req, now: req.now });
    },
  );
  if (form.errors) return res.show(VIEW, await page(req, way, form));
  const notice =
    way === "suspension"
      ? `L’organisation ${name} est suspendue : ses sessions sont fermées, ses administrateurs sont prévenus.`
      : `L’organisation ${name} est rouverte : ses personnes peuvent se connecter.`;
  res.saved(VIEW, {}, { at, notice });
};

async function page(req: Request<{ id: string }>, way: Way, form: object) {
  const organisation = await organisationOf(req);
  const { verb } = WAYS[way];
  return {
    title: `${verb} ${organisation.name}`,
    crumbs: [
      { label: "Accueil", href: "/" },
      { label: "Organisations", href: ORGANISATIONS },
      { label: organisation.name, href: `${ORGANISATIONS}/${organisation.id}` },
      { label: verb },
    ],
    way,
    verb,
    organisation,
    possible: (organisation.suspendedAt !== null) === (way === "reactivation"),
    form,
  };
}

export const new_ = showWith("suspension");
export const create = decideWith("suspension");
export const edit = showWith("reactivation");
export const undo = decideWith("reactivation");
