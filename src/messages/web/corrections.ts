import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { correctMessages } from "../correction.ts";
import { recipientsOfAct } from "../queries.ts";
import { whatComes } from "./outbox.ts";

const VIEW = { page: "messages/corrections/new" };
const SHOWN = 20;
const HOME = { label: "Accueil", href: "/" };

/** A letter to those a message of this act has reached, proposed beside its undo [HIS-13]. */
export const new_: RequestHandler<{ act: string }> = (req, res) => showForm(req, res, { values: {} });

async function showForm(req: Request<{ act: string }>, res: Response, form: object): Promise<void> {
  const { act } = req.params;
  const found = await read(req, (em) => recipientsOfAct(em, act));
  if (!found) throw new NotFound("Cet acte n’existe pas dans votre organisation. Revenez à l’historique.");
  const { label, recipients } = found;
  const at = `/admin/historique/${act}`;
  res.show(VIEW, {
    title: "Message rectificatif",
    crumbs: [
      HOME,
      { label: "Historique", href: "/admin/historique" },
      { label: label ?? "Acte", href: at },
      { label: "Rectificatif" },
    ],
    at,
    label: label ?? "acte au libellé effacé",
    recipients: recipients.slice(0, SHOWN).map(({ address }) => address),
    total: recipients.length,
    form,
  });
}

const Letter = z.object({
  subject: z.string().trim().min(1, "Écrivez l’objet.").max(150).describe("Objet"),
  text: z.string().trim().min(1, "Écrivez le message.").max(2_000).describe("Message"),
});

export const create: RequestHandler<{ act: string }> = async (req, res) => {
  const { act: actId } = req.params;
  const { id: by, tenantId } = req.user!;
  const at = `/admin/historique/${actId}`;
  const act = {
    code: "messages.corrected",
    label: (_values: object, count: number) => `Message rectificatif à ${fr.count(count, "personne", "personnes")}`,
    at,
  };
  const form = await submit(req, Letter, act, (values, em) => correctMessages(em, actId, values, { tenantId, by }));
  if (form.errors) return showForm(req, res, form);
  const whom = `Le rectificatif à ${fr.count(form.result, "personne", "personnes")}`;
  res.saved(VIEW, {}, { at, ...(await whatComes(req, whom)) });
};
