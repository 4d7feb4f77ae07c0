import { randomUUID } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { submit } from "../../platform/http/forms.ts";
import { createViews } from "../../platform/http/views.ts";
import { holdInForce } from "../../platform/mail/hold.ts";
import { renderLetter } from "../../platform/mail/letter.ts";
import type { Answer, MailFault } from "../../platform/mail/transport.ts";
import type { Services } from "../../platform/services.ts";
import { testMessage } from "../mails.ts";

const VIEW = { page: "messages/server/show" };
const AT = "/instance/messagerie";
/** For one person: enough to try several settings, too few to fill a mailbox. */
const TRIES = 5;
const WINDOW_SECONDS = 600;

/** What to do about each fault, for who holds the settings of the instance. */
const REMEDIES: Record<MailFault, string> = {
  none: "Réglez SMTP_URL et MAIL_FROM, puis redémarrez. Une démonstration n’envoie jamais rien.",
  account:
    "Vérifiez le compte et le mot de passe dans SMTP_URL (les signes spéciaux s’y écrivent en %XX), puis redémarrez.",
  name: "Vérifiez le nom du serveur dans SMTP_URL, et que cette machine sait résoudre les noms.",
  tls: "Vérifiez le port (465 pour smtps, 587 pour smtp), le nom du serveur et que son certificat est reconnu par cette machine.",
  timeout: "Vérifiez qu’aucun pare-feu n’arrête cette machine vers ce port, puis essayez de nouveau.",
  refused: "Vérifiez le nom et le port dans SMTP_URL, et que le serveur de messagerie est démarré.",
  cut: "Le serveur a raccroché en cours de route\u00a0: essayez de nouveau, puis lisez son journal.",
  recipient:
    "Le serveur ne veut pas de ce message\u00a0: vérifiez que MAIL_FROM est une adresse qu’il accepte d’envoyer, et que votre adresse existe.",
};

interface Tried {
  tone: "success" | "danger";
  head: string;
  text: string;
  answer: string;
}

export const show: RequestHandler = (req, res) => showServer(req, res, null);

/** The page of the mail server, with what a form on it was told. */
export async function showServer(
  req: Request,
  res: Response,
  tried: Tried | null,
  form: object = { values: {} },
): Promise<void> {
  const hold = await holdInForce(req.db);
  const { transport = null } = req.app.locals.services as Services;
  res.show(VIEW, {
    title: "Messagerie",
    crumbs: [{ label: "Accueil", href: "/" }, { label: "Messagerie" }],
    settings: transport?.settings ?? null,
    demo: req.config.demo,
    address: req.user!.email,
    hold,
    tried,
    form,
  });
}

/** Sends a real message to the person who asks, while they wait, and says what the server answered. */
export const create: RequestHandler = async (req, res) => {
  const { id, email } = req.user!;
  const answer = await tryOnce(req);
  const act = {
    code: "mail.tested",
    label: "Essai d’envoi d’un message",
    subject: () => ({ type: "user", id }),
    at: AT,
  };
  const form = await submit(req, z.object({}), act, (_values, em) => {
    if ("refusal" in answer) throw new RuleBroken(answer.refusal);
    record(em, "mail.tested", { type: "user", id }, { by: id, result: answer.result });
  });
  if (form.errors || "refusal" in answer) return showServer(req, res, null, form);
  await showServer(req, res, told(answer, email));
};

/** Outside of any transaction: none stays open while a server is waited for (rulings 19). */
async function tryOnce(req: Request): Promise<Answer | { refusal: string }> {
  const { transport = null } = req.app.locals.services as Services;
  if (!transport) return { result: "unreachable", answer: "aucun serveur de messagerie n’est réglé.", fault: "none" };
  const { id, email, tenant } = req.user!;
  if ((await req.count(`mail-test:${id}`, WINDOW_SECONDS, req.now)) > TRIES) {
    return { refusal: "Cinq essais ont été faits en dix minutes. Attendez un peu avant le suivant." };
  }
  const payload = { at: req.now.toISOString() };
  const about = { tenantName: tenant.name, zone: tenant.zone };
  const subject = testMessage.subject(payload);
  const { publicUrl } = req.config;
  const letter = renderLetter(views, testMessage, { subject, payload, about, publicUrl, token: null });
  const domain = transport.settings.from.split("@").at(-1);
  return transport.trySending(letter, {
    to: email,
    senderName: tenant.name,
    messageId: `<${randomUUID()}@${domain}>`,
  });
}

const views = createViews({ debug: false, cache: true });

function told({ result, answer, fault }: Answer, email: string): Tried {
  if (result === "sent") {
    const text = `Le serveur a pris le message adressé à ${email}. Vérifiez qu’il arrive, y compris dans les indésirables.`;
    return { tone: "success", head: "Le message est parti", text, answer };
  }
  return { tone: "danger", head: "Le message n’est pas parti", text: REMEDIES[fault ?? "cut"], answer };
}
