import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames, listUserNames, mayRoute, namesAmong } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { asError, query, read, submit } from "../../platform/http/forms.ts";
import type { Tone } from "../../platform/http/types.ts";
import { createViews } from "../../platform/http/views.ts";
import { holdInForce } from "../../platform/mail/hold.ts";
import { PREVIEW_POLICY, type Rendered, renderLetter } from "../../platform/mail/letter.ts";
import { type MailState, OutboxMessage } from "../../platform/mail/outbox.ts";
import { MAIL_RESULT_WORDS, MAIL_STATE_WORDS } from "../../platform/mail/words.ts";
import type { Registry } from "../../platform/registry.ts";
import { fr } from "../../platform/text/index.ts";
import {
  aboutMessage,
  canDrop,
  canReaddress,
  canResend,
  dropMessage,
  readdressMessage,
  resendMessage,
  resendMessages,
} from "../message.ts";
import { messagesAsked, OutboxAddress } from "../outbox-filter.ts";
import { countStopped, listMessages } from "../queries.ts";

const LIST = { page: "messages/outbox/index", part: "messages/outbox/_list" };
const CARD = { page: "messages/outbox/show" };
const EDIT = { page: "messages/outbox/edit" };
export const AT = "/admin/boite-envoi";
const PAGE_SIZE = 50;
const HOME = { label: "Accueil", href: "/" };
const OUTBOX = { label: "Boîte d’envoi", href: AT };

const kindOf = (req: Request, kind: string) => (req.app.locals.registry as Registry).mails.get(kind);
const labelOf = (req: Request, kind: string) => kindOf(req, kind)?.label ?? "Genre disparu";

/** The filters of this address, and the address they make with another paging. */
function asked(req: Request) {
  const { avant, apres, ...said } = query(req, OutboxAddress);
  const { genre = "", etat = "", personne = "", du = "", au = "" } = said;
  const values = { genre, etat, personne, du, au };
  const kept = Object.entries(values).filter(([, value]) => value !== "");
  const at = (paging: Record<string, string>, path = AT) => {
    const search = new URLSearchParams({ ...Object.fromEntries(kept), ...paging }).toString();
    return search ? `${path}?${search}` : path;
  };
  const filter = messagesAsked(said, req.user!.tenant.zone);
  return { filter, values, active: kept.length, at, before: avant, after: apres };
}

/** The messages of the organisation, newest first [MSG-5]. */
export const index: RequestHandler = async (req, res) => {
  const { filter, values, active, at, before, after } = asked(req);
  const { found, people, stopped } = await read(req, async (em) => {
    const everybody = await listUserNames(em);
    const found = await listMessages(em, filter, { before, after, size: PAGE_SIZE });
    return { found, people: everybody(), stopped: await countStopped(em, filter) };
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
    active,
    stopped,
    resendAt: at({}, `${AT}/renvoi`),
    exportAt: mayRoute(req.user!.roles, "rows.export")
      ? withQuery("/exports/messages/tout/nouveau", { liste: at({}).split("?")[1] })
      : null,
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
  res.saved(CARD, {}, { at: `${AT}/${form.result.id}`, ...(await whatComes(req, "Le message")) });
};

/** What becomes of messages put back in line: they leave only where there is a server, and when nothing holds them [MSG-14]. */
export async function whatComes(req: Request, what: string, many = false): Promise<{ notice: string; tone: Tone }> {
  const wait = many ? "sont" : "est";
  if (!req.config.sendsMail) {
    const notice = `${what} ${many ? "restent" : "reste"} dans la boîte d’envoi\u00a0: cette instance n’a pas de serveur de messagerie.`;
    return { notice, tone: "warning" };
  }
  if (await holdInForce(req.db)) {
    const notice = `${what} ${wait} en attente, et les envois retenus\u00a0: ${many ? "ils partiront" : "il partira"} quand ils seront libérés.`;
    return { notice, tone: "warning" };
  }
  return { notice: `${what} ${wait} en attente d’envoi.`, tone: "success" };
}

/** All those of the filters in place that stopped before leaving, in one act [MSG-5]. */
export const resendAll: RequestHandler = async (req, res) => {
  const { filter, at } = asked(req);
  const { id: by, tenantId } = req.user!;
  const act = {
    code: "messages.resent",
    label: (_values: object, count: number) => `Renvoi de ${fr.count(count, "message", "messages")}`,
    subject: () => ({ type: "tenant", id: tenantId }),
    channel: "bulk" as const,
    at: at({}),
    isLong: true as const,
  };
  const form = await submit(req, Nothing, act, (_values, em) =>
    resendMessages(em, filter, { by, tenantId, now: req.now }),
  );
  if (form.errors) throw asError(form);
  const count = form.result;
  const said = await whatComes(req, fr.count(count, "message", "messages"), count > 1);
  res.saved({ page: LIST.page }, {}, { at: at({}), ...said });
};

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
  const { notice, tone } = await whatComes(req, "Le message");
  res.saved(EDIT, {}, { at, notice: `L’adresse est corrigée. ${notice}`, tone });
};
