import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames, listUserNames, namesAmong } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { createViews } from "../../platform/http/views.ts";
import { holdInForce } from "../../platform/mail/hold.ts";
import { PREVIEW_POLICY, type Rendered, renderLetter } from "../../platform/mail/letter.ts";
import { MAIL_STATES, type MailState, OutboxMessage } from "../../platform/mail/outbox.ts";
import { MAIL_RESULT_WORDS, MAIL_STATE_WORDS } from "../../platform/mail/words.ts";
import type { Registry } from "../../platform/registry.ts";
import {
  aboutMessage,
  canDrop,
  canReaddress,
  canResend,
  dropMessage,
  readdressMessage,
  resendMessage,
} from "../message.ts";
import { listMessages } from "../queries.ts";

const LIST = { page: "messages/outbox/index", part: "messages/outbox/_list" };
const CARD = { page: "messages/outbox/show" };
const EDIT = { page: "messages/outbox/edit" };
export const AT = "/admin/boite-envoi";
const PAGE_SIZE = 50;
const HOME = { label: "Accueil", href: "/" };
const OUTBOX = { label: "Boîte d’envoi", href: AT };

const kindOf = (req: Request, kind: string) => (req.app.locals.registry as Registry).mails.get(kind);
const labelOf = (req: Request, kind: string) => kindOf(req, kind)?.label ?? "Genre disparu";

const day = (label: string) =>
  z.iso.date("Indiquez une date qui existe, par exemple 2026-03-12.").optional().describe(label);
const Filters = z.object({
  genre: z.string().max(60).optional(),
  etat: z.enum(MAIL_STATES).optional(),
  personne: z.uuid().optional(),
  du: day("Du"),
  au: day("Au"),
  avant: z.uuid().optional(),
  apres: z.uuid().optional(),
});

/** The messages of the organisation, newest first [MSG-5]. */
export const index: RequestHandler = async (req, res) => {
  const { avant, apres, genre: kind, etat: state, personne: personId, du: from, au: to } = query(req, Filters);
  const values = { genre: kind ?? "", etat: state ?? "", personne: personId ?? "", du: from ?? "", au: to ?? "" };
  const kept = Object.entries(values).filter(([, value]) => value !== "");
  const at = (paging: Record<string, string>) =>
    `${AT}?${new URLSearchParams({ ...Object.fromEntries(kept), ...paging })}`;
  const { found, people } = await read(req, async (em) => {
    const everybody = await listUserNames(em);
    const filter = { kind, state, personId, from, to, zone: req.user!.tenant.zone };
    const found = await listMessages(em, filter, { before: avant, after: apres, size: PAGE_SIZE });
    return { found, people: everybody() };
  });
  const names = namesAmong(
    people,
    found.lines.flatMap((line) => line.personId ?? []),
  );
  res.show(LIST, {
    title: "Boîte d’envoi",
    crumbs: [HOME, { label: "Boîte d’envoi" }],
    messages: found.lines.map((line) => ({
      ...line,
      badge: MAIL_STATE_WORDS[line.state],
      what: labelOf(req, line.kind),
      who: line.personId ? names.get(line.personId) : null,
    })),
    total: found.total,
    people,
    kinds: [...(req.app.locals.registry as Registry).mails.values()].map(({ kind, label }) => ({ value: kind, label })),
    states: Object.entries(MAIL_STATE_WORDS).map(([value, { label }]) => ({ value, label })),
    sendsMail: req.config.sendsMail === true,
    hold: await holdInForce(req.db),
    form: { values },
    active: kept.length,
    newer: found.newer && at({ apres: found.newer }),
    older: found.older && at({ avant: found.older }),
  });
};

async function findMessage(em: EntityManager, id: string): Promise<OutboxMessage> {
  const message = await em.findOne(OutboxMessage, { id });
  if (message) return message;
  throw new NotFound("Ce message n’existe pas, ou a été effacé après 90 jours. Revenez à la boîte d’envoi.");
}

export const show: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

async function showCard(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const { message, person } = await read(req, async (em) => {
    const found = await findMessage(em, req.params.id);
    const names = found.personId ? await findUserNames(em, [found.personId]) : null;
    return { message: found, person: names?.get(found.personId!) ?? null };
  });
  const kind = kindOf(req, message.kind);
  // This page alone frames another, of ours and in a sandbox (rulings 25).
  res.setHeader("Content-Security-Policy", `${res.getHeader("Content-Security-Policy")}; frame-src 'self'`);
  res.show(CARD, {
    title: `${message.subject}, à ${message.address}, message ${message.id.slice(-6)}`,
    crumbs: [HOME, OUTBOX, { label: message.subject }],
    message,
    person: person && {
      name: person,
      href: message.personType === "user" ? `/admin/utilisateurs/${message.personId}` : null,
    },
    at: `${AT}/${message.id}`,
    badge: MAIL_STATE_WORDS[message.state as MailState],
    what: labelOf(req, message.kind),
    text: rendered(req, message)?.text ?? null,
    hasSecret: kind?.secret !== undefined,
    answers: message.answers.toReversed().map((one) => ({ ...one, badge: MAIL_RESULT_WORDS[one.result] })),
    sendsMail: req.config.sendsMail === true,
    hold: await holdInForce(req.db),
    canResend: canResend(message),
    canDrop: canDrop(message),
    canReaddress: canReaddress(message, kind),
    form,
  });
}

const views = createViews({ debug: false, cache: true });

/** As it is sent, its secret masked; null when this version knows its kind no more, or cannot read what an older one wrote. */
function rendered(req: Request, { kind, subject, payload }: OutboxMessage): Rendered | null {
  const known = kindOf(req, kind);
  const read = known?.payload.safeParse(payload);
  if (!known || !read?.success) return null;
  const { name: tenantName, zone } = req.user!.tenant;
  const about = { tenantName, zone };
  return renderLetter(views, known, {
    subject,
    payload: read.data,
    about,
    publicUrl: req.config.publicUrl,
    token: null,
  });
}

/** The message as sent, its secrets masked, for the frame of its page and nowhere else [MSG-5]. */
export const preview: RequestHandler<{ id: string }> = async (req, res) => {
  const letter = rendered(req, await read(req, (em) => findMessage(em, req.params.id)));
  if (!letter)
    throw new NotFound("Ce genre de message n’existe plus dans cette version\u00a0: il ne peut plus être montré.");
  res.setHeader("Content-Security-Policy", PREVIEW_POLICY);
  res.setHeader("X-Frame-Options", "SAMEORIGIN");
  res.vary("HX-Request-Type");
  res.type("html").send(letter.html);
};

const Nothing = z.object({});
type Message = OutboxMessage;

export const resend: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "message.resent",
    label: (_values: object, { subject }: Message) => `Renvoi du message «\u00a0${subject}\u00a0»`,
    subject: () => aboutMessage(req.params),
    at: (_values: object, again: Message) => `${AT}/${again.id}`,
  };
  const form = await submit(req, Nothing, act, async (_values, em) =>
    resendMessage(em, await findMessage(em, req.params.id), { by: req.user!.id, now: req.now }),
  );
  if (form.errors) return showCard(req, res, form);
  res.saved(CARD, {}, { at: `${AT}/${form.result.id}`, notice: WAITS });
};

const WAITS = "Le message est en attente d’envoi.";

export const drop: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${AT}/${req.params.id}`;
  const act = {
    code: "message.dropped",
    label: (_values: object, { subject }: Message) => `Abandon du message «\u00a0${subject}\u00a0»`,
    subject: () => aboutMessage(req.params),
    at,
  };
  const form = await submit(req, Nothing, act, async (_values, em) => {
    const message = await findMessage(em, req.params.id);
    dropMessage(em, message, { by: req.user!.id });
    return message;
  });
  if (form.errors) return showCard(req, res, form);
  res.saved(CARD, {}, { at, notice: "Le message est abandonné\u00a0: il ne partira pas." });
};

const Address = z.object({
  address: z.string().trim().min(1, "Écrivez l’adresse.").max(254).describe("Adresse électronique"),
});

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const message = await read(req, (em) => findMessage(em, req.params.id));
  const { subject, address, id, personType, personId } = message;
  const at = `${AT}/${id}`;
  res.show(EDIT, {
    title: `Corriger l’adresse du message ${id.slice(-6)}`,
    crumbs: [HOME, OUTBOX, { label: subject, href: at }, { label: "Adresse" }],
    at,
    subject,
    address,
    person: personType === "user" ? `/admin/utilisateurs/${personId}` : null,
    why: canReaddress(message, kindOf(req, message.kind))
      ? null
      : "L’adresse de ce message ne se corrige pas\u00a0: il est parti, ou il porte un lien personnel qui ne va qu’à l’adresse du compte.",
    form,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${AT}/${req.params.id}`;
  const act = {
    code: "message.readdressed",
    label: (_values: object, { subject }: Message) => `Adresse corrigée du message «\u00a0${subject}\u00a0»`,
    subject: () => aboutMessage(req.params),
    at,
  };
  const form = await submit(req, Address, act, async ({ address }, em) => {
    const message = await findMessage(em, req.params.id);
    readdressMessage(em, message, address, { by: req.user!.id, now: req.now, kind: kindOf(req, message.kind) });
    return message;
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(EDIT, {}, { at, notice: `L’adresse est corrigée. ${WAITS}` });
};
